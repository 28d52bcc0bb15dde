"""All guards in their order around the application, and the headers that every answer bears."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import MutableMapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coincast.web.faults import Refusal, fault_response
from coincast.web.security.asked import LARGEST_HEAD, LONGEST_PATH, Asked, read_head, show
from coincast.web.security.bodies import bounded, check_length, most_bytes
from coincast.web.security.guards import LOGIN_PATH, WrongToken, check_host, check_origin, check_token
from coincast.web.security.rates import Buckets
from coincast.web.security.tokens import Tokens
from coincast.web.settings import Settings

LOG = logging.getLogger("coincast.web")

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing but our own files, no script or style inside a page, and no frame around it."""

HEADERS = {
    "content-security-policy": PAGE_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
    "cache-control": "no-store",
}
"""On every answer that does not say otherwise itself."""
_OWN = [(name.encode(), value.encode()) for name, value in HEADERS.items()]


class Gate:
    """The application behind its guards.

    Args:
        app: the application.
        settings: who may come in, and how much is allowed.
        tokens: checks tokens; None where none is needed.
        guesses: one for each wrong token of an address, shared with the form.
    """

    def __init__(self, app: ASGIApp, settings: Settings, tokens: Tokens | None, guesses: Buckets) -> None:
        limits = settings.limits
        self._app, self._settings, self._tokens, self._guesses = app, settings, tokens, guesses
        self._requests = Buckets(limits.requests, limits.burst)
        self._changes = Buckets(limits.changes / 60, limits.changes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:  # no path speaks WebSocket
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked, began = read_head(scope), time.perf_counter()
        answer = _Answer(send)
        try:
            self._check(asked)
            await self._let_in(asked, scope, receive, answer)
        except Refusal as refusal:
            level = logging.WARNING if isinstance(refusal, WrongToken) else logging.INFO
            LOG.log(level, "refused %s %s from %s: %s", show(asked.method), show(asked.path), asked.client, refusal)
            await _refuse(asked, refusal, scope, receive, answer)
        except TimeoutError:
            answer.limit = None
            LOG.warning("gave up on %s %s", asked.method, show(asked.path))
            late = Refusal(503, "this takes too long; ask for less", wait=5)
            await _refuse(asked, late, scope, receive, answer)
        except Exception:
            LOG.exception("fault of ours in %s %s", asked.method, show(asked.path))
            if not answer.status:
                await fault_response(500, "a fault of ours; the log has more")(scope, receive, answer)
        took = 1000 * (time.perf_counter() - began)
        LOG.debug("%s %s %s %.1f ms", asked.method, show(asked.path), answer.status, took)

    def _check(self, asked: Asked) -> None:
        """Every guard that needs no body, the cheapest first.

        Raises:
            Refusal: one of them says no.
        """
        if wait := self._requests.take(asked.client):
            raise Refusal(429, f"too many requests; try again in {wait} s", wait=wait)
        if len(asked.path) > LONGEST_PATH or "\0" in asked.path:
            raise Refusal(400, "this is no address of ours")
        if sum(len(name) + len(value) for name, value in asked.headers.items()) > LARGEST_HEAD:
            raise Refusal(400, "the head of the request is too large")
        check_host(asked, self._settings)
        check_origin(asked)
        check_length(asked, self._settings.limits)
        self._check_token(asked)
        if asked.changes and asked.path != LOGIN_PATH and (wait := self._changes.take(asked.client)):
            raise Refusal(429, f"too many changes; try again in {wait} s", wait=wait)

    def _check_token(self, asked: Asked) -> None:
        """The token; an address that guesses is not heard for a while, be its next guess right or wrong."""
        is_guess = self._tokens is not None and "authorization" in asked.headers
        if is_guess and (wait := self._guesses.look(asked.client)):
            raise Refusal(429, f"too many wrong tokens; try again in {wait} s", wait=wait)
        try:
            check_token(asked, self._tokens)
        except WrongToken:
            self._guesses.take(asked.client)
            raise

    async def _let_in(self, asked: Asked, scope: Scope, receive: Receive, answer: _Answer) -> None:
        limits = self._settings.limits
        body = bounded(receive, most_bytes(asked, limits), limits.body_seconds)
        async with asyncio.timeout(limits.answer_seconds) as limit:
            answer.limit = limit
            await self._app(scope, body, answer)


class _Answer:
    """Sends an answer with our headers; once it has begun, it may take as long as it likes."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.limit: asyncio.Timeout | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": _add_headers(message)}
            if self.limit is not None:
                self.limit.reschedule(None)
        await self._send(message)


def _add_headers(message: MutableMapping[str, Any]) -> list[tuple[bytes, bytes]]:
    headers = list(message.get("headers", []))
    there = {name.lower() for name, _ in headers}
    return [*headers, *(header for header in _OWN if header[0] not in there)]


async def _refuse(asked: Asked, refusal: Refusal, scope: Scope, receive: Receive, answer: _Answer) -> None:
    """Say no; a browser that opens a page without a token is sent to the form."""
    if answer.status:
        return
    headers = {} if refusal.wait is None else {"Retry-After": str(refusal.wait)}
    if refusal.status == 401 and asked.is_page and "authorization" not in asked.headers:
        response = fault_response(303, refusal.message, headers={"Location": LOGIN_PATH})
    else:
        headers |= {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else {}
        response = fault_response(refusal.status, refusal.message, headers=headers)
    await response(scope, receive, answer)
