"""The notebooks run on candles that are made up, from their first cell to their last."""

from __future__ import annotations

import ast
import importlib
import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import coincast as cc
from coincast.articles.about import About
from coincast.articles.bench import Bench
from coincast.articles.notebook import ShownPicture
from coincast.articles.reproduce import ARTICLES, find_about
from coincast.reports.canvas import add_axes, new_figure
from coincast.reports.palette import Palette
from coincast.reports.study import Chapter, Outcome, Picture, Study

CANDLES = {"1d": 820, "1h": 10_350, "5m": 8_000}
"""Of each file, by the interval of its article: enough for its span."""
FEWEST, MOST = 6, 28


def read_notebook(project: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((project / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
    return found


def read_code(project: Path, name: str) -> list[str]:
    return ["".join(cell["source"]) for cell in read_notebook(project, name)["cells"] if cell["cell_type"] == "code"]


def make_candles(about: About, folder: Path) -> None:
    """Walks under the names of the article's own files, over its span."""
    for number, places in enumerate(about.files.values()):
        path = folder / places[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        start = (about.since or "2017-07-07").partition("T")[0]
        rows = CANDLES[about.interval]
        table = cc.simulate("walk", candles=rows, interval=about.interval, start=start, seed=number)
        columns = ("open_time", "open", "high", "low", "close", "volume")
        kept = table.select(columns)
        if path.suffix == ".csv":
            kept.with_columns(pl.col("open_time").dt.strftime("%Y-%m-%d %H:%M:%S")).write_csv(path)


def run_cell(code: str, names: dict[str, Any]) -> Any:
    """Run a cell, and return the value of its last line, as a notebook shows it."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return None if last is None else eval(compile(ast.Expression(last.value), "cell", "eval"), names)  # type: ignore[attr-defined]


def draw(theme: Palette) -> Any:
    figure = new_figure("A line", "Two values.", theme=theme)
    add_axes(figure, theme).plot([1.0, 2.0], color=theme.model)
    return figure


def find_nothing(name: str, pictures: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a study in place of the article's that trains nothing and has the pictures that its notebook shows."""
    about = find_about(name)
    exhibits = tuple(Picture(one, one, "A line.", draw) for one in pictures)

    def study(bench: Bench) -> Study:
        found = Outcome(name, bench.candles["market"][0], "MAE", "USD", 1.0, 2.0, 3.0, 4.0, 5, "worse", 6.0)
        told = {"chapters": (Chapter("What?", exhibits=exhibits),), "outcomes": (found,), "data": "Candles."}
        return about.make_study(finding="Nothing is left.", reasons=("It copies.",), flaws=(), **told)

    monkeypatch.setattr(importlib.import_module(f"{ARTICLES[name]}.study"), "study", study)


def test_there_is_one_for_each_article(project: Path) -> None:
    assert sorted(path.stem for path in (project / "notebooks").iterdir()) == sorted(ARTICLES)


@pytest.mark.parametrize("name", ARTICLES)
def test_a_notebook_has_the_form_of_one_and_no_outputs(project: Path, name: str) -> None:
    notebook = read_notebook(project, name)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    cells = notebook["cells"]
    assert FEWEST <= len(cells) <= MOST
    assert len({cell["id"] for cell in cells}) == len(cells)
    for cell in cells:
        assert cell["cell_type"] in ("markdown", "code")
        assert all(line.endswith("\n") for line in cell["source"][:-1])
        if cell["cell_type"] == "code":
            assert (cell["execution_count"], cell["outputs"]) == (None, [])


@pytest.mark.parametrize("way", ["in a moment", pytest.param("in full", marks=pytest.mark.long)])
@pytest.mark.parametrize("name", ARTICLES)
def test_every_cell_runs(
    project: Path,
    name: str,
    way: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    make_candles(find_about(name), tmp_path / "data")
    code = read_code(project, name)
    if way == "in a moment":
        find_nothing(name, re.findall(r'show\(made, "(.*?)"\)', "".join(code)), monkeypatch)
    names: dict[str, Any] = {}
    shown = [run_cell(cell, names) for cell in code]
    pictures = [one for one in shown if isinstance(one, ShownPicture)]
    assert len(pictures) >= 2
    for picture in pictures:
        assert picture.path.read_bytes().startswith(b"\x89PNG")
        assert picture._repr_html_().startswith("<figure><img")
    [claims] = [one for one in shown if isinstance(one, pl.DataFrame) and "verdict" in one.columns]
    assert set(claims["verdict"]) <= {"worse", "not distinguishable"}  # on a walk
    printed = capsys.readouterr().out
    assert names["made"].document["studies"][0]["finding"] in printed
    assert str(names["made"].report) in printed


def test_pictures_that_are_shown_are_those_of_the_docs(project: Path) -> None:
    page = (project / "docs" / "reproduce.md").read_text(encoding="utf-8")
    for name in ARTICLES:
        [told] = re.findall(rf"^### Article \d, {name}\n(.*?)(?=^##)", page, re.M | re.S)
        shown = re.findall(r'show\(made, "(.*?)"\)', "".join(read_code(project, name)))
        assert {f"`{one}`" for one in shown} <= set(re.findall("`[a-z-]+`", told))


def dump(code: str) -> list[str]:
    """A program without its blank lines and its imports, which a notebook's linter sorts."""
    return [ast.dump(line) for line in ast.parse(code).body if not isinstance(line, ast.Import | ast.ImportFrom)]


def test_the_tutorial_of_the_notebook_is_that_of_the_page(project: Path) -> None:
    from coincast.articles.fmz.tutorial import TUTORIAL

    cells = read_code(project, "fmz")
    assert len(TUTORIAL) > 2
    assert [dump(code) for _, code in TUTORIAL] == [dump(code) for code in cells[: len(TUTORIAL)]]
