"""May this request be answered? Host, Origin and token.

A page of another site can make a reader's browser send requests here. It cannot choose their `Host` and `Origin`:

* A name that another site points at this address (DNS rebinding) stands in `Host`. Only names of this machine are
  answered: IP addresses, which no site can point anywhere, `localhost`, this machine's own name, and the name that is
  listened on.
* A request that changes something and comes from another site bears that site's `Origin`; it must be this one's.
"""

from __future__ import annotations

import ipaddress
import re
import socket

from coincast.web.faults import Refusal
from coincast.web.security.asked import Asked
from coincast.web.security.tokens import COOKIE, Tokens
from coincast.web.settings import Settings

LOGIN_PATH, OPEN_FOLDER = "/login", "/static/"
"""What a reader without a token may see: the form, and the style sheet that it wears."""
_AUTHORITY = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")


def check_host(asked: Asked, settings: Settings) -> None:
    """Refuse a request that was not sent to a name of this machine.

    Raises:
        Refusal: the header is missing, malformed, or another machine's name.
    """
    found = _AUTHORITY.fullmatch(asked.headers.get("host", ""))
    if found is None or not _is_own_name(found["name"].lower().rstrip("."), settings.host):
        raise Refusal(403, "this server does not answer to that name; use its IP address, or localhost")


def _is_own_name(name: str, listening: str) -> bool:
    if name in ("localhost", listening.lower(), socket.gethostname().lower()):
        return True
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def check_origin(asked: Asked) -> None:
    """Refuse a change that comes from another site's page.

    A browser sends `Origin` with every such request; programs such as curl send none, and no site can make them ask.

    Raises:
        Refusal: it comes from another site, from nowhere in particular ("null"), or the browser says so.
    """
    if not asked.changes:
        return
    origin = asked.headers.get("origin")
    if origin is None:
        is_own = asked.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
    else:
        is_own = origin.lower() in (f"{scheme}://{asked.headers.get('host', '').lower()}" for scheme in _schemes(asked))
    if not is_own:
        raise Refusal(403, "this change was asked for by another site's page, and is refused")


def _schemes(asked: Asked) -> tuple[str, ...]:
    """Schemes of this site: behind a proxy that speaks TLS, a page of it has https where we see http."""
    return ("https",) if asked.scheme == "https" else ("http", "https")


def check_token(asked: Asked, tokens: Tokens | None) -> None:
    """Refuse a reader who does not know the token, where there is one.

    Raises:
        Refusal: no token, or a wrong one.
    """
    if tokens is None or asked.path == LOGIN_PATH or asked.path.startswith(OPEN_FOLDER):
        return
    scheme, _, given = asked.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        if tokens.is_right(given.strip()):
            return
        raise WrongToken
    if not tokens.is_session(read_cookie(asked, COOKIE)):
        raise Refusal(401, "a token is needed: log in at /login, or send it as Authorization: Bearer")


class WrongToken(Refusal):
    """A token was given, and it is wrong; such guesses are counted."""

    def __init__(self) -> None:
        super().__init__(401, "the token is wrong")


def read_cookie(asked: Asked, name: str) -> str:
    """The value of a cookie, empty where there is none."""
    for part in asked.headers.get("cookie", "").replace(",", ";").split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return ""
