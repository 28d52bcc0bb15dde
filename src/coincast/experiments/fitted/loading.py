"""Fitted models out of their folders. Reading runs nothing that stands in a file.

A network of the registry is built from its name and settings. A user's own must be given: no name is ever imported.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from coincast.errors import CoincastError, UnreadableFileError, UsageError
from coincast.experiments.entries import ModelEntry
from coincast.experiments.fitted.model import FittedMarket, FittedModel
from coincast.experiments.fitted.newest import Newest, one_window
from coincast.experiments.fitted.saving import (
    FORMAT,
    KIND,
    MANIFEST,
    MODEL_VERSION,
    TREES,
    UNKNOWN,
    WEIGHTS,
    WINDOW,
    Arrays,
    seal,
    settings_of,
)
from coincast.experiments.spec import Spec
from coincast.models import MODELS
from coincast.models.forecaster import Axes
from coincast.samples.scaling import InputScale
from coincast.samples.targets import TargetScale
from coincast.tabular import expand_home
from coincast.training.arrays import read_arrays, unflatten_tree
from coincast.training.devices import use_compile_cache
from coincast.training.lanes import split_module
from coincast.training.recipe import Recipe
from coincast.training.trained import TrainedRuns

LARGEST_MANIFEST = 2**26


def load(folder: str | Path, *, network: Any = None) -> FittedModel:
    """Read a model that was saved; it forecasts what it did, to the bit, on the same kind of machine.

    Args:
        folder: where it was saved.
        network: the settings of a user's own network, such as were given to `fit`; for a network of the registry it
            need not be given.

    Raises:
        UnreadableFileError: no model in the folder, one that is cut or was changed, or one from a newer Coincast.
        UsageError: a user's own network was not given, or another one.
    """
    folder = expand_home(folder)
    facts = _read_manifest(folder / MANIFEST)
    found = read_arrays(folder / WEIGHTS, kind=KIND)
    with open(folder / WEIGHTS, "rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != facts["weights"]["sha256"]:
            raise UnreadableFileError(
                f"{folder / WEIGHTS} is not the file that {MANIFEST} was written for; take both from where they came"
            )
    use_compile_cache()
    settings = _rebuild_settings(folder, facts["network"], network)
    try:
        return _rebuild(folder, facts, settings, found.arrays)
    except UnreadableFileError:
        raise
    except (CoincastError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableFileError(
            f"{folder} holds a model that this Coincast cannot build ({_first_line(error)}); it was saved by Coincast "
            f"{facts.get('package')}: load it with that one, or fit it again"
        ) from None


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        data = path.read_bytes() if path.stat().st_size <= LARGEST_MANIFEST else b""
        facts = json.loads(data)
    except FileNotFoundError:
        raise UnreadableFileError(f"{path.parent} holds no {MANIFEST}; give the folder of a saved model") from None
    except OSError as error:
        raise UnreadableFileError(f"{path} cannot be read: {error.strerror or error}; give another folder") from None
    except (ValueError, RecursionError):
        raise _changed(path) from None
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise UnreadableFileError(f"{path} describes no model of Coincast; give the folder of a saved model")
    version = facts.get("version")
    if isinstance(version, int) and version > MODEL_VERSION:
        raise UnreadableFileError(
            f"{path} was written by a newer Coincast (format {version}, here {MODEL_VERSION}); update Coincast"
        )
    sha256, text = facts.get("sha256"), data.decode("utf-8", "replace")
    if version != MODEL_VERSION or not isinstance(sha256, str) or not re.fullmatch("[0-9a-f]{64}", sha256):
        raise _changed(path)
    if hashlib.sha256(seal(text, sha256, UNKNOWN).encode()).hexdigest() != sha256:
        raise _changed(path)
    return facts


def _changed(path: Path) -> UnreadableFileError:
    return UnreadableFileError(
        f"{path} is cut or was changed since it was written, and is not used; take it from where it came again"
    )


def _rebuild_settings(folder: Path, told: Mapping[str, Any], network: Any) -> Any:
    """The settings of the network: from the registry, or those that were given where they are the same."""
    name, own = told["name"], f"{told['class']}({_format(told['settings'])})"
    if network is not None:
        _refuse_other(folder, told, network)
        return network
    if name is None:
        raise UsageError(
            f"{folder} holds a model of a network of your own, {own}; give its settings: cc.load(folder, "
            f"network={told['class']}(...))"
        )
    if not hasattr(MODELS.get(name), "build"):
        raise UnreadableFileError(f"{folder} holds a model of {name!r}, no network of this Coincast; update it")
    try:
        return MODELS[name](**{key: _restore(value) for key, value in told["settings"].items()})
    except (CoincastError, TypeError) as error:
        reason = _first_line(error)
        raise UnreadableFileError(f"{folder} holds a model of {own}, which cannot be built: {reason}") from None


def _refuse_other(folder: Path, told: Mapping[str, Any], network: Any) -> None:
    """Refuse settings of another class, or with other values, than those that the model was fitted with."""
    given = settings_of(network)
    if type(network).__name__ != told["class"]:
        raise UsageError(
            f"{folder} holds a model of {told['class']}, and network is {type(network).__name__}; give the one that "
            "was fitted"
        )
    other = [key for key, value in told["settings"].items() if given.get(key) != value]
    if other:
        before, after = (_format({key: one.get(key) for key in other}) for one in (told["settings"], given))
        raise UsageError(
            f"{folder} holds a model of {told['class']} with {before}, and network has {after}; give the one that was "
            "fitted"
        )


def _format(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in settings.items())


def _restore(value: Any) -> Any:
    """Settings hold tuples, of which JSON makes lists."""
    return tuple(map(_restore, value)) if isinstance(value, list) else value


def _rebuild(folder: Path, facts: Mapping[str, Any], settings: Any, arrays: Arrays) -> FittedModel:
    told = facts["network"]
    entry = ModelEntry(told["label"], told["name"] or told["label"], settings)
    spec = Spec.from_dict({**facts["spec"], "models": [entry]})
    return FittedModel(
        spec=spec,
        entry=entry,
        interval=facts["interval"],
        inputs=tuple(facts["inputs"]),
        markets=tuple(_rebuild_market(one) for one in facts["markets"]),
        trained=_rebuild_runs(folder, facts, settings, arrays),
        newest=tuple(
            _rebuild_newest(spec, facts, one, {name: arrays[f"newest/{place}/{name}"] for name in WINDOW})
            for place, one in enumerate(facts["markets"])
        ),
    )


def _rebuild_runs(folder: Path, facts: Mapping[str, Any], settings: Any, arrays: Arrays) -> TrainedRuns:
    """The runs, whose structure a fresh network says and whose numbers the file does."""
    axes, runs = Axes(**facts["axes"]), facts["runs"]
    trained, fixed, static = split_module(settings.build(axes, key=jax.random.key(0)))
    trees = {
        name: unflatten_tree(_under(arrays, name), _stacked(like, runs), source=str(folder / WEIGHTS))
        for name, like in zip(TREES, (trained, fixed), strict=True)
    }
    plain: dict[str, Any] = {name: array for name, array in arrays.items() if "/" not in name}
    recipe = Recipe(**{key: _restore(value) for key, value in facts["recipe"].items()})
    return TrainedRuns(axes=axes, static=static, recipe=recipe, **trees, **plain, **facts["training"])


def _under(arrays: Arrays, folder: str) -> Arrays:
    return {name.partition("/")[2]: array for name, array in arrays.items() if name.startswith(f"{folder}/")}


def _stacked(tree: Any, runs: int) -> Any:
    """A tree of arrays with a leading axis of runs, of which no memory is taken."""
    return jax.tree.map(lambda leaf: np.broadcast_to(leaf, (runs, *leaf.shape)), tree)


def _rebuild_market(told: Mapping[str, Any]) -> FittedMarket:
    scale = told["input_scale"]
    return FittedMarket(
        market=told["market"],
        input_scale=InputScale(
            np.array(scale["relative"], dtype=bool), np.array(scale["centre"], float), np.array(scale["spread"], float)
        ),
        target_scale=TargetScale(**told["target_scale"]),
        candles=told["candles"],
        trained_until=told["trained_until"],
        majority=tuple(told["majority"]),
    )


def _rebuild_newest(spec: Spec, facts: Mapping[str, Any], told: Mapping[str, Any], arrays: Arrays) -> Newest:
    samples = one_window(
        spec,
        market=told["market"],
        interval=facts["interval"],
        names=tuple(told["names"]),
        is_level=tuple(facts["is_level"]),
        **arrays,
    )
    return Newest(samples, told["volatility"])
