"""Ledgers of a made-up market, small enough to look at."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest

from coincast.live.ledger import Ledger, LiveForecast, LiveStep, append_forecast, append_score, due

HOUR = 3_600_000
BEGUN = 1_700_000_000_000 // HOUR * HOUR
MARKET = "simulated:SIMBTC/USDT"


_draw = random.Random(7)
_CLOSES = [100 * math.exp(total) for total in accumulate(_draw.gauss(0, 0.01) for _ in range(5_000))]


@dataclass(frozen=True)
class Maker:
    """Makes forecasts of hourly candles whose closes it knows; times are milliseconds since 1970."""

    hour: int = HOUR
    begun: int = BEGUN
    market: str = MARKET

    def origin(self, number: int) -> int:
        return BEGUN + number * HOUR

    def close(self, number: int) -> float:
        """The close at an origin: a walk, the same at every call."""
        return _CLOSES[number]

    def forecast(self, number: int, *, model: str = "lstm", steps: int = 1, **changes: Any) -> LiveForecast:
        origin, draw = self.origin(number), random.Random(f"{model} {number}")
        last = self.close(number)

        def make_step(step: int) -> LiveStep:
            value = last * math.exp(draw.gauss(0, 0.003))
            band = {"q05": value * 0.985, "q10": value * 0.99, "q90": value * 1.01, "q95": value * 1.015}
            naive = {"q05": last * 0.98, "q95": last * 1.02}
            return LiveStep(step, origin + step * HOUR, value, band, naive)

        given = {
            **{"market": MARKET, "interval": "1h", "model": model, "origin": origin, "allowance": 180_000},
            **{"trained_until": BEGUN, "last_close": last, "steps": tuple(make_step(k + 1) for k in range(steps))},
            **{"fingerprints": {"data": "d", "model": "m", "code": "c"}},
            **{"last_trade": last * 1.0001, "last_trade_at": origin + 900},
        }
        return LiveForecast(**{**given, **changes})

    def fill(self, ledger: Ledger, count: int, *, models: tuple[str, ...] = ("lstm",), steps: int = 1) -> None:
        """Forecasts of so many origins, and every score that is due by the last of them."""
        ledger.query("PRAGMA synchronous = OFF")  # the power stays on during a test
        for number in range(count):
            now = self.origin(number) + 1000
            self.score_due(ledger, now)
            for model in models:
                append_forecast(ledger, self.forecast(number, model=model, steps=steps), now)

    def score_due(self, ledger: Ledger, now: int) -> None:
        for one in due(ledger, now, settle=500):
            actual = self.close((one.target_time - BEGUN) // HOUR)
            append_score(ledger, one.market, one.interval, one.target_time, actual, now)


@pytest.fixture(scope="session")
def maker() -> Maker:
    return Maker()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a ledger may lie."""
    return tmp_path / "live" / "ledger.sqlite"


@pytest.fixture
def filled(path: Path, maker: Maker) -> Callable[..., Path]:
    """A closed ledger with forecasts and scores."""

    def fill(count: int = 4, **options: Any) -> Path:
        with Ledger.open(path, write=True, now=BEGUN) as ledger:
            maker.fill(ledger, count, **options)
        return path

    return fill
