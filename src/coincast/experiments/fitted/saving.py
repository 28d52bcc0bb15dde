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
from coincast.experiments.fitted.model import FittedMarket, FittedModel
from coincast.experiments.fitted.newest import Newest
from coincast.models import MODELS
from coincast.tabular import expand_home, write_beside
from coincast.training.arrays import flatten_tree, write_arrays
from coincast.training.trained import TrainedRuns

Arrays = dict[str, np.ndarray]
MODEL_VERSION = 1
FORMAT, KIND = "coincast model", "fitted model"
MANIFEST, WEIGHTS = "model.json", "weights.safetensors"
UNKNOWN = "0" * 64
TREES = ("trained", "fixed")
BUILT = ("axes", "static", "recipe", *TREES)
"""Fields of the trained runs that are neither a number nor one array."""
WINDOW = ("inputs", "close", "open_time", "close_time")
"""Arrays of the newest window of a market."""


def save_model(model: FittedModel, folder: str | Path) -> Path:
    """Write a model into a folder; see `FittedModel.save`."""
    folder = expand_home(folder)
    try:
        (folder / MANIFEST).unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write {folder}: {error.strerror or error}; choose another place") from None
    write_arrays(folder / WEIGHTS, _arrays_of(model), kind=KIND, facts={})
    with open(folder / WEIGHTS, "rb") as file:
        weights = {"file": WEIGHTS, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
    text = _dump({**_facts_of(model), "weights": weights, "sha256": UNKNOWN})
    digest = hashlib.sha256(text.encode()).hexdigest()
    data = seal(text, UNKNOWN, digest).encode()
    return write_beside(folder / MANIFEST, lambda target: Path(target).write_bytes(data)).parent


def _dump(values: Mapping[str, Any]) -> str:
    return json.dumps(values, indent=2, allow_nan=False, default=str) + "\n"


def seal(text: str, old: str, new: str) -> str:
    """The manifest with another checksum in its last line but one."""
    place = text.rindex(old)
    return text[:place] + new + text[place + len(old) :]


def _arrays_of(model: FittedModel) -> Arrays:
    trained = model.trained
    arrays = {name: value for name, value in _plain_fields(trained).items() if isinstance(value, np.ndarray)}
    for tree in TREES:
        arrays |= {f"{tree}/{name}": array for name, array in flatten_tree(getattr(trained, tree)).items()}
    for place, newest in enumerate(model.newest):
        arrays |= {f"newest/{place}/{name}": getattr(newest.samples, name) for name in WINDOW}
    return arrays


def _plain_fields(trained: TrainedRuns) -> dict[str, Any]:
    return {one.name: getattr(trained, one.name) for one in dataclasses.fields(trained) if one.name not in BUILT}


def _facts_of(model: FittedModel) -> dict[str, Any]:
    import coincast

    trained, window = model.trained, model.newest[0].samples
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
