"""One file from the web, whole or not at all, with bounds on its size, on each silence and on the time in all."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from coincast.errors import ExchangeError, MaintenanceError, RefusedError, UsageError
from coincast.sources.retry import PATIENCE, Clock, Patience, TemporaryError, parse_retry_after, try_again

SILENCE_SECONDS = 20.0
"""Longest wait for the next bytes."""

SLOWEST = 2**14
"""Bytes a second that prolong the deadline of a file, so that a large one also comes over a slow line."""

_CHUNK = 2**16
_BLOCKED, _BANNED, _CROWDED = (403, 451), 418, 429
_WORTH_ANOTHER = (408, 425, 500, 502, 503, 504)


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
        if error.crowded:
            message = f"{host} says that too much is asked from this address; try again in some minutes"
            raise RefusedError(message) from None
        raise ExchangeError(f"{host} did not give {url}; the last answer was {error}; try again later") from None


def _fetch_once(url: str, host: str, most_bytes: int, patience: Patience) -> bytes | None:
    request = urllib.request.Request(url, headers={"User-Agent": "coincast", "Accept-Encoding": "identity"})
    try:
        with urllib.request.urlopen(request, timeout=min(SILENCE_SECONDS, patience.deadline)) as response:
            return _read_whole(response, host, most_bytes, patience.deadline)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 404:
                return None
            raise _explain(error.code, error.headers, error.read(2000), host, patience) from None
    except TimeoutError:
        raise TemporaryError("no answer in time") from None
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        late = isinstance(getattr(error, "reason", None), TimeoutError)
        raise TemporaryError("no answer in time" if late else "a lost connection (is there a network?)") from None


def _read_whole(response: http.client.HTTPResponse, host: str, most_bytes: int, deadline: float) -> bytes:
    """The body; the time-out of a socket counts the silence between two bytes only, so the whole is timed here."""
    began = time.monotonic()
    announced = response.length
    body = bytearray()
    while chunk := response.read1(_CHUNK):
        body += chunk
        if time.monotonic() - began > deadline + len(body) / SLOWEST:
            raise TemporaryError("an answer that did not come to its end in time")
        if len(body) > most_bytes:
            raise ExchangeError(f"{host} sent more than {most_bytes:,} bytes for one file; it is not taken")
    if announced is not None and len(body) != announced:
        raise TemporaryError("an answer that was cut off")
    return bytes(body)


def _explain(status: int, headers: Message, body: bytes, host: str, patience: Patience) -> Exception:
    if status in _BLOCKED:
        return RefusedError(
            f"{host}: the exchange refuses your server's country (HTTP {status}); take another exchange"
        )
    if status in (_BANNED, _CROWDED):
        return _too_many(status, headers, host, patience)
    if status >= 500 and b"maintenance" in body.lower():
        return MaintenanceError(f"{host} is closed for maintenance; try again later")
    if status in _WORTH_ANOTHER or status >= 520:
        return TemporaryError(f"HTTP {status}")
    return ExchangeError(f"{host} refuses the request with HTTP {status}")


def _too_many(status: int, headers: Message, host: str, patience: Patience) -> Exception:
    seconds = parse_retry_after(headers.get("Retry-After"), _their_time(headers))
    if status == _BANNED and seconds is None:
        return RefusedError(f"{host} has banned this address for a while (HTTP {status}) and does not say how long")
    if seconds is not None and seconds > patience.longest_pause:
        return RefusedError(f"{host} takes no requests from this address for {seconds:,.0f} s (HTTP {status})")
    return TemporaryError("too many requests", after=seconds, crowded=True)


def _their_time(headers: Message) -> datetime:
    """By the clock of the other side, since a date in `Retry-After` is meant by that one."""
    try:
        date = parsedate_to_datetime(headers.get("Date", ""))
    except ValueError:
        return datetime.now(UTC)
    return date if date.tzinfo else date.replace(tzinfo=UTC)
