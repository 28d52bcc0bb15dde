"""What a hostile client sends over a real connection, refused: sizes, slowness, paths, broken HTTP."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from coincast.web import serve as serving
from coincast.web.settings import Limits

HEAD = b"Host: 127.0.0.1\r\nConnection: close\r\n"
PATHS = (
    "/static/../../../../etc/passwd",
    "/static/..%2f..%2f..%2fetc%2fpasswd",
    "/static/%2e%2e/%2e%2e/etc/passwd",
    "//etc/passwd",
    "/runs/../../etc/passwd/report",
    "/runs/%2e%2e%2f%2e%2e/report",
    "/runs/..%5c..%5cwindows/report",
    "/api/v1/runs/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "/api/v1/markets/..%2f..%2fetc%2fpasswd/candles",
    "/api/v1/markets/binance%3aBTC%2fUSDT/candles",
    "/api/v1/jobs/%00",
    "/api/v1/models/..%2fmodels/forecast?market_id=m0123456789abcdef",
    "/api/v1/%0d%0aX-Evil:%20yes",
)


def status(said: bytes) -> int:
    return int(re.match(rb"HTTP/1\.1 (\d+)", said)[1])  # type: ignore[index]


def test_no_path_leads_out(serve: Callable[..., Any]) -> None:
    served = serve()
    for path in PATHS:
        said = served.speak(f"GET {path} HTTP/1.1\r\n".encode() + HEAD + b"\r\n")
        assert status(said) in (400, 404, 422), path
        assert b"root:" not in said
        assert b"x-evil" not in said.lower().partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize(
    ("path", "kind", "most"), [("/api/v1/jobs", "application/json", 64 * 1024), ("/api/v1/judge", "text/csv", 200_000)]
)
def test_bodies_are_cut_off_whatever_they_say_of_themselves(
    serve: Callable[..., Any], path: str, kind: str, most: int
) -> None:
    served = serve(limits=Limits(csv=200_000))
    start = f"POST {path} HTTP/1.1\r\nContent-Type: {kind}\r\n".encode() + HEAD
    told = served.speak(start + f"Content-Length: {most + 1}\r\n\r\n".encode())
    assert status(told) == 413
    chunk = b"x" * 50_000
    chunks = [b"%x\r\n%s\r\n" % (len(chunk), chunk)] * (most // len(chunk) + 1)
    said = served.speak(start + b"Transfer-Encoding: chunked\r\n\r\n", *chunks)
    assert status(said) == 413
    assert b'"too_large"' in said
    for length in (b"-1", b"1e3", b"0x10", b"5, 6", b"99999999999999999999"):
        assert status(served.speak(start + b"Content-Length: " + length + b"\r\n\r\nxxxxx")) in (400, 413)


def test_a_body_that_does_not_come(serve: Callable[..., Any]) -> None:
    served = serve(limits=Limits(body_seconds=0.2))
    head = b"POST /api/v1/jobs HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 10\r\n" + HEAD
    assert status(served.speak(head + b"\r\n{")) == 408


def test_a_connection_that_says_nothing_is_closed(serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "HEAD_SECONDS", 0.2)
    served = serve()
    began = time.monotonic()
    begun = b"GET / HTTP/1.1\r\nHost: 127.0"
    for parts in ((b"",), (begun,), (begun[:3], begun[3:])):
        assert served.speak(*parts) == b""
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as connection:
        connection.sendall(b"GET /api/v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert status(connection.recv(65_536)) == 200
        connection.sendall(begun)  # a second request, which never ends
        while connection.recv(65_536):
            pass
    assert time.monotonic() - began < 12  # and not the 15 seconds of a patient server


HEADS = (
    b"GET /api/v1/health HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    b"GET /api/v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    b"GET /api/v1/health HTTP/1.0\r\nConnection: close\r\n\r\n",
    b"GET http://evil.example/api/v1/health HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    b"GET /api/v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-Host: a\r\nX : y\r\nConnection: close\r\n\r\n",
    b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
    b"GET /api/v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nX: " + b"a" * 40_000 + b"\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
)


def test_tricks_with_the_head(serve: Callable[..., Any]) -> None:
    served = serve()
    for head in HEADS:
        assert status(served.speak(head)) in (400, 403), head[:80]


def test_no_method_is_taken_from_a_header(serve: Callable[..., Any]) -> None:
    override = b"X-HTTP-Method-Override: DELETE\r\nX-Original-URL: /api/v1/jobs\r\n"
    said = serve().speak(b"GET /api/v1/health HTTP/1.1\r\n" + override + HEAD + b"\r\n")
    assert status(said) == 200
    assert b"server:" not in said.lower()


def test_nested_json_does_not_exhaust_the_stack(serve: Callable[..., Any]) -> None:
    body = b"[" * 60_000
    head = b"POST /api/v1/jobs HTTP/1.1\r\nContent-Type: application/json\r\n" + HEAD
    said = serve().speak(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert status(said) in (400, 422)


def test_a_websocket_is_refused(serve: Callable[..., Any]) -> None:
    upgrade = b"Upgrade: websocket\r\nSec-WebSocket-Key: eHh4eHh4eHh4eHh4eHh4eA==\r\nSec-WebSocket-Version: 13\r\n"
    head = b"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n"
    with socket.create_connection(("127.0.0.1", serve().port), timeout=30) as connection:
        connection.sendall(head + upgrade + b"\r\n")
        assert b" 101 " not in connection.recv(4096)
