"""A process that serves the page: its token, what it says at its start, and its end."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from coincast.errors import UsageError
from coincast.experiments.places import DEFAULT_RUNS
from coincast.tabular import home_folder
from coincast.web.app import guard
from coincast.web.security.tokens import keep_token
from coincast.web.settings import Settings, is_loopback
from coincast.web.site import Site, make_site

TOKEN_FILE = "serve-token"
HEAD_SECONDS = 15.0
"""Until the head of the first request of a connection must have come."""
CONNECTIONS = 400
ENDING_SECONDS = 5
WORDS = "coincast.web"


class PatientProtocol(H11Protocol):
    """HTTP for clients that do send something: where no whole head of a request comes, the connection is closed.

    Without this, a few hundred connections that never say anything would keep all others out.
    """

    _silence: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        cycle = getattr(self, "cycle", None)
        if cycle is None or cycle.response_complete:  # a head has begun, and has not ended
            self._expect()
        else:
            self._forget()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def _expect(self) -> None:
        if self._silence is None:
            self._silence = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _forget(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None


class _Server(uvicorn.Server):
    """Ends the streams of all readers as soon as it is asked to end; it would else wait for them."""

    def __init__(self, config: uvicorn.Config, site: Site) -> None:
        super().__init__(config)
        self._site = site

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._site.hub.close()
        super().handle_exit(sig, frame)


def make_settings(host: str, port: int, *, token_file: Path | None = None, runs: Path | None = None) -> Settings:
    """Who may come in: everybody on this machine, or whoever knows the token.

    Args:
        host: address to listen on; any but that of this machine itself needs the token.
        port: port to listen on.
        token_file: where the token is kept; given, it is needed on this machine, too.
        runs: the folder of run folders; else `./coincast-runs` where it is there, else `COINCAST_HOME/runs`.

    Raises:
        UsageError: the token file cannot be used.
    """
    needs_token = token_file is not None or not is_loopback(host)
    token = keep_token(token_file or home_folder() / TOKEN_FILE) if needs_token else None
    if runs is None:
        runs = Path(DEFAULT_RUNS) if Path(DEFAULT_RUNS).is_dir() else home_folder() / "runs"
    return Settings(runs=runs.absolute(), host=host, port=port, token=token)


def describe(settings: Settings, port: int, token_file: Path | None = None) -> list[str]:
    """What is said at the start; never the token itself."""
    shown = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "") else settings.host
    shown = f"[{shown}]" if ":" in shown else shown
    lines = [f"Coincast is at http://{shown}:{port}/ (Ctrl-C ends it)"]
    if settings.token is not None:
        place = token_file or home_folder() / TOKEN_FILE
        reach = "" if is_loopback(settings.host) else "It can be reached from other machines, without encryption. "
        lines.append(f"{reach}Readers need the token in {place}.")
    return lines


def serve(settings: Settings, *, token_file: Path | None = None, say: Callable[[str], None] = print) -> None:
    """Serve until a signal ends it.

    Args:
        settings: who may come in, and how much is allowed.
        token_file: where the token lies, to be named.
        say: is told where the page is, once it can be opened.

    Raises:
        UsageError: the address cannot be listened on.
    """
    listening, site = listen(settings), make_site(settings)
    server = make_server(site)
    for line in describe(settings, listening.getsockname()[1], token_file):
        say(line)
    with listening:
        asyncio.run(server.serve(sockets=[listening]))


def make_server(site: Site) -> uvicorn.Server:
    """What speaks HTTP for a site: no name of the program, no trust in headers that proxies set, patience with ends."""
    config = uvicorn.Config(
        guard(site),
        http=PatientProtocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=ENDING_SECONDS,
        limit_concurrency=CONNECTIONS,
        h11_max_incomplete_event_size=16 * 1024,
    )
    return _Server(config, site)


def listen(settings: Settings) -> socket.socket:
    """A socket that listens; before anything else, so that a port that is taken is told in one line."""
    listening = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((settings.host.strip("[]"), settings.port))
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"cannot listen on {settings.host} port {settings.port}: {reason}; choose another with --host and --port"
        ) from None
    return listening


def set_up_log(*, quiet: bool) -> None:
    """Warnings and faults on stderr; neither addresses' queries nor headers are ever among them."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("coincast: %(message)s"))
    for name in (WORDS, "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.ERROR if quiet else logging.WARNING)
