"""The pooled test over coins: its size at an exact null of coins that move together, and its edges."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from coincast.scores.further import Options
from coincast.scores.pooled import pool_markets
from coincast.scores.significance import compare_losses

OPTIONS = Options()
NOTHING = pl.DataFrame()


def noisy(share: float, seed: int):
    def forecast(last: np.ndarray, actual: np.ndarray) -> np.ndarray:
        noise = np.exp(0.01 * np.random.default_rng(seed).standard_normal(last.size))
        return last * (actual / last) ** share * noise

    return forecast


def markets(make_forecasts, *, n: int = 100, steps: int = 1, share: float = 0.1, model: str = "model") -> list:
    return [
        make_forecasts(noisy(share, seed), n=n, steps=steps, market=f"made:M{seed}/USD", seed=seed, model=model)
        for seed in range(3)
    ]


def make_null(samples: int, n: int) -> pl.DataFrame:
    """`samples` models on three coins that share two thirds of their shocks, each exactly as good as naive.

    The return is e / 2 plus a symmetric shock and the forecast is e, so that forecast and no change are equally far
    from the middle of the return: by symmetry both miss by the same on average. A model guesses the same for all coins,
    so that its luck is shared.
    """
    rng = np.random.default_rng(7)
    guess = 0.02 * np.sign(rng.standard_normal((samples, 1, n))) * np.ones((1, 3, 1))
    shared, own = rng.standard_t(4, (samples, 1, n)), rng.standard_t(4, (samples, 3, n))
    change = guess / 2 + 0.02 * (np.sqrt(2 / 3) * shared + np.sqrt(1 / 3) * own)
    days = pl.datetime_range(
        datetime(2020, 1, 1, tzinfo=UTC), interval="1d", end=datetime(2021, 1, 1, tzinfo=UTC), eager=True
    )
    size = samples * 3 * n
    return pl.DataFrame(
        {
            "market": pl.Series([f"made:M{coin}/USD" for coin in range(3)] * samples)[
                np.repeat(np.arange(samples * 3), n)
            ],
            "interval": "1d",
            "model": pl.Series([f"m{sample:04}" for sample in range(samples)])[np.repeat(np.arange(samples), 3 * n)],
            "run": 0,
            "quantity": "price",
            "trained_until": days[np.tile(np.arange(n), samples * 3)],
            "origin": days[np.tile(np.arange(n), samples * 3)],
            "step": 1,
            "target_time": days[np.tile(np.arange(1, n + 1), samples * 3)],
            "value": 100 * np.exp(guess.reshape(size)),
            "actual": 100 * np.exp(change.reshape(size)),
            "last_close": 100.0,
        }
    )


def test_a_true_null_is_rejected_in_five_of_a_hundred_cases() -> None:
    """Stacking the coins as if they were independent would reject far more of them."""
    n, samples = 60, 400
    table = make_null(samples, n)
    found = pool_markets(table, NOTHING, OPTIONS).table
    assert found["n"].unique().to_list() == [n]
    assert 0.025 <= (found["p"] < 0.05).mean() <= 0.08
    assert (found["p_holm"] < 0.05).sum() <= 1
    miss = pl.col("value", "last_close").log() - pl.col("actual").log()
    losses = table.sort("model", "market", "origin").select(miss.abs())
    value, naive = losses.to_numpy().T.reshape(2, samples, 3 * n)
    stacked = [compare_losses(a, b, overlapping=1).p for a, b in zip(value, naive, strict=True)]
    assert np.mean(np.array(stacked) < 0.05) > 0.12


def test_it_is_the_decisive_test_on_the_average_over_markets(make_forecasts) -> None:
    tables = markets(make_forecasts, n=150, steps=2)
    found = pool_markets(pl.concat(tables), NOTHING, OPTIONS)
    losses, naive = np.zeros(150), np.zeros(150)
    for table in tables:
        value, actual, last = (np.log(table[name].to_numpy()) for name in ("value", "actual", "last_close"))
        losses += np.abs(value - actual).reshape(150, 2).mean(axis=1) / 3
        naive += np.abs(last - actual).reshape(150, 2).mean(axis=1) / 3
    compared = compare_losses(losses, naive, overlapping=2)
    row = found.table.row(0, named=True)
    for name in ("n", "loss", "naive", "skill", "low", "high", "statistic", "p"):
        assert row[name] == pytest.approx(getattr(compared, name)), name
    assert (row["markets"], row["p_holm"], row["verdict"]) == (3, row["p"], "better")
    assert found.notes == ()


def test_origins_that_not_every_market_has_are_left_out_and_counted(make_forecasts) -> None:
    first, second, third = markets(make_forecasts)
    found = pool_markets(pl.concat([first[10:], second[:90], third]), NOTHING, OPTIONS)
    assert found.table["n"].to_list() == [80]
    assert found.notes == ("the pooled test leaves out 20 of 100 origins of model: not every market has them",)


def test_fewer_than_two_markets_are_told(make_forecasts) -> None:
    found = pool_markets(markets(make_forecasts)[0], NOTHING, OPTIONS)
    assert found.table.is_empty()
    assert found.notes == ("the pooled test needs at least 2 markets and is left out for model: on 1 only",)


def test_too_few_origins_get_their_word_and_naive_no_row(make_forecasts) -> None:
    naive = [table.with_columns(value=pl.col("last_close")) for table in markets(make_forecasts, model="naive")]
    short = [table[:15] for table in markets(make_forecasts, model="short")]
    found = pool_markets(pl.concat([*naive, *short, *markets(make_forecasts, share=0.5)]), NOTHING, OPTIONS).table
    rows = {row["model"]: row for row in found.iter_rows(named=True)}
    assert set(rows) == {"model", "short"}
    assert (rows["short"]["verdict"], rows["short"]["p"], rows["short"]["p_holm"]) == ("too few", None, None)
    assert rows["model"]["verdict"] == "better"
    assert rows["model"]["p_holm"] == rows["model"]["p"]


def test_a_copy_of_naive_under_another_name_is_not_distinguishable(make_forecasts) -> None:
    copies = [table.with_columns(value=pl.col("last_close")) for table in markets(make_forecasts, model="lazy")]
    row = pool_markets(pl.concat(copies), NOTHING, OPTIONS).table.row(0, named=True)
    assert (row["skill"], row["p"], row["verdict"]) == (0.0, 1.0, "not distinguishable")
