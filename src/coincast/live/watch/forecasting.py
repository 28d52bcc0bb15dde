"""Steps of the loop at a close: its candles, the forecasts from it, the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from coincast.errors import CoincastError, ForecastError
from coincast.live.ledger import Entered, LiveForecast
from coincast.live.watch.connection import judge_connection
from coincast.live.watch.feed import reason_of
from coincast.live.watch.keeping import Update
from coincast.live.watch.origins import NOT_RUNNING
from coincast.live.watch.scoring import score_revised, write_outages
from coincast.live.watch.state import Close, Watch, blame, has_time, reason_for
from coincast.sources.exchange.client import LastTrade
from coincast.sources.exchange.paging import to_time

if TYPE_CHECKING:
    from coincast.live.models import LiveModel

ASKED = 20
"""How often a candle that is not there is asked for while its forecast can be on time, and then until the next."""

SOONEST = 200
"""Milliseconds between two such requests, at least."""

SHORTEST_WAIT = 2.0
"""Real seconds that markets wait for one another at least, where a forecast can still be on time; else half of the
allowance: the other half is left to those that have answered."""


def begin_close(watch: Watch) -> None:
    """Take note of a new close: those before it that have no forecast are missed."""
    origin = watch.plan.last_origin(watch.feed.now())
    if origin <= watch.close.origin:
        return
    for market in watch.told:
        watch.account.miss(market, origin - watch.plan.length, reason_for(watch, market))
    pending = [market for market in watch.told if watch.account.is_open(market, origin)]
    watch.close = Close(origin, pending, settle_at=origin + watch.plan.settle)


def forecast_close(watch: Watch) -> None:
    """Fetch the candles of the newest close and forecast from those that are there; the others are asked for again."""
    close, plan = watch.close, watch.plan
    if not close.pending or watch.feed.now() < close.next_try:
        return
    wanted = [market for market in plan.markets if plan.needs_all or market.name in close.pending]
    seconds = max(SHORTEST_WAIT, plan.allowance / 2000 / watch.speed) if has_time(watch) else None
    found = watch.keeper.update(wanted, trade=True, seconds=seconds)
    there = take_updates(watch, found)
    is_enough = len(there) == len(wanted) or not plan.needs_all
    ready = [name for name in there if is_enough and name in close.pending]
    if watch.nursery.model is None:
        blame(watch, "no model", "there was no trained model yet", ready)
        is_all = len(ready) == len(close.pending)
        close.next_try = close.origin + plan.length if is_all else _later(watch)  # a model that comes asks again
        return
    if ready:
        _ask(watch, ready, {name: found[name].trade for name in ready})
    close.next_try = _later(watch)


def take_updates(watch: Watch, found: Mapping[str, Update]) -> list[str]:
    """Take note of what came; the markets whose candle of the newest close is there."""
    there = []
    for name, update in found.items():
        told = watch.told[name]
        told.last_close = update.last_close or told.last_close
        if update.error:
            blame(watch, reason_of(update.error), str(update.error), [name])
            watch.journal.warn(name, f"{name}: {update.error}")
        elif told.last_close is not None and told.last_close >= watch.close.origin:
            there.append(name)
            watch.journal.well(name)
        else:
            when = f"{to_time(watch.close.origin):%Y-%m-%d %H:%M} UTC"
            blame(watch, "exchange", f"the exchange had no candle that closed at {when}", [name])
        if update.has_hole:
            watch.quiet.want(name)
        score_revised(watch, name, update.revised)
    judge_connection(watch, found)
    return there


def _ask(watch: Watch, names: Sequence[str], trades: Mapping[str, LastTrade | None]) -> None:
    """Forecast some markets at once; where that fails, one by one."""
    model, plan, origin = watch.nursery.model, watch.plan, watch.close.origin
    assert model is not None
    inputs = [market.name for market in plan.markets] if plan.needs_all else list(names)
    try:
        answer = model.forecast(watch.keeper.read(inputs, origin - _count_rows(watch, model) * plan.length, origin))
        forecasts = watch.books.prepare(plan, answer, trades)
    except CoincastError as error:
        if len(names) > 1 and not plan.needs_all:
            for name in names:
                _ask(watch, [name], trades)
        else:
            _refuse(watch, names, str(error))
        return
    for name in names:
        if (name, origin) in forecasts:
            watch.account.end_gap(name, origin, watch.told[name].reason or NOT_RUNNING)
        else:
            _refuse(watch, [name], answer.missing.get(name, "the model has no answer from this close"))
    write_outages(watch)
    for name in names:
        if watch.wake.has_jumped():
            return  # what time it is must be asked first
        if (name, origin) in forecasts:
            _write(watch, name, forecasts[name, origin])


def _count_rows(watch: Watch, model: LiveModel) -> int:
    """Candles that a model is asked with: twice what it looks at, since some may be missing; not a long history."""
    return watch.plan.history if model.rows is None else min(watch.plan.history, 2 * model.rows)


def _write(watch: Watch, name: str, forecasts: Sequence[LiveForecast]) -> None:
    """Into the ledger, each with the time of this very moment."""
    told, origin = watch.told[name], watch.close.origin
    entered: list[Entered] = []
    refused = ""
    for forecast in forecasts:
        try:
            entered.append(watch.books.forecast(forecast, watch.feed.now()))
        except ForecastError as error:  # such as other steps under the same name, after the spec was changed
            refused = f"the ledger refuses a forecast: {error}"
    if refused:
        _refuse(watch, [name], refused, word="no model")
    if not entered:
        return
    watch.account.cover(name, origin)
    watch.close.pending.remove(name)
    last = entered[-1].entry
    told.origin, told.made_at, told.late, told.reason = origin, last.made_at, bool(last.body["late"]), None
    watch.made.forecasts += sum(one.is_new for one in entered)
    watch.made.late += sum(one.is_new and bool(one.entry.body["late"]) for one in entered)
    if not refused:
        watch.journal.well(f"{name}: forecast")
    numbers = ", ".join(f"{one.entry.number:,}" for one in entered)
    word = "late, not scored" if told.late else "on time"
    when, after = f"{to_time(origin):%Y-%m-%d %H:%M} UTC", (last.made_at - origin) / 1000
    watch.journal.say(f"{name} {when}: forecast {after:.1f} s after, {word}; entry {numbers}")


def _refuse(watch: Watch, names: Sequence[str], words: str, *, word: str = "exchange") -> None:
    """There is no forecast of some markets though their candles are there; mostly, some before these are not."""
    blame(watch, word, words, names)
    for name in names:
        watch.journal.warn(f"{name}: forecast", f"{name}: no forecast: {words}")


def _later(watch: Watch) -> int:
    """When a candle that was not there is asked for again: soon while there is time, then at leisure."""
    span = watch.plan.allowance if has_time(watch) else watch.plan.length
    return watch.feed.now() + max(SOONEST, span // ASKED)
