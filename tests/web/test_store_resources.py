"""Markets, candles and findings as the interface gives them, beside what the store itself says."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from coincast.candles.quality import examine
from coincast.candles.store import read_stored, write_candles, write_series
from coincast.sources.simulated import simulate
from coincast.web.ids import market_id
from coincast.web.site import Site

MARKET, INTERVAL = "simulated:WALK1/USD", "1d"
NAMES = ("open", "high", "low", "close", "volume")


def test_a_market_says_what_is_stored_of_it(client: Any, candles: pl.DataFrame) -> None:
    [told] = client.json("markets")["items"]
    assert (told["market"], told["interval"], told["rows"], told["gaps"]) == (MARKET, INTERVAL, 300, 0)
    assert told["id"] == market_id(MARKET, INTERVAL)
    assert told["first"] == candles["open_time"].to_physical()[0]
    assert told["is_simulated"]
    assert client.json("health")["store"] == {"markets": 1, "candles": 300}


def test_pages_hold_every_candle_once(client: Any, candles: pl.DataFrame) -> None:
    path, rows, cursor = f"markets/{market_id(MARKET, INTERVAL)}/candles", [], None
    while True:
        page = client.json(path, params={"limit": 70} | ({"cursor": cursor} if cursor else {}))
        rows += list(zip(page["open_time"], *(page[name] for name in NAMES), strict=True))
        cursor = page["next"]
        if cursor is None:
            break
    stored = read_stored(MARKET, INTERVAL).select(pl.col("open_time").to_physical(), *NAMES)
    assert rows == stored.rows()


def test_pages_go_on_over_gaps(client: Any, home: Any) -> None:
    table = simulate("walk", candles=2000, seed=1, interval="1h")
    write_candles(pl.concat([table.head(20), table.tail(20)]), source="a test", on_conflict="replace")
    path = f"markets/{market_id('simulated:WALK1/USD', '1h')}/candles"
    first = client.json(path, params={"limit": 25})
    second = client.json(path, params={"limit": 25, "cursor": first["next"]})
    assert (len(first["close"]), len(second["close"]), second["next"]) == (25, 15, None)
    assert client.json(path, params={"last": 30})["close"] == [*table["close"][10:20], *table["close"][-20:]]


def test_thinned_candles_lose_no_extreme(client: Any, candles: pl.DataFrame) -> None:
    told = client.json(f"markets/{market_id(MARKET, INTERVAL)}/candles", params={"points": 40})
    assert told["is_thinned"]
    assert told["rows"] == 300
    assert 20 <= len(told["close"]) <= 60
    close = candles["close"]
    assert (told["close"][0], told["close"][-1]) == (close[0], close[-1])
    assert (min(told["close"]), max(told["close"])) == (close.min(), close.max())


def test_a_span_is_cut_as_asked(client: Any, candles: pl.DataFrame) -> None:
    times = candles["open_time"].to_physical()
    span = {"since": times[100], "until": times[110]}
    path = f"markets/{market_id(MARKET, INTERVAL)}/candles"
    for more in ({"points": 10}, {"last": 5000}, {"limit": 5000}):
        assert client.json(path, params={**span, **more})["open_time"] == times[100:110].to_list()
    assert client.json(path, params={"since": 5, "until": 6})["open_time"] == []
    assert client.get(f"/api/v1/{path}", params={"since": 10**18}).status_code == 422


def test_findings_are_those_of_the_library(client: Any, home: Any) -> None:
    table = simulate("walk", candles=200, seed=2)
    holed = table.with_columns(volume=pl.when(pl.int_range(pl.len()) == 5).then(0.0).otherwise("volume"))
    write_candles(holed.filter(~pl.int_range(pl.len()).is_between(50, 52)), source="a test", on_conflict="replace")
    told = client.json(f"markets/{market_id(MARKET, INTERVAL)}")
    found = examine(read_stored(MARKET, INTERVAL))
    assert {one["kind"] for one in told["findings"]} == set(found["kind"])
    assert told["findings_total"] == found.height
    gap = next(one for one in told["findings"] if one["kind"] == "gap")
    assert (gap["count"], told["missing"]) == (3, 3)


def test_a_broken_part_is_told_and_the_rest_is_shown(client: Any, candles: pl.DataFrame, home: Any) -> None:
    folder = home / "candles" / "simulated-BAD_USD" / "1d"
    folder.mkdir(parents=True)
    (folder / "2020.parquet").write_bytes(b"PAR1 no table")
    told = client.json("markets")
    assert [one["name"] for one in told["broken"]] == ["simulated:BAD/USD"]
    assert told["total"] == 1


def test_new_candles_change_the_answer_and_its_tag(client: Any, candles: pl.DataFrame) -> None:
    path = f"/api/v1/markets/{market_id(MARKET, INTERVAL)}/candles?last=2"
    before = client.get(path)
    tag = {"If-None-Match": before.headers["etag"]}
    assert (client.get(path, headers=tag).status_code, client.get(path, headers=tag).content) == (304, b"")
    more = simulate("walk", candles=301, seed=3)
    write_candles(more, source="a test", on_conflict="replace")
    after = client.get(path, headers=tag)
    assert after.status_code == 200
    assert after.json()["close"] == more["close"].tail(2).to_list()


@pytest.mark.parametrize("accepted", [True, False])
def test_large_answers_are_packed_for_those_who_take_them_so(
    client: Any, candles: pl.DataFrame, accepted: bool
) -> None:
    headers = {"Accept-Encoding": "gzip" if accepted else "identity"}
    answer = client.get(f"/api/v1/markets/{market_id(MARKET, INTERVAL)}/candles", headers=headers)
    assert (answer.headers.get("content-encoding") == "gzip") == accepted
    assert np.array(answer.json()["close"]).shape == (300,)


@pytest.mark.parametrize("given", ["m0000000000000000", "binance:BTC", "..", "M" + "0" * 16])
def test_an_id_that_is_none(client: Any, given: str) -> None:
    answer = client.get(f"/api/v1/markets/{given}/candles")
    assert answer.status_code in (404, 422)
    assert set(answer.json()["error"]) == {"code", "message"}


def test_a_new_outside_series_is_seen_without_new_candles(client: Any, candles: pl.DataFrame) -> None:
    assert client.json("series")["items"] == []
    days = candles["open_time"].head(3)
    table = pl.DataFrame({"date": days, "known_at": days, "fear_greed": [10.0, 20.0, 30.0]})
    write_series("fear_greed", table, source="a test")
    [told] = client.json("series")["items"]
    assert (told["name"], told["rows"]) == ("fear_greed", 3)


def test_whole_markets_are_read_by_turns(site: Site, client: Any, candles: pl.DataFrame) -> None:
    path = f"/api/v1/markets/{market_id(MARKET, INTERVAL)}"
    kept = client.get(f"{path}/candles?points=50")
    site.heavy._asked = site.heavy._room  # as many as there may be are at work, or wait
    whole = (path, f"{path}/candles?points=60", f"{path}/candles?last=5&until=9999999999999")
    assert [client.get(one).status_code for one in whole] == [429] * 3
    assert client.get(f"{path}/candles?points=50").content == kept.content
    assert [client.get(f"{path}/candles?{query}").status_code for query in ("last=5", "limit=5")] == [200, 200]
