"""How far the quantiles of a model lie from its forecast, learnt once and used at every origin to come.

A method of `coincast.forecasts.intervals` says how far at the origins of a table. Here the same distance is taken
out of it, in logs and in units of the volatility that is known at an origin times the root of the step, so that it can
be kept with a model and laid around a forecast that nobody has made yet:

    q(level) = start(level) * exp(move(level) * volatility * sqrt(step))

The start is the forecast itself, or the quantile of the runs' forecasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.candles.table import add_intervals
from coincast.forecasts.combine import ENSEMBLE
from coincast.forecasts.intervals import INTERVALS, LEVELS, IntervalMethod, ensemble_quantiles, point_quantiles
from coincast.forecasts.residuals import FLOOR, LINE_KEYS, Line, judged_level, make_lines

Floats = NDArray[np.float64]

WIDE = 1_000.0
"""Half the width, in logs, of an interval that no calibration closes."""


@dataclass(frozen=True, eq=False)
class Moves:
    """How far the quantiles of one model on one market lie from where they start.

    Attributes:
        method: a key of `coincast.forecasts.intervals.INTERVALS`.
        levels: ascending, each with its mirror image.
        steps: candles ahead, ascending.
        moves: (step, level); infinite where an interval reaches without end.
        errors: the fewest past forecasts that a step was learnt from.
    """

    method: str
    levels: tuple[float, ...]
    steps: tuple[int, ...]
    moves: Floats
    errors: int

    @property
    def starts_at_runs(self) -> bool:
        """Whether the quantiles start at those of the runs, rather than all at the forecast."""
        return INTERVALS[self.method].start in ("runs", "both")

    def quantiles(self, value: Floats, runs: Floats, *, last_close: float, volatility: float) -> Floats:
        """Quantiles of the price (step, level); NaN where they cannot be told, as beyond the steps that were learnt.

        Args:
            value: the forecast of the first steps (step,).
            runs: those of its runs (run, step).
            last_close: at the origin.
            volatility: of one candle, known at the origin, in logs.
        """
        known = min(len(value), len(self.steps))
        base = np.repeat(value[:, None], len(self.levels), axis=1)
        if self.starts_at_runs:
            base = np.quantile(runs, self.levels, axis=0).T if len(runs) > 1 else np.full_like(base, np.nan)
        logs = np.log(np.where(base <= 0, FLOOR * last_close, base))
        logs[known:] = np.nan
        with np.errstate(invalid="ignore", over="ignore"):
            moves = self.moves[:known]
            reach = np.where(np.isfinite(moves) & (moves != 0), moves * volatility, moves)
            logs[:known] += reach * np.sqrt(np.array(self.steps[:known], dtype=np.float64))[:, None]
            return np.exp(_uncross(logs))


def _uncross(logs: Floats) -> Floats:
    """Pairs of quantiles that have passed one another stand at their middle, as a calibrated line's do."""
    for low in range(logs.shape[1] // 2):
        high = logs.shape[1] - 1 - low
        is_crossed = logs[:, low] > logs[:, high]
        middle = (logs[is_crossed, low] + logs[is_crossed, high]) / 2
        logs[is_crossed, low] = logs[is_crossed, high] = middle
    return logs


def calibrate(
    forecasts: pl.DataFrame, calibration: pl.DataFrame, *, method: str, levels: Sequence[float] = LEVELS
) -> dict[tuple[str, str], Moves]:
    """Learn the moves of every model that is judged, as of when the last target in a table had closed.

    Args:
        forecasts: of the test span, with `actual` and `last_close`.
        calibration: of the validation part, by the same models. Of it only what was known at the first origin of the
            test span counts; "adaptive" goes on through the test span.
        method: a key of `INTERVALS`.
        levels: which quantiles.

    Returns:
        (market, model) -> moves. A model is left out where nothing can be told: with fewer past errors than the method
        needs, without several runs where it starts from them, or where it is the network itself that tells quantiles,
        which it tells at the origins of the tables only.
    """
    chosen = INTERVALS[method]
    if chosen.start == "own":
        return {}
    if chosen.start != "point":
        base, past = (ensemble_quantiles(table, levels) for table in (forecasts, calibration))
        judged, before = judged_level(forecasts), judged_level(calibration)
    else:
        judged, before = _with_next(judged_level(forecasts)), judged_level(calibration)
        base, past = point_quantiles(judged, levels), point_quantiles(before, levels)
    keys, lines = make_lines(base, past, judged, before, scaled=True)
    found: dict[tuple[str, str], dict[int, tuple[Floats, int]]] = {}
    first = 0
    for line in lines:
        row = keys.row(first, named=True)
        found.setdefault((row["market"], row["model"]), {})[row["step"]] = (
            _moves_of(line, chosen),
            line.past_truth.size,
        )
        first += line.origins.size
    told = {key: _gather(by_step, method, tuple(levels)) for key, by_step in found.items()}
    return {key: moves for key, moves in told.items() if not np.isnan(moves.moves).any()}


def _moves_of(line: Line, method: IntervalMethod) -> Floats:
    """The moves at the last origin of a line (level,)."""
    if method.make is None:
        return np.zeros(len(line.levels))
    if method.start == "both":
        # Around a wide interval, so that a calibration that draws the ends together does not close it.
        base = line.base.copy()
        base[-1] = WIDE * np.sign(np.array(line.levels) - 0.5)
        line = replace(line, base=base)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((method.make(line)[-1] - line.base[-1]) / line.scale[-1])


def _gather(by_step: dict[int, tuple[Floats, int]], method: str, levels: tuple[float, ...]) -> Moves:
    steps = tuple(sorted(by_step))
    moves = np.stack([by_step[step][0] for step in steps])
    return Moves(method, levels, steps, moves, min(errors for _, errors in by_step.values()))


def _with_next(judged: pl.DataFrame) -> pl.DataFrame:
    """Every line with one more forecast, made when the last target in the table had closed; its truth is not known.

    What it says does not matter: moves of point forecasts are the same around every number.
    """
    order = judged.sort("target_time")
    ends = order.group_by("market", "interval").agg(
        end=pl.col("target_time").last(), price=pl.col("actual").drop_nulls().last()
    )
    last = judged.sort("origin").group_by(LINE_KEYS, maintain_order=True).last()
    parts = [judged]
    for (interval,), rows in last.join(ends, on=["market", "interval"]).group_by("interval", maintain_order=True):
        after = rows.with_columns(
            origin="end",
            target_time=add_intervals(pl.col("end"), str(interval), pl.col("step")),
            value="price",
            last_close="price",
            actual=pl.lit(None, dtype=pl.Float64),
        )
        parts.append(after.select(judged.columns))
    return pl.concat(parts)


def runs_behind(forecasts: pl.DataFrame, model: str) -> Floats:
    """Forecasts of the sound runs behind a model at one origin (run, step); none where it is no ensemble.

    Args:
        forecasts: of one market and origin.
        model: its name, with the ending of an ensemble.
    """
    if not model.endswith(ENSEMBLE):
        return np.empty((0, 0))
    rows = forecasts.filter(pl.col("model") == model.removesuffix(ENSEMBLE), pl.col("run") > 0).sort("run", "step")
    values = rows["value"].cast(pl.Float64).fill_null(np.nan).to_numpy().reshape(rows["run"].n_unique(), -1)
    return np.asarray(values[np.isfinite(values).all(axis=1)])


def describe_moves(moves: Moves) -> dict[str, Any]:
    """Moves as JSON holds them; an infinite one is null."""
    plain = [[float(move) if np.isfinite(move) else None for move in row] for row in moves.moves]
    return {
        "method": moves.method,
        "levels": list(moves.levels),
        "steps": list(moves.steps),
        "moves": plain,
        "errors": moves.errors,
    }


def restore_moves(told: dict[str, Any]) -> Moves:
    """What `describe_moves` told; a null reaches without end on its side of the median."""
    levels = tuple(told["levels"])
    ends = [np.inf if level > 0.5 else -np.inf for level in levels]
    moves = [[end if move is None else move for move, end in zip(row, ends, strict=True)] for row in told["moves"]]
    return Moves(told["method"], levels, tuple(told["steps"]), np.array(moves, dtype=np.float64), told["errors"])
