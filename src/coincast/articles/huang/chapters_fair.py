"""The chapters of the fair test, and of the walk-forward."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from coincast.articles.drawn import make_picture
from coincast.articles.huang import pictures_fair
from coincast.articles.huang.about import OTHERS
from coincast.articles.huang.chapters import where
from coincast.articles.huang.fair import Told
from coincast.articles.huang.fair_forecasts import MOVE
from coincast.articles.huang.found import Fair, Found
from coincast.articles.huang.opponents import ratio_of
from coincast.articles.huang.published import HORIZON, LOOKBACK, WALK_EPOCHS, WALK_PATIENCE, WALK_TEST
from coincast.articles.huang.walk_forward import Walk
from coincast.articles.remains import join_words
from coincast.articles.rivals import say_beside_rival
from coincast.reports.numbers import interval_name, model_name, percent, skill_span, things
from coincast.reports.palette import Palette
from coincast.reports.pictures_models import draw_skill
from coincast.reports.story import Story
from coincast.reports.study import Chapter, Picture, Sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PERCENTAGES = {"value": "error, %", "naive": "last close, %", "skill": "skill, %", "low": "low, %", "high": "high, %"}


def tell_fair(found: Found, fair: Fair) -> list[Chapter]:
    """The fair test, what its answer is made of, and the walk-forward."""
    return [_tell_test(found, fair), _tell_rivals(found, fair), *_tell_months(found, fair)]


def _span(found: Found, fair: Fair) -> str:
    """What is judged, as captions begin."""
    origins = fair.told.forecasts.filter(pl.col("model") == "naive")["origin"]
    return (
        f"{where(found.blocks)}, {origins[0]:%Y-%m-%d} to {origins[-1]:%Y-%m-%d}: "
        f"{things(origins.n_unique(), 'origin')}, {HORIZON} steps each, so that {_tell_reach(fair.told)}."
    )


def _tell_reach(told: Told) -> str:
    """Which candles of the test part are forecast."""
    if told.is_whole:
        return "every candle is forecast once"
    return f"no candle is forecast twice; behind a gap none is until {LOOKBACK} candles are there to be read"


def _tell_test(found: Found, fair: Fair) -> Chapter:
    told, judged, caption = fair.told, fair.judgement, _span(found, fair)
    sentence = next(one.sentence for one in judged.models if one.model == fair.choice.model)
    board = judged.leaderboard.select("model", *PERCENTAGES, "p_holm", "verdict", "n")
    board = board.with_columns(pl.col(*PERCENTAGES) * 100).rename({**PERCENTAGES, "p_holm": "Holm p"})
    choices = ", ".join(f"{name} {loss:.4f}" for name, loss in told.validation.items())
    story = Story(title="", command="", scores=judged.scores, forecasts=judged.forecasts).sections()[0]
    title = "Skill of every model, the last close at zero"
    picture = Picture("fair-skill", title, caption, partial(_draw_skill, story), side="fair")
    return Chapter(
        title="The same question, asked fairly",
        text=(
            f"The networks now read log returns and say the return to each of the next {HORIZON} closes. Scales come "
            "from training rows. The epoch is chosen on a validation part of its own. The CNN sees the newest candle. "
            f"The test span is the article's held-back span, forecast from 1 to {HORIZON} candles ahead, so that "
            f"{_tell_reach(told)}.",
            f"Each network learns from {things(told.learnt, 'window')}, evenly spaced over the "
            f"{things(len(told.parts.train), 'training candle')}; the autoregressions learn from all of these.",
            f"By validation loss ({choices}) the {told.choice.upper()} is chosen. {sentence}",
        ),
        exhibits=(
            *([] if math.isnan(fair.skill) else [picture]),
            Sheet(
                "fair-board",
                "What each is worth",
                f"{caption} Error: |ln(forecast / price)|, mean over the {HORIZON} steps.",
                board,
                "fair",
            ),
        ),
    )


def _tell_rivals(found: Found, fair: Fair) -> Chapter:
    """Whether the network is more than an autoregression, and at which steps it has its skill."""
    name, caption = fair.told.choice.upper(), _span(found, fair)
    table = fair.rivals.with_columns(pl.col("loss", "rival_skill", "skill", "low", "high") * 100)
    renamed = {
        "rival": "autoregression",
        "loss": "its error, %",
        "rival_skill": "its skill, %",
        "skill": f"{name} beside it, %",
        "low": "low, %",
        "high": "high, %",
        "p_holm": "Holm p",
        "verdict": f"{name} is",
    }
    return Chapter(
        title=f"Is the {name} more than an autoregression?",
        text=(
            say_beside_rival(name, fair.skill, fair.rivals),
            _tell_steps(fair),
            *filter(None, [_tell_taken_back(fair)]),
        ),
        exhibits=(
            make_picture(
                "fair-steps",
                f"Skill at each step: {name} and {model_name(fair.rivals['rival'][0])}",
                f"{caption} Area: 95 % interval of the {name}, each step by itself.",
                partial(pictures_fair.draw_steps, fair.steps),
                side="fair",
            ),
            Sheet(
                "fair-rivals",
                f"The {name} beside autoregressions",
                f"{caption} Each is fitted on all training rows, the {name} on {things(fair.told.learnt, 'window')} of "
                "them; the robust one cuts large returns. The decisive test, with the autoregression in place of the "
                "last close; the best of them is the best on this very span, which favours it.",
                table.rename(renamed),
                "fair",
            ),
            Sheet(
                "fair-steps-table",
                "Step by step",
                f"{caption} Holm's adjustment over both models and all steps.",
                fair.steps.with_columns(pl.col("skill", "low", "high") * 100).rename(
                    {"skill": "skill, %", "low": "low, %", "high": "high, %", "p_holm": "Holm p"}
                ),
                "fair",
            ),
        ),
    )


def _tell_steps(fair: Fair) -> str:
    own = fair.steps.filter(pl.col("model") == fair.told.choice)
    better = own.filter(pl.col("verdict") == "better").height
    board = fair.judgement.leaderboard.filter(pl.col("model") == fair.choice.model)
    return (
        f"At the first step it saves {percent(own['skill'][0], signed=True)}, at the last one "
        f"{percent(own['skill'][-1], signed=True)}; {better} of {own.height} steps are better by themselves. Over all "
        f"steps that is {percent(fair.skill * board['naive'][0], signed=True, digits=4)} of the price."
    )


def _tell_taken_back(fair: Fair) -> str:
    """What there is to be learnt from the last closes: whether moves are taken back."""
    share, low, high = fair.taken_back
    if not math.isfinite(share):
        return ""
    done = "was taken back" if share > 0 else "was added to it"
    ends = skill_span(*sorted((low, high) if share > 0 else (-low, -high)))
    told = (
        f"On the training rows {percent(abs(share))} of a move of {MOVE} candles {done} in the next {HORIZON} "
        f"(95 % interval {ends} %)"
    )
    if low <= 0 <= high:
        return f"{told}, which may be chance."
    way = "fell back a little after a move" if share > 0 else "went on a little after a move"
    return f"{told}. Prices {way}, which an autoregression can learn as well as a network."


def _tell_months(found: Found, fair: Fair) -> list[Chapter]:
    if fair.months is None:
        return []
    months, walk = fair.months, fair.walk
    inputs = len(walk.samples.names)
    skill = months["skill, %"].to_numpy() / 100
    known = skill[np.isfinite(skill)]
    ahead = int((known > 0).sum())
    length = f"{things(walk.month, 'candle')} of {interval_name(found.blocks.interval)}"
    caption = (
        f"{where(found.blocks)}, {things(months.height, 'partition')}, "
        f"{things(int(months['origins'].sum()), 'origin')} of {HORIZON} steps; {_tell_networks(walk)}, returns of "
        f"{things(inputs, 'market')} as inputs. A month is {length}."
    )
    names = join_words([name.partition(" ")[0] for name in walk.samples.names])
    coins = (
        f"Here are candles of {things(inputs, 'coin')}: {names}"
        if inputs > 1
        else "Here are candles of one coin, so that its own returns are the only input"
    )
    plan = walk.plan
    return [
        Chapter(
            title="Walking forward, as the repository does",
            text=(
                "The repository also walks forward: four months to learn from, one to choose the epoch and to score, "
                f"then on by one; the {WALK_TEST:,} windows behind the last of these months are its test. Here each "
                "partition is scored on the month behind it, which chose nothing, and its scales are fitted on the "
                f"four. The repository's inputs are several coins, {join_words(['BTC', *OTHERS])}. {coins}.",
                "Not repeated are its prices as inputs and targets, scaled over all rows, the pooling and the "
                f"LeakyReLU behind its recurrent layers, and its {WALK_EPOCHS} epochs with a patience of "
                f"{WALK_PATIENCE} on every window: here are the networks of the fair test, at most "
                f"{things(plan.epochs, 'epoch')} with a patience of {plan.patience}, {things(plan.seeds, 'seed')}, and "
                f"at most {things(plan.windows, 'window')} of a partition.",
                f"In {ahead} of {months.height} months the network is ahead of the last close; the mean skill is "
                f"{percent(ratio_of(float(known.sum()), known.size), signed=True)}.",
            ),
            exhibits=(
                make_picture(
                    "months",
                    "Walking forward, month after month",
                    f"{caption} Above zero: error of the last close that is saved.",
                    partial(pictures_fair.draw_months, months),
                    side="fair",
                ),
                Sheet("months-table", "Month after month", caption, months, "fair"),
            ),
        )
    ]


def _tell_networks(walk: Walk) -> str:
    """Which network forecasts a month."""
    names = [name.upper() for name in walk.networks]
    return names[0] if len(names) == 1 else f"of {join_words(names)} the one that is best in the month before"


def _draw_skill(story: Story, theme: Palette) -> Figure:
    figure = draw_skill(story, theme=theme)
    assert figure is not None
    return figure
