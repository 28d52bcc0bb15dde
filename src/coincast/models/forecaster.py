"""The two contracts of a model.

A **Network** is settings that build a module for one sample; the trainer maps it over batches and runs. A
**Forecaster** is settings that forecast by themselves: every opponent that is not trained by gradient. Both are small
frozen dataclasses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from coincast.samples.samples import Samples
from coincast.samples.splits import Part

if TYPE_CHECKING:
    from jaxtyping import Array, Key


@dataclass(frozen=True)
class Axes:
    """Sizes of the named axes of one sample: past (lookback, feature) -> output (horizon, output)."""

    lookback: int
    feature: int
    horizon: int
    output: int = 1


@dataclass(frozen=True)
class Layer:
    """A line of `coincast describe`: what a layer is, the shape that it gives, and how many parameters it trains."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int


class Module(Protocol):
    """What `Network.build` returns: a network for one sample, without a batch axis."""

    def __call__(
        self, past: Float[Array, "lookback feature"], *, key: Key[Array, ""] | None = None
    ) -> Float[Array, "horizon output"]:
        """Forecast one sample; without a key nothing is random, as in prediction."""
        ...


@runtime_checkable
class Network(Protocol):
    """Settings of a network. Shapes are ordinary fields; rates become array leaves, so that runs may differ in them."""

    def build(self, axes: Axes, *, key: Any) -> Any:
        """A fresh module (an `equinox.Module`) with parameters drawn from `key`."""
        ...


@runtime_checkable
class Forecaster(Protocol):
    """Settings of a model that needs no training by gradient.

    `learns` says whether it uses the training rows at all; one that does not knows nothing but the past of each origin.
    Two more class variables may be there: `quantity` ("price" unless said otherwise, "volatility", or "any" for one
    that forecasts whatever `samples.quantity` asks for) and `extrapolates` (whether any horizon is natural to it).
    """

    learns: ClassVar[bool]

    def forecast(
        self, samples: Samples, *, training: Part, origins: Int[np.ndarray, "origin"], seed: int
    ) -> Float[np.ndarray, "origin horizon"]:
        """Prices of the next `samples.windows.horizon` closes; of a volatility one column for all of them.

        Args:
            samples: inputs and candles; for an origin only rows up to it may be used.
            training: rows that may be learnt from.
            origins: row of the last candle that each forecast may see, in time order.
            seed: for models that draw.
        """
        ...
