"""The tables of the further tests: beside the verdict, never instead of it."""

from __future__ import annotations

from typing import Any

import polars as pl

from coincast.reports.cells import Cell, Line, Table, figure, interval_cell, p_value
from coincast.reports.findings import VIEWS, candles_known
from coincast.reports.numbers import NOTHING, count, error, model_name, percent
from coincast.reports.palette import VERDICT_ROLES
from coincast.reports.quantities import quantity_name, say_for
from coincast.reports.reading import subject_row
from coincast.reports.reading_intervals import coverage_rows
from coincast.reports.rows import THIRDS
from coincast.reports.story import Story
from coincast.scores.point import DECIDING
from coincast.scores.verdict import NAIVE, deciding_rows

MOST_ROWS = 400
DESCRIBES = "A description: no word, and no adjustment for the number of rows."


def further_tables(section: Story) -> list[Table]:
    """Return the tables of the further tests of one market; those that were not made have no lines."""
    return [
        _steps(section),
        _views(section),
        _periods(section, "years", "Skill by year", "year"),
        _periods(section, "refits", "Skill by refit", "trained to"),
        _directions(section),
        _lags(section),
        _coverage(section),
    ]


def pooled_table(story: Story) -> Table | None:
    """Return the pooled test over markets; `None` where it was not made."""
    lines = []
    for row in story.found("pooled").iter_rows(named=True):
        name = ", ".join([model_name(row["model"]), row["interval"], quantity_name(row["quantity"])])
        metric = DECIDING.get(row["quantity"], "")
        figures = (
            *(percent(row["skill"], signed=True), interval_cell(row["low"], row["high"])),
            *(error(row["loss"], metric), error(row["naive"], metric)),
            *(p_value(row["p"]), p_value(row["p_holm"]), count(row["markets"]), count(row["n"])),
        )
        lines.append(Line((Cell(name), _word(row["verdict"]), *map(figure, figures))))
    heads = (
        *("model", "verdict", "skill", "95 % interval", "error", "naive's", "p", "p (Holm)"),
        *("markets", "common origins"),
    )
    caption = "Losses averaged over markets, one average per origin; p (Holm) over the models of this table."
    return Table("All markets together, in figures", caption, heads, tuple(lines)) if lines else None


def _steps(section: Story) -> Table:
    """Every step with its own word, the headline's model first; without words where the tests were not made."""
    table = _own_first(section, section.found("steps"))
    if table.is_empty():
        return _plain_steps(section)
    lines = [
        Line(
            (
                _name(row, section),
                figure(str(row["step"])),
                _word(row["verdict"]),
                *map(figure, (percent(row["skill"], signed=True), interval_cell(row["low"], row["high"]))),
                *map(figure, (p_value(row["p"]), p_value(row["p_holm"]), count(row["n"]))),
            )
        )
        for row in table.head(MOST_ROWS).iter_rows(named=True)
    ]
    caption = (
        "Each step ahead by itself: a second family of tests with its own Holm adjustment, over markets, models and "
        "steps. The verdict on a model stays that of the leaderboard."
    )
    heads = ("model", "step", "verdict", "skill", "95 % interval", "p", "p (Holm)", "n")
    return Table("Step by step", caption, heads, tuple(lines))


def _plain_steps(section: Story) -> Table:
    row = subject_row(section)
    heads = ("step", "error", "naive's", "skill", "95 % interval", "n")
    if row is None:
        return Table("Step by step", "", heads, ())
    same = [pl.col(name) == row[name] for name in ("model", "metric", "level", "view")]
    rows = section.scores.filter(*same, pl.col("step") > 0, pl.col("subset") == "all").sort("step")
    lines = []
    for own in rows.iter_rows(named=True):
        errors = (error(own["value"], own["metric"]), error(own["naive"], own["metric"]))
        skill = (percent(own["skill"], signed=True), interval_cell(own["low"], own["high"]), count(own["n"]))
        lines.append(Line((Cell(f"{own['step']} ahead"), *map(figure, (*errors, *skill)))))
    return Table("Step by step", "Each step ahead by itself; a description, not a test.", heads, tuple(lines))


def _views(section: Story) -> Table:
    """Skill in the three views of several steps, model by model."""
    metric = DECIDING.get(section.quantity, "")
    rows = section.scores.filter(
        pl.col("level") == "ensemble", pl.col("subset") == "all", pl.col("step") == 0, pl.col("metric") == metric,
        pl.col("model") != NAIVE,
    )  # fmt: skip
    views = [view for view in VIEWS if not rows.filter(pl.col("view") == view).is_empty()]
    by_key = {(row["model"], row["view"]): row for row in rows.iter_rows(named=True)}
    order = deciding_rows(section.scores).sort("skill", descending=True, nulls_last=True)["model"].to_list()
    lines = []
    for model in order if len(views) > 1 else []:
        if model == NAIVE:
            continue
        cells: list[str] = []
        for view in views:
            row = by_key.get((model, view))
            cells.append(NOTHING if row is None else percent(row["skill"], signed=True))
            if view != "full_interval":
                cells += [NOTHING] * 2 if row is None else [interval_cell(row["low"], row["high"]), count(row["n"])]
        lines.append(Line((Cell(model_name(model, section.market)), *map(figure, cells))))
    heads = ["model"]
    for view, head in zip(VIEWS, ("every origin", "segments", "whole span, one origin, no test"), strict=True):
        if view in views:
            heads += [head] if view == "full_interval" else [head, "95 % interval", "n"]
    caption = "Three ways to look at forecasts of several steps; only the first decides."
    return Table("Three views of several steps", caption, tuple(heads), tuple(lines))


def _periods(section: Story, test: str, title: str, head: str) -> Table:
    """Skill by year, or by refit with the candles that were there to learn from."""
    metric, is_refit = DECIDING.get(section.quantity, ""), test == "refits"
    lines = []
    table = _own_first(section, section.found(test))
    if not table.is_empty():
        table = table.filter(~((pl.col("model") == NAIVE) & (pl.col("skill") == 0)))
    for row in table.head(MOST_ROWS).iter_rows(named=True):
        name = f"{row['trained_until']:%Y-%m-%d %H:%M}" if is_refit else row["subset"].removeprefix("year=")
        known = [count(candles_known(section, row["trained_until"]))] if is_refit else []
        figures = (
            *(*known, percent(row["skill"], signed=True), interval_cell(row["low"], row["high"])),
            *(error(row["loss"], metric), error(row["naive"], metric), p_value(row["p"]), count(row["n"])),
        )
        lines.append(Line((_name(row, section), Cell(name.removesuffix(" 00:00")), *map(figure, figures))))
    heads = ("model", head, *["candles known"] * is_refit, "skill", "95 % interval", "error", "naive's", "p", "n")
    return Table(title, DESCRIBES, heads, tuple(lines))


def _directions(section: Story) -> Table:
    lines = []
    for row in _own_first(section, section.found("direction")).head(MOST_ROWS).iter_rows(named=True):
        tell = NOTHING if row["to_tell"] is None else f"{row['to_tell']:,} ({row['to_tell_powered']:,})"
        figures = (
            "all" if row["step"] == 0 else str(row["step"]),
            *(count(row["ties"]), count(row["undirected"]), count(row["n"]), percent(row["hit_rate"])),
            _span(row["low"], row["high"]),
            *(percent(row["rises"]), percent(row["majority_hit_rate"])),
            NOTHING if row["needed"] is None else "none" if row["needed"] > 1 else percent(row["needed"]),
            *(tell, p_value(row["p_pt"])),
        )
        said = Cell(say_for(section.quantity, row["sentence"]) if row["step"] <= 1 else "", prose=True)
        lines.append(Line((_name(row, section), *map(figure, figures), said)))
    heads = (
        *("model", "step", "ties", "undirected", "n", "hit rate", "its interval", "rises", "majority", "needed"),
        *("needed n", "PT p", "in words"),
    )
    caption = "Directions against the last known price; p values are single ones and give no verdict."
    return Table("Direction", caption, heads, tuple(lines))


def _lags(section: Story) -> Table:
    lines = []
    for row in _own_first(section, section.found("lag")).head(MOST_ROWS).iter_rows(named=True):
        held = f"{percent(row['from_last'])} ({percent(row['real_from_last'])})"
        figures = (
            count(row["lag"]),
            percent(row["boldness"], digits=0),
            NOTHING if row["agreement"] is None else f"{row['agreement']:.2f}".replace("-", "\N{MINUS SIGN}"),
            NOTHING if row["from_last"] is None else held,
        )
        lines.append(Line((_name(row, section), *map(figure, figures), Cell(row["sentence"], prose=True))))
    heads = ("model", "lag", "own moves", "correlation", "from last price", "in words")
    return Table("Is it an old price?", "", heads, tuple(lines))


def _coverage(section: Story) -> Table:
    """What every model's intervals promised and covered."""
    whole = (pl.col("level") == "ensemble") & (pl.col("view") == "every_origin") & (pl.col("step") == 0)
    rows = section.scores.filter(whole, pl.col("metric").str.contains(r"^(coverage|width|infinite)_"))
    by_key = {(row["model"], row["subset"], row["metric"]): row for row in rows.iter_rows(named=True)}
    told = {row["metric"] for row in coverage_rows(section) if row["subset"] != "all"}
    rows = rows.filter((pl.col("subset") == "all") | pl.col("metric").is_in(told))
    lines = []
    for row in _own_first(section, rows.filter(pl.col("metric").str.starts_with("coverage_"))).iter_rows(named=True):
        name = row["metric"].removeprefix("coverage_")
        width, infinite = (
            by_key.get((row["model"], row["subset"], f"{what}_{name}")) for what in ("width", "infinite")
        )
        figures = (
            *(f"{name} %", percent(row["value"]), _span(row["low"], row["high"]), percent(row["naive"])),
            NOTHING if width is None else f"{percent(width['value'])} ({percent(width['naive'])})",
            NOTHING if infinite is None else count(int(infinite["value"] or 0)),
            count(row["n"]),
        )
        when = THIRDS.get(row["subset"], "all")
        lines.append(Line((_name(row, section), Cell(when), *map(figure, figures))))
    heads = ("model", "when", "promised", "covered", "its interval", "naive's", "width", "infinite", "n")
    caption = "Width: in brackets that of the naive interval. Thirds: by the volatility known at the origin."
    return Table("What the intervals covered", caption, heads, tuple(lines[:MOST_ROWS]))


def _own_first(section: Story, table: pl.DataFrame) -> pl.DataFrame:
    """The rows of the headline's model, then those of the others in the order of the leaderboard."""
    if table.is_empty():
        return table
    row = subject_row(section)
    order = deciding_rows(section.scores).sort("skill", descending=True, nulls_last=True)["model"].to_list()
    names = list(dict.fromkeys([*([] if row is None else [row["model"]]), *order, *table["model"].to_list()]))
    places = pl.DataFrame({"model": names, "place": range(len(names))})
    return table.join(places, on="model", how="left", maintain_order="left").sort("place", maintain_order=True)


def _name(row: dict[str, Any], section: Story) -> Cell:
    return Cell(model_name(row["model"], section.market))


def _word(verdict: str | None) -> Cell:
    return Cell(verdict or NOTHING, VERDICT_ROLES.get(verdict or "", ""))


def _span(low: float | None, high: float | None) -> str:
    return NOTHING if low is None or high is None else f"{percent(low)} to {percent(high)}"
