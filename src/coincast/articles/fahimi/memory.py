"""The vanishing gradient, shown on networks as they are drawn: how much of an old input reaches the output."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from coincast.articles.fahimi.versions import Run

LAGS = 60
UNITS, FEATURES = 32, 4
DRAWS, SAMPLES = 5, 64
OPEN_GATE = 4.0
"""Bias of the forget gate of the third line, where its first value is 1."""


def compare_memories(*, lags: int = LAGS) -> dict[str, Float[np.ndarray, "lag"]]:
    """The derivative of the last state by each input, as a share of that by the newest one.

    A plain recurrent network and an LSTM as Keras draws them, and an LSTM whose forget gate has been opened, as
    training may do. The inputs are standard normal; the figures are geometric means over draws.

    Args:
        lags: length of the window.
    """
    return {
        "plain RNN": _fall("rnn", lags, forget=None),
        "LSTM": _fall("lstm", lags, forget=None),
        f"LSTM, forget gate at {OPEN_GATE:g}": _fall("lstm", lags, forget=OPEN_GATE),
    }


def _fall(name: str, lags: int, *, forget: float | None) -> Float[np.ndarray, "lag"]:
    import jax

    from coincast.experiments.gradients import gradient_by_lag
    from coincast.models.forecaster import Axes
    from coincast.models.lstm import LSTM
    from coincast.models.rnn import RNN

    settings = RNN(units=UNITS) if name == "rnn" else LSTM(units=UNITS)
    shares = []
    for draw in range(DRAWS):
        module = settings.build(Axes(lags, FEATURES, 1), key=jax.random.key(draw))
        if forget is not None:
            module = _open_gate(module, forget)
        pasts = np.random.default_rng(draw).standard_normal((SAMPLES, lags, FEATURES))
        sizes = gradient_by_lag(module, pasts)
        shares.append(np.log(sizes / sizes[0]))
    return np.asarray(np.exp(np.mean(shares, axis=0)))


def _open_gate(module: Any, forget: float) -> Any:
    """The same LSTM with another bias of its forget gate."""
    import equinox as eqx

    opened = module.layers[0].bias.at[UNITS : 2 * UNITS].set(forget)
    return eqx.tree_at(lambda network: network.layers[0].bias, module, opened)


def mean_attention(runs: list[Run]) -> Float[np.ndarray, "lag"]:
    """The share of each day back in the derivative of the forecast, mean over runs; the newest day first.

    The oldest day of the window is left out: its inputs are relative to themselves, 0 whatever the price.
    """
    derivatives = [run.attention[:-1] for run in runs]
    return np.asarray(np.mean([own / own.sum() for own in derivatives], axis=0))
