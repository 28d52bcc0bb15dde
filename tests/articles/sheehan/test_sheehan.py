"""Article 0 on small made-up markets: the whole study, its two ways, and that nothing leaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from coincast.articles.bench import Bench
from coincast.articles.sheehan import published
from coincast.articles.sheehan.about import ABOUT
from coincast.articles.sheehan.draw_fits import draw_fit, segments, step_errors
from coincast.articles.sheehan.fair import fair_error, fair_spec, run_fair
from coincast.articles.sheehan.ground import clean_candles, find_border, lay_ground
from coincast.articles.sheehan.intervals import compare_intervals, list_kinds
from coincast.articles.sheehan.singles import Singles, model_stem, train_singles
from coincast.articles.sheehan.study import QUESTIONS, study
from coincast.articles.sheehan.walks import score_walks, walk_for_seed
from coincast.articles.window_error import window_error
from coincast.errors import TooFewRowsError
from coincast.experiments.run import run_experiment
from coincast.models.forecaster import Axes
from coincast.reports.palette import LIGHT
from coincast.reports.study import Study
from coincast.samples.scaling import scale_window
from coincast.sources.simulated import simulate

CANDLES = 240
FORECAST_CHARTS = (
    *("test-", "fit-", "segment-steps", "segments", "walk-full", "walk-single", "walk-steps", "walk-fan", "walk-seeds"),
    *("lag", "training", "runs-published", "runs-corrected", "losses", "fair-forecast", "fair-skill", "more-units"),
    *("other-windows", "intervals", "bias", "moves", "periods"),
)


@pytest.fixture(scope="module")
def walk() -> pl.DataFrame:
    """Two driftless markets: in the deciding loss nothing beats naive."""
    return simulate("walk", candles=CANDLES, coins=2, start="2016-09-01", seed=4)


@pytest.fixture(scope="module")
def bench(walk: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory, steady_code: None) -> Bench:
    return Bench(walk, tmp_path_factory.mktemp("study"), size="quick")


@pytest.fixture(scope="module")
def told(bench: Bench) -> Study:
    return study(bench)


def test_a_study_of_a_walk_finds_nothing(told: Study) -> None:
    assert told.is_quick
    assert [outcome.market for outcome in told.outcomes] == ["simulated:WALK1/USD", "simulated:WALK2/USD"]
    for outcome in told.outcomes:
        assert outcome.headline is None
        assert outcome.verdict != "better"
        assert None not in (outcome.faithful, outcome.fair)
        assert outcome.naive > 0
    assert "yesterday's price" in told.finding
    assert len(told.flaws) >= 13


def test_exhibits_can_be_shown(told: Study, check_exhibits: Callable[[Study], None]) -> None:
    check_exhibits(told)


def test_every_published_picture_is_repeated(told: Study) -> None:
    assert {picture.repeats for picture in told.pictures()} - {""} == {
        *("price + volume, one per coin", "split", "lag model", "histogram of daily changes", "single-point walk"),
        *("full-interval walk", "seed slider", "training curve", "training fit ETH with inset"),
        *("training fit BTC with inset", "test single point ETH / BTC", "five-step segments", "25-run comparison"),
    }


def test_raw_scores_are_kept(told: Study) -> None:
    [sheet] = [sheet for sheet in told.sheets() if sheet.name == "raw-scores"]
    assert sheet.table["seed"].to_list() == list(published.SEEDS)
    walks = sheet.table.select(pl.selectors.contains("walk as published", "walk scored rightly"))
    assert (walks.width, walks.null_count().sum_horizontal()[0]) == (4, 0)
    assert sheet.table["WALK1, LSTM"].drop_nulls().len() == 3


@pytest.mark.parametrize("start", FORECAST_CHARTS)
def test_forecast_charts_show_naive(told: Study, start: str) -> None:
    charts = [picture for picture in told.pictures() if picture.name.startswith(start)]
    assert charts
    for picture in charts:
        for axes in picture.draw(LIGHT).axes:
            drawn = [*axes.get_lines(), *axes.collections]
            assert "naive" in {shape.get_gid() for shape in drawn}, picture.name


def test_annotations_are_the_computed_errors(told: Study, bench: Bench) -> None:
    ground = lay_ground(bench)
    one = train_singles(bench, ground, 1, seeds=[published.SEED])
    coin = ground.coins[0]
    [picture] = [one for one in told.pictures() if one.name == f"test-{coin.name.lower()}"]
    words = [text.get_text() for text in picture.draw(LIGHT).texts]
    rows = one.forecasts(coin.market, "test")
    slow = np.mean([abs(row["value"] - row["actual"]) / row["first_close"] for row in rows.to_dicts()])
    assert f"MAE: {slow:.4f}" in words
    assert f"naive: {coin.error_of(coin.last):.4f}" in words


def test_one_way_only(walk: pl.DataFrame, bench: Bench) -> None:
    fair = study(replace(bench, faithful=False), questions=False)
    assert {shown.side for shown in (*fair.pictures(), *fair.sheets())} == {"fair", "both"}
    assert all(outcome.faithful is None and outcome.verdict is not None for outcome in fair.outcomes)
    faithful = study(replace(bench, fair=False), questions=False)
    assert {shown.side for shown in (*faithful.pictures(), *faithful.sheets())} == {"faithful", "both"}
    assert all(outcome.fair is None and outcome.verdict is None for outcome in faithful.outcomes)


def test_segments_follow_one_another(bench: Bench) -> None:
    ground = lay_ground(bench)
    five = train_singles(bench, ground, 5, seeds=[published.SEED, published.SEEDS[0]])
    coin = ground.coins[0]
    rows = segments(five, coin.market)
    assert rows.height % 5 == 0
    assert rows["target_time"].diff().drop_nulls().unique().to_list() == [timedelta(days=1)]
    steps = step_errors(five, ground).filter(pl.col("coin") == coin.name, pl.col("seed") == published.SEED)
    assert steps["error"].mean() == pytest.approx(window_error(rows))
    assert steps["naive"].mean() == pytest.approx(window_error(rows, "last_close"))
    # The article's loop drops the last training window that has five known targets.
    windows = len(ground.coins[0].task.parts.train) - published.LOOKBACK - 4
    assert five.forecasts(coin.market, "train").height == 5 * (windows - 1)


def test_saved_networks_forecast_what_they_did(bench: Bench) -> None:
    """Files are named as the article names them, and hold all that a forecast needs."""
    import equinox as eqx
    import jax

    from coincast.training.checkpoint import read_checkpoint
    from coincast.training.lanes import split_module

    ground = lay_ground(bench)
    one = train_singles(bench, ground, 1, seeds=[published.SEED])
    coin = ground.coins[1]
    kept = read_checkpoint(bench.folder / "models" / "walk2_model_randseed_202.safetensors")
    assert kept.epoch == one.epochs
    assert kept.loss == pytest.approx(float(one.losses(coin.market)[-1]))
    settings = ground.spec("again").models[0].settings
    axes = Axes(published.LOOKBACK, len(coin.task.samples.names), 1)
    trained, fixed, static = split_module(settings.build(axes, key=jax.random.key(0)))
    module = eqx.combine(jax.tree.map(jax.numpy.asarray, kept.weights(trained)), fixed, static)
    start = int(coin.task.test.starts[0])
    past = coin.task.samples.inputs[start : start + published.LOOKBACK]
    scale = coin.task.input_scale
    scaled = np.asarray(scale_window(past, scale.relative, scale.centre, scale.spread), dtype=np.float32)
    forecast = (1 + float(module(jax.numpy.asarray(scaled))[0, 0])) * coin.first[0]
    assert forecast == pytest.approx(one.forecasts(coin.market, "test")["value"][0], rel=1e-5)


def test_hours_are_enlarged_like_days(tmp_path: Path) -> None:
    """The last tenth of a few hours lies within one day, and still has a width and three different ticks."""
    hours = simulate("walk", candles=160, interval="1h", start="2020-01-01", seed=5)
    coin = lay_ground(Bench(hours, tmp_path)).coins[0]
    close, same = pl.col("close"), {"market": pl.lit(coin.market), "part": pl.lit("train"), "step": pl.lit(1)}
    rows = coin.task.samples.candles[20:60].select(
        pl.col("close_time").alias("origin"), pl.col("close_time").alias("target_time"),
        *(close.alias(name) for name in ("value", "actual", "last_close", "first_close")),
        **same, seed=pl.lit(published.SEED),
    )  # fmt: skip
    figure = draw_fit(LIGHT, coin=coin, singles=Singles(rows, 1, (published.SEED,), 1, 1, "mae"))
    [box] = figure.axes[0].child_axes
    left, right = box.get_xlim()
    assert right - left == pytest.approx(9 / 24)
    assert len({label.get_text() for label in box.get_xticklabels()}) == 3


def test_a_table_is_made_once(bench: Bench) -> None:
    said: list[str] = []
    train_singles(replace(bench, say=said.append), lay_ground(bench), 1, seeds=[published.SEED])
    assert said == []


def test_seconds_of_the_parts_are_told(told: Study) -> None:
    named = ("single models", "many runs, and every opponent", "other losses", "the fair way", QUESTIONS)
    assert set(named) < told.seconds.keys()
    assert all(told.seconds[name] > 0.05 for name in named)
    assert sum(outcome.seconds for outcome in told.outcomes) == pytest.approx(sum(told.seconds.values()))
    without = sum(seconds for name, seconds in told.seconds.items() if name != QUESTIONS)
    assert f"{without:.0f} without the {QUESTIONS}" in told.chapters[-1].text[0]
    assert told.sheets()[-1].table["part"].to_list() == list(told.seconds)


def test_two_markets_of_one_coin_have_pictures_of_their_own(walk: pl.DataFrame, tmp_path: Path) -> None:
    names = {"simulated:WALK1/USD": "here:BTC/USD", "simulated:WALK2/USD": "there:BTC/USD"}
    ground = lay_ground(Bench(walk.with_columns(pl.col("market").replace(names)), tmp_path))
    assert [coin.stem for coin in ground.coins] == ["here-btc-usd", "there-btc-usd"]
    assert model_stem(ground.coins[0].stem, 202) == "here-btc-usd_model_randseed_202"
    assert model_stem("btc", 775, 5) == "bt_model_5_randseed_775"


def test_shorter_candles_are_taken_where_they_are_given(walk: pl.DataFrame, bench: Bench) -> None:
    hours = simulate("walk", candles=1_300, interval="1h", coins=2, start="2020-01-01", seed=5)
    few = simulate("walk", candles=100, interval="1m", coins=2, start="2020-01-01", seed=5)
    minutes = few.filter((pl.col("market") == "simulated:WALK1/USD") | (pl.col("open_time") < few["open_time"][-30]))
    given = replace(bench, beside=pl.concat([hours, minutes]))
    ground = lay_ground(bench)
    assert [kind.ground.interval for kind in list_kinds(bench, ground)] == ["1d"]
    assert [kind.ground.interval for kind in list_kinds(given, ground)] == ["1h", "1d"]
    every = list_kinds(replace(given, size="usual"), ground)
    assert [(kind.ground.interval, kind.ground.rows, kind.given) for kind in every[:2]] == [
        ("1h", 1_300, 1_300),
        ("1d", 240, 240),
    ]
    [cut, *_] = list_kinds(given, ground)
    assert (cut.ground.rows, cut.given, cut.ground.markets) == (1_000, 1_300, ground.markets)
    assert cut.ground.candles["close_time"].max() == hours["close_time"].max()
    found = compare_intervals(given, ground)
    assert found["interval"].to_list() == ["1h", "1h", "1d", "1d"]
    assert found["candles"].to_list() == [1_000, 1_000, 240, 240]
    assert "better" not in found["verdict"].to_list()


def test_the_future_moves_no_forecast_before_it(walk: pl.DataFrame, bench: Bench) -> None:
    """Prices of the last forty candles are others: what was said of the candles before them stays."""
    border = walk["open_time"].max() - timedelta(days=40)  # type: ignore[operator]
    prices = [pl.col(name) * 1.5 for name in ("open", "high", "low", "close")]
    changed = walk.with_columns(pl.when(pl.col("open_time") > border).then(one).otherwise(one / 1.5) for one in prices)
    results = []
    for candles in (walk, changed):
        ground = lay_ground(replace(bench, candles=candles))
        results.append(run_experiment(fair_spec(bench, ground), ground.candles, beside=False))
    before, after = (
        one.forecasts.filter(pl.col("target_time") <= border, pl.col("model") != "naive").sort(
            "market", "model", "run", "origin"
        )
        for one in results
    )
    assert before.height > 100
    assert before["value"].to_numpy() == pytest.approx(after["value"].to_numpy(), rel=1e-6)


def test_the_fair_figure_is_on_the_articles_windows(bench: Bench) -> None:
    ground = lay_ground(bench)
    result = run_fair(bench, ground)
    for coin in ground.coins:
        assert fair_error(result, coin, "last_close") == pytest.approx(coin.error_of(coin.last))
    assert fair_spec(bench, ground).training.patience > 0


def test_a_walk_of_a_seed_is_what_numpy_draws(bench: Bench) -> None:
    task = lay_ground(bench).coins[0].task
    candles = task.samples.candles[: task.parts.train.end]
    changes = candles["close"].to_numpy() / candles["open"].to_numpy() - 1
    draws = np.random.RandomState(205).normal(changes.mean(), changes.std(), len(task.parts.test))
    price, path = float(task.samples.close[task.parts.test.first - 1]), []
    for draw in draws:
        price *= 1 + draw
        path.append(price)
    found = walk_for_seed(task.samples, training=task.parts.train, span=task.parts.test, seed=205)
    assert found.full_interval == pytest.approx(np.array(path))


def test_a_walk_told_the_last_price_errs_less(bench: Bench) -> None:
    scores = score_walks(lay_ground(bench).coins[0], range(5))
    assert (scores["corrected"] < scores["article"]).all()


def test_unknown_volume_counts_as_zero_and_a_missing_one_is_left_out(walk: pl.DataFrame) -> None:
    some = walk.with_columns(volume=pl.when(pl.col("close") > pl.col("open")).then(pl.col("volume")))
    candles, features = clean_candles(some)
    assert features == ("close", "volume", "close_off_high", "volatility")
    assert candles["volume"].null_count() == 0
    assert (candles["volume"] == 0).any()
    none = walk.with_columns(volume=pl.lit(None, dtype=pl.Float64))
    assert clean_candles(none)[1] == ("close", "close_off_high", "volatility")
    closes = none.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in ("open", "high", "low"))
    assert clean_candles(closes)[1] == ("close",)


def test_the_border(walk: pl.DataFrame) -> None:
    times = walk.filter(pl.col("market") == "simulated:WALK1/USD")["open_time"]
    assert find_border(times) == 1 - 517 / 691
    assert find_border(times.dt.offset_by("3mo")) == "2017-06-01"
    with pytest.raises(TooFewRowsError, match="--since"):
        find_border(times.head(100))


def test_about_names_what_the_study_needs() -> None:
    assert (ABOUT.name, ABOUT.since, ABOUT.until) == ("sheehan", "2016-01-01", "2017-11-21")
    assert set(ABOUT.files) == {"bitcoin", "ethereum"}
