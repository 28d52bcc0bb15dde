"""Trials are counted: how many configurations have been judged on a test span, whatever run folder each lies in.

The best of many worthless forecasts looks good by luck, so the number of those that were tried belongs beside the
winner. Each trial (`coincast.experiments.trial`) leaves one small file, which is written beside its place and renamed,
so that neither two processes at once nor a kill in the middle can spoil anything:

    HOME/trials/<hash of market, interval and quantity>-<hash of the span>/<hash of the configuration>.json
"""

from __future__ import annotations

import json
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from coincast.errors import UsageError
from coincast.experiments.trial import Trial, find_trials
from coincast.scores.significance import ALPHA
from coincast.scores.verdict import deciding_rows
from coincast.scores.words import spoken_name
from coincast.tabular import home_folder, write_beside

VERSION = 1
LARGEST_FILE = 16_384
"""Bytes; a trial's own file has less than one thousand."""
SPAN_KEYS = ("market", "interval", "quantity")


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

    def tell_winners(self, scores: pl.DataFrame) -> list[str]:
        """What the p of each span's best forecast is worth after so many trials, where its verdict is better.

        Args:
            scores: the score table of the forecasts that were counted.
        """
        best = deciding_rows(scores).drop_nulls("verdict").unique(SPAN_KEYS, keep="first", maintain_order=True)
        counts = {(span.market, span.interval, span.quantity): span.count for span in self.spans}
        told = []
        for row in best.filter(verdict="better").iter_rows(named=True):
            said = winner_words(counts.get(tuple(row[name] for name in SPAN_KEYS), 0), row["p"])
            told += [f"{row['market']}: " * (best.height > 1) + f"{spoken_name(row['model'])}: {said}"] if said else []
        return told

    def to_dict(self) -> dict[str, Any]:
        """All figures."""
        return {"sentence": self.sentence, "spans": [asdict(span) for span in self.spans], "notes": list(self.notes)}


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
        facts = path.lstat()
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > LARGEST_FILE:
            return None  # a pipe or a device would never end
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
                **{name: getattr(here, name) for name in SPAN_KEYS},
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
    return f"the best of {count:,}: its p of {p:.2g} times {count:,} is {adjusted:.2g}, and {ending}."
