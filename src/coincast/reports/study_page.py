"""The page of one or several studies: what is left of the claim first, then what shows it; it fetches nothing.

Pictures stand in it as vectors in the page's own colours, so that dark mode and paper need no second copy of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from coincast.reports.html import TEMPLATES, content_policy, environment
from coincast.reports.numbers import file_stems
from coincast.reports.palette import DARK, LIGHT
from coincast.reports.study import Chapter, Picture, Sheet, Study, Widget
from coincast.reports.study_claims import Line, Piece, claim_line, conclude, large_figures, split_words
from coincast.reports.study_pictures import Drawing, find_twins
from coincast.reports.study_tables import PERCENT, page_table
from coincast.tabular import write_beside

SIDES = {"faithful": "as published", "fair": "as it should have been", "both": ""}
NUMBERS = {2: "Two", 3: "Three", 4: "Four"}


@dataclass(frozen=True)
class Box:
    """What stands in a chapter at one place: one picture, a picture beside its twin, a table, or a slider."""

    kind: str
    shown: tuple[Any, ...]


@dataclass(frozen=True)
class Part:
    """A study as the page shows it."""

    anchor: str
    name: str
    study: Study
    finding: tuple[Piece, ...]
    says: tuple[str, ...]
    lines: tuple[Line, ...]
    figures: tuple[tuple[str, str, str], ...]
    chapters: tuple[tuple[str, Any, tuple[Box, ...]], ...]


def write_studies(
    studies: Sequence[Study],
    drawings: Sequence[Mapping[str, Drawing]],
    path: Path | str,
    *,
    command: str = "",
    facts: Mapping[str, str] | None = None,
) -> Path:
    """Write the page of studies, whole or not at all; arguments as for `render_studies`.

    Raises:
        UsageError: the place cannot be written.
    """
    page = render_studies(studies, drawings, command=command, facts=facts).encode()
    return write_beside(path, lambda beside: beside.write_bytes(page))


def render_studies(
    studies: Sequence[Study],
    drawings: Sequence[Mapping[str, Drawing]],
    *,
    command: str = "",
    facts: Mapping[str, str] | None = None,
) -> str:
    """Return the page of one study, or of several with a table of them all at its head.

    Args:
        studies: in the order in which they stand.
        drawings: for each study its pictures as `draw_pictures` gives them, each with a prefix of its own.
        command: what makes the page again.
        facts: how it was made: names and words.
    """
    anchors = number_names([study.article for study in studies])
    parts = [
        replace(_part(study, drawn, anchor, f"{anchor}/" * (len(studies) > 1)), name=_name(study, studies))
        for study, drawn, anchor in zip(studies, drawings, anchors, strict=True)
    ]
    widgets = {
        f"{part.anchor}-{chapter.widget.name}": _as_data(chapter.widget)
        for part in parts
        for _, chapter, _ in part.chapters
        if chapter.widget is not None
    }
    scripts = [_file("study.js")] if widgets else []
    return (
        environment()
        .get_template("study.html")
        .render(
            parts=parts,
            finding=conclude(studies),
            title=_title(studies),
            data=widgets,
            scripts=scripts,
            policy=content_policy(scripts),
            style=_file("report.css") + _file("study.css"),
            light=LIGHT,
            dark=DARK,
            sides=SIDES,
            percent=PERCENT,
            command=command,
            facts=facts or {},
        )
    )


def number_names(articles: Sequence[str]) -> list[str]:
    """Name studies by their articles, for links and folders: a second one of an article by a number more."""
    return [
        article if articles[:place].count(article) == 0 else f"{article}-{articles[:place].count(article) + 1}"
        for place, article in enumerate(articles)
    ]


def _title(studies: Sequence[Study]) -> str:
    """Name the page: by its article, or by the number of them."""
    number = len({study.article for study in studies})
    return studies[0].title if number == 1 else f"{NUMBERS.get(number, number)} articles"


def _name(study: Study, studies: Sequence[Study]) -> str:
    """Name a study for a list: by its title, and by its market where the article is there more than once."""
    markets = ", ".join(outcome.market for outcome in study.outcomes)
    is_alone = sum(other.article == study.article for other in studies) == 1
    return study.title if is_alone or not markets else f"{study.title}: {markets}"


def _part(study: Study, drawings: Mapping[str, Drawing], anchor: str, folder: str) -> Part:
    names = [sheet.name for sheet in study.sheets()]
    files = {name: f"{folder}tables/{stem}.csv" for name, stem in zip(names, file_stems(names), strict=True)}
    lines = tuple(claim_line(outcome) for outcome in study.outcomes)
    chapters = tuple(
        (f"{anchor}-c{number}", chapter, tuple(_boxes(chapter, drawings, files)))
        for number, chapter in enumerate(study.chapters, start=1)
    )
    return Part(
        anchor=anchor,
        name=study.title,
        study=study,
        finding=split_words(study.finding, study.outcomes),
        says=tuple(said for outcome in study.outcomes if (said := outcome.says) not in ("", study.finding)),
        lines=lines,
        figures=large_figures(lines),
        chapters=chapters,
    )


def _boxes(chapter: Chapter, drawings: Mapping[str, Drawing], files: Mapping[str, str]) -> Iterator[Box]:
    """Exhibits in their order; a faithful picture that its fair twin follows stands beside it."""
    twins = find_twins([chapter])
    pictures = {shown.name: shown for shown in chapter.exhibits if isinstance(shown, Picture)}
    for shown in chapter.exhibits:
        if isinstance(shown, Sheet):
            yield Box("table", (shown, page_table(shown, files[shown.name])))
        elif shown.name in twins:
            pair = (shown, pictures[twins[shown.name]])
            yield Box("twins", tuple(_shown_picture(one, drawings) for one in pair))
        elif shown.name not in twins.values():
            yield Box("picture", (_shown_picture(shown, drawings),))


def _shown_picture(picture: Picture, drawings: Mapping[str, Drawing]) -> tuple[Picture, Drawing, str]:
    """A picture, its drawing, and its caption with what the drawing says beyond it."""
    drawn = drawings[picture.name]
    sentences = re.split(r"(?<=\.) ", drawn.subtitle)
    further = [words for words in sentences if words.rstrip(".") not in picture.caption]
    return picture, drawn, " ".join(filter(None, [picture.caption, *further]))


def _as_data(widget: Widget) -> dict[str, Any]:
    """What the script needs to draw a slider; numbers with six figures."""
    return {
        "label": widget.label,
        "choices": list(widget.choices),
        "chosen": widget.choices.index(widget.chosen),
        "panels": [
            {
                "title": panel.title,
                "unit": panel.unit,
                "dates": list(panel.dates),
                "fixed": {name: _brief(values) for name, values in panel.fixed.items()},
                "chosen": {name: [_brief(values) for values in rows] for name, rows in panel.chosen.items()},
            }
            for panel in widget.panels
        ],
    }


def _brief(values: Sequence[float]) -> list[float | None]:
    return [float(f"{value:.6g}") if value == value and abs(value) != float("inf") else None for value in values]


@cache
def _file(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8").replace("\r\n", "\n")
