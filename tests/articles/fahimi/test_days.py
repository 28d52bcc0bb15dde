"""The article's rows, windows and opponents on its own days, with every figure that is known of them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from coincast.articles.bench import Bench
from coincast.articles.data import Given, gather_material
from coincast.articles.fahimi.about import ABOUT
from coincast.articles.fahimi.days import Days, take_days
from coincast.articles.fahimi.errors import measure, persistence_of
from coincast.articles.fahimi.published import FINAL, VERSIONS
from coincast.articles.fahimi.versions import days_of, is_published, network_of, plan_versions, recipe_of
from coincast.candles.table import PRICES
from coincast.errors import CandleError, TooFewRowsError, UsageError
from coincast.models.forecaster import Axes
from coincast.models.lstm import LSTM
from coincast.sources.files import read_candles
from coincast.sources.simulated import simulate

FIRST, LAST = datetime(2016, 1, 1, tzinfo=UTC), datetime(2018, 3, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def candles(shared_data: Path) -> pl.DataFrame:
    """Bitcoin and Ethereum to the newest row of the final run."""
    files = [read_candles(shared_data / "cmc" / f"coin_{name}.csv") for name in ("Bitcoin", "Ethereum")]
    return pl.concat(files).filter(pl.col("open_time").is_between(FIRST, LAST))


@pytest.fixture(scope="module")
def days(candles: pl.DataFrame) -> Days:
    return take_days(candles)


def test_rows_and_windows_are_the_notebooks(days: Days, candles: pl.DataFrame, tmp_path: Path) -> None:
    assert (days.rows, len(days.train), len(days.test)) == (802, 641, 161)
    assert (len(days.windows("train")), len(days.windows("test"))) == (634, 154)
    assert days.samples[0].names == ("BTC close", "BTC quote_volume", "ETH close", "ETH quote_volume")
    assert len(take_days(candles, features=8).samples[0].names) == 8
    assert days.candles.equals(candles)  # nothing is unknown, and all days are common


def test_the_articles_own_candles_are_told_from_those_of_an_exchange(candles: pl.DataFrame, tmp_path: Path) -> None:
    assert is_published(Bench(candles, tmp_path))
    exchange = candles.with_columns(pl.col("close") * 1.001)  # the same coins, days and number of rows
    assert not is_published(Bench(exchange, tmp_path))


def test_persistence_on_the_same_windows(days: Days) -> None:
    found = [persistence_of(days, market) for market in (0, 1)]
    assert [round(one.mae, 4) for one in found] == [0.0507, 0.0480]
    assert [round(one.mse, 4) for one in found] == [0.0047, 0.0045]
    assert round(persistence_of(days, 0, "train").mse, 4) == 0.0013


def test_eight_training_targets_of_ethereum_are_beyond_the_tanh(days: Days) -> None:
    targets = days.targets(1, "train")
    assert ((targets > 1).sum(), len(targets)) == (8, 634)
    assert targets.max() == pytest.approx(1.61, abs=0.005)


def test_a_shorter_window_improves_persistence_without_a_model(days: Days, candles: pl.DataFrame) -> None:
    narrow = take_days(candles, lookback=3)
    for market in (0, 1):
        assert persistence_of(narrow, market).mae < persistence_of(days, market).mae
        same = persistence_of(narrow, market, like=days.windows("test")).relative
        assert same == pytest.approx(persistence_of(days, market).relative, rel=1e-12)


def test_each_version_sees_the_rows_before_its_day(candles: pl.DataFrame, tmp_path: Path) -> None:
    bench = Bench(candles, tmp_path)
    for version in VERSIONS:
        newest = days_of(bench, version).samples[0].candles["open_time"][-1]
        assert newest.date() == version.day - timedelta(days=1)
    assert days_of(bench, FINAL).rows == 802


def test_a_shorter_span_has_the_same_rows_for_every_version(candles: pl.DataFrame, tmp_path: Path) -> None:
    short = candles.filter(pl.col("open_time") >= datetime(2018, 1, 1, tzinfo=UTC))  # to the article's newest row
    assert {days_of(Bench(short, tmp_path), version).rows for version in VERSIONS} == {71}


# ---------------------------------------------------------------- without files


@pytest.mark.parametrize(
    ("units", "lookback", "parameters"), [(512, 7, 5_257_729), (1_024, 3, 21_001_217)], ids=["final", "update"]
)
def test_parameters(units: int, lookback: int, parameters: int) -> None:
    layers = network_of(units).layers(Axes(lookback, 4, 1))
    assert sum(layer.parameters for layer in layers) == parameters
    if units == 512:
        assert [layer.parameters for layer in layers if layer.parameters] == [1_058_816, 2_099_200, 2_099_200, 513]


def test_the_seven_versions_are_four_programs(tmp_path: Path) -> None:
    candles = simulate("walk", candles=120, coins=2, start="2016-01-01")
    for size, units, seeds in (("quick", 8, 1), ("usual", 512, 5), ("long", 512, 5)):
        jobs = plan_versions(Bench(candles, tmp_path, size=size))  # type: ignore[arg-type]
        assert [[version.name for version in job.versions] for job in jobs] == [
            ["2018-02-09"],
            ["2018-02-10"],
            ["2018-02-12", "2018-02-12 b", "2018-02-26"],
            ["2018-03-10", "2018-03-13"],
        ]
        assert (jobs[3].units, len(jobs[3].seeds[1])) == (units, seeds)
        assert jobs[0].units == (units if size == "usual" else 2 * units)
        assert jobs[2].seeds[0] != jobs[2].seeds[1]  # what was run twice has another seed


def test_what_each_version_was_trained_with() -> None:
    recipe = recipe_of(FINAL, FINAL.epochs)
    assert (recipe.epochs, recipe.batch_size, recipe.loss, recipe.shuffle) == (53, 128, "mse", False)
    assert [version.dropout for version in VERSIONS] == [0.0, 0.0, 0.0, 0.0, 0.25, 0.25, 0.25]
    with pytest.raises(UsageError, match="dropout"):
        LSTM(dropout=VERSIONS[0].rate)


def test_errors_in_all_units_against_a_loop() -> None:
    days = take_days(simulate("walk", candles=90, coins=2, start="2016-01-01", seed=2))
    samples, windows = days.samples[1], days.windows("test")
    rng = np.random.default_rng(0)
    said = days.targets(1, "test") + 0.1 * rng.standard_normal(len(windows))
    off, usd, relative = [], [], []
    for place, start in enumerate(windows.starts):
        first, last, after = (samples.close[start + step] for step in (0, 6, 7))
        price = (said[place] + 1) * first
        off.append(said[place] - (after / first - 1))
        usd.append(abs(price - after))
        relative.append(abs(price - after) / last)
    found = measure(days, 1, "test", said)
    assert found.mae == pytest.approx(np.mean(np.abs(off)))
    assert found.mse == pytest.approx(np.mean(np.square(off)))
    assert found.price == pytest.approx(np.mean(usd))
    assert found.relative == pytest.approx(np.mean(relative))
    newest = windows.select(windows.starts >= windows.starts[-3])
    assert measure(days, 1, "test", said, like=newest).price == pytest.approx(np.mean(usd[-3:]))


def test_only_the_same_days_count_where_a_gap_cuts_windows() -> None:
    whole = simulate("walk", candles=120, start="2016-01-01", seed=2)
    candles = whole.filter(pl.int_range(pl.len()) != 105)
    wide, narrow = (take_days(candles, lookback=lookback) for lookback in (7, 3))
    common = wide.windows("test")
    assert len(common) < len(narrow.windows("test")) - 4  # the gap cuts more of the wide windows
    assert persistence_of(narrow, 0, like=common).relative == pytest.approx(persistence_of(wide, 0).relative, rel=1e-12)


def test_training_windows_do_not_know_the_test_rows() -> None:
    candles = simulate("walk", candles=90, coins=2, start="2016-01-01", seed=2)
    border = take_days(candles).samples[0].candles["open_time"][take_days(candles).test.first]
    later = pl.col("open_time") >= border
    changed = candles.with_columns(
        pl.when(later).then(pl.col(name) * 2 + 1).otherwise(pl.col(name)) for name in ("open", "high", "low", "close")
    )
    one, other = take_days(candles), take_days(changed)
    rows = one.windows("train").past_rows
    assert (one.samples[0].inputs[rows] == other.samples[0].inputs[rows]).all()
    assert all((one.targets(market, "train") == other.targets(market, "train")).all() for market in (0, 1))
    assert not (one.targets(0, "test") == other.targets(0, "test")).any()


def test_one_market_and_an_unknown_volume_will_do() -> None:
    candles = simulate("walk", candles=90).with_columns(volume=pl.lit(None, dtype=pl.Float64))
    assert take_days(candles).samples[0].names == ("close",)
    some = simulate("walk", candles=90).with_columns(
        volume=pl.when(pl.int_range(pl.len()) == 10).then(None).otherwise(pl.col("volume"))
    )
    days = take_days(some)
    assert days.samples[0].names == ("close", "volume")
    assert days.samples[0].inputs[10, 1] == 0  # the article's cleaning


def test_the_notebook_names_files_as_they_are_taken(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [words, *_] = json.loads((project / "notebooks" / "fahimi.ipynb").read_text(encoding="utf-8"))["cells"]
    other_files, other_span = re.findall("`(Given.*?)`", "".join(words["source"]))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "cmc").mkdir(parents=True)
    for number, names in enumerate([("btc.csv", "coin_Bitcoin.csv"), ("eth.csv", "coin_Ethereum.csv")]):
        walk = simulate("walk", candles=1_100, start="2016-01-01", seed=number)
        for name in (names[0], f"data/cmc/{names[1]}"):
            walk.select(pl.col("open_time").dt.strftime("%Y-%m-%d"), *PRICES, "volume").write_csv(name)
    for told, span in ((other_files, (FIRST, LAST)), (other_span, (datetime(2017, 1, 1), datetime(2018, 12, 31)))):
        [material] = gather_material(ABOUT, eval(told, {"Given": Given, "Path": Path}))
        assert material.candles["market"].n_unique() == 2
        times = material.candles["open_time"].dt.date()
        assert (times.min(), times.max()) == tuple(day.date() for day in span)


def test_too_few_days_are_refused() -> None:
    with pytest.raises(TooFewRowsError, match="take a longer span"):
        take_days(simulate("walk", candles=40))


@pytest.mark.parametrize(
    ("gaps", "part"), [((100, 106, 113), "test"), (range(65, 96, 6), "validation"), (range(5, 72, 6), "training")]
)
def test_gaps_that_leave_hardly_a_window_are_refused(gaps: Sequence[int], part: str) -> None:
    whole = simulate("walk", candles=120, coins=2, start="2016-01-01", seed=2)
    with pytest.raises(TooFewRowsError, match=rf"{part} rows .* windows? of 8 rows without a gap.*longer span"):
        take_days(whole.filter(~pl.int_range(pl.len()).over("market").is_in(list(gaps))))


def test_a_price_that_stands_still_is_refused_in_the_words_of_the_command() -> None:
    walk = simulate("walk", candles=120, coins=2, start="2016-01-01", seed=2)
    is_still = (pl.col("market") == "simulated:WALK2/USD") & (pl.int_range(pl.len()).over("market") < 100)
    still = walk.with_columns(pl.when(is_still).then(1.0).otherwise(name).alias(name) for name in PRICES)
    with pytest.raises(CandleError, match="the close of simulated:WALK2/USD is 1 in all of the first 77 candles"):
        take_days(still)


def test_ranges_that_tell_nothing_are_left_out() -> None:
    flat = simulate("walk", candles=90).with_columns(pl.col("close").alias(name) for name in ("open", "high", "low"))
    assert take_days(flat, features=8).samples[0].names == ("close", "volume")
