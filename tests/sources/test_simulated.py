from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest

from coincast.candles.table import check_candles
from coincast.errors import DataError, UnknownNameError, UsageError
from coincast.sources.simulated import ORACLE_COLUMNS, SIMULATIONS, oracle_path, simulate

PRICES = ("open", "high", "low", "close")
LONG = 100_000


@pytest.fixture(scope="module")
def walk() -> pl.DataFrame:
    return simulate("walk", candles=LONG, coins=2, seed=1)


@pytest.fixture(scope="module")
def echo() -> pl.DataFrame:
    return simulate("echo", skill=0.08, candles=LONG, seed=1)


def first_coin(candles: pl.DataFrame) -> pl.DataFrame:
    return candles.filter(pl.col("market") == candles["market"][0])


def log_returns(candles: pl.DataFrame) -> np.ndarray:
    return np.log((candles["close"] / candles["open"]).to_numpy())


def autocorrelation(values: np.ndarray, lag: int = 1) -> float:
    return float(np.corrcoef(values[:-lag], values[lag:])[0, 1])


def skill_of(forecast: np.ndarray, actual: np.ndarray) -> tuple[float, float]:
    """Skill of forecasts of a log return against zero, and its standard error (rows taken as independent)."""
    gain = np.abs(actual) - np.abs(actual - forecast)
    naive = np.abs(actual).mean()
    return gain.mean() / naive, gain.std() / np.sqrt(len(gain)) / naive


# The table


@pytest.mark.parametrize("kind", SIMULATIONS)
@pytest.mark.parametrize("interval", ["1m", "5m", "1h", "4h", "1d", "1w", "1M"])
def test_candles_are_coherent(kind: str, interval: str) -> None:
    candles = simulate(kind, candles=400, coins=2, interval=interval)
    check_candles(candles)
    assert candles["market"].unique(maintain_order=True).to_list() == [
        f"simulated:{kind.upper()}1/USD",
        f"simulated:{kind.upper()}2/USD",
    ]
    assert set(ORACLE_COLUMNS) <= set(candles.columns)
    for coin in candles.partition_by("market"):
        open_, high, low, close = (coin[name].to_numpy() for name in PRICES)
        assert coin.height == 400
        assert (open_[1:] == close[:-1]).all()
        assert (coin["open_time"][1:] == coin["close_time"][:-1]).all()
        assert (low <= np.minimum(open_, close)).all()
        assert (high >= np.maximum(open_, close)).all()
        assert (low > 0).all()
        assert (coin["volume"] > 0).all()


def test_months_follow_the_calendar() -> None:
    candles = simulate("walk", candles=14, interval="1M", start="2015-12-01")
    assert candles["open_time"].dt.to_string("%Y-%m-%d").to_list() == [
        "2015-12-01",
        *(f"2016-{month:02}-01" for month in range(1, 13)),
        "2017-01-01",
    ]


@pytest.mark.parametrize(
    ("start", "interval", "first"),
    [
        ("2015-01-01", "1d", datetime(2015, 1, 1, tzinfo=UTC)),
        (date(2015, 1, 1), "1w", datetime(2015, 1, 5, tzinfo=UTC)),
        ("2015-01-31", "1M", datetime(2015, 2, 1, tzinfo=UTC)),
        ("2015-01-01T10:07:00+02:00", "1h", datetime(2015, 1, 1, 9, tzinfo=UTC)),
        (datetime(2015, 1, 1, 10, 7), "15m", datetime(2015, 1, 1, 10, 15, tzinfo=UTC)),
    ],
)
def test_first_candle_opens_at_start_or_at_the_next_boundary(start: object, interval: str, first: datetime) -> None:
    assert simulate("walk", candles=2, interval=interval, start=start)["open_time"][0] == first


@pytest.mark.parametrize("interval", ["1m", "1d", "1w"])
def test_prices_stay_positive_and_finite(interval: str) -> None:
    for seed in range(3):
        candles = simulate("echo", skill=0.2, candles=LONG, interval=interval, seed=seed)
        numbers = candles.select(*PRICES, "volume", *ORACLE_COLUMNS)
        assert numbers.select(pl.all().is_finite().all()).row(0) == (True,) * numbers.width
        assert candles["low"].min() > 0


# Draws


def test_same_arguments_give_the_same_bytes() -> None:
    one, two = (simulate("echo", candles=300, coins=2, seed=5) for _ in range(2))
    assert one.write_ipc(None).getvalue() == two.write_ipc(None).getvalue()


def test_seeds_kinds_and_coins_are_different_markets() -> None:
    frames = [
        simulate("walk", candles=1000, seed=0),
        simulate("walk", candles=1000, seed=1),
        simulate("echo", candles=1000),
    ]
    returns = [log_returns(frame) for frame in frames]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert abs(np.corrcoef(returns[i], returns[j])[0, 1]) < 0.15


@pytest.mark.parametrize("kind", SIMULATIONS)
@pytest.mark.parametrize("candles", [2, 3, 101, 998])
def test_more_candles_extend_a_market_and_change_nothing(kind: str, candles: int) -> None:
    longer = simulate(kind, candles=1001, seed=3)
    assert simulate(kind, candles=candles, seed=3).equals(longer.head(candles))


def test_a_coin_is_the_same_among_few_and_many() -> None:
    few, many = simulate("echo", candles=300, coins=2, seed=3), simulate("echo", candles=300, coins=5, seed=3)
    assert few.equals(many.head(600))


def test_strength_of_the_echo_leaves_volume_and_shocks_as_they_are() -> None:
    weak, strong = (simulate("echo", candles=3000, skill=skill) for skill in (0.02, 0.2))

    def shocks(candles: pl.DataFrame) -> np.ndarray:
        decay = candles["oracle_decay"][0]
        return (log_returns(candles)[1:] - candles["oracle_log_return"].to_numpy()[:-1]) / np.sqrt(1 - decay**2)

    assert weak["volume"].equals(strong["volume"])
    np.testing.assert_allclose(shocks(weak), shocks(strong), rtol=1e-9, atol=1e-12)


# Returns as of a real coin


@pytest.mark.parametrize(("interval", "days"), [("1h", 1 / 24), ("1d", 1.0), ("1w", 7.0)])
@pytest.mark.parametrize("kind", SIMULATIONS)
def test_volatility_is_that_of_a_coin_and_grows_with_the_root_of_time(kind: str, interval: str, days: float) -> None:
    candles = simulate(kind, candles=20_000, interval=interval, skill=0.0 if kind == "walk" else 0.1)
    assert log_returns(candles).std() == pytest.approx(0.035 * np.sqrt(days), rel=0.1)


def test_shocks_are_fat_tailed_clustered_and_symmetric(walk: pl.DataFrame) -> None:
    returns = log_returns(first_coin(walk))
    size = np.abs(returns)
    assert (returns**4).mean() / (returns**2).mean() ** 2 > 5
    assert all(autocorrelation(size, lag) > 0.05 for lag in (1, 5, 20))
    assert abs((returns > 0).mean() - 0.5) < 3 * 0.5 / np.sqrt(LONG)
    tails = np.quantile(returns, [0.01, 0.1, 0.25]), -np.quantile(returns, [0.99, 0.9, 0.75])
    np.testing.assert_allclose(*tails, rtol=0.04)


def test_coins_move_together(walk: pl.DataFrame) -> None:
    first, second = (log_returns(coin) for coin in walk.partition_by("market"))
    assert np.corrcoef(first, second)[0, 1] == pytest.approx(0.6, abs=0.05)
    assert abs(np.corrcoef(first[:-1], second[1:])[0, 1]) < 0.02
    assert abs(np.corrcoef(second[:-1], first[1:])[0, 1]) < 0.02


def test_highs_and_lows_have_the_law_of_a_brownian_path(walk: pl.DataFrame) -> None:
    # Reflection principle: the highest point of a driftless Brownian path is distributed as the size of its end.
    coin = first_coin(walk)
    above, below = (np.abs(np.log((coin[side] / coin["open"]).to_numpy())) for side in ("high", "low"))
    levels = [0.1, 0.3, 0.5, 0.7, 0.9, 0.99]
    for extreme in (above, below):
        np.testing.assert_allclose(
            np.quantile(extreme, levels), np.quantile(np.abs(log_returns(coin)), levels), rtol=0.06
        )


def test_volume_is_persistent_and_rises_with_the_size_of_the_return(walk: pl.DataFrame) -> None:
    coin = first_coin(walk)
    volume, returns = np.log(coin["volume"].to_numpy()), log_returns(coin)
    assert np.corrcoef(volume, np.log(np.abs(returns) + 1e-6))[0, 1] > 0.2
    assert autocorrelation(volume) > 0.5
    assert abs(np.corrcoef(volume, returns)[0, 1]) < 0.02


# What can be forecast


def test_nothing_beats_naive_on_walk(walk: pl.DataFrame) -> None:
    coin = first_coin(walk)
    returns = log_returns(coin)
    now, following = returns[:-1], returns[1:]
    half = len(now) // 2
    slope, constant = np.polyfit(now[:half], following[:half], 1)
    last_week = np.convolve(returns, np.ones(7) / 7)[: len(now)]
    off_high = (
        np.log((coin["close"] / coin["high"]).to_numpy())[:-1] - np.log((coin["close"] / coin["low"]).to_numpy())[:-1]
    )
    news = np.sign(now) * np.log(coin["volume"].to_numpy())[:-1] / 1000
    rules = [
        0.1 * now,
        -0.1 * now,
        0.5 * last_week,
        -0.5 * last_week,
        -0.1 * off_high,
        0.1 * off_high,
        news,
        constant + slope * now,
    ]
    for rule in rules:
        skill, error = skill_of(rule[half:], following[half:])
        assert skill < 3 * error
    assert abs(autocorrelation(returns)) < 0.02
    assert (coin.select(ORACLE_COLUMNS) == 0).select(pl.all().all()).row(0) == (True, True)


@pytest.mark.parametrize("skill", [0.01, 0.05, 0.1, 0.2])
def test_oracle_has_the_skill_that_was_planted(skill: float) -> None:
    candles = simulate("echo", skill=skill, candles=200_000, interval="1h", seed=11)
    close = candles["close"].to_numpy()
    forecast = oracle_path(candles, 1)[:-1, 0]
    error, naive = np.abs(np.log(forecast / close[1:])), np.abs(np.log(close[:-1] / close[1:]))
    assert 1 - error.mean() / naive.mean() == pytest.approx(skill, abs=0.003)


def test_skill_of_echo_is_0_05_unless_said() -> None:
    assert simulate("echo", candles=50).equals(simulate("echo", candles=50, skill=0.05))


@pytest.mark.parametrize("skill", [0.001, 0.49])
def test_extreme_skills_have_a_decay(skill: float) -> None:
    decay = simulate("echo", candles=2, skill=skill)["oracle_decay"][0]
    # Gaussian shocks of one size: skill = 1 - sqrt(1 - decay^2). Fat tails move it, not much.
    assert decay == pytest.approx(np.sqrt(1 - (1 - skill) ** 2), rel=0.2)


@pytest.mark.parametrize("steps", [1, 3, 10])
def test_oracle_is_the_median_and_the_best_multiple_of_the_last_return(echo: pl.DataFrame, steps: int) -> None:
    log_close = np.log(echo["close"].to_numpy())
    median = np.log(oracle_path(echo, steps)[:-steps, -1]) - log_close[:-steps]
    actual = log_close[steps:] - log_close[:-steps]
    above = (actual > median)[::steps]
    assert abs(above.mean() - 0.5) < 3 * 0.5 / np.sqrt(len(above))
    errors = [np.abs(actual - share * median).mean() for share in (0.0, 0.7, 1.0, 1.3)]
    assert np.argmin(errors) == 2


def test_oracle_path_is_the_recursion_step_by_step() -> None:
    candles = simulate("echo", skill=0.1, candles=20, coins=2)
    path = oracle_path(candles, 4)
    assert path.shape == (40, 4)
    for row, (close, log_return, decay) in enumerate(candles.select("close", *ORACLE_COLUMNS).iter_rows()):
        for step in range(4):
            close *= np.exp(log_return)
            log_return *= decay
            assert path[row, step] == pytest.approx(close, rel=1e-12)


def test_oracle_of_walk_is_the_last_close() -> None:
    candles = simulate("walk", candles=20)
    assert (oracle_path(candles, 3) == candles["close"].to_numpy()[:, None]).all()


# Errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "ecko"}, "did you mean 'echo'"),
        ({"kind": "walk", "skill": 0.05}, "skill 0.05 .* give 0"),
        ({"kind": "echo", "skill": 0}, "skill 0 .* above 0 and below 0.5"),
        ({"kind": "echo", "skill": 5}, "skill 5 .*0.05 is 5 %"),
        ({"kind": "echo", "skill": float("nan")}, "skill nan"),
        ({"kind": "echo", "skill": "much"}, "skill much"),
        ({"candles": 1}, "candles 1 .* at least 2"),
        ({"candles": 10.5}, "candles 10.5 .* whole number"),
        ({"coins": 0}, "coins 0 .* at least 1"),
        ({"seed": -1}, "seed -1 .* at least 0"),
        ({"interval": "7x"}, "7x"),
        ({"start": "soon"}, "start is 'soon'; .* 2017-06-01"),
        ({"start": "9990-01-01", "candles": 10_000}, "year 9999"),
    ],
)
def test_wrong_arguments_say_what_is_allowed(arguments: dict[str, object], message: str) -> None:
    given = {"kind": "walk", **arguments}
    with pytest.raises(UsageError, match=f"(?s){message}") as caught:
        simulate(given.pop("kind"), **given)
    assert str(caught.value).count("\n") <= 1


def test_price_beyond_the_range_of_numbers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coincast.sources.simulated.DAILY_VOLATILITY", 50.0)
    with pytest.raises(UsageError, match=r"simulated:WALK1/USD leaves the range of numbers after .* fewer candles"):
        simulate("walk")


def test_unknown_kind_is_an_unknown_name() -> None:
    with pytest.raises(UnknownNameError, match="known: echo, walk"):
        simulate("bitcoin")


def test_real_candles_have_no_oracle() -> None:
    candles = simulate("walk", candles=5).drop(ORACLE_COLUMNS)
    with pytest.raises(DataError, match="simulated markets only"):
        oracle_path(candles, 1)


def test_horizon_of_the_oracle_starts_at_one() -> None:
    with pytest.raises(UsageError, match="horizon 0"):
        oracle_path(simulate("walk", candles=5), 0)


@pytest.mark.parametrize("size", [{"candles": 2_000_000_000}, {"candles": 1000, "coins": 20_000}])
def test_more_than_memory_holds_is_refused(size: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="at most 10,000,000 are drawn: ask for fewer candles or coins"):
        simulate("walk", interval="1m", **size)
