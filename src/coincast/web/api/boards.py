"""The leaderboard as answers show it: of the ledger, of runs, of a judgement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from coincast.reports.tables import COLUMNS
from coincast.web.api.shapes import Number, Shape
from coincast.web.runs.folders import Run

Word = Annotated[str, Field(json_schema_extra={"enum": ["better", "not distinguishable", "worse", "too few"]})]


class BoardRow(Shape):
    """One model on one market."""

    source: Literal["ledger", "run", "judgement"] = Field(description="where it was judged")
    run_id: str | None = Field(description="the run it comes from")
    run: str | None = Field(description="name of the run's folder")
    market: str
    interval: str | None
    quantity: str = Field(examples=["price"])
    model: str = Field(examples=["lstm.ensemble"])
    skill: Number
    low: Number
    high: Number
    verdict: Word | None = Field(description="null for naive itself")
    sentence: str | None = Field(description="the same in words")
    metric: str = Field(description="the error that decides", examples=["abs_log_error"])
    value: Number
    naive: Number
    p: Number
    p_holm: Number
    n: int | None
    detectable: Number
    runs: int | None
    runs_better: int | None


def show_rows(rows: Iterable[Mapping[str, Any]], source: str, run: Run | None = None) -> list[BoardRow]:
    """Rows of a leaderboard as answers show them."""
    named: dict[str, Any] = {"source": source, "run_id": run.id if run else None, "run": run.name if run else None}
    return [BoardRow(**named, sentence=row["sentence"], **{name: row[name] for name in COLUMNS}) for row in rows]
