"""The folder of a fitted model, read and checked; nothing is built, and nothing that stands in it is run."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from coincast.errors import UnreadableFileError
from coincast.experiments.fitted.layout import (
    FIRST_VERSION,
    FORMAT,
    KIND,
    MANIFEST,
    MODEL_VERSION,
    UNKNOWN,
    WEIGHTS,
    WINDOW,
    Arrays,
    seal,
)
from coincast.experiments.fitted.manifest import Manifest, MarketPart
from coincast.experiments.fitted.market import FittedMarket
from coincast.experiments.fitted.newest import Newest, one_window
from coincast.experiments.spec import Spec
from coincast.samples.scaling import InputScale
from coincast.samples.targets import TargetScale
from coincast.tabular import expand_home
from coincast.training.arrays import read_arrays

LARGEST_MANIFEST = 2**26
_STORED = re.compile(r"[a-z][a-z0-9_]*")


def read_folder(folder: str | Path) -> tuple[Manifest, Arrays, dict[str, Any]]:
    """The manifest, the arrays, and the facts beside them.

    Raises:
        UnreadableFileError: no model in the folder, one that is cut or was changed, or one from a newer Coincast.
    """
    folder = expand_home(folder)
    manifest = _read_manifest(folder / MANIFEST)
    found = read_arrays(folder / WEIGHTS, kind=KIND)
    with open(folder / WEIGHTS, "rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != manifest.weights.sha256:
            raise UnreadableFileError(
                f"{folder / WEIGHTS} is not the file that {MANIFEST} was written for; take both from where they came"
            )
    return manifest, found.arrays, found.facts


def first_line(error: BaseException) -> str:
    """What is wrong, in one line."""
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
    if type(version) is not int or version < FIRST_VERSION or not _is_sealed(text, sha256):
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


# ---------------------------------------------------------------- parts


def without_files(spec: Spec) -> Spec:
    """Only stored outside series are joined again: a file that somebody else's model names is not opened."""
    outside = [name for name in spec.data.outside if _STORED.fullmatch(name)]
    if outside == spec.data.outside:
        return spec
    return spec.model_copy(update={"data": spec.data.model_copy(update={"outside": outside})})


def rebuild_market(told: MarketPart) -> FittedMarket:
    """What was learnt of a market."""
    scale = told.input_scale
    return FittedMarket(
        market=told.market,
        input_scale=InputScale(np.array(scale.relative), np.array(scale.centre), np.array(scale.spread)),
        target_scale=TargetScale(told.target_scale.centre, told.target_scale.spread),
        candles=told.candles,
        trained_until=told.trained_until,
        majority=tuple(told.majority),
    )


def rebuild_newest(spec: Spec, manifest: Manifest, place: int, arrays: Arrays) -> Newest:
    """The newest window of a market, by its number."""
    told = manifest.markets[place]
    samples = one_window(
        spec,
        market=told.market,
        interval=manifest.interval,
        names=tuple(told.names),
        is_level=tuple(manifest.is_level),
        **{name: arrays[f"newest/{place}/{name}"] for name in WINDOW},
    )
    return Newest(samples, told.volatility)
