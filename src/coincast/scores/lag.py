"""The shifted curve: is a line an old price, and how much of it is the last one that was known?

A line of price forecasts hugs the real one because prices move little from candle to candle. Three figures tell what
the eye cannot: the lag at which the line fits best, how far it dares to leave the last price, and whether it leaves it
in the right direction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.forecasts.combine import MODEL_KEYS, RUN_KEYS, failed_runs
from coincast.forecasts.prices import price_path
from coincast.scores.finding import KEY_COLUMNS, Finding, Options, Shortage, decided_words, make_table, tell_shortages
from coincast.scores.lag_words import NO_MOVE, lag_sentence
from coincast.scores.series import keep_ensembles

Floats = NDArray[np.float64]

LAGS_PER_STEP = 10
FEWEST_LAGGED = 10
"""Forecasts needed to say at which lag a line fits best."""
CLEARLY_NEARER = 0.6
"""A line is an old price where its distance from that price is at most this share of its distance from the truth."""
LEAST_VARIATION = 0.01
"""Share of the variation of real moves below which own moves do not vary enough to agree with anything."""

LAG_COLUMNS: dict[str, pl.DataType] = {
    **KEY_COLUMNS,
    "step": pl.Int64(),
    "n": pl.Int64(),
    "lag": pl.Int64(),
    "distance": pl.Float64(),
    "from_truth": pl.Float64(),
    "is_old_price": pl.Boolean(),
    "own_move": pl.Float64(),
    "real_move": pl.Float64(),
    "boldness": pl.Float64(),
    "from_last": pl.Float64(),
    "real_from_last": pl.Float64(),
    "agreement": pl.Float64(),
    "sentence": pl.String(),
}
"""The table of `lag_table`: the figures of `Lag` and of `Hold`, one row per market and model."""

PROFILE_COLUMNS: dict[str, pl.DataType] = {
    **KEY_COLUMNS,
    "step": pl.Int64(),
    "lag": pl.Int64(),
    "distance": pl.Float64(),
}


@dataclass(frozen=True)
class Lag:
    """At which lag a line fits best: `candles` back from its target, 0 where it fits the truth best.

    Attributes:
        candles: the lag.
        distance: mean |ln(forecast / price that many candles before the target)|.
        from_truth: the same at lag 0, over the same forecasts.
        step: steps ahead of the forecasts that were looked at, the smallest in the table.
    """

    candles: int
    distance: float
    from_truth: float
    step: int

    @property
    def is_old_price(self) -> bool:
        """Whether the line is clearly nearer to a price known at its origin than to the truth."""
        return self.candles >= self.step and self.distance <= CLEARLY_NEARER * self.from_truth


@dataclass(frozen=True)
class Hold:
    """How much of a line is the last known price.

    With v the forecast, c the last close and a the price that came, in logs: the line's own move is v - c, the real one
    a - c. The share of a line that comes from the last price is that of the variation which is left unexplained without
    its own moves, 1 - var(v - c) / var(v), never below 0.

    Attributes:
        n: forecasts looked at.
        own_move: mean size of the line's own moves; 0.02 is 2 %.
        real_move: mean size of the real ones.
        boldness: own over real: 0 for a copy, 1 for a line that leaves the last price as far as prices do; None where
            the price never moves.
        from_last: share of the line's ups and downs that the last price explains.
        real_from_last: the same share of the real prices. It is as high, which is why every such line looks good.
        agreement: correlation, from -1 to 1, of own and real moves; None where the real ones do not vary, or the own
            ones by less than 1 % of them (standard deviations): what agrees there is rounding.
    """

    n: int
    own_move: float
    real_move: float
    boldness: float | None
    from_last: float | None
    real_from_last: float | None
    agreement: float | None


def find_lag(forecasts: pl.DataFrame) -> Lag | None:
    """Find the lag at which a line fits best: the old price that it is, or the truth.

    For each lag L from 0 to ten times the step, the mean of |ln(forecast for t) - ln(price L candles before t)| over
    the forecasts for which all these prices are known; of forecasts several steps ahead those of the smallest step.
    Where gaps leave too few of them, fewer lags are tried.

    Args:
        forecasts: price forecasts of one market and model, with `actual` and `last_close`.

    Returns:
        The best lag, or None where fewer than ten forecasts can be compared.
    """
    distances = _measure_distances(forecasts)
    if distances is None:
        return None
    best = int(np.argmin(distances))
    return Lag(best, float(distances[best]), float(distances[0]), _first_step(forecasts))


def measure_hold(forecasts: pl.DataFrame) -> Hold | None:
    """Measure how much of a line is the last known price, over the forecasts of the smallest step.

    Args:
        forecasts: price forecasts of one market and model, with `actual` and `last_close`.

    Returns:
        The figures, or None where fewer than ten forecasts can be looked at.
    """
    names = ("value", "last_close", "actual")
    told = forecasts.filter(pl.col("step") == _first_step(forecasts))
    told = told.filter(pl.col(name).is_finite() & (pl.col(name) > 0) for name in names)
    if told.height < FEWEST_LAGGED:
        return None
    value, last, actual = (np.log(told[name].to_numpy()) for name in names)
    own, real = value - last, actual - last
    own_size, real_size = float(np.abs(own).mean()), float(np.abs(real).mean())
    return Hold(
        n=told.height,
        own_move=own_size,
        real_move=real_size,
        boldness=own_size / real_size if real_size > NO_MOVE else None,
        from_last=_share_explained(value, own),
        real_from_last=_share_explained(actual, real),
        agreement=_correlate(own, real),
    )


def lag_profile(forecasts: pl.DataFrame) -> pl.DataFrame:
    """Mean distance of every line from the prices of every lag, for a picture: the dip shows what the line is.

    Args:
        forecasts: a table of forecasts; other quantities than prices are left out, and so are single runs of several.

    Returns:
        market, interval, quantity, model, step, lag (candles back from the target) and distance (mean |ln| as in
        `Lag`), ascending in lag; no rows for models with too few forecasts.
    """
    rows = []
    for keys, own in _lines(forecasts):
        distances, step = _measure_distances(own), _first_step(own)
        for lag, distance in enumerate([] if distances is None else distances.tolist()):
            rows.append({**keys, "step": step, "lag": lag, "distance": distance})
    return make_table(rows, PROFILE_COLUMNS)


def lag_table(forecasts: pl.DataFrame, scores: pl.DataFrame, options: Options) -> Finding:
    """The diagnosis of the shifted curve for every model: its lag, its hold on the last price and a sentence.

    Args:
        forecasts: a table of forecasts; other quantities than prices are left out, and so are single runs of several.
        scores: its score table: of a forecast that is `better` nobody is told that it is an old price.
        options: not needed.

    Returns:
        `LAG_COLUMNS`; models with fewer than ten forecasts are named in a note.
    """
    rows, shortages, verdicts = [], [], decided_words(scores)
    for keys, own in _lines(forecasts):
        hold, lag = measure_hold(own), find_lag(own)
        if hold is None:
            shortages.append(Shortage(f"{keys['model']} on {keys['market']}", own.height, FEWEST_LAGGED))
            continue
        found = {
            "lag": None if lag is None else lag.candles,
            "distance": None if lag is None else lag.distance,
            "from_truth": None if lag is None else lag.from_truth,
            "is_old_price": None if lag is None else lag.is_old_price,
        }
        is_better = verdicts.get(tuple(keys.values())) == "better"
        words = lag_sentence(lag, hold, keys["interval"], is_better=is_better)
        rows.append({**keys, "step": _first_step(own), **found, **vars(hold), "sentence": words})
    return Finding(make_table(rows, LAG_COLUMNS), tell_shortages("the diagnosis of the shifted curve", shortages))


def _lines(forecasts: pl.DataFrame) -> list[tuple[dict[str, str], pl.DataFrame]]:
    """Keys and forecasts of every model that forecasts a price; failed runs are left out wholly."""
    table = keep_ensembles(forecasts).filter(pl.col("quantity") == "price")
    names = [name for name in ("actual", "last_close") if name not in table.columns]
    table = table.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in names)
    sound = table.join(failed_runs(table), on=RUN_KEYS, how="anti", maintain_order="left")
    parts = sound.partition_by(MODEL_KEYS, maintain_order=True)
    return [({name: part[name][0] for name in KEY_COLUMNS}, part) for part in parts]


def _first_step(forecasts: pl.DataFrame) -> int:
    return int(forecasts["step"].min())  # type: ignore[arg-type]


def _measure_distances(forecasts: pl.DataFrame) -> Floats | None:
    """Mean distance of a line from the price of each lag, None where fewer than ten forecasts can be compared."""
    path, step = price_path(forecasts), _first_step(forecasts)
    line = forecasts.filter(pl.col("step") == step, pl.col("value").is_finite(), pl.col("value") > 0)
    if line.height < FEWEST_LAGGED:
        return None
    targets = path.clock.number(line["target_time"])
    most = max(step, min(LAGS_PER_STEP * step, line.height // 2))
    prices = np.log(np.stack([path.at(targets - lag) for lag in range(most + 1)]))
    distances = np.abs(np.log(line["value"].to_numpy()) - prices)
    for tried in sorted({most, min(most, 3 * step), step}, reverse=True):
        known = ~np.isnan(distances[: tried + 1]).any(axis=0)
        if known.sum() >= FEWEST_LAGGED:
            return np.asarray(distances[: tried + 1, known].mean(axis=1))
    return None


def _share_explained(line: Floats, own: Floats) -> float | None:
    """Share of the variation of a line that is not that of its own moves; None where the line does not vary."""
    spread = float(line.var())
    return max(0.0, 1 - float(own.var()) / spread) if spread > NO_MOVE**2 else None


def _correlate(own: Floats, real: Floats) -> float | None:
    if real.std() <= NO_MOVE or own.std() < LEAST_VARIATION * real.std():
        return None
    return float(np.corrcoef(own, real)[0, 1])
