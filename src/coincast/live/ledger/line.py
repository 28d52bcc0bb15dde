"""The losses of one model on one market, origin by origin, and the decisive test on them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coincast.scores.significance import Comparison, compare_losses, count_overlapping

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

_FIRST_ROOM = 16
_ERROR, _NAIVE, _COVERED = range(3)


class Line:
    """Losses as arrays that grow by doubling: NaN where nothing is known yet.

    Args:
        steps: candles ahead of each forecast, ascending.

    Attributes:
        steps: those.
        span: longest time from an origin to its last target, in milliseconds.
    """

    def __init__(self, steps: tuple[int, ...]) -> None:
        self.steps = steps
        self._columns = {step: column for column, step in enumerate(steps)}
        self._rows: dict[int, int] = {}
        self._targets = np.zeros(_FIRST_ROOM, dtype=np.int64)
        self._figures = np.full((3, _FIRST_ROOM, len(steps)), np.nan)
        self.span = 0
        self._compared: tuple[Comparison | None, int] | None = None

    def __len__(self) -> int:
        return len(self._rows)

    def begin(self, origin: int, last_target: int) -> None:
        """A forecast was made on time."""
        row = self._rows.setdefault(origin, len(self._rows))
        if row == self._targets.size:
            self._targets = np.concatenate([self._targets, np.zeros_like(self._targets)])
            self._figures = np.concatenate([self._figures, np.full_like(self._figures, np.nan)], axis=1)
        self._targets[row] = last_target
        self.span = max(self.span, last_target - origin)

    def note(self, origin: int, step: int, error: float, naive: float, covered: bool | None) -> None:
        """A step of it was scored, or scored anew."""
        cell = self._rows[origin], self._columns[step]
        self._figures[(slice(None), *cell)] = error, naive, np.nan if covered is None else covered
        self._compared = None

    def compare(self) -> tuple[Comparison | None, int]:
        """The decisive test on the origins whose steps are all scored (None where there is none), and their overlap."""
        if self._compared is None:
            origins, targets, errors, naive = self.losses()
            overlap = count_overlapping(origins, targets, steps=self.steps[-1])
            compared = compare_losses(errors, naive, overlapping=overlap) if origins.size else None
            self._compared = compared, overlap
        return self._compared

    def losses(self) -> tuple[Times, Times, Floats, Floats]:
        """Origins whose steps are all scored, in order of time; their last targets, losses, and naive losses."""
        count = len(self._rows)
        origins = np.fromiter(self._rows, dtype=np.int64, count=count)
        whole = ~np.isnan(self._figures[_ERROR, :count]).any(axis=1)
        order = np.flatnonzero(whole)[np.argsort(origins[whole], kind="stable")]
        means = self._figures[:_COVERED, order].mean(axis=-1)
        return origins[order], self._targets[order], means[_ERROR], means[_NAIVE]

    @property
    def coverage(self) -> float | None:
        """Share of the scored steps whose interval held the close; None where none had one."""
        covered = self._figures[_COVERED]
        known = covered[~np.isnan(covered)]
        return float(known.mean()) if known.size else None
