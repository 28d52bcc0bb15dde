"""What pictures and pages read of a forecast beyond the last candle: the last candles, the forecast, and its bands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.forecasts.table import is_quantile_name, quantile_level
from coincast.reports.quantities import scale_values
from coincast.reports.reading import drawn_time, rivals
from coincast.reports.reading_intervals import central_pairs
from coincast.reports.story import Story

Floats = NDArray[np.float64]
Band = tuple[str, Floats, Floats]
"""How many percent an interval holds, and its ends; NaN where it reaches without end."""

LAST_CANDLES, FEWEST_CANDLES = 90, 30
"""Candles before an outlook: six times its steps, within these; more would make the forecast too small to see."""
NAIVE = "naive_"
"""Begins the names of the naive interval's quantiles."""


@dataclass(frozen=True)
class Candlesticks:
    """Opens, highs and lows of the last candles, whose closes are drawn anyway."""

    open: Floats
    high: Floats
    low: Floats


@dataclass(frozen=True)
class Ahead:
    """The last candles and the forecast beyond them; the lines of a price begin at the last one.

    A single value of what is no price is drawn as a level from the origin to its target.

    Attributes:
        model: whose forecast it is.
        past_time, past: the last candles and their closes; empty where there are no candles, and beside what is no
            price.
        sticks: the rest of these candles; None where some of it is unknown.
        time, value, naive: the forecast, the naive one, and the dates of both; a direction and a volatility in percent.
        low, high: where nine of ten runs are; `None` without runs.
        bands: calibrated intervals of a price, the widest first; empty where there are none.
        naive_bands: those of the naive forecast.
        steps: how many candles are forecast.
    """

    model: str
    past_time: NDArray[np.datetime64]
    past: Floats
    sticks: Candlesticks | None
    time: NDArray[np.datetime64]
    value: Floats
    naive: Floats
    low: Floats | None
    high: Floats | None
    bands: tuple[Band, ...]
    naive_bands: tuple[Band, ...]
    steps: int


def look_ahead(story: Story) -> Ahead | None:
    """Collect what an outlook draws, of the model that the headline speaks of where it is there."""
    table = None if story.outlook is None else story.outlook.drop_nulls(["value", "naive"])
    if table is None or table.is_empty():
        return None
    model = next((name for name in rivals(story) if name in table["model"]), str(table["model"][0]))
    table = table.filter(pl.col("model") == model).sort("target_time")
    last = _last_candles(story, table.height)
    past_time, past = np.array([], dtype="datetime64[ms]"), np.array([])
    if last is not None:
        past_time, past = drawn_time(last["close_time"], story), last["close"].to_numpy()
    names = ("value", "naive", "low", "high")
    columns = table.select(pl.col(names).cast(pl.Float64) * scale_values(story.quantity)).to_dict()
    is_level = story.quantity != "price" and table.height == 1
    begun = drawn_time(table["origin"], story) if is_level else past_time[-1:]
    lines = {
        name: None if column.is_null().all() else np.r_[column if is_level else past[-1:], column]
        for name, column in columns.items()
    }
    return Ahead(
        model=model,
        past_time=past_time,
        past=past,
        sticks=None if last is None else _candlesticks(last),
        time=np.r_[begun, drawn_time(table["target_time"], story)],
        bands=_bands(table, "", past[-1:]),
        naive_bands=_bands(table, NAIVE, past[-1:]),
        steps=table.height,
        **lines,  # type: ignore[arg-type]
    )


def _last_candles(story: Story, steps: int) -> pl.DataFrame | None:
    if story.quantity != "price" or story.candles is None or story.candles.is_empty():
        return None
    shown = min(LAST_CANDLES, max(FEWEST_CANDLES, 6 * steps))
    return story.candles.sort("close_time").tail(shown)


def _candlesticks(candles: pl.DataFrame) -> Candlesticks | None:
    names = ("open", "high", "low")
    if not set(names) <= set(candles.columns) or any(candles[name].null_count() for name in names):
        return None
    return Candlesticks(*(candles[name].to_numpy() for name in names))


def _bands(table: pl.DataFrame, prefix: str, start: Floats) -> tuple[Band, ...]:
    """The central intervals that a table tells at every row, beginning at the last close."""
    names = {
        quantile_level(name.removeprefix(prefix)): name
        for name in table.columns
        if name.startswith(prefix) and is_quantile_name(name.removeprefix(prefix)) and not table[name].null_count()
    }
    levels = np.array(sorted(names))
    ends = [np.r_[start, table[names[level]].to_numpy()] for level in levels.tolist()]
    ends = [np.where(np.isfinite(end), end, np.nan) for end in ends]
    return tuple((words, ends[low], ends[high]) for low, high, words in central_pairs(levels))
