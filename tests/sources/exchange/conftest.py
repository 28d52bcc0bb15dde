"""Downloads from the test server into a store of their own, with a clock that jumps where others wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from coincast.candles.store import read_stored
from coincast.errors import NotStoredError
from coincast.sources.exchange.download import Downloaded, download
from coincast.sources.retry import Clock, Patience, Stopped
from exchange_server.server import ExchangeServer

Rows = list[tuple[int, float, float, float, float, float]]


class JumpingClock(Clock):
    """Real time, but nobody waits: a sleep moves the clock on."""

    def __init__(self, ahead: float = 0.0) -> None:
        super().__init__()
        self.ahead = ahead
        self.waits: list[float] = []

    def wall(self) -> float:
        return time.time() + self.ahead

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead

    def sleep(self, seconds: float) -> None:
        if self.stopping.is_set():
            raise Stopped
        self.ahead += seconds
        self.waits.append(seconds)


@pytest.fixture
def clock() -> JumpingClock:
    return JumpingClock()


@pytest.fixture
def get(tmp_path: Path, clock: JumpingClock) -> Callable[..., Downloaded]:
    """Download from a server: `get(server, "BTC/USDT", interval="1h")`."""

    def run(server: ExchangeServer, *markets: str, **options: Any) -> Downloaded:
        usual = {"exchange": server.venue.name, "base_url": server.url, "folder": tmp_path, "clock": clock}
        usual |= {"patience": Patience(attempts=3, deadline=0.5)}
        return download(list(markets) or [f"BTC/{server.venue.quote}"], **usual | options)

    return run


@pytest.fixture
def stored(tmp_path: Path) -> Callable[..., Rows]:
    """What stands in the store, as the rows of `World.truth`."""

    def read(market: str, interval: str = "1h") -> Rows:
        try:
            candles = read_stored(market, interval, folder=tmp_path)
        except NotStoredError:
            return []
        return candles.select(pl.col("open_time").dt.epoch("ms"), "open", "high", "low", "close", "volume").rows()

    return read
