"""The whole application: resources, pages, and the gate around them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp

import coincast
from coincast.web import pages
from coincast.web.api import (
    events,
    forecasts,
    glossary,
    health,
    jobs,
    judge,
    leaderboard,
    ledger,
    markets,
    models,
    runs,
    walks,
)
from coincast.web.api import track_record as track
from coincast.web.faults import add_fault_handlers
from coincast.web.security import login
from coincast.web.security.gate import Gate
from coincast.web.security.rates import Buckets
from coincast.web.security.tokens import Tokens
from coincast.web.site import Site
from coincast.web.watcher import Watcher

BASE = "/api/v1"
DESCRIPTION = """Candles, live forecasts and their track record, runs, and the judge, as the page shows them.

Times are milliseconds since 1970, UTC. What cannot be known is null. Lists come in pages: hand `next` over as `cursor`.
Every error has the form `{"error": {"code", "message"}}`. Ids are opaque: take them from lists.
"""
RESOURCES = (health, markets, forecasts, models, track, ledger, leaderboard, runs, judge, walks, jobs, glossary, events)


def guard(site: Site) -> ASGIApp:
    """The application of a site, behind its gate."""
    settings = site.settings
    tokens = None if settings.token is None else Tokens(settings.token)
    guesses = Buckets(settings.limits.guesses / 60, settings.limits.guesses)
    app = make_inner_app(site)
    app.include_router(login.make_router(tokens, guesses))
    return Gate(app, settings, tokens, guesses)


def make_inner_app(site: Site) -> FastAPI:
    """The application without its gate: also what describes the interface."""
    app = FastAPI(
        title="Coincast",
        version=coincast.__version__,
        description=DESCRIPTION,
        docs_url=None,  # their scripts would come from another host
        redoc_url=None,
        lifespan=lambda app: _live(site),
    )
    add_fault_handlers(app)
    for resource in RESOURCES:
        app.include_router(resource.make_router(site), prefix=BASE)
    app.include_router(runs.make_report_router(site))
    app.include_router(pages.make_router())
    return app


@asynccontextmanager
async def _live(site: Site) -> AsyncIterator[None]:
    """What runs as long as the application does."""
    watcher = Watcher(site)
    watcher.start()
    try:
        yield
    finally:
        watcher.stop()
        site.close()
