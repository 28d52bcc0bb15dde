"""Gradient-boosted trees on the window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Int

from coincast.errors import MissingPackageError, UsageError
from coincast.models.regression import flat_windows, price_at, training_windows
from coincast.samples.samples import Samples
from coincast.samples.splits import Part

LOSSES = {"mae": "regression_l1", "mse": "regression"}


@dataclass(frozen=True)
class LightGBM:
    """Boosted trees (Ke et al. 2017) of the log return on all inputs of the window, one model for each step.

    Inputs are those of `ridge`, unstandardised. One thread and fixed seeds: the same numbers every time.

    Attributes:
        trees: boosting rounds.
        learning_rate: share of each tree that is added, in (0, 1].
        leaves: most leaves of a tree.
        min_leaf: fewest training windows in a leaf.
        loss: "mae", which is what decides a verdict, or "mse".
    """

    trees: int = 100
    learning_rate: float = 0.05
    leaves: int = 15
    min_leaf: int = 20
    loss: str = "mae"
    learns: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name, value, least in (
            ("trees", self.trees, 1),
            ("leaves", self.leaves, 2),
            ("min_leaf", self.min_leaf, 1),
        ):
            if value < least:
                raise UsageError(f"lightgbm: {name} is {value}; allowed: {least} or more")
        if not 0 < self.learning_rate <= 1:
            raise UsageError(f"lightgbm: learning_rate is {self.learning_rate}; allowed: above 0, up to 1")
        if self.loss not in LOSSES:
            raise UsageError(f"lightgbm: loss is {self.loss!r}; allowed: {', '.join(LOSSES)}")

    def forecast(
        self, samples: Samples, *, training: Part, origins: Int[np.ndarray, "origin"], seed: int
    ) -> Float[np.ndarray, "origin horizon"]:
        lightgbm = _import_lightgbm()
        inputs, returns = training_windows("lightgbm", samples, training)
        past = flat_windows(samples, samples.windows_at(origins))
        expected = np.empty((len(past), returns.shape[1]))
        # The bins of the inputs are the same at every step, so only the labels change.
        known = lightgbm.Dataset(inputs, params=self._parameters(seed), free_raw_data=False)
        for step in range(returns.shape[1]):
            known.set_label(returns[:, step])
            booster = lightgbm.train(self._parameters(seed), known, num_boost_round=self.trees)
            if len(past):
                expected[:, step] = booster.predict(past, num_threads=1)
        return price_at(samples, origins, expected)

    def _parameters(self, seed: int) -> dict[str, Any]:
        return {
            "objective": LOSSES[self.loss],
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": self.min_leaf,
            "num_threads": 1,
            "seed": seed,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }


def _import_lightgbm() -> Any:
    try:
        import lightgbm
    except ModuleNotFoundError:
        raise MissingPackageError("lightgbm", "the model lightgbm", "coincast[boost]") from None
    return lightgbm
