"""How large a body may be, and how slowly it may come, whatever its headers say."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.exceptions import HTTPException

from coincast.web.faults import Refusal
from coincast.web.security.asked import Asked
from coincast.web.settings import Limits

JUDGE_PATH = "/api/v1/judge"

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


def most_bytes(asked: Asked, limits: Limits) -> int:
    """The largest body that a path takes."""
    return limits.csv if asked.path == JUDGE_PATH else limits.body


def check_length(asked: Asked, limits: Limits) -> None:
    """Refuse a body that says of itself that it is too large, before a byte of it is read.

    Raises:
        Refusal: its length is too large, or no number.
    """
    told = asked.headers.get("content-length")
    if told is None:
        return
    if not (told.isascii() and told.isdecimal()):
        raise Refusal(400, "the length of the body is no number")
    if int(told) > most_bytes(asked, limits):
        raise Refusal(413, _too_large(most_bytes(asked, limits)))


def bounded(receive: Receive, most: int, seconds: float) -> Receive:
    """Read a body piece by piece and stop where it grows too large (chunked, or longer than it said) or too slow.

    Raises:
        HTTPException: 413 or 408; FastAPI would make any other exception a 400.
    """
    read = 0
    deadline = asyncio.get_running_loop().time() + seconds
    is_whole = False

    async def receive_some() -> MutableMapping[str, Any]:
        nonlocal read, is_whole
        if is_whole:  # what comes now is the end of the connection, which may take as long as it likes
            return await receive()
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, f"the body did not come within {seconds:g} seconds") from None
        read += len(message.get("body", b""))
        is_whole = not message.get("more_body", False)
        if read > most:
            raise HTTPException(413, _too_large(most))
        return message

    return receive_some


def _too_large(most: int) -> str:
    size = f"{most // 2**20} MB" if most >= 2**20 else f"{most // 2**10} kB"
    return f"the body is too large; at most {size}"
