"""What the intervals promise, on a few markets; `proofs/conformal.py` takes more of them."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from coincast.forecasts.conformal import adaptive_bound

PROOF = runpy.run_path(str(Path(__file__).resolve().parents[2] / "proofs" / "conformal.py"))
judge = PROOF["judge"]


@pytest.mark.parametrize("scaled", [False, True])
def test_split_covers_k_of_n_plus_one_on_independent_markets(scaled: bool) -> None:
    found = judge(PROOF["independent"], 200, method="split", forecasts=400, scaled=scaled)
    for coverage in (0.9, 0.8):
        expected = PROOF["theoretical"](coverage, scaled=scaled)
        assert found.covered[coverage].shape == (200, 400)
        assert found.covered[coverage].mean() == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize("horizon", [1, 5])
@pytest.mark.parametrize("draw", ["clustered", "broken", "growing"])
def test_adaptive_stays_inside_its_bound_on_every_market(draw: str, horizon: int) -> None:
    found = judge(PROOF[draw], 4, method="adaptive", forecasts=600, horizon=horizon, scaled=False)
    for coverage in (0.9, 0.8):
        shares = found.covered[coverage].reshape(-1, 600).mean(axis=1)
        assert (np.abs(shares - coverage) <= adaptive_bound(coverage, 600, overlapping=horizon)).all()


def test_adaptive_recovers_from_a_break_where_the_plain_one_fails() -> None:
    before, later = slice(400, 500), slice(750, 1000)
    plain, adaptive, scaled = (
        PROOF["after_break"](judge(PROOF["broken"], 10, forecasts=1000, **kind), 0.9, [before, later])
        for kind in (
            {"method": "split", "scaled": False},
            {"method": "adaptive", "scaled": False},
            {"method": "split", "scaled": True},
        )
    )
    assert [shares[0] for shares in (plain, adaptive, scaled)] == pytest.approx([0.9] * 3, abs=0.03)
    assert plain[1] < 0.6
    assert [adaptive[1], scaled[1]] == pytest.approx([0.9] * 2, abs=0.04)


@pytest.mark.parametrize("method", ["split", "adaptive"])
@pytest.mark.parametrize("horizon", [1, 5])
def test_the_interval_score_on_walk_is_not_worse_than_naive(method: str, horizon: int) -> None:
    found = judge(PROOF["clustered"], 15, method=method, forecasts=300, horizon=horizon, score=True)
    for coverage in (0.9, 0.8):
        _, _, worse = PROOF["interval_ratio"](found, coverage)
        mean, error = PROOF["pooled_difference"](found, coverage)
        assert worse == 0
        assert mean <= 1.96 * error
