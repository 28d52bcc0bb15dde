"""The ledger as it is: its head, the line that anchors it, and its entries."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from coincast.live.ledger import Anchor, Entry
from coincast.web.api.shapes import CACHED, Milliseconds, Page, Shape
from coincast.web.live_state import Standing
from coincast.web.paging import Cursor, Limit, make_cursor, read_cursor
from coincast.web.site import Site

Kind = Literal["genesis", "forecast", "score", "outage"]


class LedgerShape(Shape):
    """The ledger in short."""

    entries: int
    head: str | None = Field(description="hash of the newest entry")
    made_at: int | None = Field(description="of the newest entry, milliseconds since 1970")
    anchor: str | None = Field(
        description="a line to publish anywhere: with it anybody can prove that nothing before was cut or rebuilt",
        examples=["coincast-anchor v1 count=123 head=9f... made_at=..."],
    )
    is_simulated: bool = Field(description="whether its time and its prices were made by this program")


class EntryShape(Shape):
    """An entry of the ledger."""

    number: int
    kind: Kind
    made_at: Milliseconds
    body: dict[str, Any] = Field(description="what was hashed; docs/ledger.md says what stands in it")
    previous: str = Field(description="hash of the entry before")
    hash: str


class EntriesShape(Page):
    """Entries of the ledger, the newest first."""

    items: list[EntryShape]


def make_router(site: Site) -> APIRouter:
    """Addresses of the ledger."""
    router = APIRouter(prefix="/ledger", tags=["ledger"])

    @router.get("", response_model=LedgerShape, responses=CACHED)
    def show_ledger(request: Request) -> Response:
        """How long the ledger is, and the line that anchors it."""
        return site.answers.give_live(request, "ledger", site.live.standing, lambda: _show(site.live.standing()))

    @router.get("/entries", response_model=EntriesShape, responses=CACHED)
    def list_entries(
        request: Request,
        kind: Annotated[Kind | None, Query(description="only entries of this kind")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        """Entries of the ledger, the newest first."""
        key = ("entries", kind, limit, cursor)
        return site.answers.give_live(
            request, key, site.live.standing, lambda: _list_entries(site, kind, limit, cursor)
        )

    return router


def _show(standing: Standing) -> LedgerShape:
    head = standing.head
    if head is None:
        return LedgerShape(entries=0, head=None, made_at=None, anchor=None, is_simulated=False)
    return LedgerShape(
        entries=head.count,
        head=head.hash,
        made_at=head.made_at,
        anchor=str(Anchor(head.count, head.hash, head.made_at)),
        is_simulated=standing.is_simulated,
    )


def _list_entries(site: Site, kind: Kind | None, limit: int, cursor: str | None) -> EntriesShape:
    before = read_cursor(cursor)
    with site.live.ledger() as ledger:
        if ledger is None:
            return EntriesShape(items=[], next=None, total=0)
        found = list(ledger.entries(before=before, kind=kind, limit=limit + 1, newest_first=True))
        total = ledger.count(kind=kind)
    page = found[:limit]
    following = make_cursor(page[-1].number) if len(found) > limit else None
    return EntriesShape(items=[_entry(entry) for entry in page], next=following, total=total)


def _entry(entry: Entry) -> EntryShape:
    return EntryShape(
        **{name: getattr(entry, name) for name in ("number", "kind", "made_at", "previous", "hash")},
        body=dict(entry.body),
    )
