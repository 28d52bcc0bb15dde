"""How far forecasts were off, on the scale of the volatility that was known when they were made.

All in logs of prices. The volatility of a candle is known at an origin from the closes up to it:

    m_i   = ln(p_i / p_(i-1)) / sqrt(candles between the two)        (neighbouring known prices)
    s_j^2 = EWMA with lambda 0.94 of m_i^2 over i <= j               (weights that sum to one; at least 20 moves)

A forecast k candles ahead is measured in units of s_o sqrt(k), o its origin, so that the errors of a wild week say
something about a calm one. The prices are those that the tables themselves tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.errors import ColumnError
from coincast.forecasts.combine import MODEL_KEYS, RUN_KEYS, add_ensembles, failed_runs
from coincast.forecasts.prices import PricePath, price_path
from coincast.forecasts.table import FORECAST_COLUMNS, is_quantile_name, quantile_level

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

LAMBDA = 0.94
FEWEST_MOVES = 20
"""Moves that must be known before they tell a volatility."""
FLOOR = 0.01
"""A forecast at or below zero stands at this share of the last close, as in the deciding loss."""

INTERVAL_KEYS = [name for name in FORECAST_COLUMNS if name != "value"]
"""What an interval has in common with its forecast."""
JOINED_KEYS = ["market", "interval", "quantity", "origin", "step"]
LINE_KEYS = ["market", "interval", "quantity", "model", "run", "step"]


@dataclass(frozen=True)
class Line:
    """The forecasts of one market, model and step in order of time, and those of the past to learn from.

    Prices are natural logs. Of the past only targets that were known at the first origin are here.

    Attributes:
        levels: of the base, ascending (L,).
        origins: milliseconds (n,).
        targets: milliseconds (n,).
        base: quantiles to start from (n, L): the point forecast at every level, or a model's own quantiles.
        truth: actual prices (n,), NaN where unknown.
        scale: volatility over the step, known at the origin (n,), NaN where unknown; 1 where nothing is scaled.
        past_base: the same for the past (m, L); only rows with everything known.
        past_truth: (m,).
        past_scale: (m,).
        late: rows of the past left out, since their target was not known at the first origin.
    """

    levels: tuple[float, ...]
    origins: Counts
    targets: Counts
    base: Floats
    truth: Floats
    scale: Floats
    past_base: Floats
    past_truth: Floats
    past_scale: Floats
    late: int

    def errors(self) -> Floats:
        """Scaled errors of the past forecasts (m,): above zero where the price ended above the base's median."""
        middle = min(range(len(self.levels)), key=lambda i: abs(self.levels[i] - 0.5))
        return np.asarray((self.past_truth - self.past_base[:, middle]) / self.past_scale)


def quantile_names(intervals: pl.DataFrame) -> list[str]:
    """The quantile columns of a table, the lowest level first."""
    return sorted((name for name in intervals.columns if is_quantile_name(name)), key=quantile_level)


def judged_level(forecasts: pl.DataFrame) -> pl.DataFrame:
    """Price forecasts of ensembles, baselines and lone runs: the rows that get an interval.

    Raises:
        ColumnError: `actual` or `last_close` is missing.
    """
    missing = [name for name in ("actual", "last_close") if name not in forecasts.columns]
    if missing:
        raise ColumnError(f"intervals need the columns actual and last_close beside the forecasts; {missing[0]} lacks")
    table = add_ensembles(forecasts).filter(pl.col("quantity") == "price")
    is_run = (pl.col("run") > 0) & (pl.col("run").n_unique().over(MODEL_KEYS) > 1)
    return table.filter(~is_run).join(failed_runs(table), on=RUN_KEYS, how="anti")


def origin_volatility(path: PricePath, candles: Counts) -> Floats:
    """Volatility of one candle that was known at each of these candles, in logs; NaN below 20 known moves."""
    if path.candles.size <= FEWEST_MOVES:
        return np.full(candles.shape, np.nan)
    moves = np.diff(np.log(path.prices)) / np.sqrt(np.diff(path.candles))
    known = np.sqrt(pl.Series(moves**2).ewm_mean(alpha=1 - LAMBDA).to_numpy())
    known = np.concatenate([np.full(FEWEST_MOVES, np.nan), known[FEWEST_MOVES - 1 :]])
    last = np.searchsorted(path.candles, candles, side="right") - 1
    return np.where(last < 0, np.nan, known[last])


def make_lines(
    base: pl.DataFrame, past_base: pl.DataFrame, forecasts: pl.DataFrame, calibration: pl.DataFrame, *, scaled: bool
) -> tuple[pl.DataFrame, list[Line]]:
    """One line per market, model and step of the base.

    Args:
        base: a table of intervals: where the quantiles start from.
        past_base: the same at the origins to learn from.
        forecasts: tells `actual` and `last_close` of the base.
        calibration: tells them of the past base.
        scaled: whether errors are measured in units of the volatility known at the origin.

    Returns:
        The keys of the base, and its lines, which lie one after the other in these rows.
    """
    names = quantile_names(base)
    levels = tuple(quantile_level(name) for name in names)
    told = pl.concat([_prices(forecasts), _prices(calibration)])
    paths = {key: price_path(rows) for key, rows in told.partition_by("market", "interval", as_dict=True).items()}
    now, past = (
        _add_truth(table, source, paths, names, scaled=scaled).sort(*LINE_KEYS, "origin")
        for table, source in ((base, forecasts), (past_base, calibration))
    )
    places, earlier = _places(now), _places(past)
    columns, before = _Columns.of(now, names), _Columns.of(past, names)
    lines = [
        _make_line(columns.cut(place), before.cut(earlier.get(key, slice(0))), levels) for key, place in places.items()
    ]
    return now.select(INTERVAL_KEYS), lines


@dataclass(frozen=True)
class _Columns:
    """What a line needs of a table, as arrays."""

    origins: Counts
    targets: Counts
    base: Floats
    truth: Floats
    scale: Floats

    @classmethod
    def of(cls, table: pl.DataFrame, names: list[str]) -> _Columns:
        origins, targets = (table[name].to_physical().to_numpy() for name in ("origin", "target_time"))
        base = table.select(names).to_numpy()
        return cls(origins, targets, base, table["truth"].to_numpy(), table["scale"].to_numpy())

    def cut(self, rows: slice | NDArray[np.bool_]) -> _Columns:
        return _Columns(self.origins[rows], self.targets[rows], self.base[rows], self.truth[rows], self.scale[rows])


def _make_line(now: _Columns, past: _Columns, levels: tuple[float, ...]) -> Line:
    known = past.targets <= now.origins[0]
    sound = np.isfinite(past.base).all(axis=1) & np.isfinite(past.truth) & np.isfinite(past.scale) & (past.scale > 0)
    past, late = past.cut(known & sound), int((~known).sum())
    given = (now.origins, now.targets, now.base, now.truth, now.scale)
    return Line(levels, *given, past.base, past.truth, past.scale, late)


def _places(table: pl.DataFrame) -> dict[tuple[object, ...], slice]:
    """Where the rows of each line lie in a table sorted by `LINE_KEYS`."""
    starts = np.flatnonzero(table.select(pl.struct(LINE_KEYS).rle_id().diff().fill_null(1)).to_series().to_numpy() > 0)
    ends = np.append(starts[1:], table.height).tolist()
    keys = table.select(LINE_KEYS)[starts].rows()
    return {key: slice(first, end) for key, first, end in zip(keys, starts.tolist(), ends, strict=False)}


def _prices(forecasts: pl.DataFrame) -> pl.DataFrame:
    names = ("market", "interval", "origin", "target_time", "actual", "last_close")
    return forecasts.filter(pl.col("quantity") == "price").select(names).unique(maintain_order=True)


def _add_truth(
    table: pl.DataFrame,
    source: pl.DataFrame,
    paths: dict[tuple[object, ...], PricePath],
    names: list[str],
    *,
    scaled: bool,
) -> pl.DataFrame:
    """Quantiles and actual prices as logs, `truth` and `scale`; NaN where unknown."""
    known = source.select(*JOINED_KEYS, "actual", "last_close").unique(JOINED_KEYS, keep="first", maintain_order=True)
    joined = table.select(*INTERVAL_KEYS, *names).join(known, on=JOINED_KEYS, how="left", maintain_order="left")
    floored = [
        pl.when(pl.col(name) > 0).then(pl.col(name)).otherwise(FLOOR * pl.col("last_close")).log().alias(name)
        for name in names
    ]
    # A missing forecast stays missing: only a number at or below zero is raised.
    floored = [pl.when(pl.col(name).is_finite()).then(log) for name, log in zip(names, floored, strict=True)]
    truth = pl.when(pl.col("actual") > 0).then(pl.col("actual")).log()
    joined = joined.with_columns(*floored, truth=truth).with_columns(pl.col(*names, "truth").fill_null(float("nan")))
    if not scaled:
        return joined.with_columns(scale=pl.lit(1.0))
    parts = []
    for key, rows in joined.partition_by("market", "interval", as_dict=True, maintain_order=True).items():
        path = paths[key]
        volatility = origin_volatility(path, path.clock.last_closed(rows["origin"]))
        parts.append(rows.with_columns(scale=pl.Series(volatility) * rows["step"].cast(pl.Float64).sqrt()))
    return pl.concat(parts) if parts else joined.with_columns(scale=pl.lit(1.0))
