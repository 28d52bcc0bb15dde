"""The verdict in words a layman understands: a headline, the reasons below it and the four figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from coincast.reports.numbers import (
    NOTHING,
    ORACLE,
    amount,
    count,
    error,
    interval_name,
    is_oracle,
    percent,
    quote_currency,
)
from coincast.reports.palette import BETTER, NOT_DISTINGUISHABLE, TOO_FEW, VERDICT_ROLES, WORSE
from coincast.reports.quantities import opponent_words, quantity_name, say_for
from coincast.reports.reading import metric_row, rivals, row_of, runs_of, subject_row
from coincast.reports.story import Story
from coincast.scores.significance import ALPHA
from coincast.scores.verdict import NAIVE, count_tests, deciding_rows
from coincast.scores.words import is_naive_itself, sentence
from coincast.scores.words import percent as in_words


@dataclass(frozen=True)
class Headline:
    """A sentence with the word that decides set apart, so that it can wear its colour.

    `verdict` is the word that all markets have; where they differ there is none, and no colour.
    """

    before: str
    word: str = ""
    after: str = ""
    verdict: str | None = None

    @property
    def text(self) -> str:
        """The whole sentence."""
        return f"{self.before}{self.word}{self.after}"

    @property
    def role(self) -> str:
        """The palette's role for the word that decides."""
        return VERDICT_ROLES.get(self.verdict or "", "muted")


@dataclass(frozen=True)
class Figure:
    """One of the four large figures: what it says, what it is, and the row of the score table it was read from."""

    text: str
    caption: str
    row: Mapping[str, Any] | None
    role: str = "ink"


def headline(story: Story) -> Headline:
    """Say in one sentence what a story found; over several markets, on how many of them."""
    sections = story.sections()
    rows = [row for row in map(subject_row, sections) if row is not None]
    if story.headline is not None:
        return _split(story.headline, rows[0]["verdict"] if len(rows) == 1 else None)
    if not rows:
        ahead = any(section.outlook is not None and not section.outlook.is_empty() for section in sections)
        return Headline("What comes next, not judged." if ahead else "There is nothing to judge here.")
    if len(rows) == 1:
        section = next(section for section in sections if subject_row(section) is not None)
        return _of_one(rows[0], section, many=len(rivals(section)))
    quantities = {section.quantity for section in sections}
    rival = opponent_words(quantities.pop()) if len(quantities) == 1 else "the naive forecast"
    return _of_several(rows, "market" if len({row["market"] for row in rows}) == len(rows) else "count", rival)


def reasons(section: Story, *, tests: int | None = None) -> list[str]:
    """Give two to four plain sentences on one market: by how much, what could have been seen, how the runs fared.

    Args:
        section: a story of one market.
        tests: how many tests were made together; those of this section unless said.
    """
    row = subject_row(section)
    if row is None or row["verdict"] is None:
        return []
    first = said_of(row, section, tests=tests)
    return [text for text in (first, _power(row), _over_runs(row, section), _oracle(section)) if text]


def said_of(row: Mapping[str, Any], section: Story, *, tests: int | None = None) -> str:
    """Say what a deciding row found: the sentence given for that model and market, else our own."""
    given = section.sentences.get((row["market"], row["model"]))
    return given or say_for(
        section.quantity, sentence(row, tests=count_tests(section.scores) if tests is None else tests)
    )


def name_sections(sections: Sequence[Story]) -> list[str]:
    """Name each section by its market, and by its interval and quantity where the market does not tell it apart."""
    intervals, quantities = ({getattr(part, name) for part in sections} for name in ("interval", "quantity"))
    names = []
    for part in sections:
        interval = [interval_name(part.interval)] if len(intervals) > 1 and part.interval else []
        quantity = [quantity_name(part.quantity)] if len(quantities) > 1 else []
        names.append(" \u00b7 ".join([part.market, *interval, *quantity]))
    return names


def four_figures(section: Story) -> list[Figure]:
    """Choose the four figures a reader should see first; each is a figure of the score table."""
    row = subject_row(section)
    if row is None:
        return []
    model = row["model"]
    role = VERDICT_ROLES.get(row["verdict"] or "", "ink")
    runs = runs_of(section.scores, model)
    better = int((runs["skill"] > 0).sum())
    figures = [Figure(percent(row["skill"], signed=True), "skill against naive", row, role), _error(section, row)]
    could = "smallest skill this sample could show reliably"
    figures.append(Figure(NOTHING if row["detectable"] is None else in_words(row["detectable"]), could, row))
    if runs.height > 1:
        figures.append(Figure(f"{better} of {runs.height}", "runs better than naive", row))
    else:
        figures.append(Figure(count(row["n"]), "forecast judged" if row["n"] == 1 else "forecasts judged", row))
    return figures


def trials_line(story: Story) -> str:
    """Say how many configurations were judged on this test span, and how far luck alone goes among so many.

    The smallest of N independent p values of worthless configurations is 1 / (N + 1) on average.
    """
    if story.trials is None or story.trials < 2:
        return ""
    lucky = 1 / (story.trials + 1)
    return (
        f"Best of {story.trials:,} configurations judged on this test span; the luckiest of as many worthless ones "
        f"would show a p of {lucky:.2g} on average."
    )


def would_pass_alone(row: Mapping[str, Any]) -> bool:
    """Tell whether a model passes by itself but not as one of several."""
    p, p_holm = row["p"], row["p_holm"]
    return p is not None and p_holm is not None and p < ALPHA <= p_holm


def opponent(section: Story) -> str:
    """Name the naive forecast for a layman: yesterday's price where candles are days and one step is forecast."""
    steps = _steps(section)
    is_yesterday = section.interval == "1d" and section.quantity == "price" and steps == 1
    return "yesterday's price" if is_yesterday else opponent_words(section.quantity)


def _of_one(row: Mapping[str, Any], section: Story, *, many: int) -> Headline:
    who = f"The best of {many} models" if many > 1 else "This forecast"
    word = row["verdict"]
    if is_naive_itself(row):
        return Headline(f"{who} is ", opponent(section), ", nothing more.", NOT_DISTINGUISHABLE)
    if word == TOO_FEW:
        return Headline("There are ", TOO_FEW, " forecasts for a verdict.", word)
    if word is None:
        return Headline(f"{who} has no verdict.")
    link = "from" if word == NOT_DISTINGUISHABLE else "than"
    return Headline(f"{who} is ", word, f" {link} {opponent(section)}.", word)


def _of_several(rows: list[dict[str, Any]], noun: str, rival: str) -> Headline:
    words = [row["verdict"] for row in rows]
    number = len(words)
    everywhere = f"On both {noun}s" if number == 2 else f"On all {number} {noun}s"
    if len(set(words)) == 1 and words[0] in (BETTER, WORSE, NOT_DISTINGUISHABLE):
        link = "from" if words[0] == NOT_DISTINGUISHABLE else "than"
        return Headline(f"{everywhere} the forecast is ", words[0], f" {link} {rival}.", words[0])
    wins = words.count(BETTER)
    if wins == 0:
        return Headline("On ", "none", f" of {number} {noun}s is the forecast better than {rival}.")
    return Headline("The forecast is ", BETTER, f" than {rival} on {wins} of {number} {noun}s.")


def _split(sentence: str, verdict: str | None) -> Headline:
    """Set the deciding word of a given sentence apart, if it stands there as it is."""
    if verdict is None or verdict not in sentence:
        return Headline(sentence)
    before, after = sentence.split(verdict, 1)
    return Headline(before, verdict, after, verdict)


def _power(row: Mapping[str, Any]) -> str:
    if row["verdict"] != NOT_DISTINGUISHABLE or is_naive_itself(row) or row["detectable"] is None:
        return ""
    return f"Only a skill of about {in_words(row['detectable'])} would have shown reliably here."


def _over_runs(row: Mapping[str, Any], section: Story) -> str:
    runs = runs_of(section.scores, row["model"])
    if runs.height < 2:
        return ""
    better = int((runs["skill"] > 0).sum())
    if better == 0:
        return f"None of the {runs.height} runs is better on its own."
    if better == runs.height:
        return f"All {runs.height} runs are better on their own."
    return f"{better} of the {runs.height} runs {'is' if better == 1 else 'are'} better on their own."


def _oracle(section: Story) -> str:
    row = row_of(deciding_rows(section.scores), ORACLE)
    if row is None or row["skill"] is None or not is_oracle(ORACLE, section.market):
        return ""
    if abs(row["skill"]) < 5e-4:
        return f"On this simulated market nobody could do better than {opponent_words(section.quantity)}."
    return f"The best anyone could do on this simulated market is a skill of {percent(row['skill'])}."


def _error(section: Story, row: Mapping[str, Any]) -> Figure:
    """Return the mean error in the currency where the score table holds it, else the error that decides."""
    price = metric_row(section, row["model"], "mae")
    unit = quote_currency(section.market)
    if price is not None and price["value"] is not None:
        naive = amount(price["naive"])
        return Figure(amount(price["value"], unit), f"mean error; naive {naive}", price)
    what = {
        "price": "mean error",
        "direction": "directions missed",
        "volatility": "mean QLIKE loss",
    }.get(section.quantity, f"mean error of the {quantity_name(section.quantity)}")
    return Figure(error(row["value"], row["metric"]), f"{what}; naive {error(row['naive'], row['metric'])}", row)


def _steps(section: Story) -> int:
    for table in (section.forecasts, section.scores):
        if table is not None and "step" in table.columns and not table.is_empty():
            return max(1, int(table.filter(pl.col("model") != NAIVE)["step"].max() or 1))  # type: ignore[arg-type]
    return 1
