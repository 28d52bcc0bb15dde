"""How much one order may ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MOST_MODELS, MOST_MARKETS = 6, 4


@dataclass(frozen=True)
class Range:
    """What a number may be."""

    least: int
    most: int
    default: int


RANGES: Mapping[str, Range] = {
    "epochs": Range(1, 200, 20),
    "seeds": Range(1, 10, 3),
    "lookback": Range(1, 200, 10),
    "horizon": Range(1, 30, 1),
}
