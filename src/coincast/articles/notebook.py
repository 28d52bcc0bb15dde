"""What a notebook shows of articles that were repeated: claims as a table, what remains of them, pictures."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import polars as pl

from coincast.articles.reproduce import Reproduction
from coincast.errors import UnknownNameError
from coincast.reports.study import Outcome
from coincast.reports.study_tables import spell_outcome


@dataclass(frozen=True)
class ShownPicture:
    """A picture of a study; a notebook shows it with its title and its caption."""

    title: str
    caption: str
    path: Path

    def _repr_html_(self) -> str:
        drawn = base64.b64encode(self.path.read_bytes()).decode()
        return (
            f'<figure><img alt="{escape(self.title)}" style="max-width:100%" src="data:image/png;base64,{drawn}">'
            f"<figcaption><b>{escape(self.title)}</b> {escape(self.caption)}</figcaption></figure>"
        )


def claims(made: Reproduction) -> pl.DataFrame:
    """A row for each article and market: as published, repeated here, copying the last price, as it should be."""
    rows: list[dict[str, Any]] = []
    for result in made.results:
        outcome = Outcome(**result)
        published, repeated, copied, fair, yardstick = spell_outcome(outcome)
        figures = {"as published": published, "repeated here": repeated, "copying the last price": copied}
        beside = "" if outcome.fair_naive is None else f" (naive {yardstick})"
        rows.append({"market": outcome.market, **figures, "as it should be": fair + beside, "verdict": outcome.verdict})
    return pl.DataFrame(rows)


def tell(made: Reproduction) -> str:
    """What is left of each claim, and why, in sentences."""
    studies = made.document["studies"]
    return "\n\n".join("\n".join([study["finding"], *study["reasons"]]) for study in studies)


def show(made: Reproduction, name: str) -> ShownPicture:
    """A picture by its name, which is that of its file; of several studies the first that has it.

    Raises:
        UnknownNameError: no study has such a picture.
    """
    pictures = {one["name"]: one for study in reversed(made.document["studies"]) for one in study["pictures"]}
    if name not in pictures:
        raise UnknownNameError("picture", name, pictures)
    found = pictures[name]
    return ShownPicture(found["title"], found["caption"], made.folder / found["file"])
