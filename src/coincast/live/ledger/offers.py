"""Forecasts that were made elsewhere, a CSV, another model or a human: read, and brought to the ledger's door.

The door is that of our own forecasts: the moment of entering counts, what comes late is late, and the naive forecast is
taken from the store and not from the file. A file may hold several models, each under a name of its own that ends in
" (given)".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import polars as pl

from coincast.candles.store import read_stored
from coincast.candles.table import INTERVALS, add_intervals, parse_market
from coincast.errors import ForecastError, NotStoredError, UnreadableFileError, UsageError
from coincast.forecasts.columns import find_columns
from coincast.forecasts.outside import read_outside
from coincast.forecasts.outside_cells import UNNAMED_MARKET, UNNAMED_MODEL
from coincast.forecasts.table import is_quantile_name, quantile_level
from coincast.live.ledger.entering import append_forecast, find_forecast
from coincast.live.ledger.forecast import (
    FORMULA,
    GIVEN,
    OUTSIDE,
    LiveForecast,
    LiveStep,
    check_steps,
    default_allowance,
    tell_time,
)
from coincast.live.ledger.ledger import Ledger
from coincast.tabular import expand_home, read_table

LARGEST_FILE = 5_000_000
"""Bytes of a file of forecasts."""
MOST_ROWS = 50_000
MOST_OFFERS = 5_000
"""Forecasts, each of one origin, in a file."""
LONGEST_NAME = 40

LastTrade = Callable[[str], "tuple[float, int] | None"]
"""Market -> price and time of its last trade."""


@dataclass(frozen=True)
class Offer:
    """One forecast from elsewhere, before the store has told its naive one.

    Attributes:
        market, interval, model: what is forecast, and by whom.
        source: `outside:` and the name that was given.
        origin: milliseconds since 1970.
        steps: what it says.
    """

    market: str
    interval: str
    model: str
    source: str
    origin: int
    steps: tuple[LiveStep, ...]


@dataclass(frozen=True)
class Offers:
    """The forecasts of a file.

    Attributes:
        name: of who made them.
        offers: in order of origin.
        notes: what was assumed or left out.
    """

    name: str
    offers: tuple[Offer, ...]
    notes: tuple[str, ...] = ()


Fate = Literal["on time", "late", "known", "waiting"]
"""What became of an offer.

It is "waiting" where the store lacks the candle at its origin, less than an interval before or after that one closes.
"""


def read_offers(
    path: Path | str,
    *,
    name: str,
    market: str | None = None,
    interval: str | None = None,
    zone: str | None = None,
    columns: Mapping[str, str] | None = None,
    horizon: int | None = None,
) -> Offers:
    """Read a file of forecasts as `coincast judge` reads it, without actual values.

    Args:
        path: CSV, Parquet or another table: target_time and predicted; origin, step, model, market, interval and
            quantiles where they are there.
        name: of who made them.
        market, interval, zone, columns, horizon: as for `read_outside`.

    Raises:
        UnreadableFileError: no such file, no table, or one that is too large.
        UsageError: no name, or a market that is not told or misspelt.
        DataError: what cannot be read as forecasts of prices.
    """
    name = check_name(name)
    path = expand_home(path)
    if path.is_file() and path.stat().st_size > LARGEST_FILE:
        raise UnreadableFileError(f"{path} is larger than {LARGEST_FILE / 1e6:g} MB; give the newest forecasts only")
    table = read_table(path)
    if table.height > MOST_ROWS:
        raise UnreadableFileError(f"{path} has {table.height:,} rows; allowed: {MOST_ROWS:,}; give the newest only")
    read = read_outside(
        _without_actual(table, columns), columns=columns, market=market, interval=interval, zone=zone, horizon=horizon
    )
    rows = read.forecasts
    if set(rows["quantity"]) != {"price"}:
        raise ForecastError(f"{path} holds forecasts of {rows['quantity'][0]}; the ledger takes those of the price")
    if UNNAMED_MARKET in rows["market"].to_list():
        raise UsageError(f"{path} does not say its market; say it: --market binance:BTC/USDT")
    for spelled in rows["market"].unique(maintain_order=True):
        parse_market(spelled)
    if rows["run"].n_unique() > 1:
        raise ForecastError(f"{path} holds several runs of a model; give one forecast for each origin, such as a mean")
    offers = tuple(_make_offers(rows, read.intervals, name))
    if len(offers) > MOST_OFFERS:
        raise UnreadableFileError(
            f"{path} has {len(offers):,} forecasts; allowed: {MOST_OFFERS:,}; give the newest only"
        )
    return Offers(name, offers, tuple(note for note in read.notes if "last_close" not in note))


def check_name(name: str) -> str:
    """The name of who made forecasts, without blanks around it.

    Raises:
        UsageError: it is empty, too long, begins like a formula, or holds what cannot be printed.
    """
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable() or name.startswith(FORMULA):
        raise UsageError(
            f"a name of {len(name)} letters was given; allowed: 1 to {LONGEST_NAME}, all printable, the first none of "
            f"{' '.join(FORMULA)}: --name alice"
        )
    return name


def enter_offer(
    ledger: Ledger,
    offer: Offer,
    now: int,
    *,
    last_trade: LastTrade | None = None,
    store: Path | None = None,
    is_last_chance: bool = False,
) -> Fate:
    """Bring one forecast through the door.

    Args:
        ledger: open for writing.
        offer: the forecast.
        now: moment of entering, milliseconds since 1970.
        last_trade: tells the second naive; none where there is nobody to ask.
        store: folder of the candles; default: that of the user's home.
        is_last_chance: refuse what would have to wait for its candle.

    Raises:
        ForecastError: it cannot stand, or the store has no candle at its origin and will not get one.
    """
    if find_forecast(ledger, offer.market, offer.interval, offer.model, offer.origin) is not None:
        return "known"
    check_steps(offer.model, offer.market, offer.interval, offer.origin, offer.steps)
    past = read_past(offer, store)
    if past is None:
        if abs(now - offer.origin) < INTERVALS[offer.interval] and not is_last_chance:
            return "waiting"
        raise ForecastError(
            f"no {offer.interval} candle of {offer.market} that closes at {tell_time(offer.origin)} is stored, and it "
            "is the naive forecast beside this one; where that candle has closed: coincast download"
        )
    trade = last_trade(offer.market) if last_trade else None
    entered = append_forecast(ledger, _complete(offer, past, trade), now)
    return "late" if entered.entry.body["late"] else "on time"


def read_past(offer: Offer, store: Path | None = None) -> pl.DataFrame | None:
    """Candles up to the origin of a forecast; None where the one that closes there is not stored."""
    from coincast.experiments.bands import MEMORY

    span = (MEMORY + 2 * offer.steps[-1].step) * timedelta(milliseconds=INTERVALS[offer.interval])
    try:
        close = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=offer.origin)
        candles = read_stored(offer.market, offer.interval, since=close - span, until=close, folder=store)
    except (NotStoredError, OverflowError):
        return None
    return candles if candles["close_time"][-1] == close else None


def _complete(offer: Offer, past: pl.DataFrame, trade: tuple[float, int] | None) -> LiveForecast:
    """An offer with what the store tells: the naive forecast, and the naive interval beside its quantiles."""
    return LiveForecast(
        market=offer.market,
        interval=offer.interval,
        model=offer.model,
        origin=offer.origin,
        allowance=default_allowance(offer.interval),
        trained_until=offer.origin,
        last_close=float(past["close"][-1]),
        steps=_add_naive(offer.steps, past),
        source=offer.source,
        last_trade=trade[0] if trade else None,
        last_trade_at=trade[1] if trade else None,
    )


def _add_naive(steps: tuple[LiveStep, ...], past: pl.DataFrame) -> tuple[LiveStep, ...]:
    from coincast.experiments.bands import look_back

    names = sorted({name for one in steps for name in one.quantiles or ()}, key=quantile_level)
    if not names:
        return steps
    found = look_back(past, [one.step for one in steps], [quantile_level(name) for name in names]).naive
    return tuple(
        LiveStep(one.step, one.target_time, one.value, one.quantiles, _known(dict(zip(names, row, strict=True))))
        for one, row in zip(steps, found.tolist(), strict=True)
    )


def _known(quantiles: dict[str, float]) -> dict[str, float] | None:
    """Quantiles, None where too few moves are known to tell them."""
    return None if any(math.isnan(value) for value in quantiles.values()) else quantiles


def _without_actual(table: pl.DataFrame, columns: Mapping[str, str] | None) -> pl.DataFrame:
    """A table whose actual values and last closes, if it tells any, are unknown: the store tells them."""
    told = find_columns(table.columns, columns)
    table = table.drop(told[role] for role in ("actual", "last_close") if role in told)
    return table.with_columns(pl.lit(None, dtype=pl.Float64).alias("actual"))


def _make_offers(rows: pl.DataFrame, intervals: pl.DataFrame | None, name: str) -> Iterator[Offer]:
    """One offer for each market, model and origin, in order of origin."""
    keys = ["market", "interval", "model", "origin", "step"]
    levels = [column for column in (intervals.columns if intervals is not None else []) if is_quantile_name(column)]
    if intervals is not None:
        rows = rows.join(intervals.select(*keys, *levels), on=keys, how="left")
    parts = [
        part.with_columns(origin=add_intervals(pl.col("target_time"), str(interval), -pl.col("step")))
        for (interval,), part in rows.group_by("interval", maintain_order=True)
    ]
    rows = pl.concat(parts).with_columns(pl.col("origin", "target_time").to_physical())
    for (market, interval, model, origin), group in rows.sort("origin", "market", "model", "step").group_by(
        keys[:-1], maintain_order=True
    ):
        steps = tuple(_make_step(row, levels) for row in group.iter_rows(named=True))
        yield Offer(market, interval, _name_model(name, model), f"{OUTSIDE}{name}", origin, steps)


def _make_step(row: Mapping[str, Any], levels: list[str]) -> LiveStep:
    known = {level: row[level] for level in levels if row[level] is not None}
    value = math.nan if row["value"] is None else row["value"]
    return LiveStep(row["step"], row["target_time"], value, known or None)


def _name_model(name: str, model: str) -> str:
    """The model of an offer: the name that was given, and the file's own where it has one."""
    own = model.removesuffix(GIVEN)
    return f"{name}{GIVEN}" if own in (UNNAMED_MODEL, name) else f"{name}: {own}{GIVEN}"
