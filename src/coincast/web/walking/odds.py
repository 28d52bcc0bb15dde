"""How often a random walk looks like a forecast, and how often it is one: many seeds on one market."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from coincast.articles.sheehan.walks import walk_for_seed
from coincast.scores.point import floor_price
from coincast.scores.significance import ALPHA, compare_losses
from coincast.web.walking.ground import WalkGround

ALIKE = 0.8
"""Correlation with the price from which a line is said to look like it."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Odds:
    """Counts over many walks of one market.

    Attributes:
        walks, steps: how many walks, of how many steps.
        looks_alike: full walks whose correlation with the price is above `ALIKE`.
        beats_flat: full walks with a smaller mean error than the flat line from the last known price.
        close_fit: single-point lines whose correlation with the price is above `ALIKE`.
        beats_naive: single-point lines with a smaller mean error than the close before.
        judged_better: single-point lines that the judge calls better than naive, each judged alone.
        ends: `QUANTILES` of the last prices of the full walks.
        actual: the last price.
    """

    walks: int
    steps: int
    looks_alike: int
    beats_flat: int
    close_fit: int
    beats_naive: int
    judged_better: int
    ends: tuple[float, ...]
    actual: float

    @property
    def sentence(self) -> str:
        """What a reader should take home."""
        return (
            f"Of {self.walks} random walks, {self.looks_alike} look like the price (correlation above {ALIKE:g}) and "
            f"{self.beats_flat} err less than a flat line, all by luck. Told the last price at every step, "
            f"{self.close_fit} look like it, and the judge calls {self.judged_better} of them better than naive."
        )


def count_odds(ground: WalkGround, seeds: Sequence[int]) -> Odds:
    """Draw the walk of every seed, as the slider does, and count."""
    parts, samples = ground.coin.task.parts, ground.coin.task.samples
    actual = samples.close[parts.test.first : parts.test.end]
    last = samples.close[parts.test.first - 1 : parts.test.end - 1]
    walks = [walk_for_seed(samples, training=parts.train, span=parts.test, seed=seed) for seed in seeds]
    single = np.array([walk.single_point for walk in walks])
    full = np.array([walk.full_interval for walk in walks])
    flat_error = np.abs(last[0] - actual).mean()
    return Odds(
        walks=len(walks),
        steps=actual.size,
        looks_alike=int((correlate(full, actual) > ALIKE).sum()),
        beats_flat=int((np.abs(full - actual).mean(axis=1) < flat_error).sum()),
        close_fit=int((correlate(single, actual) > ALIKE).sum()),
        beats_naive=int((np.abs(single - actual).mean(axis=1) < np.abs(last - actual).mean()).sum()),
        judged_better=sum(is_better(line, actual, last) for line in single),
        ends=tuple(np.quantile(full[:, -1], QUANTILES).tolist()),
        actual=float(actual[-1]),
    )


def correlate(lines: Float[np.ndarray, "walk step"], actual: Float[np.ndarray, "step"]) -> Float[np.ndarray, "walk"]:
    """Correlation of each line with the price; 0 for a line that never moves."""
    own, other = lines - lines.mean(axis=1, keepdims=True), actual - actual.mean()
    size = np.sqrt((own**2).sum(axis=1) * (other**2).sum())
    return np.asarray(np.divide(own @ other, size, out=np.zeros(len(lines)), where=size > 0))


def is_better(
    line: Float[np.ndarray, "step"], actual: Float[np.ndarray, "step"], last: Float[np.ndarray, "step"]
) -> bool:
    """Whether the judge calls a line of one-step forecasts better than the last known price."""
    losses = np.abs(np.log(floor_price(line, last) / actual))
    compared = compare_losses(losses, np.abs(np.log(last / actual)), overlapping=1)
    return compared.p is not None and compared.p < ALPHA and compared.loss < compared.naive
