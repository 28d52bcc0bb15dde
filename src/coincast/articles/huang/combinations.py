"""What the article left open for lack of hardware: all pairs of penalties, and the grid of all four.

The grid has 9^4 = 6,561 settings. It is halved: all of them are trained a little, the better half a little more, and so
on, until ten are left, which are trained as in the study, thirty times each. Settings are chosen by the first half of
the validation blocks, and what is left is looked at on the second half, which nothing was chosen by.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from itertools import combinations, product
from typing import Any

import numpy as np
import polars as pl

from coincast.articles.bench import Bench
from coincast.articles.huang.blocks import Blocks
from coincast.articles.huang.comparisons import rank_test
from coincast.articles.huang.durations import spell_duration
from coincast.articles.huang.published import REPEATS, STUDY_EPOCHS
from coincast.articles.huang.regularisers import BEYOND, NONE, SETTINGS, TERMS, score_settings
from coincast.reports.numbers import things
from coincast.scores.significance import adjust_holm

PIECE = 243
"""Settings that are trained as one set and kept as one table, which bounds the memory and the state of a set."""
FIRST_SEED = 10 * BEYOND
NO_PENALTY = (NONE,) * len(TERMS)


@dataclass(frozen=True)
class Round:
    """So many settings, each trained so often for so many epochs."""

    settings: int
    epochs: int
    repeats: int

    def __str__(self) -> str:
        trained = f"{things(self.repeats, 'time')} for {things(self.epochs, 'epoch')}"
        return f"{things(self.settings, 'setting')}, {trained}"


@dataclass(frozen=True)
class SearchPlan:
    """How large the searches are.

    Attributes:
        settings: names in `SETTINGS` that each term may have.
        repeats: of each pair.
        epochs: of a full training.
        first_epochs: of the first round of halving; each round has half as many again, up to `epochs`.
        last: settings that are left in the end.
        last_repeats: of each of them.
        blocks: newest training blocks; None: all.
    """

    settings: tuple[str, ...] = tuple(SETTINGS)
    repeats: int = 5
    epochs: int = STUDY_EPOCHS
    first_epochs: int = 3
    last: int = 10
    last_repeats: int = REPEATS
    blocks: int | None = None

    @property
    def pairs(self) -> list[dict[str, str]]:
        """Every pair of terms with every penalty of both."""
        penalties = [name for name in self.settings if name != NONE]
        return [
            {first: one, second: other}
            for first, second in combinations(TERMS, 2)
            for one, other in product(penalties, repeat=2)
        ]

    @property
    def rounds(self) -> list[Round]:
        """The rounds of halving: of each half the settings are left for the next one."""
        left, epochs, repeats, rounds = len(self.settings) ** len(TERMS), self.first_epochs, 1, []
        while left > self.last:
            rounds.append(Round(left, epochs, repeats))
            left = max(self.last, left // 2)
            if epochs < self.epochs:
                epochs = min(self.epochs, epochs + max(1, epochs // 2))
            else:
                repeats = min(2 * repeats, self.last_repeats)
        return rounds

    def count(self) -> tuple[int, int]:
        """Trainings of both searches, and their epochs; the control is counted among the last settings."""
        last = Round(self.last + 1, self.epochs, self.last_repeats)
        parts = [Round(len(self.pairs), self.epochs, self.repeats), *self.rounds, last]
        trainings = [part.settings * part.repeats for part in parts]
        return sum(trainings), sum(size * part.epochs for size, part in zip(trainings, parts, strict=True))


@dataclass(frozen=True)
class Searched:
    """What the searches left.

    Attributes:
        pairs: raw scores of all pairs.
        rounds: of halving.
        final: raw scores of the last settings, and of no penalty at all, which may be one of them.
        last: settings that the halving left.
    """

    pairs: pl.DataFrame = field(repr=False)
    rounds: pl.DataFrame
    final: pl.DataFrame = field(repr=False)
    last: int

    @property
    def kept_control(self) -> bool:
        """Whether the setting without any penalty is itself among those that the halving left."""
        return self.final.select(TERMS).n_unique() == self.last

    @property
    def pair_seconds(self) -> float:
        """Seconds that the pairs were trained for."""
        return float(self.pairs["seconds"].sum())

    @property
    def grid_seconds(self) -> float:
        """Seconds that the halving was trained for."""
        return float(self.rounds["seconds"].sum()) + float(self.final["seconds"].sum())


def search_all(bench: Bench, blocks: Blocks, plan: SearchPlan, *, pace: float) -> Searched:
    """Both searches; what they will take is said first.

    Args:
        bench: keeps what is done; a search that was interrupted goes on.
        blocks: to learn from.
        plan: how large.
        pace: seconds of an epoch of one run, as in the study of penalties.
    """
    trainings, epochs = plan.count()
    bench.say(f"combinations of penalties: {things(trainings, 'training')}, about {spell_duration(epochs * pace)}")
    return Searched(search_pairs(bench, blocks, plan), *halve_grid(bench, blocks, plan), plan.last)


def search_pairs(bench: Bench, blocks: Blocks, plan: SearchPlan) -> pl.DataFrame:
    """Every pair of terms with every penalty of both: a row for each repeat."""
    return _score(bench, "pairs", blocks, plan.pairs, Round(len(plan.pairs), plan.epochs, plan.repeats), plan)


def halve_grid(bench: Bench, blocks: Blocks, plan: SearchPlan) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Halve the grid of all four terms.

    Returns:
        The rounds (`round, settings, epochs, repeats, best, seconds`), and the raw scores of the last settings, with
        the setting without any penalty beside them.
    """
    left = [dict(zip(TERMS, names, strict=True)) for names in product(plan.settings, repeat=len(TERMS))]
    rounds: list[dict[str, Any]] = []
    sizes = [*(one.settings for one in plan.rounds[1:]), plan.last]
    for number, (one, size) in enumerate(zip(plan.rounds, sizes, strict=True), 1):
        bench.say(f"halving, round {number} of {len(sizes)}: {one}")
        scores = _score(bench, f"halving-{number}", blocks, left, one, plan)
        means = scores.group_by(TERMS, maintain_order=True).agg(pl.col("first_half").mean()).sort("first_half", *TERMS)
        rounds.append(
            {"round": number, **vars(one), "best": means["first_half"][0], "seconds": scores["seconds"].sum()}
        )
        left = means.head(size).select(TERMS).to_dicts()
    control = dict.fromkeys(TERMS, NONE)
    finalists = left if control in left else [*left, control]
    last = Round(len(finalists), plan.epochs, plan.last_repeats)
    final = _score(bench, "halving-last", blocks, finalists, last, plan, later=True)
    return pl.DataFrame(rounds), final


def _score(
    bench: Bench,
    name: str,
    blocks: Blocks,
    chosen: list[dict[str, str]],
    size: Round,
    plan: SearchPlan,
    *,
    later: bool = False,
) -> pl.DataFrame:
    """Scores of settings, a piece of them at a time, each of which is kept. The last round has seeds of its own."""
    own, tables = blocks.newest(plan.blocks), []
    first_seed = FIRST_SEED + (BEYOND if later else 0)
    pieces = [chosen[first : first + PIECE] for first in range(0, len(chosen), PIECE)]
    for number, piece in enumerate(pieces, 1):
        label = f"{name}-piece-{number}-of-{len(pieces)}"
        made_of = {
            "market": blocks.market,
            "chosen": piece,
            "repeats": size.repeats,
            "epochs": size.epochs,
            "blocks": plan.blocks,
        }
        make = partial(score_settings, bench, label, own, piece, size.repeats, size.epochs, first_seed=first_seed)
        tables.append(bench.table(label, made_of, make))
    return pl.concat(tables)


def rank_settings(scores: pl.DataFrame) -> pl.DataFrame:
    """Settings by their mean on the first half of the blocks, and what they score on the second: the fair column."""
    return (
        scores.group_by(TERMS, maintain_order=True)
        .agg(
            repeats=pl.len(),
            chosen_by=pl.col("first_half").mean(),
            second_half=pl.col("second_half").median(),
            all_blocks=pl.col("error").mean(),
        )
        .sort("chosen_by", *TERMS)
    )


def compare_last(final: pl.DataFrame) -> pl.DataFrame:
    """The last settings against no penalty at all, on the blocks that nothing was chosen by; ranks with Holm.

    No penalty has a row, too, without a test: `chance`, `rank p` and `Holm p` are null there.
    """
    ranked = rank_settings(final)
    scores = {tuple(key): own["second_half"].to_numpy() for key, own in final.group_by(TERMS)}
    control = scores.pop(NO_PENALTY)
    chances, p_values = zip(*(rank_test(own, control) for own in scores.values()), strict=True)
    tests = pl.DataFrame(list(scores), list(TERMS), orient="row").with_columns(
        pl.Series("chance", chances),
        pl.Series("rank p", p_values),
        pl.Series("Holm p", adjust_holm(np.array(p_values))),
    )
    return ranked.join(tests, on=TERMS, how="left", maintain_order="left")
