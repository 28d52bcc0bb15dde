"""How often does the decisive test reject a null that is true? Run: python proofs/size_of_the_test.py

The null is exact. A price walks without drift, with fat-tailed shocks; one forecast is the last close plus e, the other
the last close minus e, in logs, with e independent of the future: a first-order autoregression over origins, so that a
forecaster who is too high today is too high tomorrow. By symmetry both miss by the same on average. Losses are absolute
log errors, averaged over steps 1 to h, and every candle is an origin, so that h successive origins overlap. e grows
with the square root of the step and is as large as the move over it.

One step ahead the differences are uncorrelated whatever the persistence of e, because the sign of the shock is new
every time; h steps ahead they are correlated over h - 1 origins, times the persistence. That is the reading behind the
figures below. Were the differences themselves a first-order autoregression of 0.9, no test could hold its size at 20
origins; the last lines of the output show it.

Beside ours: Diebold-Mariano with the Harvey-Leybourne-Newbold factor (Bartlett weights, as in statsmodels).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from coincast.scores.significance import compare_losses, diebold_mariano

Floats = NDArray[np.float64]

SETTINGS = [(1, 20, 0.9), (1, 60, 0.9), (1, 500, 0.9), (5, 100, 0.9), (5, 300, 0.9), (24, 480, 0.9), (24, 960, 0.9)]
"""Horizon, origins and persistence that the tests run."""
ALL_SETTINGS = [(h, m * h, r) for h in (1, 5, 24) for m in (20, 40, 100) for r in (0.0, 0.5, 0.9, 0.98)]


def null_losses(
    horizon: int, n: int, persistence: float, *, samples: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Losses of both forecasts, (samples, n) each."""
    shocks = rng.standard_t(4, (samples, n + horizon - 1)) / np.sqrt(2)
    noise = rng.standard_normal((samples, n))
    start = rng.standard_normal((samples, 1)) * persistence
    bias = lfilter([np.sqrt(1 - persistence**2)], [1, -persistence], noise, zi=start, axis=1)[0]
    move = np.zeros((samples, n))
    above, below = np.zeros((samples, n)), np.zeros((samples, n))
    for step in range(1, horizon + 1):
        move += shocks[:, step - 1 : step - 1 + n]
        above += np.abs(move - np.sqrt(step) * bias)
        below += np.abs(move + np.sqrt(step) * bias)
    return above / horizon, below / horizon


def share_rejected(horizon: int, n: int, persistence: float, *, samples: int, seed: int) -> float:
    """Share of samples in which the decisive test finds a difference at 5 %."""
    ours, other = null_losses(horizon, n, persistence, samples=samples, rng=np.random.default_rng(seed))
    found = [compare_losses(a, b, overlapping=horizon).p for a, b in zip(ours, other, strict=True)]
    return float(np.mean([p is not None and p < 0.05 for p in found]))


def main(samples: int = 10_000) -> None:
    """Print the share of rejections for every setting."""
    print(f"{samples:,} samples each; a true share of 5 % shows as 4.6 to 5.4 %\n")
    print("horizon  origins  persistence   ours   Diebold-Mariano")
    for horizon, n, persistence in ALL_SETTINGS:
        ours, other = null_losses(horizon, n, persistence, samples=samples, rng=np.random.default_rng(n))
        pairs = list(zip(ours, other, strict=True))
        decisive = np.mean([compare_losses(a, b, overlapping=horizon).p < 0.05 for a, b in pairs])  # type: ignore[operator]
        usual = np.mean([diebold_mariano(a - b, horizon=horizon)[1] < 0.05 for a, b in pairs])  # type: ignore[operator]
        print(f"{horizon:7}  {n:7}  {persistence:11}  {decisive:5.1%}  {usual:5.1%}")
    rng = np.random.default_rng(0)
    for n in (20, 200, 2000):
        series = lfilter([1], [1, -0.9], rng.standard_normal((2000, n + 200)), axis=1)[:, 200:] + 100
        level = np.full(n, 100.0)
        share = np.mean([compare_losses(row, level, overlapping=1).p < 0.05 for row in series])  # type: ignore[operator]
        print(f"differences that are themselves an autoregression of 0.9, {n} origins: {share:.1%}")


if __name__ == "__main__":
    main()
