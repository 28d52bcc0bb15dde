"""Do intervals cover what they say? Run: python proofs/conformal.py

1. Markets of independent moves: the mean coverage of split conformal intervals beside its theoretical value
   k / (n + 1), k = ceil((n + 1) coverage), unscaled (where the theorem is exact) and scaled by the volatility known.
2. Clustered markets (`walk`): the mean coverage and its spread over the markets, by method and horizon.
3. The same and harder markets: adaptive intervals inside their theorem's bound, market by market.
4. A break: the volatility of the moves trebles. Coverage before, just after and later, by method: unscaled intervals
   that do not adapt fail for good, all others come back to within three points.
5. `walk` again: the interval score beside the naive interval's; one decisive test per market, and their mean.

The forecast is the last close; 250 forecasts to calibrate on, and 250, 500 or 1,000 to judge.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.candles.table import add_intervals
from coincast.forecasts.conformal import adaptive_bound, conformal_rank
from coincast.forecasts.intervals import make_intervals
from coincast.forecasts.residuals import FEWEST_MOVES
from coincast.scores.interval import score_intervals
from coincast.scores.significance import adjust_holm
from coincast.sources.simulated import simulate

Floats = NDArray[np.float64]
Draw = Callable[[int, int], Floats]
"""(candles, number of the market) -> prices."""

LEVELS = (0.05, 0.1, 0.9, 0.95)
PAST = 250


@dataclass(frozen=True)
class Judged:
    """One method on some markets.

    Attributes:
        covered: whether prices were covered, coverage -> (markets, forecasts), all steps of a market after each other.
        infinite: share of infinite intervals, by coverage.
        scores: rows of the score table.
    """

    covered: dict[float, NDArray[np.bool_]]
    infinite: dict[float, float]
    scores: pl.DataFrame


def independent(candles: int, market: int) -> Floats:
    """Independent fat-tailed moves of a constant volatility."""
    moves = 0.02 * np.random.default_rng([1, market]).standard_t(4, candles)
    return np.asarray(100 * np.exp(np.cumsum(moves)))


def clustered(candles: int, market: int) -> Floats:
    """A market of `walk`, each from a seed of its own."""
    return simulate("walk", candles=candles, seed=10_000 + market)["close"].to_numpy()


def broken(candles: int, market: int) -> Floats:
    """Independent moves whose volatility trebles in the middle of what is judged after 250 + 20 candles."""
    moves = 0.02 * np.random.default_rng([2, market]).standard_t(4, candles)
    start = PAST + FEWEST_MOVES
    moves[start + (candles - start) // 2 :] *= 3
    return np.asarray(100 * np.exp(np.cumsum(moves)))


def growing(candles: int, market: int) -> Floats:
    """Moves that grow without end: 1 % a candle."""
    moves = 1e-5 * np.exp(0.01 * np.arange(candles)) * np.random.default_rng([3, market]).standard_normal(candles)
    return np.asarray(100 * np.exp(np.cumsum(moves)))


def last_close_forecasts(
    draw: Draw, markets: int, *, forecasts: int, horizon: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The last close as forecast of every step: the rows to judge, and 250 origins or more to calibrate on."""
    past = PAST + FEWEST_MOVES + horizon - 1
    candles = past + forecasts + horizon
    origins = np.arange(candles - horizon)
    start = pl.Series(["2000-01-01"]).str.to_datetime(time_unit="ms", time_zone="UTC")
    times = pl.DataFrame({"n": np.arange(candles)}).select(add_intervals(pl.lit(start[0]), "1d", pl.col("n")))
    closes = times.to_series().cast(pl.Datetime("ms", "UTC"))
    parts = []
    for market in range(markets):
        prices = draw(candles, market)
        for step in range(1, horizon + 1):
            known = {"value": prices[origins], "last_close": prices[origins], "actual": prices[origins + step]}
            place = {"origin": closes[origins], "target_time": closes[origins + step]}
            named = {"market": pl.lit(f"made:M{market}/USD"), "step": pl.lit(step, dtype=pl.Int64)}
            parts.append(pl.DataFrame({**place, **known}).with_columns(**named))
    keys = {"interval": "1d", "model": "last close", "quantity": "price"}
    table = pl.concat(parts).with_columns(pl.lit(value).alias(name) for name, value in keys.items())
    table = table.with_columns(run=pl.lit(0, dtype=pl.Int64), trained_until=pl.lit(closes[0]))
    border = closes[past]
    return table.filter(pl.col("origin") >= border), table.filter(pl.col("target_time") <= border)


def judge(
    draw: Draw, markets: int, *, method: str, forecasts: int, horizon: int = 1, scaled: bool = True, score: bool = False
) -> Judged:
    """Make intervals on some markets and see what they cover."""
    now, past = last_close_forecasts(draw, markets, forecasts=forecasts, horizon=horizon)
    made = make_intervals(now, past, method=method, levels=LEVELS, scaled=scaled).table
    keys = ["market", "step", "origin"]
    joined = made.join(now.select(*keys, "actual"), on=keys, how="left").sort(keys)
    covered, infinite = {}, {}
    for coverage, (low, high) in {0.9: ("q05", "q95"), 0.8: ("q10", "q90")}.items():
        held = joined.select((pl.col(low) <= pl.col("actual")) & (pl.col("actual") <= pl.col(high))).to_series()
        covered[coverage] = held.to_numpy().reshape(markets, -1)
        infinite[coverage] = float(joined[high].is_infinite().mean())  # type: ignore[arg-type]
    scores = score_intervals(now, made, calibration=past) if score else pl.DataFrame()
    return Judged(covered, infinite, scores)


def theoretical(coverage: float, *, scaled: bool) -> float:
    """k / (n + 1), with the calibration forecasts that a horizon of one leaves."""
    rows = PAST + (0 if scaled else FEWEST_MOVES)
    return conformal_rank(rows, coverage) / (rows + 1)


def interval_ratio(judged: Judged, coverage: float) -> tuple[float, int, int]:
    """Mean interval score over the naive interval's mean, and markets significantly better and worse after Holm."""
    metric = f"interval_score_{100 * coverage:.0f}"
    rows = judged.scores.filter((pl.col("metric") == metric) & (pl.col("step") == 0))
    is_found = adjust_holm(rows["p"].to_numpy()) < 0.05
    is_less = (rows["value"] < rows["naive"]).to_numpy()
    ratio = float((rows["value"] / rows["naive"]).mean())  # type: ignore[arg-type]
    return ratio, int((is_found & is_less).sum()), int((is_found & ~is_less).sum())


def pooled_difference(judged: Judged, coverage: float) -> tuple[float, float]:
    """Mean over independent markets of interval score over naive's, less 1, and its standard error."""
    metric = f"interval_score_{100 * coverage:.0f}"
    rows = judged.scores.filter((pl.col("metric") == metric) & (pl.col("step") == 0))
    ratios = (rows["value"] / rows["naive"]).to_numpy() - 1
    return float(ratios.mean()), float(ratios.std(ddof=1) / np.sqrt(ratios.size))


def after_break(judged: Judged, coverage: float, spans: Sequence[slice]) -> list[float]:
    """Mean coverage over spans of the forecasts."""
    return [float(judged.covered[coverage][:, span].mean()) for span in spans]


def main(markets: int = 400) -> int:
    """Print all figures; 0 where every bound holds."""
    faults = 0

    def verdict(is_held: bool) -> str:
        nonlocal faults
        faults += not is_held
        return "holds" if is_held else "FAILS"

    print(f"1. {markets} markets of independent moves, 1,000 forecasts: mean coverage beside k / (n + 1)")
    for scaled in (False, True):
        found = judge(independent, markets, method="split", forecasts=1000, scaled=scaled)
        for coverage in (0.9, 0.8):
            share, truth = float(found.covered[coverage].mean()), theoretical(coverage, scaled=scaled)
            word = verdict(abs(share - truth) <= 0.005)
            print(f"   {'scaled' if scaled else 'unscaled':8} {coverage:.0%}  {share:.2%}  theory {truth:.2%}  {word}")

    print(f"\n2. and 3. {markets} clustered markets, 500 forecasts: mean and spread of the coverage of 90 % intervals")
    for horizon in (1, 5):
        bound = adaptive_bound(0.9, 500, overlapping=horizon)
        for method, scaled in (("split", False), ("split", True), ("residual", True), ("adaptive", True)):
            found = judge(clustered, markets, method=method, forecasts=500, horizon=horizon, scaled=scaled)
            # Each step is a sequence of its own, with a bound of its own.
            shares = found.covered[0.9].reshape(markets, horizon, -1).mean(axis=2)
            word = (
                f"  bound {bound:.1%} {verdict(bool((abs(shares - 0.9) <= bound).all()))}"
                if method == "adaptive"
                else ""
            )
            print(
                f"   horizon {horizon}  {method:8} {'scaled' if scaled else 'unscaled':8}  mean {shares.mean():.1%}  "
                f"deviation {shares.std():.1%}  from {shares.min():.1%} to {shares.max():.1%}  "
                f"infinite {found.infinite[0.9]:.2%}{word}"
            )
    print("   harder ones, adaptive and unscaled, 1,000 forecasts:")
    for draw in (broken, growing):
        for horizon in (1, 5):
            found = judge(draw, markets // 4, method="adaptive", forecasts=1000, horizon=horizon, scaled=False)
            bound = adaptive_bound(0.9, 1000, overlapping=horizon)
            worst = abs(found.covered[0.9].reshape(-1, 1000).mean(axis=1) - 0.9).max()
            word = verdict(worst <= bound)
            print(f"   {draw.__name__:8} horizon {horizon}  farthest {worst:.1%}  bound {bound:.1%}  {word}")

    print(f"\n4. {markets // 2} markets whose volatility trebles at forecast 500 of 1,000: coverage of 90 % intervals")
    spans = {"before": slice(400, 500), "first 100 after": slice(500, 600), "last 250": slice(750, 1000)}
    for method, scaled in (
        ("split", False),
        ("residual", False),
        ("adaptive", False),
        ("split", True),
        ("adaptive", True),
    ):
        found = judge(broken, markets // 2, method=method, forecasts=1000, scaled=scaled)
        shares = after_break(found, 0.9, list(spans.values()))
        figures = "  ".join(f"{name} {share:.1%}" for name, share in zip(spans, shares, strict=True))
        is_plain = method != "adaptive" and not scaled
        word = f"  {verdict(shares[-1] < 0.7 if is_plain else abs(shares[-1] - 0.9) < 0.03)}"
        print(
            f"   {method:8} {'scaled' if scaled else 'unscaled':8}  {figures}  infinite {found.infinite[0.9]:.2%}{word}"
        )

    print(f"\n5. {markets} clustered markets, 500 forecasts: interval score over the naive interval's")
    for horizon in (1, 5):
        for method in ("split", "residual", "adaptive"):
            found = judge(clustered, markets, method=method, forecasts=500, horizon=horizon, score=True)
            for coverage in (0.9, 0.8):
                ratio, better, worse = interval_ratio(found, coverage)
                mean, error = pooled_difference(found, coverage)
                word = f"  {verdict(worse == 0 and mean <= 1.96 * error)}" if method != "residual" else ""
                print(
                    f"   horizon {horizon}  {method:8} {coverage:.0%}  mean ratio {ratio:.4f} +- {1.96 * error:.4f}  "
                    f"after Holm better on {better}, worse on {worse}{word}"
                )
    return faults


if __name__ == "__main__":
    sys.exit(main())
