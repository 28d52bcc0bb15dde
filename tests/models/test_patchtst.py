"""PatchTST against plain loops: patches, normalisation, attention place by place, and the mixing of features."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import erf

from coincast.errors import UnknownNameError, UsageError
from coincast.models.attention import Attention, EncoderLayer, LayerNorm
from coincast.models.dense import DenseLayer
from coincast.models.dropout import Dropout
from coincast.models.forecaster import Axes
from coincast.models.linear import Mixing
from coincast.models.patchtst import PatchTST, PatchTSTNetwork

pytestmark = pytest.mark.long

SMALL = PatchTST(patch=4, stride=2, width=6, heads=2, depth=2, feed=5)


def build(settings: PatchTST, axes: Axes) -> PatchTSTNetwork:
    """With random weights of ordinary size, also where they start at 0."""
    rng = np.random.default_rng(0)
    outline = eqx.filter_eval_shape(lambda key: settings.build(axes, key=key), jax.random.key(0))
    return jax.tree.map(lambda leaf: jnp.asarray(0.4 * rng.normal(size=leaf.shape), leaf.dtype), outline)


# ---------------------------------------------------------------- in float64, one place after the other


def apply(layer: DenseLayer, x: np.ndarray) -> np.ndarray:
    return x @ np.float64(layer.kernel) + np.float64(layer.bias)


def normalise(norm: LayerNorm, x: np.ndarray) -> np.ndarray:
    return (x - x.mean()) / np.sqrt(x.var() + 1e-5) * np.float64(norm.scale) + np.float64(norm.offset)


def attend(attention: Attention, places: list[np.ndarray]) -> list[np.ndarray]:
    width = len(places[0])
    size = width // attention.heads
    queries, keys, values = zip(*(np.split(apply(attention.inward, x), 3) for x in places), strict=True)
    answers = []
    for query in queries:
        answer = np.zeros(width)
        for head in range(attention.heads):
            part = slice(head * size, (head + 1) * size)
            shares = np.exp([query[part] @ key[part] / np.sqrt(size) for key in keys])
            answer[part] = sum(share * value[part] for share, value in zip(shares / shares.sum(), values, strict=True))
        answers.append(apply(attention.outward, answer))
    return answers


def feed(layer: EncoderLayer, x: np.ndarray) -> np.ndarray:
    wide = apply(layer.widen, x)
    return apply(layer.narrow, wide * 0.5 * (1 + erf(wide / np.sqrt(2))))


def encode(layer: EncoderLayer, places: list[np.ndarray]) -> list[np.ndarray]:
    if layer.pre_norm:
        answers = attend(layer.attention, [normalise(layer.first_norm, x) for x in places])
        places = [x + answer for x, answer in zip(places, answers, strict=True)]
        return [x + feed(layer, normalise(layer.second_norm, x)) for x in places]
    answers = attend(layer.attention, places)
    places = [normalise(layer.first_norm, x + answer) for x, answer in zip(places, answers, strict=True)]
    return [normalise(layer.second_norm, x + feed(layer, x)) for x in places]


def run_in_numpy(settings: PatchTST, network: PatchTSTNetwork, past: np.ndarray) -> np.ndarray:
    patch = min(settings.patch, len(past))
    stride = min(settings.stride, patch)
    total = np.float64(network.mixing.head_bias)
    for feature in range(past.shape[1]):
        series = np.float64(past[:, feature])
        centre = series.mean() if settings.normalise == "both" else 0.0
        spread = 1.0 if settings.normalise == "none" else np.sqrt(np.mean((series - centre) ** 2) + 1e-5)
        series = (series - centre) / spread
        series = np.append(series, [series[-1]] * stride)
        firsts = range(0, len(series) - patch + 1, stride)
        places = [apply(network.embedding, series[first : first + patch]) for first in firsts]
        places = [x + np.float64(network.places[number]) for number, x in enumerate(places)]
        for layer in network.encoder:
            places = encode(layer, places)
        forecast = apply(network.flat, np.concatenate(places))
        total = total + (forecast * spread + centre) * np.float64(network.mixing.head_kernel)[feature]
    return np.tanh(total) if settings.output_activation == "tanh" else total


@pytest.mark.parametrize(
    ("changes", "axes"),
    [
        ({}, Axes(11, 2, 2, output=2)),
        ({"pre_norm": False, "normalise": "both"}, Axes(12, 3, 1)),
        ({"normalise": "none", "heads": 1, "depth": 1, "output_activation": "tanh"}, Axes(9, 1, 2)),
        ({"patch": 16, "stride": 8, "depth": 1}, Axes(6, 2, 1)),
        ({"patch": 16, "stride": 8, "depth": 1, "normalise": "both"}, Axes(1, 1, 1)),
    ],
    ids=str,
)
def test_a_numpy_loop_gives_the_same(changes: dict[str, Any], axes: Axes) -> None:
    settings = PatchTST(**{**vars(SMALL), **changes})
    network = build(settings, axes)
    past = np.random.default_rng(1).normal(size=(axes.lookback, axes.feature)).astype(np.float32)
    outputs = eqx.filter_jit(network)(jnp.asarray(past))
    assert outputs.shape == (axes.horizon, axes.output)
    np.testing.assert_allclose(outputs.reshape(-1), run_in_numpy(settings, network, past), rtol=1e-5, atol=1e-5)


# ---------------------------------------------------------------- patches and normalisation


@pytest.mark.parametrize(
    ("lookback", "patches"),
    [
        (336, "42 patches of 16, stride 8"),  # the paper's PatchTST/42
        (512, "64 patches of 16, stride 8"),  # and PatchTST/64
        (16, "2 patches of 16, stride 8"),
        (10, "2 patches of 10, stride 8"),
        (1, "2 patches of 1, stride 1"),
    ],
)
def test_so_many_patches_are_cut(lookback: int, patches: str) -> None:
    assert patches in PatchTST().layers(Axes(lookback, 2, 1))[0].kind


def test_the_last_value_is_repeated_at_the_end() -> None:
    network = build(SMALL, Axes(7, 1, 1))
    cut = network.cut(jnp.arange(7, dtype=jnp.float32)[:, None])
    assert cut[0].tolist() == [[0, 1, 2, 3], [2, 3, 4, 5], [4, 5, 6, 6]]


@pytest.mark.parametrize(("normalise", "level"), [("spread", 0.0), ("both", 4.0)])
def test_a_forecast_grows_with_the_window_and_moves_with_its_level(normalise: str, level: float) -> None:
    """ "spread" knows no level, "both" gives it back; the variance's small addend takes the last digits."""
    settings = PatchTST(**{**vars(SMALL), "normalise": normalise})
    network = eqx.tree_at(lambda n: n.mixing, build(settings, Axes(12, 1, 3)), Mixing.even(Axes(12, 1, 3)))
    past = 5 * np.random.default_rng(1).normal(size=(12, 1)).astype(np.float32)
    low, high = (np.asarray(eqx.filter_jit(network)(jnp.asarray(each))) for each in (past, 3 * past + level))
    np.testing.assert_allclose(high, 3 * low + level, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("normalise", ["spread", "both"])
def test_a_still_window_has_a_finite_forecast(normalise: str) -> None:
    network = build(PatchTST(**{**vars(SMALL), "depth": 1, "normalise": normalise}), Axes(8, 2, 1))
    value, slopes = jax.jit(jax.value_and_grad(lambda past: network(past).sum()))(jnp.zeros((8, 2)))
    assert np.isfinite(value)
    assert np.isfinite(np.asarray(slopes)).all()


def test_layers_tell_the_parameters() -> None:
    layers = SMALL.layers(Axes(11, 3, 2, output=2))
    encoder = 7 * 24 + 7 * 5 + 6 * 6 + 4 * 6
    assert [layer.parameters for layer in layers] == [5 * 6 + 5 * 6, encoder, encoder, 31 * 4, 4 * 4]


def test_dropout_is_drawn_from_the_key() -> None:
    settings = PatchTST(**{**vars(SMALL), "dropout": 0.5, "depth": 1})
    network = eqx.tree_at(lambda n: n.dropout, build(settings, Axes(11, 2, 1)), Dropout.at(0.5))
    run = eqx.filter_jit(network)
    first, again, other = (float(run(jnp.ones((11, 2)), key=jax.random.key(seed))[0, 0]) for seed in (0, 0, 1))
    assert first == again
    assert len({first, other, float(run(jnp.ones((11, 2)))[0, 0])}) == 3


# ---------------------------------------------------------------- what cannot be


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"patch": 0}, "patch is 0; allowed: 1 or more"),
        ({"depth": 0}, "depth is 0"),
        ({"patch": 4, "stride": 5}, "stride is 5 and patch is 4; allowed: a stride from 1 to the patch"),
        ({"width": 30, "heads": 4}, "width is 30 and heads is 4; allowed: a width that the heads divide"),
        ({"dropout": 1.5}, "dropout is 1.5"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"^patchtst: {message}"):
        PatchTST(**settings)


@pytest.mark.parametrize(
    ("name", "given", "near"), [("normalise", "spred", "spread"), ("output_activation", "tan", "tanh")]
)
def test_a_misspelt_name_is_told(name: str, given: str, near: str) -> None:
    with pytest.raises(UnknownNameError, match=f"did you mean '{near}'"):
        PatchTST(**{name: given})
