"""The package as a user gets it: its wheel, its public names, how fast it answers; and what no file may hold."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import coincast

HEAVY = ("jax", "equinox", "optax", "polars", "numpy", "scipy", "pandas", "matplotlib", "plotly", "pydantic")
PROBE = """
import sys, time
{code}
print(sorted(set(sys.modules) & set({names!r})), file=sys.stderr)
print(time.process_time(), file=sys.stderr)
"""


def probe(code: str, names: tuple[str, ...], *, folder: Path | None = None) -> tuple[list[str], float]:
    """Run code in a fresh interpreter.

    Returns:
        Which of the named modules were imported, and the processor time of the whole process in seconds.
    """
    arguments = [sys.executable, "-c", PROBE.format(code=code, names=names)]
    done = subprocess.run(arguments, capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr
    imported, seconds = done.stderr.strip().splitlines()[-2:]
    return json.loads(imported.replace("'", '"')), float(seconds)


HELP = "from coincast.__main__ import main; assert main(['--help']) == 0"


PRINTERS = "import typer, rich.console, rich.table"
"""What help is printed with, and takes anyway; absolute times hang on the machine."""


@pytest.mark.parametrize(("code", "most"), [("import coincast", 1.0), (HELP, 4.0)], ids=["import", "help"])
def test_import_and_help_are_light_and_fast(code: str, most: float) -> None:
    """At most so many times the processor time of what prints the help, the best of three turns of each."""
    turns = [(probe(code, HEAVY), probe(PRINTERS, HEAVY)) for _ in range(3)]
    assert turns[0][0][0] == []
    assert min(own for (_, own), _ in turns) < most * min(peer for _, (_, peer) in turns)


def test_judge_never_imports_jax(tmp_path: Path) -> None:
    rows = [f"2020-{1 + day // 28:02}-{1 + day % 28:02},{100 + day % 7},{100 + (day - 1) % 7}" for day in range(300)]
    table = tmp_path / "forecasts.csv"
    table.write_text("target_time,actual,predicted\n" + "\n".join(rows), encoding="utf-8")
    command = f"['judge', {str(table)!r}, '--out', {str(tmp_path / 'verdict')!r}, '--json']"
    code = f"from coincast.__main__ import main; assert main({command}) == 0"
    imported, _ = probe(code, ("jax", "equinox", "optax", "coincast.models", "coincast.training"), folder=tmp_path)
    assert imported == []
    assert (tmp_path / "verdict" / "report.html").is_file()


# ---------------------------------------------------------------- public names


def test_every_public_name_is_there_and_documented() -> None:
    assert sorted([*coincast._HOMES, "__version__"]) == sorted(coincast.__all__) == dir(coincast)
    for name, home in coincast._HOMES.items():
        value = getattr(coincast, name)
        assert value is getattr(importlib.import_module(f"coincast.{home}"), name)
        assert value.__doc__, name


def test_a_wrong_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'compere'"):
        _ = coincast.compere


# ---------------------------------------------------------------- the wheel


@pytest.fixture(scope="module")
def wheel(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built with what the test environment has."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(project)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("coincast-*.whl"))


def test_the_wheel_holds_every_file_of_the_package(wheel: Path, project: Path) -> None:
    source = project / "src"
    ours = {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}
    expected = {name for name in ours if "__pycache__" not in name and name.startswith("coincast/")}
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        metadata = archive.read(next(name for name in archive.namelist() if name.endswith("/METADATA"))).decode()
    assert names == expected
    assert {"coincast/py.typed", "coincast/reports/templates/report.html"} <= names
    assert f"Version: {coincast.__version__}\n" in metadata
    assert "License-Expression: MIT" in metadata


@pytest.mark.slow
@pytest.mark.long
def test_the_demo_runs_from_the_wheel(wheel: Path, project: Path, tmp_path: Path) -> None:
    fresh, outside = tmp_path / "fresh", tmp_path / "outside"
    outside.mkdir()
    venv.create(fresh)
    scripts = fresh / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    see_libraries_of_this_environment(fresh)
    where = subprocess.run(
        [python, "-c", "import coincast; print(coincast.__file__)"], capture_output=True, text=True, check=True
    )
    assert Path(where.stdout.strip()).is_relative_to(fresh)

    command = [scripts / "coincast", "demo", "--out", "demo", "--quiet"]
    done = subprocess.run(command, cwd=outside, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for words in ("simulated:WALK1/USD", "simulated:ECHO1/USD", "LSTM ensemble", "report: demo"):
        assert words in done.stdout
    readme = (project / "README.md").read_text(encoding="utf-8")
    assert without_numbers(readme.partition("```text\n")[2].partition("```")[0]) in without_numbers(done.stdout)
    assert {path.name for path in outside.iterdir()} == {"demo"}
    assert "LSTM" in (outside / "demo" / "report.html").read_text(encoding="utf-8")
    pictures = list((outside / "demo" / "figures").glob("*.png"))
    assert len(pictures) >= 10
    for picture in pictures:
        assert_shows_something(picture)


def see_libraries_of_this_environment(fresh: Path) -> None:
    """A path file, whose folders' own path files are not read: an editable install stays out."""
    folder = next(fresh.rglob("site-packages"))
    libraries = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (folder / "libraries.pth").write_text("\n".join(sorted(libraries)) + "\n", encoding="utf-8")


def without_numbers(text: str) -> str:
    """Words and order of a leaderboard; its last digits differ from machine to machine."""
    return " ".join(re.sub(r"[+-]?[\d.,]+", "#", text).split())


def assert_shows_something(picture: Path) -> None:
    """A picture of nothing is an axis at most: few colours over few of its points."""
    from matplotlib.image import imread

    points = imread(picture)[..., :3]
    height, width = points.shape[:2]
    assert min(height, width) >= 200, picture
    assert (abs(points - points[0, 0]).max(axis=-1) > 0.1).mean() > 0.01, picture


# ---------------------------------------------------------------- the tests themselves


def test_the_tests_are_strict() -> None:
    """Else a wrong shape or dtype would pass every other test."""
    import jax
    import jax.numpy as jnp
    from jaxtyping import TypeCheckError

    from coincast.samples.windows import find_stretches

    with pytest.raises(jax.dtypes.TypePromotionError):
        jnp.ones(2, dtype=jnp.float32) + jnp.ones(2, dtype=jnp.int32)
    with pytest.raises(ValueError, match="rank_promotion"):
        jnp.ones((2, 2)) + jnp.ones(2)
    with pytest.raises(TypeCheckError):
        find_stretches(np.zeros(3, dtype=int), np.zeros(4, dtype=int))
    with pytest.raises(UserWarning, match="an error"):
        warnings.warn("this is an error", UserWarning, stacklevel=1)


# ---------------------------------------------------------------- what no file may hold


def our_files(project: Path) -> Iterator[Path]:
    for folder in ("src", "tests", "docs", "examples", "notebooks", "benchmarks", "proofs", ".ci"):
        yield from (
            path for path in (project / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts
        )
    yield from (path for path in project.iterdir() if path.is_file() and path.name != ".git")


def test_no_file_names_a_registry_or_a_path_of_some_machine(project: Path) -> None:
    forbidden = [
        "py" + "pi.org",
        "python" + "hosted",
        "conda" + ".anaconda",
        "npm" + "js",
        "/ro" + "ot/",
        "/ho" + "me/",
    ]
    for path in our_files(project):
        text = path.read_text(encoding="utf-8", errors="replace")
        found = [words for words in forbidden if words in text]
        assert not found, f"{path} holds {found}"


def test_constraints_pin_plain_versions(project: Path) -> None:
    lines = (project / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(len(pin.split("==")) == 2 and " " not in pin for pin in pins)
    named = {pin.split("==")[0].lower() for pin in pins}
    assert {"jax", "jaxlib", "equinox", "polars", "pytest", "ruff", "mypy", "torch"} <= named


def test_ci_runs_the_one_command(project: Path) -> None:
    script = project / ".ci" / "run"
    assert "make check" in script.read_text(encoding="utf-8")
    assert os.name == "nt" or os.access(script, os.X_OK)
