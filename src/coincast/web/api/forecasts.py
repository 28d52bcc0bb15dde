"""The newest live forecasts: what is said of the next candles, beside naive and beside the verdict so far."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from coincast.live.ledger import Entry, Ledger, newest_forecasts
from coincast.live.ledger.forecast import NAIVE, quantiles_of
from coincast.live.ledger.tables import read_actuals
from coincast.web.api.shapes import CACHED, TO_WATCH, Milliseconds, Number, Page, Shape, ToDo
from coincast.web.api.verdicts import Place, VerdictShape, verdicts_of
from coincast.web.paging import Cursor, Limit, cut_page
from coincast.web.site import Site
from coincast.web.store import Inventory

Quantiles = dict[str, Number]


class StepShape(Shape):
    """What is said of one candle."""

    step: int = Field(description="candles ahead")
    target_time: Milliseconds
    value: Number
    quantiles: Quantiles | None = Field(description="q05 to q95; null where a bound is infinite")
    naive: Number
    naive_quantiles: Quantiles | None
    actual: Number


class ForecastShape(Shape):
    """A forecast as it stands in the ledger."""

    number: int = Field(description="of the entry in the ledger")
    hash: str
    market: str
    market_id: str | None = Field(description="null where the store has no such candles")
    interval: str
    model: str
    source: str = Field(description="coincast, or outside:NAME")
    origin: Milliseconds
    made_at: Milliseconds
    is_late: bool
    trained_until: Milliseconds
    last_close: Number
    last_trade: Number
    last_trade_at: int | None
    steps: list[StepShape]
    verdict: VerdictShape | None = Field(description="of all scored forecasts of this model so far")


class ForecastsShape(Page, ToDo):
    """The newest forecast of every model on every market."""

    items: list[ForecastShape]


def make_router(site: Site) -> APIRouter:
    """The address of forecasts."""
    router = APIRouter(tags=["live"])

    @router.get("/forecasts", response_model=ForecastsShape, responses=CACHED)
    def list_forecasts(request: Request, limit: Limit = 50, cursor: Cursor = None) -> Response:
        """The newest forecast of every market, interval and model, the newest first."""
        return site.answers.give_live(
            request,
            ("forecasts", limit, cursor),
            lambda: (site.live.standing(), frozenset(site.store.inventory().markets)),
            lambda: _list_forecasts(site, limit, cursor),
        )

    return router


def _list_forecasts(site: Site, limit: int, cursor: str | None) -> ForecastsShape:
    listed = site.store.inventory()
    with site.live.ledger() as ledger:
        if ledger is None:
            return ForecastsShape(items=[], next=None, total=0, next_steps=TO_WATCH)
        newest = sorted(newest_forecasts(ledger), key=lambda entry: entry.number, reverse=True)
        page, following = cut_page(newest, limit, cursor)
        verdicts = verdicts_of(ledger)
        items = [_show(ledger, entry, verdicts, listed) for entry in page]
    return ForecastsShape(items=items, next=following, total=len(newest), next_steps=[] if newest else TO_WATCH)


def _show(ledger: Ledger, entry: Entry, verdicts: Mapping[Place, VerdictShape], listed: Inventory) -> ForecastShape:
    body = entry.body
    place = body["market"], body["interval"], body["model"]
    known = read_actuals(ledger, market=body["market"], interval=body["interval"], since=body["origin"])
    told = (
        "market",
        "interval",
        "model",
        "source",
        "origin",
        "trained_until",
        "last_close",
        "last_trade",
        "last_trade_at",
    )
    return ForecastShape(
        number=entry.number,
        hash=entry.hash,
        made_at=entry.made_at,
        market_id=listed.id_of(body["market"], body["interval"]),
        is_late=body["late"],
        **{name: body[name] for name in told},
        steps=[
            _step(step, body["last_close"], known.get((body["market"], body["interval"], step["target_time"])))
            for step in body["steps"]
        ],
        verdict=verdicts.get(place),
    )


def _step(step: Mapping[str, Any], last_close: float, actual: float | None) -> StepShape:
    return StepShape(
        step=step["step"],
        target_time=step["target_time"],
        value=step["value"],
        quantiles=_bounded(quantiles_of(step)),
        naive=last_close,
        naive_quantiles=_bounded(quantiles_of(step, NAIVE)),
        actual=actual,
    )


def _bounded(quantiles: Mapping[str, float]) -> Quantiles | None:
    """Quantiles with null for those without end; None where there are none."""
    return {name: value if math.isfinite(value) else None for name, value in quantiles.items()} or None
