"""An exchange on a port of 127.0.0.1, in a thread of this process.

with LocalExchange(BINANCE, world) as exchange:
    exchange.url                     "http://127.0.0.1:PORT", to be put in the place of every host of ccxt

Nothing but GET is answered, nothing is read from a disk, and no other machine reaches it.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from coincast.live.simulation.venue import BadRequest, CandleRequest, Query, Venue, World

JSON = "application/json;charset=UTF-8"


@dataclass(frozen=True)
class Answer:
    """What goes out."""

    status: int
    body: bytes
    content_type: str = JSON


def as_json(status: int, value: Any) -> Answer:
    """An answer in JSON."""
    return Answer(status, json.dumps(value, separators=(",", ":")).encode())


def read_target(target: str) -> tuple[str, Query]:
    """Path and query of a request."""
    parts = urlsplit(target)
    return unquote(parts.path), dict(parse_qsl(parts.query))


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listener

    def do_GET(self) -> None:
        try:
            self.reply()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def reply(self) -> None:
        """Answer the request that has come in."""
        answer = self.server.exchange.respond(self.path)
        self.send_head(answer, len(answer.body))
        self.wfile.write(answer.body)

    def send_head(self, answer: Answer, length: int, more: Mapping[str, str] | None = None) -> None:
        """Status and headers, those of the venue among them; `length` is what is announced."""
        exchange = self.server.exchange
        self.send_response_only(answer.status)
        self.send_header("Date", formatdate(exchange.world.clock() / 1000, usegmt=True))
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(length))
        for name, value in {**exchange.venue.headers, **(more or {})}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


class Listener(ThreadingHTTPServer):
    """The socket, and the connections that are open."""

    daemon_threads = True
    request_queue_size = 64
    exchange: LocalExchange

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


class LocalExchange:
    """One exchange on a port of 127.0.0.1; a context manager.

    Args:
        venue: what it does in its own way.
        world: its markets, candles and clock.
        port: 0: any free one.
    """

    handler: type[Handler] = Handler

    def __init__(self, venue: Venue, world: World, *, port: int = 0) -> None:
        self.venue = venue
        self.world = world
        self.stopping = threading.Event()
        self._http = Listener(("127.0.0.1", port), self.handler)
        self._http.exchange = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End, whatever clients hold open."""
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

    def respond(self, target: str) -> Answer:
        """What the exchange says to a request for a path with its query."""
        path, query = read_target(target)
        try:
            return self.answer_path(path, query)
        except BadRequest as refused:
            return as_json(refused.status, refused.body)

    def answer_path(self, path: str, query: Query) -> Answer:
        """Candles, or one of the venue's other pages.

        Raises:
            BadRequest: the venue refuses it.
        """
        asked = self.venue.candles(self.world, path, query)
        if asked is not None:
            return self.show(asked)
        page = self.venue.pages(self.world, path, query).get(path)
        return as_json(200, page()) if page else as_json(404, {"code": 404, "msg": "no such page"})

    def show(self, asked: CandleRequest) -> Answer:
        """Candles as the venue writes them."""
        return as_json(200, self.venue.show(asked))
