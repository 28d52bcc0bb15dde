"""Judge forecasts that come from anywhere: what are they worth, and are they more than an old price?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import polars as pl

from coincast.errors import ForecastError, UsageError
from coincast.experiments.summary import list_further
from coincast.forecasts.combine import GROUP_KEYS, MODEL_KEYS, RUN_KEYS, add_ensembles, failed_runs
from coincast.forecasts.outside import OutsideForecasts, read_outside, take_intervals
from coincast.forecasts.outside_cells import clean_names
from coincast.forecasts.table import FORECAST_COLUMNS, check_forecasts, is_quantile_name
from coincast.reports.quantities import say_for
from coincast.reports.tables import leaderboard, leaderboard_html
from coincast.scores.finding import Finding, Options
from coincast.scores.further import examine_further
from coincast.scores.interval import score_intervals
from coincast.scores.lag import find_lag
from coincast.scores.lag_words import name_old_price
from coincast.scores.verdict import NAIVE, count_origins, count_tests, deciding_rows, score_forecasts
from coincast.scores.words import percent, sentence
from coincast.tabular import read_table, to_pandas


@dataclass(frozen=True)
class ModelJudgement:
    """What one model is worth on one market; None where nothing can be said.

    Attributes:
        model: its name.
        market: market.
        verdict: "better", "not distinguishable", "worse" or "too few".
        skill: 1 - error / naive error.
        low: lower end of the 95 % interval of the skill.
        high: upper end of it.
        detectable: the skill that this sample would have shown with 80 % power.
        n: origins judged.
        lag: candles back from the target at which the line fits best, 0 for the truth.
        sentence: all that in words.
    """

    model: str
    market: str
    verdict: str
    skill: float | None
    low: float | None
    high: float | None
    detectable: float | None
    n: int
    lag: int | None
    sentence: str


@dataclass(frozen=True)
class Judgement:
    """The judgement on a table of forecasts.

    Attributes:
        forecasts: the forecasts as they were read.
        scores: the score table.
        intervals: quantile forecasts, None where there are none.
        models: one judgement per market and model, the best first within each market.
        notes: what was assumed, left out or counted.
        options: how the further tests are made.
        trials: configurations that were judged on the test span so far, where they are counted: by the command.
    """

    forecasts: pl.DataFrame
    scores: pl.DataFrame
    intervals: pl.DataFrame | None
    models: tuple[ModelJudgement, ...]
    notes: tuple[str, ...] = field(default=())
    options: Options = field(default=Options())
    trials: int | None = None

    @cached_property
    def further(self) -> Mapping[str, Finding]:
        """What the further tests found, by name (`coincast.scores.further.FURTHER`); made when first asked for."""
        return examine_further(add_ensembles(self.forecasts), self.scores, options=self.options)

    @property
    def verdict(self) -> str:
        """The word on the first model."""
        return self.models[0].verdict

    @property
    def sentence(self) -> str:
        """What is said of every model, one line each."""
        return "\n".join(model.sentence for model in self.models)

    @property
    def leaderboard(self) -> pl.DataFrame:
        """One row per market and model, best skill first within a market, naive among them."""
        return leaderboard(self.scores)

    def to_dict(self, *, report: str | None = None) -> dict[str, Any]:
        """All figures as JSON can hold them; NaN and infinity are null.

        Args:
            report: path of the report, if one was written.
        """
        return {
            "models": [{name: _plain(value) for name, value in vars(model).items()} for model in self.models],
            "scores": [{name: _plain(value) for name, value in row.items()} for row in self.scores.to_dicts()],
            "further": list_further(self.further),
            "report": report,
            "notes": list(self.notes),
        }

    def to_pandas(self) -> Any:
        """The leaderboard as a pandas frame."""
        return to_pandas(self.leaderboard)

    def _repr_html_(self) -> str:
        from html import escape

        lines = "".join(f"<p>{escape(model.sentence)}</p>" for model in self.models)
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return f"{lines}{leaderboard_html(self.scores)}<ul>{notes}</ul>"


def judge(
    forecasts: Any,
    *,
    columns: Mapping[str, str] | None = None,
    market: str | None = None,
    interval: str | None = None,
    zone: str | None = None,
    horizon: int | None = None,
    quantity: str = "price",
    options: Options | None = None,
) -> Judgement:
    """Say what forecasts are worth beside the naive forecast.

    Args:
        forecasts: a CSV or Parquet file, a pandas or polars frame: somebody's target_time, actual and predicted (see
            `coincast.forecasts.outside`), or a forecast table of Coincast with its actual values.
        columns: meaning to column, where names do not tell: `{"predicted": "my model"}`.
        market: market of rows that name none.
        interval: interval of the candles; else inferred.
        zone: zone of times without one; else UTC.
        horizon: steps ahead of every row, where the table says neither origin nor step.
        quantity: "price", "log_return", "direction" or "volatility"; the last two need a column `naive`.
        options: how the further tests are made.

    Returns:
        The judgement.

    Raises:
        DataError: the table cannot be read, or holds nothing that can be judged.
        UsageError: an unknown option, a quantity that cannot be judged, or options beside a forecast table of Coincast.

    Example:
        >>> import polars as pl
        >>> from datetime import date
        >>> days = pl.date_range(date(2020, 1, 1), date(2020, 3, 1), eager=True)
        >>> price = pl.Series([100.0 + (7 * i * i) % 11 for i in range(days.len())])
        >>> table = pl.DataFrame({"target_time": days, "actual": price, "predicted": price.shift(1)})
        >>> judge(table).models[0].lag
        1
    """
    table = read_table(forecasts)
    reading = {"columns": columns, "market": market, "interval": interval, "zone": zone, "horizon": horizon}
    if _is_ours(table):
        given = [name for name, value in reading.items() if value]
        read = _take_ours(table, given if quantity == "price" else [*given, "quantity"])
    else:
        read = read_outside(table, quantity=quantity, **reading)  # type: ignore[arg-type]
    scores = score_forecasts(read.forecasts)
    of_intervals = None if read.intervals is None else score_intervals(read.forecasts, read.intervals)
    scores = scores if of_intervals is None else pl.concat([scores, of_intervals])
    models = _judge_models(read.forecasts, scores)
    if not models:
        raise ForecastError(f"the table holds only the forecast {NAIVE!r} itself; give a model's forecasts beside it")
    notes = [*read.notes, *_count_notes(read.forecasts)]
    if read.intervals is not None and of_intervals is not None:
        notes.extend(_interval_notes(read.intervals, of_intervals))
    return Judgement(read.forecasts, scores, read.intervals, models, tuple(notes), options or Options())


def _is_ours(table: pl.DataFrame) -> bool:
    """Whether a frame is a forecast table of ours, with its types."""
    types = table.schema
    return all(name in types for name in FORECAST_COLUMNS) and isinstance(types["trained_until"], pl.Datetime)


def _take_ours(table: pl.DataFrame, given: list[str]) -> OutsideForecasts:
    """A forecast table of ours, with quantiles beside its forecasts where it has them.

    Raises:
        UsageError: options were given, and such a table says everything itself.
    """
    if given:
        raise UsageError(
            f"{', '.join(given)} {'is' if len(given) == 1 else 'are'} given, and this is a forecast table of Coincast, "
            "which says all that itself; leave the option out"
        )
    names = table.columns
    table = table.with_columns(clean_names(pl.col(name)) for name in ("market", "model") if name in names)
    forecasts = check_forecasts(table.drop(name for name in names if is_quantile_name(name)))
    return OutsideForecasts(forecasts, take_intervals(table), ())


def _judge_models(forecasts: pl.DataFrame, scores: pl.DataFrame) -> tuple[ModelJudgement, ...]:
    tables, tests = add_ensembles(forecasts).partition_by(MODEL_KEYS, as_dict=True), count_tests(scores)
    rows = deciding_rows(scores).drop_nulls("verdict")
    return tuple(
        _judge_model(row, tables[tuple(row[name] for name in MODEL_KEYS)], tests) for row in rows.iter_rows(named=True)
    )


def _judge_model(row: dict[str, Any], own: pl.DataFrame, tests: int) -> ModelJudgement:
    lag = find_lag(own) if row["quantity"] == "price" else None
    words = say_for(row["quantity"], sentence(row, tests=tests))
    is_ahead = row["verdict"] == "better" or (row["verdict"] == "too few" and (row["skill"] or 0) > 0)
    if lag is not None and lag.is_old_price and not is_ahead:
        words = f"{words} This line is {name_old_price(lag.candles, row['interval'])}."
    figures = {name: row[name] for name in ("model", "market", "verdict", "skill", "low", "high", "detectable", "n")}
    return ModelJudgement(**figures, lag=None if lag is None else lag.candles, sentence=words)


def _count_notes(forecasts: pl.DataFrame) -> list[str]:
    """What was not judged, and prices at or below zero."""
    notes = [
        f"{row['model']} on {row['market']}: run {row['run']} failed and is left out"
        for row in failed_runs(forecasts).iter_rows(named=True)
    ]
    for row in count_origins(forecasts).iter_rows(named=True):
        who = f"{row['model']} on {row['market']}" + (f", run {row['run']}" if row["run"] else "")
        if row["dropped"]:
            wordless = "" if row["judged"] else "; none is left, so there is no word"
            notes.append(f"{who}: {_count(row['dropped'], 'origin')} not judged ({row['reasons']}){wordless}")
        if row["floored"]:
            notes.append(f"{who}: {_count(row['floored'], 'forecast')} at or below 0, scored as 1 % of last close")
    notes.extend(
        f"{row['model']} on {row['market']}: {_count(row['places'], 'forecast')} made by some of its runs only; "
        "there the ensemble is the mean of those"
        for row in _ragged_models(forecasts).iter_rows(named=True)
    )
    return notes


def _ragged_models(forecasts: pl.DataFrame) -> pl.DataFrame:
    """Models whose sound runs do not forecast the same: market, model, and `places`, how many forecasts some lack."""
    several = forecasts.filter(pl.col("run").n_unique().over(MODEL_KEYS) > 1)
    sound = several.join(failed_runs(forecasts), on=RUN_KEYS, how="anti")
    counts = sound.group_by(GROUP_KEYS).len().filter(pl.col("len") < pl.col("len").max().over(MODEL_KEYS))
    return counts.group_by(MODEL_KEYS).agg(places=pl.len()).sort(MODEL_KEYS)


def _interval_notes(intervals: pl.DataFrame, scores: pl.DataFrame) -> list[str]:
    """What quantiles covered beside what they promise and beside the naive interval, and those that cross."""
    notes = []
    whole = (pl.col("subset") == "all") & (pl.col("step") == 0)
    scored = scores.filter(whole & pl.col("metric").str.starts_with("coverage_"))
    for row in scored.iter_rows(named=True):
        size = row["metric"].removeprefix("coverage_")
        notes.append(
            f"{row['model']} on {row['market']}: its {size} % intervals held {percent(row['value'])} of the prices, "
            f"the naive ones {percent(row['naive'])}"
        )
    if scores.is_empty():
        notes.append("the quantiles are not scored: the prices in the table are too few for a naive interval beside")
    levels = [name for name in intervals.columns if is_quantile_name(name)]
    crossing = intervals.filter(
        pl.any_horizontal(pl.col(low) > pl.col(high) for low, high in pairwise(levels)) if len(levels) > 1 else False
    )
    for (model, market), rows in crossing.group_by("model", "market", maintain_order=True):
        notes.append(
            f"{model} on {market}: quantiles cross in {_count(rows.height, 'row')} (a lower level above a higher one); "
            "they are scored as given"
        )
    return notes


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _plain(value: Any) -> Any:
    """A figure as JSON can hold it."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
