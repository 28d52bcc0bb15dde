"""The random walks of article 0: its draws, its slider, its score and the corrected one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl
from jaxtyping import Float

from coincast.articles.sheehan.ground import Coin
from coincast.models.random_walk import Scenario, change_law, draw_changes, full_interval
from coincast.samples.samples import Samples
from coincast.samples.splits import Part


def walk_for_seed(samples: Samples, *, training: Part, span: Part, seed: int) -> Scenario:
    """Both walks of one market over a span, as the slider of article 0 draws them for a seed.

    The full interval takes the draws oldest candle first. The single points take them newest first: the article's
    table begins with its newest row.

    Args:
        samples: candles of the market.
        training: rows that mean and deviation of the changes are taken from.
        span: rows to fill, not the first of all.
        seed: of the draws.

    Example:
        >>> from coincast.samples.samples import make_samples
        >>> from coincast.sources.simulated import simulate
        >>> candles = simulate("walk", candles=100)
        >>> given = dict(market="simulated:WALK1/USD", inputs=["simulated:WALK1/USD"], features=["close"])
        >>> samples = make_samples(candles, **given, lookback=10, horizon=1, target="window_change")
        >>> len(walk_for_seed(samples, training=Part(0, 70), span=Part(70, 100), seed=205).full_interval)
        30
    """
    return walks_for_seed([samples], training=training, span=span, seed=seed)[0]


def walks_for_seed(samples: Sequence[Samples], *, training: Part, span: Part, seed: int) -> list[Scenario]:
    """The same for several markets, one drawn after the other from one seed, as in the pictures of the article."""
    draws = draw_changes([change_law(one, training) for one in samples], len(span), seed=seed)
    return [_walk(one, span, changes) for one, changes in zip(samples, draws, strict=True)]


def _walk(samples: Samples, span: Part, changes: Float[np.ndarray, "candle"]) -> Scenario:
    before = samples.close[span.first - 1 : span.end - 1]
    return Scenario(before * (1 + changes[::-1]), full_interval(float(before[0]), changes))


def score_walks(coin: Coin, seeds: Iterable[int]) -> pl.DataFrame:
    """The walk's error on the test windows in the unit of the article, scored in its way and in the right one.

    Its way compares one day's step with the change over the whole window: the walk is never told yesterday's price,
    which the network is. The right way lets the same step begin at the last known close. Draws are afresh for every
    coin and seed, the oldest window first.

    Returns:
        seed, `article` and `corrected`: mean |forecast - close / first close|.
    """
    law, count = change_law(coin.task.samples, coin.task.parts.train), len(coin.task.test)
    rows = []
    for seed in seeds:
        (changes,) = draw_changes([law], count, seed=seed)
        told = {"article": coin.first * (1 + changes), "corrected": coin.last * (1 + changes)}
        rows.append({"seed": seed, **{name: coin.error_of(forecast) for name, forecast in told.items()}})
    return pl.DataFrame(rows)


def yardsticks(coin: Coin) -> dict[str, float]:
    """What needs no network, on the test windows and in the unit of the article.

    lag: the price stays where it is. drift: it grows by the walk's mean. still: it is what it was when the window
    began. regression: see `forecast_by_regression`.
    """
    mean, _ = change_law(coin.task.samples, coin.task.parts.train)
    return {
        "lag": coin.error_of(coin.last),
        "drift": coin.error_of(coin.last * (1 + mean)),
        "still": coin.error_of(coin.first),
        "regression": coin.error_of(forecast_by_regression(coin)),
    }


def forecast_by_regression(coin: Coin) -> Float[np.ndarray, "window"]:
    """Least squares with an intercept on the closes of a window after its first, all relative to that one."""
    task = coin.task

    def inputs(closes: Float[np.ndarray, "window lookback"]) -> Float[np.ndarray, "window term"]:
        return np.column_stack([np.ones(len(closes)), closes[:, 1:] / closes[:, :1] - 1])

    samples = task.samples
    learnt = samples.future_close(task.training)[:, 0] / samples.first_close(task.training) - 1
    terms, *_ = np.linalg.lstsq(inputs(samples.close[task.training.past_rows]), learnt, rcond=None)
    return np.asarray((1 + inputs(samples.close[task.test.past_rows]) @ terms) * coin.first)
