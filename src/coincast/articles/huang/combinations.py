"""What the article left open for lack of hardware: all pairs of penalties, and the grid of all four.

The grid has 9^4 = 6,561 settings. It is halved: all of them are trained a little, the better half a little more, and so
on, until ten are left, which are trained as in the study, thirty times each. Settings are chosen by the first half of
the validation blocks, and what is left is looked at on the second half, which nothing was chosen by.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np
import polars as pl

from coincast.articles.bench import Bench
from coincast.articles.huang.blocks import Blocks
from coincast.articles.huang.comparisons import rank_test
from coincast.articles.huang.published import STUDY_EPOCHS
from coincast.articles.huang.regularisers import BEYOND, NONE, SETTINGS, TERMS, score_settings
from coincast.scores.significance import adjust_holm

PIECE = 243
"""Settings of one table: so much is lost at most where a search is interrupted between two states."""
FIRST_SEED = 10 * BEYOND


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
    last_repeats: int = 30
    blocks: int | None = None


def search_pairs(bench: Bench, blocks: Blocks, plan: SearchPlan) -> pl.DataFrame:
    """Every pair of terms with every penalty of both: a row for each repeat."""
    penalties = [name for name in plan.settings if name != NONE]
    tables = []
    for first, second in combinations(TERMS, 2):
        chosen = [{first: one, second: other} for one, other in product(penalties, repeat=2)]
        tables.append(_score(bench, f"pairs-{first}-{second}", blocks, chosen, plan.repeats, plan.epochs, plan))
    return pl.concat(tables)


def halve_grid(bench: Bench, blocks: Blocks, plan: SearchPlan) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Halve the grid of all four terms.

    Returns:
        The rounds (`round, settings, epochs, repeats, best`), and the raw scores of the last settings, with the setting
        without any penalty beside them.
    """
    left = [dict(zip(TERMS, names, strict=True)) for names in product(plan.settings, repeat=len(TERMS))]
    rounds: list[dict[str, Any]] = []
    epochs, repeats = plan.first_epochs, 1
    while len(left) > plan.last:
        number = len(rounds) + 1
        scores = _score(bench, f"halving-{number}", blocks, left, repeats, epochs, plan)
        means = scores.group_by(TERMS, maintain_order=True).agg(pl.col("first_half").mean()).sort("first_half", *TERMS)
        rounds.append(
            {
                "round": number,
                "settings": len(left),
                "epochs": epochs,
                "repeats": repeats,
                "best": means["first_half"][0],
            }
        )
        left = means.head(max(plan.last, len(left) // 2)).select(TERMS).to_dicts()
        if epochs < plan.epochs:
            epochs = min(plan.epochs, epochs + max(1, epochs // 2))
        else:
            repeats = min(2 * repeats, plan.last_repeats)
    control = dict.fromkeys(TERMS, NONE)
    finalists = left if control in left else [*left, control]
    final = _score(bench, "halving-last", blocks, finalists, plan.last_repeats, plan.epochs, plan, later=True)
    return pl.DataFrame(rounds), final


def _score(
    bench: Bench,
    name: str,
    blocks: Blocks,
    chosen: list[dict[str, str]],
    repeats: int,
    epochs: int,
    plan: SearchPlan,
    *,
    later: bool = False,
) -> pl.DataFrame:
    """Scores of settings, a piece of them at a time, each of which is kept. The last round has seeds of its own."""
    own, tables = blocks.newest(plan.blocks), []
    first_seed = FIRST_SEED + (BEYOND if later else 0)
    for number, first in enumerate(range(0, len(chosen), PIECE), 1):
        piece = chosen[first : first + PIECE]
        label = f"{name}-{number}"
        made_of = {
            "market": blocks.market,
            "chosen": piece,
            "repeats": repeats,
            "epochs": epochs,
            "blocks": plan.blocks,
        }

        def make(label: str = label, piece: list[dict[str, str]] = piece) -> pl.DataFrame:
            return score_settings(bench, label, own, piece, repeats, epochs, first_seed=first_seed)

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
    """The last settings against no penalty at all, on the blocks that nothing was chosen by; ranks with Holm."""
    ranked = rank_settings(final)
    scores = {tuple(key): own["second_half"].to_numpy() for key, own in final.group_by(TERMS)}
    control = scores[(NONE,) * len(TERMS)]
    found = [rank_test(scores[tuple(row[:4])], control) for row in ranked.select(TERMS).rows()]
    chances, p_values = (np.array(column) for column in zip(*found, strict=True))
    return ranked.with_columns(
        pl.Series("chance", chances), pl.Series("rank p", p_values), pl.Series("Holm p", adjust_holm(p_values))
    )
