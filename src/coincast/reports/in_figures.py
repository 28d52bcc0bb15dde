"""The judgement of one market in lines for those who want the figures: test, direction, intervals, runs, data."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from coincast.reports.numbers import capped, interval_name, model_name, percent, share_shown, things
from coincast.reports.quantities import say_for
from coincast.reports.reading import run_rows, runs_of, subject_row
from coincast.reports.reading_intervals import interval_text
from coincast.reports.story import Story
from coincast.scores.words import is_naive_itself

SAME = 1e-12


def figure_lines(section: Story) -> list[tuple[str, str]]:
    """Return (what it is about, sentence) for everything that the tables of a market can tell."""
    row = subject_row(section)
    lines = [
        ("Test", "" if row is None else decisive_line(row)),
        ("Direction", direction_line(section)),
        ("Intervals", interval_text(section)),
        ("Runs", runs_line(section)),
        ("Data", data_line(section)),
    ]
    return [(name, text) for name, text in lines if text]


def decisive_line(row: dict[str, Any]) -> str:
    """Write the decisive test in one line: relative error with its interval, p, n and the word."""
    if row["verdict"] is None or row["p"] is None or not row["naive"] or is_naive_itself(row):
        return ""
    ratio, high = row["value"] / row["naive"], capped(row["high"])
    span = "" if row["low"] is None or high is None else f" [{_ratio(1 - high)}, {_ratio(1 - row['low'])}]"
    ps = f"p {_p(row['p'])}"
    if row["p_holm"] is not None and abs(row["p_holm"] - row["p"]) > SAME:
        ps += f" ({_p(row['p_holm']).removeprefix('= ')} after Holm)"
    if row["p_dm"] is not None:
        ps += f", Diebold-Mariano p {_p(row['p_dm'])}"
    return f"Against the naive forecast: relative error {ratio:.3f}{span}, {ps}, n = {row['n']:,}: {row['verdict']}."


def direction_line(section: Story) -> str:
    """Return the sentence on the directions of the headline's model, one step ahead where it speaks of several."""
    row = subject_row(section)
    rows = pl.DataFrame() if row is None else section.found("direction", model=row["model"])
    if rows.is_empty():
        return ""
    ordered = rows.sort("step")
    single = ordered.filter(pl.col("step") > 0)
    told = (single if single.height else ordered).row(0, named=True)
    text = say_for(section.quantity, str(told["sentence"]))
    ties = f" {things(told['ties'], 'tie')} left out." if told["ties"] else ""
    timing = "" if told["pt"] is None else f" Pesaran-Timmermann p {_p(told['p_pt'])}."
    return f"{text}{ties}{timing}"


def runs_line(section: Story) -> str:
    """Say how much the skill varies with the seed, and whether the seed decides which network is ahead."""
    row = subject_row(section)
    runs = pl.DataFrame() if row is None else runs_of(section.scores, row["model"])
    if row is None or runs.height < 2:
        return ""
    skills = runs["skill"].drop_nulls().to_numpy()
    if skills.size < 2:
        return ""
    mean, spread = percent(float(np.mean(skills)), signed=True), share_shown(float(np.std(skills, ddof=1)))
    text = f"Skill of a single run {mean} on average, give or take {spread} (standard deviation of {skills.size} runs)."
    winners = _winners(section)
    if len(winners) > 1:
        names = " and ".join(model_name(name) for name in winners[:3])
        text += f" Which of {names} is ahead changes with the seed: a tie."
    return text


def data_line(section: Story) -> str:
    """Say which candles these are: venue, number, gaps, the last one."""
    candles = section.candles
    if candles is None or candles.height < 2 or not section.market:
        return ""
    ordered = candles.sort("open_time")
    gaps = int((ordered["open_time"][1:] != ordered["close_time"][:-1]).sum())
    last = ordered["close_time"][-1]
    shown = f"{last:%Y-%m-%d %H:%M} UTC"
    venue = section.market.split(":", 1)[0] if ":" in section.market else section.market
    length = f" of {interval_name(section.interval)}" if section.interval else ""
    count = "no gaps" if gaps == 0 else things(gaps, "gap")
    return f"{venue}: {things(candles.height, 'candle')}{length}, {count}; the last closed at {shown}."


def _winners(section: Story) -> list[str]:
    """Networks that are ahead for at least one seed, the most frequent first."""
    runs = run_rows(section.scores).filter(pl.col("skill").is_not_null())
    several = runs.filter(pl.col("run").len().over("model") > 1)
    if several["model"].n_unique() < 2:
        return []
    shared = several.filter(pl.col("model").n_unique().over("run") == several["model"].n_unique())
    best = shared.sort("skill", descending=True).group_by("run", maintain_order=True).first()
    return [str(name) for name in best["model"].value_counts(sort=True)["model"]]


def _ratio(value: float) -> str:
    """Write a relative error so that it is seen on which side of 1 it lies."""
    text = f"{value:.3f}"
    return f"{value:.5f}" if text == "1.000" and value != 1 else text


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"
