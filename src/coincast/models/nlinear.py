"""NLinear (Zeng et al. 2023, "Are transformers effective for time series forecasting?")."""

from __future__ import annotations

from dataclasses import dataclass

import equinox as eqx
from jaxtyping import Array, Float, Key

from coincast.models.forecaster import Axes, Layer
from coincast.models.linear import Mixing, OverTime, describe_mixing, describe_over_time


@dataclass(frozen=True)
class NLinear:
    """A linear map over time of every feature's difference to its last value.

    What differs from the paper: there each series is forecast from its own past; here every feature makes a forecast,
    and a weighted sum over the features (`Mixing`) makes the one of the target.

    In the paper the last value is added back, because the forecast continues the very series that was read. That fits
    a target in the unit of an input, such as a change since the start of the window. For a return, which is 0 where
    the price stays, "the last value" is no natural start, but the weights can undo it: with `add_back` any linear map
    of the window can be learnt. Without, the network sees differences only, and no drift of a level can enter the
    forecast: right where the inputs are levels and the target is a return, and too little where the inputs are returns.

    Attributes:
        add_back: whether the last value of each feature is added to its forecast, before the mixing.
        shared: one map for all features, as is the paper's default, instead of one for each.
    """

    add_back: bool = True
    shared: bool = False

    def build(self, axes: Axes, *, key: Key[Array, ""]) -> NLinearNetwork:
        over_time = OverTime.draw(key, axes, shared=self.shared)
        return NLinearNetwork(over_time, Mixing.even(axes), self.add_back, axes.horizon)

    def layers(self, axes: Axes) -> list[Layer]:
        kind = f"linear over time, last value {'taken off and added back' if self.add_back else 'taken off'}"
        return [describe_over_time(axes, shared=self.shared, name="linear", kind=kind), describe_mixing(axes)]


class NLinearNetwork(eqx.Module):
    """The network for one sample."""

    over_time: OverTime
    mixing: Mixing
    add_back: bool = eqx.field(static=True)
    horizon: int = eqx.field(static=True)

    def __call__(
        self, past: Float[Array, "lookback feature"], *, key: Key[Array, ""] | None = None
    ) -> Float[Array, "horizon output"]:
        last = past[-1]
        forecasts = self.over_time(past - last[None])
        if self.add_back:
            forecasts = forecasts + last[:, None]
        return self.mixing(forecasts).reshape(self.horizon, -1)
