"""The chapters of the fair test, and of the walk-forward."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from coincast.articles.drawn import make_picture
from coincast.articles.huang import pictures_study
from coincast.articles.huang.chapters import where
from coincast.articles.huang.fair import ENSEMBLE
from coincast.articles.huang.found import Fair, Found
from coincast.reports.numbers import interval_name, percent, things
from coincast.reports.palette import Palette
from coincast.reports.pictures_models import draw_skill
from coincast.reports.story import Story
from coincast.reports.study import Chapter, Picture, Sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def tell_fair(found: Found, fair: Fair) -> list[Chapter]:
    """The fair test, and the walk-forward."""
    told, judged = fair.told, fair.judgement
    named = told.choice + (
        ENSEMBLE if told.forecasts.filter(pl.col("model") == told.choice)["run"].n_unique() > 1 else ""
    )
    sentence = next(one.sentence for one in judged.models if one.model == named)
    board = judged.leaderboard.select("model", "value", "naive", "skill", "low", "high", "p_holm", "verdict", "n")
    board = board.with_columns(pl.col("value", "naive", "skill", "low", "high") * 100).rename(
        {
            "value": "error, %",
            "naive": "last close, %",
            "skill": "skill, %",
            "low": "low, %",
            "high": "high, %",
            "p_holm": "Holm p",
        }
    )
    choices = ", ".join(f"{name} {loss:.4f}" for name, loss in told.validation.items())
    story = Story(title="", command="", scores=judged.scores, forecasts=judged.forecasts).sections()[0]
    origins = told.forecasts.filter(pl.col("model") == "naive")["origin"]
    span = f"{origins[0]:%Y-%m-%d} to {origins[-1]:%Y-%m-%d}"
    picture = Picture(
        "fair-skill",
        "Skill of every model, the last close at zero",
        f"{where(found.blocks)}, {span}: {things(origins.n_unique(), 'origin')}, 16 steps each, so that every candle "
        "is forecast once.",
        lambda theme: _draw_skill(story, theme),
        side="fair",
    )
    chapter = Chapter(
        title="The same question, asked fairly",
        text=(
            "The networks now read log returns and say the return to each of the next 16 closes. Scales come from "
            "training rows. The epoch is chosen on a validation part of its own. The CNN sees the newest candle. The "
            "test span is the article's held-back span, and each of its candles is forecast once, from 1 to 16 "
            "candles ahead.",
            f"By validation loss ({choices}) the {told.choice.upper()} is chosen. {sentence}",
        ),
        exhibits=(
            picture,
            Sheet(
                "fair-board",
                "What each is worth",
                f"{picture.caption} Error: |ln(forecast / price)|, mean over the 16 steps.",
                board,
                "fair",
            ),
        ),
    )
    return [chapter, *_tell_months(found, fair)]


def _tell_months(found: Found, fair: Fair) -> list[Chapter]:
    if fair.months is None or fair.walked is None:
        return []
    months, inputs = fair.months, fair.samples.inputs.shape[1]
    skill = months["skill, %"].to_numpy() / 100
    ahead = int((skill > 0).sum())
    length = f"{things(fair.month, 'candle')} of {interval_name(found.blocks.interval)}"
    caption = (
        f"{where(found.blocks)}, {things(months.height, 'partition')}, "
        f"{things(int(months['origins'].sum()), 'origin')} of 16 steps; {fair.walked.choice.upper()}, returns of "
        f"{things(inputs, 'market')} as inputs. A month is {length}."
    )
    return [
        Chapter(
            title="Walking forward, as the repository does",
            text=(
                "The repository also walks forward: four months to learn from, one to choose the epoch, then on by "
                "one, several coins as inputs. It scores the month that chose the epoch. Here the month after it is "
                "scored, and scales are fitted on the four.",
                f"In {ahead} of {months.height} months the network is ahead of the last close; the mean skill is "
                f"{percent(float(np.mean(skill)), signed=True)}.",
            ),
            exhibits=(
                make_picture(
                    "months",
                    "Walking forward, month after month",
                    f"{caption} Above zero: error of the last close that is saved.",
                    partial(pictures_study.draw_months, months),
                    side="fair",
                ),
                Sheet("months-table", "Month after month", caption, months, "fair"),
            ),
        )
    ]


def _draw_skill(story: Story, theme: Palette) -> Figure:
    figure = draw_skill(story, theme=theme)
    assert figure is not None
    return figure
