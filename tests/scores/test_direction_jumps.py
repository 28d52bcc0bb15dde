"""The share of directions that a copy scores where windows jump, against a simulated random walk."""

from __future__ import annotations

import numpy as np
import pytest

from coincast.errors import UsageError
from coincast.scores.direction import article_direction
from coincast.scores.direction.jumps import jump_hit_rate


@pytest.mark.parametrize(("jump", "error"), [(10, 0.0), (10, 1.0), (10, 1.6), (4, 0.5), (2, 0.0)])
def test_a_random_walk_scores_what_the_formula_says(jump: int, error: float) -> None:
    rng = np.random.default_rng(jump)
    windows = 200_000
    price = np.cumsum(rng.standard_normal(windows * jump + 1))
    targets = price[jump::jump]
    known = price[jump - 1 :: jump][:windows] + error * rng.standard_normal(windows)
    hits, pairs = article_direction(targets, known)
    assert hits / pairs == pytest.approx(jump_hit_rate(jump, error=error), abs=0.004)


def test_the_articles_figures() -> None:
    """89.8 % for a copy; 81.4 % corresponds to an error of about 1.6 standard deviations of a move."""
    assert jump_hit_rate(10) == pytest.approx(0.898, abs=0.0005)
    assert jump_hit_rate(10, error=1.6) == pytest.approx(0.814, abs=0.003)
    assert jump_hit_rate(1) == 0.5


@pytest.mark.parametrize(("jump", "error"), [(0, 0.0), (10, -1.0), (10, float("nan"))])
def test_what_is_no_jump_or_no_error_is_refused(jump: int, error: float) -> None:
    with pytest.raises(UsageError, match="allowed"):
        jump_hit_rate(jump, error=error)
