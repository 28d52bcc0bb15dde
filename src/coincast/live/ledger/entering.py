"""The door of the ledger: forecasts, outages, and what of it is refused or was there before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from coincast.candles.table import check_interval, parse_market
from coincast.errors import ForecastError, UsageError
from coincast.forecasts.table import TIME, check_forecasts, check_intervals, is_quantile_name
from coincast.live.ledger.book import MISSING, Book, Place
from coincast.live.ledger.entry import FORECAST, OUTAGE, Entry
from coincast.live.ledger.forecast import (
    OWN,
    Entered,
    LiveForecast,
    LiveStep,
    check_forecast,
    forecast_body,
    tell_time,
)
from coincast.live.ledger.ledger import Ledger

REASONS = ("exchange", "network", "asleep", "not running", MISSING, "maintenance", "no model")
"""Why there is no forecast, or no score."""

MOST_MISSED = 10_000
"""Origins that one outage names."""
MOST_SPOKEN = 5_000
"""Forecasts that may speak of one candle: the steps of all models of its market. A score has a line for each."""
_LONGEST_WORDS = 500


def append_forecast(ledger: Ledger, forecast: LiveForecast, now: int) -> Entered:
    """Enter a forecast: on time, or marked late.

    It is late where it is entered more than its allowance after its origin, or when its first target has closed; a late
    one is kept and never scored. A second forecast of the same market, interval, model and origin changes nothing: the
    one that is there counts.

    Args:
        ledger: open for writing.
        forecast: what is entered.
        now: milliseconds since 1970; the moment of entering.

    Returns:
        The entry, and whether it is new.

    Raises:
        ForecastError: it cannot stand: a value that is no number, an origin that has not come, other steps than those
            that this model forecast before, or one model more than a score can hold.
        UsageError: a market or interval that does not exist, or a ledger that is open for reading.
    """
    check_forecast(forecast)
    with ledger.guard:
        made_at = ledger.time_of_entry(now)
        body = forecast_body(forecast, made_at)
        found = find_forecast(ledger, forecast.market, forecast.interval, forecast.model, forecast.origin)
        if found is not None:
            return Entered(found, False, _tell_known(found, body))
        _refuse_early(forecast, made_at)
        _refuse_other_steps(ledger.book(), forecast)
        _refuse_too_many(ledger.book(), forecast)
        entry = ledger.append(FORECAST, body, made_at)
    name = f"{forecast.model} on {forecast.market} from {tell_time(forecast.origin)}"
    after = f"{(entry.made_at - forecast.origin) / 1000:,.1f} s after the close"
    return Entered(entry, True, f"{name}: entered {after}" + (", late: not scored" if body["late"] else ", on time"))


def find_forecast(ledger: Ledger, market: str, interval: str, model: str, origin: int) -> Entry | None:
    """The forecast of an origin, if it was entered."""
    where = "kind = 'forecast' AND market = ? AND interval = ? AND model = ? AND origin = ?"
    return next(iter(ledger.find(where, market, interval, model, origin)), None)


def append_outage(
    ledger: Ledger,
    *,
    reason: str,
    words: str,
    since: int,
    until: int,
    now: int,
    market: str | None = None,
    interval: str | None = None,
    missed: Sequence[int] = (),
) -> Entered:
    """Enter why there is no forecast or no score.

    Args:
        ledger: open for writing.
        reason: one of `REASONS`; `MISSING` takes targets in the span from those that wait for a score.
        words: a sentence for people.
        since, until: the span, milliseconds since 1970; of a missing candle its open and its close.
        now: moment of entering.
        market, interval: what it befell; None: all that is watched.
        missed: origins without a forecast.

    Returns:
        The entry; the one that is there, where the same reason was entered of the same market, interval and `since`.

    Raises:
        UsageError: a reason that does not exist, a span that ends before it begins, or too many origins.
    """
    if reason not in REASONS:
        raise UsageError(f"reason is {reason!r}; allowed: {', '.join(REASONS)}")
    if until < since:
        raise UsageError(f"the outage ends at {tell_time(until)}, before it begins at {tell_time(since)}")
    if len(missed) > MOST_MISSED:
        raise UsageError(f"the outage has {len(missed):,} missed origins; one entry names at most {MOST_MISSED:,}")
    if market is not None:
        parse_market(market)
    if interval is not None:
        check_interval(interval)
    body = {
        "market": market,
        "interval": interval,
        "since": int(since),
        "until": int(until),
        "reason": reason,
        "words": words[:_LONGEST_WORDS],
        "missed": sorted(int(origin) for origin in missed),
    }
    where = "kind = 'outage' AND coalesce(market, '') = ? AND coalesce(interval, '') = ? AND since = ? AND reason = ?"
    with ledger.guard:
        for found in ledger.find(where, market or "", interval or "", int(since), reason):
            return Entered(found, False, f"this outage is entry {found.number:,}")
        entry = ledger.append(OUTAGE, body, now)
    return Entered(entry, True, f"{reason}: {market or 'all markets'}, {len(missed):,} forecasts missed")


def live_forecasts(
    forecasts: pl.DataFrame,
    *,
    allowance: int,
    intervals: pl.DataFrame | None = None,
    naive_intervals: pl.DataFrame | None = None,
    fingerprints: Mapping[str, str] | None = None,
    source: str = OWN,
    last_trades: Mapping[str, tuple[float, int]] | None = None,
) -> list[LiveForecast]:
    """What `append_forecast` takes, out of tables of this library.

    Args:
        forecasts: a forecast table of prices with `last_close`; one run of each model.
        allowance: milliseconds after the origin within which they are on time.
        intervals: their quantiles, an interval table.
        naive_intervals: those of the naive interval at the same origins and steps, whatever their model is called.
        fingerprints: hashes of data, model and code.
        source: who made them.
        last_trades: price and time of the last trade, by market.

    Returns:
        One forecast for each market, interval, model and origin.

    Raises:
        ForecastError: a quantity other than the price, several runs of a model, or no last close.
        ColumnError: a column is missing.
    """
    table = check_forecasts(forecasts)
    if set(table["quantity"]) - {"price"} or "last_close" not in table.columns:
        raise ForecastError("the ledger takes forecasts of the price, with the last close of each; no other quantity")
    keys = ["market", "interval", "model", "origin"]
    if table.select(*keys, "step").is_duplicated().any():
        raise ForecastError("the ledger takes one forecast of a model and origin, and several runs are there")
    own = _by_step(intervals, [*keys, "step"])
    naive = _by_step(naive_intervals, ["market", "interval", "origin", "step"])
    times = table.with_columns(pl.col("trained_until", "origin", "target_time").to_physical())
    made = []
    for group in times.partition_by(keys, maintain_order=True):
        rows = group.to_dicts()
        first, trade = rows[0], (last_trades or {}).get(rows[0]["market"], (None, None))
        steps = tuple(_make_step(row, own, naive) for row in rows)
        named = {name: first[name] for name in (*keys, "trained_until", "last_close")}
        made.append(
            LiveForecast(
                **named,
                allowance=allowance,
                steps=steps,
                source=source,
                fingerprints=dict(fingerprints or {}),
                last_trade=trade[0],
                last_trade_at=trade[1],
            )
        )
    return made


def _make_step(row: Mapping[str, Any], own: _Quantiles, naive: _Quantiles) -> LiveStep:
    place = row["market"], row["interval"], row["model"], row["origin"], row["step"]
    value = float("nan") if row["value"] is None else row["value"]
    return LiveStep(row["step"], row["target_time"], value, own.get(place), naive.get(place[:2] + place[3:]))


_Quantiles = dict[tuple[Any, ...], dict[str, float]]


def _by_step(intervals: pl.DataFrame | None, keys: list[str]) -> _Quantiles:
    """Quantiles by their keys; rows with one that is unknown have none."""
    if intervals is None:
        return {}
    table = check_intervals(intervals).with_columns(pl.col(TIME).to_physical())
    names = [name for name in table.columns if is_quantile_name(name)]
    known = table.drop_nulls(names)
    return {
        row[: len(keys)]: dict(zip(names, row[len(keys) :], strict=True)) for row in known.select(*keys, *names).rows()
    }


def _tell_known(found: Entry, body: Mapping[str, Any]) -> str:
    changing = ("late", "last_trade", "last_trade_at", "fingerprints")
    is_same = all(found.body.get(name) == value for name, value in body.items() if name not in changing)
    name = f"{body['model']} on {body['market']} from {tell_time(body['origin'])}"
    return f"{name} is entry {found.number:,} already" + ("" if is_same else ", with other values; the first counts")


def _refuse_early(forecast: LiveForecast, made_at: int) -> None:
    if forecast.origin - made_at > forecast.allowance:
        raise ForecastError(
            f"{forecast.model} on {forecast.market}: its origin {tell_time(forecast.origin)} has not come; "
            f"it is {tell_time(made_at)}, and a forecast stands on the close of its origin"
        )


def _refuse_other_steps(book: Book, forecast: LiveForecast) -> None:
    """The losses of a model are means over its steps: with others they would be those of another thing."""
    steps = tuple(one.step for one in forecast.steps)
    before = book.steps_of(Place(forecast.market, forecast.interval, forecast.model))
    if before is not None and before != steps:
        raise ForecastError(
            f"{forecast.model} on {forecast.market} forecasts the steps {_tell_steps(before)} in this ledger, and now "
            f"{_tell_steps(steps)}; give what forecasts others another name"
        )


def _refuse_too_many(book: Book, forecast: LiveForecast) -> None:
    """A candle whose score could not be written would never be scored, of no model."""
    spoken = book.count_steps(forecast.market, forecast.interval)
    is_new = book.steps_of(Place(forecast.market, forecast.interval, forecast.model)) is None
    if is_new and spoken + len(forecast.steps) > MOST_SPOKEN:
        raise ForecastError(
            f"{forecast.model} on {forecast.market}: with its steps, those of all models there would be "
            f"{spoken + len(forecast.steps):,}; allowed: {MOST_SPOKEN:,}; begin another ledger"
        )


def _tell_steps(steps: Sequence[int]) -> str:
    return ", ".join(map(str, steps[:5])) + (f" ... {steps[-1]}" if len(steps) > 5 else "")
