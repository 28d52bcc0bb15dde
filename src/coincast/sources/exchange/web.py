"""Requests that end: every one is over after a fixed time, however slowly the answer drips.

Time-outs of `requests` count the silence between two bytes, so that a byte a second keeps them waiting for ever. Import
this module only where ccxt is known to be installed, which brings `requests`.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests
import urllib3

CONNECT_SECONDS = 10.0
LARGEST_BODY = 256 * 2**20


@dataclass(frozen=True)
class Reply:
    """What came back.

    Attributes:
        status: of HTTP.
        date: the other side's clock, where it tells it.
        retry_after: the header as it came.
        body: empty while it has not come whole.
        at: `time.monotonic()` when it began to come.
    """

    status: int
    date: datetime | None
    retry_after: str | None
    body: bytes
    at: float

    @property
    def is_json(self) -> bool:
        try:
            json.loads(self.body)
        except ValueError:
            return False
        return True


class Session(requests.Session):
    """A session of `requests` that bounds the whole of a request in time and remembers the last reply.

    A successful answer that is no JSON counts as a broken connection: parsers of ccxt make an empty list of a web page.

    Args:
        deadline: seconds from the start of a request to the last byte of its answer.
    """

    def __init__(self, deadline: float) -> None:
        super().__init__()
        self.deadline = deadline
        self.reply: Reply | None = None

    def request(self, method: str, url: str, **options: Any) -> requests.Response:  # type: ignore[override]
        """As in `requests`; its `timeout` and `stream` are set here."""
        self.reply = None
        end = time.monotonic() + self.deadline
        options |= {"timeout": (min(CONNECT_SECONDS, self.deadline), self.deadline), "stream": True}
        response = super().request(method, url, **options)
        date, wait = (response.headers.get(name) for name in ("Date", "Retry-After"))
        self.reply = Reply(response.status_code, _read_date(date), wait, b"", time.monotonic())
        body = _read_body(response, end)
        self.reply = replace(self.reply, body=body)
        response._content = body
        if response.ok and not self.reply.is_json:
            raise requests.ConnectionError("Connection broken: the answer is no JSON")
        return response


def _read_body(response: requests.Response, end: float) -> bytes:
    """The whole body, or an error of `requests` when it does not come in time or not whole."""
    body = bytearray()
    try:
        while chunk := response.raw.read1(2**16, decode_content=True):
            body += chunk
            if time.monotonic() > end:
                raise requests.ReadTimeout("Read timed out: the answer dripped")
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


def _read_date(text: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    return date.replace(tzinfo=UTC) if date and date.tzinfo is None else date
