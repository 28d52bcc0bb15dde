"""Fitted models in folders: `weights.safetensors`, and `model.json`, which says how to build all that is around them.

`model.json` is written last and taken away first, so that a folder with it is whole. In it stands the SHA-256 of the
weights' file and, under `sha256`, its own: taken with zeros in that place.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from coincast.errors import UsageError
from coincast.experiments.fitted.evidence import describe_evidence
from coincast.experiments.fitted.layout import (
    BUILT,
    FORMAT,
    KIND,
    MANIFEST,
    MODEL_VERSION,
    PROGRAM,
    TREES,
    UNKNOWN,
    WEIGHTS,
    WINDOW,
    Arrays,
    seal,
)
from coincast.experiments.fitted.market import FittedMarket
from coincast.experiments.fitted.model import FittedModel
from coincast.experiments.fitted.newest import Newest
from coincast.experiments.fitted.plain import PlainRuns
from coincast.experiments.fitted.tracing import trace_program
from coincast.models import MODELS
from coincast.tabular import expand_home, write_beside
from coincast.training.arrays import flatten_tree, write_arrays
from coincast.training.trained import TrainedRuns


def save_model(model: FittedModel, folder: str | Path) -> Path:
    """Write a model into a folder; see `FittedModel.save`."""
    trained = model.trained
    if isinstance(trained, PlainRuns):
        raise UsageError(f"a model that was opened to be asked only is not written again; copy its folder to {folder}")
    folder = expand_home(folder)
    try:
        (folder / MANIFEST).unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write {folder}: {error.strerror or error}; choose another place") from None
    facts, constants = _program_of(trained, model.spec.training.seeds)
    write_arrays(folder / WEIGHTS, _arrays_of(model, trained) | constants, kind=KIND, facts=facts)
    with open(folder / WEIGHTS, "rb") as file:
        weights = {"file": WEIGHTS, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
    text = _dump({**_facts_of(model, trained), "weights": weights, "sha256": UNKNOWN})
    digest = hashlib.sha256(text.encode()).hexdigest()
    data = seal(text, UNKNOWN, digest).encode()
    return write_beside(folder / MANIFEST, lambda target: Path(target).write_bytes(data)).parent


def _program_of(trained: TrainedRuns, seeds: int) -> tuple[dict[str, Any], Arrays]:
    """The prediction of one market's runs as array operations, which need no JAX; nothing where there is none."""
    one_market = trained.select(range(seeds))
    found = trace_program(trained.static, trained.recipe, trained.axes, one_market.trained, one_market.fixed)
    if found is None:
        return {}, {}
    weights = [f"{tree}/{name}" for tree in TREES for name in flatten_tree(getattr(trained, tree))]
    return {PROGRAM: {"weights": weights, "program": found[0]}}, found[1]


def _dump(values: Mapping[str, Any]) -> str:
    return json.dumps(values, indent=2, allow_nan=False, default=str) + "\n"


def _arrays_of(model: FittedModel, trained: TrainedRuns) -> Arrays:
    arrays = {name: value for name, value in _plain_fields(trained).items() if isinstance(value, np.ndarray)}
    for tree in TREES:
        arrays |= {f"{tree}/{name}": array for name, array in flatten_tree(getattr(trained, tree)).items()}
    for place, newest in enumerate(model.newest):
        arrays |= {f"newest/{place}/{name}": getattr(newest.samples, name) for name in WINDOW}
    return arrays


def _plain_fields(trained: TrainedRuns) -> dict[str, Any]:
    return {one.name: getattr(trained, one.name) for one in dataclasses.fields(trained) if one.name not in BUILT}


def _facts_of(model: FittedModel, trained: TrainedRuns) -> dict[str, Any]:
    import coincast

    window = model.newest[0].samples
    plain = {name: value for name, value in _plain_fields(trained).items() if not isinstance(value, np.ndarray)}
    return {
        "format": FORMAT,
        "version": MODEL_VERSION,
        "package": coincast.__version__,
        "network": {
            "label": model.label,
            "name": model.entry.name if type(model.entry.settings) is MODELS.get(model.entry.name) else None,
            "class": type(model.entry.settings).__name__,
            "settings": settings_of(model.entry.settings),
        },
        "axes": dataclasses.asdict(trained.axes),
        "recipe": dataclasses.asdict(trained.recipe),
        "runs": len(trained.losses),
        "seeds": model.seeds,
        "training": {name: None if value is None else np.asarray(value).item() for name, value in plain.items()},
        "last_losses": [value if np.isfinite(value) else None for value in _last_losses(model)],
        "interval": model.interval,
        "inputs": list(model.inputs),
        "features": list(window.names),
        "is_level": list(window.is_level),
        "markets": [_market_facts(market, newest) for market, newest in zip(model.markets, model.newest, strict=True)],
        "spec": {key: value for key, value in model.spec.to_dict().items() if key != "models"},
        "evidence": describe_evidence(model.evidence),
    }


def _last_losses(model: FittedModel) -> list[float]:
    losses, epochs = model.trained.losses, model.trained.epochs
    return [float(losses[run, epochs[run] - 1]) for run in range(len(losses))]


def _market_facts(market: FittedMarket, newest: Newest) -> dict[str, Any]:
    scale = market.input_scale
    return {
        **{name: getattr(market, name) for name in ("market", "candles", "trained_until")},
        "majority": list(market.majority),
        "input_scale": {name: getattr(scale, name).tolist() for name in ("relative", "centre", "spread")},
        "target_scale": dataclasses.asdict(market.target_scale),
        "volatility": newest.volatility,
        "names": list(newest.samples.names),
    }


def settings_of(settings: Any) -> dict[str, Any]:
    """Settings as JSON can hold them; what is neither number nor text nor a list of such, as text."""
    if not dataclasses.is_dataclass(settings):
        return {}
    return {one.name: _plain(getattr(settings, one.name)) for one in dataclasses.fields(settings)}


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    is_plain = value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and np.isfinite(value))
    return value if is_plain else repr(value)
