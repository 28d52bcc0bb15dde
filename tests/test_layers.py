"""A file imports only from packages above its own, and the judging half knows nothing of models."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

LAYERS = (
    "errors",
    "tabular",
    "candles",
    "sources",
    "samples",
    "models",
    "training",
    "forecasts",
    "scores",
    "reports",
    "experiments",
    "articles",
    "live",
    "web",
    "cli",
)
"""Packages of `coincast`, from the one that imports nothing to the one that may import all."""

JUDGING = {"forecasts", "scores", "reports"}
JUDGING_MAY_IMPORT = ("errors", "tabular", "candles.table", *sorted(JUDGING))
"""What the judging half may import: forecasts from anywhere are judged by the same code, and no model is needed."""

FACES = {"__init__", "__main__"}
"""Modules above all packages."""


def imported_names(source: str, module: str) -> Iterator[str]:
    """Absolute dotted names that a module imports, wherever in the file, for types only or not."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")[: -node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and _is_import_module(node.func) and isinstance(node.args[0], ast.Constant):
            yield str(node.args[0].value)


def _is_import_module(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in ("import_module", "__import__")


def find_violations(module: str, source: str) -> list[str]:
    """What a module of `coincast` imports and must not, as sentences.

    Args:
        module: its dotted name, such as `coincast.scores.point`.
        source: its text.
    """
    package = module.split(".")[1]  # of coincast.__init__ that is __init__
    if package in FACES:
        return []
    violations = []
    for name in imported_names(source, module):
        parts = name.split(".")
        if parts[0] != "coincast" or (name == "coincast" and _tells_version_only(source)):
            continue
        other = parts[1] if len(parts) > 1 else "__init__"
        if other not in LAYERS:
            violations.append(f"{module} imports {name}, which is no package of the layers")
        elif LAYERS.index(other) > LAYERS.index(package):
            violations.append(f"{module} imports {name}, and {other} stands below {package}")
        elif package in JUDGING and not f"{name[len('coincast.') :]}.".startswith(
            tuple(f"{allowed}." for allowed in JUDGING_MAY_IMPORT)
        ):
            violations.append(f"{module} imports {name}, and {package} may import {', '.join(JUDGING_MAY_IMPORT)} only")
    return violations


def _tells_version_only(source: str) -> bool:
    """Whether a module that imports the package itself takes nothing but its version from it."""
    used = [
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "coincast"
    ]
    return set(used) == {"__version__"}


def modules(package: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(package.rglob("*.py")):
        yield ".".join(("coincast", *path.relative_to(package).with_suffix("").parts)), path.read_text("utf-8")


def test_every_import_points_upwards(project: Path) -> None:
    found = [v for module, source in modules(project / "src" / "coincast") for v in find_violations(module, source)]
    assert not found, "\n".join(found)


def test_every_package_has_its_place(project: Path) -> None:
    package = project / "src" / "coincast"
    there = {path.stem for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert there - FACES == set(LAYERS)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("coincast.candles.table", "from coincast.samples.features import FEATURES"),
        ("coincast.samples.windows", "def f():\n    from coincast.models import MODELS\n"),
        (
            "coincast.models.gru",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import coincast.training.recipe",
        ),
        ("coincast.training.trainer", "from importlib import import_module\nimport_module('coincast.experiments.run')"),
        ("coincast.experiments.run", "from coincast.cli.output import print_json"),
        ("coincast.scores.point", "from coincast.samples.targets import TARGETS"),
        ("coincast.scores.point", "from coincast.candles.quality import find_gaps"),
        ("coincast.reports.html", "from ..models.lstm import LSTM"),
        ("coincast.forecasts.table", "from coincast.scores import METRICS"),
        ("coincast.reports.html", "from coincast import simulate"),
        ("coincast.candles.table", "import coincast\ncoincast.compare"),
        ("coincast.tabular.reading", "from coincast.helpers import read"),
    ],
)
def test_a_made_up_violation_is_caught(module: str, source: str) -> None:
    assert find_violations(module, source)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("coincast.scores.point", "from coincast.candles.table import INTERVALS\nfrom coincast.forecasts import table"),
        ("coincast.scores.point", "from coincast.candles import table"),
        ("coincast.models.lstm", "from .dropout import Dropout\nfrom coincast.samples.samples import Samples"),
        ("coincast.cli.demo", "from coincast.experiments.run import run_experiment\nimport polars as pl"),
        ("coincast.experiments.doctor", "import coincast\nprint(coincast.__version__)"),
        ("coincast.__main__", "from coincast.cli import app"),
    ],
)
def test_what_is_allowed_passes(module: str, source: str) -> None:
    assert not find_violations(module, source)
