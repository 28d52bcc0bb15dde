"""Live models in their folder.

    live.json                         which of the others counts; replaced whole, and last
    made-20261121T0500-3f9a17c2/      one training: a folder of a fitted model for each network
        lstm/model.json, weights.safetensors

A reader that comes while a newer training takes the place of an older one gets one of the two whole. The training
before the newest stays, for readers that are on their way.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import coincast
from coincast.errors import UnreadableFileError
from coincast.experiments.fitted.layout import MANIFEST
from coincast.experiments.fitted.model import FittedModel
from coincast.experiments.fitted.plain import open_model
from coincast.experiments.places import safe_name, write_json
from coincast.live.models import POINTER
from coincast.live.models.model import LiveModel
from coincast.tabular import expand_home

FORMAT, VERSION = "coincast live model", 1
MADE = "made-"
_NAME = re.compile(r"[\w=-]+")
"""What `safe_name` makes of a label: letters of any script, and nothing that leads to another folder."""
ATTEMPTS = 3
"""How often a folder is read whose training is replaced meanwhile."""


def load_live(folder: str | Path) -> LiveModel:
    """Open live models, or a single fitted model that was saved, to ask them.

    Args:
        folder: of `train_live`, or of `FittedModel.save`.

    Raises:
        UnreadableFileError: no model there, one that is cut or was changed, or one from a newer Coincast.
    """
    folder = expand_home(folder)
    if not (folder / POINTER).exists():
        return _load(folder, [folder], data="")
    told = _read_pointer(folder / POINTER)
    for _ in range(ATTEMPTS - 1):
        try:
            return _load_told(folder, told)
        except UnreadableFileError:
            before, told = told, _read_pointer(folder / POINTER)
            if told == before:
                raise
    return _load_told(folder, told)


def _load_told(folder: Path, told: dict[str, Any]) -> LiveModel:
    """The training that the pointer tells of."""
    places = [folder / told["made"] / name for name in told["models"]]
    return _load(folder, places, data=str(told.get("data", "")))


def _load(folder: Path, places: Sequence[Path], *, data: str) -> LiveModel:
    return LiveModel(tuple(map(_open, places)), _fingerprint(places), data, folder)


def _open(place: Path) -> FittedModel:
    """A fitted model that can be asked at once; through JAX where it has no program."""
    model = open_model(place)
    if model is None:
        from coincast.experiments.fitted.loading import load

        model = load(place)
    return model


def _fingerprint(places: Sequence[Path]) -> str:
    """Each manifest holds the hash of its weights, so that a hash of the manifests is one of all files."""
    digest = hashlib.sha256()
    for place in places:
        digest.update((place / MANIFEST).read_bytes())
    return digest.hexdigest()


def _read_pointer(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnreadableFileError(f"{path} cannot be read: {error}; train the model again") from None
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise UnreadableFileError(f"{path} describes no live model of Coincast; give the folder of one")
    version = told.get("version")
    if type(version) is int and version > VERSION:
        raise UnreadableFileError(
            f"{path} was written by a newer Coincast (format {version}, here {VERSION}); update Coincast"
        )
    names = [told.get("made"), *(told.get("models") or [None])]
    if version != VERSION or not all(isinstance(name, str) and _NAME.fullmatch(name) for name in names):
        raise UnreadableFileError(f"{path} was changed since it was written, and is not used; train the model again")
    return told


def save_live(models: Sequence[FittedModel], folder: str | Path, *, data: str) -> LiveModel:
    """Write fitted models into a folder, whole or not at all; those that are there are replaced.

    One writer at a time: what another one has begun goes.

    Args:
        models: of the same markets.
        folder: made if it is not there.
        data: hash of the candles that they were trained on.

    Raises:
        UsageError: the folder cannot be written.
    """
    folder = expand_home(folder)
    now = datetime.now(UTC)
    key = hashlib.sha256(f"{now.isoformat()}{data}".encode()).hexdigest()[:8]
    made, names = f"{MADE}{now:%Y%m%dT%H%M%S}-{key}", [safe_name(model.label) for model in models]
    before = _read_made(folder / POINTER)
    for model, name in zip(models, names, strict=True):
        model.save(folder / made / name)
    facts = {"format": FORMAT, "version": VERSION, "package": coincast.__version__, "made_at": now.isoformat()}
    write_json(folder / POINTER, {**facts, "made": made, "models": names, "data": data})
    for old in folder.glob(f"{MADE}*"):
        if old.name not in (made, before):
            shutil.rmtree(old, ignore_errors=True)
    return load_live(folder)


def _read_made(path: Path) -> str | None:
    """The training that counts now; None where there is none that can be read."""
    try:
        made = _read_pointer(path)["made"]
    except UnreadableFileError:
        return None
    return str(made)
