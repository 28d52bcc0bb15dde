"""Which exhibits a page shows, and what is told of the seconds of its parts."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from coincast.articles.bench import Bench
from coincast.articles.seconds import tell_seconds
from coincast.articles.ways import keep_asked
from coincast.reports.study import Chapter, Sheet, Side


def exhibit(side: Side) -> Sheet:
    return Sheet(f"of-{side}", "A title", "A caption.", pl.DataFrame({"a": [1]}), side=side)


@pytest.mark.parametrize(
    ("faithful", "fair", "names"),
    [
        (True, True, ["of-faithful", "of-fair", "of-both"]),
        (True, False, ["of-faithful", "of-both"]),
        (False, True, ["of-fair", "of-both"]),
    ],
)
def test_each_way_shows_its_own(faithful: bool, fair: bool, names: list[str], tmp_path: Path) -> None:
    bench = Bench(pl.DataFrame(), tmp_path, faithful=faithful, fair=fair)
    chapters = [
        Chapter("all", exhibits=(exhibit("faithful"), exhibit("fair"), exhibit("both"))),
        Chapter("fair", exhibits=(exhibit("fair"),)),
        Chapter("words", ("Only words.",)),
    ]
    kept = keep_asked(chapters, bench)
    assert [shown.name for shown in kept[0].exhibits] == names
    assert [chapter.title for chapter in kept] == (["all", "fair", "words"] if fair else ["all", "words"])


def test_the_seconds_of_the_parts_add_up() -> None:
    told = tell_seconds({"learning": 6.04, "drawing": 1.0, "questions": 10.0}, apart="questions")
    assert told.text[0].startswith("17 seconds in all, 7 without the questions;")
    [sheet] = told.exhibits
    assert sheet.table.rows() == [("learning", 6.0), ("drawing", 1.0), ("questions", 10.0)]
    assert "without" not in tell_seconds({"learning": 6.0}, apart="questions").text[0]
