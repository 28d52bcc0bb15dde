"""`judge`: what lines that everybody draws are worth, and what is said of them."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from coincast.errors import DataError, ForecastError, UsageError
from coincast.experiments.judge import judge
from coincast.scores.lag import find_lag

N = 400


def make_prices(n: int = N, seed: int = 0) -> np.ndarray:
    return 100 * np.exp(np.cumsum(0.03 * np.random.default_rng(seed).standard_t(4, n)))


def make_table(prices: np.ndarray, predicted: np.ndarray, *, every: str = "1d", **more: object) -> pl.DataFrame:
    start, end = datetime(2015, 1, 1, tzinfo=UTC), datetime(2035, 1, 1, tzinfo=UTC)
    times = pl.datetime_range(start, end, every, eager=True)[: prices.size]
    return pl.DataFrame({"target_time": times, "actual": prices, "predicted": predicted, **more})


def lagged(prices: np.ndarray, lag: int) -> np.ndarray:
    return np.concatenate([np.repeat(prices[0], lag), prices[:-lag]])


def with_noise(prices: np.ndarray, share: float, seed: int = 1) -> np.ndarray:
    """Yesterday's price with independent noise whose mean size is a share of the naive forecast's mean error."""
    noise = np.random.default_rng(seed).standard_normal(prices.size)
    size = share * np.abs(np.diff(np.log(prices))).mean()
    return lagged(prices, 1) * np.exp(size * noise / np.abs(noise).mean())


def test_yesterdays_price_is_named() -> None:
    prices = make_prices()
    found = judge(make_table(prices, lagged(prices, 1))).models[0]
    assert found.lag == 1
    assert found.verdict == "not distinguishable"
    assert (found.skill, found.low, found.high, found.detectable) == (0, 0, 0, None)
    assert found.n == N - 1
    assert "is the naive forecast itself" in found.sentence
    assert found.sentence.endswith("This line is yesterday's price.")


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("seed", range(5))
def test_yesterdays_price_with_noise_is_named(share: float, seed: int) -> None:
    prices = make_prices(seed=seed)
    found = judge(make_table(prices, with_noise(prices, share, seed + 100))).models[0]
    assert found.lag == 1
    assert found.verdict != "better"
    assert found.sentence.endswith("This line is yesterday's price.")


@pytest.mark.parametrize(("every", "name"), [("1d", "the price of 2 days ago"), ("1h", "the price of 2 candles ago")])
def test_a_price_shifted_by_two_is_named(every: str, name: str) -> None:
    prices = make_prices()
    found = judge(make_table(prices, lagged(prices, 2), every=every)).models[0]
    assert (found.lag, found.verdict) == (2, "worse")
    assert found.sentence.endswith(f"This line is {name}.")


@pytest.mark.parametrize("coin", ["bitcoin", "ethereum"])
def test_the_lag_forecast_of_article_0_is_named(shared_data: Path, coin: str) -> None:
    file = pl.read_csv(shared_data / "cmc" / "kaggle2018" / f"{coin}_price.csv", infer_schema=False)
    closes = file.select(date=pl.col("Date").str.to_date("%b %d, %Y"), actual=pl.col("Close").cast(pl.Float64)).sort(
        "date"
    )
    span = closes.filter(pl.col("date").is_between(date(2017, 6, 1), date(2017, 11, 21)))
    assert span.height == 174
    prices = span["actual"].to_numpy()
    for predicted, lag, name in (
        (lagged(prices, 1), 1, "yesterday's price"),
        (with_noise(prices, 0.5), 1, "yesterday's price"),
        (lagged(prices, 2), 2, "the price of 2 days ago"),
    ):
        found = judge(span.with_columns(predicted=predicted)).models[0]
        assert found.lag == lag
        assert found.sentence.endswith(f"This line is {name}.")
    shuffled = np.random.default_rng(0).permutation(prices)
    assert judge(span.with_columns(predicted=shuffled)).verdict == "worse"


def test_shuffled_forecasts_are_worse_and_no_old_price() -> None:
    prices = make_prices()
    found = judge(make_table(prices, np.random.default_rng(0).permutation(prices))).models[0]
    assert found.verdict == "worse"
    assert "This line is" not in found.sentence


@pytest.mark.parametrize("seed", range(5))
def test_the_best_that_anyone_could_do_is_better_and_no_old_price(seed: int) -> None:
    """Returns follow the last one by 0.45: the oracle errs by 10 % less than naive, and stays near the last price."""
    rng = np.random.default_rng(seed)
    returns = np.zeros(800)
    for t in range(1, 800):
        returns[t] = 0.45 * returns[t - 1] + 0.03 * rng.standard_normal()
    prices = 100 * np.exp(np.cumsum(returns))
    oracle = lagged(prices, 1) * np.exp(0.45 * np.concatenate([[0], returns[:-1]]))
    found = judge(make_table(prices, oracle)).models[0]
    assert found.verdict == "better"
    assert found.lag == 1
    assert found.low > 0
    assert "This line is" not in found.sentence


def test_the_truth_has_lag_zero() -> None:
    prices = make_prices()
    found = judge(make_table(prices, prices * 1.0001)).models[0]
    assert (found.lag, found.verdict) == (0, "better")


def test_a_line_that_knows_part_of_the_future_is_no_old_price() -> None:
    """Twelve steps ahead, the price of five candles before the target lies seven after the origin."""
    prices = make_prices()
    found = judge(make_table(prices, lagged(prices, 5), step=12)).models[0]
    assert found.lag == 5
    assert "This line is" not in found.sentence


def test_100_rows_are_too_few_at_horizon_24() -> None:
    prices = make_prices(100)
    for table, options in (
        (make_table(prices, prices, every="1h"), {"horizon": 24}),
        (make_table(prices, prices, every="1h", step=24), {}),
        (make_table(prices, prices, every="1h", step=24, last_close=lagged(prices, 24)), {}),
    ):
        found = judge(table, **options).models[0]
        assert found.verdict == "too few"
        assert (found.low, found.high, found.detectable) == (None, None, None)
        assert found.skill is not None
        assert "needs at least 480" in found.sentence


def test_20000_rows_are_judged_whole() -> None:
    prices = make_prices(20_000)
    found = judge(make_table(prices, with_noise(prices, 0.3), every="1h"))
    assert found.models[0].n == 19_999


def test_jax_is_never_imported(tmp_path: Path) -> None:
    prices = make_prices(60)
    make_table(prices, lagged(prices, 1)).write_csv(tmp_path / "f.csv")
    code = (
        "import sys; from coincast.experiments.judge import judge; found = judge(sys.argv[1]); "
        "heavy = {'jax', 'equinox', 'optax', 'scipy.stats', 'pandas', 'matplotlib', 'plotly'} & set(sys.modules); "
        "print(found.models[0].lag, sorted(heavy))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "f.csv")], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "1 []"


def test_several_models_are_tested_together() -> None:
    prices = make_prices()
    tables = [
        make_table(prices, line, model=name)
        for name, line in (("lag", lagged(prices, 1)), ("half", prices**0.5 * lagged(prices, 1) ** 0.5))
    ]
    found = judge(pl.concat(tables))
    assert [model.model for model in found.models] == ["half", "lag"]
    assert found.verdict == "better"
    judged = found.leaderboard.drop_nulls("verdict")
    assert judged["p_holm"].to_list() == pytest.approx([2 * judged["p"][0], 1.0])


def test_a_table_of_ours_is_taken_as_it_is() -> None:
    prices = make_prices()
    outside = judge(make_table(prices, with_noise(prices, 0.3), model="net")).forecasts
    runs = pl.concat([outside.with_columns(run=pl.lit(run, dtype=pl.Int64)) for run in (1, 2)])
    naive = outside.with_columns(model=pl.lit("naive"), value="last_close")
    found = judge(pl.concat([runs, naive]))
    assert [model.model for model in found.models] == ["net.ensemble"]
    assert found.models[0].sentence.endswith("This line is yesterday's price.")


def test_a_table_of_nothing_but_our_naive_forecast_has_nothing_to_judge() -> None:
    prices = make_prices()
    naive = judge(make_table(prices, lagged(prices, 1))).forecasts.with_columns(model=pl.lit("naive"))
    with pytest.raises(ForecastError, match="only the forecast 'naive' itself"):
        judge(naive)


def test_quantiles_get_coverage_and_pinball_and_no_word() -> None:
    prices = make_prices()
    quantiles = {"q10": lagged(prices, 1) * 0.95, "q90": lagged(prices, 1) * 1.05}
    found = judge(make_table(prices, lagged(prices, 1), **quantiles))
    whole = found.scores.filter(pl.col("subset") == "all", pl.col("step") == 0)
    rows = whole.filter(pl.col("metric").is_in(["pinball", "coverage_80", "interval_score_80"]))
    assert rows.height == 3
    assert rows["verdict"].null_count() == 3
    assert found.intervals is not None


def test_what_was_left_out_is_said() -> None:
    prices = make_prices()
    predicted = with_noise(prices, 0.3)
    predicted[5], predicted[7], predicted[9] = np.inf, np.nan, -1.0
    found = judge(make_table(prices, predicted))
    assert found.models[0].n == N - 3
    assert found.notes[-2:] == (
        "forecast on outside: 3 origins not judged (last close unknown: 1, forecast missing or not finite: 2)",
        "forecast on outside: 1 forecast at or below 0, scored as 1 % of last close",
    )


def test_a_forecast_beyond_measure_does_no_harm() -> None:
    prices = make_prices()
    predicted = with_noise(prices, 0.3)
    predicted[5] = 1e300
    found = judge(make_table(prices, predicted))
    assert found.models[0].n == N - 1
    json.dumps(found.to_dict(), allow_nan=False)


def test_nothing_that_can_be_judged_is_an_error() -> None:
    prices = make_prices(30)
    with pytest.raises(DataError, match="no origin that can be judged"):
        judge(make_table(prices, np.full(30, np.nan)))


def test_the_dictionary_is_plain_json() -> None:
    prices = make_prices(60)
    found = judge(make_table(prices, with_noise(prices, 0.3)))
    document = json.loads(json.dumps(found.to_dict(report="r.html"), allow_nan=False))
    assert set(document) == {"models", "scores", "further", "report", "notes"}
    assert set(document["models"][0]) == {
        *("model", "market", "verdict", "skill", "low", "high", "detectable", "n", "lag", "sentence")
    }
    assert len(document["scores"]) == found.scores.height
    assert document["report"] == "r.html"


def test_faces_for_notebooks() -> None:
    prices = make_prices(60)
    found = judge(make_table(prices, with_noise(prices, 0.3)))
    assert "&quot;the price stays where it is&quot;" in found._repr_html_()
    assert found.verdict in set(found.to_pandas()["verdict"])
    assert found.sentence == found.models[0].sentence


def test_pandas_and_csv_give_the_same_judgement(tmp_path: Path) -> None:
    prices = make_prices(60)
    table = make_table(prices, with_noise(prices, 0.3))
    table.write_csv(tmp_path / "f.csv", datetime_format="%Y-%m-%dT%H:%M:%SZ")
    frame = pd.DataFrame({name: table[name].to_list() for name in table.columns})
    assert judge(frame).models == judge(table).models == judge(tmp_path / "f.csv").models


def test_gaps_shorten_the_search_for_the_lag() -> None:
    prices = make_prices()
    table = make_table(prices, lagged(prices, 1)).filter(pl.int_range(pl.len()) % 6 != 5)
    assert judge(table).models[0].lag == 1


def test_too_few_rows_have_no_lag() -> None:
    prices = make_prices(12)
    forecasts = judge(make_table(prices, lagged(prices, 1))).forecasts
    assert find_lag(forecasts[:9]) is None


def test_an_honest_naive_forecast_made_at_six_in_the_evening_is_naive() -> None:
    """Made at 18:05 for the close of the second midnight after; the last close that was known then is two days old."""
    prices = make_prices()
    table = make_table(prices, lagged(prices, 2))
    made = table.with_columns(made_at=pl.col("target_time") - pl.duration(hours=29, minutes=55))
    found = judge(made).models[0]
    assert (found.verdict, found.skill) == ("not distinguishable", 0.0)
    assert "is the naive forecast itself" in found.sentence
    sooner = table.with_columns(made_at=pl.col("target_time") - pl.duration(hours=5), predicted=lagged(prices, 1))
    assert judge(sooner).models[0].skill == 0


@pytest.mark.parametrize("known", [1.0, "actual"])
def test_a_last_close_that_is_none_gives_no_verdict(known: object) -> None:
    prices = make_prices()
    table = make_table(prices, with_noise(prices, 0.3))
    with pytest.raises(ForecastError, match="last closes differ from the actual price at their origin"):
        judge(table.with_columns(last_close=pl.col(known) if isinstance(known, str) else pl.lit(known)))


def test_an_exact_tie_is_not_called_the_naive_forecast() -> None:
    table = make_table(np.ones(300), np.tile([0.5, -0.5], 150))
    found = judge(table, quantity="log_return").models[0]
    assert (found.verdict, found.skill) == ("not distinguishable", 0.0)
    assert "naive forecast itself" not in found.sentence


@pytest.mark.parametrize(("size", "word"), [(1e-200, "not distinguishable"), (1e200, "not distinguishable")])
def test_log_returns_of_any_size_are_tested_alike(size: float, word: str) -> None:
    moves = np.random.default_rng(0).standard_normal(300)
    noise = 0.05 * np.random.default_rng(1).standard_normal(300)
    usual, found = (judge(make_table(moves * s, noise * s), quantity="log_return").models[0] for s in (1.0, size))
    assert found.verdict == usual.verdict == word
    assert [found.skill, found.low, found.high] == pytest.approx([usual.skill, usual.low, usual.high])


def test_prices_of_any_size_are_judged() -> None:
    prices = make_prices() * 1e200
    found = judge(make_table(prices, prices))
    assert (found.verdict, found.models[0].skill) == ("better", 1.0)
    json.dumps(found.to_dict(), allow_nan=False)


def test_one_forecast_that_is_missing_in_one_run_costs_one_origin() -> None:
    prices = make_prices()
    gap = pl.when(pl.int_range(pl.len()) == 50).then(None).otherwise("predicted").alias("predicted")
    tables = [make_table(prices, with_noise(prices, 0.3, run), model="net", run=run) for run in (1, 2)]
    found = judge(pl.concat([tables[0].with_columns(gap), tables[1]]))
    assert [(model.model, model.n) for model in found.models] == [("net.ensemble", N - 2)]
    alone = judge(tables[0].with_columns(gap))
    assert [(model.model, model.n) for model in alone.models] == [("net", N - 2)]


def test_runs_that_do_not_forecast_the_same_are_noted() -> None:
    prices = make_prices()
    tables = [make_table(prices, with_noise(prices, 0.3, run), model="net", run=run) for run in (1, 2)]
    found = judge(pl.concat([tables[0], tables[1][:-7]]))
    note = "net on outside: 7 forecasts made by some of its runs only; there the ensemble is the mean of those"
    assert note in found.notes


def test_what_the_intervals_covered_is_noted() -> None:
    prices = make_prices()
    quantiles = {"q10": lagged(prices, 1) * 0.5, "q90": lagged(prices, 1) * 2}
    crossed = make_table(prices, lagged(prices, 1), **quantiles)
    crossed = crossed.with_columns(q10=pl.when(pl.int_range(pl.len()) < 3).then(1e9).otherwise("q10"))
    notes = judge(crossed).notes
    covered = next(note for note in notes if "intervals" in note)
    assert covered.startswith("forecast on outside: its 80 % intervals held 100 % of the prices, the naive ones ")
    assert any("quantiles cross in 3 rows (a lower level above a higher one)" in note for note in notes)


def test_a_table_of_ours_says_everything_itself() -> None:
    prices = make_prices()
    quantiles = {"q10": lagged(prices, 1) * 0.95, "q90": lagged(prices, 1) * 1.05}
    read = judge(make_table(prices, with_noise(prices, 0.3), **quantiles))
    ours = read.forecasts.with_columns(read.intervals["q10"], read.intervals["q90"])
    again = judge(ours)
    assert again.intervals.equals(read.intervals)
    assert again.scores.equals(read.scores)
    for options in ({"horizon": 3}, {"market": "a:B/C"}, {"quantity": "log_return"}, {"columns": {"step": "x"}}):
        with pytest.raises(UsageError, match=f"{next(iter(options))} is given, and this is a forecast table of Coin"):
            judge(ours, **options)


def test_a_lead_on_a_few_forecasts_is_not_called_an_old_price() -> None:
    prices = make_prices(14)
    ahead, behind = (lagged(prices, 1) * (prices / lagged(prices, 1)) ** share for share in (0.1, -0.1))
    found = judge(make_table(prices, ahead)).models[0]
    assert (found.verdict, found.skill > 0, found.lag) == ("too few", True, 1)
    assert "This line is" not in found.sentence
    assert judge(make_table(prices, behind)).sentence.endswith("This line is yesterday's price.")


def test_a_volatility_from_outside_brings_its_naive_forecast() -> None:
    rng = np.random.default_rng(0)
    actual = np.exp(0.3 * rng.standard_normal(300)) * 0.02
    days = pl.datetime_range(
        datetime(2020, 1, 1), interval="1d", end=datetime(2020, 10, 26), eager=True, time_zone="UTC"
    )
    table = pl.DataFrame(
        {"target_time": days, "actual": actual, "predicted": 0.021 * np.ones(300), "mine": actual[::-1]}
    )
    with pytest.raises(ForecastError, match=r"forecasts of volatility need a column naive in every row"):
        judge(table.drop("mine"), quantity="volatility")
    found = judge(table, quantity="volatility", columns={"naive": "mine"})
    named = table.rename({"mine": "naive"})
    assert judge(named, quantity="volatility").models == found.models
    assert judge(named.with_columns(quantity=pl.lit("volatility"))).models == found.models
    ratio = (table["actual"] / table["predicted"]) ** 2
    row = found.scores.filter(pl.col("verdict").is_not_null()).row(0, named=True)
    assert (row["metric"], row["value"]) == ("qlike", pytest.approx((ratio - ratio.log() - 1).mean()))


def test_a_direction_from_outside_is_a_probability() -> None:
    days = pl.datetime_range(datetime(2020, 1, 1), interval="1d", end=datetime(2020, 4, 9), eager=True, time_zone="UTC")
    table = pl.DataFrame(
        {"target_time": days, "actual": [1, 0] * 50, "predicted": [0.7, 0.6] * 50, "naive_forecast": 1}
    )
    found = judge(table, quantity="direction")
    assert (found.verdict, found.models[0].skill) == ("not distinguishable", 0)
    with pytest.raises(ForecastError, match="hold something else than a probability of a rise"):
        judge(table.with_columns(predicted=pl.lit(-0.02)), quantity="direction")


def made_volatility(n: int = 300) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    actual = 0.02 * np.exp(0.3 * rng.standard_normal(n))
    return make_table(actual, actual * np.exp(0.1 * rng.standard_normal(n)), naive=0.02)


@pytest.mark.parametrize("size", [1e-200, 1e-320, 1e200])
def test_one_volatility_beyond_measure_does_not_take_the_word(size: float) -> None:
    outlier = pl.when(pl.int_range(pl.len()) == 100).then(size).otherwise("predicted").alias("predicted")
    found = judge(made_volatility().with_columns(outlier), quantity="volatility")
    assert (found.models[0].n, found.verdict) == (300, "not distinguishable")
    assert found.further["bootstrap"].table.height == 1
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("quantity", "opponent"),
    [
        ("volatility", "the usual estimate from past volatility (EWMA)"),
        ("direction", "always naming the commoner side of the training rows"),
        ("log_return", '"the price stays where it is"'),
    ],
)
def test_a_sentence_names_the_naive_forecast_of_its_quantity(quantity: str, opponent: str) -> None:
    rise = (np.random.default_rng(3).uniform(size=300) < 0.6).astype(float)
    table = {
        "volatility": made_volatility(),
        "direction": make_table(rise, 0.8 * rise + 0.1, naive=1),
        "log_return": make_table(rise - 0.5, 0.9 * (rise - 0.5)),
    }[quantity]
    found = judge(table, quantity=quantity)
    assert found.verdict == "better"
    assert f"less than {opponent} (" in found.sentence


def test_a_direction_like_the_naive_one_is_no_old_price() -> None:
    rise = (np.random.default_rng(3).uniform(size=300) < 0.6).astype(float)
    said = judge(make_table(rise, np.full(300, 0.7), naive=1), quantity="direction").sentence
    assert "is the naive forecast itself: it always names the commoner side of the training rows" in said
    assert "price" not in said


def test_a_model_without_a_direction_is_noted() -> None:
    rise = (np.random.default_rng(3).uniform(size=300) < 0.6).astype(float)
    tables = [
        make_table(rise, np.full(300, said), naive=1, model=name) for name, said in (("bear", 0.3), ("coin", 0.5))
    ]
    found = judge(pl.concat(tables), quantity="direction")
    assert [model.model for model in found.models] == ["bear"]
    note = "coin on outside: 300 origins not judged (names no direction: 300); none is left, so there is no word"
    assert note in found.notes
    with pytest.raises(ForecastError, match="coin on outside names no direction"):
        judge(tables[1], quantity="direction")


def test_what_is_needed_does_not_depend_on_what_is_there() -> None:
    prices = make_prices(11)
    assert (
        "11 forecasts, and it needs at least 1,800: too few"
        in judge(make_table(prices, prices, every="1h", step=90, last_close=prices)).sentence
    )
