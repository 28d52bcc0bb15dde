"""How it stands with everything, in one answer."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

import coincast
from coincast.web.answers import send_model
from coincast.web.api.shapes import PLAIN, TO_WATCH, Milliseconds, Shape, ToDo
from coincast.web.live_state import BANNER, Watch, WatchState
from coincast.web.site import Site


class WatchMarketShape(Shape):
    """How it stands with one market that is watched."""

    market: str
    interval: str
    last_close: int | None = Field(description="close time of the newest candle")
    last_origin: int | None = Field(description="of the newest forecast")
    trouble: str | None


class WatchShape(Shape):
    """How it stands with the watch loop."""

    state: WatchState
    words: str
    written_at: int | None = Field(description="its last sign of life, milliseconds since 1970")
    next_close: int | None = Field(description="when the next candle closes, by the exchange's clock")
    exchange_now: int | None = Field(description="the exchange's clock at that sign of life")
    speed: float | None = Field(description="how many times faster simulated time runs; null: it is real")
    is_training: bool | None
    markets: list[WatchMarketShape]


class LedgerHeadShape(Shape):
    """The newest entry of the ledger in short."""

    entries: int
    head: str = Field(description="hash of the newest entry")
    made_at: Milliseconds


class StoreShape(Shape):
    """How much is in the store."""

    markets: int
    candles: int


class HealthShape(ToDo):
    """How it stands with everything."""

    version: str = Field(examples=["0.1.0"])
    now: Milliseconds
    simulated: bool = Field(description="whether what is shown was made in simulated time")
    banner: str | None = Field(description="what every page has to say in that case")
    watch: WatchShape
    ledger: LedgerHeadShape | None
    store: StoreShape


def make_router(site: Site) -> APIRouter:
    """The address of health."""
    router = APIRouter(tags=["health"])

    @router.get("/health", response_model=HealthShape, responses=PLAIN)
    def show_health() -> Response:
        """How it stands with store, ledger and watch loop, and what to do where there is nothing yet."""
        return send_model(_describe(site))

    return router


def _describe(site: Site) -> HealthShape:
    listed, standing = site.store.inventory(), site.live.standing()
    head = standing.head
    simulated = head is not None and standing.is_simulated
    return HealthShape(
        version=coincast.__version__,
        now=time.time_ns() // 1_000_000,
        simulated=simulated,
        banner=BANNER if simulated else None,
        watch=show_watch(site.live.watch()),
        ledger=None if head is None else LedgerHeadShape(entries=head.count, head=head.hash, made_at=head.made_at),
        store=StoreShape(
            markets=len(listed.markets), candles=sum(stored.facts["rows"] for stored in listed.markets.values())
        ),
        next_steps=[] if head is not None else TO_WATCH,
    )


def show_watch(watch: Watch) -> WatchShape:
    """What the page is told of the loop."""
    facts = watch.facts
    return WatchShape(
        state=watch.state,
        words=watch.words,
        written_at=watch.written_at,
        next_close=_whole(facts.get("next_close")),
        exchange_now=_whole(facts.get("now")),
        speed=_number(facts.get("simulated")),
        is_training=bool(facts["training"].get("running")) if isinstance(facts.get("training"), dict) else None,
        markets=[_market(one) for one in facts.get("markets") or () if isinstance(one, dict)],
    )


def _market(one: dict[str, Any]) -> WatchMarketShape:
    trouble = one.get("trouble")
    return WatchMarketShape(
        market=str(one.get("market", "")),
        interval=str(one.get("interval", "")),
        last_close=_whole(one.get("last_close")),
        last_origin=_whole(one.get("last_origin")),
        trouble=None if trouble is None else str(trouble),
    )


def _whole(value: Any) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


def _number(value: Any) -> float | None:
    """A number that can be told; None for anything else that the file may hold."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**63
    return value if is_number else None
