"""What the outputs of a network mean: a head reads a point forecast and quantiles from them.

Outputs are (..., output) with any axes before, in the unit of the scaled target. The functions serve NumPy and JAX
alike (`xp`), so that a prediction is read as the training read it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from scipy.special import ndtri, stdtrit

from coincast.errors import UsageError

FLOOR = 1e-4
"""Least scale of a likelihood, in the unit of the scaled target: a still stretch must not promise infinite density."""


@dataclass(frozen=True)
class Head:
    """How outputs are read.

    Attributes:
        size: levels of `Recipe.quantiles` -> outputs per step.
        point: (outputs, levels, xp) -> (...) point forecasts.
        quantiles: (outputs, wanted, levels, degrees, xp) -> (..., wanted) quantiles at the wanted levels, in ascending
            order along the last axis where the levels are; None where the outputs tell none.
        description: one line.
    """

    size: Callable[[Sequence[float]], int]
    point: Callable[..., Any]
    quantiles: Callable[..., Any] | None
    description: str


def _only_output(outputs: Any, levels: Sequence[float] = (), xp: ModuleType = np) -> Any:
    return outputs[..., 0]


def _median(outputs: Any, levels: Sequence[float], xp: ModuleType = np) -> Any:
    return xp.sort(outputs, axis=-1)[..., list(levels).index(0.5)]


def _trained_quantiles(
    outputs: Any, wanted: Sequence[float], levels: Sequence[float], degrees: float = np.inf, xp: ModuleType = np
) -> Any:
    """Sorted outputs at the wanted levels: sorting undoes crossings and never raises the quantile loss.

    Source: Chernozhukov, Fernandez-Val and Galichon (2010), "Quantile and probability curves without crossing".
    """
    absent = [level for level in wanted if level not in levels]
    if absent:
        raise UsageError(
            f"quantile {absent[0]:g} was not trained; allowed: {', '.join(f'{level:g}' for level in levels)} "
            "(training.quantiles)"
        )
    places = np.array([list(levels).index(level) for level in wanted], dtype=np.int32)
    return xp.sort(outputs, axis=-1)[..., places]


def location_and_scale(outputs: Any, xp: ModuleType = np) -> tuple[Any, Any]:
    """Location, and scale = `ln(1 + exp(raw)) + FLOOR`, of outputs (..., 2)."""
    return outputs[..., 0], xp.logaddexp(outputs[..., 1], 0.0) + FLOOR


def _distribution_quantiles(
    outputs: Any, wanted: Sequence[float], levels: Sequence[float], degrees: float = np.inf, xp: ModuleType = np
) -> Any:
    """Quantiles of a Student distribution; of a Gaussian one where the degrees of freedom are infinite."""
    chances = np.asarray(wanted, dtype=np.float64)
    standard = ndtri(chances) if np.isinf(degrees) else stdtrit(degrees, chances)
    location, scale = location_and_scale(outputs, xp)
    width = xp.asarray(standard.reshape((1,) * location.ndim + (-1,)), dtype=outputs.dtype)
    return location[..., None] + scale[..., None] * width


HEADS: dict[str, Head] = {
    "point": Head(lambda levels: 1, _only_output, None, "one output per step, the forecast itself"),
    "quantiles": Head(len, _median, _trained_quantiles, "one output per step and level of `training.quantiles`"),
    "scale": Head(
        lambda levels: 2, _only_output, _distribution_quantiles, "location and raw scale of a distribution per step"
    ),
}
