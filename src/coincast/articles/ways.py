"""The two ways of working, and which of them a page shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from coincast.articles.bench import Bench
from coincast.reports.study import Chapter


def keep_asked(chapters: Iterable[Chapter], bench: Bench) -> tuple[Chapter, ...]:
    """The chapters with the exhibits of the ways that were asked for, and those that show both.

    A chapter all of whose exhibits are of the other way is left out; one that never had any stays.
    """
    sides = {"both", *(way for way in ("faithful", "fair") if getattr(bench, way))}
    kept = []
    for chapter in chapters:
        shown = tuple(exhibit for exhibit in chapter.exhibits if exhibit.side in sides)
        if shown or not chapter.exhibits:
            kept.append(replace(chapter, exhibits=shown))
    return tuple(kept)
