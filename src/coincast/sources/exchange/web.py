"""Requests that end: every one is over after a fixed time, however slowly the answer drips.

Import this module only where ccxt is known to be installed, which brings `requests`.
"""

from __future__ import annotations

import functools
import time
from dataclasses import replace
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from coincast.sources.deadline import Deadline, Guarded
from coincast.sources.replies import Reply, read_reply

CONNECT_SECONDS = 10.0
LARGEST_BODY = 256 * 2**20


class Session(requests.Session):
    """A session of `requests` that bounds the whole of a request in time and remembers the last reply.

    It follows nobody to another address. A successful answer that is no JSON counts as a broken connection: parsers of
    ccxt make an empty list of a web page.

    Args:
        deadline: seconds from the start of a request to the last byte of its answer.
    """

    def __init__(self, deadline: float) -> None:
        super().__init__()
        self.deadline = deadline
        self.reply: Reply | None = None
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter())

    def request(self, method: str, url: str, **options: Any) -> requests.Response:  # type: ignore[override]
        """As in `requests`; its `timeout` and `stream` are set here."""
        self.reply = None
        options |= {"timeout": (min(CONNECT_SECONDS, self.deadline), self.deadline), "stream": True}
        try:
            with Deadline(self.deadline):
                response = super().request(method, url, **options)
                reply = read_reply(response.status_code, response.headers, at=time.monotonic())
                self.reply = reply
                response._content = _read_body(response)
        except TimeoutError as error:
            raise requests.ReadTimeout("Read timed out") from error
        self.reply = replace(reply, body=response.content)
        if response.ok and not self.reply.is_json:
            raise requests.ConnectionError("Connection broken: the answer is no JSON")
        return response

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: even one that is not followed would be read to its end, wherever that is."""


def _read_body(response: requests.Response) -> bytes:
    """The whole body, or an error of `requests` when it does not come whole; none of an answer that sends us away."""
    if 300 <= response.status_code < 400:
        response.close()
        return b""
    body = bytearray()
    try:
        while chunk := response.raw.read1(2**16, decode_content=True):
            body += chunk
            if len(body) > LARGEST_BODY:
                raise requests.ConnectionError(f"the answer is larger than {LARGEST_BODY} bytes")
    except BaseException as error:
        response.close()  # nothing of a broken answer may be left for the next request on this connection
        if isinstance(error, urllib3.exceptions.ReadTimeoutError):
            raise requests.ReadTimeout("Read timed out") from error
        if isinstance(error, urllib3.exceptions.HTTPError):
            raise requests.ConnectionError("Connection broken: the answer did not come whole") from error
        raise
    return bytes(body)


# ---------------------------------------------------------------- connections under the deadline


class _Adapter(HTTPAdapter):
    """Makes connections that end with the deadline of their request, through proxies, too."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        _guard_pools(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        if proxy not in self.proxy_manager:
            _guard_pools(super().proxy_manager_for(proxy, **options))
        return self.proxy_manager[proxy]


def _guard_pools(manager: urllib3.PoolManager) -> None:
    kinds = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _guarded(kind) for scheme, kind in kinds.items()}


@functools.cache
def _guarded(pool: Any) -> Any:
    """A kind of pool, and of connection, under the deadline."""
    connection = type(pool.ConnectionCls.__name__, (Guarded, pool.ConnectionCls), {})
    return type(pool.__name__, (pool,), {"ConnectionCls": connection})
