"""The interface as a whole: its description, its errors, and everything on an empty store and an empty ledger."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from coincast.web import serve as serving
from coincast.web.app import guard, make_inner_app
from coincast.web.faults import CODES, Refusal
from coincast.web.paging import LARGEST, cut_page, make_cursor, read_cursor
from coincast.web.serve import describe, listen, make_settings
from coincast.web.settings import Settings
from coincast.web.site import Site

EMPTY = ("markets", "forecasts", "models", "track-record", "ledger/entries", "leaderboard", "runs", "jobs", "series")
WITH_ADVICE = ("markets", "forecasts", "track-record", "leaderboard", "runs", "health", "walks/markets")


@pytest.fixture
def description(site: Site) -> dict[str, Any]:
    """What /openapi.json says."""
    return make_inner_app(site).openapi()


def test_everything_works_on_nothing(client: Any) -> None:
    for path in EMPTY:
        told = client.json(path)
        assert (told["items"], told["total"], told["next"]) == ([], 0, None), path
    assert client.json("ledger")["entries"] == 0
    assert client.json("health")["watch"]["state"] == "absent"
    for path in WITH_ADVICE:
        assert all(line.startswith("coincast ") for line in client.json(path)["next_steps"]), path
        assert client.json(path)["next_steps"], path


def test_every_address_is_described_with_its_answers_and_errors(description: dict[str, Any]) -> None:
    for path, methods in description["paths"].items():
        for method, told in methods.items():
            place = f"{method} {path}"
            assert path.startswith("/api/v1/"), place
            assert told["description"], place
            good = [status for status in told["responses"] if status.startswith("2")]
            assert len(good) == 1, place
            assert told["responses"][good[0]]["content"], place
            for status in ("401", "403", "422", "429", "500"):
                schema = told["responses"][status]["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Fault"}, place
            for parameter in told.get("parameters", []):
                assert parameter.get("description") or parameter["schema"].get("description"), place


def test_every_list_is_paged(description: dict[str, Any]) -> None:
    schemas = description["components"]["schemas"]
    lists = {name for name, schema in schemas.items() if "items" in schema.get("properties", {})}
    assert lists
    for name in lists:
        assert {"items", "next", "total"} <= set(schemas[name]["properties"]), name
    for path, methods in description["paths"].items():
        answer = methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        shape = answer.get("application/json", {}).get("schema", {}).get("$ref", "").rpartition("/")[2]
        if shape in lists:
            names = {parameter["name"] for parameter in methods["get"]["parameters"]}
            assert {"limit", "cursor"} <= names, path


def test_errors_have_one_form(client: Any) -> None:
    asked = [
        client.get("/nothing"),
        client.get("/api/v1/nothing"),
        client.post("/api/v1/markets"),
        client.get("/api/v1/markets?limit=x"),
        client.get("/api/v1/markets?cursor=x"),
        client.get("/api/v1/runs/r0000000000000000"),
        client.post("/api/v1/jobs", content=b"{", headers={"Content-Type": "application/json"}),
        client.request("DELETE", "/api/v1/jobs/j0000000000000000"),
    ]
    assert [answer.status_code for answer in asked] == [404, 404, 405, 422, 400, 404, 422, 404]
    for answer in asked:
        [error] = answer.json().values()
        assert set(error) == {"code", "message"}
        assert error["code"] == CODES[answer.status_code]
    assert asked[2].headers["allow"] == "GET"


def test_a_fault_of_ours_says_nothing_about_the_inside(site: Site, client: Any, monkeypatch: Any, caplog: Any) -> None:
    def fail() -> None:
        raise ValueError("/srv/somebody/secret")

    monkeypatch.setattr(site.store, "inventory", fail)
    answer = client.get("/api/v1/markets")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "failed")
    assert "secret" not in answer.text
    assert "secret" in caplog.text


def test_an_answer_that_takes_too_long_is_given_up(site: Site, client: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(site.workshop, "ask", lambda work: time.sleep(0.5))
    settings = replace(site.settings, limits=replace(site.settings.limits, answer_seconds=0.05))
    answer = replace(client, app=guard(replace(site, settings=settings))).get("/api/v1/jobs/choices")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")


@pytest.mark.parametrize("cursor", ["", "x", "cA", "cC0x", "p1", "cDk5OTk5OTk5OTk5OTk5OTk5OTk", "ää"])
def test_a_cursor_that_is_not_ours(cursor: str) -> None:
    with pytest.raises(Refusal, match="not one that this server gave"):
        read_cursor(cursor)


def test_pages_hold_everything_once() -> None:
    items, found, cursor = list(range(10)), [], None
    while True:
        page, cursor = cut_page(items, 3, cursor)
        found += page
        if cursor is None:
            break
    assert found == items
    assert read_cursor(make_cursor(LARGEST)) == LARGEST
    assert cut_page(items, 3, make_cursor(99)) == ([], None)


def test_other_addresses_need_a_token_and_are_told_so(home: Path, tmp_path: Path) -> None:
    here = make_settings("127.0.0.1", 1)
    assert here.token is None
    assert "token" not in " ".join(describe(here, 1))
    there = make_settings("0.0.0.0", 1)
    words = " ".join(describe(there, 8351))
    assert there.token == (home / "serve-token").read_text().strip()
    assert there.token not in words
    assert there.token not in repr(there)
    assert "other machines" in words
    assert str(home / "serve-token") in words
    asked = make_settings("127.0.0.1", 1, token_file=tmp_path / "mine")
    assert asked.token == (tmp_path / "mine").read_text().strip()


def test_a_port_that_is_taken_is_told_in_a_line(serve: Callable[..., Any]) -> None:
    served = serve()
    with pytest.raises(serving.UsageError, match=r"cannot listen on 127\.0\.0\.1"):
        listen(Settings(runs=Path(), port=served.port))


def test_who_comes_before_the_application_is_up_waits(home: Path) -> None:
    with listen(Settings(runs=Path(), port=0)) as listening:
        socket.create_connection(listening.getsockname(), timeout=5).close()


def test_answers_are_sent_at_once_and_not_with_the_next_ones() -> None:
    async def is_prompt(listening: socket.socket) -> bool:
        loop = asyncio.get_running_loop()
        accepted = loop.create_future()

        class Other(asyncio.Protocol):
            def connection_made(self, transport: Any) -> None:
                accepted.set_result(transport.get_extra_info("socket"))

        async with await loop.create_server(Other, sock=listening):
            _, writer = await asyncio.open_connection(*listening.getsockname())
            told = (await accepted).getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            writer.close()
            return bool(told)

    with listen(Settings(runs=Path(), port=0)) as listening:
        assert asyncio.run(is_prompt(listening))


@pytest.mark.parametrize("host", ["no..name", "a" * 70])
def test_an_address_that_cannot_be_is_told_in_a_line(host: str) -> None:
    with pytest.raises(serving.UsageError, match=r"cannot listen on .*; choose another with --host and --port"):
        listen(Settings(runs=Path(), host=host, token="t" * 43))


def test_the_server_needs_neither_networks_nor_pictures(home: Path) -> None:
    code = """
import json, sys
from pathlib import Path
from coincast.web.app import guard
from coincast.web.settings import Settings
from coincast.web.site import make_site
guard(make_site(Settings(runs=Path("runs"))))
heavy = ("jax", "equinox", "matplotlib", "plotly", "pandas", "ccxt")
print(json.dumps([name for name in heavy if name in sys.modules]))
"""
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(made.stdout) == []


def test_the_code_of_the_page_on_serving_runs(
    serve: Callable[..., Any], write_ledger: Callable[..., Path], project: Path, capsys: Any
) -> None:
    write_ledger([100.0, 101.0, 100.5])
    text = (project / "docs" / "serve.md").read_text(encoding="utf-8")
    [code] = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    exec(compile(code.replace("8351", str(serve().port)), "serve.md", "exec"), {})
    assert capsys.readouterr().out.split()[:3] == ["simulated:WALK1/USD", "lstm", str(1.01 * 101.0)]
