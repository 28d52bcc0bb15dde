"""What stands in a run folder: its verdicts, its leaderboard, its losses by epoch.

Read without the library's networks: a page that lists runs needs none.
"""

from __future__ import annotations

import contextlib
import json
import stat
import threading
import tomllib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from coincast.errors import CoincastError
from coincast.experiments.folder import FINISHED
from coincast.experiments.rows import HISTORY_COLUMNS
from coincast.experiments.story import say
from coincast.forecasts.combine import ENSEMBLE
from coincast.forecasts.table import load_table
from coincast.reports.tables import leaderboard
from coincast.scores.verdict import NAIVE, deciding_rows
from coincast.web.runs.folders import Run

LARGEST_FILE = 64 * 2**20
"""Bytes of a JSON or TOML file of a run folder that is read."""
KEPT = 200
"""Runs whose facts are kept."""
_ROW = ("market", "interval", "quantity", "model")
UNREADABLE = (
    *(CoincastError, OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError),
    *(pl.exceptions.PolarsError, pl.exceptions.PanicException),
)
"""What reading a file that is missing, broken or changed may raise."""


@dataclass(frozen=True)
class RunFacts:
    """What a run found, or has so far.

    Attributes:
        markets, models: what it is about.
        sentence, verdict: on its first market; of a reproduction its finding.
        sentences: on every market; of a reproduction one for each article.
        board: rows of the leaderboard, each with `sentence`.
        notes: what a reader should know.
        seconds: stage -> wall time.
        spec: as TOML; None where there is none.
    """

    markets: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    sentence: str | None = None
    verdict: str | None = None
    sentences: tuple[str, ...] = ()
    board: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    spec: str | None = None


class RunReader:
    """Reads runs, each once as long as it does not change; from any thread."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int], RunFacts] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, run: Run) -> RunFacts:
        """What a run found; of one that is broken only that."""
        key = run.id, run.changed_at
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        facts = read_run(run)
        with self._lock:
            self._kept[key] = facts
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return facts


def read_run(run: Run) -> RunFacts:
    """What a run found, or has so far; a broken one says so in its notes."""
    if run.state != "finished":
        return RunFacts(models=tuple(finished_models(run.folder)), spec=_read_text(run.folder / "spec.toml"))
    try:
        if run.kind == "reproduction":
            return _read_reproduction(run.folder)
        return RunFacts() if run.kind == "report" else _read_scores(run.folder)
    except UNREADABLE as error:
        reason = str(error).partition("\n")[0].replace(str(run.folder), run.name)
        return RunFacts(notes=(f"this run cannot be read: {reason}",))


def _read_scores(folder: Path) -> RunFacts:
    """A comparison, or a judgement, which has neither a spec nor facts of its own."""
    scores, spec = load_table(folder / "scores.parquet", kind="scores"), _read_text(folder / "spec.toml")
    facts = _read_json(folder / "run.json") if (folder / "run.json").is_file() else {}
    heads = _headlines(scores, _labels(spec))
    several = len(heads) > 1
    sentences = tuple(f"{row['market']}: " * several + say(scores, row) for row in heads)
    return RunFacts(
        markets=tuple(scores["market"].unique(maintain_order=True)),
        models=tuple(model for model in scores["model"].unique(maintain_order=True) if not model.endswith(ENSEMBLE)),
        sentence=sentences[0] if sentences else None,
        verdict=heads[0]["verdict"] if heads else None,
        sentences=sentences,
        board=tuple(board_rows(scores)),
        notes=tuple(str(note) for note in facts.get("notes", ())),
        seconds={str(stage): float(seconds) for stage, seconds in facts.get("seconds", {}).items()},
        spec=spec,
    )


def board_rows(scores: pl.DataFrame) -> list[dict[str, Any]]:
    """The leaderboard of a score table, with what each row says as a sentence."""
    deciding = deciding_rows(scores)
    rows = dict(zip(deciding.select(_ROW).rows(), deciding.to_dicts(), strict=True))
    board = []
    for row in leaderboard(scores).iter_rows(named=True):
        told = rows.get(tuple(row[name] for name in _ROW))
        board.append({**row, "sentence": None if told is None or told["verdict"] is None else say(scores, told)})
    return board


def _headlines(scores: pl.DataFrame, labels: Sequence[str]) -> list[dict[str, Any]]:
    """For each market the row that decides on the first model of the spec that is not naive, else on the best."""
    deciding = deciding_rows(scores).filter(pl.col("verdict").is_not_null())
    heads = []
    for market in deciding["market"].unique(maintain_order=True):
        own = deciding.filter(pl.col("market") == market)
        names = own["model"].str.strip_suffix(ENSEMBLE)
        found = [own.filter((names == label) | names.str.starts_with(f"{label}(")) for label in labels]
        heads.append(next((rows for rows in found if rows.height), own).row(0, named=True))
    return heads


def _labels(spec: str | None) -> list[str]:
    """Labels of the models of a spec in their order, without naive."""
    models = tomllib.loads(spec).get("models", []) if spec else []
    labels = [str(model.get("label", model.get("name"))) for model in models if isinstance(model, dict)]
    return [label for label in labels if label != NAIVE]


def _read_reproduction(folder: Path) -> RunFacts:
    document = _read_json(folder / "results.json")
    findings = tuple(f"{study['article']}: {study['finding']}" for study in document["studies"])
    verdicts = {outcome["verdict"] for outcome in document["results"]}
    return RunFacts(
        markets=tuple(dict.fromkeys(str(outcome["market"]) for outcome in document["results"])),
        sentence=findings[0] if findings else None,
        verdict=verdicts.pop() if len(verdicts) == 1 else None,
        sentences=findings,
        notes=tuple(str(outcome["says"]) for outcome in document["results"]),
        seconds={"all": float(document.get("seconds", 0.0))},
    )


def read_history(run: Run) -> pl.DataFrame:
    """Losses by epoch of a run: of a finished one all, of a running one those of its finished models."""
    empty = pl.DataFrame(schema=HISTORY_COLUMNS)
    try:
        if run.state == "finished":
            path = run.folder / "history.csv"
            return pl.read_csv(path, schema=HISTORY_COLUMNS, glob=False) if path.is_file() else empty
        paths = sorted(run.folder.glob(f"{FINISHED}/*/history.parquet"))
        tables = [pl.read_parquet(path, glob=False).select(list(HISTORY_COLUMNS)) for path in paths]
        return pl.concat([empty, *tables], how="vertical_relaxed")
    except UNREADABLE:
        return empty


def finished_models(folder: Path) -> list[str]:
    """Labels of the models that an unfinished run has finished, in that order."""
    done = []
    for path in folder.glob(f"{FINISHED}/*/done"):
        with contextlib.suppress(OSError):  # the run has ended meanwhile, and taken it away
            done.append((path.stat().st_mtime, path))
    return [label for _, path in sorted(done) if (label := _read_text(path))]


def _read_text(path: Path) -> str | None:
    """The text of a plain file; None where there is none."""
    try:
        return _read_plain(path)
    except (OSError, ValueError):
        return None


def _read_json(path: Path) -> dict[str, Any]:
    document = json.loads(_read_plain(path))
    if not isinstance(document, dict):
        raise ValueError(f"{path.name} holds no table")
    return document


def _read_plain(path: Path) -> str:
    """The text of a file of the folder, never of one elsewhere that a link leads to.

    Raises:
        OSError, ValueError: it is not there, no plain file, too large, or no text.
    """
    facts = path.lstat()
    if not stat.S_ISREG(facts.st_mode):
        raise ValueError(f"{path.name} is no plain file")
    if facts.st_size > LARGEST_FILE:
        raise ValueError(f"{path.name} is larger than {LARGEST_FILE // 2**20} MB")
    return path.read_text(encoding="utf-8")
