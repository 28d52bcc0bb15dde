"""A table that somebody sends is judged as the library judges it, and refused in its words."""

from __future__ import annotations

import gzip
import io
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from coincast.experiments.judge import judge
from coincast.web.app import guard
from coincast.web.settings import Limits
from coincast.web.site import Site

CSV = {"Content-Type": "text/csv"}


def make_table(copies: bool) -> pl.DataFrame:
    """200 days of a walk and a forecast of it: a copy of the last price, or noise about it."""
    rng = np.random.default_rng(1)
    price = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, 200)))
    last = np.concatenate([[100.0], price[:-1]])
    said = last if copies else last * np.exp(rng.normal(0, 0.05, 200))
    days = pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 7, 18), eager=True)
    return pl.DataFrame({"target_time": days, "actual": price, "predicted": said})


def send(client: Any, table: pl.DataFrame, **options: Any) -> Any:
    return client.post("/api/v1/judge", content=table.write_csv().encode(), headers=CSV, **options)


@pytest.mark.parametrize("copies", [True, False])
def test_the_verdict_is_the_librarys(client: Any, copies: bool) -> None:
    table = make_table(copies)
    answer = send(client, table)
    assert answer.status_code == 200
    told, expected = answer.json(), judge(pl.read_csv(io.BytesIO(table.write_csv().encode())))
    assert (told["verdict"], told["sentence"]) == (expected.verdict, expected.sentence)
    assert told["models"][0]["skill"] == pytest.approx(expected.models[0].skill)
    assert told["models"][0]["lag"] == expected.models[0].lag == (1 if copies else told["models"][0]["lag"])
    assert len(told["figures"]) == 4
    assert {row["model"] for row in told["leaderboard"]} == {"forecast", "naive"}
    picture = told["picture"][0]
    assert len(picture["target_time"]) == len(picture["actual"]) == len(picture["naive"]) == picture["rows"]
    assert picture["actual"] == pytest.approx(table["actual"].to_list()[-picture["rows"] :])
    assert picture["naive"][1:] == pytest.approx(picture["actual"][:-1])


def test_a_script_in_a_name_stays_a_text(client: Any) -> None:
    evil = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
    table = make_table(False).with_columns(market=pl.lit(f"x:{evil}/USD"), model=pl.lit(evil))
    answer = send(client, table)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    if answer.status_code == 200:
        assert evil in answer.json()["models"][0]["model"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"target_time,actual\n2024-01-01,1\n",
        b"a,b\n1,2\n",
        b"target_time,actual,predicted\n2024-01-01,1,1\n",
        b"target_time,actual,predicted\n" + b"x,y,z\n" * 50,
        b'target_time,actual,predicted\n"2024-01-01,1,1\n',
        b"<html><body>no</body></html>",
        b"\xff\xfea\x00",
        b"target_time,target_time,actual,predicted\n1,2,3,4\n",
        "target_time,actual,predicted\n2024-01-01,1,ä\n".encode("latin-1"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_words(client: Any, body: bytes) -> None:
    answer = client.post("/api/v1/judge", content=body, headers=CSV)
    assert answer.status_code in (415, 422)
    message = answer.json()["error"]["message"]
    assert message
    assert "/tmp" not in message
    assert "Traceback" not in message


@pytest.mark.parametrize(
    "body", [b"PAR1", gzip.compress(b"a,b\n1,2\n", mtime=0), b"PK\x03\x04", b"\x89HDF\r\n", b" [[1]]", b"{}"]
)
def test_what_is_no_csv_is_never_opened(client: Any, body: bytes) -> None:
    answer = client.post("/api/v1/judge", content=body, headers=CSV)
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported")


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", ""])
def test_only_csv_is_taken(client: Any, kind: str) -> None:
    answer = client.post("/api/v1/judge", content=b"a,b\n1,2\n", headers={"Content-Type": kind})
    assert answer.status_code == 415


def test_tables_have_so_many_rows_and_bytes(site: Site, client: Any) -> None:
    settings = replace(site.settings, limits=replace(site.settings.limits, rows=150, csv=50_000))
    narrow = replace(client, app=guard(replace(site, settings=settings)))
    assert send(narrow, make_table(True)).status_code == 413
    assert narrow.post("/api/v1/judge", content=b"x" * 50_001, headers=CSV).status_code == 413


def test_options_are_those_of_the_judge(client: Any) -> None:
    assert send(client, make_table(False), params={"interval": "7d"}).status_code == 422
    assert send(client, make_table(False), params={"quantity": "luck"}).status_code == 422
    told = send(client, make_table(False), params={"market": "mine:BTC/EUR", "interval": "1d", "horizon": 1}).json()
    assert told["models"][0]["market"] == "mine:BTC/EUR"


def test_limits_are_what_they_are_said_to_be() -> None:
    assert Limits().csv == 4 * 2**20


def test_a_table_on_which_polars_panics_is_refused(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def panic(table: pl.DataFrame, **reading: Any) -> None:
        raise pl.exceptions.PanicException("not a number")

    monkeypatch.setattr("coincast.web.api.judge.judge_table", panic)
    answer = send(client, make_table(True))
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")
