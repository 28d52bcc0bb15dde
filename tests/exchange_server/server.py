"""A test server that speaks the public candle API of an exchange, and Binance's archive, on 127.0.0.1, with faults.

with ExchangeServer("binance") as server:
    server.url                       "http://127.0.0.1:PORT", to be put in the place of every host of ccxt
    server.world.now = moment("2024-03-02")
    server.world.truth("BTC/USDT", "1d", moment("2024-01-01"))
    server.plan(Fault("status", status=429, retry_after=2, at=3))
    server.requests                  what came in: kind, path, query, when, and what was answered
"""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from coincast.live.simulation.server import Answer, Handler, LocalExchange, as_json, read_target
from coincast.live.simulation.venue import BadRequest, CandleRequest
from exchange_server.archive_files import archive_file
from exchange_server.faults import Fault, Plan, spoil
from exchange_server.venue import Venue
from exchange_server.venues import VENUES
from exchange_server.world import World

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


class _Handler(Handler):
    """Plays the faults of the transport."""

    def do_GET(self) -> None:
        exchange = self.exchange
        request, fault = exchange.receive(self.path)
        try:
            self._play(request, fault)
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        finally:
            exchange.done()

    @property
    def exchange(self) -> ExchangeServer:
        exchange = self.server.exchange
        assert isinstance(exchange, ExchangeServer)
        return exchange

    def _play(self, request: Request, fault: Fault | None) -> None:
        kind, stopping = fault.kind if fault else None, self.exchange.stopping
        if fault and fault.delay:
            stopping.wait(fault.delay)
        if kind == "drop":
            self._drop()
            return
        if fault and fault.kind in ("drip_head", "redirect"):
            self._never_end(fault, stopping)
            return
        answer = self.exchange.answer(request, fault)
        request.status = answer.status
        body = answer.body[: len(answer.body) * 2 // 3] if kind == "broken_json" else answer.body
        retry = {} if fault is None or fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        self.send_head(answer, len(body), retry)
        if kind == "cut":
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        elif fault and kind == "drip":
            self._drip(body, fault.pause, stopping)
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


class ExchangeServer(LocalExchange):
    """One exchange on a port of 127.0.0.1; a context manager.

    Attributes:
        venue: what the exchange does in its own way.
        world: its markets, candles and clock; may be changed at any time.
        files: path -> bytes that are served in the place of what the archive would give; None: 404.
        archive_header: whether files of the archive begin with the names of columns; None: some do.
        requests: everything that came in, in order.
    """

    handler = _Handler
    venue: Venue
    world: World

    def __init__(self, venue: str = "binance", world: World | None = None, *, port: int = 0) -> None:
        super().__init__(VENUES[venue], world if world is not None else VENUES[venue].world(), port=port)
        self.files: dict[str, bytes | None] = {}
        self.archive_header: bool | None = None
        self.requests: list[Request] = []
        self._plan = Plan()
        self._pages: dict[tuple[str, str], CandleRequest] = {}
        self._lock = threading.Lock()
        self._busy = 0

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

    # ------------------------------------------------------------ answering

    def receive(self, target: str) -> tuple[Request, Fault | None]:
        """Take note of a request, and say which fault is to be played on it."""
        path, query = read_target(target)
        kind = "archive" if path.startswith("/data/") else "candles" if _CANDLES.search(path) else "markets"
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
        path, query = read_target(request.path)
        if fault and fault.kind == "status":
            if fault.body is None and fault.status in BY_GATEWAY:
                return Answer(fault.status, b"<html><body>Request could not be satisfied.</body></html>", "text/html")
            return as_json(fault.status, self.venue.refusal(fault.status) if fault.body is None else fault.body)
        if fault and fault.kind == "maintenance":
            return as_json(*self.venue.trouble)
        if fault and fault.kind == "html":
            return Answer(200, b"<!DOCTYPE html><html><body>Just a moment...</body></html>", "text/html")
        if request.kind == "archive":
            return self._answer_archive(path, fault)
        try:
            asked = self.venue.candles(self.world, path, query)
            return self.answer_path(path, query) if asked is None else self._show_spoilt(request, asked, fault)
        except BadRequest as refused:
            return as_json(refused.status, refused.body)

    def _show_spoilt(self, request: Request, asked: CandleRequest, fault: Fault | None) -> Answer:
        key = (asked.symbol, asked.interval)
        given = spoil(asked, fault, self._pages.get(key))
        self._pages[key] = asked
        request.rows = len(given.candles)
        return self.show(given)

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
