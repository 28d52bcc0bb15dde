"""What was wrong with the published way, each with what it does to the figures, measured here where it can be."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import polars as pl

from coincast.articles.huang.comparisons import welch_of_figures
from coincast.articles.huang.found import Found, Published
from coincast.articles.huang.networks import architectures, mean_age
from coincast.articles.huang.opponents import compare_copies, copy_last, level_effect, ratio_of
from coincast.articles.huang.pictures import square_of
from coincast.articles.huang.published import (
    BATCH_SIZE,
    BIAS,
    EPOCHS,
    HEADLINE,
    HORIZON,
    KERNEL,
    LOOKBACK,
    MEMORYLESS_RATIO,
    RANGE,
    REPEATS,
    STRENGTHS,
    STUDY_EPOCHS,
    TABLE,
    TRAINING_LOSS,
    TRAINING_TOP,
    VALIDATION_LOSS,
    WINNER,
)
from coincast.articles.huang.regularisers import CONTROL, NONE, compare_settings
from coincast.articles.huang.sentences import are, spell_times
from coincast.articles.huang.training import error_at_end, values_of
from coincast.articles.remains import join_words
from coincast.reports.numbers import amount, percent, things
from coincast.reports.palette import WORSE
from coincast.reports.study import Flaw

WORST = 0.05


def list_flaws(found: Found) -> list[Flaw]:
    """The flaws in the order of their weight; those of the trainings only where these were repeated."""
    published = found.published
    flaws = [_lag(found), _sight(), _scale(found)]
    if published is not None:
        flaws += [_choice(found, published), _level(found), _boxes(published), _winner()]
    flaws += [*_of_table(), _blocks(found), _ticks(found)]
    if published is not None:
        flaws += [_dead(found, published), _scripts(), _activity(published, square_of(found.blocks))]
    return flaws


def _lag(found: Found) -> Flaw:
    ratio = compare_copies(found.blocks, found.every_start)["ratio"]
    return Flaw(
        "The lag baseline copies the last 16 closes as a block, so that every forecast is 16 candles old.",
        f"Over every start its squared error is {spell_times(ratio[2])} that of the last close, over the blocks "
        f"{spell_times(ratio[0])}; a price without memory gives {MEMORYLESS_RATIO:.2f}. By that ratio no network of "
        "the published table beats true persistence.",
    )


def _sight() -> Flaw:
    *cnn, lstm, _ = (f"{mean_age(one.settings):.1f}" for one in architectures())
    return Flaw(
        "The CNNs cannot see the end of the window: each step reads a fixed slice of it.",
        f"The newest close that a step reads is {join_words(cnn)} candles old on average (2, 3, 4 layers), that of an "
        f"LSTM {lstm}. The gap between CNN and LSTM is geometry.",
    )


def _scale(found: Found) -> Flaw:
    blocks = found.blocks
    learnt, later = np.split(blocks.close, [int(blocks.validation.starts[0])])
    low, reach = float(learnt.min()), float(np.ptp(learnt))
    least, largest = (ratio_of(float(close) - low, reach) for close in (later.min(), later.max()))
    return Flaw(
        "The scale is fitted on all rows, the held-back ones included.",
        f"On a scale of the training rows the held-back closes would reach from {amount(least)} to "
        f"{amount(largest)}. In the article the training prices reach about {TRAINING_TOP:,.0f} USD, and the scale "
        f"knows a range of {RANGE:,.0f} USD.",
    )


def _choice(found: Found, published: Published) -> Flaw:
    last, unit = error_at_end(published.runs, HEADLINE, found.blocks), square_of(found.blocks)
    return Flaw(
        "Validation blocks are the test: the epoch is picked on the blocks that give the result, from one run.",
        f"Here the median run of {HEADLINE} scores {amount(published.headline)} {unit} at its best epoch and "
        f"{amount(last)} {unit} at its last one. In the article {REPEATS} runs of the same network, of {STUDY_EPOCHS} "
        f"epochs instead of {EPOCHS}, have medians of {BIAS[NONE][4]:,} and {KERNEL[NONE][4]:,} USD\u00b2, and a "
        f"minimum of {BIAS[NONE][2]:,}: {TABLE[HEADLINE].error:,.0f} is the tail.",
    )


def _level(found: Found) -> Flaw:
    training, validation = level_effect(found.blocks)
    return Flaw(
        "The gap between training and validation loss is read as overfitting, and penalties are tried against it.",
        "Squared moves grow with the price. Persistence, which learns nothing, has "
        f"{spell_times(ratio_of(validation, training))} its training error on the held-back blocks here; the "
        f"article's gap was {VALIDATION_LOSS / TRAINING_LOSS:.1f} times.",
    )


def _boxes(published: Published) -> Flaw:
    return Flaw(
        "The box plots are drawn from the 8 rows of describe(), not from the runs; these were not kept.",
        f"The number of repeats ({published.repeats}), a mean and a standard deviation are points of every box. Here "
        "all raw scores are kept, and both pictures stand side by side.",
    )


def _winner() -> Flaw:
    t, p = welch_of_figures(*BIAS[WINNER][:2], *BIAS[NONE][:2], REPEATS)
    return Flaw(
        f"The winner of the study, {WINNER} on the bias, is not significant.",
        f"Its own figures give Welch's t = {t:.2f}, p = {p:.2f}. The same control in the kernel experiment has a mean "
        f"of {KERNEL[NONE][0]:,}, below the winner's {BIAS[WINNER][0]:,}; by median the control wins "
        f"({BIAS[NONE][4]:,} against {BIAS[WINNER][4]:,}).",
    )


def _of_table() -> list[Flaw]:
    three, leaky, plain = (TABLE[name] for name in ("CNN 3 ReLU", "CNN 2 LeakyReLU", "CNN 2 ReLU"))
    assert three.validation_loss is not None
    implied = math.sqrt(three.error / three.validation_loss)
    return [
        Flaw(
            "The two columns of CNN 3 ReLU come from different weights.",
            f"{three.validation_loss} scaled and {three.error:,.0f} USD\u00b2 imply a range of {implied:,.0f} USD "
            f"instead of about {RANGE:,.0f}.",
        ),
        Flaw(
            "LeakyReLU is called always better than ReLU.",
            f"The same table has {leaky.error:,.0f} against {plain.error:,.0f} USD\u00b2 with 2 layers, and a "
            "collapse with 4.",
        ),
    ]


def _dead(found: Found, published: Published) -> Flaw:
    runs = published.runs.filter(pl.col("name").str.ends_with("tanh + ReLU"))
    least = partial(np.isclose, found.blocks.low, rtol=0, atol=1e-9 * found.blocks.reach)
    dead = sum(bool(np.any(np.all(least(values_of(row)), axis=0))) for row in runs.to_dicts())
    return Flaw(
        "ReLU at the output of a forecast can die: such a step says the least price of the series for ever.",
        f"It happened in {dead} of {things(runs.height, 'run')} with ReLU at the output here. A linear output cannot.",
    )


def _scripts() -> Flaw:
    return Flaw(
        "Scripts that train and scripts that plot disagree on the tanh after the recurrent layer, for the same "
        "weights.",
        "A tanh has no weights, so the file fits either network, and a row may be scored by another one than was "
        "trained.",
    )


def _blocks(found: Found) -> Flaw:
    past, future = found.blocks.pieces(found.blocks.validation)
    squares = np.sort(((copy_last(past) - future) ** 2).mean(axis=1))[::-1]
    few = max(1, round(WORST * squares.size))
    share = ratio_of(float(squares[:few].sum()), float(squares.sum()))
    worst = "worst block of" if few == 1 else f"{few} worst blocks of"
    return Flaw(
        "Blocks do not overlap: little is learnt from, and little is forecast.",
        f"{found.blocks.learnt:,} of {len(found.every_start):,} possible windows are learnt from, and "
        f"{percent(HORIZON / (LOOKBACK + HORIZON))} of the time is forecast. The {worst} "
        f"{squares.size} {'makes' if few == 1 else 'make'} "
        f"{percent(share, digits=0)} of the squared error of the last close.",
    )


def _activity(published: Published, unit: str) -> Flaw:
    own = compare_settings(published.study).filter(pl.col("term") == "activity")
    weakest = own.row(by_predicate=pl.col("setting") == f"L1 {STRENGTHS[-1]:g}", named=True)
    worse = own.filter(pl.col("word") == WORSE).height
    return Flaw(
        "Strengths of the penalties do not follow the size of the loss.",
        f"In the article the loss ends near {TRAINING_LOSS:.0e}, and the weakest penalty on the activity is "
        f"{STRENGTHS[-1]:g} times a sum over all states of a batch of {BATCH_SIZE}: it dominates from the start. Here "
        f"{worse} of {own.height} settings on the activity {are(worse)} worse than no penalty by ranks. The weakest, "
        f"{weakest['setting']}, has a median error of {amount(weakest['median'])} {unit}, no penalty "
        f"{amount(weakest[CONTROL])} {unit}; by ranks it is {weakest['word']}.",
    )


def _ticks(found: Found) -> Flaw:
    still = int((np.diff(found.blocks.close) == 0).sum())
    return Flaw(
        "Bad and stale prints are not looked for.",
        "The article's first candle has a high of 0.33 below its low of 225, and an hour of one and the same price "
        f"follows. Here {still:,} of {len(found.blocks.close):,} closes repeat the one before, and there are "
        f"{things(found.gaps, 'gap')}.",
    )
