"""The demo's markets and settings; that it finds what was planted is shown by `proofs/`."""

from __future__ import annotations

import polars as pl

from coincast.experiments.demo import ECHO_SKILL, TEST_CANDLES, demo_candles, demo_spec
from coincast.experiments.tasks import make_tasks


def test_a_walk_and_an_echo_with_what_the_issue_asks() -> None:
    assert 0.08 <= ECHO_SKILL <= 0.10
    assert 500 <= TEST_CANDLES <= 1000
    candles = demo_candles(3)
    assert candles["market"].unique(maintain_order=True).to_list() == ["simulated:WALK1/USD", "simulated:ECHO1/USD"]
    tasks = make_tasks(demo_spec(3), candles)
    assert sorted(task.market for task in tasks) == ["simulated:ECHO1/USD", "simulated:WALK1/USD"]
    assert [len(task.test) for task in tasks] == [TEST_CANDLES, TEST_CANDLES]


def test_seeds_make_other_markets_and_other_runs() -> None:
    assert demo_candles(0).equals(demo_candles(0))
    assert not demo_candles(0)["close"].equals(demo_candles(1)["close"])
    assert demo_spec(4).training.seed == 4


def test_every_opponent_is_there() -> None:
    assert {entry.name for entry in demo_spec().models} >= {"lstm", "oracle", "ar", "drift", "average", "naive"}
    assert isinstance(demo_candles(), pl.DataFrame)
