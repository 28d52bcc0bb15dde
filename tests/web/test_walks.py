"""The walks of article 0 on stored markets, and what is counted over many of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from coincast.sources.importing import import_files
from coincast.web.ids import market_id
from coincast.web.site import Site
from coincast.web.walking.odds import correlate, is_better
from coincast.web.workshop import find_work

WALK = market_id("simulated:WALK1/USD", "1d")


@pytest.fixture
def here(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work is done in this process: a child takes a second to start."""
    monkeypatch.setattr(site.workshop, "ask", lambda work, **arguments: find_work(work.name)(**arguments))


def test_seed_205_ends_where_article_0_does(client: Any, here: None, home: Path, shared_data: Path) -> None:
    folder = shared_data / "cmc" / "kaggle2018"
    for name in ("bitcoin", "ethereum"):
        import_files([folder / f"{name}_price.csv"])
    markets = client.json("walks/markets")["items"]
    assert [one["is_article"] for one in markets] == [True, True]
    assert markets[0]["market"].endswith("ETH/USD")
    told = client.json("walks", params={"market_id": markets[0]["market_id"], "seed": 205})
    assert told["is_article"]
    assert told["end"] == pytest.approx(951.78, abs=0.005)
    assert told["full_interval"][-1] == told["end"]
    assert (told["steps"], told["training_rows"]) == (174, 517)
    assert told["naive_full"] == 230.67
    assert told["actual"][-1] == 360.40


def test_a_walk_is_drawn_from_the_changes_of_training(client: Any, here: None, candles: pl.DataFrame) -> None:
    told = client.json("walks", params={"market_id": WALK, "seed": 7})
    rows, steps = told["training_rows"], told["steps"]
    change = (candles["close"] / candles["open"] - 1).to_numpy()[:rows]
    assert (told["mean"], told["deviation"]) == pytest.approx((change.mean(), change.std()))
    drawn = np.random.RandomState(7).normal(change.mean(), change.std(), steps)
    close = candles["close"].to_numpy()
    assert told["full_interval"] == pytest.approx(close[-steps - 1] * np.cumprod(1 + drawn))
    assert told["naive_single"] == pytest.approx(close[-steps - 1 : -1])
    assert told["errors"]["naive_full"] == pytest.approx(np.abs(close[-steps - 1] - close[-steps:]).mean())
    again = client.json("walks", params={"market_id": WALK, "seed": 8})
    assert again["end"] != told["end"]


def test_odds_are_what_a_loop_over_walks_counts(client: Any, here: None, candles: pl.DataFrame) -> None:
    odds = client.json("walks/odds", params={"market_id": WALK, "walks": 20})
    every = [client.json("walks", params={"market_id": WALK, "seed": seed}) for seed in range(20)]
    errors = [walk["errors"] for walk in every]
    assert odds["beats_flat"]["count"] == sum(one["full_interval"] < one["naive_full"] for one in errors)
    assert odds["beats_naive"]["count"] == sum(one["single_point"] < one["naive_single"] for one in errors)
    alike = [np.corrcoef(walk["full_interval"], walk["actual"])[0, 1] > 0.8 for walk in every]
    assert odds["looks_alike"]["count"] == sum(alike)
    assert odds["ends"]["q50"] == pytest.approx(np.median([walk["end"] for walk in every]))
    assert odds["looks_alike"]["words"].startswith(f"{sum(alike)} of 20")


def test_only_a_line_that_knows_something_is_better() -> None:
    rng = np.random.default_rng(0)
    actual = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, 400)))
    last = np.concatenate([[100.0], actual[:-1]])
    assert is_better(last * (actual / last) ** 0.5, actual, last)
    assert not is_better(last, actual, last)
    assert not is_better(last * np.exp(rng.normal(0, 0.02, 400)), actual, last)
    assert correlate(np.array([actual, -actual, np.ones(400)]), actual) == pytest.approx([1, -1, 0])


@pytest.mark.parametrize("query", ["", "market_id=x", f"market_id={WALK}&seed=-1", f"market_id={WALK}&seed=4294967296"])
def test_what_is_no_seed_or_market(client: Any, query: str) -> None:
    assert client.get(f"/api/v1/walks?{query}").status_code == 422
    assert client.get("/api/v1/walks?market_id=m0000000000000000").status_code == 404
