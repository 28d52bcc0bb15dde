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

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from pydantic import ValidationError

from coincast.errors import UnreadableFileError, UsageError
from coincast.experiments.entries import ModelEntry
from coincast.experiments.fitted.manifest import Manifest, MarketPart, NetworkPart, find_contradiction
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
from coincast.samples.scaling import InputScale
from coincast.samples.targets import TargetScale
from coincast.tabular import expand_home
from coincast.training.arrays import read_arrays, unflatten_tree
from coincast.training.devices import use_compile_cache
from coincast.training.lanes import split_module
from coincast.training.recipe import Recipe
from coincast.training.steps import at_last_step
from coincast.training.trained import TrainedRuns

LARGEST_MANIFEST = 2**26
LARGEST_SETTING = 100_000
"""Of a network's whole numbers; so long is the longest lookback."""
_STORED = re.compile(r"[a-z][a-z0-9_]*")


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
    manifest = _read_manifest(folder / MANIFEST)
    found = read_arrays(folder / WEIGHTS, kind=KIND)
    with open(folder / WEIGHTS, "rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != manifest.weights.sha256:
            raise UnreadableFileError(
                f"{folder / WEIGHTS} is not the file that {MANIFEST} was written for; take both from where they came"
            )
    use_compile_cache()
    settings = _rebuild_settings(folder, manifest.network, network, found.arrays)
    try:
        return _rebuild(folder, manifest, settings, found.arrays)
    except UnreadableFileError:
        raise
    except Exception as error:  # a file may say anything, and a network refuse it in any way
        raise UnreadableFileError(
            f"{folder} holds a model that this Coincast cannot build ({_first_line(error)}); it was saved by Coincast "
            f"{manifest.package}: load it with that one, or fit it again"
        ) from None


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def _read_manifest(path: Path) -> Manifest:
    try:
        text = (path.read_bytes() if path.stat().st_size <= LARGEST_MANIFEST else b"").decode("utf-8")
        facts = json.loads(text)
        json.dumps(facts, allow_nan=False)  # or a ValueError: no model has been saved with such a number
    except FileNotFoundError:
        raise UnreadableFileError(f"{path.parent} holds no {MANIFEST}; give the folder of a saved model") from None
    except OSError as error:
        raise UnreadableFileError(f"{path} cannot be read: {error.strerror or error}; give another folder") from None
    except (ValueError, RecursionError):
        raise _changed(path) from None
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise UnreadableFileError(f"{path} describes no model of Coincast; give the folder of a saved model")
    version, sha256 = facts.get("version"), facts.get("sha256")
    if type(version) is int and version > MODEL_VERSION:
        raise UnreadableFileError(
            f"{path} was written by a newer Coincast (format {version}, here {MODEL_VERSION}); update Coincast"
        )
    if type(version) is not int or version != MODEL_VERSION or not _is_sealed(text, sha256):
        raise _changed(path)
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UnreadableFileError(f"{path} describes no model: {where}: {first['msg']}; fit it again") from None


def _is_sealed(text: str, sha256: Any) -> bool:
    """Whether a manifest has the checksum that it tells."""
    if not isinstance(sha256, str) or not re.fullmatch("[0-9a-f]{64}", sha256) or sha256 not in text:
        return False
    return hashlib.sha256(seal(text, sha256, UNKNOWN).encode()).hexdigest() == sha256


def _changed(path: Path) -> UnreadableFileError:
    return UnreadableFileError(
        f"{path} is cut or was changed since it was written, and is not used; take it from where it came again"
    )


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
        reason = _first_line(error)
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
    spec = _without_files(Spec.from_dict({**manifest.spec, "models": [entry]}))
    recipe = Recipe(**{key: _restore(value) for key, value in manifest.recipe.items()})
    if wrong := "recipe" if recipe != spec.recipe() else find_contradiction(manifest, spec, arrays):
        raise UnreadableFileError(
            f"{folder / MANIFEST} contradicts itself or {WEIGHTS} ({wrong}); take both from where they came again"
        )
    return FittedModel(
        spec=spec,
        entry=entry,
        interval=manifest.interval,
        inputs=tuple(manifest.inputs),
        markets=tuple(map(_rebuild_market, manifest.markets)),
        trained=_rebuild_runs(folder, manifest, recipe, settings, arrays),
        newest=tuple(
            _rebuild_newest(spec, manifest, one, {name: arrays[f"newest/{place}/{name}"] for name in WINDOW})
            for place, one in enumerate(manifest.markets)
        ),
    )


def _without_files(spec: Spec) -> Spec:
    """Only stored outside series are joined again: a file that somebody else's model names is not opened."""
    outside = [name for name in spec.data.outside if _STORED.fullmatch(name)]
    return spec if outside == spec.data.outside else spec.vary({"data.outside": outside})


def _rebuild_runs(folder: Path, manifest: Manifest, recipe: Recipe, settings: Any, arrays: Arrays) -> TrainedRuns:
    """The runs, whose structure a fresh network says and whose numbers the file does.

    It is outlined first, and built only where the file has its arrays: no file takes memory that it does not fill.
    """
    axes, key = manifest.axes, jax.random.key(0)

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


def _rebuild_market(told: MarketPart) -> FittedMarket:
    scale = told.input_scale
    return FittedMarket(
        market=told.market,
        input_scale=InputScale(np.array(scale.relative), np.array(scale.centre), np.array(scale.spread)),
        target_scale=TargetScale(told.target_scale.centre, told.target_scale.spread),
        candles=told.candles,
        trained_until=told.trained_until,
        majority=tuple(told.majority),
    )


def _rebuild_newest(spec: Spec, manifest: Manifest, told: MarketPart, arrays: Arrays) -> Newest:
    samples = one_window(
        spec,
        market=told.market,
        interval=manifest.interval,
        names=tuple(told.names),
        is_level=tuple(manifest.is_level),
        **arrays,
    )
    return Newest(samples, told.volatility)
