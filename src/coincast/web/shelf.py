"""Saved models of the watch loop, opened once and asked often; they are found, never named by a request."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from coincast.errors import CoincastError
from coincast.web.faults import Refusal
from coincast.web.ids import make_id
from coincast.web.live_state import LiveState
from coincast.web.store import StoredMarket, read_newest

if TYPE_CHECKING:
    from coincast.live.models import LiveModel

POINTERS = ("live.json", "*/live.json", "*/*/live.json")
"""Where the file lies that is written last, below the folder of models."""
MOST_SHOWN = 20
KEPT_MODELS, KEPT_TABLES = 4, 64
DEFAULT_ROWS = 2000
"""Newest candles that are read for a model that does not say how many it needs."""


@dataclass(frozen=True)
class SavedModel:
    """A folder of saved models.

    Attributes:
        id: for addresses.
        folder: where it lies.
        written_at: when it was finished, milliseconds since 1970.
    """

    id: str
    folder: Path
    written_at: int


class Shelf:
    """Models and the newest candles of those who ask, kept in memory; from any thread.

    Args:
        live: says where models lie.
    """

    def __init__(self, live: LiveState) -> None:
        self._live = live
        self._lock = threading.Lock()
        self._models: OrderedDict[SavedModel, LiveModel] = OrderedDict()
        self._tables: OrderedDict[tuple[StoredMarket, int], pl.DataFrame] = OrderedDict()

    def every(self) -> dict[str, SavedModel]:
        """The newest models by their id."""
        root = self._live.places.models
        found = [saved for pattern in POINTERS for path in root.glob(pattern) if (saved := _look(path, root))]
        found.sort(key=lambda saved: (saved.written_at, saved.id), reverse=True)
        return {saved.id: saved for saved in found[:MOST_SHOWN]}

    def find(self, given: str) -> SavedModel:
        """The model of an id.

        Raises:
            Refusal: no model has it.
        """
        found = self.every()
        if given not in found:
            raise Refusal(404, "no saved model has this id")
        return found[given]

    def open(self, saved: SavedModel) -> LiveModel:
        """A model, ready to be asked.

        Raises:
            CoincastError: it cannot be read.
        """
        from coincast.live.models import load_live

        with self._lock:
            if saved not in self._models:
                self._models[saved] = load_live(saved.folder)
                while len(self._models) > KEPT_MODELS:
                    self._models.popitem(last=False)
            self._models.move_to_end(saved)
            return self._models[saved]

    def newest(self, stored: StoredMarket, model: LiveModel) -> pl.DataFrame:
        """The newest candles of a market, as many as a model needs."""
        key = stored, model.rows or DEFAULT_ROWS
        with self._lock:
            if key in self._tables:
                self._tables.move_to_end(key)
                return self._tables[key]
        table = read_newest(*key)
        with self._lock:
            self._tables[key] = table
            while len(self._tables) > KEPT_TABLES:
                self._tables.popitem(last=False)
        return table


def _look(pointer: Path, root: Path) -> SavedModel | None:
    """A model by the file that is written last; None where it has just gone."""
    try:
        written = int(1000 * pointer.stat().st_mtime)
    except OSError:
        return None
    return SavedModel(make_id("s", str(pointer.parent.relative_to(root))), pointer.parent, written)


def try_open(shelf: Shelf, saved: SavedModel) -> LiveModel | None:
    """A model for a list, which leaves out what cannot be read."""
    try:
        return shelf.open(saved)
    except CoincastError:
        return None
