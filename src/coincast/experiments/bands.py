"""What lies around a forecast beyond the last candle: its calibrated interval, and the naive one beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.experiments.moves import Moves, calibrate, runs_behind
from coincast.forecasts.intervals import INTERVALS, LEVELS
from coincast.forecasts.prices import CandleClock, PricePath
from coincast.forecasts.residuals import origin_volatility
from coincast.forecasts.table import quantile_name
from coincast.scores.naive_interval import LAMBDA, WINDOW, naive_quantiles
from coincast.scores.verdict import NAIVE as NAIVE_MODEL

if TYPE_CHECKING:
    from coincast.experiments.result import Result
    from coincast.experiments.spec import Spec

Floats = NDArray[np.float64]

MEMORY = 1_024
"""Candles that are looked back at, and twice the longest step: those before them weigh less than 0.94^700 in the
volatility, nothing beside a rounding, and the naive interval takes its quantiles from the latest 250 moves."""
NAIVE = "naive_"
"""Begins the names of the naive interval's columns."""
OWN_LEVELS = [quantile_name(level) for level in LEVELS]
NAIVE_LEVELS = [NAIVE + name for name in OWN_LEVELS]


@dataclass(frozen=True, eq=False)
class LookBack:
    """What the closes of one market tell at its last candle.

    Attributes:
        last_close: the naive forecast.
        volatility: EWMA of one candle, in logs; NaN below 20 known moves.
        naive: quantiles of the naive interval, prices (step, level); NaN where too few moves are known.
    """

    last_close: float
    volatility: float
    naive: Floats


def look_back(candles: pl.DataFrame, steps: Sequence[int], levels: Sequence[float] = LEVELS) -> LookBack:
    """Look back from the last candle of one market.

    Args:
        candles: of one market and interval, in order of time; only the newest are looked at.
        steps: candles ahead.
        levels: of the naive interval.
    """
    recent = candles.tail(MEMORY + 2 * max(steps))
    clock = CandleClock.of(recent["close_time"], recent["interval"][0])
    path = PricePath(clock, clock.number(recent["close_time"]), recent["close"].to_numpy())
    last = float(path.prices[-1])
    volatility = origin_volatility(path, path.candles[-1:])[0]
    return LookBack(last, float(volatility), _naive_at_the_end(path, steps, levels) * last)


def _naive_at_the_end(path: PricePath, steps: Sequence[int], levels: Sequence[float]) -> Floats:
    """Quantiles of the naive interval at the last candle (step, level), relative to its close.

    All steps at once where no candle is missing, since this is asked at every close; else `naive_quantiles` by step.
    """
    shifts, logs = np.array(steps), np.log(path.prices)
    is_whole = len(logs) >= WINDOW + 2 * shifts.max() and (np.diff(path.candles) == 1).all()
    if is_whole:
        moves = np.full((len(logs), len(shifts)), np.nan)
        for column, step in enumerate(steps):
            moves[step:, column] = logs[step:] - logs[:-step]
        squares = pl.DataFrame(moves**2).fill_nan(None)
        scale = np.sqrt(squares.select(pl.all().ewm_mean(alpha=1 - LAMBDA)).to_numpy())
        newest = np.arange(len(logs) - WINDOW, len(logs))[:, None]
        before = np.take_along_axis(scale, newest - shifts, axis=0)
        if (before > 0).all():
            return np.asarray(np.exp(np.quantile(moves[-WINDOW:] / before, levels, axis=0).T * scale[-1][:, None]))
    return np.stack([naive_quantiles(path, path.candles[-1:], step, levels)[0] for step in steps])


def learn_moves(result: Result) -> dict[tuple[str, str], Moves]:
    """The moves of every judged model of an experiment, by its `judge.intervals`; none where that is "none".

    Nor where intervals start from quantiles that a network forecasts itself: those are told on the test span only.
    """
    method = result.spec.judge.intervals
    if method == "none" or result.spec.samples.quantity != "price" or _starts_at_own(result.spec):
        return {}
    return calibrate(result.forecasts, result.calibration, method=method)


def add_bands(outlook: pl.DataFrame, result: Result) -> pl.DataFrame:
    """Give the rows of an outlook their quantiles, `q05` to `q95`, and those of the naive interval, `naive_q05` ....

    Null where there is nothing to tell them from: what is forecast is no price, or no candles are at hand.

    Args:
        outlook: `market, model, quantity, step, value`, one origin for each market.
        result: the experiment behind it, with its candles.
    """
    levels = dict.fromkeys([*OWN_LEVELS, *NAIVE_LEVELS], pl.Float64)
    is_price = set(outlook["quantity"]) == {"price"}
    if not is_price or result.candles.is_empty():
        return outlook.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in levels)
    moves = learn_moves(result)
    parts = []
    for (market, model), rows in outlook.group_by("market", "model", maintain_order=True):
        candles = result.candles.filter(pl.col("market") == market).sort("close_time")
        back = look_back(candles, rows["step"].to_list())
        runs = runs_behind(result.outlook.filter(pl.col("market") == market), str(model))
        own = lay_around(rows["value"].to_numpy(), runs, back, moves.get((str(market), str(model))))
        parts.append(rows.hstack(pl.DataFrame(np.hstack([own, back.naive]), schema=levels).fill_nan(None)))
    return pl.concat(parts)


def lay_around(value: Floats, runs: Floats, back: LookBack, moves: Moves | None) -> Floats:
    """Quantiles around the forecast of the first steps (step, level); NaN where no moves are known."""
    if moves is None:
        return np.full((len(value), len(LEVELS)), np.nan)
    return moves.quantiles(value, runs, last_close=back.last_close, volatility=back.volatility)


def tell_without_bands(result: Result, moves: Mapping[tuple[str, str], Moves]) -> list[str]:
    """What a reader should know of intervals that are not there, or reach without end."""
    method = result.spec.judge.intervals
    if result.spec.samples.quantity != "price" or result.outlook.is_empty():
        return []
    if method == "none":
        return ["no intervals were asked for (judge.intervals)"]
    if _starts_at_own(result.spec):
        return [
            f'the quantiles that a network forecasts itself (judge.intervals = "{method}") are told on the test span '
            'only; take "split" for an interval beyond the last candle'
        ]
    shown = set(result.outlook["model"]) - {NAIVE_MODEL}
    endless = sorted({model for (_, model), one in moves.items() if np.isinf(one.moves).any()} & shown)
    few = "the validation part has too few forecasts for their widest intervals, which reach without end"
    return [f"{', '.join(endless)}: {few}"] if endless else []


def _starts_at_own(spec: Spec) -> bool:
    """Whether intervals start from the quantiles that networks forecast themselves."""
    method = spec.judge.intervals
    return method == "network" or (INTERVALS[method].start == "both" and spec.recipe().head.quantiles is not None)
