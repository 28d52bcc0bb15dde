"""A process that serves the page: its token, what it says at its start, and its end."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from coincast.errors import UsageError
from coincast.experiments.places import DEFAULT_RUNS
from coincast.tabular import expand_home, home_folder
from coincast.web.app import guard
from coincast.web.security.tokens import keep_token
from coincast.web.settings import Settings, is_loopback
from coincast.web.site import Site, make_site

TOKEN_FILE = "serve-token"
HEAD_SECONDS = 15.0
"""Until the head of the first request of a connection must have come."""
CONNECTIONS = 400
ENDING_SECONDS = 5


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
        UsageError: the token file or the folder of runs cannot be used.
    """
    if token_file is None and not is_loopback(host):
        token_file = home_folder() / TOKEN_FILE
    token = None if token_file is None else keep_token(token_file)
    return Settings(
        runs=_choose_runs(runs).absolute(), host=host.strip("[]"), port=port, token=token, token_file=token_file
    )


def _choose_runs(given: Path | None) -> Path:
    if given is None:
        return Path(DEFAULT_RUNS) if Path(DEFAULT_RUNS).is_dir() else home_folder() / "runs"
    folder = expand_home(given)
    if folder.exists() and not (folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)):
        raise UsageError(f"--runs {given} is no folder that can be read; name one that is, or is not there yet")
    return folder


def address(settings: Settings, port: int) -> str:
    """Where the page is opened on this machine."""
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "") else settings.host
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def describe(settings: Settings, port: int) -> list[str]:
    """What is said at the start; never the token itself."""
    lines = [f"Coincast is at {address(settings, port)} (Ctrl-C ends it)"]
    if settings.token_file is not None:
        reach = "" if is_loopback(settings.host) else "It can be reached from other machines, without encryption. "
        lines.append(f"{reach}Readers need the token in {settings.token_file}.")
    return lines


def serve(settings: Settings, *, ready: Callable[[int], None]) -> None:
    """Serve until a signal ends it.

    Args:
        settings: who may come in, and how much is allowed.
        ready: is told the port, once the page can be asked for.

    Raises:
        UsageError: the address cannot be listened on.
    """
    with listen(settings) as listening:
        server = make_server(make_site(settings))
        gc.collect()
        gc.freeze()  # what was imported stays: no reader waits until the collector has walked over it again
        ready(listening.getsockname()[1])
        server.run(sockets=[listening])


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
    """A socket that listens; before anything else, so that a port that is taken is told in one line.

    It is said to be of TCP: asyncio sends small pieces at once only there, and else each answer waits for 40 ms.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((settings.host, settings.port))
        listening.listen(CONNECTIONS)  # who comes before the application is up waits, and is not refused
    except (OSError, OverflowError, ValueError) as error:  # a value: a name that no machine can have
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
    for name in ("coincast.web", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.ERROR if quiet else logging.WARNING)
