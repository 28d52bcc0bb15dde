"""Whom the gate lets in: by Host, by Origin, by token, and how often."""

from __future__ import annotations

import logging
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from coincast.errors import UsageError
from coincast.web.app import guard
from coincast.web.faults import Refusal
from coincast.web.security.asked import Asked
from coincast.web.security.gate import HEADERS
from coincast.web.security.guards import check_host, check_origin
from coincast.web.security.tokens import COOKIE
from coincast.web.settings import Limits, Settings, is_loopback
from coincast.web.site import Site

TOKEN = "t" * 43
OTHERS = (
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "evil.example:8351",
    "",
    "a b",
    "[::1",
    "1",
)


def ask(method: str = "GET", scheme: str = "http", **headers: str) -> Asked:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Asked(method, "/", {"host": "127.0.0.1:8351", **named}, scheme, "127.0.0.1")


def is_refused(check: Any, *given: Any) -> bool:
    """Whether a guard says no."""
    try:
        check(*given)
    except Refusal:
        return True
    return False


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost:8351", "LOCALHOST", "[::1]:8351", "10.1.2.3:99", "localhost."]
)
def test_names_of_this_machine_are_answered(host: str) -> None:
    assert not is_refused(check_host, ask(host=host), Settings(runs=Path()))
    assert not is_refused(check_host, ask(host=f"{socket.gethostname()}:1"), Settings(runs=Path()))


@pytest.mark.parametrize("host", [*OTHERS, "127.0.0.1:8351, evil.example", "user@127.0.0.1", "127.0.0.1:8351/x"])
def test_a_name_that_somebody_pointed_here_is_not(host: str) -> None:
    assert is_refused(check_host, ask(host=host), Settings(runs=Path()))


def test_the_name_that_is_listened_on_is_answered() -> None:
    settings = Settings(runs=Path(), host="coins.example", token=TOKEN)
    assert not is_refused(check_host, ask(host="Coins.example:8351"), settings)


@pytest.mark.parametrize(
    ("headers", "is_own"),
    [
        ({}, True),
        ({"origin": "http://127.0.0.1:8351"}, True),
        ({"origin": "https://127.0.0.1:8351"}, True),  # behind a proxy that speaks TLS
        ({"origin": "http://127.0.0.1:8352"}, False),
        ({"origin": "http://127.0.0.1"}, False),
        ({"origin": "http://evil.example"}, False),
        ({"origin": "http://127.0.0.1:8351.evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
        ({"sec_fetch_site": "cross-site"}, False),
        ({"sec_fetch_site": "same-site"}, False),
        ({"sec_fetch_site": "same-origin"}, True),
    ],
)
def test_changes_come_from_our_own_page(headers: dict[str, str], is_own: bool) -> None:
    assert is_refused(check_origin, ask("POST", **headers)) != is_own
    assert is_refused(check_origin, ask("DELETE", **headers)) != is_own
    assert not is_refused(check_origin, ask("GET", **headers))


def test_over_tls_a_page_without_it_is_another_site() -> None:
    assert is_refused(check_origin, ask("POST", scheme="https", origin="http://127.0.0.1:8351"))


@pytest.mark.parametrize(
    ("host", "is_here"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.5", False),
        ("", False),
        ("coins.example", False),
    ],
)
def test_what_others_can_reach_needs_a_token(host: str, is_here: bool) -> None:
    assert is_loopback(host) == is_here
    if not is_here:
        with pytest.raises(UsageError, match="no token"):
            Settings(runs=Path(), host=host)


@pytest.fixture
def guarded(site: Site, client: Any) -> Any:
    """The same page where a token is needed, and few guesses are allowed."""
    settings = replace(site.settings, token=TOKEN, limits=Limits(guesses=3))
    return replace(client, app=guard(replace(site, settings=settings)))


def test_without_the_token_nothing_is_told(guarded: Any) -> None:
    for path in ("/api/v1/health", "/openapi.json", "/api/v1/events", "/nothing", "/runs/r0123456789abcdef/report"):
        answer = guarded.get(path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorised"), path
        assert answer.headers["www-authenticate"] == "Bearer"
    page = guarded.get("/", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (303, "/login")


def test_with_the_token_or_its_cookie_everything_is(guarded: Any) -> None:
    assert guarded.get("/api/v1/health", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    answer = guarded.post("/login", data={"token": TOKEN})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert TOKEN not in cookie
    own = {"Cookie": f"other=1; {cookie.partition(';')[0]}"}
    assert guarded.get("/api/v1/health", headers=own).status_code == 200
    assert guarded.post("/logout", headers=own).headers["set-cookie"].startswith(f'{COOKIE}=""')


def test_guesses_are_few_and_then_even_the_right_one_waits(guarded: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="coincast.web"):
        for _ in range(2):
            assert guarded.get("/api/v1/health", headers={"Authorization": "Bearer guess"}).status_code == 401
        assert guarded.post("/login", data={"token": "guess"}).status_code == 401
        answer = guarded.get("/api/v1/health", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
        assert guarded.post("/login", data={"token": TOKEN}).status_code == 429
        other = replace(guarded, address="10.0.0.7")
        assert other.get("/api/v1/health", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert TOKEN not in caplog.text
    assert "guess" not in caplog.text


@pytest.mark.parametrize("field", ["token", "token=%00", "&" * 3000, "token[]=x", "x" * 60_000])
def test_a_broken_form_is_a_wrong_token(guarded: Any, field: str) -> None:
    answer = guarded.post("/login", content=field, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/api/v1/health", "/nothing", "/api/v1/markets?limit=0", "/login"])
def test_every_answer_bears_our_headers(client: Any, path: str) -> None:
    answer = client.get(path)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert not {"server", "x-powered-by", "access-control-allow-origin"} & set(answer.headers)


def test_too_many_requests_of_one_address(site: Site, client: Any) -> None:
    settings = replace(site.settings, limits=Limits(requests=1, burst=3, changes=2))
    narrow = replace(client, app=guard(replace(site, settings=settings)))
    assert [narrow.get("/api/v1/jobs").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert replace(narrow, address="10.0.0.7").get("/api/v1/jobs").status_code == 200


def test_a_forged_address_is_not_believed(site: Site, client: Any) -> None:
    settings = replace(site.settings, limits=Limits(requests=0.001, burst=1))
    narrow = replace(client, app=guard(replace(site, settings=settings)))
    for number in range(2):
        forged = {"X-Forwarded-For": f"10.0.0.{number}", "Forwarded": f"for=10.0.0.{number}"}
        assert narrow.get("/api/v1/jobs", headers=forged).status_code == (429 if number else 200)
