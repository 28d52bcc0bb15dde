"""The whole study on two small simulated walks, where nothing can be forecast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from coincast.articles.bench import Bench
from coincast.articles.fahimi.days import Days, take_days
from coincast.articles.fahimi.errors import persistence_of, versions_table
from coincast.articles.fahimi.fair import fair_error, fair_spec
from coincast.articles.fahimi.flaws import list_flaws
from coincast.articles.fahimi.memory import compare_memories
from coincast.articles.fahimi.study import _chapters, _finding, _outcomes, study
from coincast.articles.fahimi.work import Work, work
from coincast.articles.ways import keep_asked
from coincast.experiments.run import Stopwatch
from coincast.reports.study import Study
from coincast.sources.simulated import simulate

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("steady_code")]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    candles = simulate("walk", candles=220, coins=2, start="2016-01-01", seed=4)
    return Bench(candles, tmp_path_factory.mktemp("fahimi"), size="quick")


@pytest.fixture(scope="module")
def made(bench: Bench) -> Work:
    return work(bench, Stopwatch())


@pytest.fixture(scope="module")
def told(bench: Bench, made: Work) -> Study:
    """Told from what `made` left in the folder: nothing is trained twice."""
    return study(bench)


def test_the_fair_verdict_on_a_walk_is_not_better(told: Study) -> None:
    assert [outcome.market for outcome in told.outcomes] == ["simulated:WALK1/USD", "simulated:WALK2/USD"]
    for outcome in told.outcomes:
        assert outcome.verdict in ("not distinguishable", "worse")
        assert outcome.headline is None  # not the article's candles
        assert outcome.faithful is not None
        assert outcome.fair is not None
        assert outcome.n == 44  # every test day
        assert outcome.says.startswith("The LSTM forecast")


def test_what_was_trained_is_kept_and_read_back(bench: Bench, made: Work) -> None:
    again = work(replace(bench, say=lambda words: pytest.fail(words) if words != "fair" else None), Stopwatch())
    one, other = made.final_runs(1)[0], again.final_runs(1)[0]
    assert (one.said["test"] == other.said["test"]).all()
    assert one.parameters == other.parameters > 0


def rename(days: Days, *coins: str) -> Days:
    return replace(
        days,
        samples=tuple(replace(one, market=f"file:{coin}/USD") for one, coin in zip(days.samples, coins, strict=True)),
    )


@pytest.mark.parametrize("coins", [("BTC", "ETH"), ("ETH", "BTC")])
def test_the_table_of_versions_has_a_row_for_each_coin(made: Work, coins: tuple[str, str]) -> None:
    named = [(version, rename(days, *coins), runs) for version, days, runs in made.versions]
    table = versions_table(named, is_published=True)
    assert table.height == 14
    final = table.filter(pl.col("version") == "2018-03-13").to_dicts()
    assert {row["coin"]: row["recorded: test"] for row in final} == {"BTC": 0.0047, "ETH": 0.0049}
    assert table["last close: test"].min() > 0
    assert versions_table(made.versions, is_published=False)["recorded: test"].null_count() == 14
    watched = [float(made.final_runs(0)[0].watched[-1])]
    off = made.final_runs(0)[0].said["test"] - made.days.targets(0, "test")
    assert watched == pytest.approx([float((off**2).mean())], rel=1e-4)


def test_every_exhibit_is_sound(told: Study, check_exhibits: Callable[[Study], None]) -> None:
    check_exhibits(told)


@pytest.mark.parametrize("way", ["faithful", "fair"])
def test_either_way_alone(bench: Bench, made: Work, way: str) -> None:
    alone = replace(made, result=None) if way == "faithful" else replace(made, versions=(), narrow_runs=())
    outcomes = _outcomes(alone, 1.0)
    shown = keep_asked(_chapters(alone), replace(bench, faithful=way == "faithful", fair=way == "fair"))
    assert {exhibit.side for chapter in shown for exhibit in chapter.exhibits} == {way, "both"}
    assert _finding(alone, outcomes)
    assert len(list_flaws(alone)) == 12
    for outcome in outcomes:
        assert (outcome.faithful is None, outcome.fair is None) == (way == "fair", way == "faithful")


def test_the_fair_way_holds_rows_back_and_forecasts_every_test_day(bench: Bench, made: Work) -> None:
    spec = fair_spec(bench, made.days)
    assert (spec.split.test, spec.split.validation, spec.split.reach_back) == (44, 35, True)
    assert spec.training.patience > 0
    assert (spec.samples.features, spec.samples.inputs) == (["close", "volume"], "all")


def test_fair_and_naive_figures_are_of_the_same_windows(made: Work) -> None:
    assert made.result is not None
    for market in (0, 1):
        naive = fair_error(made.result, made.days, market, "naive")
        assert naive == pytest.approx(persistence_of(made.days, market).mae)


def test_two_markets_of_one_coin_have_pictures_of_their_own(bench: Bench) -> None:
    names = {"simulated:WALK1/USD": "here:BTC/USD", "simulated:WALK2/USD": "there:BTC/USD"}
    days = take_days(bench.candles.with_columns(pl.col("market").replace(names)))
    assert days.stems == ("here-btc-usd", "there-btc-usd")
    assert take_days(bench.candles).stems == ("walk1", "walk2")


def test_the_gradient_vanishes_faster_in_the_plain_network() -> None:
    plain, lstm, opened = compare_memories(lags=40).values()
    for shares in (plain, lstm, opened):
        assert shares[0] == pytest.approx(1)
    assert plain[-1] < lstm[-1] < opened[-1]
    rates = [float(np.exp(np.polyfit(np.arange(10, 40), np.log(shares[10:]), 1)[0])) for shares in (plain, lstm)]
    assert rates[0] < rates[1] < 0.95  # a constant factor from step to step, below 1


def test_one_market_alone(tmp_path: Path) -> None:
    bench = Bench(simulate("walk", candles=120, start="2016-01-01"), tmp_path, size="quick", faithful=False)
    made = work(replace(bench, fair=False), Stopwatch())
    assert (made.days.markets, made.versions, made.result) == (("simulated:WALK1/USD",), (), None)
