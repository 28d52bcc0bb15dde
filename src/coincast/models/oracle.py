"""The best that anyone could do on a simulated market."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from coincast.samples.samples import Samples
from coincast.samples.splits import Part
from coincast.sources.simulated import oracle_path


@dataclass(frozen=True)
class Oracle:
    """The true conditional median of the next closes, which only the simulator knows.

    No forecast has a smaller expected absolute log error. On other markets it is refused.
    """

    learns: ClassVar[bool] = False

    def forecast(
        self, samples: Samples, *, training: Part, origins: Int[np.ndarray, "origin"], seed: int
    ) -> Float[np.ndarray, "origin horizon"]:
        return np.asarray(oracle_path(samples.candles, samples.windows.horizon)[origins])
