"""A made-up article in its folder: what is written, gone on with, shown again, begun anew, refused."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pytest

import coincast as cc
from coincast.articles.about import About
from coincast.articles.bench import Bench
from coincast.articles.data import Material
from coincast.articles.reproduce import ARTICLES, find_about, reproduce
from coincast.errors import UnknownNameError, UsageError
from coincast.reports.canvas import add_axes, new_figure
from coincast.reports.palette import Palette
from coincast.reports.study import Chapter, Outcome, Picture, Sheet, Study

ABOUT = About("made", "A made-up article", "Nobody", "2017-11-20", "It sees.", "1d", None, None, {"candles": ()})


class Article:
    """An article whose only training is a sum; it counts how often it is asked, and stops where it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.summed: list[str] = []
        self.stops_before: str | None = None
        self.benches: list[Bench] = []

    def __call__(self, bench: Bench) -> Study:
        self.asked += 1
        self.benches.append(bench)
        sums = [self.sum_up(bench, column) for column in ("close", "volume")]
        table = pl.concat(sums)
        market = bench.candles["market"][0]
        found = Outcome(
            "made", market, "sum", "USD", None, table["sum"][0], 1.0, math.nan, 5, "worse" if bench.fair else None, 0.5
        )
        exhibits = (
            Picture("sums", "Sums", "Two columns.", draw, "faithful", "the one picture"),
            Sheet("sums", "Sums", "Two columns.", table),
        )
        chapters = (Chapter("What is the sum?", (f"{bench.size}",), exhibits),)
        finding = f"On {market} the sum is worse."
        return Study(
            "made",
            "A made-up article",
            "Nobody",
            "2017-11-20",
            "It sees.",
            finding,
            (),
            (found,),
            chapters,
            (),
            "Days.",
        )

    def sum_up(self, bench: Bench, column: str) -> pl.DataFrame:
        def make() -> pl.DataFrame:
            if self.stops_before == column:
                raise KeyboardInterrupt
            self.summed.append(column)
            return pl.DataFrame({"column": [column], "sum": [float(bench.candles[column].sum())]})

        return bench.table(column, column, make)


def draw(theme: Palette) -> Any:
    figure = new_figure("Sums", "Two columns.", theme=theme)
    add_axes(figure, theme).plot([1.0, 2.0], color=theme.model)
    return figure


@pytest.fixture
def article(monkeypatch: pytest.MonkeyPatch) -> Article:
    """A registered article."""
    made, about, study = ModuleType("made_up_article.study"), ModuleType("made_up_article.about"), Article()
    made.study, about.ABOUT = study, ABOUT  # type: ignore[attr-defined]
    for module in (ModuleType("made_up_article"), made, about):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(ARTICLES, "made", "made_up_article")
    for name in ("bench", "reproduce"):  # whoever writes at the package meanwhile changes nothing here
        monkeypatch.setattr(f"coincast.articles.{name}.hash_code", lambda: b"code")
    return study


def material(seed: int = 1) -> Material:
    candles = cc.simulate("walk", candles=30, seed=seed)
    fact = {"file": "walk.csv", "rows": 30, "sha256": "1b2c" * 16, "market": "simulated:WALK1/USD"}
    return Material(find_about("made"), candles, (fact,), ())


@pytest.fixture
def run(article: Article, tmp_path: Path) -> Callable[..., Any]:
    def run(*materials: Material, **options: Any) -> Any:
        return reproduce(materials or (material(),), **{"out": tmp_path / "out", **options})

    return run


def listed(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_files_of_one_name_are_each_told(run: Callable[..., Any]) -> None:
    one = material()
    facts = [{**one.facts[0], "market": f"file:{coin}/USD", "sha256": coin * 8} for coin in ("BTC", "ETH")]
    page = run(replace(one, facts=tuple(facts))).report.read_text(encoding="utf-8")
    assert "walk.csv, file:BTC/USD" in page
    assert "sha256 BTCBTCBTCBTC" in page
    assert "sha256 ETHETHETHETH" in page


def test_a_package_that_was_installed_since_makes_another_study(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    one = replace(material(), about=replace(ABOUT, packages=("polars", "not_here")))
    first = run(one).document["fingerprint"]
    monkeypatch.setattr("coincast.articles.reproduce.find_spec", lambda name: name)
    with pytest.raises(UsageError, match="holds another run"):
        run(one)
    assert run(one, out=tmp_path / "other").document["fingerprint"] != first


def test_the_folder_holds_page_figures_tables_and_results(run: Callable[..., Any]) -> None:
    made = run(command="coincast reproduce made")
    files = [name for name in listed(made.folder) if not name.endswith(".parquet")]
    assert files == ["figures/sums.png", "fingerprint", "report.html", "results.json", "tables/sums.csv"]
    document = json.loads((made.folder / "results.json").read_text(encoding="utf-8"))
    assert document["results"] == [
        {
            "article": "made",
            "market": "simulated:WALK1/USD",
            "metric": "sum",
            "unit": "USD",
            "headline": None,
            "faithful": pytest.approx(material().candles["close"].sum()),
            "naive": 1.0,
            "fair": None,  # NaN
            "n": 5,
            "verdict": "worse",
            "seconds": 0.5,
            "says": "",
            "same_candles": True,
            "fair_metric": "",
            "fair_naive": None,
        }
    ]
    [study] = document["studies"]
    assert study["finding"] == "On simulated:WALK1/USD the sum is worse."
    assert study["pictures"] == [
        {
            "name": "sums",
            "title": "Sums",
            "caption": "Two columns.",
            "side": "faithful",
            "repeats": "the one picture",
            "file": "figures/sums.png",
        }
    ]
    page = made.report.read_text(encoding="utf-8")
    for words in ("coincast reproduce made", "30 candles, sha256 1b2c1b2c1b2c", "the one picture"):
        assert words in page
    assert made.to_dict()["report"] == str(made.folder / "report.html")


def test_a_finished_one_is_shown_and_nothing_is_asked_again(run: Callable[..., Any], article: Article) -> None:
    first, second = run(), run()
    assert (first.was_finished, second.was_finished, article.asked) == (False, True, 1)
    assert second.document == first.document
    second.report.unlink()
    assert not run().was_finished
    assert article.summed == ["close", "volume"]


def test_an_interrupted_one_goes_on(run: Callable[..., Any], article: Article, tmp_path: Path) -> None:
    article.stops_before = "volume"
    with pytest.raises(KeyboardInterrupt):
        run()
    assert not (tmp_path / "out" / "results.json").exists()
    article.stops_before = None
    assert not run().was_finished
    assert article.summed == ["close", "volume"]


def test_fresh_begins_anew(run: Callable[..., Any], article: Article) -> None:
    run()
    (run().folder / "figures" / "old.png").write_bytes(b"old")
    made = run(fresh=True)
    assert not made.was_finished
    assert article.summed == ["close", "volume"] * 2
    assert "figures/old.png" not in listed(made.folder)


def test_a_folder_of_something_else_is_refused(run: Callable[..., Any], tmp_path: Path) -> None:
    run()
    with pytest.raises(UsageError, match="holds another run"):
        run(size="quick")
    with pytest.raises(UsageError, match="holds another run"):
        run(material(seed=2))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="holds other files"):
        run(out=tmp_path / "mine")
    assert listed(tmp_path / "mine") == ["thesis.txt"]


def test_without_a_folder_one_is_made(run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = run(out=None)
    assert made.folder.parent == Path("coincast-runs")
    assert made.folder.name.startswith("reproduce-made-")
    assert len(made.folder.name.removeprefix("reproduce-made-")) == 12
    assert run(out=None).was_finished
    assert not run(out=None, fair=False).was_finished


def test_several_studies_share_a_page_and_have_their_own_folders(run: Callable[..., Any], article: Article) -> None:
    made = run(material(), material(seed=2))
    files = [name for name in listed(made.folder) if not name.endswith(".parquet")]
    assert files == [
        *("fingerprint", "made-2/figures/sums.png", "made-2/tables/sums.csv"),
        *("made/figures/sums.png", "made/tables/sums.csv", "report.html", "results.json"),
    ]
    assert len(made.results) == 2
    shown = [exhibit["file"] for study in made.document["studies"] for exhibit in study["pictures"]]
    assert all((made.folder / name).is_file() for name in shown)
    assert article.benches[0].folder != article.benches[1].folder


def test_the_bench_is_told_what_was_asked(run: Callable[..., Any], article: Article, tmp_path: Path) -> None:
    said: list[str] = []
    run(size="long", fair=False, say=said.append, out=tmp_path / "other")
    bench = article.benches[0]
    assert (bench.size, bench.faithful, bench.fair) == ("long", True, False)
    assert bench.files[0]["file"] == "walk.csv"
    assert said == ["made: close", "made: volume", "pictures and page"]


def test_a_broken_file_of_results_is_made_again(run: Callable[..., Any]) -> None:
    made = run()
    for text in ("{", "[]", '{"results": 1, "studies": []}'):
        (made.folder / "results.json").write_text(text, encoding="utf-8")
        assert not run().was_finished


def test_an_article_that_is_not_there_is_told() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown article 'sheenan'; did you mean 'sheehan'.*all, fahimi"):
        find_about("sheenan")


@pytest.mark.parametrize("name", ARTICLES)
def test_what_is_known_of_every_article_is_complete(name: str) -> None:
    about = find_about(name)
    assert about.name == name
    assert about.claim.endswith(".")
    assert len(about.published) == len("2017-11-20")
    assert set(about.files) in ({"bitcoin", "ethereum"}, {"candles"})
    assert replace(about) == about
