"""What is in the store: markets with their gaps and defects, candles, outside series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

import polars as pl
from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from coincast.candles.quality import KINDS, examine, summarise
from coincast.web.api.shapes import (
    CACHED,
    CACHED_ONE,
    TO_WATCH,
    MarketId,
    Milliseconds,
    Number,
    Page,
    Shape,
    ToDo,
)
from coincast.web.paging import Cursor, Limit, cut_page, make_cursor, read_cursor
from coincast.web.site import Site
from coincast.web.store import (
    Inventory,
    StoredMarket,
    as_milliseconds,
    as_moment,
    read_from,
    read_newest,
    read_span,
    thin_candles,
)

MOST_FINDINGS = 500
TO_FILL = ["coincast download BTC/USDT", "coincast import FILE", *TO_WATCH]
_NUMBERS = ("open", "high", "low", "close", "volume")


class MarketShape(Shape):
    """A market and interval of the store."""

    id: str = Field(examples=["m3f0c9a7be21d4416"])
    market: str = Field(description="source:BASE/QUOTE", examples=["binance:BTC/USDT"])
    interval: str = Field(examples=["1h"])
    rows: int = Field(description="candles", examples=[61_234])
    first: Milliseconds
    last: Milliseconds
    gaps: int = Field(description="places where candles are missing")
    missing: int = Field(description="candles that are missing in them")
    files: int
    bytes: int
    sources: list[str] = Field(description="where the candles came from", examples=[["binance"]])
    updated_at: Milliseconds
    is_simulated: bool = Field(description="whether the prices were made by this program")


class BrokenShape(Shape):
    """A part of the store that cannot be read."""

    name: str
    interval: str | None
    message: str


class MarketsShape(Page, ToDo):
    """The markets of the store."""

    items: list[MarketShape]
    broken: list[BrokenShape]


class FindingShape(Shape):
    """Something in the candles that is missing, doubtful or worth knowing."""

    kind: str = Field(examples=["gap"])
    severity: str = Field(description="doubtful or note", examples=["note"])
    first: Milliseconds
    last: Milliseconds
    count: int = Field(description="candles; of a gap the missing ones")
    detail: str = Field(examples=["33 candles missing"])


class MarketDetailShape(MarketShape):
    """A market of the store with all that was found in its candles."""

    summary: list[str] = Field(description="one sentence for each kind of finding, the gravest first")
    findings: list[FindingShape] = Field(description=f"the gravest {MOST_FINDINGS}")
    findings_total: int


class CandlesShape(Shape):
    """Candles, column by column."""

    id: str
    market: str
    interval: str
    rows: int = Field(description="candles of the span, before any were left out")
    is_thinned: bool
    open_time: list[Milliseconds]
    close_time: list[Milliseconds]
    open: list[Number]
    high: list[Number]
    low: list[Number]
    close: list[Number]
    volume: list[Number]
    next: str | None = Field(description="cursor of the next page; null at the end, and where there are no pages")


class SeriesShape(Shape):
    """An outside series of the store."""

    name: str = Field(examples=["fear_greed"])
    rows: int
    first: Milliseconds
    last: Milliseconds
    columns: list[str]
    sources: list[str]
    written_at: Milliseconds
    bytes: int


class SeriesListShape(Page):
    """The outside series of the store."""

    items: list[SeriesShape]


class _Asked(NamedTuple):
    """Which candles are asked for."""

    points: int | None
    last: int | None
    since: int | None
    until: int | None
    limit: int
    cursor: str | None

    @property
    def is_of_whole_span(self) -> bool:
        """Whether all candles of the span are read, which may be millions."""
        return self.points is not None or (self.last is not None and self.until is not None)


def make_router(site: Site) -> APIRouter:
    """Addresses of the store."""
    router = APIRouter(tags=["store"])

    @router.get("/markets", response_model=MarketsShape, responses=CACHED)
    def list_markets(request: Request, limit: Limit = 50, cursor: Cursor = None) -> Response:
        """Every market and interval: candles, span, gaps, last update."""
        return site.answers.give_live(
            request,
            ("markets", limit, cursor),
            lambda: site.store.inventory().stamp,
            lambda: _list_markets(site.store.inventory(), limit, cursor),
        )

    @router.get("/markets/{market_id}", response_model=MarketDetailShape, responses=CACHED_ONE)
    def show_market(request: Request, market_id: MarketId) -> Response:
        """One market with its gaps and defects."""

        def find() -> StoredMarket:
            return site.store.inventory().find(market_id)

        return site.answers.give_live(
            request,
            ("market", market_id),
            lambda: _stamp(find()),
            lambda: _describe(find()),
            wait_for=site.heavy.wait_for,
        )

    @router.get("/markets/{market_id}/candles", response_model=CandlesShape, responses=CACHED_ONE)
    def list_candles(
        request: Request,
        market_id: MarketId,
        points: Annotated[int | None, Query(ge=10, le=5000, description="the span thinned to about so many")] = None,
        last: Annotated[int | None, Query(ge=1, le=5000, description="only the newest so many")] = None,
        since: Annotated[int | None, Query(description="first open time, milliseconds since 1970")] = None,
        until: Annotated[int | None, Query(description="candles open before then")] = None,
        limit: Annotated[int, Query(ge=1, le=5000, description="candles of a page")] = 500,
        cursor: Cursor = None,
    ) -> Response:
        """Candles of a market: thinned with `points`, the newest with `last`, else in pages, oldest first."""
        asked = _Asked(points, last, since, until, limit, cursor)

        def find() -> StoredMarket:
            return site.store.inventory().find(market_id)

        return site.answers.give_live(
            request,
            ("candles", market_id, asked),
            lambda: _stamp(find()),
            lambda: _read_candles(find(), asked),
            wait_for=site.heavy.wait_for if asked.is_of_whole_span else None,
        )

    @router.get("/series", response_model=SeriesListShape, responses=CACHED)
    def list_outside_series(request: Request, limit: Limit = 50, cursor: Cursor = None) -> Response:
        """Every outside series of the store."""
        return site.answers.give_live(
            request,
            ("series", limit, cursor),
            lambda: site.store.inventory().stamp,
            lambda: _list_series(site.store.inventory(), limit, cursor),
        )

    return router


def _stamp(stored: StoredMarket) -> tuple[int, int]:
    """Changes with every file that is written."""
    return stored.updated_at, stored.facts["bytes"]


def _list_markets(listed: Inventory, limit: int, cursor: str | None) -> MarketsShape:
    every = list(listed.markets.values())
    page, following = cut_page(every, limit, cursor)
    broken = [BrokenShape(name=one.name, interval=one.interval, message=str(one.error)) for one in listed.broken]
    return MarketsShape(
        items=[MarketShape(**_facts(stored)) for stored in page],
        broken=broken,
        next=following,
        total=len(every),
        next_steps=[] if every else TO_FILL,
    )


def _facts(stored: StoredMarket) -> dict[str, Any]:
    told = {name: stored.facts[name] for name in ("market", "interval", "rows", "gaps", "missing", "files", "bytes")}
    times = {name: as_milliseconds(stored.facts[name]) for name in ("first", "last")}
    beside = {"id": stored.id, "updated_at": stored.updated_at, "is_simulated": stored.is_simulated}
    return {**told, **times, **beside, "sources": stored.facts["sources"]}


def _describe(stored: StoredMarket) -> MarketDetailShape:
    findings = examine(read_span(stored, None, None))
    order = pl.col("kind").replace_strict({kind: place for place, kind in enumerate(KINDS)}, default=len(KINDS))
    gravest = findings.sort(order, "first", maintain_order=True).head(MOST_FINDINGS)
    return MarketDetailShape(
        **_facts(stored),
        summary=summarise(findings),
        findings=[_finding(row) for row in gravest.iter_rows(named=True)],
        findings_total=findings.height,
    )


def _finding(row: dict[str, Any]) -> FindingShape:
    times: dict[str, Any] = {name: as_milliseconds(row[name]) for name in ("first", "last")}
    return FindingShape(**{name: row[name] for name in ("kind", "severity", "count", "detail")}, **times)


def _read_candles(stored: StoredMarket, asked: _Asked) -> CandlesShape:
    since, until = (None if time is None else as_moment(time) for time in (asked.since, asked.until))
    following = None
    if asked.points is not None:
        whole = read_span(stored, since, until)
        candles = thin_candles(whole, asked.points) if whole.height else whole
        return _show(stored, candles, rows=whole.height, following=None)
    if asked.last is not None:
        if until is not None:
            candles = read_span(stored, since, until).tail(asked.last)
        else:
            candles = read_newest(stored, asked.last)
            candles = candles if since is None else candles.filter(pl.col("open_time") >= since)
    else:
        begin = read_cursor(asked.cursor)
        first = stored.facts["first"] if begin is None and since is None else as_moment(begin or asked.since or 0)
        candles = read_from(stored, first, until, asked.limit + 1)
        if candles.height > asked.limit:
            following = make_cursor(as_milliseconds(candles["open_time"][asked.limit]))
            candles = candles.head(asked.limit)
    return _show(stored, candles, rows=candles.height, following=following)


def _show(stored: StoredMarket, candles: pl.DataFrame, *, rows: int, following: str | None) -> CandlesShape:
    times = {name: candles[name].to_physical().to_list() for name in ("open_time", "close_time")}
    return CandlesShape(
        id=stored.id,
        market=stored.market,
        interval=stored.interval,
        rows=rows,
        is_thinned=candles.height < rows,
        **times,
        **{name: candles[name].to_list() for name in _NUMBERS},
        next=following,
    )


def _list_series(listed: Inventory, limit: int, cursor: str | None) -> SeriesListShape:
    page, following = cut_page(listed.series, limit, cursor)
    return SeriesListShape(items=[_series(row) for row in page], next=following, total=len(listed.series))


def _series(row: Mapping[str, Any]) -> SeriesShape:
    times: dict[str, Any] = {
        "written_at" if name == "written" else name: as_milliseconds(row[name]) for name in ("first", "last", "written")
    }
    return SeriesShape(**{name: row[name] for name in ("name", "rows", "columns", "sources", "bytes")}, **times)
