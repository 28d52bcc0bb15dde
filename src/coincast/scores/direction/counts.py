"""What a hit rate means: its interval, the rate that pays for the costs, and how many forecasts tell it from chance."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from coincast.errors import UsageError
from coincast.scores.quantiles import wilson_interval
from coincast.scores.significance import ALPHA, POWER

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

CHANCE = 0.5
BLOCKS_PER_OVERLAP = 3
"""A block of the bootstrap is this many times as long as targets overlap."""


def hit_rate_needed(cost: float, mean_move: float) -> float:
    """Hit rate at which a trader who turns round at every forecast neither wins nor loses.

    `0.5 + cost / (2 E|r|)`: a hit earns the size of the move, a miss loses it, and every round trip costs. It assumes
    that hits and misses meet moves of the same mean size. Above 1 no hit rate is enough.

    Args:
        cost: of a round trip, as a share of the price: 0.001 is 0.1 %.
        mean_move: mean |price / last price - 1| of the moves, above 0.

    Example:
        >>> round(hit_rate_needed(0.001, 0.0035), 2)
        0.64
    """
    return CHANCE + cost / (2 * mean_move)


def forecasts_to_tell(hit_rate: float) -> tuple[int, int] | None:
    """How many independent forecasts tell a hit rate from 50 %, two-sided at 5 %.

    With p the true rate and d = |p - 1/2|, the normal approximation to the binomial gives `(z_0.975 / 2)^2 / d^2` for a
    rate that is just significant when it is seen, and `(z_0.975 / 2 + z_0.80 sqrt(p (1 - p)))^2 / d^2` for a test that
    finds it in 80 % of all samples.

    Returns:
        Both, rounded up; None at 50 %, which no number tells from 50 %.

    Example:
        >>> forecasts_to_tell(0.55)
        (385, 783)
    """
    distance = abs(hit_rate - CHANCE)
    if distance < 1e-9:
        return None
    at_chance = float(ndtri(1 - ALPHA / 2)) * CHANCE
    at_rate = float(ndtri(POWER)) * math.sqrt(hit_rate * (1 - hit_rate))
    return math.ceil((at_chance / distance) ** 2), math.ceil(((at_chance + at_rate) / distance) ** 2)


def article_direction(actual: Floats, predicted: Floats) -> tuple[int, int]:
    """Direction by the formula of the 2019 LSTM tutorial of FMZ (article 3), to repeat its figure and for nothing else.

    It compares `actual[i + 1] > actual[i]` with `predicted[i + 1] > actual[i]`, one entry per window. Where windows
    jump by s candles, the forecast has seen s - 1 of the s moves that it is asked about: copying the last price scores
    1 - arccos(sqrt(1 - 1 / s)) / pi on a random walk, 0.898 at the article's s = 10. `judge_direction` asks fairly.

    Args:
        actual: last target of each window, in order of time.
        predicted: the forecasts of the same.

    Returns:
        Equal directions, and pairs compared (one fewer than windows); a tie counts as a fall on both sides.

    Raises:
        UsageError: the two differ in length, or there are fewer than two windows.
    """
    if actual.shape != predicted.shape or actual.size < 2:
        raise UsageError(
            f"the article's formula was given {actual.size} targets and {predicted.size} forecasts; it compares "
            "neighbouring windows, so it needs as many forecasts as targets, and at least two"
        )
    went, said = actual[1:] > actual[:-1], predicted[1:] > actual[:-1]
    return int((went == said).sum()), went.size


def block_length(origins: int, overlapping: int) -> int:
    """Origins in a block of the bootstrap: the larger of three times the overlap and the cube root of their number."""
    return min(origins, max(BLOCKS_PER_OVERLAP * overlapping, math.ceil(float(np.cbrt(origins)))))


def interval_of_share(
    hits: Counts, trials: Counts, *, block: int, seed: int, repetitions: int
) -> tuple[float, float] | None:
    """The 95 % interval of a share whose trials depend on their neighbours, by the circular block bootstrap.

    Blocks of `block` successive origins are drawn with replacement until they are as many as there are origins, and
    hits and trials are summed (Politis and Romano 1992). With m = n / block, the interval is the seen share plus and
    minus t_0.975 sqrt(m / (m - 1)) times the spread of the drawn ones, Student t with m - 1 degrees of freedom, cut at
    0 and 1: the percentiles themselves cover too little where blocks are few (88 % at 20 origins per overlap). Where
    all trials hit, or none does, so do all that are drawn, and their spread says nothing: then it is Wilson's interval,
    as if each block were one trial.

    Args:
        hits: hits at each origin, in order of time.
        trials: trials at each origin; origins without any stay, so that neighbours stay neighbours.
        block: origins in a block (`block_length`).
        seed: of the draws.
        repetitions: samples drawn.

    Returns:
        Both ends, None where fewer than two blocks fit.
    """
    n = hits.size
    if n < 2 * block or not trials.any():
        return None
    share, blocks = float(hits.sum() / trials.sum()), n / block
    if share in (0, 1):
        return wilson_interval(share, min(blocks, int(np.count_nonzero(trials))))
    sums = [_block_sums(values, block) for values in (hits, trials)]
    starts = np.random.default_rng(seed).integers(n, size=(repetitions, math.ceil(n / block)))
    drawn_hits, drawn = (each[starts].sum(axis=1) for each in sums)
    shares = drawn_hits[drawn > 0] / drawn[drawn > 0]
    half = float(stdtrit(blocks - 1, 1 - ALPHA / 2)) * float(shares.std()) * math.sqrt(blocks / (blocks - 1))
    return max(0.0, share - half), min(1.0, share + half)


def _block_sums(values: Counts, block: int) -> Counts:
    """Sum of the block that begins at each origin, the series taken as a circle."""
    running = np.concatenate([[0], np.cumsum(np.concatenate([values, values[: block - 1]]))])
    return np.asarray(running[block:] - running[:-block])
