"""The run folder: whole files, one run in it, resumed or shown by its fingerprint."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import coincast as cc
from coincast.errors import MissingPackageError, UnreadableFileError, UsageError
from coincast.experiments import fingerprint
from coincast.experiments.fingerprint import take_fingerprint
from coincast.experiments.fit import fit_entry
from coincast.experiments.folder import FinishedModels, load_result, run_in_folder, save_result
from coincast.experiments.places import safe_name
from coincast.experiments.result import Result
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import make_tasks
from coincast.forecasts.table import load_table
from coincast.scores.further import FURTHER

Make = Callable[..., Spec]
TABLES = ("forecasts", "scores", "runs", "history", "outlook", "parts", "inputs", "shift")


@dataclass(frozen=True)
class Still:
    """A forecaster of a user's own, with a setting that no TOML file can hold."""

    how: Any = None

    def forecast(self, samples: Any, *, training: Any, origins: Any, seed: int) -> np.ndarray:
        return np.repeat(samples.close[origins][:, None], samples.windows.horizon, axis=1)


@pytest.fixture(scope="module")
def saved(two_results: Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_results.save(tmp_path_factory.mktemp("runs") / "a path with späces")


@pytest.fixture
def plain(small: Make) -> Spec:
    """A spec that trains nothing, for what is about files only."""
    return small(models=["drift"], name="plain")


@pytest.fixture(autouse=True)
def quick_pages(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages and pictures are left out where a test is about other files."""
    if "saved" in request.fixturenames:
        return
    monkeypatch.setattr("coincast.reports.figures.write_figures", lambda story, folder: [])
    monkeypatch.setattr("coincast.reports.html.write_report", lambda story, path: path)


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_run_folder_holds_what_is_needed_to_understand_and_repeat_it(saved: Path) -> None:
    names = files_of(saved)
    assert {name for name in names if "/" not in name} == {
        *("spec.toml", "data.json", "runs.parquet", "history.csv", "forecasts.parquet", "scores.parquet"),
        *("report.html", "fingerprint", "run.json", "outlook.parquet", "full_interval.parquet"),
    }
    pictures = [name for name in names if name.startswith("figures/")]
    assert len(pictures) >= 14
    assert all(name.endswith(".png") for name in pictures)
    found = {name for name in names if "/" in name} - set(pictures)
    assert found == {f"further/{name}.parquet" for name in FURTHER}
    assert not any(Path(name).name.startswith(".") for name in names)


def test_what_was_saved_is_read_back(saved: Path, two_results: Result) -> None:
    read = load_result(saved)
    for name in TABLES:
        written, back = getattr(two_results, name), getattr(read, name)
        assert back.schema == written.schema, name
        assert back.equals(written), name
    assert read.spec == two_results.spec
    assert read.notes == two_results.notes
    assert read.sentences == two_results.sentences
    assert read.leaderboard.equals(two_results.leaderboard)
    assert read.fingerprint == (saved / "fingerprint").read_text(encoding="utf-8")


def test_a_result_that_was_read_back_still_draws_and_saves(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coincast.reports.figures.write_figures", lambda story, folder: [])
    read = load_result(saved)
    assert read.plot("skill") is not None
    read.save(tmp_path / "again")
    assert load_result(tmp_path / "again").forecasts.equals(read.forecasts)


def test_baselines_alone_are_read_back(plain: Spec, echo: pl.DataFrame, tmp_path: Path) -> None:
    run = run_in_folder(plain, echo, out=tmp_path / "run")
    assert load_result(run.folder).history.equals(run.result.history)
    assert load_result(run.folder).runs.equals(run.result.runs)


def test_no_json_file_holds_nan(saved: Path) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    for name in ("run.json", "data.json"):
        json.loads((saved / name).read_text(encoding="utf-8"), parse_constant=refuse)


def test_figures_that_are_not_finite_become_null(plain: Spec, echo: pl.DataFrame, tmp_path: Path) -> None:
    run = run_in_folder(plain, echo, out=tmp_path / "run")
    odd = run.result.shift.with_columns(train_low=pl.lit(float("nan")), train_high=pl.lit(float("inf")))
    folder = save_result(replace(run.result, shift=odd), tmp_path / "odd")
    [row] = json.loads((folder / "run.json").read_text(encoding="utf-8"))["shift"]
    assert (row["train_low"], row["train_high"]) == (None, None)
    assert row["share_outside"] is not None


def test_data_json_tells_the_candles(saved: Path, two_markets: pl.DataFrame) -> None:
    markets = json.loads((saved / "data.json").read_text(encoding="utf-8"))["markets"]
    assert [(row["market"], row["rows"]) for row in markets] == [
        ("simulated:ECHO1/USD", 160),
        ("simulated:WALK1/USD", 160),
    ]
    assert markets[0]["sha256"] != markets[1]["sha256"]
    assert markets[0]["first"] == "2015-01-01 00:00:00+00:00"


def test_the_report_opens_with_the_verdict(saved: Path, two_results: Result) -> None:
    page = (saved / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    body = page.partition("<body")[2]
    assert "markets is the forecast better than the last known price" in body or "On both markets" in body
    assert two_results.verdict is not None


def test_spec_data_and_code_are_in_the_fingerprint(
    plain: Spec, echo: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = take_fingerprint(plain, echo, beyond=False)
    assert take_fingerprint(plain, echo.clone(), beyond=False) == known
    other_spec = plain.model_copy(update={"training": plain.training.model_copy(update={"seed": 1})})
    close = pl.when(pl.int_range(pl.len()) == 80).then(pl.col("close") * (1 + 1e-12)).otherwise("close").alias("close")
    others = [
        take_fingerprint(other_spec, echo, beyond=False),
        take_fingerprint(plain, echo.with_columns(close), beyond=False),
        take_fingerprint(plain, echo[:-1], beyond=False),
        take_fingerprint(plain, echo, beyond=True),
    ]
    monkeypatch.setattr(fingerprint, "hash_code", lambda: b"other code")
    others.append(take_fingerprint(plain, echo, beyond=False))
    assert len({known, *others}) == 6


def test_the_hash_of_the_code_is_of_every_source_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "coincast"
    (package / "experiments").mkdir(parents=True)
    (package / "a.py").write_text("1", encoding="utf-8")
    monkeypatch.setattr(fingerprint, "__file__", str(package / "experiments" / "fingerprint.py"))
    hashes = [fingerprint.hash_code()]
    (package / "a.py").write_text("2", encoding="utf-8")
    hashes.append(fingerprint.hash_code())
    (package / "notes.txt").write_text("no source", encoding="utf-8")
    assert fingerprint.hash_code() == hashes[1] != hashes[0]


def test_the_same_run_is_shown_and_redone_only_afresh(plain: Spec, echo: pl.DataFrame, tmp_path: Path) -> None:
    first = run_in_folder(plain, echo, out=tmp_path / "run")
    stamp = (first.folder / "run.json").stat().st_mtime_ns
    again = run_in_folder(plain, echo, out=tmp_path / "run")
    assert (first.was_finished, again.was_finished) == (False, True)
    assert (first.folder / "run.json").stat().st_mtime_ns == stamp
    assert again.result.forecasts.equals(first.result.forecasts)
    afresh = run_in_folder(plain, echo, out=tmp_path / "run", fresh=True)
    assert not afresh.was_finished
    assert (first.folder / "run.json").stat().st_mtime_ns > stamp


def test_candles_that_a_spec_does_not_use_make_no_other_run(small: Make, echo: pl.DataFrame, tmp_path: Path) -> None:
    spec = small(models=["drift"], until="2015-05-01")
    run_in_folder(spec, echo[:140], out=tmp_path / "run")
    assert run_in_folder(spec, echo, out=tmp_path / "run").was_finished


def test_what_python_saved_the_command_shows(plain: Spec, echo: pl.DataFrame, tmp_path: Path) -> None:
    cc.compare(echo, spec=plain).save(tmp_path / "run")
    assert run_in_folder(plain, echo, out=tmp_path / "run").was_finished


def test_a_folder_of_its_own_is_made_from_name_and_fingerprint(
    small: Make, echo: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = run_in_folder(small(models=["drift"], name="../../up and away"), echo)
    assert run.folder == Path("coincast-runs") / f"______up_and_away-{run.result.fingerprint[:12]}"
    assert [path.name for path in tmp_path.iterdir()] == ["coincast-runs"]


def test_a_place_that_is_taken_is_refused(plain: Spec, small: Make, echo: pl.DataFrame, tmp_path: Path) -> None:
    run_in_folder(plain, echo, out=tmp_path / "run")
    with pytest.raises(UsageError, match="holds another run"):
        run_in_folder(small(models=["ar"]), echo, out=tmp_path / "run")
    with pytest.raises(UsageError, match="holds another run"):
        run_in_folder(small(models=["ar"]), echo, out=tmp_path / "run", fresh=True)
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="is a file"):
        run_in_folder(plain, echo, out=tmp_path / "file")
    with pytest.raises(UsageError, match="holds other files and no run"):
        run_in_folder(plain, echo, out=tmp_path)
    with pytest.raises(UsageError, match="cannot write"):
        run_in_folder(plain, echo, out=tmp_path / "file" / "below")
    assert (tmp_path / "file").read_text(encoding="utf-8") == ""


def test_an_empty_folder_is_taken(plain: Spec, echo: pl.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert not run_in_folder(plain, echo, out=tmp_path / "run").was_finished


def test_an_interrupted_run_goes_on_with_the_models_that_are_missing(
    small: Make, echo: pl.DataFrame, tmp_path: Path
) -> None:
    spec = small(
        models=[{"name": "lstm", "units": 2, "label": "a"}, "drift", {"name": "lstm", "units": 2, "label": "b"}]
    )
    trained: list[str] = []

    def interrupt(label: str, progress: Any) -> None:
        if label == "b" and progress.epoch >= 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_in_folder(spec, echo, out=tmp_path / "run", on_progress=interrupt)
    assert not (tmp_path / "run" / "run.json").exists()
    assert {path.parent.name for path in (tmp_path / "run" / "finished").glob("*/done")} == {"a", "drift", "naive"}
    resumed = run_in_folder(spec, echo, out=tmp_path / "run", on_progress=lambda label, _: trained.append(label))
    assert set(trained) == {"b"}
    assert not (tmp_path / "run" / "finished").exists()
    whole = run_in_folder(spec, echo, out=tmp_path / "whole")
    for name in ("forecasts.parquet", "scores.parquet", "history.csv", "spec.toml", "data.json"):
        assert (whole.folder / name).read_bytes() == (resumed.folder / name).read_bytes(), name


def test_afresh_forgets_what_was_finished(small: Make, echo: pl.DataFrame, tmp_path: Path) -> None:
    trained: list[str] = []
    spec = small()

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("coincast.experiments.run.score_forecasts", stop)
        with pytest.raises(KeyboardInterrupt):
            run_in_folder(spec, echo, out=tmp_path / "run")
    run_in_folder(spec, echo, out=tmp_path / "run", fresh=True, on_progress=lambda label, _: trained.append(label))
    assert set(trained) == {"lstm"}


def test_an_unfinished_folder_is_no_result(tmp_path: Path, plain: Spec, echo: pl.DataFrame) -> None:
    with pytest.raises(UnreadableFileError, match="holds no finished run"):
        load_result(tmp_path)
    run = run_in_folder(plain, echo, out=tmp_path / "run")
    facts = json.loads((run.folder / "run.json").read_text(encoding="utf-8"))
    (run.folder / "run.json").write_text(json.dumps({**facts, "version": 99}), encoding="utf-8")
    with pytest.raises(UnreadableFileError, match="written by a newer Coincast"):
        load_result(run.folder)


@pytest.mark.parametrize("text", ["{}", "[]", "null", "5", "{", '{"version": "x"}', '{"version": 1}', "\ufffe"])
def test_a_run_that_was_tampered_with_is_told(plain: Spec, echo: pl.DataFrame, tmp_path: Path, text: str) -> None:
    run = run_in_folder(plain, echo, out=tmp_path / "run")
    (run.folder / "run.json").write_text(text, encoding="utf-16" if text == "\ufffe" else "utf-8")
    with pytest.raises(UnreadableFileError, match=r"holds no finished run.*--fresh") as caught:
        run_in_folder(plain, echo, out=tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not run_in_folder(plain, echo, out=tmp_path / "run", fresh=True).was_finished
    assert run_in_folder(plain, echo, out=tmp_path / "run").was_finished


@pytest.mark.parametrize("how", ["deleted", "broken"])
@pytest.mark.parametrize(
    "name", ["spec.toml", "data.json", "runs.parquet", "history.csv", "forecasts.parquet", "scores.parquet"]
)
def test_a_run_that_is_not_whole_is_told(plain: Spec, echo: pl.DataFrame, tmp_path: Path, name: str, how: str) -> None:
    run = run_in_folder(plain, echo, out=tmp_path / "run")
    if how == "deleted":
        (run.folder / name).unlink()
    else:
        (run.folder / name).write_bytes(b"\xff\xfe broken")
    with pytest.raises(UnreadableFileError, match=r"holds no finished run.*--fresh") as caught:
        run_in_folder(plain, echo, out=tmp_path / "run")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("names", [["steps"], list(FURTHER)])
def test_a_further_table_that_is_missing_is_told(
    plain: Spec, echo: pl.DataFrame, tmp_path: Path, names: list[str]
) -> None:
    run = run_in_folder(plain, echo, out=tmp_path / "run")
    for name in names:
        (run.folder / "further" / f"{name}.parquet").unlink()
    with pytest.raises(UnreadableFileError, match=r"holds no finished run.*no such file: .*further.*--fresh"):
        run_in_folder(plain, echo, out=tmp_path / "run")


def test_a_further_test_whose_package_was_missing_has_no_file(
    plain: Spec, echo: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> Any:
        raise MissingPackageError("arch", "the model confidence set", "coincast[stats]")

    monkeypatch.setitem(FURTHER, "confidence_set", refuse)
    run = run_in_folder(plain, echo, out=tmp_path / "run")
    assert not (run.folder / "further" / "confidence_set.parquet").exists()
    found = run_in_folder(plain, echo, out=tmp_path / "run").result.further["confidence_set"]
    assert (found.table.width, found.notes) == (0, run.result.further["confidence_set"].notes)


def test_an_outlook_that_is_missing_is_told(plain: Spec, echo: pl.DataFrame, tmp_path: Path) -> None:
    run = run_in_folder(plain, echo, out=tmp_path / "run", beyond=True)
    assert run_in_folder(plain, echo, out=tmp_path / "run", beyond=True).result.outlook.equals(run.result.outlook)
    (run.folder / "outlook.parquet").unlink()
    with pytest.raises(UnreadableFileError, match=r"outlook\.parquet"):
        run_in_folder(plain, echo, out=tmp_path / "run", beyond=True)


def test_a_mark_that_is_no_text_is_another_run(plain: Spec, echo: pl.DataFrame, tmp_path: Path) -> None:
    run = run_in_folder(plain, echo, out=tmp_path / "run")
    (run.folder / "fingerprint").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="holds another run"):
        run_in_folder(plain, echo, out=tmp_path / "run")


def test_a_page_that_was_deleted_is_written_again(
    plain: Spec, echo: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr("coincast.reports.html.write_report", lambda story, path: path.write_text("page"))
    monkeypatch.setattr("coincast.reports.figures.write_figures", lambda story, _: drawn.append(story))
    run = run_in_folder(plain, echo, out=tmp_path / "run")
    (run.folder / "report.html").unlink()
    again = run_in_folder(plain, echo, out=tmp_path / "run", command="coincast compare")
    assert again.was_finished
    assert again.report.is_file()
    assert (len(drawn), drawn[1].command) == (2, "coincast compare")
    assert drawn[1].candles.equals(drawn[0].candles)
    (run.folder / "figures").rmdir()
    run_in_folder(plain, echo, out=tmp_path / "run")
    assert len(drawn) == 3
    run_in_folder(plain, echo, out=tmp_path / "run")
    assert len(drawn) == 3


@pytest.mark.parametrize("name", ["forecasts", "outlook", "runs", "history"])
def test_a_finished_model_that_is_broken_is_trained_again(
    plain: Spec, echo: pl.DataFrame, tmp_path: Path, name: str
) -> None:
    fitted = fit_entry(plain.models[0], plain, make_tasks(plain, echo))
    shelf = FinishedModels(tmp_path / "finished")
    shelf.put("drift", fitted)
    kept = shelf.take("drift")
    assert kept is not None
    assert kept.forecasts.equals(fitted.forecasts)
    [file] = (tmp_path / "finished").rglob(f"{name}.parquet")
    file.write_bytes(b"PAR1 broken PAR1")
    assert shelf.take("drift") is None
    file.unlink()
    assert shelf.take("drift") is None


def test_brackets_in_the_name_of_a_folder_are_no_pattern(plain: Spec, echo: pl.DataFrame, tmp_path: Path) -> None:
    out = tmp_path / "run [ab]*" if os.name != "nt" else tmp_path / "run [ab]"
    first = run_in_folder(plain, echo, out=out)
    assert run_in_folder(plain, echo, out=out).result.history.equals(first.result.history)
    shelf = FinishedModels(out / "finished")
    shelf.put("drift", fit_entry(plain.models[0], plain, make_tasks(plain, echo)))
    assert shelf.take("drift") is not None


@pytest.mark.parametrize(
    ("out", "says"), [("~nobody9/x", "there is no such user"), ("x" * 300, r"cannot be used: .*name another folder")]
)
def test_a_place_that_cannot_be_is_refused(plain: Spec, echo: pl.DataFrame, out: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        run_in_folder(plain, echo, out=Path(out))


def test_labels_never_share_a_file_name() -> None:
    labels = ["lstm", "LSTM", "a b", "a_b", "a.b", "a/b", "x" * 60, "x" * 61, "x" * 62, "ä", "Ä"]
    names = {safe_name(label).lower() for label in labels}
    assert len(names) == len(labels)
    assert safe_name("lstm") == "lstm"
    assert not any(set(name) & set('/\\:*?"<>|. ') for name in names)


def test_a_users_own_settings_are_saved_as_far_as_toml_can(echo: pl.DataFrame, tmp_path: Path) -> None:
    folder = cc.compare(echo, models=[Still(how=max)], lookback=3).save(tmp_path / "run")
    assert "still" in (folder / "spec.toml").read_text(encoding="utf-8")
    assert "still" in load_table(folder / "forecasts.parquet", kind="forecasts")["model"]


def test_a_users_own_source_is_in_the_fingerprint(
    small: Make, echo: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = small(models=[Still()])
    known = take_fingerprint(spec, echo, beyond=False)
    monkeypatch.setattr("inspect.getsource", lambda _: "other source")
    assert take_fingerprint(spec, echo, beyond=False) != known
