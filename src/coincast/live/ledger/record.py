"""The track record: what the ledger says of every model, with all that went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from coincast.forecasts.table import TIME
from coincast.live.ledger.entry import FORECAST, SCORE, Entry, Head
from coincast.live.ledger.forecast import quantiles_of
from coincast.live.ledger.ledger import Ledger
from coincast.live.ledger.running import Running, running
from coincast.live.ledger.tables import outage_table, score_table, to_table
from coincast.scores.quantiles import wilson_interval

MISSED_LEVEL = "90"
"""Percent of the interval outside which a close is called a miss."""
_LOW, _HIGH = "q05", "q95"

PLACE: dict[str, pl.DataType] = {"market": pl.String(), "interval": pl.String(), "model": pl.String()}
_FIGURES = ("loss", "naive", "skill", "low", "high", "statistic", "p", "p_holm", "detectable")

MODEL_COLUMNS: dict[str, pl.DataType] = {
    **PLACE,
    "source": pl.String(),
    "forecasts": pl.Int64(),
    "late": pl.Int64(),
    "n": pl.Int64(),
    "overlap": pl.Int64(),
    **dict.fromkeys(_FIGURES, pl.Float64()),
    "verdict": pl.String(),
    "sentence": pl.String(),
    "coverage80": pl.Float64(),
    "last_trade_skill": pl.Float64(),
}
TIME_COLUMNS: dict[str, pl.DataType] = {
    **PLACE,
    "number": pl.Int64(),
    "target_time": TIME,
    "n": pl.Int64(),
    **dict.fromkeys(("skill", "low", "high", "p", "p_holm"), pl.Float64()),
    "verdict": pl.String(),
    "coverage80": pl.Float64(),
}
COVERAGE_COLUMNS: dict[str, pl.DataType] = {
    **PLACE,
    "percent": pl.Float64(),
    "covered": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
    "naive_covered": pl.Float64(),
    "score": pl.Float64(),
    "naive_score": pl.Float64(),
    "n": pl.Int64(),
}
MISS_COLUMNS: dict[str, pl.DataType] = {
    **PLACE,
    "number": pl.Int64(),
    "origin": TIME,
    "target_time": TIME,
    "step": pl.Int64(),
    **dict.fromkeys(("value", "actual", "last_close", "low", "high"), pl.Float64()),
}
LATE_COLUMNS: dict[str, pl.DataType] = {**PLACE, "number": pl.Int64(), "origin": TIME, "made_at": TIME}


@dataclass(frozen=True)
class TrackRecord:
    """What the ledger says so far.

    Attributes:
        head: the entry up to which it was read.
        models: a row for each market, interval and model: `MODEL_COLUMNS`, the verdicts as in `Running`;
            `last_trade_skill` is the skill against the last trade at the moment of entering, where that is known.
        over_time: the verdicts as they stood after each score: `TIME_COLUMNS`. They are as written then.
        coverage: a row for each model and central interval: share of closes inside with its 95 % interval, the naive
            interval's share, and mean interval scores over the last close.
        misses: every close outside the 90 % interval, the newest last.
        late: every forecast that came late.
        outages: `outage_table`.
    """

    head: Head
    models: pl.DataFrame
    over_time: pl.DataFrame
    coverage: pl.DataFrame
    misses: pl.DataFrame
    late: pl.DataFrame
    outages: pl.DataFrame

    @property
    def sentences(self) -> list[str]:
        """What is said of every model, one line each."""
        return self.models["sentence"].drop_nulls().to_list()


def track_record(ledger: Ledger) -> TrackRecord:
    """Read the track record out of a ledger.

    The verdicts are those of the decisive test on the forecasts on time, with Holm's adjustment over the models and
    markets of the ledger; late ones are counted and named.
    """
    head = ledger.head()
    scores = score_table(ledger).filter("counts")
    verdicts = running(ledger)  # later than the scores, so that there is one for every model of theirs
    return TrackRecord(
        head=head,
        models=_list_models(verdicts, scores),
        over_time=to_table(_list_over_time(ledger), TIME_COLUMNS),
        coverage=to_table(_list_coverage(scores, verdicts), COVERAGE_COLUMNS),
        misses=to_table(_list_misses(ledger, scores), MISS_COLUMNS),
        late=to_table(map(_name, ledger.pages(f"kind = '{FORECAST}' AND late = 1")), LATE_COLUMNS),
        outages=outage_table(ledger),
    )


def _list_models(verdicts: list[Running], scores: pl.DataFrame) -> pl.DataFrame:
    """The verdicts of now, and the skill against the second naive."""
    second = _last_trade_skills(scores)
    rows = [{**asdict(one), "last_trade_skill": second.get((one.market, one.interval, one.model))} for one in verdicts]
    return to_table(rows, MODEL_COLUMNS)


def _last_trade_skills(scores: pl.DataFrame) -> dict[tuple[Any, ...], float | None]:
    """The skill of every model against the last trade, over the steps where it is known."""
    known = scores.filter(pl.col("last_trade_error").is_not_null())
    means = known.group_by(list(PLACE)).agg(pl.col("error").mean(), pl.col("last_trade_error").mean())
    return {row[:3]: 1 - row[3] / row[4] if row[4] > 0 else None for row in means.rows()}


def _list_over_time(ledger: Ledger) -> Iterator[dict[str, Any]]:
    """Verdicts as they were written; a revision tells of an older candle and has no place in the order of time."""
    for entry in ledger.entries(kind=SCORE):
        if entry.body["revision"] == 0:
            told = {name: entry.body[name] for name in ("market", "interval", "target_time")}
            for verdict in entry.body["verdicts"]:
                yield {**verdict, **told, "number": entry.number}


def _list_coverage(scores: pl.DataFrame, verdicts: list[Running]) -> Iterator[dict[str, Any]]:
    overlaps = {(one.market, one.interval, one.model): one.overlap for one in verdicts}
    levels = [name.removeprefix("covered_") for name in scores.columns if name.startswith("covered_")]
    for percent in sorted(levels, key=float):
        names = {"covered": f"covered_{percent}", "score": f"interval_score_{percent}"}
        names |= {f"naive_{role}": f"naive_{name}" for role, name in names.items()}
        told = {role: pl.col(name).mean() for role, name in names.items() if name in scores.columns}
        known = scores.filter(pl.col(f"covered_{percent}").is_not_null())
        for row in known.group_by(list(PLACE)).agg(pl.len().alias("n"), **told).sort(list(PLACE)).to_dicts():
            trials = row["n"] / overlaps[row["market"], row["interval"], row["model"]]
            low, high = wilson_interval(row["covered"], trials)
            yield {**row, "percent": float(percent), "low": low, "high": high}


def _list_misses(ledger: Ledger, scores: pl.DataFrame) -> Iterator[dict[str, Any]]:
    column = f"covered_{MISSED_LEVEL}"
    if column not in scores.columns:
        return
    for row in scores.filter(~pl.col(column)).iter_rows(named=True):
        entry = ledger.entry(row["forecast"])
        if entry is not None:
            step = next(one for one in entry.body["steps"] if one["step"] == row["step"])
            ends = quantiles_of(step)
            told = {"target_time": step["target_time"], "step": step["step"], "value": step["value"]}
            prices = {"actual": row["actual"], "last_close": entry.body["last_close"]}
            yield {**_name(entry), **told, **prices, "low": ends[_LOW], "high": ends[_HIGH]}


def _name(entry: Entry) -> dict[str, Any]:
    """Which forecast it is."""
    told = {name: entry.body[name] for name in (*PLACE, "origin")}
    return {**told, "number": entry.number, "made_at": entry.made_at}
