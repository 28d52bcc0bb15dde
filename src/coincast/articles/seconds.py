"""What takes how long in a study."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from coincast.reports.study import Chapter, Sheet

TITLE = "What took how long?"


def tell_seconds(seconds: Mapping[str, float], *, apart: str = "") -> Chapter:
    """The last chapter of a study: a table of its parts.

    Args:
        seconds: part -> seconds, as `coincast.experiments.run.Stopwatch` counts them.
        apart: a part that the sum is also told without.
    """
    whole = sum(seconds.values())
    told = f"{whole:.0f} seconds in all"
    if apart in seconds:
        told += f", {whole - seconds[apart]:.0f} without the {apart}"
    text = f"{told}; the drawing of this page comes on top. What was finished before was read back, and took no time."
    table = pl.DataFrame({"part": list(seconds), "seconds": [round(each, 1) for each in seconds.values()]})
    return Chapter(TITLE, (text,), (Sheet("seconds", "Seconds of each part", "Wall time on this machine.", table),))
