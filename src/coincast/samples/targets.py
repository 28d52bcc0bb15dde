"""What a network learns to say about the next closes, and the exact way back to what is forecast.

All functions take and give float64: `future` (window, horizon) closes, `last` (window,) the close at the origin,
`first` (window,) the close of the first candle of the window. A target has one column for each step, or a single one
where it speaks of the whole horizon.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

Prices = Float[np.ndarray, "window horizon"]
Values = Float[np.ndarray, "window step"]
Close = Float[np.ndarray, "window"]


@dataclass(frozen=True)
class Target:
    """What is learnt, and the way from there to what is forecast.

    Attributes:
        from_price: (future, last, first) -> target.
        to_value: (target, last, first) -> value of `quantity`; for a price the inverse of `from_price`.
        standardise: how the training target is scaled before a network sees it: "none", "spread" (divided by its root
            mean square on training windows, so that 0 stays 0), "centre" (its mean taken off) or "both".
        description: formula and unit.
        quantity: what `to_value` gives (see `coincast.samples.quantities`).
    """

    from_price: Callable[[Prices, Close, Close], Values]
    to_value: Callable[[Values, Close, Close], Values]
    standardise: str
    description: str
    quantity: str = "price"


STILL = 1e-8
"""A realised volatility below this counts as this, so that its logarithm is a number."""


def _realised_log_volatility(future: Prices, last: Close, first: Close) -> Values:
    moves = np.diff(np.log(np.column_stack([last, future])), axis=1)
    return np.asarray(np.log(np.maximum(np.sqrt((moves**2).sum(axis=1, keepdims=True)), STILL)))


TARGETS: dict[str, Target] = {
    "window_change": Target(
        from_price=lambda future, last, first: future / first[:, None] - 1,
        to_value=lambda target, last, first: (target + 1) * first[:, None],
        standardise="none",
        description="close / first close of the window - 1 (article 0)",
    ),
    "log_return": Target(
        from_price=lambda future, last, first: np.log(future / last[:, None]),
        to_value=lambda target, last, first: np.exp(target) * last[:, None],
        standardise="spread",
        description="ln(close / last known close)",
    ),
    "price": Target(
        from_price=lambda future, last, first: future,
        to_value=lambda target, last, first: target,
        standardise="both",
        description="close, quote currency",
    ),
    "direction": Target(
        from_price=lambda future, last, first: 0.5 + 0.5 * np.sign(future - last[:, None]),
        to_value=lambda target, last, first: np.clip(target, 0.0, 1.0),
        standardise="none",
        description="1 where the close is above the last known one, 0 below, 0.5 where it is the same",
        quantity="direction",
    ),
    "log_volatility": Target(
        from_price=_realised_log_volatility,
        to_value=lambda target, last, first: np.exp(target),
        standardise="centre",
        description="ln of the realised volatility over the whole horizon",
        quantity="volatility",
    ),
}


@dataclass(frozen=True)
class TargetScale:
    """`scaled = (target - centre) / spread`; fitted on training windows, the identity where a target needs none."""

    centre: float = 0.0
    spread: float = 1.0

    def scale(self, target: Values) -> Values:
        return (target - self.centre) / self.spread

    def unscale(self, scaled: Values) -> Values:
        return scaled * self.spread + self.centre


def fit_target_scale(target: Target, training: Values) -> TargetScale:
    """Scale of a target from its training windows (window, step)."""
    centre = float(training.mean()) if target.standardise in ("centre", "both") else 0.0
    if target.standardise not in ("spread", "both"):
        return TargetScale(centre)
    spread = float(np.sqrt(np.mean((training - centre) ** 2)))
    return TargetScale(centre, spread if spread > 0 else 1.0)
