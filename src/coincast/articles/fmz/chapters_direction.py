"""The chapters on the article's figure: what it measures, what spoils it, and what other ways of learning change."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float

from coincast.articles.drawn import make_picture
from coincast.articles.fmz import pictures_direction, pictures_fair, published
from coincast.articles.fmz.directions import (
    DRAWS,
    LAST_CLOSE,
    PHASES,
    count_hits,
    count_phases,
    hourly_spread,
    measure_distance,
    score_spoilt_copies,
)
from coincast.articles.fmz.hours import LENGTH
from coincast.articles.fmz.work import Work
from coincast.reports.numbers import amount, percent, quote_currency, things
from coincast.reports.study import Chapter, Picture, Sheet
from coincast.scores.direction.jumps import jump_hit_rate

HEADLINE = "direction accuracy of 81.4 %"


def tell_formula(work: Work) -> Chapter:
    """The article's figure for the model, for copying and for means of the last closes."""
    hours, simple = work.hours, work.simple
    pairs = hours.scored - 1
    rows = {name: np.array([hits / pairs]) for name, (hits, _) in _simple_counts(work).items()}
    if work.learnt is not None:
        rows = {f"LSTM, {len(work.learnt.prices)} runs": work.shares(work.learnt), **rows}
    phases = count_phases(hours, simple)
    copied = phases.filter(pl.col("forecast") == LAST_CLOSE)
    shares = (copied["hits"] / copied["pairs"]).to_list()
    theory = jump_hit_rate(LENGTH)
    caption = (
        f"{hours.market}: {pairs} pairs of neighbouring windows, of {hours.scored} that no run has learnt from. Dot: a "
        f"run; box: quartiles and whiskers; diamond: no model. On a random walk copying scores {percent(theory)}."
    )
    return Chapter(
        title="What the figure asks: a move that is nine tenths known",
        text=(
            "The formula asks whether the close after a window lies above the close after the window before, which "
            f"is {LENGTH} {hours.noun}s older. {LENGTH - 1} of these {LENGTH} moves are in the window. So it does not "
            f"ask which way the price will go, but whether the price in one {hours.noun} lies above that of "
            f"{LENGTH - 1} {hours.noun}s ago.",
            f"Copying the last close answers it in {copied['hits'][0]} of {pairs} cases, {percent(shares[0])}, without "
            f"any model; over the ten phases it is {percent(min(shares))} to {percent(max(shares))}. On a random walk "
            f"it is {percent(theory)}, by arithmetic.",
            *_model_words(work),
        ),
        exhibits=(
            make_picture(
                "formula",
                "Direction by the article's formula",
                caption,
                partial(pictures_direction.draw_formula, rows, headline=hours.is_published, theory=True),
                side="faithful",
                repeats=HEADLINE,
            ),
            make_picture(
                "fair-rates",
                "The same question, asked fairly",
                f"{hours.market}: the next close of every {hours.noun} against the one that is known, "
                f"{len(hours.test_origins):,} origins. Line: 95 % interval.",
                partial(pictures_fair.draw_fair_rates, work.judged),
                side="fair",
            ),
            Sheet(
                "formula-table",
                "The formula's figures",
                caption,
                _formula_table(work),
                side="faithful",
                repeats=HEADLINE,
            ),
            *_show_phases(work, phases),
        ),
    )


def _show_phases(work: Work, phases: pl.DataFrame) -> tuple[Picture, Sheet]:
    """The figures of every way to cut the windows."""
    runs, pairs = None, " or ".join(map(str, phases["pairs"].unique().sort()))
    caption = f"{work.hours.market}: windows that start at row 0, 1, ... {LENGTH - 1}, {pairs} pairs each."
    if work.learnt is not None:
        runs = np.stack([work.shares(work.learnt, phase=phase) for phase in PHASES], axis=1)
        caption += " Band: all runs."
    draw = partial(pictures_direction.draw_phases, phases, runs)
    return (
        make_picture("phases", "All ten ways to cut the windows", caption, draw, side="faithful"),
        Sheet("phases-table", "Hits at every phase", caption, tabulate_phases(phases, runs), side="faithful"),
    )


def tell_spoilt(work: Work) -> Chapter:
    """What makes a figure smaller than that of a copy: distance from the last close."""
    hours = work.hours
    spoilt = score_spoilt_copies(hours)
    models = {} if work.learnt is None else {"LSTM, each run": (work.distances(work.learnt), work.shares(work.learnt))}
    means = {name: forecast for name, forecast in work.simple.items() if name != LAST_CLOSE}
    sizes = np.array([measure_distance(hours, forecast) for forecast in means.values()])
    shares = np.array([hits / pairs for hits, pairs in (count_hits(hours, forecast) for forecast in means.values())])
    models["means of the last closes"] = (sizes, shares)
    unit, step = quote_currency(hours.market), hourly_spread(hours)
    caption = (
        f"{hours.market}: {hours.scored - 1} pairs. One standard deviation of the change of one {hours.noun} is "
        f"{amount(step, unit)} here. Squares: means of {DRAWS:,} draws. Distance: its median, told as the standard "
        f"deviation of a normal error; at the right edge: {pictures_direction.MOST_ERROR:g} or more."
    )
    table = spoilt.rename({"noise": "noise, sd", "bias": "bias, sd", "deviation": "deviation over draws"})
    is_less = work.learnt is not None and work.median_share(work.learnt) < work.naive_share
    return Chapter(
        title="Why a network scores less than a copy" if is_less else "What an error makes of a copy",
        text=(
            "On a random walk a forecast loses directions by straying from the last close, whatever makes it stray: "
            "noise, a bias, or smoothing. The curve says how many; the squares were drawn on these very windows.",
            f"A normal error of half a standard deviation of one move leaves {percent(_noise(spoilt, 0.5))} on "
            f"average, an error twice as large {percent(_noise(spoilt, 1.0))}. A figure between that of a copy and one "
            "half is what a copy with an error scores. It is no sign of foresight.",
        ),
        exhibits=(
            make_picture(
                "spoilt-copies",
                "A copy of the last close, made worse",
                caption,
                partial(pictures_direction.draw_spoilt, spoilt, models, headline=hours.is_published),
                side="faithful",
            ),
            Sheet("spoilt-table", "Copies made worse", caption, table, side="faithful"),
        ),
    )


def tell_twins(work: Work) -> Chapter:
    """The same training with one thing changed."""
    hours = work.hours
    rows = {f"{one.variant.label}, {things(len(one.prices), 'run')}": work.shares(one) for one in work.everything}
    rows[LAST_CLOSE] = np.array([work.naive_share])
    naive = work.squared_error(work.simple[LAST_CLOSE])
    table = [
        {
            "learnt": one.variant.label,
            "runs": len(one.prices),
            "windows": one.windows,
            "formula, median": work.median_share(one),
            "squared error / last close's": float(np.median([work.squared_error(prices) for prices in one.prices]))
            / naive,
        }
        for one in work.everything
    ]
    caption = (
        f"{hours.market}: the same network and as many steps, one thing changed. Errors: last step of the unseen "
        "windows, median over runs; 1 is the last close."
    )
    return Chapter(
        title="One thing changed: stride, loss" + (", statistics" if work.levels is not None else ""),
        text=(
            "The article argues for windows that jump, since neighbours repeat one another, and for a loss on every "
            "step, since each is a forecast. Both choices are undone here, one at a time"
            + (", and so is the scaling that knows the future." if work.levels is not None else "."),
            f"The last close scores {percent(work.naive_share)}. " + _twin_words(work),
        ),
        exhibits=(
            make_picture(
                "twins",
                "The article's figure, one thing changed",
                caption,
                partial(pictures_direction.draw_formula, rows, headline=hours.is_published, theory=False),
            ),
            Sheet("twins-table", "One thing changed", caption, pl.DataFrame(table)),
        ),
    )


def _twin_words(work: Work) -> str:
    """Each training's median share and how far it strays from a copy."""
    told = [
        f"{one.variant.label}: {percent(work.median_share(one))} at a distance of "
        f"{float(np.median(work.distances(one))):.2f}"
        for one in work.everything
    ]
    return f"Medians, with the distance from a copy in standard deviations of one move: {'; '.join(told)}."


def _simple_counts(work: Work) -> dict[str, tuple[int, int]]:
    return {name: count_hits(work.hours, forecast) for name, forecast in work.simple.items()}


def _model_words(work: Work) -> tuple[str, ...]:
    if work.learnt is None:
        return ()
    shares = work.shares(work.learnt)
    beaten = int((shares < work.naive_share).sum())
    words = (
        f"The network as published scores {percent(work.median_share(work.learnt))} (median of {len(shares)} runs, "
        f"{percent(float(shares.min()))} to {percent(float(shares.max()))}); {beaten} of {len(shares)} runs score less "
        "than the copy."
    )
    return (words + (f" The article reports {percent(published.HEADLINE)}." if work.hours.is_published else ""),)


def _formula_table(work: Work) -> pl.DataFrame:
    rows = [
        {"forecast": name, "hits": f"{hits}", "pairs": pairs, "share": hits / pairs}
        for name, (hits, pairs) in _simple_counts(work).items()
    ]
    if work.learnt is not None:
        pairs = work.hours.scored - 1
        for name, share in _sum_up(work.shares(work.learnt)).items():
            rows.append({"forecast": name, "hits": f"{share * pairs:g}", "pairs": pairs, "share": float(share)})
    if work.hours.is_published:
        hits = round(published.HEADLINE * published.PAIRS)
        rows.append({"forecast": "published", "hits": f"{hits}", "pairs": published.PAIRS, "share": published.HEADLINE})
    return pl.DataFrame(rows)


def tabulate_phases(phases: pl.DataFrame, runs: Float[np.ndarray, "run phase"] | None) -> pl.DataFrame:
    """Hits at each phase, a column for each, and the pairs that they are counted of in the last row.

    Args:
        phases: what `count_phases` gave.
        runs: shares of the network's runs, where it was trained.
    """
    by_name = phases.group_by("forecast", maintain_order=True)
    pairs = phases.filter(pl.col("forecast") == LAST_CLOSE)["pairs"].to_numpy()
    rows = {str(name): own["hits"].to_numpy() for (name,), own in by_name}
    rows |= {} if runs is None else {name: shares * pairs for name, shares in _sum_up(runs).items()}
    rows["pairs"] = pairs
    return pl.DataFrame(
        [
            {"forecast": name, **{str(phase): f"{count:g}" for phase, count in zip(PHASES, counts, strict=True)}}
            for name, counts in rows.items()
        ]
    )


def _sum_up(shares: Float[np.ndarray, "run ..."]) -> dict[str, Any]:
    """Of the shares of many runs the lowest, the median and the highest, by their names in a table."""
    found = {"lowest": shares.min(axis=0), "median": np.median(shares, axis=0), "highest": shares.max(axis=0)}
    return {f"LSTM, {word} of {len(shares)} runs": share for word, share in found.items()}


def _noise(spoilt: pl.DataFrame, size: float) -> float:
    [share] = spoilt.filter(pl.col("noise") == size, pl.col("bias") == 0)["share"]
    return float(share)
