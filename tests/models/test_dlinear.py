"""DLinear against a plain loop."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.errors import UsageError
from coincast.models.dlinear import DLinear, DLinearNetwork, smooth
from coincast.models.forecaster import Axes


def build(settings: DLinear, axes: Axes) -> DLinearNetwork:
    """With random weights of ordinary size, also where they start at 0."""
    rng = np.random.default_rng(0)
    outline = eqx.filter_eval_shape(lambda key: settings.build(axes, key=key), jax.random.key(0))
    return jax.tree.map(lambda leaf: jnp.asarray(0.5 * rng.normal(size=leaf.shape), leaf.dtype), outline)


def smooth_in_numpy(series: np.ndarray, width: int) -> np.ndarray:
    """The mean of the values around each, the first and the last one standing for those beyond the ends."""
    last = len(series) - 1
    around = range(-(width // 2), width // 2 + 1)
    return np.array([np.mean([series[min(max(row + away, 0), last)] for away in around]) for row in range(last + 1)])


def run_in_numpy(settings: DLinear, network: DLinearNetwork, past: np.ndarray) -> np.ndarray:
    """Feature by feature in float64."""
    total = np.float64(network.mixing.head_bias)
    for feature in range(past.shape[1]):
        series = np.float64(past[:, feature])
        average = smooth_in_numpy(series, settings.kernel)
        forecast = 0
        for part, values in ((network.rest, series - average), (network.trend, average)):
            kernel, bias = np.float64(part.kernel), np.float64(part.bias)
            if not settings.shared:
                kernel, bias = kernel[feature], bias[feature]
            forecast = forecast + sum(value * kernel[row] for row, value in enumerate(values)) + bias
        total = total + forecast * np.float64(network.mixing.head_kernel)[feature]
    return total


@pytest.mark.parametrize(
    ("settings", "axes"),
    [
        (DLinear(kernel=5), Axes(12, 3, 2, output=2)),
        (DLinear(kernel=3, shared=True), Axes(7, 2, 3)),
        (DLinear(), Axes(6, 2, 1)),
        (DLinear(), Axes(1, 1, 1)),
    ],
)
def test_a_numpy_loop_gives_the_same(settings: DLinear, axes: Axes) -> None:
    network = build(settings, axes)
    past = np.random.default_rng(1).normal(size=(axes.lookback, axes.feature)).astype(np.float32)
    outputs = eqx.filter_jit(network)(jnp.asarray(past))
    assert outputs.shape == (axes.horizon, axes.output)
    np.testing.assert_allclose(outputs.reshape(-1), run_in_numpy(settings, network, past), rtol=1e-5, atol=1e-5)


def test_a_still_series_is_its_own_average() -> None:
    assert (np.asarray(smooth(jnp.full((9, 2), 3.0), 5)) == 3).all()


@pytest.mark.parametrize(("shared", "parameters"), [(False, 3 * 8 * 4), (True, 8 * 4)])
def test_layers_tell_the_parameters(shared: bool, parameters: int) -> None:
    layers = DLinear(shared=shared).layers(Axes(7, 3, 2, output=2))
    assert [layer.parameters for layer in layers] == [parameters, parameters, 3 * 4 + 4]


@pytest.mark.parametrize(
    ("kernel", "message"), [(0, "kernel is 0; allowed: 1 or more"), (24, "kernel is 24; allowed: an odd number, .* 25")]
)
def test_what_cannot_be_is_refused(kernel: int, message: str) -> None:
    with pytest.raises(UsageError, match=f"^dlinear: {message}"):
        DLinear(kernel=kernel)
