"""`coincast calibrate` from the shell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from coincast.experiments.calibration import calibrate as calibration
from coincast.experiments.calibration.report import Calibration
from coincast.experiments.calibration.shares import share_row, share_table


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[dict[str, Any]]]:
    """A calibration with so many rejected nulls of 2,000 stands for the measurement; how it was asked for is kept."""
    asked: list[dict[str, Any]] = []

    def measure(rejected: int) -> list[dict[str, Any]]:
        def instead(**settings: Any) -> Calibration:
            asked.append(settings)
            return _calibration(rejected, seed=settings["seed"], quick=settings["quick"])

        monkeypatch.setattr(calibration, "calibrate", instead)
        return asked

    return measure


def _calibration(rejected: int, *, seed: int, quick: bool) -> Calibration:
    power = [
        {"planted": 0.05, "n": 4000, "model": model, **share_row(count, 100), "skill": 0.045}
        for model, count in (("ar", 95), ("lstm.ensemble", 94), ("oracle", 97))
    ]
    found = {"planted": 0.05, "n": 4000, "model": "lstm.ensemble", "markets": 100}
    return Calibration(
        nulls=share_table(
            [{"horizon": 5, "n": 1000, "persistence": 0.9, **share_row(rejected, 2000, least=0.035, most=0.065)}]
        ),
        models=share_table([{"horizon": 1, "model": "ar", **share_row(2, 100, most=0.035), "worse": 0.2}]),
        tables=share_table([{"n": None, "horizon": None, **share_row(2, 100, most=0.06)}]),
        power=share_table(power).drop("least", "most", "passed"),
        found=share_table(
            [
                found
                | {"what": "power", "share": 0.94, "low": 0.87, "high": 0.97}
                | {"least": 0.9, "most": None, "passed": True}
            ]
        ),
        seed=seed,
        is_quick=quick,
        seconds={"nulls": 1.0, "walks": 2.0, "echoes": 3.0},
    )


def test_every_share_stands_beside_its_bound(
    coincast: Callable[..., Any], measured: Callable[[int], list[dict[str, Any]]]
) -> None:
    asked = measured(101)
    answer = coincast("calibrate", "--quick", "--seed", 3)
    assert answer.code == 0
    assert [(one["quick"], one["seed"]) for one in asked] == [(True, 3)]
    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    assert "5 1,000 0.9 2,000 5.1 % 4.2 to 6.1 % 3.5 to 6.5 % pass" in lines
    assert "5 % 4,000 lstm.ensemble 100 94.0 % 87.5 to 97.2 %" in lines
    assert any(line.startswith("note: shortened") for line in lines)
    assert answer.out.splitlines()[-1].startswith("All 4 figures keep their bounds")


def test_a_broken_bound_is_the_answer_no(
    coincast: Callable[..., Any], measured: Callable[[int], list[dict[str, Any]]]
) -> None:
    measured(300)
    answer = coincast("calibrate", "--quiet")
    assert (answer.code, answer.err) == (5, "")
    assert "FAIL" in answer.out
    assert answer.out.splitlines()[-1].startswith("1 of 4 figures break their bounds: true null, horizon 5")


def test_json_and_files_say_the_same(
    coincast: Callable[..., Any], measured: Callable[[int], list[dict[str, Any]]], tmp_path: Path
) -> None:
    measured(300)
    answer = coincast("calibrate", "--json", "--quiet", "--out", tmp_path / "out")
    assert (answer.code, answer.err) == (5, "")
    assert (answer.json["passed"], len(answer.json["checks"])) == (False, 4)
    assert answer.json["nulls"][0]["share"] == 0.15
    nulls = pl.read_parquet(tmp_path / "out" / "nulls.parquet")
    assert nulls.to_dicts() == answer.json["nulls"]


def test_a_folder_in_use_is_refused_before_anything_is_measured(
    coincast: Callable[..., Any], measured: Callable[[int], list[dict[str, Any]]], tmp_path: Path
) -> None:
    asked = measured(100)
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    answer = coincast("calibrate", "--out", tmp_path)
    assert (answer.code, asked) == (2, [])
    assert "give --out a folder of its own" in answer.err
