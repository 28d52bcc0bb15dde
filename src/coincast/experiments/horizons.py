"""Several horizons of one training: the forecasts of the longest hold those of the shorter ones, and each is judged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from coincast.errors import UsageError
from coincast.experiments.spec import Spec
from coincast.experiments.story import say
from coincast.forecasts.combine import ENSEMBLE, MODEL_KEYS
from coincast.samples.quantities import QUANTITIES
from coincast.scores.significance import ALPHA, adjust_holm
from coincast.scores.verdict import deciding_rows, score_forecasts

LONGEST = 10_000


def read_horizons(given: int | str | Sequence[int | str]) -> tuple[int, ...]:
    """Horizons in ascending order, each once: from 7, "1,7,30", or a list of such.

    Raises:
        UsageError: none, or one that is no whole number from 1.
    """
    several = [given] if isinstance(given, int | str) else list(given)
    words = [word.strip() for one in several for word in str(one).split(",")]
    wrong = [word for word in words if not (word.isascii() and word.isdecimal() and 1 <= int(word) <= LONGEST)]
    if wrong or not words:
        told = wrong[0] if wrong else ""
        raise UsageError(
            f"horizon is {told or 'empty'}; allowed: whole numbers of candles from 1 to {LONGEST:,}, such as 7 or "
            "1,7,30"
        )
    return tuple(sorted({int(word) for word in words}))


def refuse_horizons(spec: Spec, horizons: Sequence[int]) -> None:
    """Refuse several horizons of what speaks of the whole horizon at once.

    Raises:
        UsageError: there are several, and the forecast of the longest does not hold those of the shorter ones.
    """
    quantity = spec.samples.quantity
    if len(horizons) > 1 and QUANTITIES[quantity].is_whole:
        raise UsageError(
            f"horizons are {', '.join(map(str, horizons))}, and a {quantity} is one number for the whole horizon, so "
            "that each is a training of its own; ask for one at a time"
        )


def judge_horizons(forecasts: pl.DataFrame, horizons: Sequence[int]) -> pl.DataFrame:
    """The deciding rows for each horizon: the mean over its steps, of every market and model.

    Words follow p after Holm's adjustment over all of these rows: who looks at three horizons has three chances of
    luck.

    Args:
        forecasts: a table of forecasts with `actual`; its steps reach to the longest horizon at least.
        horizons: candles ahead, ascending.

    Returns:
        `horizon` and the columns of the score table, in order of horizon, market and skill.
    """
    is_one_of_several = (pl.col("run") > 0) & (pl.col("run").n_unique().over(MODEL_KEYS) > 1)
    judged = forecasts.filter(~is_one_of_several)
    tables = [
        deciding_rows(score_forecasts(judged.filter(pl.col("step") <= horizon))).with_columns(
            horizon=pl.lit(horizon, dtype=pl.Int64)
        )
        for horizon in horizons
    ]
    rows = pl.concat(tables)
    is_tested = (rows["verdict"].is_not_null() & rows["p"].is_not_null()).to_numpy()
    adjusted = np.full(rows.height, np.nan)
    adjusted[is_tested] = adjust_holm(rows["p"].to_numpy()[is_tested])
    better = np.where((rows["value"] < rows["naive"]).to_numpy(), "better", "worse")
    words = np.where(adjusted < ALPHA, better, "not distinguishable").tolist()
    verdicts = [word if tested else old for word, tested, old in zip(words, is_tested, rows["verdict"], strict=True)]
    told = rows.with_columns(pl.Series("p_holm", adjusted).fill_nan(None), pl.Series("verdict", verdicts, pl.String))
    return told.select("horizon", *(name for name in told.columns if name != "horizon"))


def say_horizons(rows: pl.DataFrame, headlines: Sequence[tuple[str, str]]) -> list[str]:
    """A sentence for each horizon and market, of the models that stand for their market.

    Args:
        rows: what `judge_horizons` gave.
        headlines: (market, model) of each market that was forecast.
    """
    sentences = []
    for market, model in headlines:
        own = rows.filter(pl.col("market") == market, pl.col("model").is_in([model, model.removesuffix(ENSEMBLE)]))
        name = f"{market}, " if len(headlines) > 1 else ""
        for row in own.iter_rows(named=True):
            candles = "1 candle" if row["horizon"] == 1 else f"{row['horizon']} candles"
            sentences.append(f"{name}{candles} ahead: {say(rows, row)}")
    return sentences
