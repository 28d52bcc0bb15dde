"""`coincast reproduce` from the shell."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pytest

import coincast as cc
from coincast.articles.about import About
from coincast.articles.bench import Bench
from coincast.articles.reproduce import ARTICLES
from coincast.reports.study import Chapter, Outcome, Sheet, Study
from coincast.training.site import Progress

FINDING = "The forecast is not distinguishable from a copy."
ENTRY = {
    *(
        "article",
        "market",
        "metric",
        "unit",
        "headline",
        "faithful",
        "naive",
        "fair",
        "n",
        "verdict",
        "seconds",
        "says",
    ),
    *("same_candles", "fair_metric", "fair_naive"),
}


def make_study(bench: Bench) -> Study:
    """A study without any training; it says and shows what a training would."""
    bench.say("many runs")
    if bench.on_progress is not None:
        bench.on_progress("lstm", Progress(runs=3, epoch=1.0, epochs=1, loss=0.5, steps_per_second=10.0))
    markets = bench.candles["market"].unique(maintain_order=True).to_list()
    verdict = "not distinguishable" if bench.fair else None
    outcomes = tuple(
        Outcome("pair", market, "MAE", "USD", 0.0531, 0.0484, 0.0417, math.nan, 164, verdict, 1.0, FINDING)
        for market in markets
    )
    sheet = Sheet("rows", "Rows", "Candles.", pl.DataFrame({"rows": [bench.candles.height], "size": [bench.size]}))
    chapters = (Chapter("How many?", exhibits=(sheet,)),)
    title, author = "A made-up article", "Nobody"
    return Study("pair", title, author, "2017-11-20", "It sees.", FINDING, (), outcomes, chapters, (), "Days.")


@pytest.fixture(autouse=True)
def article(monkeypatch: pytest.MonkeyPatch) -> None:
    """An article of two coins that trains nothing."""
    files = {"bitcoin": ("btc.csv",), "ethereum": ("eth.csv",)}
    span = ("2015-01-10", "2015-03-31")
    made, about = ModuleType("made_up_article.study"), ModuleType("made_up_article.about")
    about.ABOUT = About("pair", "A made-up article", "Nobody", "2017-11-20", "It sees.", "1d", *span, files)  # type: ignore[attr-defined]
    made.study = make_study  # type: ignore[attr-defined]
    for module in (ModuleType("made_up_article"), made, about):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(ARTICLES, "pair", "made_up_article")
    monkeypatch.setattr("coincast.articles.reproduce.hash_code", lambda: b"code")


@pytest.fixture
def walk(elsewhere: Path) -> Path:
    """A file with two simulated coins."""
    cc.simulate("walk", candles=120, coins=2).write_csv(elsewhere / "walk.csv")
    return elsewhere / "walk.csv"


def test_table_finding_and_page_are_printed(coincast: Callable[..., Any], walk: Path, elsewhere: Path) -> None:
    answer = coincast("reproduce", "pair", "--candles", walk)
    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    rows = [line for line in lines if line.startswith("simulated:WALK")]
    assert len(rows) == 2
    for row in rows:
        assert [words in row for words in ("0.0531", "0.0484", "0.0417", "not distinguishable")] == [True] * 4
    assert f"pair: {FINDING}" in lines
    [report] = [line.removeprefix("report: ") for line in lines if line.startswith("report: ")]
    assert (elsewhere / report).is_file()
    assert max(map(len, lines)) <= 100
    again = coincast("reproduce", "pair", "--candles", walk)
    assert "it was not made again (--fresh does)" in again.out


def test_progress_and_what_was_read_go_to_stderr(coincast: Callable[..., Any], walk: Path) -> None:
    answer = coincast("reproduce", "pair", "--candles", walk)
    for words in ("walk.csv: simulated:WALK1/USD", "pair: many runs", "training 3 runs of lstm: epoch 1/1"):
        assert words in answer.err
    assert coincast("reproduce", "pair", "--candles", walk, "--fresh", "--quiet").err == ""


def test_progress_on_a_terminal_is_a_bar_for_each_part(
    coincast: Callable[..., Any], walk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    answer = coincast("reproduce", "pair", "--candles", walk)
    assert answer.code == 0
    assert "training 3 runs of lstm" in answer.err
    assert answer.err.index("pair: many runs") < answer.err.index("training 3 runs")


def test_one_json_document(coincast: Callable[..., Any], walk: Path) -> None:
    document = coincast("reproduce", "pair", "--candles", walk, "--json", "--out", "here").json
    assert [set(entry) for entry in document["results"]] == [ENTRY, ENTRY]
    assert document["results"][0]["fair"] is None
    assert (document["results"][1]["market"], document["results"][1]["verdict"]) == (
        "simulated:WALK2/USD",
        "not distinguishable",
    )
    assert (document["report"], document["size"]) == (str(Path("here") / "report.html"), "usual")
    assert document["ways"] == ["faithful", "fair"]
    assert document["studies"][0]["tables"][0]["file"] == "tables/rows.csv"


@pytest.mark.parametrize(
    ("options", "size", "ways"),
    [
        (["--quick", "--faithful"], "quick", ["faithful"]),
        (["--long", "--fair"], "long", ["fair"]),
        (["--faithful", "--fair"], "usual", ["faithful", "fair"]),
    ],
)
def test_ways_and_sizes(
    coincast: Callable[..., Any], walk: Path, options: list[str], size: str, ways: list[str]
) -> None:
    document = coincast("reproduce", "pair", "--candles", walk, *options, "--json").json
    assert (document["size"], document["ways"]) == (size, ways)
    assert pl.read_csv(Path(document["folder"]) / "tables" / "rows.csv").row(0) == (2 * 81, size)


def test_another_span_and_coins_by_name(coincast: Callable[..., Any], elsewhere: Path) -> None:
    for seed, name in enumerate(("btc", "eth", "xmr")):
        table = cc.simulate("walk", candles=120, seed=seed)
        columns = (pl.col("open_time").dt.date().alias("date"), "open", "high", "low", "close", "volume")
        table.select(columns).write_csv(elsewhere / f"{name}.csv")
    options = ["--data", ".", "--ethereum", "xmr.csv", "--since", "2015-02-01", "--json"]
    document = coincast("reproduce", "pair", *options).json
    assert [entry["market"] for entry in document["results"]] == ["file:BTC/USD", "file:XMR/USD"]
    assert pl.read_csv(Path(document["folder"]) / "tables" / "rows.csv")["rows"][0] == 2 * 59


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["pear"], 2, "unknown article 'pear'"),
        (["pair"], 2, "pair wants candles of 1d: --bitcoin FILE --ethereum FILE"),
        (["pair", "--candles", "walk.csv", "--quick", "--long"], 2, "--quick and --long were given"),
        (["pair", "--candles", "nowhere.csv"], 3, "--candles nowhere.csv: there is no such file"),
        (["pair", "--data", "."], 3, "holds no btc.csv;"),
        (["pair", "--data", "nowhere"], 3, "there is no such folder"),
        (["pair", "--market", "kraken:DASH/USD", "--market", "kraken:ZEC/USD"], 3, "kraken:DASH/USD"),
        (["pair", "--candles", "walk.csv", "--out", "full"], 2, "holds other files"),
        (["pair", "--candles", "walk.csv", "--until", "2014-01-01"], 3, "has no candles"),
        (["all"], 2, "name it: --data DIR"),
        (["all", "--data", ".", "--since", "2017-01-01"], 2, "--since is for one article"),
        (["all", "--candles", "walk.csv"], 2, "--candles is for one article"),
    ],
)
def test_mistakes_are_told_in_two_lines(
    coincast: Callable[..., Any], walk: Path, elsewhere: Path, arguments: list[str], code: int, words: str
) -> None:
    (elsewhere / "full").mkdir()
    (elsewhere / "full" / "thesis.txt").write_text("mine", encoding="utf-8")
    answer = coincast("reproduce", *arguments, "--quiet")
    assert (answer.code, answer.out) == (code, "")
    assert words in answer.err
    assert len(answer.err.splitlines()) <= 2


def test_a_file_that_ends_too_early_is_told_and_the_way_out_works(
    coincast: Callable[..., Any], elsewhere: Path
) -> None:
    cc.simulate("walk", candles=60, coins=2, start="2015-01-20").write_csv(elsewhere / "late.csv")
    answer = coincast("reproduce", "pair", "--candles", "late.csv", "--quiet")
    assert answer.code == 3
    assert "choose another span: --since 2015-01-20 --until 2015-03-20" in answer.err
    span = ["--since", "2015-01-20", "--until", "2015-03-20"]
    assert coincast("reproduce", "pair", "--candles", "late.csv", *span).code == 0
