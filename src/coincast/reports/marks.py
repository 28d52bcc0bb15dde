"""What the further tests add to the leaderboard of one market: marks beside the verdicts, and how they were made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from coincast.reports.numbers import MINUS, things
from coincast.reports.palette import BETTER, WORSE
from coincast.reports.story import Story
from coincast.scores.confidence_set import FEW, SIZE
from coincast.scores.verdict import NAIVE, deciding_rows


@dataclass(frozen=True)
class Marks:
    """What further tests add to a row of the leaderboard; `None` where a test has nothing on it.

    Attributes:
        in_set: whether the model may be the best.
        p_set: level at which it would just be left out of the set.
        low, high: ends of the bootstrap's interval of the skill.
        agrees: whether that interval says the same of 0 as the decisive test's.
        hint: whether its moves hint at a signal, which is no verdict.
    """

    in_set: bool | None = None
    p_set: float | None = None
    low: float | None = None
    high: float | None = None
    agrees: bool | None = None
    hint: bool = False

    @property
    def words(self) -> str:
        """The marks in a few words, to stand small beside a verdict."""
        return ", ".join(["may be the best"] * bool(self.in_set) + ["hint of signal"] * self.hint)


def board_marks(section: Story) -> dict[str, Marks]:
    """Return what the further tests say of every model of one market."""
    found: dict[str, dict[str, Any]] = {}
    for row in section.found("confidence_set").iter_rows(named=True):
        found.setdefault(row["model"], {}).update(in_set=row["in_set"], p_set=row["p_mcs"])
    for row in section.found("bootstrap").iter_rows(named=True):
        ends = {"low": row["bootstrap_low"], "high": row["bootstrap_high"], "agrees": row["agrees"]}
        found.setdefault(row["model"], {}).update(ends)
    words = dict(deciding_rows(section.scores).select("model", "verdict").rows())
    for row in section.found("clark_west").iter_rows(named=True):
        # A hint is for a forecast that is not better; the verdict is that of the scores.
        is_hint = bool(row["hint"]) and words.get(row["model"]) != "better"
        found.setdefault(row["model"], {}).update(hint=is_hint)
    return {model: Marks(**marks) for model, marks in found.items()}


def set_text(section: Story) -> str:
    """Say how the confidence set was made, and what to think of it; empty where there is none."""
    table = section.found("confidence_set")
    if table.is_empty():
        return ""
    row = table.row(0, named=True)
    drawn = (
        f"{row['repetitions']:,} repetitions of a stationary bootstrap with blocks of {row['block']} on average, "
        f"seed {row['seed']}"
    )
    text = f"May be the best: in the {1 - SIZE:.0%} model confidence set of {things(row['n'], 'forecast')} ({drawn})."
    if row["n"] < FEW:
        text += f" Below {FEW} forecasts the set is coarse: it holds on to models that more would leave out."
    if _is_at_odds(section, table):
        text += (
            " Where the set and the verdicts seem to disagree, the verdicts count: the set looks at this market alone "
            "and errs once in 10 cases, they look at all tests together and err once in 20."
        )
    if row["p_spa"] is not None:
        text += f" Is any model better than naive, all that were tried counted? p {_p(row['p_spa'])} (SPA)."
    return text.replace("90%", "90 %")


def _is_at_odds(section: Story, table: pl.DataFrame) -> bool:
    """Whether set and verdicts seem to disagree on naive, or the set holds what is worse than naive."""
    words = dict(deciding_rows(section.scores).select("model", "verdict").rows())
    inside = set(table.filter("in_set")["model"])
    return (NAIVE in inside) is (BETTER in words.values()) or any(words.get(model) == WORSE for model in inside)


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}".replace("-", MINUS)
