"""All that the study finds on one market, before it is told; whatever takes time is kept by the bench."""

from __future__ import annotations

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
from coincast.articles.huang.walk_forward import LEARNT, list_partitions, make_partitions, month_of
from coincast.articles.rivals import compare_with_rivals, list_steps
from coincast.forecasts.combine import ENSEMBLE
from coincast.samples.samples import Samples
from coincast.samples.windows import find_stretches

if TYPE_CHECKING:
    from coincast.experiments.judge import Judgement, ModelJudgement

FEW_BLOCKS = 16
"""Training blocks of a first look."""
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
        searched: the combinations of penalties; None where they were left out.
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
class Fair:
    """What was found fairly.

    Attributes:
        samples: returns as inputs and targets.
        told: forecasts of the test part.
        judgement: of them.
        months: partitions of the walk-forward with the skill of each; None where the market is too short.
        month: candles of one.
        walked: forecasts behind it.
        same_blocks: squared error on the article's validation blocks, of the network and of the last close.
        rivals: the network beside autoregressions (`compare_with_rivals`).
        steps: skill of the network and of the best of them at each step (`list_steps`).
        taken_back: share of a move that the next 16 candles take back, on the training rows, and its interval.
    """

    samples: Samples = field(repr=False)
    told: Told
    judgement: Judgement = field(repr=False)
    months: pl.DataFrame | None
    month: int
    walked: Told | None
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
    """Do the whole work of the study on the first market of the bench."""
    market = bench.candles["market"][0]
    candles = bench.candles.filter(pl.col("market") == market)
    blocks, data_file = make_blocks(candles), ""
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
        fair=find_fair(bench, blocks) if bench.fair else None,
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
    search = bench.pick(FIRST_SEARCH, None, SearchPlan())
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


def find_fair(bench: Bench, blocks: Blocks) -> Fair:
    """The fair test on the span of the validation blocks, and the walk-forward."""
    from coincast.experiments.judge import judge

    plan = bench.pick(FairPlan(2, 2, 2, 64), FairPlan(), FairPlan(10, 100, 10, 4000))
    samples = make_fair_samples(bench.candles, blocks.market)
    # From the first target of the validation blocks on, so that each of them is among what is forecast.
    border = blocks.open_time[blocks.validation.starts[0] + LOOKBACK]
    first_test = int(np.searchsorted(samples.open_time, border))
    parts = split_fairly(len(samples.close), first_test)
    told = tell_fairly(bench, "fair", samples, [parts], fair_networks(), plan)
    months, walked = _walk(bench, samples)
    judgement = judge(told.forecasts)
    compared = compare_with_rivals(judgement.forecasts, told.choice, list(rivals()))
    return Fair(
        samples=samples,
        told=told,
        judgement=judgement,
        months=months,
        month=month_of(len(samples.close)),
        walked=walked,
        same_blocks=_on_blocks(told, blocks),
        rivals=compared,
        steps=list_steps(judgement.scores, [told.choice, compared["rival"][0]]),
        taken_back=share_taken_back(samples, parts.train),
    )


def _walk(bench: Bench, samples: Samples) -> tuple[pl.DataFrame | None, Told | None]:
    """The months of the walk-forward, all trained as one set of runs, and the forecasts behind them.

    None where four months are too short for two windows.
    """
    rows = len(samples.close)
    if LEARNT * month_of(rows) < 2 * LOOKBACK:
        return None, None
    plan = bench.pick(FairPlan(1, 2, 2, 64), FairPlan(3, 40, 5, 1000), FairPlan(10, 50, 10, 4000))
    networks = fair_networks()
    cheapest = {"cnn": networks["cnn"]}
    partitions = make_partitions(rows)
    partitions = partitions[-bench.pick(2, len(partitions)) :]
    walked = tell_fairly(bench, "walk-forward", samples, partitions, bench.pick(cheapest, cheapest, networks), plan)
    return list_partitions(samples, walked, partitions), walked


def _on_blocks(told: Told, blocks: Blocks) -> tuple[float, float] | None:
    """Errors on the very targets of the validation blocks; None where a gap leaves some of them out."""
    origins = blocks.close_time[blocks.validation.origin_rows]
    own = told.forecasts.filter(pl.col("origin").dt.epoch("ms").is_in(origins.tolist()))
    if own.filter(pl.col("model") == told.choice)["origin"].n_unique() < len(origins):
        return None
    return squared_errors(own, told.choice)
