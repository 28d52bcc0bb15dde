"""The trainings of article 2 at the smallest size: killed and started again, its files, and the study as it is told."""

from __future__ import annotations

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
from coincast.articles.huang import regularisers, study
from coincast.articles.huang.blocks import Blocks, make_blocks
from coincast.articles.huang.combinations import SearchPlan, halve_grid, search_pairs
from coincast.articles.huang.fair import FairPlan, make_fair_samples, split_fairly, spread_out, tell_fairly
from coincast.articles.huang.networks import configurations
from coincast.articles.huang.regularisers import NONE, SETTINGS, TERMS, StudyPlan, run_study
from coincast.articles.huang.training import ArticleFiles, Plan, train_all, values_of
from coincast.articles.huang.walk_forward import make_partitions
from coincast.models.cnn import CNN
from coincast.reports.palette import DARK
from coincast.training.block import Epoch
from coincast.training.checkpoint import parse_checkpoint_name, read_checkpoint
from coincast.training.history import read_history
from coincast.training.resume import ResumeFile

MakeBench = Callable[..., Bench]


@pytest.fixture
def few_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two terms and three settings, so that a study takes seconds."""
    monkeypatch.setattr(regularisers, "TERMS", ("bias", "activity"))
    settings = {name: SETTINGS[name] for name in (NONE, "L1 0.1", "L2 0.01")}
    monkeypatch.setattr(regularisers, "SETTINGS", settings)


@pytest.mark.usefixtures("few_settings")
def test_a_study_that_was_killed_ends_with_the_same_scores(
    walk: pl.DataFrame, make_bench: MakeBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Issue 6, "done when" 8: killed in the second of its sets, after some of its epochs."""
    blocks, plan = make_blocks(walk), StudyPlan(repeats=1, epochs=3, blocks=8)
    whole = run_study(make_bench(walk, folder=tmp_path / "whole"), blocks, plan)
    monkeypatch.setattr(ResumeFile, "is_due", lambda self: True)
    told: list[str] = []

    def kill(name: str, progress: Any) -> None:
        told.append(name)
        if name == "regulariser-activity" and progress.epoch > 1.2:
            raise KeyboardInterrupt

    killed = make_bench(walk, folder=tmp_path / "killed")
    with pytest.raises(KeyboardInterrupt):
        run_study(replace(killed, on_progress=kill), blocks, plan)
    assert list((tmp_path / "killed" / "unfinished").glob("regulariser-activity*"))
    assert not list((tmp_path / "killed" / "tables").glob("regulariser-activity*"))
    said: list[str] = []
    again = run_study(replace(killed, say=said.append), blocks, plan)
    assert "regulariser-bias" not in said
    assert again.equals(whole)
    assert whole.height == 2 * 3
    assert whole["error"].is_finite().all()
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


# ---------------------------------------------------------------- combinations


def test_halving_ends_with_the_best_of_the_grid(
    walk: pl.DataFrame, make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores that say which setting is best: it must be left, by the first half of the blocks alone."""
    asked: list[tuple[int, int, int]] = []

    def score(
        bench: Bench, name: str, blocks: Blocks, chosen: Any, repeats: int, epochs: int, *, first_seed: int
    ) -> Any:
        asked.append((len(chosen), repeats, epochs))
        rows = []
        for names in chosen:
            full = dict.fromkeys(TERMS, NONE) | names
            first = sum(list(SETTINGS).index(full[term]) * 10.0**place for place, term in enumerate(TERMS))
            rows += [
                {**full, "repeat": r, "error": -first, "first_half": first, "second_half": r + 1.0}
                for r in range(repeats)
            ]
        return pl.DataFrame(rows)

    monkeypatch.setattr("coincast.articles.huang.combinations.score_settings", score)
    plan = SearchPlan(settings=("L1 0.1", "L2 0.1", "L2 0.01"), last=10, last_repeats=3, repeats=2)
    rounds, final = halve_grid(make_bench(walk), make_blocks(walk), plan)
    assert rounds["settings"].to_list() == [81, 40, 20]
    assert rounds["epochs"].to_list() == [3, 4, 6]
    assert final.select(TERMS).n_unique() == 11
    assert asked[-1] == (11, 3, 30)
    best = final.filter(pl.col(TERMS[0]) != NONE).sort("first_half").row(0, named=True)
    assert [best[term] for term in TERMS] == ["L1 0.1"] * 4
    pairs = search_pairs(make_bench(walk), make_blocks(walk), plan)
    assert pairs.select(TERMS).n_unique() == 6 * 9
    assert pairs.height == 6 * 9 * 2


# ---------------------------------------------------------------- the fair way

SMALL = FairPlan(seeds=2, epochs=2, patience=2, windows=32)
TINY = {"cnn": CNN(filters=(2,), kernels=(20,), strides=(16,), head="dense")}


def test_fair_forecasts_know_nothing_of_later_candles(walk: pl.DataFrame, make_bench: MakeBench) -> None:
    """Other test rows: other truths, and the same forecasts at the first origin, the same scales and weights."""
    rows = walk.height
    parts = split_fairly(rows, 2200)
    assert parts.train.end == parts.validation.first < parts.validation.end == parts.test.first == 2200
    later = pl.int_range(rows) >= 2200
    columns = [
        pl.when(later).then(pl.col(name) * 2).otherwise(pl.col(name)) for name in ("open", "high", "low", "close")
    ]
    tables = []
    for number, candles in enumerate((walk, walk.with_columns(columns))):
        bench = make_bench(candles, folder=make_bench(walk).folder / str(number))
        samples = make_fair_samples(candles, candles["market"][0])
        told = tell_fairly(bench, "fair", samples, [parts], TINY, SMALL)
        assert (told.forecasts["trained_until"] <= told.forecasts["origin"]).all()
        tables.append(told.forecasts.filter(pl.col("origin") == pl.col("origin").min()).sort("model", "run", "step"))
    assert tables[0]["value"].equals(tables[1]["value"])
    assert not tables[0]["actual"].equals(tables[1]["actual"])
    assert set(tables[0]["model"]) == {"cnn", "naive", "drift", "ar", "block_copy"}


def test_every_candle_of_the_test_part_is_forecast_once(walk: pl.DataFrame, make_bench: MakeBench) -> None:
    samples = make_fair_samples(walk, walk["market"][0])
    told = tell_fairly(make_bench(walk), "fair", samples, [split_fairly(walk.height, 2200)], TINY, SMALL)
    naive = told.forecasts.filter(pl.col("model") == "naive")
    assert naive["target_time"].n_unique() == naive.height == (walk.height - 2200) // 16 * 16
    assert naive["value"].equals(naive["last_close"])
    closes = walk.select("close_time", pl.col("close").alias("true"))
    joined = naive.join(closes, left_on="target_time", right_on="close_time")
    assert joined["actual"].equals(joined["true"])


def test_windows_to_learn_from_are_evenly_spaced(walk: pl.DataFrame) -> None:
    windows = make_fair_samples(walk, walk["market"][0]).windows
    few = spread_out(windows, 10)
    assert len(few) == 10
    assert few.starts[-1] == windows.starts[-1]
    assert np.ptp(np.diff(few.starts)) <= 1
    assert spread_out(windows, 10**6) is windows


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
                row |= {"epoch_seconds": [1.0 + place] * 3, "losses": losses.tolist()}
                rows.append(row | {"validation_losses": losses.tolist(), "values": said.ravel().tolist()})
        return pl.DataFrame(rows)

    def scores(bench: Bench, blocks: Blocks, plan: StudyPlan) -> pl.DataFrame:
        names = [(term, setting, r) for term in TERMS for setting in SETTINGS for r in range(5)]
        drawn = rng.lognormal(8, 1, (len(names), 3))
        columns = ["term", "setting", "repeat", "error", "first_half", "second_half"]
        return pl.DataFrame(
            [(*name, *row) for name, row in zip(names, drawn.tolist(), strict=True)], columns, orient="row"
        )

    monkeypatch.setattr(found_module, "train_all", runs)
    monkeypatch.setattr(found_module, "run_study", scores)


@pytest.mark.long
@pytest.mark.usefixtures("made_up")
def test_the_study_as_published(walk: pl.DataFrame, make_bench: MakeBench) -> None:
    bench = make_bench(walk, fair=False)
    told = study(bench)
    [outcome] = told.outcomes
    blocks = make_blocks(walk)
    past, future = blocks.pieces(blocks.validation)
    assert outcome.naive == pytest.approx(float(np.mean((future - past[:, -1:]) ** 2)))
    assert (outcome.verdict, outcome.fair, outcome.headline) == (None, None, None)
    repeats = {shown.repeats for chapter in told.chapters for shown in chapter.exhibits if shown.repeats}
    assert len([one for one in repeats if one.startswith("box plot")]) == 4
    names = [one.name for one in (*told.pictures(), *told.sheets())]
    assert len(set(names)) == len(names)
    assert len(told.flaws) == 14
    for picture in told.pictures():
        figure = picture.draw(DARK)
        if picture.repeats.startswith("result") or picture.name.startswith("fair"):
            assert any("naive" in str(part.get_gid()) for axes in figure.axes for part in axes.get_children())
    assert (bench.folder / "data").is_dir()
    results = next(sheet for sheet in told.sheets() if sheet.name == "results").table
    assert results.filter(pl.col("model") == "persistence")["error, USD\u00b2"][0] == pytest.approx(outcome.naive)


def test_the_fair_study_of_a_walk_finds_nothing(
    walk: pl.DataFrame, make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Issue 6, "done when" 7: on a walk the verdict is not `better`. Two markets are inputs of the walk-forward."""
    other = cc.simulate("walk", candles=walk.height, seed=9, interval="5m").with_columns(
        market=pl.lit("simulated:WALK9/USD")
    )
    for module in ("found", "walk_forward"):
        monkeypatch.setattr(f"coincast.articles.huang.{module}.fair_networks", lambda: TINY)
    told = study(make_bench(pl.concat([walk, other]), faithful=False))
    [outcome] = told.outcomes
    assert outcome.market == walk["market"][0]
    assert outcome.verdict in ("not distinguishable", "worse", "too few")
    assert outcome.faithful is None
    assert outcome.fair is not None
    assert "95 % interval" in told.reasons[-1]
    assert outcome.n == (walk.height - 8 * 272 - 256) // 16
    assert not [sheet for sheet in told.sheets() if sheet.name == "results"]
    assert "returns of 2 markets" in next(one for one in told.sheets() if one.name == "months-table").caption
