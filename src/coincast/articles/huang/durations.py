"""What took how long: the seconds that the networks of each part were trained for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from coincast.articles.seconds import TITLE
from coincast.reports.numbers import things
from coincast.reports.study import Chapter, Sheet

if TYPE_CHECKING:
    from coincast.articles.huang.found import Found


def spell_duration(seconds: float) -> str:
    """A duration in words: "40 seconds", "12 minutes", "1.5 hours"."""
    if seconds < 100:
        return things(round(seconds), "second")
    return f"{seconds / 60:.0f} minutes" if seconds < 6000 else f"{seconds / 3600:.1f} hours"


def list_seconds(found: Found) -> dict[str, float]:
    """Parts of the study, and the seconds that their networks were trained for.

    They are kept with the scores, so that they are there when the study was interrupted and what was finished is read
    back; a training that was itself interrupted counts from where it was taken up again.
    """
    published, fair, parts = found.published, found.fair, {}
    if published is not None:
        runs, study, searched = published.runs, published.study, published.searched
        parts[f"ten networks, {things(runs.height, 'training')}"] = float(runs["whole_seconds"].sum())
        parts[f"study of penalties, {things(study.height, 'training')}"] = float(study["seconds"].sum())
        if searched is not None:
            parts[f"pairs of penalties, {things(searched.pairs.height, 'training')}"] = searched.pair_seconds
            parts["all four penalties, halved"] = searched.grid_seconds
    if fair is not None:
        parts["fair networks"] = fair.told.seconds
        if fair.months is not None:
            parts["walk-forward"] = fair.walk_seconds
    return parts


def tell_durations(found: Found) -> Chapter:
    """The last chapter: a table of the parts."""
    seconds = list_seconds(found)
    table = pl.DataFrame({"part": list(seconds), "seconds": [round(each, 1) for each in seconds.values()]})
    text = (
        f"The networks were trained for {spell_duration(sum(seconds.values()))} on this machine, compiling included. "
        "A training that was interrupted counts from where it was taken up again."
    )
    return Chapter(TITLE, (text,), (Sheet("seconds", "Seconds of each part", "Wall time of the trainings.", table),))
