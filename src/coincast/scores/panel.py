"""Forecasts of one run as matrices, origins by steps: what metrics and tests work on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.forecasts.combine import MODEL_KEYS, RUN_KEYS, failed_runs
from coincast.forecasts.table import SORTING

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

UNDIRECTED = "names no direction"
"""Why an origin is left out where a probability of a rise is exactly 0.5."""
JUMP_SHARE = 10
"""A jump is a move among the largest (or smallest) one in this many."""
CALM_SHARE = 3
"""Calm (wild) is the lowest (highest) one in this many of the trailing mean moves."""
TRAILING = 10
"""Moves that say whether an origin stands in a calm or in a wild stretch."""


@dataclass(frozen=True)
class Panel:
    """The origins of one run that can be judged, in order of time.

    An origin can be judged when all steps are there, each with a finite forecast, an actual value and (for a price) the
    last close; a probability of a rise of exactly 0.5 names no direction. `(n, K)` are n origins and K steps; times are
    milliseconds since 1970.

    Attributes:
        market: market.
        interval: interval of its candles.
        quantity: what is forecast.
        model: name of the model.
        run: number of the run, 0 for ensembles, baselines and forecasts from outside.
        level: "run" for one of several runs, else "ensemble".
        steps: (K,).
        origins: (n,).
        targets: (n, K).
        value: forecasts (n, K).
        actual: truth (n, K).
        last_close: last known price (n, K); NaN where unknown, which a price never is.
        first_close: close of the first candle of the input window (n, K); NaN where unknown.
        naive: naive forecast (n, K) of a direction or volatility; NaN for what the last close tells.
        dropped: how many origins cannot be judged, by reason.
    """

    market: str
    interval: str
    quantity: str
    model: str
    run: int
    level: str
    steps: Times
    origins: Times
    targets: Times
    value: Floats
    actual: Floats
    last_close: Floats
    first_close: Floats
    naive: Floats
    dropped: dict[str, int]

    @property
    def is_undirected(self) -> bool:
        """Whether no origin is left, and some were left out for naming no direction."""
        return self.origins.size == 0 and UNDIRECTED in self.dropped

    def keep(self, mask: NDArray[np.bool_], *, step: int | None = None) -> Panel:
        """The origins of a mask; with `step` only its column."""
        columns = slice(None) if step is None else slice(step, step + 1)
        names = ("targets", "value", "actual", "last_close", "first_close", "naive")
        cut = {name: getattr(self, name)[mask, columns] for name in names}
        return replace(self, steps=self.steps[columns], origins=self.origins[mask], **cut)


def make_panels(forecasts: pl.DataFrame) -> Iterator[Panel]:
    """One panel per market, quantity, model and run; failed runs are left out wholly.

    Args:
        forecasts: a checked table of forecasts.
    """
    missing = [name for name in ("actual", "last_close", "first_close", "naive") if name not in forecasts.columns]
    table = forecasts.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in missing)
    is_run = (pl.col("run") > 0) & (pl.col("run").n_unique().over(MODEL_KEYS) > 1)
    table = table.with_columns(level=pl.when(is_run).then(pl.lit("run")).otherwise(pl.lit("ensemble")))
    sound = table.join(failed_runs(forecasts), on=RUN_KEYS, how="anti").sort(SORTING)
    for rows in sound.partition_by(RUN_KEYS, maintain_order=True):
        yield _make_panel(rows)


def _make_panel(rows: pl.DataFrame) -> Panel:
    """Rows of one run to matrices, and the origins that cannot be judged counted and left out."""
    row = rows.row(0, named=True)
    steps, columns = np.unique(rows["step"].to_numpy(), return_inverse=True)
    origins, lines = np.unique(rows["origin"].to_physical().to_numpy(), return_inverse=True)
    shape = (origins.size, steps.size)

    def spread(name: str) -> Floats:
        matrix = np.full(shape, np.nan)
        matrix[lines, columns] = rows[name].to_numpy()
        matrix[~np.isfinite(matrix)] = np.nan
        return matrix

    targets = np.full(shape, -1, dtype=np.int64)
    targets[lines, columns] = rows["target_time"].to_physical().to_numpy()
    panel = Panel(
        market=row["market"],
        interval=row["interval"],
        quantity=row["quantity"],
        model=row["model"],
        run=row["run"],
        level=row["level"],
        steps=steps,
        origins=origins,
        targets=targets,
        value=spread("value"),
        actual=spread("actual"),
        last_close=spread("last_close"),
        first_close=spread("first_close"),
        naive=spread("naive"),
        dropped={},
    )
    return _drop_unjudgeable(panel)


def _drop_unjudgeable(panel: Panel) -> Panel:
    left = np.ones(panel.origins.size, dtype=bool)
    dropped = {}
    for reason, fault in _find_faults(panel).items():
        bad = left & fault.any(axis=1)
        dropped[reason] = int(bad.sum())
        left &= ~bad
    return replace(panel.keep(left), dropped={reason: count for reason, count in dropped.items() if count})


def _find_faults(panel: Panel) -> dict[str, NDArray[np.bool_]]:
    """Why forecasts cannot be judged (n, K), in the order in which an origin is asked."""
    nothing = np.zeros(panel.value.shape, dtype=bool)
    is_price, is_volatility = panel.quantity == "price", panel.quantity == "volatility"
    is_direction = panel.quantity == "direction"
    unknown = np.isnan(panel.actual) | (~(panel.actual > 0) if is_price else nothing)
    if is_direction:
        unknown |= panel.actual == 0.5
    untold = nothing if panel.quantity in ("price", "log_return") else np.isnan(panel.naive)
    return {
        "steps missing": panel.targets < 0,
        "no direction: a tie, or not known yet" if is_direction else "actual value unknown": unknown,
        "no movement, so no variance to compare": is_volatility & ~(panel.actual > 0) & ~unknown,
        "last close unknown": ~(panel.last_close > 0) if is_price else nothing,
        "naive forecast unknown": untold | (is_direction & (panel.naive == 0.5)),
        "forecast missing or not finite": np.isnan(panel.value),
        UNDIRECTED: is_direction & (panel.value == 0.5),
        "volatility at or below zero": is_volatility & ~(panel.value > 0),
    }


def find_subsets(panel: Panel) -> dict[str, NDArray[np.bool_]]:
    """Origins after jumps and in calm and wild stretches, as masks over the origins of a panel.

    The move into an origin is the log of its last close over that of the origin before, known where the two are
    neighbours (no further apart than one and a half times the usual distance). `after_jump_up` and `after_jump_down`
    are the largest and the smallest tenth of these moves (of that sign); `calm` and `wild` the lowest and the highest
    third of the mean absolute move over the last ten origins, where all ten are known. The thresholds come from the
    span that is judged: the subsets describe, they were not known at the time.
    """
    moves = _moves_into(panel)
    trailing = np.full(moves.size, np.nan)
    if moves.size >= TRAILING:
        windows = np.lib.stride_tricks.sliding_window_view(np.abs(moves), TRAILING)
        trailing[TRAILING - 1 :] = windows.mean(axis=1)
    return {
        "after_jump_up": (moves > 0) & _is_lowest(-moves, JUMP_SHARE),
        "after_jump_down": (moves < 0) & _is_lowest(moves, JUMP_SHARE),
        "calm": _is_lowest(trailing, CALM_SHARE),
        "wild": _is_lowest(-trailing, CALM_SHARE),
    }


def _moves_into(panel: Panel) -> Floats:
    moves = np.full(panel.origins.size, np.nan)
    if panel.origins.size < 2:
        return moves
    close, gaps = panel.last_close[:, 0], np.diff(panel.origins)
    with np.errstate(invalid="ignore", divide="ignore"):
        steps = np.diff(np.log(close))
    moves[1:] = np.where((gaps <= 1.5 * np.median(gaps)) & np.isfinite(steps), steps, np.nan)
    return moves


def _is_lowest(values: Floats, share: int) -> NDArray[np.bool_]:
    """Whether a value is among the lowest one in `share` of the known ones."""
    known = np.sort(values[~np.isnan(values)])
    count = known.size // share
    return np.zeros(values.size, dtype=bool) if count == 0 else values <= known[count - 1]
