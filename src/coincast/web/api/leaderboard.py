"""Models x markets: what the ledger says, and what finished runs say, with every column explained."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from coincast.web.api.boards import BoardRow, show_rows
from coincast.web.api.columns import BOARD
from coincast.web.api.shapes import CACHED, TO_WATCH, Page, Shape, ToDo
from coincast.web.api.verdicts import live_rows
from coincast.web.paging import Cursor, LongLimit, cut_page
from coincast.web.runs.folders import Run, stamp_of
from coincast.web.site import Site

MOST_RUNS = 50
"""Newest finished comparisons whose rows are shown."""
TO_FILL = [
    "coincast demo",
    "coincast compare --market binance:BTC/USDT --interval 1d",
    *TO_WATCH,
]

Source = Literal["ledger", "run"]


class ColumnShape(Shape):
    """A column of the leaderboard, explained."""

    name: str
    title: str
    unit: str
    words: str


class LeaderboardShape(Page, ToDo):
    """Models x markets, best skill first within each market."""

    columns: list[ColumnShape]
    items: list[BoardRow]


COLUMNS = [ColumnShape(**column._asdict()) for column in BOARD]


def make_router(site: Site) -> APIRouter:
    """The address of the leaderboard."""
    router = APIRouter(tags=["leaderboard"])

    @router.get("/leaderboard", response_model=LeaderboardShape, responses=CACHED)
    def show_leaderboard(
        request: Request,
        source: Annotated[Source | None, Query(description="only what the ledger says, or only runs")] = None,
        limit: LongLimit = 200,
        cursor: Cursor = None,
    ) -> Response:
        """Every model on every market, from the ledger and from finished comparisons."""
        return site.answers.give_live(
            request,
            ("leaderboard", source, limit, cursor),
            lambda: (site.live.standing(), stamp_of(_finished(site))),
            lambda: _show(site, source, limit, cursor),
        )

    return router


def _finished(site: Site) -> list[Run]:
    runs = site.runs.every().values()
    return [run for run in runs if run.kind == "comparison" and run.state == "finished"][:MOST_RUNS]


def _show(site: Site, source: Source | None, limit: int, cursor: str | None) -> LeaderboardShape:
    rows: list[BoardRow] = []
    if source != "run":
        with site.live.ledger() as ledger:
            rows += [] if ledger is None else live_rows(ledger)
    if source != "ledger":
        rows += [row for run in _finished(site) for row in show_rows(site.reader.read(run).board, "run", run)]
    rows.sort(key=_order)
    page, following = cut_page(rows, limit, cursor)
    return LeaderboardShape(
        columns=COLUMNS, items=page, next=following, total=len(rows), next_steps=[] if rows else TO_FILL
    )


def _order(row: BoardRow) -> tuple[str, str, str, str, str, float]:
    """By market; what belongs together stands together, the best first."""
    skill = float("-inf") if row.skill is None else row.skill
    return row.market, row.interval or "", row.quantity, row.source, row.run_id or "", -skill
