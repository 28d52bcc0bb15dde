"""Tests between scores of runs: paired over seeds, and between the repeats of two settings.

Scores are squared errors, which spread over decades, so that ranks and ratios are looked at rather than means; Welch's
test of the means is here because it is what the published figures allow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from coincast.articles.huang.blocks import Floats
from coincast.reports.palette import BETTER, NOT_DISTINGUISHABLE, WORSE
from coincast.scores.significance import ALPHA, adjust_holm


@dataclass(frozen=True)
class Paired:
    """Two rows of scores, seed by seed.

    Attributes:
        ratio: median of the first over the second; below 1 where the first is better.
        wins: seeds at which the first is better.
        seeds: of both.
        p: two-sided, of Wilcoxon's signed ranks of the logarithms of the ratios.
    """

    ratio: float
    wins: int
    seeds: int
    p: float


def compare_paired(scores: Floats, others: Floats) -> Paired:
    """Compare scores of the same seeds; a run that failed leaves its pair out."""
    from scipy.stats import wilcoxon

    known = np.isfinite(scores) & np.isfinite(others) & (scores > 0) & (others > 0)
    logs = np.log(scores[known] / others[known])
    if logs.size == 0:
        return Paired(math.nan, 0, 0, 1.0)
    p = float(wilcoxon(logs).pvalue) if np.any(logs != 0) else 1.0
    return Paired(float(np.exp(np.median(logs))), int((logs < 0).sum()), int(logs.size), p)


def fewest_seeds() -> int:
    """Seeds from which on a sign that is the same for all of them is significant alone: 2 / 2^n < 5 %."""
    return 1 + math.ceil(math.log2(1 / ALPHA))


def list_paired(pairs: dict[str, tuple[Floats, Floats]]) -> pl.DataFrame:
    """Several paired comparisons with Holm's adjustment: `question, ratio, wins, seeds, p, p_holm, word`.

    The word is about the first of each pair: `better`, `worse` or `not distinguishable`.
    """
    made = {name: compare_paired(*pair) for name, pair in pairs.items()}
    adjusted = adjust_holm(np.array([one.p for one in made.values()]))
    return pl.DataFrame(
        [
            {"question": name, **vars(one), "p_holm": float(p), "word": give_word(one.ratio < 1, float(p))}
            for (name, one), p in zip(made.items(), adjusted, strict=True)
        ]
    )


def give_word(is_less: bool, p: float) -> str:
    """The word on an error, by whether it is the smaller one, and the p value of the difference."""
    return NOT_DISTINGUISHABLE if not p < ALPHA else BETTER if is_less else WORSE


def welch(scores: Floats, control: Floats) -> tuple[float, float]:
    """Welch's t of two means, positive where the scores are lower than the control, and its two-sided p."""
    from scipy.stats import ttest_ind

    if min(scores.size, control.size) < 2 or (np.ptp(scores) == 0 and np.ptp(control) == 0):
        return math.nan, 1.0
    found = ttest_ind(control, scores, equal_var=False)
    return float(found.statistic), float(found.pvalue)


def welch_of_figures(mean: float, std: float, control: float, control_std: float, n: int) -> tuple[float, float]:
    """The same from published means and standard deviations of n repeats each."""
    from scipy.stats import ttest_ind_from_stats

    found = ttest_ind_from_stats(control, control_std, n, mean, std, n, equal_var=False)
    return float(found.statistic), float(found.pvalue)


def rank_test(scores: Floats, control: Floats) -> tuple[float, float]:
    """Probability that a score is below one of the control, ties counted half, and Mann-Whitney's two-sided p."""
    from scipy.stats import mannwhitneyu

    if np.ptp(np.concatenate([scores, control])) == 0:
        return 0.5, 1.0
    found = mannwhitneyu(control, scores, alternative="two-sided")
    return float(found.statistic) / (scores.size * control.size), float(found.pvalue)


def describe_scores(scores: Floats) -> dict[str, Any]:
    """pandas' describe() of some scores: count, mean, std (n - 1), min, quartiles, max."""
    quartiles = np.quantile(scores, (0.25, 0.5, 0.75))
    return {
        "count": scores.size,
        "mean": float(scores.mean()),
        "std": float(scores.std(ddof=1)) if scores.size > 1 else math.nan,
        "min": float(scores.min()),
        **dict(zip(("25 %", "50 %", "75 %"), map(float, quartiles), strict=True)),
        "max": float(scores.max()),
    }
