"""A test server that speaks the public candle API of an exchange, and Binance's archive, on 127.0.0.1.

with ExchangeServer("binance") as server:
    server.url                       "http://127.0.0.1:PORT", to be put in the place of every host of ccxt
    server.world.now = moment("2024-03-02")
    server.world.truth("BTC/USDT", "1d", moment("2024-01-01"))
    server.plan(Fault("status", status=429, retry_after=2, at=3))
    server.requests                  what came in: kind, path, query, when, and what was answered
"""

from __future__ import annotations

import json
import re
import socket
import struct
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from exchange_server.archive_files import archive_file
from exchange_server.faults import Fault, Plan, spoil
from exchange_server.venue import BadRequest, CandleRequest
from exchange_server.venues import VENUES
from exchange_server.world import World

JSON = "application/json;charset=UTF-8"
BY_GATEWAY = (403, 502, 504)
"""Statuses that come from what stands before the exchange, which speaks HTML."""


@dataclass
class Request:
    """One request as it came in.

    Attributes:
        kind: candles, markets (everything that is no candle), archive.
        path: with `?query`, as sent.
        query: the query alone.
        at: `time.monotonic()` when it came.
        busy: how many requests were being answered then, this one among them.
        fault: kind of the fault that was played on it.
        status: what was answered; 0 where the connection was dropped.
        rows: number of candles in the answer.
    """

    kind: str
    path: str
    query: Mapping[str, str]
    at: float
    busy: int
    fault: str | None = None
    status: int = 0
    rows: int | None = None


@dataclass(frozen=True)
class Answer:
    """What goes out, before a fault is played on it."""

    status: int
    body: bytes
    content_type: str = JSON


class ExchangeServer:
    """One exchange on a port of 127.0.0.1; a context manager.

    Attributes:
        venue: what the exchange does in its own way.
        world: its markets, candles and clock; may be changed at any time.
        files: path -> bytes that are served in the place of what the archive would give; None: 404.
        archive_header: whether files of the archive begin with the names of columns; None: some do.
        requests: everything that came in, in order.
    """

    def __init__(self, venue: str = "binance", world: World | None = None, *, port: int = 0) -> None:
        self.venue = VENUES[venue]
        self.world = world if world is not None else self.venue.world()
        self.files: dict[str, bytes | None] = {}
        self.archive_header: bool | None = None
        self.requests: list[Request] = []
        self._plan = Plan()
        self._pages: dict[tuple[str, str], CandleRequest] = {}
        self._lock = threading.Lock()
        self._busy = 0
        self.stopping = threading.Event()
        self._http = _Listener(("127.0.0.1", port), _Handler)
        self._http.exchange = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    @property
    def port(self) -> int:
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def plan(self, *faults: Fault) -> None:
        """Play these faults, too; each counts the requests of its kind from now on."""
        self._plan.add(*faults)

    def clear(self) -> None:
        """Forget all faults and requests."""
        self._plan = Plan()
        self.requests.clear()

    def candle_requests(self) -> list[Request]:
        return [request for request in self.requests if request.kind == "candles"]

    @property
    def most_at_once(self) -> int:
        """The largest number of requests that were being answered at the same time."""
        return max((request.busy for request in self.requests), default=0)

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()
        self._http.close_connections()
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # ------------------------------------------------------------ answering

    def receive(self, target: str) -> tuple[Request, Fault | None]:
        """Take note of a request, and say which fault is to be played on it."""
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query))
        kind = "archive" if parts.path.startswith("/data/") else "candles" if _CANDLES.search(parts.path) else "markets"
        with self._lock:
            self._busy += 1
            request = Request(kind, target, query, time.monotonic(), self._busy)
            self.requests.append(request)
            fault = self._plan.next(kind, target)
        request.fault = fault.kind if fault else None
        return request, fault

    def done(self) -> None:
        with self._lock:
            self._busy -= 1

    def answer(self, request: Request, fault: Fault | None) -> Answer:
        """What the exchange says; a fault of the content is played here, one of the transport by the handler."""
        path = unquote(urlsplit(request.path).path)
        if fault and fault.kind == "status":
            if fault.body is None and fault.status in BY_GATEWAY:
                return Answer(fault.status, b"<html><body>Request could not be satisfied.</body></html>", "text/html")
            return _as_json(fault.status, self.venue.refusal(fault.status) if fault.body is None else fault.body)
        if fault and fault.kind == "maintenance":
            return _as_json(*self.venue.trouble)
        if fault and fault.kind == "html":
            return Answer(200, b"<!DOCTYPE html><html><body>Just a moment...</body></html>", "text/html")
        if request.kind == "archive":
            return self._answer_archive(path, fault)
        try:
            return self._answer_interface(request, path, fault)
        except BadRequest as refused:
            return _as_json(refused.status, refused.body)

    def _answer_interface(self, request: Request, path: str, fault: Fault | None) -> Answer:
        asked = self.venue.candles(self.world, path, request.query)
        if asked is None:
            page = self.venue.pages(self.world, path, request.query).get(path)
            return _as_json(200, page()) if page else _as_json(404, {"code": 404, "msg": "no such page"})
        key = (asked.symbol, asked.interval)
        given = spoil(asked, fault, self._pages.get(key))
        self._pages[key] = asked
        request.rows = len(given.candles)
        return _as_json(200, self.venue.show(given))

    def _answer_archive(self, path: str, fault: Fault | None) -> Answer:
        content = self.files[path] if path in self.files else archive_file(self.world, path, header=self.archive_header)
        if content is None:
            return Answer(404, b"<Error><Code>NoSuchKey</Code></Error>", "application/xml")
        if fault and fault.kind == "wrong_checksum":
            content = re.sub(rb"^[0-9a-f]{64}", b"0" * 64, content)
        if fault and fault.kind == "truncated":
            content = content[: len(content) // 2]
        return Answer(200, content, "binary/octet-stream")


_CANDLES = re.compile(r"/klines$|/candles(/|$)|/OHLC$")


def _as_json(status: int, value: Any) -> Answer:
    return Answer(status, json.dumps(value, separators=(",", ":")).encode())


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    exchange: ExchangeServer

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """Clients may keep a connection alive for good; the threads that wait on them end here."""
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is none of our business; a fault of the server itself is."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    def do_GET(self) -> None:
        exchange = self.server.exchange
        request, fault = exchange.receive(self.path)
        try:
            self._play(exchange, request, fault)
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        finally:
            exchange.done()

    def _play(self, exchange: ExchangeServer, request: Request, fault: Fault | None) -> None:
        kind = fault.kind if fault else None
        if fault and fault.delay:
            exchange.stopping.wait(fault.delay)
        if kind == "drop":
            self._drop()
            return
        if fault and fault.kind in ("drip_head", "redirect"):
            self._never_end(fault, exchange.stopping)
            return
        answer = exchange.answer(request, fault)
        request.status = answer.status
        body = answer.body[: len(answer.body) * 2 // 3] if kind == "broken_json" else answer.body
        self.send_response_only(answer.status)
        self.send_header("Date", formatdate(exchange.world.clock() / 1000, usegmt=True))
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in exchange.venue.headers.items():
            self.send_header(name, value)
        if fault and fault.retry_after is not None:
            self.send_header("Retry-After", str(fault.retry_after))
        self.end_headers()
        if kind == "cut":
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        elif fault and kind == "drip":
            self._drip(body, fault.pause, exchange.stopping)
        else:
            self.wfile.write(body)

    def _drip(self, body: bytes, pause: float, stopping: threading.Event) -> None:
        for start in range(len(body)):
            self.wfile.write(body[start : start + 1])
            if stopping.wait(pause):
                break

    def _never_end(self, fault: Fault, stopping: threading.Event) -> None:
        self.close_connection = True
        if fault.kind == "drip_head":
            head, more = "HTTP/1.1 200 OK\r\nX-Slow: ", b"x"
        else:
            head, more = f"HTTP/1.1 302 Found\r\nLocation: {self.path}\r\n\r\n", b" " * 2**16
        self.wfile.write(head.encode())
        while not stopping.wait(fault.pause):
            self.wfile.write(more)

    def _drop(self) -> None:
        """Close without a word: the client sees a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: `requests` tells more."""
