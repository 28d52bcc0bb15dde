"""How far a model that is not trained by gradient has come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

QUIET_SECONDS = 2.0
"""What takes no longer is not told."""


@dataclass(frozen=True)
class Fitting:
    """Fits done and wanted of a forecaster."""

    done: int
    total: int


def tell_fits(items: Sequence[Any], label: str, on_progress: Callable[[str, Any], None] | None) -> Iterator[Any]:
    """Hand the items on one by one, and tell after each how many are done, once that has taken a while."""
    began = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        if on_progress is not None and time.monotonic() - began > QUIET_SECONDS:
            on_progress(label, Fitting(done, len(items)))
