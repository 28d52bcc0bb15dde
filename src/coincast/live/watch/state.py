"""What the steps of the loop work on, and what they all ask of it. Times are the exchange's, in ms since 1970."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from coincast.live.watch.books import Books
from coincast.live.watch.feed import Feed
from coincast.live.watch.journal import Journal
from coincast.live.watch.keeping import Keeper
from coincast.live.watch.nursery import Nursery
from coincast.live.watch.origins import Account, Reason
from coincast.live.watch.plan import Plan
from coincast.live.watch.quiet import QuietTime
from coincast.live.watch.wakefulness import Wakefulness
from coincast.sources.retry import Clock


@dataclass
class Made:
    """What was written since the start."""

    forecasts: int = 0
    late: int = 0
    scores: int = 0
    outages: int = 0


@dataclass
class Told:
    """What is known of one market.

    Attributes:
        last_close: of the newest stored candle.
        origin, made_at, late: of the newest forecast.
        reason: why there is none for the newest close; None: there is one, or its candle is awaited.
    """

    last_close: int | None = None
    origin: int | None = None
    made_at: int | None = None
    late: bool | None = None
    reason: Reason | None = None


@dataclass
class Connection:
    """How it stands with the exchange.

    Attributes:
        is_open: whether it answered last.
        is_dated: whether what time it is there is known: not since a clock jumped and it was not asked.
        read_at: when its clock was last read.
        retry_at: monotonic seconds before which it is not asked again.
        pause: seconds that the next failure is waited out.
        silent: rounds in a row in which no market was answered.
    """

    is_open: bool = False
    is_dated: bool = False
    read_at: int = 0
    retry_at: float = float("-inf")
    pause: float = 0.0
    silent: int = 0


@dataclass
class Close:
    """The newest close.

    Attributes:
        origin: when it was; -1: there has been none yet.
        pending: markets without a forecast of it.
        next_try: when they are asked for again.
        settle_at: when values count and what is due is scored; None: that was done.
    """

    origin: int = -1
    pending: list[str] = field(default_factory=list)
    next_try: int = 0
    settle_at: int | None = None


@dataclass
class Watch:
    """A loop: its parts, and what changes from turn to turn.

    Attributes:
        plan: what is watched.
        feed: the exchange.
        keeper: of the candles.
        books: the ledger.
        nursery: models and their trainings.
        quiet: the work that can wait.
        wake: whether the machine has slept.
        clock: of this machine, or of a simulation.
        journal: the log.
        speed: seconds of the clock in one real second.
        account: which closes have a forecast or an outage.
        connection: how it stands with the exchange.
        close: the newest close.
        told: market -> what is known of it.
        made: what was written.
    """

    plan: Plan
    feed: Feed
    keeper: Keeper
    books: Books
    nursery: Nursery
    quiet: QuietTime
    wake: Wakefulness
    clock: Clock
    journal: Journal
    speed: float = 1.0
    account: Account = field(default_factory=lambda: Account({}, 1))
    connection: Connection = field(default_factory=Connection)
    close: Close = field(default_factory=Close)
    told: dict[str, Told] = field(default_factory=dict)
    made: Made = field(default_factory=Made)


def blame(watch: Watch, word: str, words: str, names: Sequence[str] | None = None) -> None:
    """Remember why markets, all by default, have no forecast now."""
    for name in watch.told if names is None else names:
        watch.told[name].reason = Reason(word, words)


def reason_for(watch: Watch, market: str) -> Reason:
    """Why a market has no forecast."""
    return watch.told[market].reason or Reason("exchange", "the close passed without a forecast")


def is_urgent(watch: Watch) -> bool:
    """Whether a forecast that can still be on time waits for its candle."""
    is_possible = watch.nursery.model is not None and watch.connection.is_open
    return bool(watch.close.pending) and is_possible and has_time(watch)


def has_time(watch: Watch) -> bool:
    """Whether a forecast from the newest close would be on time now."""
    return watch.feed.now() < watch.close.origin + watch.plan.allowance
