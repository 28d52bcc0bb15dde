"""DLinear (Zeng et al. 2023, "Are transformers effective for time series forecasting?")."""

from __future__ import annotations

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from coincast.errors import UsageError
from coincast.models.checks import check_size
from coincast.models.forecaster import Axes, Layer
from coincast.models.linear import Mixing, OverTime, describe_mixing, describe_over_time


@dataclass(frozen=True)
class DLinear:
    """Two linear maps over time for every feature: one of its moving average, one of what this leaves.

    What differs from the paper: there each series is forecast from its own past; here every feature makes a forecast,
    and a weighted sum over the features (`Mixing`) makes the one of the target.

    Attributes:
        kernel: candles of the moving average, an odd number; the first and last value are repeated beyond the window.
        shared: one pair of maps for all features, as is the paper's default, instead of one for each.
    """

    kernel: int = 25
    shared: bool = False

    def __post_init__(self) -> None:
        check_size("dlinear: kernel", self.kernel)
        if self.kernel % 2 == 0:
            raise UsageError(f"dlinear: kernel is {self.kernel}; allowed: an odd number, for example {self.kernel + 1}")

    def build(self, axes: Axes, *, key: Key[Array, ""]) -> DLinearNetwork:
        rest_key, trend_key = jax.random.split(key)
        return DLinearNetwork(
            rest=OverTime.draw(rest_key, axes, shared=self.shared),
            trend=OverTime.draw(trend_key, axes, shared=self.shared),
            mixing=Mixing.even(axes),
            width=self.kernel,
            horizon=axes.horizon,
        )

    def layers(self, axes: Axes) -> list[Layer]:
        trend = f"linear over time of the moving average of {self.kernel}"
        return [
            describe_over_time(axes, shared=self.shared, name="trend", kind=trend),
            describe_over_time(axes, shared=self.shared, name="rest", kind="linear over time of what that leaves"),
            describe_mixing(axes),
        ]


class DLinearNetwork(eqx.Module):
    """The network for one sample."""

    rest: OverTime
    trend: OverTime
    mixing: Mixing
    width: int = eqx.field(static=True)
    horizon: int = eqx.field(static=True)

    def __call__(
        self, past: Float[Array, "lookback feature"], *, key: Key[Array, ""] | None = None
    ) -> Float[Array, "horizon output"]:
        average = smooth(past, self.width)
        return self.mixing(self.rest(past - average) + self.trend(average)).reshape(self.horizon, -1)


def smooth(past: Float[Array, "lookback feature"], width: int) -> Float[Array, "lookback feature"]:
    """Centred moving average over an odd number of rows, the first and the last row repeated beyond the ends."""
    padded = jnp.pad(past, ((width // 2, width // 2), (0, 0)), mode="edge")
    zero = np.zeros((), past.dtype)
    sums: Float[Array, "lookback feature"] = jax.lax.reduce_window(
        padded, zero, jax.lax.add, (width, 1), (1, 1), "VALID"
    )
    return sums / width
