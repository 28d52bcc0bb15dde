"""What holds for every network: one sample in, one forecast out, and a run is the same whichever runs are beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.experiments.fit import fit_entry
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import choose_candles, make_tasks
from coincast.models import MODELS
from coincast.models.forecaster import Axes
from coincast.samples.scaling import InputScale
from coincast.sources.files import read_candle_files
from coincast.training.lanes import split_module
from coincast.training.recipe import Recipe
from coincast.training.runs import Lessons, Span, TrainingRun
from coincast.training.trained import TrainedRuns
from coincast.training.trainer import train

SMALL: dict[str, dict[str, Any]] = {
    "rnn": {"units": 4, "dropout": 0.25},
    "lstm": {"units": 4, "dropout": 0.25},
    "gru": {"units": 4, "dropout": 0.25},
    "cnn": {"filters": (4, 4), "kernels": 2, "padding": "causal", "dropout": 0.25},
    "dense": {"units": (8,), "dropout": 0.25},
    "dlinear": {"kernel": 3},
    "tcn": {"filters": 4, "depth": 2, "kernel": 2, "dropout": 0.25},
    "patchtst": {"patch": 4, "stride": 2, "width": 8, "heads": 2, "depth": 1, "feed": 8, "dropout": 0.25},
}
"""Settings that train fast and use what is random in a network; a network without a line here gets its defaults."""

NETWORKS = [name for name, settings in MODELS.items() if hasattr(settings, "build")]
AXES = Axes(lookback=8, feature=2, horizon=3)
STARTS = np.arange(140)
NONE = Lessons(np.arange(0), np.zeros((0, AXES.horizon)))
UNSCALED = InputScale(np.zeros(AXES.feature, dtype=bool), np.zeros(AXES.feature), np.ones(AXES.feature))
PAST = jax.random.normal(jax.random.key(42), (9, AXES.lookback, AXES.feature))
NOISE = np.random.default_rng(0).normal(size=(160, AXES.feature))
WAVE = np.sin(2 * np.pi * np.stack([np.arange(160), np.arange(160) + 3], axis=1) / 12)


HEAVY = {"patchtst", "tcn"}
"""Networks whose programs take long to compile; `make networks` takes them, too."""


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=pytest.mark.long) if name in HEAVY else name for name in NETWORKS]
)
def settings(request: pytest.FixtureRequest) -> Any:
    return MODELS[request.param](**SMALL.get(request.param, {}))  # type: ignore[call-arg]


@pytest.fixture(scope="module")
def module(settings: Any) -> Any:
    return settings.build(AXES, key=jax.random.key(0))


@pytest.mark.parametrize("axes", [AXES, Axes(1, 1, 1), Axes(4, 3, 2, output=5)])
def test_one_sample_in_one_forecast_out(settings: Any, axes: Axes) -> None:
    def forecast(key: Any, past: Any) -> Any:
        return settings.build(axes, key=key)(past, key=key)

    past = jax.ShapeDtypeStruct((axes.lookback, axes.feature), np.float32)
    outputs = eqx.filter_eval_shape(forecast, jax.random.key(0), past)
    assert (outputs.shape, outputs.dtype) == ((axes.horizon, axes.output), np.float32)


def test_a_network_that_can_forecast_at_every_step_does_so_on_request(settings: Any) -> None:
    if not hasattr(settings, "every_step"):
        pytest.skip("it forecasts from the whole window alone")
    every = dataclasses.replace(settings, every_step=True).build(AXES, key=jax.random.key(0))
    outputs = eqx.filter_jit(every)(PAST[0])
    assert outputs.shape == (AXES.lookback, AXES.horizon, AXES.output)
    last = settings.build(AXES, key=jax.random.key(0))(PAST[0])
    np.testing.assert_allclose(outputs[-1], last, rtol=1e-5, atol=1e-6)


def test_a_key_decides_the_first_values(settings: Any, module: Any) -> None:
    again, other = (settings.build(AXES, key=jax.random.key(seed)) for seed in (0, 1))
    assert eqx.tree_equal(module, again)
    assert not eqx.tree_equal(module, other)


def test_a_key_decides_what_is_random_and_without_one_nothing_is(settings: Any, module: Any) -> None:
    forecast = eqx.filter_jit(lambda past, key: module(past, key=key))
    first, again, other = (forecast(PAST[0], jax.random.key(seed)) for seed in (0, 0, 1))
    assert (first == again).all()
    still = [forecast(PAST[0], None) for _ in range(2)]
    assert (still[0] == still[1]).all()
    if getattr(settings, "dropout", 0) > 0:
        assert (first != other).any()


def test_the_order_of_a_batch_does_not_matter(module: Any) -> None:
    forecast = eqx.filter_jit(lambda network, pasts: jax.vmap(network)(pasts))
    order = np.random.default_rng(0).permutation(len(PAST))
    np.testing.assert_array_equal(forecast(module, PAST)[order], forecast(module, PAST[order]))


def test_described_layers_hold_all_that_is_trained(settings: Any) -> None:
    for axes in (AXES, Axes(4, 3, 2, output=5)):
        trained = split_module(settings.build(axes, key=jax.random.key(0)))[0]
        parameters = sum(leaf.size for leaf in jax.tree.leaves(trained))
        assert sum(layer.parameters for layer in settings.layers(axes)) == parameters


# ---------------------------------------------------------------- gradients


@pytest.fixture
def float64() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


@pytest.mark.usefixtures("float64")
def test_gradients_are_those_of_central_differences(module: Any) -> None:
    """Of a smooth loss over a few samples, for every trained number, also through hand-written backward passes."""
    wide = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64) if eqx.is_inexact_array(leaf) else leaf, module)
    trained, fixed, static = split_module(wide)
    rng = np.random.default_rng(5)
    pasts = jnp.asarray(rng.normal(size=(3, AXES.lookback, AXES.feature)))
    truths = jnp.asarray(rng.normal(size=(3, AXES.horizon, 1)))
    flat, restore = jax.flatten_util.ravel_pytree(trained)
    # Away from symmetric first values, where gradients of many weights are 0.
    flat = flat + 0.1 * jnp.asarray(rng.normal(size=flat.shape))

    def loss(values: Any) -> Any:
        network = eqx.combine(restore(values), fixed, static)
        return jnp.mean(jnp.square(jax.vmap(network)(pasts) - truths))

    gradient = jax.jit(jax.grad(loss))(flat)
    moves = 1e-6 * jnp.eye(flat.size)
    ends = [jax.jit(lambda at: jax.lax.map(loss, at, batch_size=64))(flat[None] + sign * moves) for sign in (1, -1)]
    assert gradient.dtype == jnp.float64
    np.testing.assert_allclose(gradient, (ends[0] - ends[1]) / 2e-6, rtol=1e-5, atol=1e-8)
    assert np.count_nonzero(gradient) > 0.5 * flat.size


# ---------------------------------------------------------------- training


def make_span(table: np.ndarray) -> Span:
    targets = table[STARTS[:, None] + AXES.lookback + np.arange(AXES.horizon), 0]
    return Span(table, UNSCALED, Lessons(STARTS, targets), NONE)


NOISY, WAVY = make_span(NOISE), make_span(WAVE)


def make_run(settings: Any, seed: int, *, span: Span = NOISY, epochs: int = 2) -> TrainingRun:
    """Runs that share their span need no program of their own."""
    return TrainingRun(settings, Recipe(epochs=epochs, batch_size=8, learning_rate=0.01), seed, (span,))


def weights(trained: TrainedRuns, run: int) -> np.ndarray:
    return np.concatenate([leaf[run].ravel() for leaf in jax.tree.leaves(trained.trained)])


@pytest.mark.long
def test_it_learns_a_sine(settings: Any) -> None:
    """Noise-free and of period 12: the last value alone leaves an error of 0.62, the mean one of 0.64."""
    quiet = dataclasses.replace(settings, **({"dropout": 0.0} if hasattr(settings, "dropout") else {}))
    trained = train([make_run(quiet, 0, span=WAVY, epochs=60)], lookback=AXES.lookback)
    assert trained.losses[0, -1] < 0.08


@pytest.mark.optimised
def test_a_run_is_the_same_in_every_set(settings: Any) -> None:
    """To the bit, also where a set is several blocks of lanes."""
    seed = 2
    alone = train([make_run(settings, seed)], lookback=AXES.lookback)
    for size in (3, 17):
        together = train([make_run(settings, other) for other in range(size)], lookback=AXES.lookback)
        assert weights(together, seed).tobytes() == weights(alone, 0).tobytes()
        assert together.losses[seed].tobytes() == alone.losses[0].tobytes()


@pytest.mark.optimised
def test_run_7_of_13_is_run_7_alone_after_more_than_5000_steps(shared_data: Path, project: Path) -> None:
    """The LSTM of article 0: 507 windows, batches of one, 10 of its 50 epochs; forecasts agree to 1e-5."""
    files = [shared_data / "cmc" / "kaggle2018" / f"{coin}_price.csv" for coin in ("bitcoin", "ethereum")]
    candles, _ = read_candle_files(files)

    def forecast(*changes: str) -> Any:
        spec = Spec.from_toml(project / "examples" / "btc-daily.toml", changes=["training.epochs=10", *changes])
        entry = next(entry for entry in spec.models if entry.name == "lstm")
        return fit_entry(entry, spec, make_tasks(spec, choose_candles(candles, spec.data)))

    many, single = forecast("training.seeds=13"), forecast("training.seeds=1", "training.seed=781")
    run_7 = many.forecasts.filter(run=7)
    assert many.forecasts["run"].n_unique() == 13
    assert single.runs["seed"].to_list() == many.runs.filter(run=7)["seed"].to_list() == [781]
    assert run_7["origin"].equals(single.forecasts["origin"])
    np.testing.assert_allclose(run_7["value"], single.forecasts["value"], rtol=1e-5)
