"""README and docs do what they say: their code runs, their links lead somewhere, their lists are complete."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import io
import pkgutil
import re
import runpy
import shlex
import shutil
import sys
import types
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import coincast as cc
from coincast.__main__ import main
from coincast.candles.table import CANDLE_COLUMNS
from coincast.experiments.spec import Spec
from coincast.forecasts.table import FORECAST_COLUMNS, JOINED_COLUMNS, RUN_COLUMNS
from coincast.live.watch.section import read_watch_spec
from coincast.scores.point import METRICS
from coincast.scores.verdict import SCORE_COLUMNS

PROJECT = Path(__file__).resolve().parent.parent
GENERATE = runpy.run_path(str(PROJECT / "docs" / "generate.py"))
COMMANDS: dict[str, Any] = dict(GENERATE["commands"]())
PAGES = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])
EXAMPLES = [line for command in COMMANDS.values() for line in re.findall(r"^\s*(coincast .*)$", command.help, re.M)]


def code_blocks(path: Path, *languages: str) -> list[tuple[str, str]]:
    """Language and text of the fenced blocks of a page."""
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", path.read_text(encoding="utf-8"), re.M | re.S)
    return [(language, text) for language, text in blocks if language in languages]


def table_rows(path: Path, heading: str) -> list[list[str]]:
    """Cells of the first table under a heading, without its head."""
    text = path.read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


# ---------------------------------------------------------------- a folder in which the pages' code runs


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the pages name, all made up, as the working directory."""
    candles = cc.simulate("echo", skill=0.1, candles=340, coins=2, start="2017-01-01", seed=5)
    coins = [candles.filter(pl.col("market") == name) for name in candles["market"].unique(maintain_order=True)]
    days = coins[0].select(date=pl.col("open_time").dt.date(), price="close", volume="volume")
    days.write_csv(tmp_path / "btc.csv")
    lagged = days.select(target_time="date", actual="price", predicted=pl.col("price").shift(1)).drop_nulls()
    forecasts = lagged.with_columns(my_model=pl.col("predicted") * 1.01)
    forecasts.write_csv(tmp_path / "forecasts.csv")
    forecasts.write_parquet(tmp_path / "forecasts.parquet")
    for coin, name in zip(coins, ("bitcoin", "ethereum"), strict=True):
        write_coinmarketcap(coin, tmp_path / f"{name}_price.csv")
    shutil.copytree(PROJECT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_coinmarketcap(candles: pl.DataFrame, path: Path) -> None:
    """Candles in the form of CoinMarketCap's tables until 2018, newest first."""
    columns = {
        "Date": pl.col("open_time").dt.strftime("%b %d, %Y"),
        **{name.title(): pl.col(name).round(6) for name in ("open", "high", "low", "close")},
        "Volume": (pl.col("volume") * pl.col("close")).round(0).cast(pl.Int64),
        "Market Cap": pl.lit("-"),
    }
    candles.reverse().select(**columns).write_csv(path)


def run_python(blocks: list[tuple[str, str]], name: str) -> Iterator[str]:
    """Run blocks one after the other as one module; what each one prints."""
    module = types.ModuleType(name)
    sys.modules[name] = module
    try:
        for _, text in blocks:
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(text, f"{name}.md", "exec"), vars(module))
            yield printed.getvalue()
    finally:
        del sys.modules[name]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two epochs of every training: what the code of a page does, and not how well."""
    whole = cc.Spec.recipe
    monkeypatch.setattr(cc.Spec, "recipe", lambda spec: replace(whole(spec), epochs=2))


@pytest.mark.usefixtures("quick")
def test_the_code_of_the_readme_runs(workplace: Path) -> None:
    printed = list(run_python(code_blocks(PROJECT / "README.md", "python"), "readme"))
    assert "This line is yesterday's price." in printed[0]
    assert (workplace / "runs" / "btc" / "report.html").is_file()


@pytest.mark.usefixtures("quick")
def test_the_code_of_the_page_on_the_engine_runs() -> None:
    assert list(run_python(code_blocks(PROJECT / "docs" / "engine.md", "python"), "engine")) == ["", ""]


@pytest.mark.usefixtures("quick")
def test_the_code_of_the_tour_runs(workplace: Path) -> None:
    printed = list(run_python(code_blocks(PROJECT / "docs" / "tour.md", "python"), "tour"))
    assert all(printed)
    assert (workplace / "runs" / "eth" / "report.html").is_file()


def test_the_code_of_the_page_on_data_runs(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COINCAST_HOME", str(workplace / "home"))
    (printed,) = run_python(code_blocks(PROJECT / "docs" / "data.md", "python"), "data")
    assert printed.splitlines()[0].startswith("True [")
    assert printed.splitlines()[1] == "True"


def test_the_tour_shows_what_the_real_files_give(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that no network decides is printed to the letter; the networks are tested with their experiment."""
    for name in ("bitcoin", "ethereum"):
        shutil.copy(shared_data / "cmc" / "kaggle2018" / f"{name}_price.csv", tmp_path)
    monkeypatch.chdir(tmp_path)
    blocks = code_blocks(PROJECT / "docs" / "tour.md", "python", "text")
    python = [(kind, text) for kind, text in blocks if kind == "python"][:3]
    python[1] = ("python", re.sub(r"models=\[.*?\],\n", 'models=["naive"],\n', python[1][1]))
    shown = [text for kind, text in blocks if kind == "text"][:3]
    assert list(run_python(python, "tour_on_real_files")) == shown


# ---------------------------------------------------------------- commands


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*name.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"coincast {name}" in shown.partition("Examples:")[2]


def commands_of_pages() -> Iterator[str]:
    for page in PAGES:
        for _, text in code_blocks(page, "sh"):
            yield from (line for line in text.splitlines() if line.startswith("coincast "))
        for inline in re.findall(r"`(?:\.venv/bin/)?(coincast [a-z]+ [^`]*)`", page.read_text(encoding="utf-8")):
            yield inline.replace("\n", " ")


ALL_COMMANDS = sorted({*EXAMPLES, *commands_of_pages()} - {"coincast compare spec.toml --candles ..."})
CHEAP = ("judge", "describe", "simulate", "doctor")


@pytest.mark.parametrize("line", ALL_COMMANDS)
def test_every_command_that_is_shown_can_be_typed(line: str) -> None:
    name, arguments = split_command(line)
    COMMANDS[name].make_context(name, arguments)


def split_command(line: str) -> tuple[str, list[str]]:
    """Name and arguments of a line; the name of a command in a group is two words. Redirections are left out."""
    _, first, *rest = shlex.split(line.partition(" >")[0])
    if rest and f"{first} {rest[0]}" in COMMANDS:
        return f"{first} {rest[0]}", rest[1:]
    return first, rest


@pytest.mark.parametrize("line", [line for line in ALL_COMMANDS if line.split()[1] in CHEAP])
def test_cheap_commands_that_are_shown_run(line: str, workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(shlex.split(line)[1:]) == 0, capsys.readouterr().err
    assert capsys.readouterr().out


def test_the_readme_lists_every_command() -> None:
    listed = [row[0].strip("`").removeprefix("coincast ") for row in table_rows(PROJECT / "README.md", "Commands")]
    assert sorted(listed) == sorted({name.split()[0] for name in COMMANDS})


# ---------------------------------------------------------------- pages


@pytest.mark.parametrize("name", GENERATE["PAGES"])
def test_generated_pages_are_fresh(name: str) -> None:
    page = PROJECT / "docs" / name
    assert page.read_text(encoding="utf-8") == GENERATE["PAGES"][name](), f"docs/{name} is old; run: make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(PROJECT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_the_index_leads_to_every_page() -> None:
    index = (PROJECT / "docs" / "index.md").read_text(encoding="utf-8")
    linked = {(PROJECT / "docs" / target).resolve() for target in re.findall(r"\]\(([^)#]+)\)", index)}
    assert {page for page in PAGES if page.is_relative_to(PROJECT / "docs")} - {PROJECT / "docs" / "index.md"} <= linked


@pytest.mark.parametrize("name", cc.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    page = (PROJECT / "docs" / "python.md").read_text(encoding="utf-8")
    assert name == "__version__" or f"\n## {name}\n" in page


PROMISED = """
cc.judge(frame)
candles = cc.read_candles("btc.csv")
result = cc.compare(candles, models=[cc.LSTM(units=20), "naive", "ar"], \
lookback=10, horizon=1, test="2017-06-01", seeds=25)
result.verdict; result.leaderboard; result.forecasts; result.plot(); result.save("runs/btc")
cc.forecast(candles, horizon=7)
model = cc.fit(candles, cc.LSTM(), recipe=cc.Recipe(epochs=50), seeds=25); \
model.save("m"); cc.load("m").forecast(candles)
cc.compare(candles, models=[MyNet()])
cc.compare(cc.simulate("echo", skill=0.05), models=["lstm", "oracle"])
"""


def test_the_readme_shows_the_promised_lines() -> None:
    last = code_blocks(PROJECT / "README.md", "python")[-1][1].splitlines()
    shown = [line.split("  #")[0].strip() for line in last]
    assert shown == ["import coincast as cc", *PROMISED.strip().splitlines()]


def test_the_architecture_page_begins_with_where_to_add_things() -> None:
    page = PROJECT / "docs" / "architecture.md"
    assert page.read_text(encoding="utf-8").startswith("# Architecture\n\n## Where do I add ...?\n")
    rows = table_rows(page, "Where do I add ...?")
    assert {"a network", "an opponent", "a feature", "a file form", "a metric"} <= {row[0] for row in rows}
    assert all((PROJECT / name).exists() for row in rows for name in re.findall(r"tests/[\w/.]*", row[3]))
    registered = re.findall(r"`([A-Z]+)` in `([\w/]+)\.py`", " ".join(row[2] for row in rows))
    assert len(registered) >= 8
    for registry, path in registered:
        module = importlib.import_module("coincast." + path.replace("/", ".").removesuffix(".__init__"))
        assert len(getattr(module, registry)) >= 1


def test_the_code_of_the_page_on_judging_prints_what_it_shows(workplace: Path) -> None:
    page = PROJECT / "docs" / "how-to" / "judge-a-forecast.md"
    text = page.read_text(encoding="utf-8")
    shown = re.findall(r"^```python\n.*?^```\n\n```text\n(.*?)^```", text, re.M | re.S)
    assert list(run_python(code_blocks(page, "python"), "judging")) == shown


@pytest.mark.parametrize("page", sorted((PROJECT / "docs" / "learn").glob("*.md")), ids=lambda page: page.stem)
def test_the_code_of_the_pages_to_learn_from_prints_what_they_show(page: Path) -> None:
    shown = re.findall(r"^```text\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
    assert [text for text in run_python(code_blocks(page, "python"), "learning") if text] == shown


def test_the_architecture_page_lists_the_layers_in_order() -> None:
    layers = runpy.run_path(str(PROJECT / "tests" / "test_layers.py"))["LAYERS"]
    rows = table_rows(PROJECT / "docs" / "architecture.md", "Layers")
    assert [re.sub(r"[`/]|\.py", "", row[0]) for row in rows] == list(layers)


def test_every_column_is_documented() -> None:
    text = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
    text = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    named = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", text))))
    assert {*CANDLE_COLUMNS, *FORECAST_COLUMNS, *JOINED_COLUMNS, *RUN_COLUMNS, *SCORE_COLUMNS} - named == set()


def test_every_metric_and_word_is_explained() -> None:
    text = (PROJECT / "docs" / "judging.md").read_text(encoding="utf-8")
    for name in [*METRICS, "better", "not distinguishable", "worse", "too few"]:
        assert f"| `{name}` |" in text, name


def test_every_proof_has_a_command_that_exists() -> None:
    text = (PROJECT / "docs" / "proofs.md").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:benchmarks|proofs|tests)/[\w/]+\.py", text))
    assert all((PROJECT / name).is_file() for name in named)
    programs = [path for folder in ("benchmarks", "proofs") for path in (PROJECT / folder).glob("*.py")]
    assert {path.relative_to(PROJECT).as_posix() for path in programs} <= named
    targets = re.findall(r"^(\w+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.M)
    for page in PAGES:
        assert set(re.findall(r"`make (\w+)`", page.read_text(encoding="utf-8"))) <= set(targets), page


@pytest.mark.parametrize("path", sorted((PROJECT / "examples").glob("*.toml")), ids=lambda path: path.stem)
def test_examples_are_sound_specs(path: Path) -> None:
    is_live = "[watch]" in path.read_text(encoding="utf-8").splitlines()
    spec = read_watch_spec(path).spec if is_live else Spec.from_toml(path)
    assert Spec.from_dict(spec.to_dict()) == spec


def modules_with_examples() -> Iterator[str]:
    for found in pkgutil.walk_packages(cc.__path__, "coincast."):
        path = PROJECT / "src" / (found.name.replace(".", "/") + ("/__init__.py" if found.ispkg else ".py"))
        if ">>>" in path.read_text(encoding="utf-8"):
            yield found.name


@pytest.mark.parametrize("module", list(modules_with_examples()))
def test_examples_in_docstrings_run(module: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(module))
    assert (failed, tried > 0) == (0, True)
