"""The model that is asked, and taking over a newer one without holding the loop up."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from coincast.errors import CoincastError
from coincast.live.models import POINTER

if TYPE_CHECKING:
    from coincast.live.models import LiveModel

KEPT = 3
"""Folders of models that are kept, the newest ones."""


@dataclass(frozen=True)
class Taken:
    """A model that was loaded, or the reason why it was not."""

    folder: Path
    model: LiveModel | None
    words: str = ""


class Loader:
    """Loads a model in a thread, and asks it once, so that its first answer in the loop is as quick as any other.

    Args:
        candles: gives the candles that it is asked about.
        load: reads a folder.
    """

    def __init__(self, candles: Callable[[], pl.DataFrame], load: Callable[[Path], LiveModel] | None = None) -> None:
        self._candles = candles
        self._load = load
        self._thread: threading.Thread | None = None
        self._taken: Taken | None = None

    @property
    def is_busy(self) -> bool:
        """Whether one is being loaded."""
        return self._thread is not None

    def start(self, folder: Path) -> None:
        """Begin to load a model."""
        self._taken = None
        self._thread = threading.Thread(target=self._run, args=(folder,), daemon=True)
        self._thread.start()

    def poll(self) -> Taken | None:
        """The model, once it is there."""
        if self._thread is None or self._thread.is_alive():
            return None
        self._thread = None
        return self._taken

    def _run(self, folder: Path) -> None:
        self._taken = take(folder, self._candles, self._load)


def take(folder: Path, candles: Callable[[], pl.DataFrame], load: Callable[[Path], LiveModel] | None = None) -> Taken:
    """Load a model and ask it once; a fault of any kind is told, since the old model goes on."""
    try:
        model = (load or _load_live)(folder)
        with contextlib.suppress(CoincastError):  # the candles of now may have a gap; the model is sound
            model.forecast(candles())
    except Exception as error:
        return Taken(folder, None, f"{type(error).__name__}: {error}")
    return Taken(folder, model)


def _load_live(folder: Path) -> LiveModel:
    from coincast.live.models import load_live

    return load_live(folder)


def list_models(folder: Path) -> list[Path]:
    """Folders of whole models of one plan, the newest first; their names are times."""
    return sorted((path.parent for path in folder.glob(f"[0-9]*/{POINTER}")), reverse=True)


def drop_old(folder: Path) -> None:
    """Remove all models but the newest ones."""
    kept = {path.name for path in list_models(folder)[:KEPT]}
    oldest = min(kept, default="")
    for path in folder.glob("[0-9]*"):
        if path.name not in kept and path.name < oldest:
            shutil.rmtree(path, ignore_errors=True)
