"""The trainings of article 2 at the smallest size: killed and started again, its files, and the study as it is told."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import coincast as cc
from coincast.articles.bench import Bench
from coincast.articles.huang import found as found_module
from coincast.articles.huang import regularisers
from coincast.articles.huang.blocks import Blocks, make_blocks
from coincast.articles.huang.combinations import Searched, SearchPlan
from coincast.articles.huang.fair import split_fairly
from coincast.articles.huang.networks import configurations
from coincast.articles.huang.regularisers import NONE, SETTINGS, TERMS, StudyPlan, run_study
from coincast.articles.huang.study import is_like_the_articles, study
from coincast.articles.huang.training import ArticleFiles, Plan, train_all, values_of
from coincast.articles.huang.walk_forward import make_partitions
from coincast.errors import TooFewRowsError
from coincast.reports.numbers import amount, percent
from coincast.reports.palette import DARK
from coincast.reports.study import Study
from coincast.training.block import Epoch
from coincast.training.checkpoint import parse_checkpoint_name, read_checkpoint
from coincast.training.history import read_history

MakeBench = Callable[..., Bench]


@pytest.fixture
def few_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two terms and three settings, so that a study takes seconds."""
    monkeypatch.setattr(regularisers, "TERMS", ("bias", "activity"))
    settings = {name: SETTINGS[name] for name in (NONE, "L1 0.1", "L2 0.01")}
    monkeypatch.setattr(regularisers, "SETTINGS", settings)


STUDY = """
import sys, time
from pathlib import Path

import coincast as cc
from coincast.articles import bench
from coincast.articles.huang import regularisers
from coincast.articles.huang.blocks import make_blocks

term, epoch, folder = sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])
bench.SECONDS_BETWEEN_STATES = 0
regularisers.TERMS = ("bias", "activity")
regularisers.SETTINGS = {name: regularisers.SETTINGS[name] for name in ("none", "L1 0.1", "L2 0.01")}


def wait(name, progress):
    if name == f"regulariser-{term}" and progress.epoch > epoch:
        print("kill me", flush=True)
        time.sleep(120)


walk = cc.simulate("walk", candles=10 * 272 + 100, seed=3, interval="5m")
place = bench.Bench(walk, folder=folder, size="quick", on_progress=wait)
regularisers.run_study(place, make_blocks(walk), regularisers.StudyPlan(repeats=1, epochs=3, blocks=8))
"""


def kill_study(folder: Path, term: str, epoch: float) -> None:
    """Do the study in a process of its own, and end it without a word when a term is so far."""
    command = [sys.executable, "-c", STUDY, term, str(epoch), str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "kill me"
    process.kill()
    assert process.wait() != 0
    process.stdout.close()


@pytest.mark.long
@pytest.mark.usefixtures("few_settings")
def test_a_study_that_was_killed_ends_with_the_same_scores(
    walk: pl.DataFrame, make_bench: MakeBench, tmp_path: Path
) -> None:
    """Issue 6, "done when" 8: SIGKILL in its first set of runs, and again in the second, after some of its epochs."""
    blocks, plan = make_blocks(walk), StudyPlan(repeats=1, epochs=3, blocks=8)
    whole = run_study(make_bench(walk, folder=tmp_path / "whole"), blocks, plan)
    folder = tmp_path / "killed"
    kill_study(folder, "bias", 0)
    assert not list(folder.glob("tables/*"))
    kill_study(folder, "activity", 1.2)
    assert [path.name.rpartition("-")[0] for path in folder.glob("tables/*")] == ["regulariser-bias"]
    assert list(folder.glob("unfinished/regulariser-activity*"))
    said: list[str] = []
    again = run_study(make_bench(walk, folder=folder, say=said.append), blocks, plan)
    assert "regulariser-bias" not in said
    assert again.drop("seconds").equals(whole.drop("seconds"))
    assert whole.height == 2 * 3
    assert whole["error"].is_finite().all()
    assert (whole["seconds"] > 0).all()
    assert np.allclose(whole["error"], (whole["first_half"] + whole["second_half"]) / 2)


def test_the_files_of_the_article(tmp_path: Path) -> None:
    """2.3: a log of every epoch, and weights `<name>-{epoch:02d}-{val_loss:.5f}`, here of the first seed."""
    files = ArticleFiles(tmp_path, "btc5m_close_CNN_2_relu", 2)
    for number in range(1, 13):
        losses = np.array([1.0, 2.0]) / number
        epoch = Epoch(number, [0, 1], losses, losses / 2, np.ones(2, dtype=bool), lambda run: {"w": np.full(3, run)})
        files(epoch)
    names = sorted(path.name for path in tmp_path.rglob("*.safetensors"))
    assert len(names) == 12
    assert names[0] == "btc5m_close_CNN_2_relu-01-0.50000.safetensors"
    for name in names:
        parsed = parse_checkpoint_name(name)
        assert parsed.loss == pytest.approx(0.5 / parsed.epoch, abs=1e-5)
    assert read_checkpoint(tmp_path / "run-1" / names[0]).arrays["w"].tolist() == [0, 0, 0]
    for run in (1, 2):
        log = read_history(tmp_path / f"run-{run}" / "btc5m_close_CNN_2_relu.csv")
        assert log["epoch"].to_list() == list(range(1, 13))
        assert log["val_loss"][3] == pytest.approx(run / 8)
    assert len(files.epoch_seconds) == 11
    assert files.seconds_per_epoch >= 0


def test_the_best_epoch_is_chosen_by_validation_loss(
    walk: pl.DataFrame, make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Error and validation loss are the same figure twice: of the same blocks, with the same weights (2.5)."""
    one = configurations()[0]
    monkeypatch.setattr("coincast.articles.huang.training.configurations", lambda: (one,))
    blocks = make_blocks(walk)
    table = train_all(make_bench(walk), blocks, Plan(seeds=2, epochs=6))
    assert table["parameters"].unique().to_list() == [297]
    for row in table.to_dicts():
        losses = np.array(row["validation_losses"])
        assert row["best_epoch"] == int(losses.argmin()) + 1
        assert row["validation_loss"] == losses.min()
        assert row["error"] == pytest.approx(row["validation_loss"] * blocks.reach**2, rel=1e-3)
        assert values_of(row).shape == (blocks.held_back, 16)


@pytest.mark.parametrize(("rows", "month", "count"), [(26_761, 2_676, 5), (104_816, 8_000, 8), (253_208, 8_000, 26)])
def test_partitions_of_the_walk_forward(rows: int, month: int, count: int) -> None:
    """2.7: months of 8,000, four to learn from, one to choose on, on by one; 26 partitions on 253,208 bars."""
    parts = make_partitions(rows)
    assert len(parts) == count
    for number, one in enumerate(parts):
        assert (one.train.first, len(one.train), len(one.validation), len(one.test)) == (
            *(number * month, 4 * month, month, month),
        )
        assert one.train.end == one.validation.first
        assert one.validation.end == one.test.first
    assert parts[-1].test.end <= rows


# ---------------------------------------------------------------- the study as it is told


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of the ten networks and of the study of penalties without any training."""
    rng = np.random.default_rng(1)

    def runs(bench: Bench, blocks: Blocks, plan: Plan) -> pl.DataFrame:
        rows = []
        for place, one in enumerate(configurations()):
            for seed in range(6):
                losses = np.sort(rng.lognormal(-7 - 0.1 * place, 0.2, 4))[::-1]
                said = rng.normal(blocks.close[-1], blocks.reach / 50, (blocks.held_back, 16))
                row = {"name": one.name, "seed": seed, "parameters": 1, "best_epoch": 4, "loss": losses[-1] / 2}
                row |= {"validation_loss": losses[-1], "error": losses[-1] * blocks.reach**2, "seconds": 1.0 + place}
                row |= {"epoch_seconds": [1.0 + place] * 3, "losses": losses.tolist(), "whole_seconds": 4.0}
                rows.append(row | {"validation_losses": losses.tolist(), "values": said.ravel().tolist()})
        return pl.DataFrame(rows)

    def scores(bench: Bench, blocks: Blocks, plan: StudyPlan) -> pl.DataFrame:
        names = [(term, setting, r) for term in TERMS for setting in SETTINGS for r in range(5)]
        drawn = rng.lognormal(8, 1, (len(names), 3))
        columns = ["term", "setting", "repeat", "error", "first_half", "second_half"]
        rows = [(*name, *row) for name, row in zip(names, drawn.tolist(), strict=True)]
        return pl.DataFrame(rows, columns, orient="row").with_columns(seconds=pl.lit(2.0))

    monkeypatch.setattr(found_module, "train_all", runs)

    def searches(bench: Bench, blocks: Blocks, plan: SearchPlan, *, pace: float) -> Searched:
        raw = (
            scores(bench, blocks, StudyPlan()).filter(pl.col("term") == "bias").rename({"setting": "bias"}).drop("term")
        )
        raw = raw.with_columns(pl.lit(NONE).alias(term) for term in TERMS[1:])
        return Searched(raw, pl.DataFrame({"round": [1], "settings": [9], "seconds": [600.0]}), raw, len(SETTINGS))

    monkeypatch.setattr(found_module, "run_study", scores)
    monkeypatch.setattr(found_module, "search_all", searches)


@pytest.mark.usefixtures("made_up")
def test_the_study_as_published(
    walk: pl.DataFrame, make_bench: MakeBench, check_exhibits: Callable[[Study], None]
) -> None:
    bench = make_bench(walk, fair=False)
    told = study(bench)
    [outcome] = told.outcomes
    blocks = make_blocks(walk)
    past, future = blocks.pieces(blocks.validation)
    assert outcome.naive == pytest.approx(float(np.mean((future - past[:, -1:]) ** 2)))
    assert (outcome.verdict, outcome.fair, outcome.headline) == (None, None, None)
    repeats = {shown.repeats for chapter in told.chapters for shown in chapter.exhibits if shown.repeats}
    assert len([one for one in repeats if one.startswith("box plot")]) == 4
    check_exhibits(told)
    assert len(told.flaws) == 14
    for picture in told.pictures():
        if picture.repeats.startswith("result"):
            parts = [part.get_gid() for axes in picture.draw(DARK).axes for part in axes.get_children()]
            assert "naive" in parts, picture.name
    assert [path.name for path in (bench.folder / "data").iterdir()] == ["walk1_5m_close.h5"]
    assert any("data/walk1_5m_close.h5" in words for words in told.chapters[0].text)
    assert {one.side for one in (*told.pictures(), *told.sheets())} == {"faithful", "both"}
    sheets = {sheet.name: sheet.table for sheet in told.sheets()}
    assert {"sentences", "sentence-tests", "pairs", "halving", "halving-last"} <= set(sheets)
    results = sheets["results"]
    assert results.filter(pl.col("model") == "persistence")["error, USD\u00b2"][0] == pytest.approx(outcome.naive)
    shown = {one.name: one for one in told.pictures()}
    for name in ("results-runs", "result-near"):
        assert shown[name].side == "both", name
    assert "the best of its runs, which like its epoch is chosen on these blocks" in shown["result-near"].caption
    assert "the epoch that is best on these very blocks" in shown["results-runs"].caption
    drawn = np.ptp(blocks.close[int(blocks.validation.starts[0]) : int(blocks.validation.future_rows[-1, -1]) + 1])
    chapters = {chapter.title: " ".join(chapter.text) for chapter in told.chapters}
    share = percent(float(np.sqrt(outcome.naive) / drawn))
    assert f"that of a flat copy of the last close {share}." in chapters["The plot that convinced readers"]
    assert "as bad as a constant" in chapters["The study of penalties"]
    assert "Its lowest point is the number of repeats, 5." in shown["boxes-bias-published"].caption
    combined = chapters["What the article left open: combinations"]
    assert "halved until 9 are left, that without any penalty among them, which" in combined
    assert "of 8 settings with a penalty" in combined
    assert sheets["halving-last"]["chance"].null_count() == 1
    [activity] = [flaw.effect for flaw in told.flaws if "follow the size of the loss" in flaw.what]
    median = dict(sheets["describe-activity"].select("setting", "50 %").rows())["L1 0.0001"]
    assert "of a batch of 8: it dominates from the start. Here " in activity
    assert f"L1 0.0001, has a median error of {amount(median)} USD\u00b2, no penalty " in activity
    seconds = dict(results.select("model", "published seconds per epoch").rows())
    assert [seconds[name] for name in ("CNN 2 ReLU", "LSTM tanh + ReLU", "GRU tanh + ReLU")] == [2, 45, 40]  # 2.3 [S]
    assert list(told.seconds.values()) == [240, 360, 90, 690]
    assert "all four penalties, halved" in told.seconds


@pytest.mark.parametrize("coins", [1, 2])
def test_the_fair_study_of_a_walk_finds_nothing(
    walk: pl.DataFrame, make_bench: MakeBench, tiny: dict[str, Any], monkeypatch: pytest.MonkeyPatch, coins: int
) -> None:
    """Issue 6, "done when" 7: on a walk the verdict is not `better`. A second coin is an input of the walk-forward."""
    other = cc.simulate("walk", candles=walk.height, seed=9, interval="5m").with_columns(
        market=pl.lit("simulated:WALK9/USD")
    )
    other = other.filter(pl.int_range(other.height) != 2500)  # inside the test part, which is none of its business
    monkeypatch.setattr(found_module, "fair_networks", lambda: tiny)
    told = study(make_bench(pl.concat([walk, other][:coins]), faithful=False))
    [outcome] = told.outcomes
    assert outcome.market == walk["market"][0]
    assert outcome.verdict in ("not distinguishable", "worse", "too few")
    assert str(outcome.verdict) in told.finding
    assert len(told.finding.split()) <= 14
    assert outcome.faithful is None
    assert outcome.fair is not None
    assert outcome.n == (walk.height - 8 * 272 - 256) // 16
    assert {one.side for one in (*told.pictures(), *told.sheets())} == {"fair", "both"}
    assert set(told.seconds) == {"fair networks", "walk-forward"}
    sheets = {sheet.name: sheet for sheet in told.sheets()}
    assert sheets["fair-rivals"].table.height == 4
    assert sheets["fair-steps-table"].table["step"].to_list() == 2 * list(range(1, 17))
    assert "so that every candle is forecast once" in sheets["fair-board"].caption
    asked = " ".join(next(one.text for one in told.chapters if one.title == "The same question, asked fairly"))
    assert f"learns from 64 windows, evenly spaced over the {split_fairly(walk.height, 2432).train.end:,}" in asked
    assert sheets["months-table"].table["network"].to_list() == ["CNN", "CNN"]
    walking = " ".join(told.chapters[-2].text)
    assert "the 5,180 windows behind the last of these months are its test" in walking
    assert "at most 2 epochs with a patience of 2, 1 seed, and at most 64 windows" in walking
    assert f"returns of {coins} market" in sheets["months-table"].caption
    walked = " ".join(told.chapters[-2].text)
    assert ("candles of one coin" in walked, "candles of 2 coins: WALK1 and WALK9" in walked) == (
        coins == 1,
        coins == 2,
    )
    assert any("USDT_LTC-5m-2017.csv" in note for note in told.notes) == (coins == 1)
    for picture in told.pictures():
        if picture.side == "fair" and picture.name != "fair-skill":
            parts = [part.get_gid() for axes in picture.draw(DARK).axes for part in axes.get_children()]
            assert "naive" in parts, picture.name


def quieten(candles: pl.DataFrame, rows: int) -> pl.DataFrame:
    """The first rows of candles, whose price moves in the first hundred and then stays at 1.00."""
    still = pl.int_range(rows) >= 100
    return candles.head(rows).with_columns(
        pl.when(still).then(1.0).otherwise(pl.col(name)).alias(name) for name in ("open", "high", "low", "close")
    )


@pytest.mark.usefixtures("made_up")
def test_a_price_that_stands_still(
    walk: pl.DataFrame,
    make_bench: MakeBench,
    tiny: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    check_exhibits: Callable[[Study], None],
) -> None:
    """Every error of the last close is 0 then: figures beside it are unknown, and the study is told to its end."""
    monkeypatch.setattr(found_module, "fair_networks", lambda: tiny)
    told = study(make_bench(quieten(walk, 1400)))
    check_exhibits(told)
    assert told.outcomes[0].naive == 0
    words = [told.finding, *told.reasons, *told.notes, *(flaw.effect for flaw in told.flaws)]
    words += [line for chapter in told.chapters for line in chapter.text]
    assert not re.search(r"\b(nan|inf|None)\b", " ".join(words))
    assert any("1 block: an unknown number of times that of the last close" in line for line in told.reasons)
    assert any("the CNN saves \N{EN DASH} of the error" in line for line in told.reasons)
    sheets = {sheet.name: sheet for sheet in told.sheets()}
    assert "Of the published errors 0 of 3 are below" in sheets["view-copies"].caption
    # Only the first of five partitions has a price that moves in the months it learns from.
    assert sheets["months-table"].table["skill, %"].is_nan().to_list() == [True]
    assert any("4 partitions are left out" in note for note in told.notes)
    # One held-back block has no two halves.
    assert not {"study-halves", "pairs", "halving", "halving-last"} & set(sheets)
    assert any("tables of that are left out" in line for line in words)
    assert any("Combinations of penalties are left out" in note for note in told.notes)


@pytest.mark.usefixtures("made_up")
def test_what_the_fair_part_refuses_is_refused_before_anything_is_trained(
    walk: pl.DataFrame, make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*given: object, **named: object) -> None:
        raise AssertionError("trained too early")

    for name in ("train_all", "run_study", "search_all", "tell_fairly"):
        monkeypatch.setattr(found_module, name, never)
    cut = walk.head(1400).filter(pl.int_range(1400) != 1350)
    with pytest.raises(TooFewRowsError, match="a test part of 55 candles"):
        study(make_bench(cut))


@pytest.mark.parametrize(
    ("market", "interval", "is_shown"),
    [
        ("poloniex:BTC/USDT", "5m", True),
        ("bitstamp:BTC/USD", "5m", True),
        ("binance:BTC/EUR", "5m", False),
        ("binance:BTC/USDT", "1h", False),
        ("binance:ETH/BTC", "5m", False),
        ("simulated:WALK1/USD", "5m", False),
    ],
)
def test_the_headline_stands_beside_its_own_kind(
    walk: pl.DataFrame, market: str, interval: str, is_shown: bool
) -> None:
    """It is counted in USD squared, of moves over five minutes."""
    assert is_like_the_articles(replace(make_blocks(walk), market=market, interval=interval)) == is_shown
