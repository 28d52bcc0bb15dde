"""One self-contained page: the verdict as a sentence, the reasons, four figures, pictures, and the tables last.

A page fetches nothing: styles, scripts and data stand in the file, and its content policy forbids every connection.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from coincast.reports.cells import Table
from coincast.reports.charts import CHARTS, Chart, as_data
from coincast.reports.charts_further import FURTHER_CHARTS
from coincast.reports.in_figures import figure_lines
from coincast.reports.marks import board_marks
from coincast.reports.numbers import count, error, glued, interval_name, model_name, percent, skill_span
from coincast.reports.page_tables import ahead_table, market_tables, score_links
from coincast.reports.page_tables_further import pooled_table
from coincast.reports.palette import DARK, LIGHT, VERDICT_ROLES
from coincast.reports.pictures_market import part_text
from coincast.reports.pictures_models import forecasts_text
from coincast.reports.quantities import quantity_name
from coincast.reports.reading import subject_row
from coincast.reports.rows import Rows, cover_rows, period_rows, pooled_rows, seed_rows, shift_rows, skill_rows
from coincast.reports.story import Story
from coincast.reports.tables import is_naive
from coincast.reports.wording import (
    Figure,
    Headline,
    four_figures,
    headline,
    name_sections,
    reasons,
    said_of,
    trials_line,
    would_pass_alone,
)
from coincast.scores.verdict import count_tests
from coincast.tabular import write_beside

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
MOST_UNFOLDED = 3
"""Markets whose further pictures are shown at once; of more they open on request."""
SHIFT_TEXT = "Share of the inputs below (left) and above (right) all that training saw."


@dataclass(frozen=True)
class Section:
    """What the page says about one market.

    `name` tells it apart from the others, `said` is its verdict as a sentence, `ahead` its forecast date by date.
    """

    anchor: str
    name: str
    eyebrow: str
    headline: Headline
    reasons: tuple[str, ...]
    said: str
    figures: tuple[tuple[Figure, str], ...]
    ahead: Table | None
    skill: Rows | None
    in_figures: list[tuple[str, str]]
    seeds: Rows | None
    shift: Rows | None
    years: Rows | None
    refits: Rows | None
    cover: Rows | None
    charts: dict[str, Chart]
    tables: tuple[Table, ...]
    forecasts: str
    legend: str
    verdict: str
    skill_text: str
    shift_text: str

    @property
    def has_further(self) -> bool:
        """Whether there are charts of further tests."""
        return any(name in self.charts for name in FURTHER_CHARTS)


def write_report(story: Story, path: Path | str) -> Path:
    """Write the page of a story, whole or not at all.

    Args:
        story: what was done and found; parts that it lacks are left out.
        path: the file to write or replace.

    Returns:
        The path.

    Raises:
        UsageError: the place cannot be written.
    """
    page = render_report(story).encode()
    return write_beside(path, lambda beside: beside.write_bytes(page))


def render_report(story: Story) -> str:
    """Return the page of a story as HTML."""
    tests = count_tests(story.scores)
    parts = story.sections()
    names = name_sections(parts)
    sections = [_section(part, story, number, names, tests) for number, part in enumerate(parts)]
    charts = {
        f"{section.anchor}-{name}": as_data(chart) for section in sections for name, chart in section.charts.items()
    }
    scripts = [_plotly(), _file("report.js")] if charts else []
    return (
        environment()
        .get_template("report.html")
        .render(
            story=story,
            headline=headline(story),
            sections=sections,
            trials=trials_line(story),
            pooled=pooled_rows(story) if len(sections) > 1 else None,
            pooled_table=pooled_table(story) if len(sections) > 1 else None,
            is_folded=len(sections) > MOST_UNFOLDED,
            prices_only=all(part.quantity in ("price", "log_return") for part in parts),
            data=charts,
            scripts=scripts,
            command=story.command,
            facts=story.facts,
            policy=content_policy(scripts),
            style=_file("report.css"),
            light=LIGHT,
            dark=DARK,
        )
    )


def render_leaderboard(board: pl.DataFrame) -> str:
    """Return a leaderboard as an HTML table that needs no style sheet."""
    return environment().get_template("leaderboard.html").render(rows=board.to_dicts(), light=LIGHT)


@cache
def environment() -> Environment:
    """Return the templates, with escaping on, and the ways to write figures."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    made.filters |= {
        "error": error,
        "count": count,
        "percent": percent,
        "model": model_name,
        "glued": glued,
    }
    made.tests |= {"naive_row": is_naive, "alone": would_pass_alone}
    made.globals |= {"roles": VERDICT_ROLES, "skill_span": skill_span}
    return made


def content_policy(scripts: list[str]) -> str:
    """Return a policy that allows these scripts and inline styles, and no connection at all."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts
    )
    return (
        f"default-src 'none'; script-src {hashes or chr(39) + 'none' + chr(39)}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _section(part: Story, story: Story, number: int, names: list[str], tests: int) -> Section:
    row, alone = subject_row(part), len(names) == 1
    charts = {name: chart for name, draw in (CHARTS | FURTHER_CHARTS).items() if (chart := draw(part)) is not None}
    anchor, forecasts = f"m{number}", forecasts_text(part)
    links = score_links(part, anchor)
    figures = [
        (figure, links.get((figure.row["model"], figure.row["metric"]), "") if figure.row else "")
        for figure in four_figures(part)
    ]
    what = [
        part.market,
        *([interval_name(part.interval)] if part.interval else []),
        *([quantity_name(part.quantity)] if part.quantity != "price" else []),
    ]
    return Section(
        anchor=anchor,
        name=names[number],
        eyebrow=" \u00b7 ".join([*what, forecasts.rstrip(".")]),
        headline=headline(story if alone else replace(part, headline=None)),
        reasons=story.reasons if alone and story.reasons else tuple(reasons(part, tests=tests)),
        said="" if row is None or row["verdict"] is None else said_of(row, part, tests=tests),
        figures=tuple(figures),
        ahead=ahead_table(part),
        skill=skill_rows(part),
        in_figures=figure_lines(part),
        seeds=seed_rows(part),
        shift=shift_rows(part),
        years=period_rows(part, "years"),
        refits=period_rows(part, "refits"),
        cover=cover_rows(part),
        charts=charts,
        tables=tuple(market_tables(part, anchor)),
        forecasts=forecasts,
        legend=_mark_legend(part),
        verdict="" if row is None else row["verdict"] or "",
        shift_text=f"{part_text(part, 'test')}{SHIFT_TEXT}",
        skill_text="" if row is None else percent(row["skill"], signed=True),
    )


def _mark_legend(part: Story) -> str:
    """Say what the small words beside the verdicts mean, where there are any."""
    marks = board_marks(part).values()
    told = [
        "May be the best: in the 90 % confidence set." * any(mark.in_set for mark in marks),
        "Hint of signal: moves that agree with what happened, too weakly for the word better."
        * any(mark.hint for mark in marks),
    ]
    return " ".join(filter(None, told))


@cache
def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs()).replace("\r\n", "\n").replace("</script", "<\\/script")


@cache
def _file(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8").replace("\r\n", "\n")
