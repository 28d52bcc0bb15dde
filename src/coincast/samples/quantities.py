"""What is forecast of the candles after an origin: the price, or what is made of it.

A quantity says how the truth is told from the closes, what the naive forecast of it is, and how a forecast of prices
becomes one of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from coincast.samples.samples import Samples
from coincast.samples.splits import Part
from coincast.samples.targets import Close, Prices, Values
from coincast.samples.volatility import naive_volatility, realised_volatility
from coincast.samples.windows import Windows, find_stretches, stretch_firsts


@dataclass(frozen=True)
class Quantity:
    """What is forecast.

    Attributes:
        targets: names of `TARGETS` that a network may learn to forecast it, the usual one first.
        loss: the usual loss of its training.
        truth: (samples, windows) -> (window, step); NaN where there is none, as for the direction of a tie.
        from_price: (prices, last close) -> values; None where a path of prices does not tell it.
        naive: (samples, windows, training rows) -> naive forecast (window, step); None where the last close says it.
        is_whole: whether one value speaks of the whole horizon; its step is the last one.
        description: formula and unit.
    """

    targets: tuple[str, ...]
    loss: str
    truth: Callable[[Samples, Windows], Values]
    from_price: Callable[[Prices, Close], Values] | None
    naive: Callable[[Samples, Windows, Part], Values] | None
    is_whole: bool
    description: str

    def steps(self, horizon: int) -> Int[np.ndarray, "step"]:
        """The steps ahead that are forecast."""
        return np.array([horizon]) if self.is_whole else np.arange(1, horizon + 1)


def log_change(prices: Prices, last: Close) -> Values:
    """ln(price / last known close)."""
    return np.asarray(np.log(prices / last[:, None]))


def direction(prices: Prices, last: Close) -> Values:
    """1 where a price is above the last known close, 0 where it is below, NaN where it is the same."""
    return np.where(prices > last[:, None], 1.0, np.where(prices < last[:, None], 0.0, np.nan))


def majority_direction(samples: Samples, windows: Windows, training: Part) -> Values:
    """1 where most changes over as many candles were rises in the training rows, else 0 (window, step).

    Only changes inside one gap-free stretch count; ties do not.
    """
    rows = slice(training.first, training.end)
    close, opened, closed = samples.close[rows], samples.open_time[rows], samples.close_time[rows]
    stretch = stretch_firsts(find_stretches(opened, closed))
    shares = []
    for step in range(1, windows.horizon + 1):
        whole = stretch[step:] == stretch[:-step]
        shares.append(np.sign(close[step:] - close[:-step])[whole].sum() >= 0)
    return np.tile(np.array(shares, dtype=np.float64), (len(windows), 1))


QUANTITIES: dict[str, Quantity] = {
    "price": Quantity(
        targets=("log_return", "window_change", "price"),
        loss="mae",
        truth=lambda samples, windows: samples.future_close(windows),
        from_price=lambda prices, last: prices,
        naive=None,
        is_whole=False,
        description="close, quote currency",
    ),
    "log_return": Quantity(
        targets=("log_return", "window_change", "price"),
        loss="mae",
        truth=lambda samples, windows: log_change(samples.future_close(windows), samples.last_close(windows)),
        from_price=log_change,
        naive=None,
        is_whole=False,
        description="ln(close / last known close)",
    ),
    "direction": Quantity(
        targets=("direction", "log_return", "window_change", "price"),
        loss="mse",
        truth=lambda samples, windows: direction(samples.future_close(windows), samples.last_close(windows)),
        from_price=direction,
        naive=majority_direction,
        is_whole=False,
        description="probability that the close is above the last known one",
    ),
    "volatility": Quantity(
        targets=("log_volatility",),
        loss="qlike",
        truth=realised_volatility,
        from_price=None,
        naive=lambda samples, windows, training: naive_volatility(samples, windows.origin_rows),
        is_whole=True,
        description="root of the summed squared log returns of the whole horizon",
    ),
}
"""Every quantity, by name."""


def to_quantity(samples: Samples, target: Float[np.ndarray, "window step"], windows: Windows) -> Values:
    """What a network's unscaled output says of the quantity that is forecast."""
    last = samples.last_close(windows)
    value = samples.target.to_value(target, last, samples.first_close(windows))
    convert = QUANTITIES[samples.quantity].from_price
    is_price = samples.target.quantity == "price"
    return convert(value, last) if is_price and convert is not None else value


def naive_values(samples: Samples, windows: Windows, training: Part) -> Values:
    """The naive forecast of the quantity that is forecast (window, step)."""
    quantity, last = QUANTITIES[samples.quantity], samples.last_close(windows)
    if quantity.naive is not None:
        return quantity.naive(samples, windows, training)
    assert quantity.from_price is not None  # what the last close says can be told from prices
    return quantity.from_price(np.repeat(last[:, None], windows.horizon, axis=1), last)
