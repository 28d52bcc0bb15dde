"""The track record: skill over time with its interval, coverage, every miss, what came late, outages."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import polars as pl
from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from coincast.live.ledger import TrackRecord
from coincast.reports.thinning import thin
from coincast.web.api.boards import Word
from coincast.web.api.shapes import CACHED, TO_WATCH, Milliseconds, Number, Page, Shape, ToDo
from coincast.web.ids import ID_PATTERN, market_id
from coincast.web.paging import Cursor, Limit, cut_page
from coincast.web.site import Site
from coincast.web.store import Inventory

MOST_POINTS = 600
MOST_LISTED = 200
"""Misses, late forecasts and outages that are listed, the newest ones; all of them are counted."""
_PLACE = ["market", "interval", "model"]


class CoverageShape(Shape):
    """How many prices lay inside the intervals of one size."""

    percent: float = Field(description="what the interval promises", examples=[80.0])
    covered: Number = Field(description="share of the prices inside")
    low: Number = Field(description="95 % interval of that share")
    high: Number
    naive_covered: Number = Field(description="the same of the naive interval")
    score: Number = Field(description="mean interval score: smaller is better")
    naive_score: Number
    n: int


class OverTimeShape(Shape):
    """The verdict as it stood after each score, column by column."""

    target_time: list[Milliseconds]
    n: list[int]
    skill: list[Number]
    low: list[Number]
    high: list[Number]


class MissShape(Shape):
    """A price outside the 90 % interval."""

    number: int
    origin: Milliseconds
    target_time: Milliseconds
    step: int
    value: Number
    actual: Number
    last_close: Number
    low: Number
    high: Number


class LateShape(Shape):
    """A forecast that came too late to count."""

    number: int
    origin: Milliseconds
    made_at: Milliseconds


class RecordShape(Shape):
    """The record of one model on one market."""

    market: str
    market_id: str | None = Field(description="null where the store has no such candles")
    interval: str
    model: str
    source: str
    forecasts: int = Field(description="on time, scored or not")
    n: int = Field(description="origins judged")
    skill: Number
    low: Number
    high: Number
    p: Number
    p_holm: Number
    detectable: Number
    verdict: Word | None
    sentence: str | None
    last_trade_skill: Number = Field(description="skill against the last trade when the forecast was made")
    coverage: list[CoverageShape]
    over_time: OverTimeShape
    misses: list[MissShape] = Field(description=f"the newest {MOST_LISTED}, newest first")
    misses_total: int
    late: list[LateShape] = Field(description=f"the newest {MOST_LISTED}, newest first")
    late_total: int


class OutageShape(Shape):
    """A time without forecasts or scores, and why."""

    number: int
    market: str | None = Field(description="null: all that is watched")
    interval: str | None
    since: Milliseconds
    until: Milliseconds
    reason: str = Field(examples=["not running"])
    words: str
    missed: int = Field(description="forecasts that were missed")


class TrackRecordShape(Page, ToDo):
    """The record of every model on every market."""

    items: list[RecordShape]
    outages: list[OutageShape] = Field(description=f"the newest {MOST_LISTED}, newest first")
    outages_total: int


def make_router(site: Site) -> APIRouter:
    """The address of the track record."""
    router = APIRouter(tags=["live"])

    @router.get("/track-record", response_model=TrackRecordShape, responses=CACHED)
    def show_track_record(
        request: Request,
        market_id: Annotated[
            str | None, Query(pattern=ID_PATTERN, description="only of this market, by an id out of a list")
        ] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        """What the ledger says of every model, with all that went wrong."""
        stamp = site.live.standing(), frozenset(site.store.inventory().markets)
        key = ("track record", market_id, limit, cursor)
        return site.answers.give_soon(
            request,
            key,
            stamp,
            lambda: _show(site, market_id, limit, cursor),
            on_later=lambda: site.hub.publish("record", {}),
        )

    return router


def _show(site: Site, wanted: str | None, limit: int, cursor: str | None) -> TrackRecordShape:
    record = site.live.track_record()
    if record is None:
        return TrackRecordShape(items=[], outages=[], outages_total=0, next=None, total=0, next_steps=TO_WATCH)
    rows = [row for row in record.models.to_dicts() if wanted in (None, market_id(row["market"], row["interval"]))]
    page, following = cut_page(rows, limit, cursor)
    listed = site.store.inventory()
    outages = record.outages.reverse()
    return TrackRecordShape(
        items=[_record(record, row, listed) for row in page],
        outages=[_outage(row) for row in _plain(outages.head(MOST_LISTED))],
        outages_total=outages.height,
        next=following,
        total=len(rows),
        next_steps=[] if record.models.height else TO_WATCH,
    )


def _record(record: TrackRecord, row: dict[str, Any], listed: Inventory) -> RecordShape:
    own = {name: _of(getattr(record, name), row) for name in ("over_time", "coverage", "misses", "late")}
    newest = {name: _plain(own[name].reverse().head(MOST_LISTED)) for name in ("misses", "late")}
    counted = ("forecasts", "n", "skill", "low", "high", "p", "p_holm", "detectable", "verdict", "sentence")
    return RecordShape(
        **{name: row[name] for name in ("market", "interval", "model", "source", "last_trade_skill", *counted)},
        market_id=listed.id_of(row["market"], row["interval"]),
        coverage=[_pick(CoverageShape, one) for one in own["coverage"].to_dicts()],
        over_time=_over_time(own["over_time"]),
        misses=[_pick(MissShape, one) for one in newest["misses"]],
        misses_total=own["misses"].height,
        late=[_pick(LateShape, one) for one in newest["late"]],
        late_total=own["late"].height,
    )


def _of(table: pl.DataFrame, row: dict[str, Any]) -> pl.DataFrame:
    """The part of a table that speaks of one model on one market."""
    return table.filter(*(pl.col(name) == row[name] for name in _PLACE))


def _over_time(table: pl.DataFrame) -> OverTimeShape:
    told = _as_whole(table.sort("target_time", maintain_order=True).filter(pl.col("skill").is_not_null()))
    if told.height > MOST_POINTS:
        lines = [told[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in ("skill", "low", "high")]
        told = told[thin(*lines, most=MOST_POINTS)]
    return OverTimeShape(**{name: told[name].to_list() for name in OverTimeShape.model_fields})


def _outage(row: dict[str, Any]) -> OutageShape:
    return OutageShape(
        **{name: row[name] for name in OutageShape.model_fields if name != "missed"}, missed=len(row["missed"] or ())
    )


def _pick(shape: Any, row: dict[str, Any]) -> Any:
    """A shape out of a row that may have more columns."""
    return shape(**{name: row[name] for name in shape.model_fields})


def _plain(table: pl.DataFrame) -> list[dict[str, Any]]:
    return _as_whole(table).to_dicts()


def _as_whole(table: pl.DataFrame) -> pl.DataFrame:
    """Times as milliseconds since 1970; what is infinite as null, because an interval without end has no bound."""
    floats = pl.selectors.float()
    return table.with_columns(
        pl.selectors.datetime().to_physical(), pl.when(floats.is_finite()).then(floats).name.keep()
    )
