"""Trials are counted: how many configurations have been judged on a test span, whatever run folder each lies in.

The best of many worthless forecasts looks good by luck, so the number of those that were tried belongs beside the
winner. A test span is the truth that forecasts were judged on: market, interval, quantity, and every target time with
its actual value. A configuration is what made the forecasts; where that is not known, it is the forecasts themselves.
Each leaves one small file, which is written beside its place and renamed, so that neither two processes at once nor a
kill in the middle can spoil anything:

    HOME/trials/<hash of market, interval and quantity>-<hash of the span>/<hash of the configuration>.json

The naive forecast and its copies are no trials, nor are runs that failed. Simulated markets are not counted: there is
always a fresh one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.errors import UsageError
from coincast.experiments.entries import is_network
from coincast.forecasts.combine import ENSEMBLE
from coincast.scores.series import LossSeries, deciding_series
from coincast.scores.significance import ALPHA
from coincast.sources.simulated import SOURCE
from coincast.tabular import home_folder, write_beside

if TYPE_CHECKING:
    from coincast.experiments.spec import Spec

VERSION = 1
DIGITS = 24
"""Hexadecimal digits of a hash in a file name."""
FIGURES = 9
"""Significant figures in which numbers count as the same."""
SAMPLE_KEYS = ("inputs", "features", "lookback", "horizon", "quantity", "multi_step", "scaling")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


@dataclass(frozen=True)
class Trial:
    """One configuration that was judged on one test span; what its file holds.

    Attributes:
        market, interval, quantity: what was forecast.
        span: hash of the test span.
        first, last: its first and last target time, milliseconds since 1970.
        model: name of the model, for a person.
        configuration: hash of what made the forecasts.
        values: hash of the forecasts. Two trials with the same forecasts are one, however they were made.
    """

    market: str
    interval: str
    quantity: str
    span: str
    first: int
    last: int
    model: str
    configuration: str
    values: str

    @property
    def series(self) -> str:
        """Hash of what overlapping spans have in common."""
        return _hash("series", self.market, self.interval, self.quantity)

    @property
    def folder(self) -> str:
        return f"{self.series}-{self.span}"


@dataclass(frozen=True)
class SpanTrials:
    """The trials on one test span.

    Attributes:
        market, interval, quantity: what was forecast.
        first, last: first and last target time.
        count: configurations judged on exactly this span, those at hand among them.
        new: those at hand that had not been judged on it before.
        overlapping: further ones judged on other spans of the same market, interval and quantity that overlap it.
    """

    market: str
    interval: str
    quantity: str
    first: datetime
    last: datetime
    count: int
    new: int
    overlapping: int


@dataclass(frozen=True)
class Trials:
    """The trials on the test spans of a table of forecasts.

    Attributes:
        spans: one for each market, interval and quantity; none where nothing is counted.
        notes: what could not be read or kept.
    """

    spans: tuple[SpanTrials, ...]
    notes: tuple[str, ...] = ()

    @property
    def most(self) -> int | None:
        """The largest count among the spans; None where nothing is counted."""
        return max((span.count for span in self.spans), default=None)

    @property
    def sentence(self) -> str:
        """All spans in words, empty where nothing is counted."""
        if self.most is None:
            return ""
        overlapping = max(span.overlapping for span in self.spans)
        return words(self.most, spans=len(self.spans), overlapping=overlapping)

    def to_dict(self) -> dict[str, Any]:
        """All figures."""
        return {"sentence": self.sentence, "spans": [asdict(span) for span in self.spans], "notes": list(self.notes)}


# ---------------------------------------------------------------- what a trial is


def configurations(spec: Spec, forecasts: pl.DataFrame) -> dict[str, str]:
    """What made the forecasts of each model of an experiment, as a hash.

    It holds the model's settings and all of the spec that changes forecasts on a given test span: inputs and windows,
    the past that is learnt from, refits, and for networks the training with its seeds. Labels and places of files are
    not in it. A user's own model is not among them, for its code may change: its forecasts tell it apart.

    Args:
        spec: the experiment.
        forecasts: its forecast table.
    """
    from coincast.models import MODELS

    samples = {name: getattr(spec.samples, name) for name in SAMPLE_KEYS} | {"target": spec.target}
    past = spec.split.model_dump(exclude={"test"}) | {"since": spec.data.since, "outside": _names(spec.data.outside)}
    past["markets"] = spec.data.markets if spec.samples.inputs == "all" else []
    found = {}
    for model in forecasts["model"].unique().sort().to_list():
        stem = model.removesuffix(ENSEMBLE)
        entries = [one for one in spec.models if stem == one.label or stem.startswith(f"{one.label}(")]
        entry = max(entries, key=lambda one: len(one.label), default=None)
        if entry is None or entry.name not in MODELS:
            continue
        training = spec.training.model_dump() | {"loss": spec.loss} if is_network(entry) else spec.training.seed
        of_grid = stem.removeprefix(entry.label)
        settings = _ADDRESS.sub("", repr(entry.settings))
        facts = [entry.name, settings, of_grid, samples, past, training]
        found[model] = _hash("configuration", json.dumps(facts, sort_keys=True, default=str))
    return found


def find_trials(forecasts: pl.DataFrame, *, made_by: Mapping[str, str] | None = None) -> list[Trial]:
    """The trials that a table of forecasts holds: every model but the naive one and its copies, on every market.

    Args:
        forecasts: a table of forecasts; ensembles are added where a model has several runs, whose single runs are no
            trials.
        made_by: the hash of each model's configuration (`configurations`); without one the forecasts stand for it.
    """
    markets: dict[tuple[str, str, str], list[LossSeries]] = {}
    for series in deciding_series(forecasts):
        panel = series.panel
        if panel.market.partition(":")[0] != SOURCE:
            markets.setdefault((panel.market, panel.interval, panel.quantity), []).append(series)
    trials = []
    for (market, interval, quantity), every in markets.items():
        span, first, last = _hash_span(every)
        for series in every:
            if not series.is_copy:
                values = _hash_values(series)
                made = (made_by or {}).get(series.panel.model, values)
                own = (series.panel.model, made, values)
                trials.append(Trial(market, interval, quantity, span, first, last, *own))
    return trials


def _hash_span(every: Sequence[LossSeries]) -> tuple[str, int, int]:
    """Hash, first and last target time of all that was judged on one market, whichever model was judged on it."""
    kinds = {(series.origins.tobytes(), series.steps): series.panel for series in every}
    pairs = pl.DataFrame(
        {
            "target": np.concatenate([panel.targets.ravel() for panel in kinds.values()]),
            "actual": np.concatenate([panel.actual.ravel() for panel in kinds.values()]),
        }
    )
    pairs = pairs.with_columns(pl.col("actual").round_sig_figs(FIGURES) + 0.0).unique().sort("target", "actual")
    span = _hash("span", pairs["target"].to_numpy(), pairs["actual"].to_numpy())
    return span, int(pairs["target"][0]), int(pairs["target"][-1])


def _hash_values(series: LossSeries) -> str:
    panel = series.panel
    values = pl.Series(panel.value.ravel()).round_sig_figs(FIGURES) + 0.0
    return _hash("values", panel.origins, panel.steps, values.to_numpy())


def _hash(*parts: str | NDArray[Any]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else np.ascontiguousarray(part).tobytes()
        digest.update(f"{len(content)} ".encode() + content)
    return digest.hexdigest()[:DIGITS]


def _names(outside: Sequence[str]) -> list[str]:
    """Outside series without the folders that their files lie in."""
    return [Path(given.partition("=")[2] or given).name for given in outside]


# ---------------------------------------------------------------- counting and keeping


def count_trials(
    forecasts: pl.DataFrame, *, made_by: Mapping[str, str] | None = None, home: Path | None = None
) -> Trials:
    """Count the configurations judged on the test spans of a table of forecasts; nothing is written.

    Args:
        forecasts: a table of forecasts; its own models count, whether they were kept before or not.
        made_by: as for `find_trials`.
        home: where trials are kept; default: the user's home folder of Coincast.
    """
    trials = find_trials(forecasts, made_by=made_by)
    kept, notes = _read_kept(trials, home)
    return _count(trials, kept, notes)


def record_trials(
    forecasts: pl.DataFrame, *, made_by: Mapping[str, str] | None = None, home: Path | None = None
) -> Trials:
    """Count as `count_trials` does, and keep the trials that are new. A home that cannot be written is a note."""
    trials = find_trials(forecasts, made_by=made_by)
    kept, notes = _read_kept(trials, home)
    counted = _count(trials, kept, notes)
    known = {(one.folder, name) for one in kept for name in (one.configuration, one.values)}
    new = [one for one in trials if known.isdisjoint({(one.folder, one.configuration), (one.folder, one.values)})]
    try:
        for trial in new:
            _write(trial, _root(home) / trial.folder / f"{trial.configuration}.json")
    except UsageError as error:
        reason = getattr(error.__cause__, "strerror", None) or "no such place"
        note = f"the trials of this run cannot be kept in COINCAST_HOME ({reason}); later counts will lack them"
        return Trials(counted.spans, (*counted.notes, note))
    return counted


def _root(home: Path | None) -> Path:
    return (home_folder() if home is None else home) / "trials"


def _write(trial: Trial, path: Path) -> None:
    text = json.dumps({"version": VERSION, **asdict(trial)}, indent=1) + "\n"
    write_beside(path, lambda beside: beside.write_text(text, encoding="utf-8"))


def _read_kept(trials: Sequence[Trial], home: Path | None) -> tuple[list[Trial], list[str]]:
    """All trials that were kept of the markets, intervals and quantities of these, and what could not be read."""
    kept, strange = [], 0
    try:
        root = _root(home)
        for series in dict.fromkeys(trial.series for trial in trials):
            for path in _files(root, series):
                trial = _read(path)
                if trial is None:
                    strange += 1
                else:
                    kept.append(trial)
    except (OSError, UsageError) as error:
        reason = getattr(error, "strerror", None) or "no such place"
        return [], [f"earlier trials in COINCAST_HOME cannot be read ({reason}), so only those of this run are counted"]
    files, verb = ("1 file", "is") if strange == 1 else (f"{strange:,} files", "are")
    told = f"{files} among the trials in COINCAST_HOME {verb} unreadable or not of this version, and not counted"
    return kept, [told] if strange else []


def _files(root: Path, series: str) -> Iterator[Path]:
    """Files of trials; what a killed process left begins with a dot and was never in its place."""
    folders = root.iterdir() if root.exists() else ()
    for folder in sorted(path for path in folders if path.name.startswith(f"{series}-") and path.is_dir()):
        yield from sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _read(path: Path) -> Trial | None:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    names = {field.name for field in fields(Trial)}
    if not isinstance(values, dict) or values.pop("version", None) != VERSION or set(values) != names:
        return None
    is_sound = all(
        isinstance(value, int if name in ("first", "last") else str) and not isinstance(value, bool)
        for name, value in values.items()
    )
    trial = Trial(**values)
    in_place = is_sound and (path.parent.name, path.name) == (trial.folder, f"{trial.configuration}.json")
    return trial if in_place else None


def _count(trials: Sequence[Trial], kept: Sequence[Trial], notes: Sequence[str]) -> Trials:
    spans = []
    for folder in dict.fromkeys(trial.folder for trial in trials):
        at_hand = [one for one in trials if one.folder == folder]
        here = at_hand[0]
        before = _distinct(one for one in kept if one.folder == folder)
        all_here = _distinct([*before, *at_hand])
        others = (
            *(one for one in kept if one.series == here.series and one.folder != folder),
            *(one for one in trials if one.series == here.series and one.folder != folder),
        )
        beside = [one for one in others if one.first <= here.last and here.first <= one.last]
        counted = {one.configuration for one in all_here}
        further = _distinct(one for one in beside if one.configuration not in counted)
        spans.append(
            SpanTrials(
                **{name: getattr(here, name) for name in ("market", "interval", "quantity")},
                first=datetime.fromtimestamp(here.first / 1000, UTC),
                last=datetime.fromtimestamp(here.last / 1000, UTC),
                count=len(all_here),
                new=len(all_here) - len(before),
                overlapping=len(further),
            )
        )
    return Trials(tuple(spans), tuple(notes))


def _distinct(trials: Iterable[Trial]) -> list[Trial]:
    """Trials that differ in what made them and in what they say."""
    seen: set[str] = set()
    found = []
    for trial in trials:
        if seen.isdisjoint((trial.configuration, trial.values)):
            found.append(trial)
        seen |= {trial.configuration, trial.values}
    return found


# ---------------------------------------------------------------- words


def words(count: int, *, spans: int = 1, overlapping: int = 0) -> str:
    """How many trials there were, and what luck alone makes of the best of them.

    The p values of N worthless and independent trials are uniform, so that the smallest is 1 / (N + 1) on average.
    That none of N worthless trials, independent or not, is found at 5 % needs a p below 0.05 / N (Bonferroni).

    Args:
        count: configurations judged on the test span; of several spans the most.
        spans: how many test spans are spoken of.
        overlapping: further configurations judged on spans that overlap.
    """
    where = "this test span" if spans == 1 else f"each of these {spans:,} test spans"
    most = "" if spans == 1 else "at most "
    more = f" (and {overlapping:,} more on spans that overlap it)" if overlapping else ""
    if count == 1:
        return f"{most.capitalize()}1 configuration has been judged on {where}{more}."
    return (
        f"{most.capitalize()}{count:,} configurations have been judged on {where}{more}; the best of {count:,} "
        f"worthless ones looks good by luck: were they independent, the smallest p among them would be "
        f"{1 / (count + 1):.2g} on average, and only one below {ALPHA / count:.2g} is beyond the luck of the best."
    )


def winner_words(count: int, p: float | None) -> str:
    """What a winner's p is worth after so many trials (Bonferroni); empty where it was not tested, or tried alone.

    Args:
        count: configurations judged on its test span.
        p: of the decisive test of the winner alone, not adjusted.
    """
    if p is None or count < 2:
        return ""
    adjusted = min(1.0, p * count)
    ending = "still stands" if adjusted < ALPHA else "can be the luck of the best"
    return f"The best of {count:,}: its p of {p:.2g} times {count:,} is {adjusted:.2g}, and {ending}."
