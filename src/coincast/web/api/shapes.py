"""What many answers have in common."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from coincast.web.faults import describe_faults
from coincast.web.ids import ID_PATTERN

Milliseconds = Annotated[int, Field(description="milliseconds since 1970, UTC", examples=[1_795_235_400_000])]
Number = Annotated[float | None, Field(description="null where it is unknown")]
MarketId = Annotated[str, Path(pattern=ID_PATTERN, description="id of a market, out of a list")]

CACHED: dict[int | str, dict[str, Any]] = {
    **describe_faults(),
    304: {"description": "has not changed since the answer whose `ETag` was sent"},
}
"""Answers of an address that every reader gets the same from."""
CACHED_ONE: dict[int | str, dict[str, Any]] = {**CACHED, **describe_faults(404)}
PLAIN_ONE: dict[int | str, dict[str, Any]] = describe_faults(404)
PLAIN: dict[int | str, dict[str, Any]] = describe_faults()


TO_WATCH = ["coincast watch examples/live.toml --simulate 60"]
"""The command that fills store and ledger, in simulated time and offline."""


class Shape(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Page(Shape):
    """What every list says beside its items."""

    next: str | None = Field(description="cursor of the next page; null at the end", examples=[None])
    total: int = Field(description="entries in all", ge=0)


class ToDo(Shape):
    """What to do where there is nothing yet."""

    next_steps: list[str] = Field(
        default=[], description="commands that fill an empty list", examples=[["coincast download BTC/USDT"]]
    )
