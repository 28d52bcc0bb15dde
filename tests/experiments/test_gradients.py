"""The derivative by lag, against differences of the network itself."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.experiments.gradients import gradient_by_lag
from coincast.models.forecaster import Axes
from coincast.models.lstm import LSTM
from coincast.models.rnn import RNN


@pytest.mark.parametrize("settings", [LSTM(units=3, depth=2), RNN(units=4)], ids=["lstm", "rnn"])
def test_it_is_the_mean_size_of_central_differences(settings: LSTM | RNN) -> None:
    module = settings.build(Axes(5, 2, 1), key=jax.random.key(0))
    forecast = jax.jit(lambda past: module(past)[0, 0])
    pasts = np.random.default_rng(0).standard_normal((3, 5, 2))
    nudge = 1e-2
    sizes = np.zeros((3, 5))
    for sample, past in enumerate(pasts):
        for row in range(5):
            parts = []
            for feature in range(2):
                ends = []
                for sign in (1, -1):
                    moved = past.copy()
                    moved[row, feature] += sign * nudge
                    ends.append(float(forecast(jnp.asarray(moved, dtype=jnp.float32))))
                parts.append((ends[0] - ends[1]) / (2 * nudge))
            sizes[sample, row] = np.hypot(*parts)
    assert gradient_by_lag(module, pasts) == pytest.approx(sizes.mean(axis=0)[::-1], rel=2e-2, abs=1e-4)
