"""Predictions as array operations: they say what JAX says, and what a file says is bounded before it is carried out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from coincast.errors import UnreadableFileError
from coincast.experiments.fitted.fit import fit
from coincast.experiments.fitted.layout import KIND, PROGRAM, WEIGHTS
from coincast.experiments.fitted.loading import load
from coincast.experiments.fitted.model import FittedModel
from coincast.experiments.fitted.plain import PlainRuns, open_model
from coincast.experiments.fitted.program import read_program
from coincast.experiments.fitted.tracing import trace_program, write_jaxpr
from coincast.models import MODELS
from coincast.models.forecaster import Axes
from coincast.training.arrays import read_arrays
from coincast.training.lanes import split_module
from coincast.training.recipe import Recipe

SMALL = {"lookback": 3, "epochs": 2, "batch_size": 16, "learning_rate": 0.01}
NETWORKS = [name for name, settings in MODELS.items() if hasattr(settings, "build")]
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "lstm": [{"dropout": 0.2}, {"depth": 2, "every_step": True}, {"bidirectional": True}],
    "gru": [{}, {"reset_after": False}],
    "cnn": [{}, {"padding": "causal", "activation": "leaky_relu"}],
    "nlinear": [{}, {"shared": True}],
    "patchtst": [{}, {"normalise": "both", "pre_norm": False}],
    "tcn": [{"depth": 2, "activation": "hard_sigmoid"}],
    "dense": [{"activation": "sigmoid", "units": [4, 3]}],
}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_has_a_program_that_says_what_jax_says(name: str) -> None:
    """For weights and windows drawn anew: tracing itself has looked at others."""
    axes, key = Axes(12, 2, 3, 1), jax.random.key(3)
    for settings in SETTINGS.get(name, [{}]):
        module = MODELS[name](**settings).build(axes, key=key)  # type: ignore[call-arg, union-attr]
        trained, fixed, static = split_module(module)
        runs = [jax.tree.map(lambda leaf, run=run: np.asarray(leaf) * (1 + run), (trained, fixed)) for run in (0, 1)]
        stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *runs)
        found = trace_program(static, Recipe(), axes, *stacked)
        assert found is not None, (name, settings)
        past = np.random.default_rng(5).standard_normal((12, 2)).astype(np.float32)
        said = read_program(*found).run([*jax.tree.leaves(stacked), past])[0]
        for run, (own, other) in enumerate(runs):
            wanted = eqx.combine(*jax.tree.map(jnp.asarray, (own, other)), static)(jnp.asarray(past))
            wanted = wanted[-1] if wanted.ndim == 3 else wanted
            np.testing.assert_allclose(said[run], wanted[:, 0], rtol=2e-4, atol=2e-5, err_msg=f"{name} {settings}")


@pytest.mark.parametrize("name", ["several", "two", "own"])
def test_a_model_is_asked_without_jax(
    request: pytest.FixtureRequest, two_markets: pl.DataFrame, echo: pl.DataFrame, tmp_path: Path, name: str
) -> None:
    """Also one of a user's own network, whose class is not needed for it."""
    model: FittedModel = request.getfixturevalue(name)
    opened = open_model(model.save(tmp_path))
    assert opened is not None
    assert isinstance(opened.trained, PlainRuns)
    for candles in (None, two_markets if name == "two" else echo.head(120)):
        assert_close(opened.forecast(candles), model.forecast(candles))
    assert opened.runs.equals(model.runs)
    assert opened.history.equals(model.history)
    assert opened.sentence == model.sentence


def test_steps_one_after_the_other(several: FittedModel, tmp_path: Path) -> None:
    """Each run goes on from its own forecasts, so that no two look at the same window."""
    opened = open_model(several.save(tmp_path))
    assert opened is not None
    assert_close(opened.forecast(horizon=5), several.forecast(horizon=5))


@pytest.mark.parametrize("asked", [{"quantity": "volatility", "features": ["log_range"]}, {"loss": "quantile"}])
def test_other_quantities_and_heads(echo: pl.DataFrame, tmp_path: Path, asked: dict[str, Any]) -> None:
    model = fit(echo, "linear", seeds=2, horizon=2, **SMALL, **asked)
    opened = open_model(model.save(tmp_path))
    assert opened is not None
    assert_close(opened.forecast(), model.forecast())


def assert_close(told: Any, wanted: Any) -> None:
    for name in ("value", "naive", "last_close"):
        given = told.table[name].cast(pl.Float64).to_numpy()
        np.testing.assert_allclose(given, wanted.table[name].cast(pl.Float64).to_numpy(), rtol=1e-6)
    keys = ["market", "model", "run", "origin", "step", "target_time", "trained_until"]
    assert told.table.select(keys).equals(wanted.table.select(keys))


class CumulativeNetwork(eqx.Module):
    """Uses an operation that no program has."""

    weight: jax.Array

    def __call__(self, past: jax.Array, *, key: Any = None) -> jax.Array:
        return (jnp.cumsum(past[:, 0])[-1] * self.weight)[:, None]


@dataclass(frozen=True)
class Cumulative:
    """Its settings."""

    def build(self, axes: Any, *, key: Any) -> CumulativeNetwork:
        return CumulativeNetwork(jax.random.normal(key, (axes.horizon,)))


def test_a_network_without_a_program_is_asked_through_jax(echo: pl.DataFrame, tmp_path: Path) -> None:
    model = fit(echo, Cumulative(), seeds=1, **SMALL)
    folder = model.save(tmp_path)
    assert open_model(folder) is None
    assert load(folder, network=Cumulative()).forecast().table.equals(model.forecast().table)


# ---------------------------------------------------------------- what a file may say


def test_folders_of_the_first_version_are_read(several: FittedModel, tmp_path: Path) -> None:
    """Version 1 had neither a program nor evidence."""
    import hashlib
    import json

    from coincast.training.arrays import write_arrays

    folder = several.save(tmp_path)
    found = read_arrays(folder / WEIGHTS, kind=KIND)
    arrays = {name: array for name, array in found.arrays.items() if not name.startswith(PROGRAM)}
    write_arrays(folder / WEIGHTS, arrays, kind=KIND, facts={})
    facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    del facts["evidence"]
    digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    facts |= {"version": 1, "weights": {"file": WEIGHTS, "sha256": digest}}
    facts["sha256"] = "0" * 64
    text = json.dumps(facts, indent=2) + "\n"
    (folder / "model.json").write_text(text.replace("0" * 64, hashlib.sha256(text.encode()).hexdigest()))
    assert load(folder).forecast().table.equals(several.forecast().table)
    assert open_model(folder) is None


def test_a_program_is_found_in_the_file_of_the_weights(several: FittedModel, tmp_path: Path) -> None:
    found = read_arrays(several.save(tmp_path) / WEIGHTS, kind=KIND)
    told = found.facts[PROGRAM]
    assert sorted(told["weights"]) == sorted(name for name in found.arrays if name.startswith(("trained/", "fixed/")))
    assert {step[0] for step in told["program"]["steps"]} >= {"dot_general", "scan"}


ADD = ["add", [0, 0], [1], {}]


@pytest.mark.parametrize(
    "told",
    [
        {"inputs": 1, "size": 2, "steps": [["system", [0], [1], {}]], "outputs": [1]},
        {"inputs": 1, "size": 2, "steps": [["__class__", [0], [1], {}]], "outputs": [1]},
        {"inputs": 1, "size": 2, "steps": [["add", [0, 1], [1], {}]], "outputs": [1]},
        {"inputs": 1, "size": 2, "steps": [ADD, ADD], "outputs": [1]},
        {"inputs": 1, "size": 2, "steps": [ADD], "outputs": [7]},
        {"inputs": 1, "size": 1, "steps": [ADD], "outputs": [1]},
        {"inputs": -1, "size": 2, "steps": [], "outputs": []},
        {"inputs": 1, "size": 10**9, "steps": [], "outputs": [0]},
        {"inputs": 1, "size": 2, "steps": [["add", [0, ["object", 1]], [1], {}]], "outputs": [1]},
        {"inputs": 1, "size": 2, "steps": [["add", [0, ["int8", 300]], [1], {}]], "outputs": [1]},
        {"inputs": 1, "size": 2, "constants": {"gone": 1}, "steps": [], "outputs": [1]},
        {"inputs": 1},
        {"inputs": 1, "size": 2, "steps": "add", "outputs": [1]},
    ],
)
def test_what_is_no_program_is_refused(told: dict[str, Any]) -> None:
    with pytest.raises((ValueError, LookupError, TypeError)):
        read_program(told, {})


def test_a_program_without_end_is_refused() -> None:
    def nest(body: dict[str, Any]) -> dict[str, Any]:
        params = {"length": 100_000, "carried": 1, "fixed": 0, "reverse": False, "body": body}
        return {"inputs": 1, "size": 2, "steps": [["scan", [0], [1], params]], "outputs": [1]}

    with pytest.raises(ValueError, match="are more than a prediction needs"):
        read_program(nest(nest({"inputs": 1, "size": 2, "steps": [ADD], "outputs": [1]})), {})


@pytest.mark.parametrize(
    ("step", "given"),
    [
        (["broadcast_in_dim", [0], [1], {"shape": [10**5, 10**5], "axes": []}], np.float32(1)),
        (["iota", [], [1], {"shape": [10**9], "axis": 0, "dtype": "float32"}], np.float32(1)),
        (["pad", [0, ["float32", 0.0]], [1], {"margins": [[10**9, 0]]}], np.zeros(1, np.float32)),
        (["dot_general", [0, 0], [1], {"contract": [[], []], "batch": [[], []]}], np.zeros(10**4, np.float32)),
        (["reduce_window_sum", [0], [1], {"sizes": [10**4]}], np.zeros(10**4, np.float32)),
    ],
)
def test_nothing_large_is_made(step: list[Any], given: Any) -> None:
    program = read_program({"inputs": 1, "size": 2, "steps": [step], "outputs": [1]}, {})
    with pytest.raises(ValueError, match="is too large"):
        program.run([given])


def test_a_program_for_other_weights_is_refused(several: FittedModel, tmp_path: Path) -> None:
    """The checksums are put right, as somebody would who wants it to pass."""
    import hashlib
    import json

    from coincast.training.arrays import write_arrays

    folder = several.save(tmp_path)
    found = read_arrays(folder / WEIGHTS, kind=KIND)
    for change, words in (
        (lambda told: told["weights"].pop(), "holds a program for other weights"),
        (lambda told: told["program"].update(size="many"), "cannot ask"),
        (lambda told: told["program"]["steps"].insert(0, ["system", [], [], {}]), "'system' is not known"),
    ):
        facts = json.loads(json.dumps(found.facts))
        change(facts[PROGRAM])
        write_arrays(folder / WEIGHTS, found.arrays, kind=KIND, facts=facts)
        manifest = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        manifest["weights"]["sha256"] = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
        manifest["sha256"] = "0" * 64
        text = json.dumps(manifest, indent=2) + "\n"
        (folder / "model.json").write_text(text.replace("0" * 64, hashlib.sha256(text.encode()).hexdigest()))
        with pytest.raises(UnreadableFileError, match=words) as caught:
            open_model(folder)
        assert "\n" not in str(caught.value)


def test_what_no_output_needs_is_left_out() -> None:
    def function(x: Any) -> Any:
        jnp.exp(x)
        return x + 1, jnp.float32(3)

    told, _ = write_jaxpr(jax.make_jaxpr(function)(np.float32(2)))
    assert [step[0] for step in told["steps"]] == ["add", "copy"]
    assert read_program(told, {}).run([np.float32(2)]) == [3.0, 3.0]
