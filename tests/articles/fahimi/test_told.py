"""What the study says, told of runs and of a fair experiment that are made up: nothing is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from coincast.articles.bench import Bench
from coincast.articles.fahimi import chapters, chapters_versions, published
from coincast.articles.fahimi.about import ABOUT
from coincast.articles.fahimi.chapters import tell_data, tell_memory, tell_results
from coincast.articles.fahimi.chapters_versions import tell_fair, tell_versions, tell_windows, windows_table
from coincast.articles.fahimi.days import Days, take_days
from coincast.articles.fahimi.errors import persistence_of
from coincast.articles.fahimi.fair import fair_error, fair_spec
from coincast.articles.fahimi.memory import mean_attention
from coincast.articles.fahimi.published import FINAL, VERSIONS, Version
from coincast.articles.fahimi.study import _reasons
from coincast.articles.fahimi.versions import Run, days_of
from coincast.articles.fahimi.work import NARROW, Work, work
from coincast.articles.ways import keep_asked
from coincast.experiments.result import Result
from coincast.experiments.run import Stopwatch, run_experiment
from coincast.experiments.spec import Spec
from coincast.reports.study import Chapter, Study
from coincast.sources.simulated import simulate

NUMBER = pl.int_range(pl.len()).over("market")


@pytest.fixture(scope="module")
def candles() -> pl.DataFrame:
    return simulate("walk", candles=120, coins=2, start="2016-01-01", seed=4)


def make_run(name: str, days: Days, market: int) -> Run:
    """A run that says nine tenths of what the last close says."""
    said = {part: 0.9 * days.persistence(market, part) for part in ("train", "test")}
    losses = np.array([0.03, 0.01, 0.02])
    attention = np.append(np.arange(1.0, days.lookback), 50.0)
    return Run(name, market, 202, 8, losses, 2 * losses, said, attention, 100)


def make_work(candles: pl.DataFrame, folder: Path, *, is_published: bool = False) -> Work:
    bench = Bench(candles, folder, size="quick")

    def make_runs(name: str, days: Days) -> tuple[Run, ...]:
        return tuple(make_run(name, days, market) for market in range(len(days.markets)))

    def make_version(version: Version) -> tuple[Version, Days, tuple[Run, ...]]:
        days = days_of(bench, version)
        return version, days, make_runs(version.name, days)

    days, narrow = take_days(candles), take_days(candles, lookback=published.NARROW_LOOKBACK)
    versions = tuple(map(make_version, VERSIONS))
    return Work(days, narrow, versions, make_runs(NARROW, narrow), None, is_published)


def run_without_network(bench: Bench, name: str, spec: Spec, candles: pl.DataFrame | None = None) -> Result:
    """The fair experiment without its network, whose place drift takes."""
    told = Spec.from_dict({**spec.to_dict(), "models": ["naive", "drift"]})
    return run_experiment(told, bench.candles if candles is None else candles, beside=False)


@pytest.fixture
def fairly(monkeypatch: pytest.MonkeyPatch) -> Callable[[Bench], Work]:
    """The fair way in a moment."""
    monkeypatch.setattr(Bench, "experiment", run_without_network)
    monkeypatch.setattr(chapters_versions, "NETWORK", "drift")
    return lambda bench: work(replace(bench, faithful=False), Stopwatch())


def make_study(*chapters: Chapter) -> Study:
    return ABOUT.make_study(finding="", reasons=(), outcomes=(), flaws=(), data="", chapters=chapters)


def rename(candles: pl.DataFrame) -> pl.DataFrame:
    names = {"simulated:WALK1/USD": "file:BTC/USD", "simulated:WALK2/USD": "file:ETH/USD"}
    return candles.with_columns(pl.col("market").replace(names))


def test_only_the_articles_own_days_chose_its_settings(candles: pl.DataFrame, tmp_path: Path) -> None:
    made = make_work(candles, tmp_path)
    settings = "with settings that were chosen on these very windows"
    assert settings not in " ".join(_reasons(made))
    assert settings in " ".join(_reasons(replace(made, is_published=True)))


def test_everything_that_was_recorded_is_shown(candles: pl.DataFrame, tmp_path: Path) -> None:
    """The numbers that the notebook's stored outputs hold."""
    made = make_work(rename(candles), tmp_path, is_published=True)
    [table] = [shown.table for shown in tell_versions(made).exhibits if shown.name == "versions-table"]  # type: ignore[union-attr]
    logged = table.filter(pl.col("version").is_in(["2018-03-10", "2018-03-13"]))
    assert logged["recorded: test MAE"].to_list() == [0.0504, 0.0493, 0.0502, 0.0491]
    assert table["recorded: test MAE"].null_count() == 10  # the others logged none
    assert set(table["window"]) == {"7 days"}
    for market, coin in enumerate(("BTC", "ETH")):
        own = table.filter(pl.col("coin") == coin, pl.col("version") == FINAL.name)
        naive = persistence_of(made.days, market).mae
        assert own["last close: test MAE"].item() == pytest.approx(naive)
        off = made.final_runs(market)[0].said["test"] - made.days.targets(market, "test")
        assert own["here: test MAE"].item() == pytest.approx(np.abs(off).mean())
    told = tell_results(made).text
    for paragraph, figures in zip(
        told[1:], (("53", "0.0047", "0.0089", "0.0343"), ("44", "0.0048", "0.0651", "0.0296")), strict=True
    ):
        [sentence] = [one for one in paragraph.split(". ") if one.startswith("In the notebook")]
        assert f"epoch {figures[0]} of 53, at {figures[1]}" in sentence
        assert f"{figures[2]} in training and {figures[3]} on the test windows" in sentence
    assert "notebook" not in " ".join(tell_results(replace(made, is_published=False)).text)


def test_a_test_span_that_stands_still_has_no_skill(
    candles: pl.DataFrame, tmp_path: Path, fairly: Callable[[Bench], Work], check_exhibits: Callable[[Study], None]
) -> None:
    prices = [pl.when(NUMBER < 90).then(name).otherwise(100.0).alias(name) for name in ("open", "high", "low", "close")]
    still = candles.with_columns(prices)
    made = make_work(still, tmp_path)
    fair = fairly(Bench(still, tmp_path, size="quick"))
    assert fair.result is not None
    told = [tell_results(made), tell_versions(made), tell_windows(made), tell_fair(fair, fair.result)]
    [errors] = [shown.table for shown in told[0].exhibits if shown.name == "errors"]  # type: ignore[union-attr]
    assert errors["skill beside the last close"].to_list() == [None] * 4
    assert windows_table(made)["skill"].to_list() == [None] * 4
    assert "0 of 4 settings are ahead" in told[2].text[1]
    check_exhibits(make_study(*told))
    assert _reasons(made)


def test_closes_alone_have_their_chapter_on_the_data(candles: pl.DataFrame, tmp_path: Path) -> None:
    unknown = pl.lit(None, dtype=pl.Float64)
    closes = candles.with_columns(open=unknown, high=unknown, low=unknown)
    told = tell_data(make_work(closes, tmp_path))
    for way in ("faithful", "fair"):
        bench = Bench(closes, tmp_path, faithful=way == "faithful", fair=way == "fair")
        [kept] = keep_asked([told], bench)
        assert [shown.name for shown in kept.exhibits] == ["close-walk1", "close-walk2"]


def test_the_oldest_day_of_a_window_has_no_share(
    candles: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    falls = {name: 0.9 ** np.arange(60.0) for name in ("plain RNN", "LSTM", "LSTM, forget gate at 4")}
    monkeypatch.setattr(chapters, "compare_memories", lambda: falls)
    made = make_work(candles, tmp_path)
    days = made.days
    assert not days.pasts("test")[:, 0].any()  # its inputs are relative to themselves
    assert mean_attention(made.final_runs(0)) == pytest.approx(np.arange(1, 7) / 21)
    told = tell_memory(made)
    assert "reacts to, the last day has a share of 4.8 % (WALK1)" in told.text[2]
    [caption] = [shown.caption for shown in told.exhibits if shown.name == "attention"]
    assert "without the first day" in caption


def test_fair_and_naive_figures_are_of_the_same_windows_whatever_is_unknown(
    candles: pl.DataFrame, tmp_path: Path, fairly: Callable[[Bench], Work]
) -> None:
    bench = Bench(candles, tmp_path, size="quick")
    whole = fairly(bench)
    assert whole.result is not None
    assert "every test day is forecast" in tell_fair(whole, whole.result).text[0]
    unknown = candles.with_columns(volume=pl.when(NUMBER.is_in([30, 100])).then(None).otherwise(pl.col("volume")))
    cut = fairly(replace(bench, candles=unknown.filter(NUMBER != 106)))
    assert cut.result is not None
    told = tell_fair(cut, cut.result)
    assert "17 of 24 test days are forecast" in told.text[0]  # seven after the gap lack their past
    for one in (whole, cut):
        assert one.result is not None
        for market in (0, 1):
            naive = fair_error(one.result, one.days, market, "naive")
            assert naive == pytest.approx(persistence_of(one.days, market).mae)


def test_the_fair_way_learns_from_inputs_that_its_rows_tell(candles: pl.DataFrame, tmp_path: Path) -> None:
    """What is told only later can neither be learnt from nor be known of."""
    known = pl.col("volume")
    for unknown in (110, 96, 80):  # up to a test row, to the first of them, to a row that is held back
        late = candles.with_columns(volume=pl.when(unknown > NUMBER).then(None).otherwise(known))
        days = take_days(late)
        assert days.features == ("close",)
        spec = fair_spec(Bench(late, tmp_path, size="quick"), days)
        assert run_without_network(Bench(days.candles, tmp_path), "fair", spec).forecasts.height
    assert take_days(candles.with_columns(volume=pl.lit(5.0))).features == ("close",)
    late = candles.with_columns(volume=pl.when(NUMBER < 40).then(None).otherwise(known))
    assert take_days(late).features == ("close", "volume")
