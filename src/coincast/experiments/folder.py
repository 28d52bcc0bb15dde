"""The run folder: everything that is needed to understand an experiment and to repeat it.

    spec.toml  data.json  runs.parquet  history.csv  forecasts.parquet  scores.parquet  figures/
    report.html  fingerprint  run.json  and outlook.parquet where forecasts reach beyond the last candle
    checkpoints/MODEL/MARKET/ where the spec asks for weights or event files by epoch

`run.json` is written last, so that a folder with it is finished. While an experiment runs, its finished models lie
under `finished/`, and so does the state of the model that trains: an interrupted one goes on from there.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from coincast.errors import CoincastError, UnreadableFileError
from coincast.experiments.desk import STATE, Desk
from coincast.experiments.fingerprint import hash_candles, take_fingerprint
from coincast.experiments.fit import OnProgress
from coincast.experiments.places import choose_place, claim_place, safe_name, write_json, write_text
from coincast.experiments.result import Result
from coincast.experiments.rows import HISTORY_COLUMNS, Fitted
from coincast.experiments.run import run_experiment
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import choose_candles
from coincast.experiments.trial import configurations
from coincast.experiments.trials import Trials, count_trials, record_trials
from coincast.forecasts.table import load_table, write_table
from coincast.scores.finding import Finding
from coincast.tabular import write_beside

if TYPE_CHECKING:
    from coincast.experiments.sections import TrainingSection

FINISHED = "finished"
CHECKPOINTS = "checkpoints"
FOLDER_VERSION = 2
PLAIN_TABLES = ("parts", "inputs", "shift")
FITTED_TABLES = (
    *("forecasts", "outlook", "calibration", "full_interval", "runs", "history"),
    *("quantiles", "past_quantiles"),
)
FURTHER_FOLDER = "further"
PACKAGE_MISSING = " is not installed, and "
"""Stands in the note of a further test that was left out for want of a package (`MissingPackageError`)."""
MORE_FORECASTS = ("outlook", "calibration", "full_interval")
"""Tables of forecasts that have a file only where they have rows."""
BROKEN = (
    *(CoincastError, OSError, LookupError, TypeError, ValueError, AttributeError),
    *(pl.exceptions.PolarsError, pl.exceptions.PanicException),
)
"""What reading a file that is missing, broken or changed may raise."""


@dataclass(frozen=True)
class FolderRun:
    """An experiment in its run folder.

    Attributes:
        result: what it left; read back where it was finished before.
        folder: the run folder.
        report: the page.
        was_finished: whether it had been run before and was only shown.
        winners: what the p of each market's winner is worth after so many trials (`Trials.tell_winners`).
    """

    result: Result
    folder: Path
    report: Path
    was_finished: bool
    winners: tuple[str, ...] = ()


def run_in_folder(
    spec: Spec,
    candles: pl.DataFrame,
    *,
    files: Sequence[Mapping[str, Any]] = (),
    out: Path | None = None,
    fresh: bool = False,
    beyond: bool = False,
    command: str = "",
    with_pages: bool = True,
    on_progress: OnProgress | None = None,
) -> FolderRun:
    """Run an experiment in a folder; go on where it was interrupted, show it where it is finished.

    Args:
        spec, candles, files, beyond, on_progress: as for `run_experiment`.
        out: the run folder; else one is made under `./coincast-runs/`.
        fresh: run it again from the start.
        command: the command that makes this run again, for the report.
        with_pages: whether report and pictures are made; else they are when the folder is shown without this.

    Raises:
        UsageError: `out` holds another run, or something else.
        UnreadableFileError: the run is finished, and files of it are missing or broken.
    """
    candles = choose_candles(candles, spec.data)
    fingerprint = take_fingerprint(spec, candles, beyond=beyond)
    folder = choose_place(out, spec.name, fingerprint)
    if not fresh and (folder / "run.json").is_file():
        return _show(folder, candles, command=command, with_pages=with_pages)
    claim_place(folder, fingerprint)
    if fresh:
        _forget(folder)
    shelf = FinishedModels(folder / FINISHED, checkpoints=folder / CHECKPOINTS, fingerprint=fingerprint)
    result = run_experiment(
        spec, candles, files=files, beyond=beyond, fingerprint=fingerprint, shelf=shelf, on_progress=on_progress
    )
    result, trials = write_result(result, folder, command=command, with_pages=with_pages)
    shutil.rmtree(folder / FINISHED, ignore_errors=True)
    winners = tuple(trials.tell_winners(result.scores))
    return FolderRun(result, folder, folder / "report.html", was_finished=False, winners=winners)


def _show(folder: Path, candles: pl.DataFrame, *, command: str, with_pages: bool) -> FolderRun:
    """A finished run; its page and pictures are drawn again where they were deleted."""
    result, report = load_result(folder), folder / "report.html"
    trials = count_trials(result.forecasts, made_by=_made_by(result))
    result = replace(result, trials=trials.most)
    if with_pages and not (report.is_file() and (folder / "figures").is_dir()):
        _write_pages(replace(result, candles=candles), folder, command=command)
    return FolderRun(result, folder, report, was_finished=True, winners=tuple(trials.tell_winners(result.scores)))


def save_result(result: Result, folder: Path) -> Path:
    """Write a result that was made in memory into a run folder.

    Raises:
        UsageError: the folder holds another run, or something else.
    """
    fingerprint = result.fingerprint or take_fingerprint(result.spec, result.candles, beyond=result.outlook.height > 0)
    folder = choose_place(folder, result.spec.name, fingerprint)
    claim_place(folder, fingerprint)
    _forget(folder)
    write_result(replace(result, fingerprint=fingerprint), folder, command="")
    return folder


def write_result(result: Result, folder: Path, *, command: str, with_pages: bool = True) -> tuple[Result, Trials]:
    """Write all files of a run folder, `run.json` last.

    Returns:
        The result with the seconds that writing took, and the trials on its test spans.
    """
    began = time.perf_counter()
    trials = record_trials(result.forecasts, made_by=_made_by(result))
    result = replace(result, trials=trials.most, notes=(*result.notes, *trials.notes), found=result.further)
    write_text(folder / "spec.toml", result.spec.to_toml())
    write_json(folder / "data.json", {"files": list(result.files), "markets": _describe_candles(result.candles)})
    write_table(result.runs, folder / "runs.parquet", kind="runs")
    write_beside(folder / "history.csv", result.history.write_csv)
    write_table(result.forecasts, folder / "forecasts.parquet", kind="forecasts")
    write_table(result.scores, folder / "scores.parquet", kind="scores")
    for name in MORE_FORECASTS:
        if getattr(result, name).height:
            write_table(getattr(result, name), folder / f"{name}.parquet", kind="forecasts")
    if result.intervals is not None:
        write_table(result.intervals, folder / "intervals.parquet", kind="intervals")
    for name, finding in result.further.items():
        if finding.table.width:
            write_table(finding.table, folder / FURTHER_FOLDER / f"{name}.parquet", kind="further")
    if with_pages:
        _write_pages(result, folder, command=command)
    result = replace(result, seconds={**result.seconds, "report": time.perf_counter() - began})
    write_json(folder / "run.json", _run_facts(result))
    return result, trials


def _made_by(result: Result) -> dict[str, str]:
    return configurations(result.spec, result.forecasts)


def _write_pages(result: Result, folder: Path, *, command: str) -> None:
    from coincast.experiments.story import tell
    from coincast.reports.figures import write_figures
    from coincast.reports.html import write_report

    story = tell(result, command=command)
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    write_figures(story, figures)
    write_report(story, folder / "report.html")


def load_result(folder: Path) -> Result:
    """Read a finished run folder back; the candles themselves are not kept in it.

    Raises:
        UnreadableFileError: no finished run, one whose files are missing or broken, or one from a newer Coincast.
    """
    try:
        facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        version = int(facts["version"])
        if version <= FOLDER_VERSION:
            return _read_result(folder, facts)
    except BROKEN as error:
        raise UnreadableFileError(
            f"{folder} holds no finished run that can be read: {_reason(error)}; "
            "run the same command with --fresh, or with another --out"
        ) from None
    raise UnreadableFileError(
        f"{folder} was written by a newer Coincast (folder version {version}, here {FOLDER_VERSION})"
    )


def _reason(error: BaseException) -> str:
    """What is wrong with a file, in one line."""
    if isinstance(error, LookupError | TypeError | AttributeError):
        return "a JSON file in it was changed"
    return str(error).partition("\n")[0].partition(";")[0]


def _read_result(folder: Path, facts: Mapping[str, Any]) -> Result:
    data = json.loads((folder / "data.json").read_text(encoding="utf-8"))
    forecasts = load_table(folder / "forecasts.parquet", kind="forecasts")
    plain = {name: pl.DataFrame(facts[name]) for name in PLAIN_TABLES}
    times = [
        pl.col(name).str.to_datetime("%Y-%m-%d %H:%M:%S%z", time_unit="ms", time_zone="UTC")
        for name in ("first", "last")
    ]
    plain["parts"] = plain["parts"].with_columns(times)
    has_intervals = facts["has_intervals"]
    plain |= {
        name: load_table(folder / f"{name}.parquet", kind="forecasts") if name in facts["tables"] else forecasts.clear()
        for name in MORE_FORECASTS
    }
    return Result(
        spec=Spec.from_toml(folder / "spec.toml"),
        candles=pl.DataFrame(),
        forecasts=forecasts,
        scores=load_table(folder / "scores.parquet", kind="scores"),
        intervals=load_table(folder / "intervals.parquet", kind="intervals") if has_intervals else None,
        runs=load_table(folder / "runs.parquet", kind="runs"),
        history=pl.read_csv(folder / "history.csv", schema=HISTORY_COLUMNS, glob=False),
        seconds=dict(facts["seconds"]),
        files=tuple(data["files"]),
        notes=tuple(facts["notes"]),
        fingerprint=facts["fingerprint"],
        trials=facts["trials"],
        found={name: _read_finding(folder, name, notes) for name, notes in facts["further"].items()},
        **plain,
    )


def _read_finding(folder: Path, name: str, notes: Sequence[str]) -> Finding:
    """What a further test found; one whose package was missing has no table.

    Raises:
        UnreadableFileError: its table is not there, and no note says that a package was missing.
    """
    path = folder / FURTHER_FOLDER / f"{name}.parquet"
    has_none = not path.exists() and any(PACKAGE_MISSING in note for note in notes)
    return Finding(pl.DataFrame() if has_none else load_table(path, kind="further"), tuple(notes))


@dataclass(frozen=True)
class FinishedModels:
    """Finished models of an experiment that is not finished, one folder each, and the state of the one that trains.

    Attributes:
        folder: of them all.
        checkpoints: where files of epochs go; else beside them.
        fingerprint: of the run.
    """

    folder: Path
    checkpoints: Path | None = None
    fingerprint: str = ""

    def take(self, label: str) -> Fitted | None:
        place = self.folder / safe_name(label)
        if not (place / "done").is_file():
            return None
        try:
            return Fitted(**{name: pl.read_parquet(place / f"{name}.parquet", glob=False) for name in FITTED_TABLES})
        except BROKEN:
            return None  # it is trained again

    def put(self, label: str, fitted: Fitted) -> None:
        place = self.folder / safe_name(label)
        for name in FITTED_TABLES:
            write_beside(place / f"{name}.parquet", getattr(fitted, name).write_parquet)
        write_text(place / "done", label)
        for state in place.glob(f"{STATE}*"):
            state.unlink(missing_ok=True)

    def desk(self, label: str, training: TrainingSection) -> Desk:
        """Where the training of a model keeps what it is about."""
        place = self.folder / safe_name(label)
        return Desk(place, self.checkpoints or place / CHECKPOINTS, self.fingerprint, training)


def _forget(folder: Path) -> None:
    """Make a run folder unfinished, so that nothing old passes for new."""
    (folder / "run.json").unlink(missing_ok=True)
    shutil.rmtree(folder / FINISHED, ignore_errors=True)
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)


def _describe_candles(candles: pl.DataFrame) -> list[dict[str, Any]]:
    if candles.is_empty():
        return []
    spans = candles.group_by("market", "interval", maintain_order=True).agg(
        rows=pl.len(), first=pl.col("open_time").min(), last=pl.col("close_time").max()
    )
    rows = spans.to_dicts()
    for row in rows:
        of_market = candles.filter(pl.col("market") == row["market"])
        row["sha256"] = hash_candles(of_market).hex()
    return rows


def _run_facts(result: Result) -> dict[str, Any]:
    finite = pl.when(pl.selectors.float().is_finite()).then(pl.selectors.float()).name.keep()
    tables = {name: getattr(result, name).with_columns(finite).to_dicts() for name in PLAIN_TABLES}
    return {
        "version": FOLDER_VERSION,
        "fingerprint": result.fingerprint,
        "trials": result.trials,
        "further": {name: list(finding.notes) for name, finding in result.further.items()},
        "has_intervals": result.intervals is not None,
        "tables": [name for name in MORE_FORECASTS if getattr(result, name).height],
        "seconds": dict(result.seconds),
        "notes": list(result.notes),
        **tables,
    }
