"""The child process that works for the server: what travels there and back, and what happens when it is gone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from coincast.web.faults import Refusal
from coincast.web.ids import market_id
from coincast.web.walking.answers import draw_walk
from coincast.web.walking.shapes import WALK
from coincast.web.workshop import PLACES, Workshop, find_work

MARKET = market_id("simulated:WALK1/USD", "1d")


@pytest.fixture
def workshop() -> Iterator[Workshop]:
    made = Workshop()
    yield made
    made.close()
    assert not made.is_open


def test_the_child_answers_as_the_function_does_and_is_replaced_when_it_dies(
    workshop: Workshop, candles: pl.DataFrame
) -> None:
    assert workshop.ask(WALK, market_id=MARKET, seed=7) == draw_walk(MARKET, 7)
    with pytest.raises(Refusal, match="no market of the store has this id") as refused:
        workshop.ask(WALK, market_id="m0000000000000000", seed=7)
    assert refused.value.status == 404
    with pytest.raises(RuntimeError, match="TypeError in the workshop"):
        workshop.ask(WALK, market_id=MARKET)
    child: Any = workshop._process
    child.kill()
    child.wait()
    with pytest.raises(Refusal, match="has ended, or takes too long") as refused:
        workshop.ask(WALK, market_id=MARKET, seed=7)
    assert (refused.value.status, refused.value.wait) == (503, 5)
    assert not workshop.is_open


def test_a_child_that_does_not_come_back_is_ended() -> None:
    workshop = Workshop(call_seconds=0.05)
    with pytest.raises(Refusal, match="takes too long"):
        workshop.ask(WALK, market_id=MARKET, seed=7)
    assert not workshop.is_open


@pytest.mark.parametrize("name", PLACES)
def test_every_piece_of_work_is_a_function(name: str) -> None:
    assert callable(find_work(name))
