"""The shifted curve: lags and hold of lines whose making is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from coincast.forecasts.table import check_forecasts
from coincast.scores.finding import Options
from coincast.scores.lag import (
    LAG_COLUMNS,
    PROFILE_COLUMNS,
    find_lag,
    lag_profile,
    lag_table,
    measure_hold,
)
from coincast.scores.lag_words import lag_sentence, name_old_price
from coincast.scores.verdict import deciding_rows, score_forecasts

Table = Callable[..., pl.DataFrame]


def copy_last(last: np.ndarray, actual: np.ndarray) -> np.ndarray:
    return last


def with_noise(share: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """The last price with independent moves of its own, whose mean size is a share of that of the real moves."""

    def forecast(last: np.ndarray, actual: np.ndarray) -> np.ndarray:
        noise = np.random.default_rng(1).standard_normal(last.size)
        return last * np.exp(share * np.abs(np.log(actual / last)).mean() * noise / np.abs(noise).mean())

    return forecast


def with_oracle(share: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """The last price moved by a share of the real move."""
    return lambda last, actual: last * (actual / last) ** share


def shifted(lag: int) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """The price of `lag` candles before the target of forecasts of one step."""
    return lambda last, actual: np.concatenate([np.repeat(last[0], lag - 1), last[: last.size - lag + 1]])


@pytest.mark.parametrize("lag", [1, 2, 5])
def test_the_lag_of_an_old_price_is_found(make_forecasts: Table, lag: int) -> None:
    found = find_lag(check_forecasts(make_forecasts(shifted(lag), n=300)))
    assert found is not None
    assert (found.candles, found.is_old_price) == (lag, True)
    assert found.distance == pytest.approx(0, abs=1e-12)


def test_the_truth_has_no_lag(make_forecasts: Table) -> None:
    found = find_lag(check_forecasts(make_forecasts(with_oracle(0.9))))
    assert found is not None
    assert (found.candles, found.is_old_price) == (0, False)


def test_distances_one_at_a_time(make_forecasts: Table) -> None:
    """A loop over lags and rows, the first rows apart, whose older prices are not in the table."""
    table = check_forecasts(make_forecasts(with_noise(0.5), n=300))
    price = dict(zip(table["origin"], table["last_close"], strict=True))
    price |= dict(zip(table["target_time"], table["actual"], strict=True))
    day = table["target_time"][1] - table["target_time"][0]
    rows = [row for row in table.to_dicts() if row["target_time"] - 10 * day in price]
    profile = lag_profile(table)
    assert profile.columns == list(PROFILE_COLUMNS)
    assert profile["lag"].to_list() == list(range(11))
    for lag, distance in zip(profile["lag"], profile["distance"], strict=True):
        slow = [abs(np.log(row["value"] / price[row["target_time"] - lag * day])) for row in rows]
        assert distance == pytest.approx(np.mean(slow))
    found = find_lag(table)
    assert found is not None
    assert profile["distance"].arg_min() == found.candles == 1
    assert profile["distance"].min() == found.distance
    assert profile["distance"][0] == found.from_truth


def test_a_profile_covers_every_market_and_model(make_forecasts: Table) -> None:
    tables = [make_forecasts(copy_last, model=model, market=market) for model in "ab" for market in ("m:A/B", "m:C/D")]
    profile = lag_profile(pl.concat(tables))
    assert profile.select("market", "model").unique().height == 4
    assert lag_profile(make_forecasts(copy_last, n=9)).is_empty()
    returns = make_forecasts(copy_last).with_columns(quantity=pl.lit("log_return"))
    assert lag_profile(returns).is_empty()


def test_a_copy_has_no_move_of_its_own(make_forecasts: Table) -> None:
    hold = measure_hold(make_forecasts(copy_last))
    assert hold is not None
    assert (hold.n, hold.own_move, hold.boldness, hold.from_last, hold.agreement) == (120, 0, 0, 1, None)


def test_the_hold_of_a_line_that_was_made_so(make_forecasts: Table) -> None:
    """Half of every real move foreseen: moves half as large, in full agreement; noise of half the size: in none."""
    half = measure_hold(make_forecasts(with_oracle(0.5), n=2_000))
    noise = measure_hold(make_forecasts(with_noise(0.5), n=2_000))
    assert half is not None
    assert noise is not None
    assert half.boldness == pytest.approx(0.5)
    assert half.agreement == pytest.approx(1)
    assert noise.boldness == pytest.approx(0.5)
    assert noise.agreement == pytest.approx(0, abs=3 / 2_000**0.5)


@pytest.mark.parametrize(("share", "is_told"), [(0.005, False), (0.0099, False), (0.0101, True)])
def test_moves_of_next_to_nothing_agree_with_nothing(make_forecasts: Table, share: float, *, is_told: bool) -> None:
    hold = measure_hold(make_forecasts(with_oracle(share)))
    assert hold is not None
    assert (hold.agreement is not None) is is_told


def test_shares_of_the_last_price_by_hand(make_forecasts: Table) -> None:
    table = make_forecasts(with_noise(0.8))
    value, last, actual = (np.log(table[name].to_numpy()) for name in ("value", "last_close", "actual"))
    hold = measure_hold(table)
    assert hold is not None
    assert hold.from_last == pytest.approx(1 - np.var(value - last) / np.var(value))
    assert hold.real_from_last == pytest.approx(1 - np.var(actual - last) / np.var(actual))
    assert hold.real_move == pytest.approx(np.abs(actual - last).mean())


def test_a_line_that_ignores_the_last_price_owes_it_nothing(make_forecasts: Table) -> None:
    free = measure_hold(make_forecasts(lambda last, actual: 80 * np.exp(0.01 * np.sin(np.arange(last.size)))))
    level = measure_hold(make_forecasts(lambda last, actual: np.full(last.size, 100.0)))
    assert free is not None
    assert level is not None
    assert free.from_last == 0
    assert level.from_last is None


def test_the_table_and_its_sentences(make_forecasts: Table) -> None:
    lines = {"copy": copy_last, "near": with_noise(0.3), "old": shifted(3), "oracle": with_oracle(0.9)}
    tables = [make_forecasts(line, model=model, n=300) for model, line in lines.items()]
    few = make_forecasts(copy_last, model="few", n=9)
    forecasts = pl.concat([*tables, few])
    finding = lag_table(forecasts, score_forecasts(forecasts), Options())
    assert finding.table.columns == list(LAG_COLUMNS)
    rows = {row["model"]: row for row in finding.table.to_dicts()}
    assert {model: row["lag"] for model, row in rows.items()} == {"copy": 1, "near": 1, "old": 3, "oracle": 0}
    assert [row["is_old_price"] for row in rows.values()] == [True, True, True, False]
    assert rows["copy"]["sentence"].startswith("This line is the last known price itself")
    assert rows["near"]["sentence"].startswith(
        "This line is yesterday's price, moved a little. Its own moves are 30 % as large as the real ones (correlation "
    )
    assert rows["old"]["sentence"].startswith("This line is the price of 3 days ago.")
    assert rows["oracle"]["sentence"].startswith("This line lies nearest to what happened.")
    assert finding.notes == (
        "the diagnosis of the shifted curve needs at least 10 forecasts and is left out for few on made:UP/USD (9)",
    )


def test_a_forecast_that_is_better_is_not_called_an_old_price(make_forecasts: Table) -> None:
    """A third of every real move foreseen: nearer to the last price than to the truth, and better than naive."""
    forecasts = make_forecasts(with_oracle(0.33), n=300)
    scores = score_forecasts(forecasts)
    assert deciding_rows(scores)["verdict"].to_list() == ["better"]
    row = lag_table(forecasts, scores, Options()).table.row(0, named=True)
    assert (row["lag"], row["is_old_price"]) == (1, True)
    assert row["sentence"].startswith(
        "This line lies near the last known price, as every good forecast does. Its own moves are 33 % as large"
    )
    assert row["sentence"].endswith(" % of the real ones.")
    unproven = scores.with_columns(verdict=pl.lit("not distinguishable"))
    told = lag_table(forecasts, unproven, Options()).table["sentence"][0]
    assert told.startswith("This line is yesterday's price, moved a little. ")
    assert told.endswith("that it looks near says nothing.")


def test_single_runs_of_several_and_failed_ones_are_not_diagnosed(make_forecasts: Table) -> None:
    runs = [make_forecasts(with_noise(0.3), run=run) for run in (1, 2)]
    failed = make_forecasts(lambda last, actual: np.full(last.size, np.nan), run=1, model="failed")
    forecasts = pl.concat([*runs, failed])
    table = lag_table(forecasts, score_forecasts(forecasts), Options()).table
    assert table["model"].to_list() == ["model.ensemble"]


def test_a_lag_within_the_horizon_was_not_known(make_forecasts: Table) -> None:
    """Three steps ahead, the price of the day before the target: nobody knew it at the origin."""
    table = check_forecasts(make_forecasts(copy_last, n=200, steps=3)).filter(pl.col("step") == 3)
    price = dict(zip(table["target_time"], table["actual"], strict=True))
    table = table.with_columns(value=pl.col("target_time").dt.offset_by("-1d").replace_strict(price, default=None))
    table = table.drop_nulls("value")
    lag, hold = find_lag(table), measure_hold(table)
    assert lag is not None
    assert hold is not None
    assert (lag.candles, lag.step, lag.is_old_price) == (1, 3, False)
    assert "yesterday's price, which nobody knew" not in lag_sentence(lag, hold, "1d")
    assert "the price of 1 day before, which nobody knew when it was drawn" in lag_sentence(lag, hold, "1d")


@pytest.mark.parametrize(
    ("candles", "interval", "name"),
    [
        (1, "1d", "yesterday's price"),
        (3, "1d", "the price of 3 days ago"),
        (1, "1h", "the price of 1 candle ago"),
        (2, "15m", "the price of 2 candles ago"),
    ],
)
def test_old_prices_have_names(candles: int, interval: str, name: str) -> None:
    assert name_old_price(candles, interval) == name
