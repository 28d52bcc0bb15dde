"""Run folders: what is running, what was found, losses by epoch, and the report of each."""

from __future__ import annotations

from typing import Any, Literal

import polars as pl
from fastapi import APIRouter, Request
from fastapi import Path as InPath
from pydantic import Field
from starlette.responses import FileResponse, Response

from coincast.web.api.boards import BoardRow, Word, show_rows
from coincast.web.api.shapes import CACHED, CACHED_ONE, Milliseconds, Number, Page, Shape, ToDo
from coincast.web.faults import Refusal
from coincast.web.ids import ID_PATTERN
from coincast.web.jobs.progress import ProgressShape
from coincast.web.paging import Cursor, Limit, cut_page
from coincast.web.runs.folders import Run, stamp_of
from coincast.web.runs.reading import RunFacts, read_history
from coincast.web.site import Site

REPORT_POLICY = (
    "sandbox allow-scripts allow-downloads allow-popups; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""A report is one file with its scripts inside. In a sandbox it has an origin of its own: it reads neither our cookie
nor our addresses, and it fetches nothing."""
TO_FILL = ["coincast demo", "coincast compare --market binance:BTC/USDT --interval 1d"]
MOST_POINTS = 500


class RunShape(Shape):
    """A run folder."""

    id: str
    name: str = Field(examples=["lstm-and-friends-0b52f776dc47"])
    kind: Literal["comparison", "reproduction", "judgement", "report"]
    state: Literal["finished", "running", "interrupted"]
    changed_at: Milliseconds
    markets: list[str]
    models: list[str] = Field(description="of a run that is not finished those that are")
    sentence: str | None
    verdict: Word | None
    report: str | None = Field(description="address of its page")
    job_id: str | None = Field(description="the job that works on it")


class RunsShape(Page, ToDo):
    """Run folders, the newest first."""

    items: list[RunShape]


class RunDetailShape(RunShape):
    """A run folder with all that it found."""

    sentences: list[str] = Field(description="on every market; of a reproduction one for each article")
    leaderboard: list[BoardRow]
    notes: list[str]
    seconds: dict[str, float]
    spec: str | None = Field(description="TOML")
    progress: ProgressShape | None


class CurveShape(Shape):
    """Losses of a model by epoch, over its runs."""

    market: str
    model: str
    runs: int
    epoch: list[int]
    loss: list[Number] = Field(description="mean")
    low: list[Number] = Field(description="smallest")
    high: list[Number] = Field(description="largest")
    validation_loss: list[Number] = Field(description="mean; null where nothing was held back")


class CurvesShape(Page):
    """Losses by epoch of every network of a run."""

    items: list[CurveShape]


RunId = InPath(pattern=ID_PATTERN, description="id of a run, out of the list")


def make_router(site: Site) -> APIRouter:
    """Addresses of runs."""
    router = APIRouter(tags=["runs"])

    @router.get("/runs", response_model=RunsShape, responses=CACHED)
    def list_runs(request: Request, limit: Limit = 50, cursor: Cursor = None) -> Response:
        """Every run folder, the newest first."""
        return site.answers.give_live(
            request,
            ("runs", limit, cursor),
            lambda: (stamp_of(site.runs.every().values()), site.jobs.working()),
            lambda: _list_runs(site, limit, cursor),
        )

    @router.get("/runs/{run_id}", response_model=RunDetailShape, responses=CACHED_ONE)
    def show_run(request: Request, run_id: str = RunId) -> Response:
        """One run: its verdicts, its leaderboard, and how far it is."""
        run = site.runs.find(run_id)
        job = site.jobs.on(run.name)
        stamp = run, job and job.id, job and job.progress
        return site.answers.give(request, ("run", run_id), stamp, lambda: _describe(site, run))

    @router.get("/runs/{run_id}/curves", response_model=CurvesShape, responses=CACHED_ONE)
    def list_curves(request: Request, run_id: str = RunId, limit: Limit = 50, cursor: Cursor = None) -> Response:
        """Losses by epoch; of a running one those of the models that are finished."""
        run = site.runs.find(run_id)
        return site.answers.give(
            request, ("curves", run_id, limit, cursor), run, lambda: _list_curves(run, limit, cursor)
        )

    return router


def make_report_router(site: Site) -> APIRouter:
    """The address of reports; outside the interface, because it gives pages."""
    router = APIRouter(include_in_schema=False)

    @router.get("/runs/{run_id}/report")
    def show_report(run_id: str = RunId) -> Response:
        report = site.runs.find(run_id).report
        if report is None:
            raise Refusal(404, "this run has no report yet")
        return FileResponse(
            report, media_type="text/html; charset=utf-8", headers={"Content-Security-Policy": REPORT_POLICY}
        )

    return router


def _list_runs(site: Site, limit: int, cursor: str | None) -> RunsShape:
    runs = list(site.runs.every().values())
    page, following = cut_page(runs, limit, cursor)
    items = [RunShape(**_facts(site, run, site.reader.read(run))) for run in page]
    return RunsShape(items=items, next=following, total=len(runs), next_steps=[] if runs else TO_FILL)


def _facts(site: Site, run: Run, facts: RunFacts) -> dict[str, Any]:
    job = site.jobs.on(run.name)
    return {
        **{name: getattr(run, name) for name in ("id", "name", "kind", "state", "changed_at")},
        **{name: list(getattr(facts, name)) for name in ("markets", "models")},
        "sentence": facts.sentence,
        "verdict": facts.verdict,
        "report": None if run.report is None else f"/runs/{run.id}/report",
        "job_id": None if job is None else job.id,
    }


def _describe(site: Site, run: Run) -> RunDetailShape:
    facts, job = site.reader.read(run), site.jobs.on(run.name)
    return RunDetailShape(
        **_facts(site, run, facts),
        sentences=list(facts.sentences),
        leaderboard=show_rows(facts.board, "judgement" if run.kind == "judgement" else "run", run),
        notes=list(facts.notes),
        seconds=dict(facts.seconds),
        spec=facts.spec,
        progress=job.progress if job is not None else None,
    )


def _list_curves(run: Run, limit: int, cursor: str | None) -> CurvesShape:
    history = read_history(run)
    models = history.select("market", "model").unique(maintain_order=True).rows()
    page, following = cut_page(models, limit, cursor)
    items = [_curve(history.filter(market=market, model=model), market, model) for market, model in page]
    return CurvesShape(items=items, next=following, total=len(models))


def _curve(rows: pl.DataFrame, market: str, model: str) -> CurveShape:
    """The last fit of a model, its runs put together, at so many epochs as a picture can show."""
    last = rows.filter(pl.col("fit") == pl.col("fit").max())
    loss = pl.col("loss")
    by_epoch = (
        last.group_by("epoch")
        .agg(
            loss.mean().alias("mean"),
            loss.min().alias("low"),
            loss.max().alias("high"),
            pl.col("validation_loss").mean(),
        )
        .sort("epoch")
    )
    every = max(1, -(-by_epoch.height // MOST_POINTS))
    shown = by_epoch.filter((pl.int_range(pl.len()) % every == 0) | (pl.int_range(pl.len()) == pl.len() - 1))
    return CurveShape(
        market=market,
        model=model,
        runs=last["run"].n_unique(),
        epoch=shown["epoch"].to_list(),
        loss=shown["mean"].to_list(),
        low=shown["low"].to_list(),
        high=shown["high"].to_list(),
        validation_loss=shown["validation_loss"].to_list(),
    )
