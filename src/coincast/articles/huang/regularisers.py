"""The regulariser study: four terms, nine settings, thirty repeats, as sets of runs whose raw scores are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from coincast.articles.bench import Bench
from coincast.articles.huang.blocks import Blocks, Floats
from coincast.articles.huang.comparisons import describe_scores, give_word, rank_test, welch
from coincast.articles.huang.published import (
    ACTIVITY_SUMMED,
    BATCH_SIZE,
    COLUMNS,
    LOOKBACK,
    REPEATS,
    STRENGTHS,
    STUDY_EPOCHS,
    published_table,
)
from coincast.scores.significance import adjust_holm

if TYPE_CHECKING:
    from coincast.training.runs import TrainingRun

TERMS = ("bias", "kernel", "recurrent", "activity")
"""What is penalised, in the order of the study; the article shows the first one."""
NONE = "none"
SETTINGS = {NONE: (0.0, 0.0)} | {
    f"L{norm} {strength:g}": ((strength, 0.0) if norm == 1 else (0.0, strength))
    for norm in (1, 2)
    for strength in STRENGTHS
}
"""Name -> strengths of L1 and of L2."""
SCORES = ("error", "first_half", "second_half", "seconds")
"""Columns of a raw score: squared errors of the validation blocks and of their halves, and what the run took."""
AS_BAD = 0.9
"""A run is as bad as a constant where its error is this share of a constant's, or more."""
AS_BAD_RUNS = "as bad as a constant"
CONTROL = "control's median"
BEYOND = 1_000_000
"""Seeds of one term begin so far behind those of the one before: its runs are none of the other's."""


@dataclass(frozen=True)
class StudyPlan:
    """How large the study is.

    Attributes:
        repeats, epochs: of every setting, and of every training; as published unless given.
        blocks: newest training blocks that are learnt from; None: all.
    """

    repeats: int = REPEATS
    epochs: int = STUDY_EPOCHS
    blocks: int | None = None


def article_label(setting: str) -> str:
    """A setting as the article's files write it: `l1 0.1000,l2 0.0000`."""
    first, second = SETTINGS[setting]
    return f"l1 {first:.4f},l2 {second:.4f}"


def run_study(bench: Bench, blocks: Blocks, plan: StudyPlan) -> pl.DataFrame:
    """The raw score of every repeat: `term, setting, repeat, error, first_half, second_half`, and `seconds`.

    Errors are squares of the price: of the validation blocks, as published, and of their first and second half, so that
    a setting can be chosen on the one and looked at on the other; of a single block both are that block. `seconds` are
    those of the set of runs, shared out among them. Each term is a set of runs and a table of its own: what is
    interrupted goes on from its last state, and no score is any different.
    """
    own, tables = blocks.newest(plan.blocks), []
    for place, term in enumerate(TERMS):
        name = f"regulariser-{term}"
        chosen = [{term: setting} for setting in SETTINGS]
        make = partial(score_settings, bench, name, own, chosen, plan.repeats, plan.epochs, first_seed=place * BEYOND)
        scores = bench.table(name, {"market": blocks.market, "term": term, **vars(plan)}, make)
        tables.append(scores.with_columns(term=pl.lit(term), setting=pl.col(term)))
    return pl.concat(tables).select("term", "setting", "repeat", *SCORES)


def score_settings(
    bench: Bench,
    name: str,
    blocks: Blocks,
    chosen: Sequence[dict[str, str]],
    repeats: int,
    epochs: int,
    *,
    first_seed: int = 0,
) -> pl.DataFrame:
    """Train settings, each so many times, and score every run on the validation blocks.

    Args:
        bench: keeps what is unfinished.
        name: of the training.
        blocks: to learn from.
        chosen: for each setting the name in `SETTINGS` of every term that is penalised.
        repeats: seeds of each setting.
        epochs: after which the weights are taken as they are: no validation, no best epoch.
        first_seed: of the first repeat.

    Returns:
        A row for each setting and repeat: one column for each of `TERMS`, `repeat`, and `SCORES`.
    """
    runs = make_runs(blocks, chosen, repeats, epochs, first_seed=first_seed)
    trained = bench.train(name, runs, lookback=LOOKBACK)
    span, starts = runs[0].spans[0], blocks.validation.starts
    outputs = trained.predict([span.inputs] * len(runs), [span.scale] * len(runs), [starts] * len(runs))
    _, future = blocks.pieces(blocks.validation)
    rows: list[dict[str, Any]] = []
    for number, output in enumerate(outputs):
        squares = ((blocks.unscale(trained.point(output)) - future) ** 2).mean(axis=1)
        squares[~np.isfinite(squares)] = np.inf  # a run that failed is worse than any other
        half = squares.size // 2
        parts = (squares, squares[:half], squares[half:]) if half else (squares,) * 3
        rows.append(
            {
                **dict.fromkeys(TERMS, NONE),
                **chosen[number // repeats],
                "repeat": number % repeats,
                **{name: float(part.mean()) for name, part in zip(SCORES, parts, strict=False)},
                "seconds": trained.seconds / len(runs),
            }
        )
    return pl.DataFrame(rows)


def make_runs(
    blocks: Blocks, chosen: Sequence[dict[str, str]], repeats: int, epochs: int, *, first_seed: int = 0
) -> list[TrainingRun]:
    """The runs of some settings: the LSTM of cuDNN, a further tanh, dropout 0.2, LeakyReLU; no validation blocks.

    Repeats of two settings share their seeds, and so their first weights and the order of their blocks.
    """
    from coincast.models.lstm import LSTM
    from coincast.training.recipe import Recipe
    from coincast.training.runs import TrainingRun

    network = LSTM(units=50, dropout=0.2, after="tanh", output_activation="leaky_relu")
    recipe = Recipe(epochs=epochs, batch_size=BATCH_SIZE, loss="mse")
    span = blocks.span(validates=False)
    return [
        TrainingRun(network, replace(recipe, **strengths_of(names)), first_seed + repeat, (span,))
        for names in chosen
        for repeat in range(repeats)
    ]


def strengths_of(names: dict[str, str]) -> dict[str, Any]:
    """The penalties of a recipe for the named setting of each term."""
    strengths = {}
    for term, setting in names.items():
        times = ACTIVITY_SUMMED if term == "activity" else 1
        for norm, strength in zip(("l1", "l2"), SETTINGS[setting], strict=True):
            strengths[f"{norm}_{term}"] = strength * times
    return strengths


def scores_of(study: pl.DataFrame, term: str, setting: str, column: str = "error") -> Floats:
    """Raw scores of a setting, by repeat."""
    own = study.filter((pl.col("term") == term) & (pl.col("setting") == setting)).sort("repeat")
    return own[column].to_numpy()


def describe_term(study: pl.DataFrame, term: str) -> pl.DataFrame:
    """The article's describe() table of a term, derived from the raw scores; published mean, median and largest beside.

    Null where a figure was not published.
    """
    published = published_table(term)
    rows = []
    for setting in SETTINGS:
        known = dict(zip(COLUMNS, published.get(setting, (None,) * len(COLUMNS)), strict=True))
        rows.append(
            {
                "setting": setting,
                **describe_scores(scores_of(study, term, setting)),
                **{f"published {name}": known[name] for name in ("mean", "50 %", "max")},
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)


def describe_file(study: pl.DataFrame, term: str) -> pl.DataFrame:
    """The article's file of a term: eight rows of describe(), a column for each setting."""
    columns = {article_label(name): describe_scores(scores_of(study, term, name)) for name in SETTINGS}
    first = next(iter(columns.values()))
    return pl.DataFrame(
        {"statistic": list(first)} | {name: list(map(float, one.values())) for name, one in columns.items()}
    )


def compare_settings(study: pl.DataFrame) -> pl.DataFrame:
    """Every setting against the control of its term: Welch as published, ranks with Holm over all as the fair twin.

    `chance` is the probability that a run with the penalty has a smaller error than one without.
    """
    rows: list[dict[str, Any]] = []
    for term, setting in product(TERMS, list(SETTINGS)[1:]):
        own, control = scores_of(study, term, setting), scores_of(study, term, NONE)
        (t, p), (chance, p_rank) = welch(own, control), rank_test(own, control)
        rows.append(
            {
                "term": term,
                "setting": setting,
                "mean": float(own.mean()),
                "median": float(np.median(own)),
                "control's mean": float(control.mean()),
                CONTROL: float(np.median(control)),
                "Welch t": t,
                "Welch p": p,
                "chance": chance,
                "rank p": p_rank,
            }
        )
    held = adjust_holm(np.array([row["rank p"] for row in rows]))
    words = [give_word(row["chance"] > 0.5, float(p)) for row, p in zip(rows, held, strict=True)]
    return pl.DataFrame(rows).with_columns(pl.Series("Holm p", held), pl.Series("word", words))


def compare_controls(study: pl.DataFrame) -> pl.DataFrame:
    """The four controls are the same setting with other seeds: how far apart chance alone puts their means."""
    rows = [{"term": term, **describe_scores(scores_of(study, term, NONE))} for term in TERMS]
    return pl.DataFrame(rows).select("term", "count", "mean", "std", "50 %", "min", "max")


def choose_fairly(study: pl.DataFrame) -> pl.DataFrame:
    """For each term the setting with the least mean on the first half of the blocks, and what it scores on the second.

    As published the setting is chosen and praised on the same blocks. For validation blocks that have two halves.
    """
    rows = []
    for term in TERMS:
        means = {setting: float(scores_of(study, term, setting, "first_half").mean()) for setting in SETTINGS}
        best = min(means, key=lambda setting: means[setting])
        second = {name: scores_of(study, term, name, "second_half") for name in (best, NONE)}
        chance, p = rank_test(second[best], second[NONE])
        rows.append(
            {
                "term": term,
                "chosen on the first half": best,
                "its median on the second half": float(np.median(second[best])),
                "without a penalty": float(np.median(second[NONE])),
                "chance": chance,
                "rank p": p,
            }
        )
    return pl.DataFrame(rows)


def count_as_bad(study: pl.DataFrame, blocks: Blocks) -> pl.DataFrame:
    """Runs of each setting that are as bad as a constant, or worse: `term, setting, as bad as a constant, repeats`.

    A constant's error is that of the mean of the training blocks. Whether a run says a constant is not looked at, and
    one that does may still be better than that mean.
    """
    _, learnt = blocks.pieces(blocks.training)
    _, future = blocks.pieces(blocks.validation)
    constant = float(np.mean((future - learnt.mean()) ** 2))
    is_as_bad = pl.col("error") >= AS_BAD * constant
    return study.group_by("term", "setting", maintain_order=True).agg(
        is_as_bad.sum().alias(AS_BAD_RUNS), repeats=pl.len()
    )
