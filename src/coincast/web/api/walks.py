"""Article 0's random walk for a seed and a stored market, and how often a walk looks like a forecast."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from coincast.candles.table import parse_market
from coincast.web.answers import send_model
from coincast.web.api.shapes import CACHED, CACHED_ONE, PLAIN_ONE, Page, Shape, ToDo
from coincast.web.ids import ID_PATTERN
from coincast.web.paging import Cursor, Limit, cut_page
from coincast.web.site import Site
from coincast.web.store import Inventory
from coincast.web.walking.article import has_article, name_market
from coincast.web.walking.shapes import ODDS, WALK, OddsShape, WalkShape

MOST_SEED = 2**32 - 1
"""The largest seed that NumPy's old generator takes, which the article used."""
FEWEST_CANDLES = 140
"""Below this the article's split leaves too little."""
SLIDER_COIN = "ETH"
"""Whose walk the article's slider draws."""
TO_FILL = ["coincast import bitcoin_price.csv", "coincast import ethereum_price.csv", "coincast download BTC/USDT"]


class WalkMarketShape(Shape):
    """A market that a walk can be drawn for."""

    market_id: str
    market: str
    interval: str
    rows: int
    is_article: bool = Field(description="whether it looks like article 0's own candles")


class WalkMarketsShape(Page, ToDo):
    """Markets that a walk can be drawn for, article 0's first."""

    items: list[WalkMarketShape]


MarketQuery = Annotated[str, Query(pattern=ID_PATTERN, description="id of a market, out of a list")]


def make_router(site: Site) -> APIRouter:
    """Addresses of the walks."""
    router = APIRouter(prefix="/walks", tags=["walks"])

    @router.get("", response_model=WalkShape, responses=PLAIN_ONE)
    async def show_walk(
        market_id: MarketQuery,
        seed: Annotated[int, Query(ge=0, le=MOST_SEED, description="of the draws; the slider has 200 to 210")] = 205,
    ) -> Response:
        """The walk of a seed, as the slider of article 0 draws it."""
        site.store.inventory().find(market_id)
        return send_model(await site.heavy.run(lambda: site.workshop.ask(WALK, market_id=market_id, seed=seed)))

    @router.get("/odds", response_model=OddsShape, responses=CACHED_ONE)
    async def show_odds(
        request: Request,
        market_id: MarketQuery,
        walks: Annotated[int, Query(ge=20, le=1000, description="how many, of the seeds from 0 on")] = 200,
    ) -> Response:
        """How often a random walk looks like a forecast, and how often it is one."""
        key, stamp = ("odds", market_id, walks), site.store.inventory().find(market_id).updated_at

        def count() -> OddsShape:
            return site.workshop.ask(ODDS, market_id=market_id, walks=walks)

        def answer() -> Response:
            return site.answers.give(request, key, stamp, count)

        return await site.heavy.run(answer)

    @router.get("/markets", response_model=WalkMarketsShape, responses=CACHED)
    async def list_walk_markets(request: Request, limit: Limit = 50, cursor: Cursor = None) -> Response:
        """Markets that have enough candles for a walk, those of article 0 first."""
        listed = site.store.inventory()
        key = ("walk markets", limit, cursor)

        def answer() -> Response:
            return site.answers.give(request, key, listed.stamp, lambda: _list_markets(listed, limit, cursor))

        return await site.heavy.run(answer)

    return router


def _list_markets(listed: Inventory, limit: int, cursor: str | None) -> WalkMarketsShape:
    """The article's coins first, and of them the one of its slider."""
    fit = [stored for stored in listed.markets.values() if stored.facts["rows"] >= FEWEST_CANDLES]
    fit.sort(key=lambda stored: (not has_article(stored), parse_market(stored.market).base != SLIDER_COIN))
    page, following = cut_page(fit, limit, cursor)
    items = [
        WalkMarketShape(**name_market(stored), rows=stored.facts["rows"], is_article=has_article(stored))
        for stored in page
    ]
    return WalkMarketsShape(items=items, next=following, total=len(fit), next_steps=[] if fit else TO_FILL)
