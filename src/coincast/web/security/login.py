"""The form that takes the token and gives a cookie for it, so that a browser can be used from another machine."""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from coincast.web.faults import Refusal
from coincast.web.security.rates import Buckets
from coincast.web.security.tokens import COOKIE, SESSION_SECONDS, Tokens

_FORM = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Log in · Coincast</title>
<link rel="stylesheet" href="/static/page.css">
</head>
<body class="login">
<main>
<h1>Coincast</h1>
<p>This page can be reached from other machines, so it asks for its token. It stands in the file that
<code>coincast serve</code> names when it starts.</p>
<form method="post" action="/login">
<p><label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus{described}></p>
{message}<p><button type="submit">Log in</button></p>
</form>
</main>
</body>
</html>
"""


def make_router(tokens: Tokens | None, guesses: Buckets) -> APIRouter:
    """The form, what it sends, and the way out.

    Args:
        tokens: checks the token; None where none is needed.
        guesses: one for each wrong token of an address.
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/login")
    async def show_form() -> Response:
        return RedirectResponse("/", 303) if tokens is None else HTMLResponse(_page(""))

    @router.post("/login")
    async def log_in(request: Request) -> Response:
        if tokens is None:
            return RedirectResponse("/", 303)
        address = request.client.host if request.client else ""
        if wait := guesses.look(address):
            raise Refusal(429, f"too many wrong tokens; try again in {wait} seconds", wait=wait)
        if not tokens.is_right(_read_token(await request.body())):
            guesses.take(address)
            return HTMLResponse(_page("This token is not right."), 401)
        return _with_cookie(RedirectResponse("/", 303), tokens.make_session(), request.url.scheme)

    @router.post("/logout")
    async def log_out(request: Request) -> Response:
        return _with_cookie(RedirectResponse("/login", 303), "", request.url.scheme)

    return router


def _read_token(body: bytes) -> str:
    """The field `token` of a form; empty where there is none."""
    try:
        return parse_qs(body.decode("utf-8", "replace"), max_num_fields=4).get("token", [""])[0].strip()
    except ValueError:
        return ""


def _page(message: str) -> str:
    told = f'<p id="wrong" role="alert">{escape(message)}</p>\n' if message else ""
    return _FORM.format(message=told, described=' aria-describedby="wrong"' if message else "")


def _with_cookie(response: Response, value: str, scheme: str) -> Response:
    """Set the cookie: no script reads it, no other site's request bears it; without a value it goes."""
    response.set_cookie(
        COOKIE,
        value,
        max_age=SESSION_SECONDS if value else 0,
        path="/",
        httponly=True,
        samesite="strict",
        secure=scheme == "https",
    )
    return response
