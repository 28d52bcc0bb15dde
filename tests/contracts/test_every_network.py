"""What holds for every network: one sample in, one forecast out, and a run is the same whichever runs are beside it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
import pytest

from coincast.experiments.fit import fit_entry
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import choose_candles, make_tasks
from coincast.models import MODELS
from coincast.models.forecaster import Axes, Network
from coincast.models.lstm import LSTM
from coincast.samples.scaling import InputScale
from coincast.sources.files import read_candle_files
from coincast.training.lanes import split_module
from coincast.training.recipe import Recipe
from coincast.training.trained import TrainedRuns
from coincast.training.trainer import TrainingRun, train

SMALL: dict[str, Network] = {"lstm": LSTM(units=4, dropout=0.25)}
"""Settings that train fast and use what is random in a network; a network without a line here gets its defaults."""

NETWORKS = [name for name, settings in MODELS.items() if hasattr(settings, "build")]
AXES = Axes(lookback=6, feature=2, horizon=3)
PAST = jax.random.normal(jax.random.key(42), (9, AXES.lookback, AXES.feature))
TABLE = np.random.default_rng(0).normal(size=(120, AXES.feature))
UNSCALED = InputScale(np.zeros(AXES.feature, dtype=bool), np.zeros(AXES.feature), np.ones(AXES.feature))


@pytest.fixture(scope="module", params=NETWORKS)
def settings(request: pytest.FixtureRequest) -> Any:
    return SMALL.get(request.param, MODELS[request.param]())


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


def test_a_key_decides_the_first_values(settings: Any, module: Any) -> None:
    again, other = (settings.build(AXES, key=jax.random.key(seed)) for seed in (0, 1))
    assert eqx.tree_equal(module, again)
    assert not eqx.tree_equal(module, other)


def test_a_key_decides_what_is_random_and_without_one_nothing_is(settings: Any, module: Any) -> None:
    forecast = eqx.filter_jit(lambda past, key: module(past, key=key))
    first, again, other = (forecast(PAST[0], jax.random.key(seed)) for seed in (0, 0, 1))
    assert (first == again).all()
    still = [eqx.filter_jit(module)(PAST[0]) for _ in range(2)]
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


def test_it_learns_a_sine(settings: Any) -> None:
    """Noise-free and of period 12: the last value alone leaves an error of 0.33, the mean one of 0.64."""
    wave = np.sin(2 * np.pi * np.arange(160) / 12)[:, None]
    starts, none = np.arange(140), np.arange(0)
    recipe = Recipe(epochs=40, batch_size=8, learning_rate=0.02)
    scale = InputScale(np.zeros(1, dtype=bool), np.zeros(1), np.ones(1))
    quiet = dataclasses.replace(settings, **({"dropout": 0.0} if hasattr(settings, "dropout") else {}))
    run = TrainingRun(quiet, recipe, 0, wave, scale, starts, wave[starts + 8], none, np.zeros((0, 1)))
    trained = train([run], lookback=8)
    assert trained.losses[0, -1] < 0.08


def make_run(settings: Any, seed: int, batch_size: int) -> TrainingRun:
    starts = np.arange(70)
    targets = TABLE[starts[:, None] + AXES.lookback + np.arange(AXES.horizon), 0]
    recipe = Recipe(epochs=4, batch_size=batch_size, learning_rate=0.01)
    none = np.arange(0)
    return TrainingRun(settings, recipe, seed, TABLE, UNSCALED, starts, targets, none, np.zeros((0, AXES.horizon)))


def weights(trained: TrainedRuns, run: int) -> np.ndarray:
    return np.concatenate([leaf[run].ravel() for leaf in jax.tree.leaves(trained.trained)])


@pytest.mark.parametrize(("batch_size", "sizes"), [(1, (3, 9, 25)), (8, (17, 50)), (32, (8, 16, 17))])
def test_a_run_is_the_same_in_every_set(settings: Any, batch_size: int, sizes: tuple[int, ...]) -> None:
    """To the bit, also where a set is several blocks of lanes."""
    seed = 2
    alone = train([make_run(settings, seed, batch_size)], lookback=AXES.lookback)
    for size in sizes:
        together = train([make_run(settings, other, batch_size) for other in range(size)], lookback=AXES.lookback)
        assert weights(together, seed).tobytes() == weights(alone, 0).tobytes()
        assert together.losses[seed].tobytes() == alone.losses[0].tobytes()


def test_run_7_of_25_is_run_7_alone_after_the_whole_training_of_article_0(shared_data: Path, project: Path) -> None:
    """The LSTM of the article, 25,350 steps a run: forecasts agree to 1e-5."""
    files = [shared_data / "cmc" / "kaggle2018" / f"{coin}_price.csv" for coin in ("bitcoin", "ethereum")]
    candles, _ = read_candle_files(files)

    def forecast(*changes: str) -> Any:
        spec = Spec.from_toml(project / "examples" / "btc-daily.toml", changes=changes)
        entry = next(entry for entry in spec.models if entry.name == "lstm")
        return fit_entry(entry, spec, make_tasks(spec, choose_candles(candles, spec.data)))

    many, single = forecast(), forecast("training.seeds=1", "training.seed=781")
    run_7 = many.forecasts.filter(run=7)
    assert many.forecasts["run"].n_unique() == 25
    assert single.runs["seed"].to_list() == many.runs.filter(run=7)["seed"].to_list() == [781]
    assert run_7["origin"].equals(single.forecasts["origin"])
    np.testing.assert_allclose(run_7["value"], single.forecasts["value"], rtol=1e-5)
