"""The loop, in steps that can be called one by one; clocks, threads and processes are handed to it.

    turn        what is due now, and how long nothing will be
      notice      a machine that slept: the exchange's clock is read anew before anything else is done
      connect     to the exchange, again and again where it does not answer
      begin       a new close: what was missed before it is missed for good
      forecast    as soon as its candle is there; this comes before everything that can wait
      settle      some seconds later: values that count, scores, outages
      tend        what others put into the inbox, gaps, trainings, models

Time is the exchange's, in milliseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from coincast.live.watch.connection import connect, notice, read_clock_again
from coincast.live.watch.forecasting import begin_close, forecast_close, take_updates
from coincast.live.watch.origins import NOT_RUNNING, Account
from coincast.live.watch.scoring import rescore, score_due, write_outages
from coincast.live.watch.state import Told, Watch, has_time, is_urgent, reason_for

SHORTEST_WAIT, LONGEST_WAIT = 0.005, 1.0
"""Real seconds between two turns: an inbox, a process and a signal are looked at every second at least."""

SETTLED_AGAIN = 5000
"""Milliseconds after which values that could not be fetched are fetched again, at least."""


def open_watch(watch: Watch) -> None:
    """Take up the ledger: what is accounted for, and what was missed while nothing ran.

    Raises:
        UsageError: no such exchange, market or interval.
    """
    watch.told = {market.name: Told(reason=NOT_RUNNING) for market in watch.plan.markets}
    connect(watch)
    watch.account = Account(watch.books.accounted(watch.plan, watch.feed.now()), watch.plan.length)
    rescore(watch)


def turn(watch: Watch) -> float:
    """Do what is due.

    Returns:
        Seconds of the clock until something else may be.
    """
    notice(watch)
    if not connect(watch):
        tend(watch)
        return _rest(watch, watch.connection.retry_at - watch.clock.monotonic())
    begin_close(watch)
    forecast_close(watch)
    if not is_urgent(watch):
        settle(watch)
        tend(watch)
    return _rest(watch, (_next_event(watch) - watch.feed.now()) / 1000)


def close_watch(watch: Watch) -> None:
    """Write what was missed so far, and end what runs beside."""
    if watch.connection.is_dated:
        begin_close(watch)
        for market in [] if has_time(watch) else watch.close.pending:
            watch.account.miss(market, watch.close.origin, reason_for(watch, market))
    write_outages(watch, all_of_them=True)
    watch.nursery.stop()


def settle(watch: Watch) -> None:
    """Fetch the last candles once more, when their values count, and score what is due."""
    close, now = watch.close, watch.feed.now()
    if not watch.connection.is_open or close.settle_at is None or now < close.settle_at:
        return
    found = watch.keeper.update(watch.plan.markets)
    take_updates(watch, found)
    failed = {name for name, update in found.items() if update.error}
    close.settle_at = watch.feed.now() + max(watch.plan.settle, SETTLED_AGAIN) if failed else None
    score_due(watch, failed)
    write_outages(watch)


def tend(watch: Watch) -> None:
    """See to all that can wait: inbox, gaps, the exchange's clock, trainings and models."""
    if watch.connection.is_dated:
        for line in watch.books.take_inbox(watch.feed.now(), watch.keeper):
            watch.journal.say(line)
    if watch.connection.is_open:
        for line in watch.quiet.poll(watch.close.origin):
            watch.journal.say(line)
        if watch.quiet.has_revised():
            rescore(watch)
        read_clock_again(watch)

    def losses(since: int) -> Mapping[str, np.ndarray]:
        return watch.books.losses(watch.plan, since)

    if watch.nursery.tend(watch.close.origin, is_filled=watch.quiet.is_filled, losses=losses):
        watch.close.next_try = 0


def _next_event(watch: Watch) -> int:
    """When something is due next, as far as that is known."""
    close, plan = watch.close, watch.plan
    events = [close.origin + plan.length + plan.grace + 1]
    events += [close.next_try] if close.pending else []
    events += [close.settle_at] if close.settle_at is not None and not is_urgent(watch) else []
    return min(events)


def _rest(watch: Watch, seconds: float) -> float:
    """Seconds of the clock to wait; at most a real second."""
    seconds = watch.speed * max(SHORTEST_WAIT, min(seconds / watch.speed, LONGEST_WAIT))
    watch.wake.rest(seconds)
    return seconds
