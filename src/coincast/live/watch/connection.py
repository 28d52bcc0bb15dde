"""Steps of the loop that concern the exchange as a whole: connecting, and knowing what time it is there."""

from __future__ import annotations

from collections.abc import Mapping

from coincast.errors import CoincastError, ExchangeError, MaintenanceError, RefusedError, UsageError
from coincast.live.watch.feed import reason_of
from coincast.live.watch.keeping import Update
from coincast.live.watch.state import Watch, blame

FIRST_PAUSE, LONGEST_PAUSE = 2.0, 120.0
"""Seconds before an exchange that did not answer is asked again; they double with each failure."""

DEAD_AFTER = 3
"""Rounds in which no market was answered, after which a connection is opened anew."""

CLOCK_READ_EVERY = 600_000
"""Real milliseconds after which the exchange's clock is read again, whatever happens."""

SLEPT = 1.0
"""Real seconds from which on a machine has slept: less is what an answer was on its way."""

ASLEEP = "asleep"


def connect(watch: Watch) -> bool:
    """Connect where there is no connection and the last attempt is long enough ago; whether there is one now.

    Raises:
        UsageError: no such exchange, market or interval; not where there was one before, which may come back.
    """
    connection = watch.connection
    if connection.is_open or watch.clock.monotonic() < connection.retry_at:
        return connection.is_open
    try:
        watch.feed.connect()
    except (ExchangeError, UsageError) as error:
        if isinstance(error, UsageError) and not connection.read_at:
            raise
        lose(watch, error)
        return False
    connection.is_open, connection.is_dated, connection.read_at = True, True, watch.feed.now()
    connection.pause = FIRST_PAUSE
    watch.wake.look()
    watch.quiet.want_everything()
    watch.journal.well("exchange", f"{watch.plan.venue} answers again")
    return True


def lose(watch: Watch, error: CoincastError) -> None:
    """Take a connection for lost, and wait before the next attempt, longer each time."""
    connection = watch.connection
    connection.is_open = False
    connection.pause = max(FIRST_PAUSE, connection.pause)
    connection.retry_at = watch.clock.monotonic() + connection.pause
    connection.pause = min(LONGEST_PAUSE, 2 * connection.pause)
    blame(watch, reason_of(error), str(error))
    watch.journal.warn("exchange", str(error))


def notice(watch: Watch) -> None:
    """See whether the machine slept or its clock was set; the exchange tells what time it is then."""
    connection = watch.connection
    jumped, away = watch.wake.has_jumped(), watch.wake.look()
    if jumped:
        connection.is_dated = False
        if not connection.is_open:
            return
        try:
            away = max(away, watch.feed.read_clock() / 1000)
        except ExchangeError as error:
            lose(watch, error)
            blame(watch, ASLEEP, str(error))
            return
        connection.is_dated, connection.read_at = True, watch.feed.now()
    if away > SLEPT * watch.speed:
        blame(watch, ASLEEP, f"this machine slept, or the loop stood still, for {away:,.0f} s")
        watch.quiet.want_everything()


def read_clock_again(watch: Watch) -> None:
    """From time to time, in a quiet moment: clocks drift apart. Where there is no answer, next time."""
    connection = watch.connection
    if watch.feed.now() - connection.read_at < CLOCK_READ_EVERY * watch.speed:
        return
    connection.read_at = watch.feed.now()
    try:
        watch.feed.read_clock()
    except ExchangeError as error:
        watch.journal.warn("clock", str(error))
    else:
        watch.journal.well("clock")


def judge_connection(watch: Watch, found: Mapping[str, Update]) -> None:
    """A connection that was refused never answers again, and one on which everything fails may be dead."""
    connection = watch.connection
    errors = [update.error for update in found.values() if update.error]
    refusals = [error for error in errors if isinstance(error, RefusedError | MaintenanceError)]
    connection.silent = connection.silent + 1 if errors and len(errors) == len(found) else 0
    if refusals or connection.silent >= DEAD_AFTER:
        connection.silent = 0
        lose(watch, (refusals or errors)[0])
