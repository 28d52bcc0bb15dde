"""What every column, word and kind of finding means."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from coincast.candles.quality import KINDS
from coincast.web.api.columns import COLUMNS, VERDICTS
from coincast.web.api.shapes import CACHED, Page, Shape
from coincast.web.paging import Cursor, LongLimit, cut_page
from coincast.web.site import Site


class TermShape(Shape):
    """A name and what it means."""

    name: str = Field(description="as in the answers", examples=["skill"])
    title: str = Field(description="as a heading")
    unit: str = Field(description="empty where it has none", examples=["share"])
    words: str
    about: Literal["column", "verdict", "finding"]


class GlossaryShape(Page):
    """Names and what they mean."""

    items: list[TermShape]


TERMS = [
    *(TermShape(name=one.name, title=one.title, unit=one.unit, words=one.words, about="column") for one in COLUMNS),
    *(TermShape(name=word, title=word, unit="", words=words, about="verdict") for word, words in VERDICTS.items()),
    *(
        TermShape(name=name, title=name, unit=kind.severity, words=kind.rule, about="finding")
        for name, kind in KINDS.items()
    ),
]


def make_router(site: Site) -> APIRouter:
    """The address of the glossary."""
    router = APIRouter(tags=["glossary"])

    @router.get("/glossary", response_model=GlossaryShape, responses=CACHED)
    def list_terms(request: Request, limit: LongLimit = 200, cursor: Cursor = None) -> Response:
        """Columns, verdicts and kinds of findings, explained."""

        def make() -> GlossaryShape:
            page, following = cut_page(TERMS, limit, cursor)
            return GlossaryShape(items=page, next=following, total=len(TERMS))

        return site.answers.give(request, ("glossary", limit, cursor), 0, make)

    return router
