"""The chapters from the article's figure on: what it measures, the fair one, and what other ways of learning change."""

from __future__ import annotations

from functools import partial

import numpy as np
import polars as pl

from coincast.articles.drawn import make_picture
from coincast.articles.fmz import pictures_direction, published
from coincast.articles.fmz.directions import (
    LAST_CLOSE,
    count_hits,
    count_phases,
    hourly_spread,
    measure_distance,
    score_spoilt_copies,
)
from coincast.articles.fmz.fair import FairAnswer
from coincast.articles.fmz.hours import LENGTH
from coincast.articles.fmz.networks import ARTICLE
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
    copied = phases.filter(pl.col("forecast") == LAST_CLOSE)["hits"]
    theory = jump_hit_rate(LENGTH)
    caption = (
        f"{hours.market}: {pairs} pairs of neighbouring windows, of {hours.scored} that no run has learnt from. Dot: a "
        f"run; box: quartiles; diamond: no model. On a random walk copying scores {percent(theory)}."
    )
    over = f"{hours.market}: windows that start at row 0, 1, ... {LENGTH - 1}, {pairs} pairs each."
    runs = None
    if work.learnt is not None:
        learnt = work.learnt
        runs = np.stack([work.shares(learnt, phase=phase) for phase in range(LENGTH)], axis=1)
        over += " Band: all runs."
    exhibits: list[Picture | Sheet] = [
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
            partial(pictures_direction.draw_fair_rates, work.judged),
            side="fair",
        ),
        Sheet(
            "formula-table", "The formula's figures", caption, _formula_table(work), side="faithful", repeats=HEADLINE
        ),
        make_picture(
            "phases",
            "All ten ways to cut the windows",
            over,
            partial(pictures_direction.draw_phases, phases, runs),
        ),
        Sheet("phases-table", "Hits at every phase", over, _phases_table(phases)),
    ]
    return Chapter(
        title="What the figure asks: a move that is nine tenths known",
        text=(
            "The formula asks whether the close after a window lies above the close after the window before, which "
            f"is {LENGTH} {hours.noun}s older. {LENGTH - 1} of these {LENGTH} moves are in the window. So it does not "
            f"ask which way the price will go, but whether the price in one {hours.noun} lies above that of "
            f"{LENGTH - 1} {hours.noun}s ago.",
            f"Copying the last close answers it in {copied[0]} of {pairs} cases, {percent(copied[0] / pairs)}, without "
            f"any model; over the ten phases it is {min(copied)} to {max(copied)}. On a random walk it is "
            f"{percent(theory)}, by arithmetic.",
            *_model_words(work),
        ),
        exhibits=tuple(exhibits),
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
        f"{amount(step, unit)} here. Squares: means of 2,000 draws. Distance: 1.48 times the median."
    )
    table = spoilt.rename({"noise": "noise, sd", "bias": "bias, sd", "deviation": "deviation over draws"})
    return Chapter(
        title="Why a network scores less than a copy",
        text=(
            "A forecast loses directions by straying from the last close, whatever makes it stray: noise, a bias, or "
            "smoothing. The curve says how many, on a random walk; the squares were drawn on these very windows.",
            f"A normal error of half a standard deviation of one move leaves {percent(_noise(spoilt, 0.5))} on "
            f"average, one of a whole one {percent(_noise(spoilt, 1.0))}. A figure between that of a copy and one half "
            "is what a copy with an error scores. It is no sign of foresight.",
        ),
        exhibits=(
            make_picture(
                "spoilt-copies",
                "A copy of the last close, made worse",
                caption,
                partial(pictures_direction.draw_spoilt, spoilt, models, headline=hours.is_published),
            ),
            Sheet("spoilt-table", "Copies made worse", caption, table),
        ),
    )


def tell_fair(work: Work, answer: FairAnswer) -> Chapter:
    """Every hour from the last known close, against the majority sign of the training rows; and the price itself."""
    from coincast.experiments.story import tell
    from coincast.reports.pictures_models import draw_skill

    hours, result = work.hours, answer.result
    origins = len(hours.test_origins)
    copied = work.judged.filter(pl.col("model") == f"LSTM, {ARTICLE.label}").to_dicts()
    rises = float((np.sign(np.diff(hours.close[hours.first_origin :])) > 0).mean())
    ties = int((np.diff(hours.close[hours.first_origin :]) == 0).sum())
    [own] = work.judged.filter(pl.col("model") == "LSTM on returns (fair)").to_dicts()
    story = tell(result).sections()[0]
    spoken = [
        f"The network as published, asked the same at every {hours.noun}, is right in {percent(row['hit_rate'])} of "
        f"{row['n']:,}."
        for row in copied
        if row["hit_rate"] is not None
    ]
    return Chapter(
        title=f"Asked fairly: which way from here, at every {hours.noun}?",
        text=(
            f"Each of the {origins:,} {hours.noun}s after training is an origin. The forecast names a direction from "
            f"the close that is known then, and is right where the next close lies that way. {ties:,} of them are "
            f"ties, which nobody can hit; {percent(rises, digits=2)} go up. The yardstick is the direction that most "
            "moves of the training rows had, said every time.",
            "The fair network has the article's layers, sees returns in place of levels, is scaled by its training "
            "rows, and stops at the epoch that was best on rows that are neither training nor test. " + own["sentence"],
            *spoken,
            f"And the price itself: {result.sentence}",
        ),
        exhibits=(
            Sheet(
                "fair-directions",
                "Directions over all test candles",
                f"{hours.market}: {origins:,} origins. p: against the majority sign, by the test that judges.",
                _fair_table(work),
                side="fair",
            ),
            Picture(
                "fair-skill",
                "The same forecasts as prices",
                f"{hours.market}: skill beside the last close, {origins:,} origins.",
                lambda theme: draw_skill(story, theme=theme),  # type: ignore[arg-type,return-value]
                side="fair",
            ),
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
            "formula, median": float(np.median(work.shares(one))),
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
        title="One thing changed: stride, loss, statistics",
        text=(
            "The article argues for windows that jump, since neighbours repeat one another, and for a loss on every "
            "step, since each is a forecast. Both choices are undone here, one at a time, and so is the scaling "
            "that knows the future.",
            "What changes most is how far the forecast strays from the last close.",
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


def tell_returns(work: Work) -> Chapter:
    """Where levels fall short, and returns do not."""
    hours = work.hours
    unit = quote_currency(hours.market)
    bins = work.shortfalls()
    highest = float(hours.close[: hours.first_origin].max())
    top = {row["forecast"]: row["bias"] for row in bins.sort("price").iter_rows(named=True)}
    told = "; ".join(f"{name} {amount(bias, unit)}" for name, bias in top.items())
    caption = (
        f"{hours.market}: mean of forecast minus close over {len(hours.test_origins):,} unseen {hours.noun}s, in "
        "bins of the price. A level network cannot rise above what it saw; returns have no height."
    )
    return Chapter(
        title="Levels or returns",
        text=(
            "A network that learns the height of the price has no reason to follow it to heights that it never saw. "
            f"In the highest bin the mean error is: {told}.",
            "The article itself suggests return rates. They end the shortfall; whether the next move is known is "
            "another question.",
        ),
        exhibits=(
            make_picture(
                "shortfall",
                "Where the level is new",
                caption,
                partial(pictures_direction.draw_shortfall, bins, unit=unit, highest=highest),
            ),
        ),
    )


def _simple_counts(work: Work) -> dict[str, tuple[int, int]]:
    return {name: count_hits(work.hours, forecast) for name, forecast in work.simple.items()}


def _model_words(work: Work) -> tuple[str, ...]:
    if work.learnt is None:
        return ()
    shares = work.shares(work.learnt)
    beaten = int((shares < work.naive_share).sum())
    words = (
        f"The network as published scores {percent(float(np.median(shares)))} (median of {len(shares)} runs, "
        f"{percent(float(shares.min()))} to {percent(float(shares.max()))}); {beaten} of {len(shares)} runs score less "
        "than the copy."
    )
    published_words = f" The article reports {percent(published.HEADLINE)}." if work.hours.is_published else ""
    return (words + published_words,)


def _formula_table(work: Work) -> pl.DataFrame:
    rows = [
        {"forecast": name, "hits": f"{hits}", "pairs": pairs, "share": hits / pairs}
        for name, (hits, pairs) in _simple_counts(work).items()
    ]
    if work.learnt is not None:
        shares = work.shares(work.learnt)
        pairs = work.hours.scored - 1
        for word, share in (("lowest", shares.min()), ("median", np.median(shares)), ("highest", shares.max())):
            name = f"LSTM, {word} of {len(shares)} runs"
            rows.append({"forecast": name, "hits": f"{share * pairs:g}", "pairs": pairs, "share": float(share)})
    if work.hours.is_published:
        hits = round(published.HEADLINE * published.PAIRS)
        rows.append({"forecast": "published", "hits": f"{hits}", "pairs": published.PAIRS, "share": published.HEADLINE})
    return pl.DataFrame(rows)


def _phases_table(phases: pl.DataFrame) -> pl.DataFrame:
    wide = phases.pivot("phase", index="forecast", values="hits")
    pairs = phases.group_by("forecast", maintain_order=True).agg(pl.col("pairs").max())
    return wide.join(pairs, on="forecast", maintain_order="left")


def _fair_table(work: Work) -> pl.DataFrame:
    names = {
        "model": "forecast",
        "n": "n",
        "hit_rate": "right",
        "low": "low",
        "high": "high",
        "majority_hit_rate": "majority sign",
        "p": "p",
        "ties": "ties",
        "hit_rate_with_ties": "right, ties as misses",
    }
    return work.judged.select(list(names)).rename(names).sort("right", descending=True, nulls_last=True)


def _noise(spoilt: pl.DataFrame, size: float) -> float:
    [share] = spoilt.filter(pl.col("noise") == size, pl.col("bias") == 0)["share"]
    return float(share)
