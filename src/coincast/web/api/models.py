"""Saved models of the watch loop: what they are worth, and what they say of the next candles at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import polars as pl
from fastapi import APIRouter, Path, Query, Request
from pydantic import Field
from starlette.responses import Response

from coincast.errors import CoincastError
from coincast.web.api.forecasts import Quantiles
from coincast.web.api.shapes import CACHED, CACHED_ONE, Milliseconds, Number, Page, Shape
from coincast.web.faults import Refusal
from coincast.web.ids import ID_PATTERN
from coincast.web.paging import Cursor, Limit, cut_page
from coincast.web.shelf import SavedModel, try_open
from coincast.web.site import Site
from coincast.web.store import StoredMarket

if TYPE_CHECKING:
    from coincast.live.models import LiveModel

LEVELS = ("q05", "q10", "q25", "q50", "q75", "q90", "q95")
NAIVE = "naive_"


class ModelShape(Shape):
    """A saved model."""

    id: str
    written_at: Milliseconds
    interval: str
    markets: list[str]
    horizon: int
    trained_until: Milliseconds
    verdict: str | None = Field(description="what the same settings were worth on past candles")
    sentence: str
    fingerprint: str


class ModelsShape(Page):
    """Saved models, the newest first."""

    items: list[ModelShape]


class AheadShape(Shape):
    """What a model says of one candle."""

    model: str
    step: int
    target_time: Milliseconds
    value: Number
    quantiles: Quantiles | None
    naive: Number
    naive_quantiles: Quantiles | None


class ModelAnswerShape(Shape):
    """What a saved model says of the next candles of a market, from the newest that are stored."""

    model_id: str
    market: str
    market_id: str
    interval: str
    origin: Milliseconds
    trained_until: Milliseconds
    steps: list[AheadShape]
    verdict: str | None
    sentence: str
    notes: list[str]


def make_router(site: Site) -> APIRouter:
    """Addresses of saved models."""
    router = APIRouter(prefix="/models", tags=["live"])

    @router.get("", response_model=ModelsShape, responses=CACHED)
    def list_models(request: Request, limit: Limit = 50, cursor: Cursor = None) -> Response:
        """Saved models of the watch loop."""
        models = list(site.shelf.every().values())
        return site.answers.give(
            request, ("models", limit, cursor), tuple(models), lambda: _list(site, models, limit, cursor)
        )

    @router.get("/{model_id}/forecast", response_model=ModelAnswerShape, responses=CACHED_ONE)
    def ask_model(
        request: Request,
        model_id: Annotated[str, Path(pattern=ID_PATTERN, description="id of a model, out of the list")],
        market_id: Annotated[str, Query(pattern=ID_PATTERN, description="id of a market, out of a list")],
    ) -> Response:
        """Ask a saved model about a market of the store."""
        saved, stored = site.shelf.find(model_id), site.store.inventory().find(market_id)
        key = ("ask", model_id, market_id)
        return site.answers.give(request, key, (saved, stored), lambda: _ask(site, saved, stored))

    return router


def _list(site: Site, models: list[SavedModel], limit: int, cursor: str | None) -> ModelsShape:
    opened = [(saved, model) for saved in models if (model := try_open(site.shelf, saved)) is not None]
    page, following = cut_page(opened, limit, cursor)
    return ModelsShape(items=[_show(saved, model) for saved, model in page], next=following, total=len(opened))


def _show(saved: SavedModel, model: LiveModel) -> ModelShape:
    told = {name: getattr(model, name) for name in ("interval", "horizon", "trained_until", "verdict", "sentence")}
    return ModelShape(
        id=saved.id,
        written_at=saved.written_at,
        markets=list(model.markets),
        fingerprint=model.fingerprint,
        **told,
    )


def _ask(site: Site, saved: SavedModel, stored: StoredMarket) -> ModelAnswerShape:
    """Ask a model; it reads the newest candles of the market and of those that are inputs of it.

    Raises:
        Refusal: the model does not know the market, or its candles do not suffice.
    """
    try:
        model = site.shelf.open(saved)
        answer = model.forecast(_gather(site, model, stored), stored.market)
    except CoincastError as error:
        raise Refusal(422, str(error)) from None
    rows = answer.outlook.with_columns(pl.selectors.datetime().to_physical()).sort("model", "step").to_dicts()
    if not rows:
        raise Refusal(422, f"{stored.market}: {answer.missing[stored.market]}")
    return ModelAnswerShape(
        model_id=saved.id,
        market=stored.market,
        market_id=stored.id,
        interval=stored.interval,
        origin=rows[0]["origin"],
        trained_until=answer.trained_until,
        steps=[_step(row) for row in rows],
        verdict=answer.verdict,
        sentence=answer.sentence,
        notes=list(answer.notes),
    )


def _gather(site: Site, model: LiveModel, stored: StoredMarket) -> pl.DataFrame:
    listed = site.store.inventory()
    wanted = [stored]
    if any(len(one.inputs) > 0 for one in model.models):
        named = [listed.id_of(name, stored.interval) for name in model.needed_markets if name != stored.market]
        wanted += [listed.markets[given] for given in named if given is not None]
    return pl.concat([site.shelf.newest(one, model) for one in wanted], how="diagonal")


def _step(row: dict[str, Any]) -> AheadShape:
    told = {name: row[name] for name in ("model", "step", "target_time", "value", "naive")}
    return AheadShape(quantiles=_quantiles(row, ""), naive_quantiles=_quantiles(row, NAIVE), **told)


def _quantiles(row: dict[str, Any], prefix: str) -> Quantiles | None:
    """Quantiles of a row by their names; None where it has none."""
    found = {name: row[prefix + name] for name in LEVELS if row.get(prefix + name) is not None}
    return found or None
