"""How a network is trained; what it is stands in its own settings."""

from __future__ import annotations

from dataclasses import dataclass

from coincast.errors import UnknownNameError, UsageError
from coincast.training.losses import LOSSES


@dataclass(frozen=True)
class Recipe:
    """Training with Adam (Kingma and Ba 2015), for a fixed number of epochs.

    Attributes:
        epochs: passes over the training windows.
        batch_size: windows of one step; the last batch of an epoch may be smaller, as in Keras.
        learning_rate: Adam's step size; runs of one program may differ in it.
        loss: a name of `LOSSES`.
        shuffle: whether each epoch takes the windows in a new order.
    """

    epochs: int = 50
    batch_size: int = 32
    learning_rate: float = 0.001
    loss: str = "mae"
    shuffle: bool = True

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise UnknownNameError("loss", self.loss, LOSSES)
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise UsageError(f"training.{name} is {getattr(self, name)}; allowed: 1 or more")
        if not 0 < self.learning_rate < 1:
            raise UsageError(
                f"training.learning_rate is {self.learning_rate}; allowed: between 0 and 1, for example 0.001"
            )
