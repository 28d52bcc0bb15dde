"""The rim of the loop: lock, ledger, exchange, signals, health file; then turn after turn until somebody ends it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType

import polars as pl
from filelock import FileLock, Timeout

from coincast.errors import CoincastError, ExchangeError, UsageError
from coincast.live.ledger import Ledger
from coincast.live.places import LivePlaces, live_places
from coincast.live.simulation.clock import BEGINNING, check_speed
from coincast.live.simulation.local import Simulation, run_simulation
from coincast.live.watch.books import Books
from coincast.live.watch.feed import ExchangeFeed
from coincast.live.watch.journal import Journal
from coincast.live.watch.keeping import Keeper
from coincast.live.watch.loop import close_watch, open_watch, turn
from coincast.live.watch.models import Loader
from coincast.live.watch.nursery import Nursery
from coincast.live.watch.plan import Plan, list_simulated, make_plan, refuse_untrainable
from coincast.live.watch.quiet import QuietTime
from coincast.live.watch.report import Reporter
from coincast.live.watch.section import WatchSpec
from coincast.live.watch.state import Watch
from coincast.live.watch.training import Training
from coincast.live.watch.wakefulness import Wakefulness
from coincast.sources.retry import Clock, Stopped

ROWS_ASKED_WITH = 400
"""Candles of each market with which a model that was just loaded is asked for the first time."""


def run_watch(
    given: WatchSpec, *, simulate: float | None = None, base_url: str | None = None, quiet: bool = False
) -> int:
    """Watch until SIGTERM or Ctrl-C.

    Args:
        given: the spec.
        simulate: simulated seconds in one real second, against a local exchange; None: the real one, in real time.
        base_url: where the exchange is asked instead of at its own address.
        quiet: only warnings on stderr; the log has all.

    Returns:
        The number of the signal that ended it.

    Raises:
        UsageError: what is asked for cannot be watched, or another loop runs there.
        MissingPackageError: ccxt is not installed.
    """
    is_simulated = simulate is not None
    if simulate is not None:
        check_speed(simulate)
        if base_url is not None:
            raise UsageError("--simulate has an exchange of its own; leave --base-url out")
    plan = make_plan(given, simulated=is_simulated)
    refuse_untrainable(given.spec)
    places = live_places(simulated=True) if is_simulated else live_places(ledger=given.watch.ledger)
    with ExitStack() as stack:
        stack.enter_context(_alone(places))
        begun = BEGINNING if is_simulated else _find_beginning(plan, places, base_url)
        ledger = stack.enter_context(Ledger.open(places.ledger, write=True, now=begun))
        simulation = None
        if simulate is not None:
            simulation = stack.enter_context(_simulate(given, plan, simulate, places, ledger.head().made_at))
        journal = Journal(places.log, quiet=quiet)
        stack.callback(journal.close)
        watch = assemble(plan, places, ledger, journal, simulation=simulation, base_url=base_url)
        return run(watch, Reporter(watch, places.health, simulation), _Signals(watch.clock))


def assemble(
    plan: Plan,
    places: LivePlaces,
    ledger: Ledger,
    journal: Journal,
    *,
    simulation: Simulation | None = None,
    base_url: str | None = None,
    store: Path | None = None,
) -> Watch:
    """A loop with everything that it works on."""
    clock, speed = (simulation.clock, simulation.speed) if simulation else (Clock(), 1.0)
    feed = ExchangeFeed(
        plan,
        clock,
        base_url=simulation.url if simulation else base_url,
        venue=simulation.venue if simulation else None,
        folder=store,
        speed=speed,
    )
    keeper = Keeper(plan, feed, store, stopping=clock.stopping)
    models = places.models / plan.digest

    def newest_candles() -> pl.DataFrame:
        until = plan.last_origin(feed.now())
        return keeper.read([market.name for market in plan.markets], until - ROWS_ASKED_WITH * plan.length, until)

    return Watch(
        plan=plan,
        feed=feed,
        keeper=keeper,
        books=Books(ledger, places.inbox, store),
        nursery=Nursery(plan, models, Training(plan, models), Loader(newest_candles), journal),
        quiet=QuietTime(plan, feed, keeper),
        wake=Wakefulness(clock, speed),
        clock=clock,
        journal=journal,
        speed=speed,
    )


def run(watch: Watch, reporter: Reporter, signals: _Signals) -> int:
    """Turn after turn, until a signal; the number of that signal.

    Raises:
        CoincastError: a fault that another turn would not mend, such as a full disk.
    """
    words = "stopped"
    with signals.caught():
        try:
            open_watch(watch)
            while not watch.clock.stopping.is_set():
                wait = turn(watch)
                reporter.report()
                watch.clock.sleep(wait)
        except Stopped:
            pass
        except CoincastError as error:
            words = str(error)
            raise
        finally:
            try:
                close_watch(watch)
            finally:
                reporter.end(words)
                watch.journal.say(words)
    return signals.number


def _find_beginning(plan: Plan, places: LivePlaces, base_url: str | None) -> int:
    """The time that a new ledger begins at: the exchange's, since no later entry can be dated before it."""
    feed = ExchangeFeed(plan, Clock(), base_url=base_url)
    if not places.ledger.exists():
        with suppress(ExchangeError):
            feed.connect()
    return feed.now()


class _Signals:
    """SIGTERM and SIGINT end the loop between two steps, and never within one.

    Args:
        clock: every wait of which is ended by them.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.number = int(signal.SIGTERM)

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Catch them inside; in another thread than the main one nothing can be caught."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self._clock.stopping.is_set():
            raise KeyboardInterrupt  # a second one does not wait
        self.number = number
        self._clock.stop()


@contextmanager
def _alone(places: LivePlaces) -> Iterator[None]:
    """One loop in one folder."""
    lock = FileLock(places.lock, timeout=0, thread_local=False)
    try:
        places.folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise UsageError(f"another loop runs in {places.folder}; end it first, or set COINCAST_HOME") from None
    except OSError as error:
        raise UsageError(f"cannot write to {places.folder}: {error.strerror or error}; set COINCAST_HOME") from error
    try:
        yield
    finally:
        lock.release()


def _simulate(
    given: WatchSpec, plan: Plan, speed: float, places: LivePlaces, not_before: int
) -> AbstractContextManager[Simulation]:
    return run_simulation(
        list_simulated(given, plan),
        plan.interval,
        speed,
        places.folder,
        seed=given.watch.simulated_seed,
        skill=given.watch.simulated_skill,
        not_before=not_before,
    )
