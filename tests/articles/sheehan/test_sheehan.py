"""Article 0 on small made-up markets: the whole study, its two ways, and that nothing leaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from coincast.articles.bench import Bench
from coincast.articles.sheehan import chapters, chapters_questions, published, questions
from coincast.articles.sheehan.about import ABOUT
from coincast.articles.sheehan.comparison import run_for_table
from coincast.articles.sheehan.draw_fits import draw_fit, segments, step_errors
from coincast.articles.sheehan.draw_scores import Box, Group, Skill, draw_boxes, draw_copying, draw_skills
from coincast.articles.sheehan.draw_walks import draw_walk_steps
from coincast.articles.sheehan.fair import fair_error, fair_spec, held_back, run_fair
from coincast.articles.sheehan.ground import EARLY, choose_features, find_border, lay_ground
from coincast.articles.sheehan.intervals import compare_intervals, list_kinds
from coincast.articles.sheehan.questions import FORECAST, learn_longer
from coincast.articles.sheehan.singles import Singles, model_stem, train_singles
from coincast.articles.sheehan.study import QUESTIONS, study
from coincast.articles.sheehan.walks import score_walks, walk_for_seed
from coincast.articles.sheehan.work import Work, do_work
from coincast.articles.window_error import window_error
from coincast.candles.table import interval_milliseconds
from coincast.errors import ColumnError, TooFewRowsError
from coincast.experiments.result import Result
from coincast.experiments.run import Stopwatch, run_experiment
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import Task, make_tasks
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


def test_unknown_volume_counts_as_zero_and_a_missing_one_is_left_out(walk: pl.DataFrame, tmp_path: Path) -> None:
    """As published it is 0; the fair way makes nothing up, and does without."""
    ranges = ("close_off_high", "volatility")
    some = walk.with_columns(volume=pl.when(pl.col("close") > pl.col("open")).then(pl.col("volume")))
    bench = Bench(some, tmp_path)
    ground = lay_ground(bench)
    assert ground.features == ("close", "volume", *ranges)
    assert ground.filled["volume"].null_count() == 0
    assert (ground.filled["volume"] == 0).sum() == ground.candles["volume"].null_count() > 0
    assert ground.known == ("close", *ranges)
    assert fair_spec(bench, ground).samples.features == ["close", *ranges]
    none = walk.with_columns(volume=pl.lit(None, dtype=pl.Float64))
    assert choose_features(none, 150) == (("close", *ranges),) * 2
    closes = none.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in ("open", "high", "low"))
    assert choose_features(closes, 150) == (("close",),) * 2


def test_an_input_must_vary_before_the_first_training_ends(walk: pl.DataFrame) -> None:
    """The first volumes of many coins are not known; what walks forward learns from the oldest rows alone."""
    for rows in (140, CANDLES, 5_000):
        assert int(EARLY * rows) < (1 - FORECAST) * rows - held_back((1 - FORECAST) * rows)
    late = walk["open_time"].min() + timedelta(days=80)  # type: ignore[operator]
    candles = walk.with_columns(
        volume=pl.when(pl.col("open_time") > late).then("volume"),
        low=pl.when(pl.col("open_time") > late).then("low").otherwise("high"),
    )
    assert choose_features(candles, 180) == (("close",),) * 2


def test_test_rows_choose_no_input(walk: pl.DataFrame, tmp_path: Path) -> None:
    """What the newest candle of one coin lacks changes no input of another candle, and costs the others nothing."""
    newest = (pl.col("open_time") == pl.col("open_time").max()) & (pl.col("market") == walk["market"][0])
    names = ("high", "low", "volume")
    lacking = walk.with_columns(pl.when(~newest).then(pl.col(name)).alias(name) for name in names)
    whole, cut = (lay_ground(Bench(candles, tmp_path)) for candles in (walk, lacking))
    assert (cut.features, cut.known) == (whole.features, whole.known)
    for one, other in zip(whole.coins, cut.coins, strict=True):
        assert other.task.test.starts.tolist() == one.task.test.starts.tolist()


def test_an_unknown_volume_of_the_test_span_costs_its_own_windows(walk: pl.DataFrame, bench: Bench) -> None:
    """The fair way does not forecast from what it does not know, and stands beside naive on the same windows."""
    day = walk["open_time"].max() - timedelta(days=25)  # type: ignore[operator]
    lacking = walk.with_columns(volume=pl.when(pl.col("open_time") != day).then("volume"))
    told = study(replace(bench, candles=lacking, faithful=False), questions=False)
    for outcome, coin in zip(told.outcomes, lay_ground(bench).coins, strict=True):
        assert outcome.naive == pytest.approx(coin.error_of(coin.last))
        assert outcome.n == len(coin.task.parts.test) - published.LOOKBACK
        assert outcome.fair_naive not in (None, pytest.approx(outcome.naive))
        assert outcome.fair_metric.endswith("where every input is known")
    assert "so that 50 of the 60 test days are forecast" in " ".join(text for one in told.chapters for text in one.text)


def test_what_cannot_be_forecast_is_refused_before_it_is_trained(walk: pl.DataFrame, tmp_path: Path) -> None:
    closes = walk.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in ("open", "high", "low"))
    with pytest.raises(ColumnError, match="has no open in its training rows"):
        lay_ground(Bench(closes, tmp_path))
    late = walk["open_time"].max() - timedelta(days=50)  # type: ignore[operator]
    bench = Bench(walk.with_columns(volume=pl.when(pl.col("open_time") < late).then("volume")), tmp_path)
    with pytest.raises(TooFewRowsError):
        do_work(bench, lay_ground(bench), Stopwatch())


def test_frozen_prices_are_told_and_drawn(walk: pl.DataFrame, tmp_path: Path) -> None:
    """Where no test close moves, copying makes no error, and nothing has a skill."""
    frozen = freeze(walk, days=70)
    ground = lay_ground(Bench(frozen, tmp_path))
    assert [coin.explained for coin in ground.coins] == [None, None]
    told = chapters.tell_inputs(Work(Bench(frozen, tmp_path), ground, None, None))
    assert "WALK1 \N{EN DASH}, WALK2 \N{EN DASH}" in " ".join(told.text)
    assert draw_walk_steps(LIGHT, ground=ground).axes
    rows = [Skill("WALK1", name, None, None, None, 60) for name in ("calm", "wild")]
    assert draw_skills(LIGHT, title="t", subtitle="s", rows=rows).axes
    row = {"coin": "WALK1", "name": "mse", "error": 0.01, "naive": 0.0, "boldness": None, "hit_rate": None}
    assert draw_copying(LIGHT, title="t", subtitle="s", rows=[row]).axes


def test_the_enlarged_part_of_a_frozen_price_has_a_height(walk: pl.DataFrame, tmp_path: Path) -> None:
    coin = lay_ground(Bench(freeze(walk, days=100), tmp_path)).coins[0]
    rows = coin.task.samples.candles[120:180].select(
        pl.col("close_time").alias("origin"), pl.col("close_time").alias("target_time"),
        *(pl.col("close").alias(name) for name in ("value", "actual", "last_close", "first_close")),
        market=pl.lit(coin.market), part=pl.lit("train"), step=pl.lit(1), seed=pl.lit(published.SEED),
    )  # fmt: skip
    figure = draw_fit(LIGHT, coin=coin, singles=Singles(rows, 1, (published.SEED,), 1, 1, "mae"))
    low, high = figure.axes[0].child_axes[0].get_ylim()
    assert low < coin.task.samples.close[-1] < high


def freeze(candles: pl.DataFrame, *, days: int) -> pl.DataFrame:
    """The same with the newest days of every market at one price."""
    is_new = pl.col("open_time") > pl.col("open_time").max() - timedelta(days=days)
    last = pl.col("close").filter(~is_new).last().over("market")
    return candles.with_columns(
        pl.when(is_new).then(last).otherwise(pl.col(name)).alias(name) for name in ("open", "high", "low", "close")
    )


def test_many_coins_have_boxes_in_several_lines() -> None:
    """Twelve panels side by side would be narrower than nothing."""
    groups = [Group(f"COIN{number}", (Box("LSTM", np.array([1.0, 2.0, 3.0])),)) for number in range(12)]
    figure = draw_boxes(LIGHT, title="t", subtitle="s", groups=groups, unit="u", limits=(0.0, 4.0))
    places = [axes.get_position() for axes in figure.axes]
    assert len(places) == 12
    assert min(place.width for place in places) > 0.3
    assert not any(one.overlaps(other) for one, other in combinations(places, 2))


def test_held_back_rows_hold_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """15 % of a short training part are fewer rows than a window has; where gaps leave none, nothing is trained."""
    tasks: list[Task] = []

    def stop(_: Bench, __: str, spec: Spec, candles: pl.DataFrame) -> Result:
        tasks.extend(make_tasks(spec, candles))
        raise TooFewRowsError("enough seen")

    monkeypatch.setattr(questions, "run_for_table", stop)
    candles = simulate("walk", candles=160, start="2017-03-25", seed=4)
    bench = Bench(candles, tmp_path, size="quick")
    ground = lay_ground(bench)
    assert (ground.border, len(ground.coins[0].task.parts.train), held_back(68)) == ("2017-06-01", 68, 10)
    with pytest.raises(TooFewRowsError, match="enough seen"):
        learn_longer(bench, ground)
    assert [len(task.validation) for task in tasks] == [20]
    is_hole = pl.col("open_time").dt.ordinal_day().is_in(range(121, 152, 10))
    broken = replace(bench, candles=candles.filter(~is_hole))
    with pytest.raises(TooFewRowsError, match="without a gap"):
        learn_longer(broken, lay_ground(broken))


def test_a_question_without_an_answer_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others stay; and a period too short for an interval is not counted among the intervals."""

    def refuse(*_: object) -> pl.DataFrame:
        raise TooFewRowsError("samples.lookback 40 needs 41 candles in a row;\nask for a shorter window")

    ends = {"low": [0.1, None], "high": [0.3, None], "n": [90, 5]}
    market = lay_ground(bench).markets[0]
    periods = pl.DataFrame({"period": ["2016", "2017"], "market": market, "skill": [0.2, 0.1], **ends})
    monkeypatch.setattr(questions, "vary_window", refuse)
    monkeypatch.setattr(questions, "walk_forward", lambda *_: periods)
    told = {chapter.title: chapter for chapter in study(replace(bench, faithful=False)).chapters}
    windows = told["Does a shorter or a longer window help?"]
    assert windows.text == (
        "These candles do not suffice to answer it: samples.lookback 40 needs 41 candles in a row; ask for a shorter "
        "window.",
    )
    assert told["Does it overestimate?"].exhibits
    assert "of 1 interval (1 period has none) above zero 1, below zero 0." in told["Does a pattern disappear?"].text[0]


def test_errors_in_all_units_stand_beside_every_opponent(told: Study, bench: Bench) -> None:
    tables = {sheet.name: sheet.table for sheet in told.sheets()}
    result, [first, _] = run_fair(bench, lay_ground(bench)), lay_ground(bench).coins
    for name in ("opponents", "fair-table"):
        naive = tables[name].filter(pl.col("forecast") == "naive (lag)")
        assert set(naive["skill, %"]) == {"0.0"}
        assert naive.select("MAE, USD", "MAE, share of the last price").null_count().sum_horizontal()[0] == 0
    mine = result.forecasts.filter(pl.col("model") == "naive", pl.col("market") == first.market)
    errors = [abs(row["value"] - row["actual"]) for row in mine.to_dicts()]
    relative = [error / row["last_close"] for error, row in zip(errors, mine.to_dicts(), strict=True)]
    is_own = (pl.col("coin") == first.name) & (pl.col("forecast") == "naive (lag)")
    row = tables["fair-table"].row(by_predicate=is_own, named=True)
    assert row["MAE, USD"] == pytest.approx(np.mean(errors))
    assert row["MAE, share of the last price"] == pytest.approx(np.mean(relative))


def test_sentences_are_of_these_candles(told: Study, walk: pl.DataFrame, bench: Bench, tmp_path: Path) -> None:
    words = " ".join(text for chapter in told.chapters for text in chapter.text)
    assert "This is the article's headline" not in words
    assert "that the article forecasts" not in told.outcomes[0].says
    assert "the mean forecast of 3 networks" in told.outcomes[0].says
    exhibits = [shown for chapter in told.chapters for shown in chapter.exhibits]
    captions = {shown.name: shown.caption for shown in exhibits}
    assert "learning rate 0.003 (the article: 1 and 0.001)" in captions["more-units"]
    assert "training 2016-09-01 to 2017-02-27" in captions["fair-training-walk1"]
    assert captions["shift"] == captions["shift-table"]
    [rows] = [flaw.what for flaw in told.flaws if flaw.what.startswith("Rows are left out")]
    assert "segment" not in rows  # 60 test days less the first 10 are ten whole segments
    plain = walk.with_columns(volume=pl.lit(None, dtype=pl.Float64), high="close", low="close")
    bare = Bench(plain, tmp_path)
    text = " ".join(chapters.tell_inputs(Work(bare, lay_ground(bare), None, None)).text)
    assert "The close is divided by its first value" in text
    assert "is used here" not in text


def test_words_are_of_the_ways_that_were_asked_for(bench: Bench) -> None:
    ground, held, scale, many = lay_ground(bench), "No part is held back", "On a scale", "Many walks at once"
    for faithful, fair in ((True, False), (False, True)):
        work = Work(replace(bench, faithful=faithful, fair=fair), ground, None, None)
        text = " ".join([*chapters.tell_data(work).text, *chapters.tell_walks(work).text])
        assert [words in text for words in (held, scale, many)] == [faithful, fair, fair]


def test_minutes_have_nothing_shorter_to_look_for() -> None:
    hint = chapters_questions.tell_no_shorter
    assert "--interval 1h" in hint(interval_milliseconds("1d"))
    assert "--interval 1m" in hint(interval_milliseconds("1h"))
    assert "BTC_USDT-1h" not in hint(interval_milliseconds("1h"))
    assert "--data" not in hint(interval_milliseconds("1m"))


def test_only_a_long_study_keeps_the_runs_of_its_tables(bench: Bench, tmp_path: Path) -> None:
    ground = lay_ground(bench)
    spec = ground.spec("kept", models=["naive"])
    for own, kept in ((replace(bench, folder=tmp_path), False), (replace(bench, folder=tmp_path, size="long"), True)):
        run_for_table(own, "kept", spec, ground.filled)
        assert (tmp_path / "runs").is_dir() == kept


def test_the_border(walk: pl.DataFrame) -> None:
    times = walk.filter(pl.col("market") == "simulated:WALK1/USD")["open_time"]
    assert find_border(times) == 1 - 517 / 691
    assert find_border(times.dt.offset_by("3mo")) == "2017-06-01"
    with pytest.raises(TooFewRowsError, match="--since"):
        find_border(times.head(100))


def test_about_names_what_the_study_needs() -> None:
    assert (ABOUT.name, ABOUT.since, ABOUT.until) == ("sheehan", "2016-01-01", "2017-11-21")
    assert set(ABOUT.files) == {"bitcoin", "ethereum"}
