"""What a fitted model keeps of a market, beside the weights."""

from __future__ import annotations

from dataclasses import dataclass

from coincast.samples.scaling import InputScale
from coincast.samples.targets import TargetScale


@dataclass(frozen=True)
class FittedMarket:
    """What was learnt of one market, beside the weights.

    Attributes:
        market: its name.
        input_scale, target_scale: fitted on its training rows.
        candles: how many there were; the ones that chose the epoch, where training stops early, are among them.
        trained_until: close of the last one that was learnt from or that chose the epoch, milliseconds since 1970.
        majority: 1 where most changes over as many candles were rises in the training rows, else 0; one for each step,
            none where one value speaks of the whole horizon.
    """

    market: str
    input_scale: InputScale
    target_scale: TargetScale
    candles: int
    trained_until: int
    majority: tuple[float, ...]
