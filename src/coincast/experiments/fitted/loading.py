"""Fitted models out of their folders. Reading runs nothing that stands in a file.

A network of the registry is built from its name and settings. A user's own must be given: no name is ever imported.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from coincast.errors import UnreadableFileError, UsageError
from coincast.experiments.entries import ModelEntry
from coincast.experiments.fitted.evidence import restore_evidence
from coincast.experiments.fitted.layout import MANIFEST, TREES, WEIGHTS, Arrays
from coincast.experiments.fitted.manifest import AxesPart, Manifest, NetworkPart, find_contradiction
from coincast.experiments.fitted.model import FittedModel
from coincast.experiments.fitted.reading import (
    first_line,
    read_folder,
    rebuild_market,
    rebuild_newest,
    without_files,
)
from coincast.experiments.fitted.saving import settings_of
from coincast.experiments.outline import axes_of
from coincast.experiments.spec import Spec
from coincast.models import MODELS
from coincast.models.forecaster import Axes
from coincast.tabular import expand_home
from coincast.training.arrays import unflatten_tree
from coincast.training.devices import use_compile_cache
from coincast.training.lanes import split_module
from coincast.training.recipe import Recipe
from coincast.training.steps import at_last_step
from coincast.training.trained import TrainedRuns

LARGEST_SETTING = 100_000
"""Of a network's whole numbers; so long is the longest lookback."""


def load(folder: str | Path, *, network: Any = None) -> FittedModel:
    """Read a model that was saved; it forecasts what it did, to the bit, on the same kind of machine.

    Outside series that were files are not read again: newer candles need their columns.

    Args:
        folder: where it was saved.
        network: the settings of a user's own network, such as were given to `fit`; for a network of the registry it
            need not be given.

    Raises:
        UnreadableFileError: no model in the folder, one that is cut or was changed, or one from a newer Coincast.
        UsageError: a user's own network was not given, or another one.
    """
    folder = expand_home(folder)
    manifest, arrays, _ = read_folder(folder)
    use_compile_cache()
    settings = _rebuild_settings(folder, manifest.network, network, arrays)
    try:
        return _rebuild(folder, manifest, settings, arrays)
    except UnreadableFileError:
        raise
    except Exception as error:  # a file may say anything, and a network refuse it in any way
        raise UnreadableFileError(
            f"{folder} holds a model that this Coincast cannot build ({first_line(error)}); it was saved by Coincast "
            f"{manifest.package}: load it with that one, or fit it again"
        ) from None


def _rebuild_settings(folder: Path, told: NetworkPart, network: Any, arrays: Arrays) -> Any:
    """The settings of the network: from the registry, or those that were given where they are the same."""
    own = f"{told.kind}({_format(told.settings)})"
    if network is not None:
        _refuse_other(folder, told, network)
        return network
    if told.name is None:
        raise UsageError(
            f"{folder} holds a model of a network of your own, {own}; give its settings: cc.load(folder, "
            f"network={told.kind}(...))"
        )
    if not hasattr(MODELS.get(told.name), "build"):
        raise UnreadableFileError(f"{folder} holds a model of {told.name!r}, no network of this Coincast; update it")
    try:
        _refuse_large(told.settings, arrays)
        return MODELS[told.name](**{key: _restore(value) for key, value in told.settings.items()})
    except Exception as error:  # a file may say anything
        reason = first_line(error)
        raise UnreadableFileError(f"{folder} holds a model of {own}, which cannot be built: {reason}") from None


def _refuse_large(settings: Mapping[str, Any], arrays: Arrays) -> None:
    """Refuse what would be built for ever: a layer has an array at least, and nothing is longer than a window."""
    for key, value in settings.items():
        largest = len(arrays) if key == "depth" else LARGEST_SETTING
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, int) and abs(one) > largest:
                raise ValueError(f"{key} is more than the {largest:,} that it can be")


def _refuse_other(folder: Path, told: NetworkPart, network: Any) -> None:
    """Refuse settings of another class, or with other values, than those that the model was fitted with."""
    given = settings_of(network)
    if type(network).__name__ != told.kind:
        raise UsageError(
            f"{folder} holds a model of {told.kind}, and network is {type(network).__name__}; give the one that "
            "was fitted"
        )
    other = [key for key, value in told.settings.items() if given.get(key) != value]
    if other:
        before, after = (_format({key: one.get(key) for key in other}) for one in (told.settings, given))
        raise UsageError(
            f"{folder} holds a model of {told.kind} with {before}, and network has {after}; give the one that was "
            "fitted"
        )


def _format(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in settings.items())


def _restore(value: Any) -> Any:
    """Settings hold tuples, of which JSON makes lists."""
    return tuple(map(_restore, value)) if isinstance(value, list) else value


def _rebuild(folder: Path, manifest: Manifest, settings: Any, arrays: Arrays) -> FittedModel:
    told = manifest.network
    entry = ModelEntry(told.label, told.name or told.label, settings)
    spec = without_files(Spec.from_dict({**manifest.spec, "models": [entry]}))
    recipe = Recipe(**{key: _restore(value) for key, value in manifest.recipe.items()})
    features = len(spec.samples.features) * (len(manifest.inputs) or 1)
    wanted = AxesPart(**dataclasses.asdict(axes_of(spec, features)))
    if wrong := "recipe" if recipe != spec.recipe() else find_contradiction(manifest, spec, arrays, wanted):
        raise UnreadableFileError(
            f"{folder / MANIFEST} contradicts itself or {WEIGHTS} ({wrong}); take both from where they came again"
        )
    return FittedModel(
        spec=spec,
        entry=entry,
        interval=manifest.interval,
        inputs=tuple(manifest.inputs),
        markets=tuple(map(rebuild_market, manifest.markets)),
        trained=_rebuild_runs(folder, manifest, recipe, settings, arrays),
        newest=tuple(rebuild_newest(spec, manifest, place, arrays) for place in range(len(manifest.markets))),
        evidence=restore_evidence(None if manifest.evidence is None else manifest.evidence.model_dump()),
    )


def _rebuild_runs(folder: Path, manifest: Manifest, recipe: Recipe, settings: Any, arrays: Arrays) -> TrainedRuns:
    """The runs, whose structure a fresh network says and whose numbers the file does.

    It is outlined first, and built only where the file has its arrays: no file takes memory that it does not fill.
    """
    axes, key = Axes(**manifest.axes.model_dump()), jax.random.key(0)

    def ask(key: Any) -> Any:
        module = settings.build(axes, key=key)
        return split_module(module), at_last_step(module(jnp.zeros((axes.lookback, axes.feature), jnp.float32)))

    (*outlines, _), said = eqx.filter_eval_shape(ask, key)
    trees = {
        name: unflatten_tree(_under(arrays, name), _stacked(like, manifest.runs), source=str(folder / WEIGHTS))
        for name, like in zip(TREES, outlines, strict=True)
    }
    if said.shape != (axes.horizon, axes.output):
        raise ValueError(f"its network gives {said.shape}, where {(axes.horizon, axes.output)} is needed")
    counted = {**manifest.training.model_dump(), **{name: one for name, one in arrays.items() if "/" not in name}}
    static = split_module(settings.build(axes, key=key))[2]
    return TrainedRuns(axes=axes, static=static, recipe=recipe, **trees, **counted)


def _under(arrays: Arrays, folder: str) -> Arrays:
    return {name.partition("/")[2]: array for name, array in arrays.items() if name.startswith(f"{folder}/")}


def _stacked(tree: Any, runs: int) -> Any:
    """A tree of arrays with a leading axis of runs, of which no memory is taken."""
    return jax.tree.map(lambda leaf: np.broadcast_to(np.zeros((), leaf.dtype), (runs, *leaf.shape)), tree)
