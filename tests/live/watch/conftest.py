"""Loops whose clock is turned by hand; the exchange of all tests is a package of its own, beside them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from coincast.live.ledger import Ledger
from coincast.live.watch.books import Books
from coincast.live.watch.journal import Journal
from coincast.live.watch.keeping import Keeper
from coincast.live.watch.plan import make_plan
from coincast.live.watch.quiet import QuietTime
from coincast.live.watch.section import split_watch
from coincast.live.watch.state import Watch
from coincast.live.watch.wakefulness import Wakefulness
from exchange_server.fixtures import exchange, start_exchange
from exchange_server.watching import SPEC, START, HandClock, MemoryFeed, Nursery, PlainModel, Scene, make_world
from exchange_server.world import World

__all__ = ["exchange", "start_exchange"]


@pytest.fixture
def make_scene(tmp_path: Path) -> Iterator[Callable[..., Scene]]:
    """Starts loops over one ledger, one after the other: `make_scene(start=..., model=False)`."""
    opened: list[Ledger] = []

    def make(
        *, start: int = START + 5000, model: bool = True, world: World | None = None, skew: int = 0, **changes: Any
    ) -> Scene:
        for ledger in opened:
            ledger.close()
        plan = make_plan(split_watch({**SPEC, **changes}), simulated=False)
        clock = HandClock(start)
        world = world or make_world(clock)
        world.clock = lambda: clock.now + world.skew  # type: ignore[method-assign]
        world.skew = skew
        folder = tmp_path / "candles"
        feed = MemoryFeed(plan, clock, world, folder)
        ledger = Ledger.open(tmp_path / "ledger.sqlite", write=True, now=world.clock())
        opened.append(ledger)
        keeper = Keeper(plan, feed, folder)
        watch = Watch(
            plan=plan,
            feed=feed,
            keeper=keeper,
            books=Books(ledger, tmp_path / "inbox", folder),
            nursery=Nursery(PlainModel(plan) if model else None),  # type: ignore[arg-type]
            quiet=QuietTime(plan, feed, keeper, start=lambda work: work()),
            wake=Wakefulness(clock),
            clock=clock,
            journal=Journal(None, quiet=True),
            speed=60.0,  # turns of a minute, not of a second
        )
        return Scene(watch, clock, feed, world, ledger, plan)

    yield make
    for ledger in opened:
        ledger.close()
