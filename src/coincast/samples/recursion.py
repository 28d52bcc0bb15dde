"""Many steps ahead, a few at a time: a network's own forecasts become its next inputs.

Only inputs that a close alone tells can be known of a candle that is not there yet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float, Int

from coincast.errors import UsageError
from coincast.samples.features import FEATURES
from coincast.samples.samples import Samples
from coincast.samples.targets import Close, Prices, Values
from coincast.samples.windows import Windows

Table = Float[np.ndarray, "_row feature"]


def unknown_inputs(samples: Samples) -> list[str]:
    """Inputs that a forecast close does not tell."""
    return [name for name in samples.names if name not in FEATURES or FEATURES[name].from_close is None]


def refuse_unknown_inputs(samples: Samples) -> None:
    """Refuse inputs that no forecast close tells.

    Raises:
        UsageError: there is one.
    """
    unknown = unknown_inputs(samples)
    if unknown:
        told = [name for name, feature in FEATURES.items() if feature.from_close is not None]
        raise UsageError(
            f'samples.multi_step is "recursive", and input {unknown[0]!r} of a candle that is not there yet cannot be '
            f"told from its forecast close; allowed as samples.features: {', '.join(told)} of the market itself"
        )


def forecast_recursively(
    samples: Sequence[Samples],
    windows: Sequence[Windows],
    *,
    steps: int,
    to_price: Sequence[Callable[[Values, Close, Close], Prices]],
    predict: Callable[[Sequence[Table], Sequence[Int[np.ndarray, "_window"]]], Sequence[Values]],
) -> list[Prices]:
    """Prices of the next candles for each run, whose own forecasts are its next inputs.

    Args:
        samples: of each run; their inputs must be such as a close tells (`refuse_unknown_inputs`).
        windows: the windows that each run starts from.
        steps: candles to forecast.
        to_price: for each run, what turns outputs (window, block), last and first closes into prices; a block is as
            many steps as the network gives outputs for.
        predict: (one table of inputs per run, first row of each window in it) -> outputs of each run.

    Returns:
        Prices (window, steps) of each run.
    """
    strips = [_Strips(one, own, steps) for one, own in zip(samples, windows, strict=True)]
    done = 0
    while done < steps:
        outputs = predict([strip.table(done) for strip in strips], [strip.starts for strip in strips])
        for strip, output, price in zip(strips, outputs, to_price, strict=True):
            strip.extend(done, output, price)
        done += outputs[0].shape[1]
    return [strip.closes[:, strip.lookback :] for strip in strips]


class _Strips:
    """The past of every window with room for the candles after it.

    `closes` is (window, row), `inputs` (window, row, feature).
    """

    def __init__(self, samples: Samples, windows: Windows, steps: int) -> None:
        self.lookback, self.length, self.names = windows.lookback, windows.lookback + steps, samples.names
        self.closes = np.full((len(windows), self.length), np.nan)
        self.inputs = np.full((len(windows), self.length, len(samples.names)), np.nan)
        self.closes[:, : self.lookback] = samples.close[windows.past_rows]
        self.inputs[:, : self.lookback] = samples.inputs[windows.past_rows]
        self.starts = np.arange(len(windows)) * self.lookback

    def table(self, done: int) -> Table:
        """The newest `lookback` rows of every window after `done` forecasts, one window below the other."""
        return self.inputs[:, done : done + self.lookback].reshape(-1, len(self.names))

    def extend(self, done: int, output: Values, to_price: Callable[[Values, Close, Close], Prices]) -> None:
        """Append a block of forecasts after `done` of them."""
        first, last = self.closes[:, done], self.closes[:, done + self.lookback - 1]
        prices = to_price(output, last, first)
        for column in range(min(prices.shape[1], self.length - self.lookback - done)):
            row = self.lookback + done + column
            self.closes[:, row] = prices[:, column]
            for number, name in enumerate(self.names):
                from_close = FEATURES[name].from_close
                assert from_close is not None
                with np.errstate(invalid="ignore", divide="ignore"):
                    self.inputs[:, row, number] = from_close(self.closes[:, row], self.closes[:, row - 1])
