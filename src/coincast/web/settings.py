"""Who may come in, and how much is allowed."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from coincast.errors import UsageError

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8351


@dataclass(frozen=True)
class Limits:
    """How much one reader, and all of them together, may ask for.

    Attributes:
        body: bytes of a request's body, except where the path has its own.
        csv: bytes of a table of forecasts that is to be judged.
        rows: rows of such a table.
        requests: requests per second and address, over a while.
        burst: requests at once and address.
        changes: state-changing requests per minute and address.
        guesses: wrong tokens per minute and address.
        body_seconds: until the last byte of a body must have come.
        answer_seconds: until an answer must have begun.
        readers: event streams at once.
        heavy: slow answers (judging, many walks, whole markets) that are worked on at once.
        running, waiting: jobs at once.
        job_seconds: longest that a job may take.
    """

    body: int = 64 * 1024
    csv: int = 4 * 1024 * 1024
    rows: int = 200_000
    requests: float = 200.0
    burst: int = 400
    changes: int = 60
    guesses: int = 5
    body_seconds: float = 20.0
    answer_seconds: float = 60.0
    readers: int = 64
    heavy: int = 2
    running: int = 2
    waiting: int = 8
    job_seconds: float = 6 * 3600.0


@dataclass(frozen=True)
class Settings:
    """How the page is served.

    Attributes:
        runs: the folder of run folders.
        host: address that is listened on.
        port: port that is listened on; 0 lets the system choose.
        token: what a reader must know; None where all who reach the address may read.
        token_file: where it lies, to be named.
        limits: how much is allowed.
    """

    runs: Path
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    token: str | None = field(default=None, repr=False)
    token_file: Path | None = None
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        if self.token is None and not is_loopback(self.host):
            raise UsageError(f"{self.host} can be reached from other machines, and no token was given")


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
