"""What models say at a close, as tables: forecasts, their intervals, and the naive interval beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from coincast.experiments.bands import NAIVE_LEVELS, OWN_LEVELS, LookBack, lay_around
from coincast.experiments.fitted.evidence import Verdict
from coincast.experiments.fitted.model import FittedModel
from coincast.forecasts.residuals import INTERVAL_KEYS
from coincast.forecasts.table import SORTING
from coincast.scores.verdict import NAIVE

OUTLOOK_KEYS = ("market", "interval", "model", "quantity", "origin", "step", "target_time")
JUDGE_IT = "Nothing is known of the worth of this model: compare, with the same settings, says what it is worth."


@dataclass(frozen=True, eq=False)
class LiveAnswer:
    """What the models of a `LiveModel` say of the next candles.

    Attributes:
        forecasts: a forecast table, for each market and model the one that counts: the mean of the runs, or its only
            run. `last_close` is the naive forecast.
        runs: the same of every single run.
        intervals: an interval table of these models, `q05` to `q95`; a model without calibration is not in it.
        naive_intervals: an interval table of the model `naive`.
        outlook: all of it side by side, as a person reads it, and the spread of the runs as `low, high`.
        missing: market -> why it has no forecast.
        verdicts: what the same settings were worth, of the markets that were asked about.
        fingerprints: hashes of the candles that were looked at (`data`), of the `model` and of the `code`.
        notes: what else a reader should know.
    """

    forecasts: pl.DataFrame
    runs: pl.DataFrame
    intervals: pl.DataFrame
    naive_intervals: pl.DataFrame
    outlook: pl.DataFrame
    missing: Mapping[str, str]
    verdicts: tuple[Verdict, ...]
    fingerprints: Mapping[str, str]
    notes: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """That of the model."""
        return self.fingerprints["model"]

    @property
    def trained_until(self) -> int:
        """Close of the last candle that any of the models knows, milliseconds since 1970."""
        latest: int = self.forecasts["trained_until"].to_physical().max()  # type: ignore[assignment]
        return latest

    @property
    def verdict(self) -> str | None:
        """The word on the first model and market; None where nothing was judged."""
        return self.verdicts[0].verdict if self.verdicts else None

    @property
    def sentence(self) -> str:
        """That verdict for a layman."""
        return self.sentences[0]

    @property
    def sentences(self) -> tuple[str, ...]:
        """The verdict on every market and model; each names its market where there are several."""
        several = len({one.market for one in self.verdicts}) > 1
        told = tuple(f"{one.market}: " * several + one.sentence for one in self.verdicts)
        return told or (JUDGE_IT,)

    def describe(self) -> dict[str, Any]:
        """Everything as plain values, for JSON."""
        return {
            "forecasts": self.outlook.to_dicts(),
            "missing": dict(self.missing),
            "verdict": self.verdict,
            "sentence": self.sentence,
            "sentences": list(self.sentences),
            "verdicts": [vars(one) for one in self.verdicts],
            "trained_until": self.forecasts["trained_until"].max(),
            "fingerprints": dict(self.fingerprints),
            "notes": list(self.notes),
        }


def tabulate_answer(
    said: Sequence[tuple[FittedModel, pl.DataFrame]], backs: Mapping[str, LookBack]
) -> dict[str, pl.DataFrame]:
    """The tables of an answer.

    Args:
        said: each model, and its forecast table with runs and their mean.
        backs: what the closes of each market tell; none where no price is forecast.
    """
    parts = [_lay_out(model, rows, backs) for model, table in said for rows in table.partition_by("market")]
    outlook = pl.concat(parts).sort("market", "model", "step")
    every = pl.concat([table for _, table in said]).sort(SORTING)
    counts = pl.concat([_counting(model, table) for model, table in said]).sort(SORTING)
    keys = counts.select(INTERVAL_KEYS)
    told = outlook.select(*OUTLOOK_KEYS, *OWN_LEVELS).filter(pl.col(OWN_LEVELS[0]).is_not_null())
    intervals = keys.join(told, on=list(OUTLOOK_KEYS), how="inner", maintain_order="left")
    return {
        "forecasts": counts,
        "runs": every.filter(pl.col("run") > 0),
        "intervals": intervals.select(*INTERVAL_KEYS, *OWN_LEVELS),
        "naive_intervals": _naive_table(outlook),
        "outlook": outlook,
    }


def _counting(model: FittedModel, table: pl.DataFrame) -> pl.DataFrame:
    """The rows that count: of the mean, where there are several runs."""
    return table.filter(pl.col("run") == (0 if model.spec.training.seeds > 1 else 1), pl.col("value").is_not_null())


def _lay_out(model: FittedModel, rows: pl.DataFrame, backs: Mapping[str, LookBack]) -> pl.DataFrame:
    """What a model says of one market, with everything beside."""
    counting, market = _counting(model, rows).sort("step"), rows["market"][0]
    values = rows.filter(pl.col("run") > 0).sort("run", "step")["value"].fill_null(np.nan).to_numpy()
    runs = values.reshape(-1, rows["step"].n_unique())
    runs = runs[np.isfinite(runs).all(axis=1)]
    bands = np.full((counting.height, 2 * len(OWN_LEVELS)), np.nan)
    if market in backs and counting.height:
        moves = None if model.evidence is None else model.evidence.moves.get(market)
        own = lay_around(counting["value"].to_numpy(), runs, backs[market], moves)
        bands = np.hstack([own, backs[market].naive])
    spread = np.full((counting.height, 2), np.nan)
    if len(runs) > 1 and counting.height:
        spread = np.quantile(runs, (0.05, 0.95), axis=0).T
    names = dict.fromkeys(["low", "high", *OWN_LEVELS, *NAIVE_LEVELS], pl.Float64)
    beside = pl.DataFrame(np.hstack([spread, bands]), schema=names).fill_nan(None)
    told = counting.select(*OUTLOOK_KEYS, "value", "naive").hstack(beside)
    return told.select(*OUTLOOK_KEYS, "value", "low", "high", "naive", *OWN_LEVELS, *NAIVE_LEVELS)


def _naive_table(outlook: pl.DataFrame) -> pl.DataFrame:
    """The naive interval of each market, as a model of its own."""
    rows = outlook.filter(pl.col(NAIVE_LEVELS[0]).is_not_null()).unique(["market", "step"], maintain_order=True)
    told = rows.with_columns(model=pl.lit(NAIVE), run=pl.lit(0, dtype=pl.Int64), trained_until=pl.col("origin")).sort(
        "market", "step"
    )
    renamed = dict(zip(NAIVE_LEVELS, OWN_LEVELS, strict=True))
    return told.drop(OWN_LEVELS).rename(renamed).select(*INTERVAL_KEYS, *OWN_LEVELS)
