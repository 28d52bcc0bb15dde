"""Steps of the loop that follow a forecast: scores, scores of revised candles, and outages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from coincast.live.watch.books import Scorable
from coincast.live.watch.state import Watch
from coincast.sources.exchange.paging import to_time


def score_due(watch: Watch, failed: Iterable[str]) -> None:
    """Score what is due, but for markets whose candles could not be fetched."""
    for scorable in watch.books.scorable(watch.feed.now(), watch.plan.settle, watch.keeper, set(failed)):
        _score(watch, scorable)


def score_revised(watch: Watch, market: str, revised: Mapping[int, float]) -> None:
    """Score stored candles anew that came with another close, once it counts; others are not due yet.

    Args:
        watch: the loop.
        market: whose candles.
        revised: close time -> close.
    """
    for target, close in revised.items():
        if target + watch.plan.settle <= watch.feed.now():
            _score(watch, Scorable(market, watch.plan.interval, target, close))


def rescore(watch: Watch) -> None:
    """Score anew what was scored with another value than the store has now."""
    for scorable in watch.books.outdated(watch.plan, watch.keeper, watch.feed.now()):
        _score(watch, scorable)


def write_outages(watch: Watch, *, all_of_them: bool = False) -> None:
    """Write closes without a forecast: those whose reason is over, or all."""
    for missed in watch.account.take(all_of_them=all_of_them):
        watch.books.outage(watch.plan, missed, watch.feed.now())
        watch.made.outages += 1
        who = missed.market or "all markets"
        closes = "1 close" if missed.count == 1 else f"{missed.count:,} closes"
        watch.journal.say(f"{who}: {closes} without a forecast ({missed.reason.word})")


def _score(watch: Watch, scorable: Scorable) -> None:
    entered = watch.books.score(scorable, watch.feed.now())
    if entered is None or not entered.is_new:
        return
    watch.made.scores += 1
    if entered.entry.body["revision"]:
        when = f"{to_time(scorable.target_time):%Y-%m-%d %H:%M} UTC"
        watch.journal.say(f"{scorable.market} {when} was revised, and is scored anew")
