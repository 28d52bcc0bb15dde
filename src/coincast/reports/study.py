"""A study: a published experiment told again, as it was done and as it should have been, side by side.

    Study -> Chapter -> Picture, Sheet        what is read from top to bottom
          -> Outcome                          the figures of its headline, one row for each market
          -> Flaw                             what was wrong, and what it did to the figures

Plain values, made by `coincast.articles`, written as a page by `coincast.reports.study_page`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import polars as pl

from coincast.reports.palette import Palette

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Side = Literal["faithful", "fair", "both"]
"""As published, flaws included; as it should have been; or one picture of both."""


@dataclass(frozen=True)
class Picture:
    """A drawing, and what it says.

    Attributes:
        name: of its file, unique in its study: `test-eth`.
        title: what is seen, in few words.
        caption: what it shows, over which span, on how many forecasts.
        draw: colours -> the drawing (`coincast.reports.canvas.new_figure`).
        side: which way of working it shows.
        repeats: the published picture that it repeats, in the words of `docs/reproduce.md`; empty for one of ours.
    """

    name: str
    title: str
    caption: str
    draw: Callable[[Palette], Figure] = field(repr=False)
    side: Side = "both"
    repeats: str = ""


@dataclass(frozen=True)
class Sheet:
    """A table, and what it says.

    Attributes:
        name: of its file, unique in its study.
        title: what is listed.
        caption: units, span, number of forecasts.
        table: its rows as they are shown, column names included; numbers stay numbers.
        side: which way of working it shows.
        repeats: the published table that it repeats; empty for one of ours.
    """

    name: str
    title: str
    caption: str
    table: pl.DataFrame = field(repr=False)
    side: Side = "both"
    repeats: str = ""


@dataclass(frozen=True)
class Cell:
    """Code that was run for the page, as a notebook shows it.

    Attributes:
        code: that was run.
        printed: what it printed.
        words: a sentence that stands before it; empty where none is needed.
    """

    code: str
    printed: str
    words: str = ""


@dataclass(frozen=True)
class Chapter:
    """A part of a study: a question, its answer, and what shows it.

    Attributes:
        title: the question, or what is done.
        text: paragraphs, in plain words.
        exhibits: pictures and tables, in the order in which they are read; a faithful one and its fair twin follow one
            another and stand side by side.
        widget: a ready piece of an interactive page: the seed slider; empty where there is none.
        cells: code that was run, with what it printed; they stand before the exhibits.
    """

    title: str
    text: tuple[str, ...] = ()
    exhibits: tuple[Picture | Sheet, ...] = ()
    widget: Widget | None = None
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True)
class Widget:
    """A slider that shows one of several drawn lines at a time, without any connection.

    Attributes:
        name: unique in its study.
        title, caption: as of a picture.
        label: what the slider chooses: "seed".
        choices: what it can be set to, in order.
        chosen: which of them is shown first.
        panels: for each panel its title, its unit, and the dates and lines of it: name -> values, one number a date, or
            one row of numbers for each choice.
    """

    name: str
    title: str
    caption: str
    label: str
    choices: tuple[int, ...]
    chosen: int
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Panel:
    """One of the drawings of a widget.

    Attributes:
        title: what is seen.
        unit: of the vertical axis.
        dates: ISO dates of the horizontal axis.
        fixed: lines that stay: name -> values.
        chosen: lines that follow the slider: name -> (choice, date) values.
    """

    title: str
    unit: str
    dates: tuple[str, ...]
    fixed: dict[str, tuple[float, ...]]
    chosen: dict[str, tuple[tuple[float, ...], ...]]


@dataclass(frozen=True)
class Outcome:
    """The headline of a study on one market: as published, repeated, and beside the naive forecast.

    Attributes:
        article: `sheehan`, `fahimi`, `huang` or `fmz`.
        market: such as `coinmarketcap:BTC/USD`.
        metric: what was published, such as "MAE of the 10-day change, test".
        unit: of the figures.
        headline: as published; None where the article names none for this market.
        faithful: as repeated here in the article's way; None where only the fair way was asked for.
        naive: the same figure for "the price stays where it is", on the same targets.
        fair: the figure of the fair way, in the same unit where it has one.
        n: origins of the fair test, or of the faithful figure where there is no fair one.
        verdict: of the judge on the fair way; None where it was not asked for.
        seconds: that the market's part of the study took.
        says: one sentence: what remains.
        same_candles: whether the headline was measured on these candles; else it is shown and not compared.
        fair_metric: what the fair figure is, where it is another one than `metric`.
        fair_naive: what the naive forecast scores in it, where that is not `naive`.
    """

    article: str
    market: str
    metric: str
    unit: str
    headline: float | None
    faithful: float | None
    naive: float
    fair: float | None
    n: int
    verdict: str | None
    seconds: float
    says: str = ""
    same_candles: bool = True
    fair_metric: str = ""
    fair_naive: float | None = None


@dataclass(frozen=True)
class Flaw:
    """Something that was wrong with the published way.

    Attributes:
        what: the flaw, in one sentence.
        effect: what it did to the figures, with numbers measured here where they could be.
    """

    what: str
    effect: str


@dataclass(frozen=True)
class Study:
    """A published experiment, repeated.

    Attributes:
        article: as in `Outcome`.
        title, author, published: of the article; the day as `2017-11-20`.
        claim: its headline in one sentence, as a reader would remember it.
        finding: what is left of it, in one sentence, with the judge's word in it.
        reasons: two or three sentences that say why.
        outcomes, chapters, flaws: see there.
        data: what the figures are made of: files, span, rows.
        notes: what a reader should know: what was cut, left out, or not checkable.
        is_quick: whether few epochs, seeds and repeats were used.
        seconds: what took how long: parts in words, and their seconds.
    """

    article: str
    title: str
    author: str
    published: str
    claim: str
    finding: str
    reasons: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    chapters: tuple[Chapter, ...]
    flaws: tuple[Flaw, ...]
    data: str
    notes: tuple[str, ...] = ()
    is_quick: bool = False
    seconds: Mapping[str, float] = field(default_factory=dict)

    def pictures(self) -> list[Picture]:
        """All pictures, in order."""
        return [shown for chapter in self.chapters for shown in chapter.exhibits if isinstance(shown, Picture)]

    def sheets(self) -> list[Sheet]:
        """All tables, in order."""
        return [shown for chapter in self.chapters for shown in chapter.exhibits if isinstance(shown, Sheet)]


def refuse_doubles(names: Iterable[str]) -> list[str]:
    """The names of exhibits, each of which is also that of a file.

    Raises:
        ValueError: one is there twice; one would be shown, or kept, in place of the other.
    """
    given = list(names)
    if doubles := sorted({name for name in given if given.count(name) > 1}):
        raise ValueError(f"several exhibits of a study are called {', '.join(doubles)}; give each a name of its own")
    return given
