"""Scores: added when a candle has closed and its value has settled, never edited."""

from __future__ import annotations

import math

from coincast.candles.table import ROUNDING, check_interval, parse_market
from coincast.errors import ForecastError
from coincast.live.ledger.book import Due
from coincast.live.ledger.entry import SCORE, Entry
from coincast.live.ledger.forecast import Entered, tell_time
from coincast.live.ledger.ledger import Ledger
from coincast.live.ledger.measures import measure
from coincast.live.ledger.running import running_of


def due(ledger: Ledger, now: int, settle: int) -> list[Due]:
    """Candles that forecasts on time wait for, and whose value has settled; the oldest first.

    A candle that an outage calls missing is not among them.

    Args:
        ledger: any.
        now: milliseconds since 1970.
        settle: milliseconds after a close from which its value counts.
    """
    with ledger.guard:
        return ledger.book().due(now - settle)


def append_score(
    ledger: Ledger, market: str, interval: str, target_time: int, actual: float, settled_at: int
) -> Entered | None:
    """Score every forecast on time that speaks of a candle.

    The entry holds what `measure` says of each, and the verdicts of their models as they stand then. The same value
    again adds nothing; another one, of a candle that was revised, is a new entry with revision 1, 2, ..., and the
    newest counts.

    Args:
        ledger: open for writing.
        market, interval, target_time: the candle, by its close in milliseconds since 1970.
        actual: its close.
        settled_at: when that value was read; the moment of entering.

    Returns:
        The entry, or None where no forecast on time speaks of the candle.

    Raises:
        ForecastError: a price that is not positive and finite, or a candle that has not closed.
        UsageError: a market or interval that does not exist, or a ledger that is open for reading.
    """
    parse_market(market)
    check_interval(interval)
    actual = float(actual)
    if not (math.isfinite(actual) and actual > 0):
        raise ForecastError(f"the close of {market} at {tell_time(target_time)} is {actual}; a price is above zero")
    if settled_at < target_time:
        raise ForecastError(f"the candle of {market} that closes at {tell_time(target_time)} has not closed yet")
    candle = Due(market, interval, int(target_time))
    with ledger.guard:
        before = newest_score(ledger, candle)
        if before is not None and math.isclose(before.body["actual"], actual, rel_tol=ROUNDING):
            return Entered(before, False, f"{_tell(candle)} is scored in entry {before.number:,} already")
        forecasts = forecasts_of(ledger, candle, span=ledger.book().span(market, interval))
        if not forecasts:
            return None
        revision = 0 if before is None else before.body["revision"] + 1
        entry = _append(ledger, candle, revision, actual, settled_at, forecasts)
    revised = f", revision {revision}" if revision else ""
    return Entered(entry, True, f"{_tell(candle)}: {len(forecasts)} scored{revised}")


def newest_score(ledger: Ledger, candle: Due) -> Entry | None:
    """The score of a candle that counts."""
    where = "kind = 'score' AND market = ? AND interval = ? AND target_time = ? ORDER BY revision DESC LIMIT 1"
    return next(iter(ledger.find(where, *candle)), None)


def forecasts_of(ledger: Ledger, candle: Due, *, span: int, before: int | None = None) -> list[Entry]:
    """Forecasts on time one of whose steps ends with a candle, in the order of the ledger.

    Args:
        ledger: any.
        candle: the candle.
        span: longest time from an origin to its last target on this market; it bounds the search.
        before: only those with a smaller number.
    """
    found = ledger.find(
        "kind = 'forecast' AND market = ? AND interval = ? AND last_target >= ? AND last_target < ? AND origin < ? "
        "AND late = 0 AND number < ? ORDER BY number",
        *(*candle, candle.target_time + span, candle.target_time, 2**62 if before is None else before),
        index="targets",
    )
    return [entry for entry in found if any(step["target_time"] == candle.target_time for step in entry.body["steps"])]


def _append(
    ledger: Ledger, candle: Due, revision: int, actual: float, settled_at: int, forecasts: list[Entry]
) -> Entry:
    """Work the verdicts out with the new losses among the others, and write all of it."""
    body = {
        **candle._asdict(),
        "revision": revision,
        "actual": actual,
        "settled_at": int(settled_at),
        "forecasts": [measure(entry, candle.target_time, actual) for entry in forecasts],
    }
    book = ledger.book()
    try:
        book.take_score(body)
        models = {one["model"] for one in body["forecasts"]}
        verdicts = [one.to_body() for one in running_of(book) if one.is_of(candle.market, candle.interval, models)]
        return ledger.append(SCORE, {**body, "verdicts": verdicts}, settled_at)
    except BaseException:
        ledger.forget_book()
        raise


def _tell(candle: Due) -> str:
    return f"{candle.market} at {tell_time(candle.target_time)}"
