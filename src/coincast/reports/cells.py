"""Tables of a page: cells, lines, and what every column means."""

from __future__ import annotations

from dataclasses import dataclass

from coincast.reports.numbers import NOTHING, skill_span

HINTS = {
    "skill": "share of naive's error that the model saves: 10 % means that it misses by a tenth less, below zero more",
    "95 % interval": "skills that the decisive test does not rule out; it holds 0 exactly where p is 0.05 or more",
    "verdict": "better or worse where p (Holm) is below 0.05, else not distinguishable; too few: no test is possible",
    "error": "the error that decides, on average over all forecasts",
    "naive's": "the same figure of the naive forecast, on the same targets",
    "p": "how often luck alone makes a difference of this size between two equally good forecasts, for this test alone",
    "p (Holm)": "p, adjusted for how many tests were made together; the verdict follows it",
    "could show": "the skill that a model of this spread would have shown in four of five samples: smaller ones stay "
    "unseen (detectable in tables and in Python)",
    "runs better": "single trainings with a smaller error than naive: a description, they share their test rows",
    "n": "forecasts judged (origins)",
    "may be the best": "whether the model lies in the confidence set, which holds the best model in 90 of 100 cases; "
    "point at a word for its p, the level at which the model would just be left out",
    "bootstrap": "95 % interval of the skill by the stationary bootstrap: a check of the interval beside it; an "
    "asterisk marks one that says otherwise of 0",
    "hint": "the test of Clark and West: moves that agree with what happened, too weakly for the word better; it never "
    "makes a verdict",
    "every origin": "skill where every candle is an origin; it decides",
    "segments": "skill at origins whose targets do not overlap",
    "whole span": "skill of one forecast of the whole test span, in which errors add up; no sample, so no test",
    "step": "candles ahead",
    "ties": "forecasts whose price did not move; they are left out",
    "undirected": "forecasts that repeat the last known price, and so name no direction; they are left out",
    "hit rate": "share of directions that were right, of the n forecasts judged",
    "majority": "always naming the side that was commoner in the training rows is right in this share",
    "rises": "share of the moves that were rises",
    "needed": "hit rate that pays for buying and selling again at each forecast, at the costs that were given",
    "needed n": "independent forecasts that would just tell this hit rate from 50 %; in brackets: with 80 % power",
    "PT p": "test of Pesaran and Timmermann (2009): do the directions go together beyond what their past explains?",
    "lag": "candles back from the target at which the line lies nearest: 0 is what came, the step is the last price",
    "own moves": "mean size of the line's own moves beside the real ones: 0 % is a copy of the last price",
    "from last price": "share of the line's ups and downs that are those of the last known price; in brackets: of the "
    "real ones",
    "correlation": "of own and real moves, from -1 to 1; 0 is chance",
    "promised": "share of the prices that should lie inside",
    "covered": "share that did",
    "width": "mean width of the interval, as a share of the price; infinite ones are left out",
    "infinite": "intervals that reach without end, because too little was known",
    "candles known": "candles up to then: all that a fit could learn from, unless its window slides",
    "markets": "markets that the losses are averaged over",
    "common origins": "origins that all of these markets have",
}
"""What the columns mean, for those who hover and for the legend of a table."""


@dataclass(frozen=True)
class Cell:
    """One cell; `role` colours it, `number` sets it flush right, `prose` breaks its lines, `note` is told on hover."""

    text: str
    role: str = ""
    number: bool = False
    prose: bool = False
    note: str = ""


@dataclass(frozen=True)
class Line:
    """One row of a table, with the name by which figures point at it."""

    cells: tuple[Cell, ...]
    anchor: str = ""


@dataclass(frozen=True)
class Table:
    """A table of a page; a closed one opens on request."""

    title: str
    caption: str
    heads: tuple[str, ...]
    lines: tuple[Line, ...]
    is_open: bool = False

    @property
    def hints(self) -> list[tuple[str, str]]:
        """What each column means, for those that need it."""
        return [(head, HINTS[head.split(",")[0]]) for head in self.heads if head.split(",")[0] in HINTS]

    def hint(self, head: str) -> str:
        """What one column means; empty where its head says it."""
        return HINTS.get(head.split(",")[0], "")


def figure(text: str) -> Cell:
    """A cell set flush right."""
    return Cell(text, number=True)


def interval_cell(low: float | None, high: float | None) -> str:
    """Write both ends of an interval of a skill; a dash where there is none."""
    if low is None and high is None:
        return NOTHING
    return f"{skill_span(low, high)}{'' if high is None else ' %'}"


def p_value(value: float | None) -> str:
    """Write a p value; a dash where there is none."""
    return NOTHING if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"
