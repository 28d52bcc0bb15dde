"""All that the study finds on one market, before it is told; whatever takes time is kept by the bench."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from coincast.articles.bench import Bench
from coincast.articles.huang.blocks import Blocks, Floats, make_blocks
from coincast.articles.huang.combinations import Searched, SearchPlan, search_all
from coincast.articles.huang.data_file import pass_through_file
from coincast.articles.huang.fair import (
    FairPlan,
    Fit,
    Told,
    fair_networks,
    make_fair_samples,
    split_fairly,
    tell_fairly,
)
from coincast.articles.huang.fair_forecasts import rivals, share_taken_back, squared_errors
from coincast.articles.huang.opponents import copy_last, forecast_blocks, noisy_errors, squared_error
from coincast.articles.huang.published import HEADLINE, LOOKBACK, REPEATS
from coincast.articles.huang.regularisers import NONE, StudyPlan, run_study
from coincast.articles.huang.sentences import errors_of
from coincast.articles.huang.training import Plan, train_all
from coincast.articles.huang.walk_forward import Walk, list_partitions, make_walk
from coincast.articles.rivals import compare_with_rivals, list_steps
from coincast.forecasts.combine import ENSEMBLE
from coincast.samples.samples import Samples
from coincast.samples.windows import find_stretches

if TYPE_CHECKING:
    from coincast.experiments.judge import Judgement, ModelJudgement

FEW_BLOCKS = 16
"""Training blocks of a first look."""
FEW_PARTITIONS = 2
"""Partitions of the walk-forward of a first look."""
USUAL_BLOCKS = 100
"""Training blocks up to which the study of penalties has all of its repeats in half an hour."""
FEWEST_REPEATS = 5
FIRST_SEARCH = SearchPlan((NONE, "L2 0.01"), 1, 2, 1, last=8, last_repeats=1, blocks=FEW_BLOCKS)
"""A few combinations of penalties, for a first look."""


@dataclass(frozen=True)
class Published:
    """What was repeated in the article's way.

    Attributes:
        runs: of the ten networks (`train_all`).
        errors: squared errors of the opponents on the validation blocks.
        noisy: squared errors of the noisy copy by seed.
        study: raw scores of the study of penalties.
        repeats: of it.
        pace: seconds of one epoch of one of its runs.
        searched: the combinations of penalties; None where they were left out, as they are where the validation
            blocks have no two halves.
    """

    runs: pl.DataFrame = field(repr=False)
    errors: dict[str, float]
    noisy: Floats
    study: pl.DataFrame = field(repr=False)
    repeats: int
    pace: float
    searched: Searched | None = None

    @property
    def headline(self) -> float:
        """Median squared error of the article's best network."""
        return float(np.median(errors_of(self.runs, HEADLINE)))

    @property
    def ahead(self) -> int:
        """Runs of the ten networks with a smaller error than repeating the last close."""
        return int((self.runs["error"] < self.errors["persistence"]).sum())


@dataclass(frozen=True)
class Asked:
    """The fair questions made ready: whatever candles do not allow is refused before anything is trained.

    Attributes:
        samples: returns of the market as inputs and targets.
        plan: how large.
        fit: the split at the article's held-back span.
        walk: the walk-forward.
    """

    samples: Samples = field(repr=False)
    plan: FairPlan
    fit: Fit
    walk: Walk


@dataclass(frozen=True)
class Fair:
    """What was found fairly.

    Attributes:
        told: forecasts of the test part.
        judgement: of them.
        walk: the walk-forward.
        months: partitions of it with the skill of each; None where it has none.
        walk_seconds: that its networks were trained for.
        same_blocks: squared error on the article's validation blocks, of the network and of the last close.
        rivals: the network beside autoregressions (`compare_with_rivals`).
        steps: skill of the network and of the best of them at each step (`list_steps`).
        taken_back: share of a move that the next 16 candles take back, on the training rows, and its interval.
    """

    told: Told
    judgement: Judgement = field(repr=False)
    walk: Walk
    months: pl.DataFrame | None
    walk_seconds: float
    same_blocks: tuple[float, float] | None
    rivals: pl.DataFrame
    steps: pl.DataFrame = field(repr=False)
    taken_back: tuple[float, float, float]

    def judged(self, model: str) -> ModelJudgement:
        """What the judge says of a model: of its ensemble, where it has several runs."""
        judged = {one.model: one for one in self.judgement.models}
        return judged.get(model + ENSEMBLE) or judged[model]

    @property
    def choice(self) -> ModelJudgement:
        """What the judge says of the network that validation chose."""
        return self.judged(self.told.choice)

    @property
    def skill(self) -> float:
        """Of that network; NaN where the price never moves, which reports write as a dash."""
        return math.nan if self.choice.skill is None else self.choice.skill


@dataclass(frozen=True)
class Found:
    """All of it.

    Attributes:
        candles: of the market.
        blocks, every_start: the article's cut, and the sliding one.
        gaps: holes between candles.
        persistence: squared error of the last close on the validation blocks.
        published, fair: None where they were not asked for.
        data_file: a sentence on the file that the faithful networks learn from; empty where there are none.
    """

    candles: pl.DataFrame = field(repr=False)
    blocks: Blocks
    every_start: Blocks = field(repr=False)
    gaps: int
    persistence: float
    published: Published | None
    fair: Fair | None
    data_file: str


def find_all(bench: Bench) -> Found:
    """Do the whole work of the study on the first market of the bench.

    Raises:
        TooFewRowsError: candles for fewer than two blocks of 272, or without a window in a part of the fair test.
        ColumnError: a price that never moves.
        CandleError: a further market without a candle in common.
    """
    market = bench.candles["market"][0]
    candles = bench.candles.filter(pl.col("market") == market)
    blocks, data_file = make_blocks(candles), ""
    asked = ask_fairly(bench, candles, blocks) if bench.fair else None
    if bench.faithful:
        blocks, data_file = pass_through_file(bench, blocks)
    past, future = blocks.pieces(blocks.validation)
    return Found(
        candles=candles,
        blocks=blocks,
        every_start=make_blocks(candles, sliding=True),
        gaps=len(find_stretches(blocks.open_time, blocks.close_time)) - 1,
        persistence=squared_error(copy_last(past), future),
        published=find_published(bench, blocks) if bench.faithful else None,
        fair=None if asked is None else find_fair(bench, asked, blocks),
        data_file=data_file,
    )


def find_published(bench: Bench, blocks: Blocks) -> Published:
    """The table, the study of penalties and the combinations, which the usual size leaves out."""
    plan = bench.pick(Plan(2, 2, FEW_BLOCKS), Plan())
    study_plan = bench.pick(
        StudyPlan(2, 2, FEW_BLOCKS), StudyPlan(repeats=count_repeats(blocks.learnt)), StudyPlan(repeats=REPEATS)
    )
    runs = train_all(bench, blocks, plan)
    study = run_study(bench, blocks, study_plan)
    pace = float(study["seconds"].sum()) / (study.height * study_plan.epochs)
    search = bench.pick(FIRST_SEARCH, None, SearchPlan()) if blocks.has_halves else None
    _, future = blocks.pieces(blocks.validation)
    return Published(
        runs=runs,
        errors={name: squared_error(said, future) for name, said in forecast_blocks(blocks).items()},
        noisy=noisy_errors(blocks, seeds=REPEATS),
        study=study,
        repeats=study_plan.repeats,
        pace=pace,
        searched=None if search is None else search_all(bench, blocks, search, pace=pace),
    )


def count_repeats(learnt: int) -> int:
    """Repeats of the study: the article's, fewer where there are so many training blocks that it would take hours."""
    return max(FEWEST_REPEATS, min(REPEATS, REPEATS * USUAL_BLOCKS // learnt))


def ask_fairly(bench: Bench, candles: pl.DataFrame, blocks: Blocks) -> Asked:
    """Make ready the fair test on the span of the validation blocks, and the walk-forward.

    Args:
        bench: its further markets are inputs of the walk-forward, and of nothing else.
        candles: of the market of the study.
        blocks: the article's.

    Raises:
        TooFewRowsError: a part of the fair test without a window.
        ColumnError: the price never moves in its training rows.
        CandleError: a further market without a candle in common.
    """
    plan = bench.pick(FairPlan(2, 2, 2, 64), FairPlan(), FairPlan(10, 100, 10, 4000))
    samples = make_fair_samples(candles, blocks.market)
    # From the first target of the validation blocks on, so that each of them is among what is forecast.
    border = blocks.open_time[blocks.validation.starts[0] + LOOKBACK]
    first_test = int(np.searchsorted(samples.open_time, border))
    fit = Fit.make(samples, split_fairly(len(samples.close), first_test), plan)
    of_walk = bench.pick(FairPlan(1, 2, 2, 64), FairPlan(3, 40, 5, 1000), FairPlan(10, 50, 10, 4000))
    networks = fair_networks()
    cheapest = {"cnn": networks["cnn"]}
    walk = make_walk(
        make_fair_samples(bench.candles, blocks.market),
        bench.pick(cheapest, cheapest, networks),
        of_walk,
        most=FEW_PARTITIONS if bench.is_quick else None,
    )
    return Asked(samples, plan, fit, walk)


def find_fair(bench: Bench, asked: Asked, blocks: Blocks) -> Fair:
    """Answer the fair questions."""
    from coincast.experiments.judge import judge

    [told] = tell_fairly(bench, "fair", asked.samples, [asked.fit], fair_networks(), asked.plan)
    walked = asked.walk.tell(bench) if asked.walk.fits else []
    judgement = judge(told.forecasts)
    # Beside a last close that makes no error a skill is no number, and is written as a dash.
    compared = compare_with_rivals(judgement.forecasts, told.choice, list(rivals()))
    return Fair(
        told=told,
        judgement=judgement,
        walk=asked.walk,
        months=list_partitions(walked) if walked else None,
        walk_seconds=sum(one.seconds for one in walked),
        same_blocks=_on_blocks(told, blocks),
        rivals=compared,
        steps=list_steps(judgement.scores, [told.choice, compared["rival"][0]]),
        taken_back=share_taken_back(asked.samples, told.parts.train),
    )


def _on_blocks(told: Told, blocks: Blocks) -> tuple[float, float] | None:
    """Errors on the very targets of the validation blocks; None where a gap leaves some of them out."""
    origins = blocks.close_time[blocks.validation.origin_rows]
    own = told.forecasts.filter(pl.col("origin").dt.epoch("ms").is_in(origins.tolist()))
    if own.filter(pl.col("model") == told.choice)["origin"].n_unique() < len(origins):
        return None
    return squared_errors(own, told.choice)
