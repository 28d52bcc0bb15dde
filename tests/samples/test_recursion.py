"""Recursive forecasts, against a loop that builds the next candle and looks again."""

from __future__ import annotations

import numpy as np
import pytest

from coincast.errors import UsageError
from coincast.samples.recursion import forecast_recursively, refuse_unknown_inputs
from coincast.samples.samples import Samples, make_samples
from coincast.sources.simulated import simulate

WEIGHTS = np.array([0.5, -0.3, 0.2, 0.1])
FEATURES = ["log_return", "close", "abs_log_return"]


def make(features: list[str]) -> Samples:
    candles = simulate("walk", candles=60, seed=3)
    market = candles["market"][0]
    return make_samples(
        candles, market=market, inputs=[market], features=features, lookback=4, horizon=3, target="log_return"
    )


def linear(past: np.ndarray, block: int) -> np.ndarray:
    """A made-up network: a fixed linear map of the inputs, a little more for each step of the block."""
    score = float((past[:, 0] @ WEIGHTS) + 1e-4 * past[-1, 1] + 0.1 * past[:, 2].sum())
    return np.array([0.01 * score * step for step in range(1, block + 1)])


def predict(block: int):
    def ask(tables, starts):
        return [
            np.array([linear(table[first : first + 4], block) for first in own])
            for table, own in zip(tables, starts, strict=True)
        ]

    return ask


@pytest.mark.parametrize("block", [1, 2, 3])
def test_a_loop_over_made_candles_gives_the_same(block: int) -> None:
    samples, steps = make(FEATURES), 7
    windows = samples.windows_at(np.array([10, 30, 59]))
    found = forecast_recursively(
        [samples, samples],
        [windows, windows],
        steps=steps,
        to_price=[samples.target.to_value] * 2,
        predict=predict(block),
    )
    for path, origin in zip(found[0], (10, 30, 59), strict=True):
        closes = samples.close[origin - 4 : origin + 1].tolist()
        while len(closes) < 5 + steps:
            moves = np.diff(np.log(closes))[-4:]
            past = np.column_stack([moves, closes[-4:], np.abs(moves)])
            closes += (closes[-1] * np.exp(linear(past, block))).tolist()
        assert path == pytest.approx(closes[5 : 5 + steps], rel=1e-9)
    assert (found[0] == found[1]).all()


def test_inputs_that_a_close_does_not_tell_are_refused() -> None:
    refuse_unknown_inputs(make(FEATURES))
    with pytest.raises(UsageError, match="input 'volume' of a candle that is not there yet"):
        refuse_unknown_inputs(make(["log_return", "volume"]))
