"""The local exchange of `--simulate`, put together: time that goes on, prices, the server."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coincast.live.simulation.binance import BINANCE
from coincast.live.simulation.clock import (
    BEGINNING,
    FastClock,
    KeptTime,
    check_speed,
    read_kept,
    refuse_other,
    write_kept,
)
from coincast.live.simulation.prices import SimulatedMarket, SimulatedWorld, first_open
from coincast.live.simulation.server import LocalExchange

TIME_FILE = "time.json"


@dataclass(frozen=True)
class Simulation:
    """A local exchange that runs.

    Attributes:
        url: its address.
        venue: that it speaks as.
        clock: its time.
        speed: simulated seconds in one real second.
    """

    url: str
    venue: str
    clock: FastClock
    speed: float
    _path: Path
    _drawn: dict[str, Any]

    def keep_time(self) -> None:
        """Write down what time it is."""
        now, written = round(1000 * self.clock.wall()), round(1000 * time.time())
        write_kept(self._path, KeptTime(now, written, self._drawn))


@contextmanager
def run_simulation(
    markets: Sequence[SimulatedMarket],
    interval: str,
    speed: float,
    folder: Path,
    *,
    seed: int,
    skill: float,
    not_before: int = BEGINNING,
) -> Iterator[Simulation]:
    """Run a local exchange that goes on where the one before it in this folder ended.

    Args:
        markets: that it lists.
        interval: of its candles.
        speed: simulated seconds in one real second.
        folder: where its time is kept.
        seed: of the prices.
        skill: that is planted in an "echo".
        not_before: it is at least so late there, in milliseconds since 1970.

    Raises:
        UsageError: no speed, or other prices than before.
        UnreadableFileError: the file with its time.
    """
    check_speed(speed)
    path = folder / TIME_FILE
    drawn = {"seed": seed, "skill": skill, **{market.symbol: market.kind for market in markets}}
    kept, start = read_kept(path), BEGINNING
    if kept:
        refuse_other(kept, drawn, path)
        start = kept.resumed(speed, round(1000 * time.time()))
    clock = FastClock(max(start, not_before) / 1000, speed)
    world = SimulatedWorld(
        markets, interval, since=first_open(interval), clock=lambda: round(1000 * clock.wall()), seed=seed, skill=skill
    )
    with LocalExchange(BINANCE, world) as exchange:
        simulation = Simulation(
            exchange.url, BINANCE.name, clock, speed, path, {**(kept.drawn if kept else {}), **drawn}
        )
        simulation.keep_time()
        yield simulation
