"""One file from the web, whole or not at all, with bounds on its size, on each silence and on the time in all."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import IO
from urllib.parse import urlsplit

from coincast.errors import ExchangeError, UsageError
from coincast.sources.deadline import Deadline, Guarded
from coincast.sources.replies import find_failure, find_refusal, give_up, read_reply
from coincast.sources.retry import PATIENCE, Clock, Patience, TemporaryError, try_again

SILENCE_SECONDS = 20.0
"""Longest wait for the next bytes."""

SLOWEST = 2**14
"""Bytes a second that prolong the deadline of a file, so that a large one also comes over a slow line."""

_CHUNK = 2**16


def fetch_file(
    url: str,
    *,
    most_bytes: int,
    patience: Patience = PATIENCE,
    clock: Clock | None = None,
    on_event: Callable[[str], None] | None = None,
) -> bytes | None:
    """Fetch a file, trying again after failures that may pass.

    Args:
        url: http or https.
        most_bytes: a longer answer is an error.
        patience: with one file.
        clock: measures and waits between attempts.
        on_event: told in a sentence of every attempt that failed.

    Returns:
        Its bytes, as many as announced; None: there is no such file (404).

    Raises:
        UsageError: no address of the web.
        RefusedError: this country or this address is refused.
        MaintenanceError: the host is closed for maintenance.
        ExchangeError: no whole answer, however often it was asked.
    """
    host = urlsplit(url).hostname
    if urlsplit(url).scheme not in ("http", "https") or not host:
        raise UsageError(f"{url!r} is no address of the web; write one like https://data.example.com")
    clock = clock or Clock()

    def wait(error: TemporaryError, seconds: float) -> None:
        if on_event:
            on_event(f"{host} gave {error}; asked again in {seconds:.1f} s")
        clock.sleep(seconds)

    def attempt() -> bytes | None:
        return _fetch_once(url, host, most_bytes, patience)

    try:
        return try_again(attempt, patience=patience, clock=clock, wait=wait)
    except TemporaryError as error:
        raise give_up(error, host, f"did not give {url}") from None


def _fetch_once(url: str, host: str, most_bytes: int, patience: Patience) -> bytes | None:
    try:
        with Deadline(patience.deadline) as deadline:
            return _ask(url, host, most_bytes, patience, deadline)
    except TimeoutError:
        raise TemporaryError("no answer in time") from None
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        late = isinstance(getattr(error, "reason", None), TimeoutError)
        raise TemporaryError("no answer in time" if late else "a lost connection (is there a network?)") from None


def _ask(url: str, host: str, most_bytes: int, patience: Patience, deadline: Deadline) -> bytes | None:
    request = urllib.request.Request(url, headers={"User-Agent": "coincast", "Accept-Encoding": "identity"})
    opener = urllib.request.build_opener(_PlainHandler, _SecureHandler, _StayHandler)
    try:
        with opener.open(request, timeout=min(SILENCE_SECONDS, patience.deadline)) as response:
            return _read_whole(response, host, most_bytes, deadline)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 404:
                return None
            reply = read_reply(error.code, error.headers, error.read(2000))
            raise (
                find_refusal(reply, host, longest_pause=patience.longest_pause)
                or find_failure(reply)
                or ExchangeError(f"{host} refuses the request with HTTP {error.code}")
            ) from None


def _read_whole(response: http.client.HTTPResponse, host: str, most_bytes: int, deadline: Deadline) -> bytes:
    announced = response.length
    body = bytearray()
    while chunk := response.read1(_CHUNK):
        body += chunk
        deadline.extend(len(chunk) / SLOWEST)
        if len(body) > most_bytes:
            raise ExchangeError(f"{host} sent more than {most_bytes:,} bytes for one file; it is not taken")
    if announced is not None and len(body) != announced:
        raise TemporaryError("an answer that was cut off")
    return bytes(body)


# ---------------------------------------------------------------- connections under the deadline


class _Connection(Guarded, http.client.HTTPConnection):
    pass


class _SecureConnection(Guarded, http.client.HTTPSConnection):
    pass


class _PlainHandler(urllib.request.HTTPHandler):
    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Connection, request)


class _SecureHandler(urllib.request.HTTPSHandler):
    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_SecureConnection, request)


class _StayHandler(urllib.request.HTTPRedirectHandler):
    """Follows nobody to another address, for that may be anywhere."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> None:
        return None
