"""`docs/reproduce.md` names what there is: every published picture with its twin, every capability with its test."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import coincast as cc
from coincast.articles.reproduce import ARTICLES, find_about
from coincast.reports.study import Study

HEADINGS = {
    "sheehan": "### Article 0, sheehan",
    "fahimi": "### Article 1, fahimi",
    "huang": "### Article 2, huang",
    "fmz": "### Article 3, fmz",
}
IDS = [
    *(f"D{number}" for number in range(1, 6)),
    *("F1", "W1", "W2", "W3", "W4", "S1", "S2", "P1"),
    *(f"B{number}" for number in range(1, 6)),
    *(f"M{number}" for number in range(1, 8)),
    *(f"T{number}" for number in range(1, 6)),
    *(f"E{number}" for number in range(1, 12)),
    *("Q1", "Q2"),
]
ENTRY = ("article", "market", "metric", "unit", "headline", "faithful", "naive", "fair", "n", "verdict", "seconds")
MOST_BYTES = 6_000_000
VERDICTS = ("better", "not distinguishable", "worse")
"""On real candles any of them may come, and of networks that were hardly trained none is worth a test; on a walk, where
none may be `better`, each article has a test of its own."""
COPIED = [0.0378, 0.0417, 0.0507, 0.0480, round(175 / 199, 4)]
"""What copying the last price scores, computed from the files apart from this package: BTC and ETH of articles 0 and 1,
the formula of article 3."""


@pytest.fixture(scope="module")
def page(project: Path) -> str:
    return (project / "docs" / "reproduce.md").read_text(encoding="utf-8")


def under(page: str, heading: str) -> str:
    return re.split(r"\n##+ ", page.partition(f"{heading}\n")[2])[0]


def rows(text: str) -> list[list[str]]:
    """Cells of the lines of a table, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_every_capability_has_a_test_that_exists(page: str, project: Path) -> None:
    listed = rows(under(page, "## The checklist"))
    assert [row[0].strip("| ") for row in listed] == IDS
    for row in listed:
        tests = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row[3])
        assert tests, row
        for file, name in tests:
            tree = ast.parse((project / file).read_text(encoding="utf-8"))
            assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, (file, name)


def test_every_file_of_the_library_that_is_named_exists(page: str, project: Path) -> None:
    for module in set(re.findall(r"`coincast\.((?:articles|samples|training|models|scores|candles)[\w.]*)`", page)):
        parts = module.split(".")
        places = [project / "src" / "coincast" / Path(*parts[:size]) for size in (len(parts), len(parts) - 1)]
        assert any(place.with_suffix(".py").is_file() or place.is_dir() for place in places), module


@pytest.mark.parametrize("name", ARTICLES)
def test_articles_stand_in_the_page_as_they_are(page: str, name: str) -> None:
    about = find_about(name)
    assert about.published in page
    assert HEADINGS[name] in page


def test_the_code_of_the_page_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The study itself is tested with its article; here it finds nothing, at once."""
    monkeypatch.chdir(tmp_path)
    cc.simulate("walk", candles=10_400, interval="1h", start="2018-05-06").write_csv("Bitfinex_BTCUSD_1h.csv")
    told = ("a title", "Nobody", "2023-01-12", "It sees.", "Nothing is left.", (), (), (), (), "Hours.")
    monkeypatch.setattr("coincast.articles.fmz.study.study", lambda bench: Study("fmz", *told, is_quick=bench.is_quick))
    [code] = re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S)
    names: dict[str, object] = {}
    exec(compile(code, "reproduce.md", "exec"), names)
    assert getattr(names["made"], "report").read_text(encoding="utf-8").count("A first look") == 1  # noqa: B009


@pytest.mark.long
def test_one_command_makes_all_four(page: str, shared_data: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "coincast", "reproduce", "all", "--data", str(shared_data)]
    options = ["--quick", "--json", "--quiet"]
    done = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [study["article"] for study in document["studies"]] == ["sheehan", "fahimi", "huang", "huang", "fmz"]
    results = {(entry["article"], entry["market"]): entry for entry in document["results"]}
    assert len(results) == len(document["results"]) == 7
    for entry in results.values():
        assert set(ENTRY) <= set(entry)
        assert entry["verdict"] in VERDICTS
        assert None not in (entry["headline"], entry["faithful"], entry["naive"], entry["fair"])
        assert entry["n"] > 100
        assert entry["seconds"] > 0
    naive = [entry["naive"] for (article, _), entry in results.items() if article != "huang"]
    assert [round(value, 4) for value in naive] == COPIED
    for study in document["studies"]:
        assert all(study[told] for told in ("finding", "reasons", "flaws", "data", "notes"))
    report = tmp_path / document["report"]
    assert report.stat().st_size < MOST_BYTES
    for study in document["studies"]:
        told = under(page, HEADINGS[study["article"]])
        exhibits = [*study["pictures"], *study["tables"]]
        assert {shown["repeats"] for shown in exhibits} - {""} <= {row[0].strip("| ") for row in rows(told)}
        assert set(re.findall(r"`([a-z\d-]+)`", told)) <= {shown["name"] for shown in exhibits} | {"btc", "eth"}
        for shown in exhibits:
            assert (tmp_path / document["folder"] / shown["file"]).is_file()
