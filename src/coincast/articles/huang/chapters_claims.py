"""The chapters on what the article says: its plot, its sentences, its baseline."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import polars as pl

from coincast.articles.drawn import make_picture
from coincast.articles.huang import pictures
from coincast.articles.huang.chapters import held_back, span_of, where
from coincast.articles.huang.comparisons import fewest_seeds
from coincast.articles.huang.found import Found, Published
from coincast.articles.huang.opponents import (
    compare_copies,
    compare_views,
    copy_last,
    level_effect,
    ratio_of,
    ratios_of_walks,
    squared_error,
)
from coincast.articles.huang.published import BLOCK, COPY_AGE, HEADLINE, HORIZON, MEMORYLESS_RATIO, TABLE
from coincast.articles.huang.sentences import Answer, answer_all, level_sentence, spell_times
from coincast.articles.huang.training import values_of
from coincast.reports.numbers import amount, percent, things
from coincast.reports.study import Chapter, Sheet

RESULT_PLOT = "result plot: 2017 after July, blue line and red dots"
LATER_PLOT = "later notebook: each 16-step forecast as a line of its own, three blocks"
OF_ARTICLE = "of the article's block copy, USD\N{SUPERSCRIPT TWO}"
WITH_LEAKY = "published with LeakyReLU, USD\N{SUPERSCRIPT TWO}"


def tell_plot(found: Found, published: Published) -> Chapter:
    """The red dots, and the same from near."""
    blocks = found.blocks
    row = published.runs.filter(pl.col("name") == HEADLINE).sort("error", nulls_last=True).row(0, named=True)
    said = values_of(row)
    kept = pictures.filter_months(blocks)
    past, future = blocks.pieces(blocks.validation)
    errors = [squared_error(each[kept], future[kept]) for each in (said, copy_last(past))]
    unit, rows = pictures.square_of(blocks), blocks.validation.future_rows[kept].reshape(-1)
    chosen = f"{HEADLINE}, the best of its runs, which like its epoch is chosen on these blocks"
    caption = (
        f"{where(blocks)}, {span_of(blocks, rows)}: {things(int(kept.sum()), 'block')} of {HORIZON} forecasts of "
        f"{chosen}. Squared error {amount(errors[0])} {unit}, of the last close "
        f"{amount(errors[1])} {unit}."
    )
    near = (
        f"{where(blocks)}. {chosen}. {pictures.choose_blocks(blocks).size} of {things(blocks.held_back, 'block')}, "
        "evenly spaced, not chosen by eye. Under each the root of the mean squared error over its 16 steps."
    )
    shown = blocks.close[int(blocks.validation.starts[kept][0]) : int(rows[-1]) + 1]
    network, copy = (percent(ratio_of(math.sqrt(error), float(np.ptp(shown)))) for error in errors)
    return Chapter(
        title="The plot that convinced readers",
        text=(
            "From far away a dot lies on the line wherever its error is small beside what the price does over the "
            f"whole picture. The network's usual error (the root of its mean square) is {network} of the range that "
            f"is drawn, that of a flat copy of the last close {copy}.",
            f"Only {HORIZON} of every {BLOCK} candles are forecast at all, {percent(HORIZON / BLOCK)} of the time. The "
            f"article calls this a 16-minute basis; it is {HORIZON} candles.",
        ),
        exhibits=(
            make_picture(
                "result-plot",
                "The result plot of the article",
                caption,
                partial(pictures.draw_result, blocks, said, HEADLINE),
                side="faithful",
                repeats=RESULT_PLOT,
            ),
            make_picture(
                "result-near",
                "The same forecasts from near",
                near,
                partial(pictures.draw_blocks, blocks, said),
                repeats=LATER_PLOT,
            ),
        ),
    )


def answers_of(found: Found, published: Published) -> list[Answer]:
    """Every sentence with its answer."""
    own = published.runs.filter(pl.col("name") == HEADLINE)
    losses = tuple(float(own[name].median()) for name in ("loss", "validation_loss"))  # type: ignore[arg-type]
    level = level_sentence(*level_effect(found.blocks), own=losses)  # type: ignore[arg-type]
    return [*answer_all(published.runs, found.blocks, found.persistence), level]


def tell_sentences(found: Found, published: Published) -> Chapter:
    """What the article says, and what is left of it."""
    answers, seeds = answers_of(found, published), published.runs["seed"].n_unique()
    table = pl.DataFrame(
        {
            "the article says": [one.sentence for one in answers],
            "here": [one.answer for one in answers],
            "because": [one.because for one in answers],
        }
    )
    enough = fewest_seeds()
    few = "" if seeds >= enough else f" With fewer than {enough} seeds no such test can be significant."
    tests = pl.concat([one.tests for one in answers if "p_holm" in one.tests.columns])
    tests = tests.rename({"ratio": "median ratio", "seeds": "pairs", "p_holm": "Holm p", "wins": "lower in"})
    return Chapter(
        title="Its sentences, one by one",
        text=(
            f"The article compares single runs. Here {seeds} seeds of each network meet seed by seed (Wilcoxon's "
            f"signed ranks on the logarithm of the ratio of their errors, Holm's adjustment within a sentence).{few}",
        ),
        exhibits=(
            Sheet(
                "sentences",
                "What the article says, and what is left of it",
                held_back(found.blocks) + ".",
                table,
            ),
            Sheet(
                "sentence-tests",
                "The tests behind the answers",
                "Median ratio: of the first named over the second, error or seconds; below 1 is less. "
                "Pairs: seeds, or epochs where seconds are compared.",
                tests,
            ),
        ),
    )


def tell_copies(found: Found) -> Chapter:
    """Why the article's baseline was so easy to beat."""
    blocks = found.blocks
    table = compare_copies(blocks, found.every_start).with_columns(theory=pl.lit(MEMORYLESS_RATIO))
    views = compare_views(found.every_start, block_copy=TABLE["block copy"].error)
    ratio = dict(zip(table["cut"], table["ratio"], strict=True))
    unit = pictures.square_of(blocks)
    leaky = [TABLE[f"{name} LeakyReLU"].error for name in views["network"]]
    views = views.rename({"scaled": OF_ARTICLE}).with_columns(pl.Series(WITH_LEAKY, leaky))
    below = views.filter(pl.col(WITH_LEAKY) < pl.col(OF_ARTICLE).fill_nan(None)).height
    low, high = ratios_of_walks(len(blocks))
    named = {"persistence": f"last close, {unit}", "block copy": f"block copy, {unit}"}
    return Chapter(
        title="A baseline twice as bad as it should be",
        text=(
            f"The article's lag baseline forecasts step k with the close {HORIZON} candles before it. Every one of its "
            f"forecasts is {HORIZON} candles old. Repeating the last close is 1 to {HORIZON} candles old, {COPY_AGE:g} "
            "on average.",
            f"For a price without memory the squared error is then {HORIZON} / {COPY_AGE:g} = {MEMORYLESS_RATIO:.2f} "
            f"times as large. Over every start of this market it is {spell_times(ratio['every start'])}, over its "
            f"blocks {spell_times(ratio['blocks'])}. On {things(len(blocks), 'block')} a pure random walk gives "
            f"{low:.2f} to {high:.2f} in 95 of 100 cases: what lies between may be chance.",
        ),
        exhibits=(
            Sheet(
                "copies", "The article's lag baseline against the last close", where(blocks) + ".", table.rename(named)
            ),
            Sheet(
                "view-copies",
                "The best that a CNN could copy",
                f"{where(blocks)}, {things(len(found.every_start), 'window')}. Ratio: squared error of copying the "
                "newest close that each step sees, over that of the block copy; applied to the article's "
                f"{TABLE['block copy'].error:,.0f} USD\u00b2. Of the published errors {below} of {views.height} "
                "are below that of such a copy.",
                views,
            ),
        ),
    )
