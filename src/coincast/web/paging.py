"""Lists in pages: an opaque cursor says where the next one begins."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, TypeVar

from fastapi import Query

from coincast.web.faults import Refusal

T = TypeVar("T")

LARGEST = 2**53
Limit = Annotated[int, Query(ge=1, le=200, description="entries of a page")]
LongLimit = Annotated[int, Query(ge=1, le=500, description="entries of a page")]
Cursor = Annotated[
    str | None, Query(max_length=40, description="where the page begins: `next` of the one before; none: at the start")
]


def make_cursor(position: int) -> str:
    """A position as an opaque text.

    Example:
        >>> read_cursor(make_cursor(250))
        250
    """
    return base64.urlsafe_b64encode(f"p{position}".encode()).decode().rstrip("=")


def read_cursor(cursor: str | None) -> int | None:
    """The position that a cursor stands for; None for none.

    Raises:
        Refusal: it is not one of ours.
    """
    if cursor is None:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode("ascii")
    except (ValueError, binascii.Error):
        text = ""
    digits = text.removeprefix("p")
    if text[:1] != "p" or not (digits.isascii() and digits.isdecimal()) or int(digits) > LARGEST:
        raise Refusal(400, "the cursor is not one that this server gave; begin without one")
    return int(digits)


def cut_page(items: Sequence[T], limit: int, cursor: str | None) -> tuple[list[T], str | None]:
    """The page of a list, and the cursor of the next one."""
    first = read_cursor(cursor) or 0
    end = first + limit
    return list(items[first:end]), make_cursor(end) if end < len(items) else None
