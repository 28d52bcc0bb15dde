"""`coincast judge` from the shell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import coincast as cc


@pytest.fixture(scope="module")
def lagged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Yesterday's price as a forecast, under a column of its own name."""
    path = tmp_path_factory.mktemp("outside") / "forecasts.csv"
    candles = cc.simulate("walk", candles=200, seed=1)
    candles.select(target_time="close_time", actual="close", guess=pl.col("close").shift(1)).write_csv(path)
    return path


def test_words(coincast: Callable[..., Any], lagged: Path, elsewhere: Path) -> None:
    answer = coincast("judge", lagged, "--column", "predicted=guess")
    assert (answer.code, answer.err) == (0, "")
    assert "This line is yesterday's price." in answer.out
    board = answer.out.partition("\n\n")[0].splitlines()
    assert max(map(len, board)) <= 100
    assert "note: " in answer.out
    assert "note: " not in coincast("judge", lagged, "--column", "predicted=guess", "--quiet").out
    assert [path.name for path in elsewhere.iterdir()] == ["coincast-runs"]
    [folder] = (elsewhere / "coincast-runs").iterdir()
    assert folder.name.startswith("judge-")
    assert f"report: {Path('coincast-runs') / folder.name / 'report.html'}" in answer.out


def test_one_json_document(coincast: Callable[..., Any], lagged: Path) -> None:
    document = coincast("judge", lagged, "--column", "predicted=guess", "--json").json
    assert set(document) >= {"models", "scores", "report"}
    [model] = document["models"]
    assert set(model) >= {"model", "verdict", "skill", "low", "high", "detectable", "n", "lag", "sentence"}
    assert (model["verdict"], model["skill"], model["lag"], model["n"]) == ("not distinguishable", 0, 1, 199)
    assert Path(document["report"]).is_file()


def test_a_report_is_written_where_it_is_asked_for(coincast: Callable[..., Any], lagged: Path, elsewhere: Path) -> None:
    run = ["judge", lagged, "--column", "predicted=guess", "--out", "verdict"]
    document = coincast(*run, "--json").json
    assert document["report"] == "verdict/report.html"
    assert [path.name for path in elsewhere.iterdir()] == ["verdict"]
    assert {"report.html", "scores.parquet", "forecasts.parquet"} <= {path.name for path in Path("verdict").iterdir()}
    assert "yesterday's price" in Path(document["report"]).read_text(encoding="utf-8").replace("&#39;", "'")
    assert coincast(*run).out.splitlines()[-1] == "report: verdict/report.html"


def test_the_input_is_not_written_over(coincast: Callable[..., Any], lagged: Path, elsewhere: Path) -> None:
    """A table called forecasts.parquet in the folder that was named: it must survive."""
    mine = elsewhere / "forecasts.parquet"
    pl.read_csv(lagged).write_parquet(mine)
    before = mine.read_bytes()
    answer = coincast("judge", mine, "--column", "predicted=guess", "--out", ".")
    assert (answer.code, mine.read_bytes()) == (2, before)
    assert "holds other files" in answer.err


def test_a_run_is_not_written_over(coincast: Callable[..., Any], lagged: Path, btc: Path, elsewhere: Path) -> None:
    (elsewhere / "mine.toml").write_text('models = ["drift"]\n', encoding="utf-8")
    assert coincast("compare", "mine.toml", "--candles", btc, "--out", "run", "--quiet").code == 0
    answer = coincast("judge", lagged, "--column", "predicted=guess", "--out", "run")
    assert answer.code == 2
    assert answer.err.startswith("coincast: --out run holds another run")
    # What a run forecast can be judged again, and gets the same verdict.
    [judged] = coincast("judge", "run/forecasts.parquet", "--json").json["models"]
    shown = coincast("compare", "mine.toml", "--candles", btc, "--out", "run", "--json").json
    [drift] = [row for row in shown["leaderboard"] if row["model"] == "drift"]
    assert (judged["model"], judged["skill"], judged["verdict"]) == ("drift", drift["skill"], drift["verdict"])


@pytest.mark.parametrize("name", ["repetitions", "block", "seed"])
def test_numbers_without_bounds_are_refused_in_one_line(coincast: Callable[..., Any], lagged: Path, name: str) -> None:
    answer = coincast("judge", lagged, "--column", "predicted=guess", f"--{name}", 10**20)
    assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)
    assert f"{name} is 1{'0' * 20}; allowed: " in answer.err


def test_a_winner_is_told_what_its_p_is_worth_after_so_many(
    coincast: Callable[..., Any], elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COINCAST_HOME", str(elsewhere / "home"))
    candles = cc.simulate("walk", candles=200, seed=1)
    close, noise = pl.col("close"), pl.Series(np.random.default_rng(0).normal(0, 1e-3, 200))
    table = candles.select(
        target_time="close_time", actual="close", good=close * (1 + noise), bad=close.shift(1) * 1.05
    )
    table.unpivot(index=["target_time", "actual"], variable_name="model", value_name="predicted").write_csv("two.csv")
    line = "The good forecast: the best of 2: its p of "
    assert f"\n{line}" in coincast("judge", "two.csv").out
    [winner] = coincast("judge", "two.csv", "--json").json["winners"]
    assert winner.startswith(line)


def test_other_quantiles_are_another_judgement(coincast: Callable[..., Any], lagged: Path, elsewhere: Path) -> None:
    table = pl.read_csv(lagged).with_columns(predicted="guess").drop("guess")
    reports = set()
    for width in (0.02, 0.05):
        bounds = {"q05": pl.col("predicted") * (1 - width), "q95": pl.col("predicted") * (1 + width)}
        table.with_columns(**bounds).write_csv("bounds.csv")
        reports.add(coincast("judge", "bounds.csv", "--json").json["report"])
    assert len(reports) == 2
