"""What a model learns to say about the next closes, and the exact way back to prices.

All functions take and give float64: `future` (window, horizon) closes, `last` (window,) the close at the origin,
`first` (window,) the close of the first candle of the window.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

Prices = Float[np.ndarray, "window horizon"]
Close = Float[np.ndarray, "window"]


@dataclass(frozen=True)
class Target:
    """A quantity to learn, and its inverse.

    Attributes:
        from_price: (future, last, first) -> target.
        to_price: (target, last, first) -> future; the inverse of `from_price`.
        standardise: how the training target is scaled before a network sees it: "none", "spread" (divided by its root
            mean square on training windows, so that 0 stays 0) or "both" (centred, too).
        description: formula and unit.
    """

    from_price: Callable[[Prices, Close, Close], Prices]
    to_price: Callable[[Prices, Close, Close], Prices]
    standardise: str
    description: str


TARGETS: dict[str, Target] = {
    "window_change": Target(
        from_price=lambda future, last, first: future / first[:, None] - 1,
        to_price=lambda target, last, first: (target + 1) * first[:, None],
        standardise="none",
        description="close / first close of the window - 1 (article 0)",
    ),
    "log_return": Target(
        from_price=lambda future, last, first: np.log(future / last[:, None]),
        to_price=lambda target, last, first: np.exp(target) * last[:, None],
        standardise="spread",
        description="ln(close / last known close)",
    ),
    "price": Target(
        from_price=lambda future, last, first: future,
        to_price=lambda target, last, first: target,
        standardise="both",
        description="close, quote currency",
    ),
}


@dataclass(frozen=True)
class TargetScale:
    """`scaled = (target - centre) / spread`; fitted on training windows, the identity where a target needs none."""

    centre: float = 0.0
    spread: float = 1.0

    def scale(self, target: Prices) -> Prices:
        return (target - self.centre) / self.spread

    def unscale(self, scaled: Prices) -> Prices:
        return scaled * self.spread + self.centre


def fit_target_scale(target: Target, training: Prices) -> TargetScale:
    """Scale of a target from its training windows (window, horizon)."""
    if target.standardise == "none":
        return TargetScale()
    centre = float(training.mean()) if target.standardise == "both" else 0.0
    spread = float(np.sqrt(np.mean((training - centre) ** 2)))
    return TargetScale(centre, spread if spread > 0 else 1.0)
