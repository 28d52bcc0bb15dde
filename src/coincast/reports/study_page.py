"""The page of one or several studies: what is left of the claim first, then what shows it; it fetches nothing.

Pictures stand in it as vectors in the page's own colours, so that dark mode and paper need no second copy of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from coincast.reports.html import TEMPLATES, content_policy, environment
from coincast.reports.numbers import NOTHING, base_currency
from coincast.reports.palette import BETTER, DARK, LIGHT, NOT_DISTINGUISHABLE, TOO_FEW, VERDICT_ROLES, WORSE
from coincast.reports.study import Chapter, Outcome, Picture, Sheet, Study, Widget
from coincast.reports.study_pictures import Drawing, find_twins
from coincast.reports.study_tables import PERCENT, page_table, spell_figures
from coincast.tabular import write_beside

SIDES = {"faithful": "as published", "fair": "as it should have been", "both": ""}
WORDS = (NOT_DISTINGUISHABLE, TOO_FEW, BETTER, WORSE)
NUMBERS = {2: "Two", 3: "Three", 4: "Four"}
SPREAD = 0.25
"""Distance from the naive figure, as a share of it, that a strip of marks shows at least on either side."""


@dataclass(frozen=True)
class Piece:
    """Part of a sentence; a deciding word has the role of its verdict."""

    text: str
    role: str = ""


@dataclass(frozen=True)
class Mark:
    """A mark on a strip: where it stands in percent of its width, what it is, and its colour."""

    left: float
    kind: str
    role: str
    note: str


@dataclass(frozen=True)
class Line:
    """The figures of one market as the page writes them: published, repeated, naive, fair."""

    outcome: Outcome
    name: str
    headline: str
    faithful: str
    naive: str
    fair: str
    role: str
    marks: tuple[Mark, ...]


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
        replace(_part(study, drawn, anchor), name=_name(study, studies))
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
            widgets=widgets,
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


def conclude(studies: Sequence[Study]) -> tuple[Piece, ...]:
    """Say in one sentence what is left: the finding of one study, the verdicts of several."""
    outcomes = [outcome for study in studies for outcome in study.outcomes]
    if len(studies) == 1:
        return split_words(studies[0].finding, outcomes)
    words = [outcome.verdict for outcome in outcomes if outcome.verdict is not None]
    if not words:
        return (Piece("Well-known articles, each repeated as it was published."),)
    if (wins := words.count(BETTER)) == 0:
        return (
            Piece("Trained fairly, "),
            Piece("none", "worse"),
            Piece(" of the networks is better than its naive forecast."),
        )
    markets = f"{wins} of {len(words)} markets" if len(words) > 1 else "one market"
    return (
        Piece(f"Trained fairly, a network is on {markets} "),
        Piece(BETTER, "better"),
        Piece(" than its naive forecast."),
    )


def split_words(sentence: str, outcomes: Sequence[Outcome]) -> tuple[Piece, ...]:
    """Set the verdicts of a study apart in a sentence, so that they can wear their colours."""
    words = [word for word in WORDS if any(outcome.verdict == word for outcome in outcomes)]
    if not words:
        return (Piece(sentence),)
    parts = re.split(rf"\b({'|'.join(words)})\b", sentence)
    return tuple(Piece(text, VERDICT_ROLES.get(text, "") if number % 2 else "") for number, text in enumerate(parts))


def spell_outcome(outcome: Outcome) -> list[str]:
    """Write headline, faithful, naive and fair figure of an outcome with the same decimals."""
    return spell_figures(outcome.headline, outcome.faithful, outcome.naive, outcome.fair, unit=outcome.unit)


def _title(studies: Sequence[Study]) -> str:
    """Name the page: by its article, or by the number of them."""
    number = len({study.article for study in studies})
    return studies[0].title if number == 1 else f"{NUMBERS.get(number, number)} articles"


def _name(study: Study, studies: Sequence[Study]) -> str:
    """Name a study for a list: by its title, and by its market where the article is there more than once."""
    markets = ", ".join(outcome.market for outcome in study.outcomes)
    is_alone = sum(other.article == study.article for other in studies) == 1
    return study.title if is_alone or not markets else f"{study.title}: {markets}"


def _part(study: Study, drawings: Mapping[str, Drawing], anchor: str) -> Part:
    lines = tuple(_line(outcome) for outcome in study.outcomes)
    chapters = tuple(
        (f"{anchor}-c{number}", chapter, tuple(_boxes(chapter, drawings)))
        for number, chapter in enumerate(study.chapters, start=1)
    )
    return Part(
        anchor=anchor,
        name=study.title,
        study=study,
        finding=split_words(study.finding, study.outcomes),
        says=tuple(said for outcome in study.outcomes if (said := outcome.says) not in ("", study.finding)),
        lines=lines,
        figures=_figures(lines),
        chapters=chapters,
    )


def _line(outcome: Outcome) -> Line:
    headline, faithful, naive, fair = spell_outcome(outcome)
    role = VERDICT_ROLES.get(outcome.verdict or "", "")
    return Line(outcome, outcome.market, headline, faithful, naive, fair, role, tuple(_marks(outcome, role)))


def _marks(outcome: Outcome, role: str) -> Iterator[Mark]:
    """Marks of an outcome on a strip with the naive figure in its middle; distances are shares of that figure."""
    named = (
        ("published", _compared_headline(outcome), "diamond", "muted"),
        ("repeated here", outcome.faithful, "dot", "model"),
        ("fair", outcome.fair, "dot", role),
    )
    shares = [
        (name, value / outcome.naive - 1, kind, of)
        for name, value, kind, of in named
        if value is not None and _is_shown(value, outcome)
    ]
    reach = max([SPREAD, *(abs(share) for _, share, _, _ in shares)]) * 1.1
    for (name, share, kind, of), text in zip(shares, _shown(outcome), strict=True):
        yield Mark(round(50 + 50 * share / reach, 2), kind, of, f"{name}: {text}")


def _shown(outcome: Outcome) -> list[str]:
    headline, faithful, _, fair = spell_outcome(outcome)
    values = ((_compared_headline(outcome), headline), (outcome.faithful, faithful), (outcome.fair, fair))
    return [text for value, text in values if _is_shown(value, outcome)]


def _compared_headline(outcome: Outcome) -> float | None:
    return outcome.headline if outcome.same_candles else None


def _is_shown(value: float | None, outcome: Outcome) -> bool:
    return value is not None and math.isfinite(value) and math.isfinite(outcome.naive) and outcome.naive != 0


def _figures(lines: Sequence[Line]) -> tuple[tuple[str, str, str], ...]:
    """Four large figures of the first market: what was published, what was repeated, naive, and what is fair."""
    if not lines:
        return ()
    line = lines[0]
    market = f", {base_currency(line.name) or line.name}" if len(lines) > 1 else ""
    shown = (
        (line.headline, f"as published: {line.outcome.metric}{market}", ""),
        (line.faithful, f"repeated here, as it was published{market}", ""),
        (line.naive, f"copying the last price, on the same targets{market}", ""),
        (line.fair, f"as it should have been{market}", line.role),
    )
    return tuple(figure for figure in shown if figure[0] != NOTHING)


def _boxes(chapter: Chapter, drawings: Mapping[str, Drawing]) -> Iterator[Box]:
    """Exhibits in their order; a faithful picture that its fair twin follows stands beside it."""
    twins = find_twins([chapter])
    pictures = {shown.name: shown for shown in chapter.exhibits if isinstance(shown, Picture)}
    for shown in chapter.exhibits:
        if isinstance(shown, Sheet):
            yield Box("table", (shown, page_table(shown)))
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
