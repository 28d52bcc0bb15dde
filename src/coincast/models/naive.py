"""The naive forecast and its nearest relative: the price stays where it is, or drifts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from coincast.errors import TooFewRowsError
from coincast.samples.quantities import naive_values
from coincast.samples.samples import Samples
from coincast.samples.splits import Part
from coincast.samples.windows import Windows, find_stretches


@dataclass(frozen=True)
class Naive:
    """The price stays where it is: every future close is the last known close.

    Of another quantity it says what is naive there: no return, the sign of most changes in the training rows, a
    volatility as the exponentially weighted past has it.
    """

    learns: ClassVar[bool] = False
    quantity: ClassVar[str] = "any"
    extrapolates: ClassVar[bool] = True

    def forecast(
        self, samples: Samples, *, training: Part, origins: Int[np.ndarray, "origin"], seed: int
    ) -> Float[np.ndarray, "origin horizon"]:
        lookback = samples.windows.lookback
        windows = Windows(origins - (lookback - 1), lookback, samples.windows.horizon)
        return naive_values(samples, windows, training)


@dataclass(frozen=True)
class Drift:
    """The price moves by the mean log return of the training rows at every step."""

    learns: ClassVar[bool] = True
    extrapolates: ClassVar[bool] = True

    def forecast(
        self, samples: Samples, *, training: Part, origins: Int[np.ndarray, "origin"], seed: int
    ) -> Float[np.ndarray, "origin horizon"]:
        steps = np.arange(1, samples.windows.horizon + 1)
        drift = float(np.mean(np.concatenate(log_returns(samples, training))))
        return np.asarray(samples.close[origins][:, None] * np.exp(drift * steps))


def log_returns(samples: Samples, rows: Part) -> list[Float[np.ndarray, "_candle"]]:
    """Log returns close to close inside some rows, one array per gap-free stretch of at least two candles.

    Raises:
        TooFewRowsError: no two neighbouring candles.
    """
    close = samples.close[rows.first : rows.end]
    stretches = find_stretches(samples.open_time[rows.first : rows.end], samples.close_time[rows.first : rows.end])
    returns = [np.diff(np.log(close[first:end])) for first, end in stretches if end - first > 1]
    if not returns:
        raise TooFewRowsError(
            f"{samples.market} has {len(rows)} training rows and no two of them are neighbours; give more candles"
        )
    return returns
