"""Which models may be the best, and is any of them better than naive once all that were tried are counted?"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.scores.finding import KEY_COLUMNS, Finding, Options, Shortage, make_table, tell_lost, tell_shortages
from coincast.scores.resampled import choose_block, fewest_forecasts, load_bootstrap
from coincast.scores.series import LossSeries, are_alike, deciding_series, group_by_market, keep_common
from coincast.scores.significance import to_safe_units
from coincast.scores.verdict import NAIVE

Floats = NDArray[np.float64]

SIZE = 0.10
"""The set holds the best model in 90 of 100 cases."""
FEW = 250
"""Forecasts below which a note says that the set is coarse."""
COLUMNS: dict[str, pl.DataType] = {
    **KEY_COLUMNS,
    "horizon": pl.Int64(),
    "in_set": pl.Boolean(),
    **{name: pl.Float64() for name in ("p_mcs", "p_spa", "loss")},
    **{name: pl.Int64() for name in ("n", "repetitions", "block", "seed")},
    "tested_as": pl.String(),
}


def find_confidence_set(forecasts: pl.DataFrame, scores: pl.DataFrame, options: Options) -> Finding:
    """The model confidence set of every market, and the test of superior predictive ability against naive.

    The set (Hansen, Lunde and Nason 2011, range statistic) leaves out one model after the other as long as a test at
    10 % tells those that are left apart; `p_mcs` is the level at which a model would just be left out. The test of
    superior predictive ability (Hansen 2005, consistent p) has one p per market: that of the best of all candidates
    against naive, with the search among them counted. Both are arch's own, with its stationary bootstrap; arch 8.0 does
    not studentise in the latter, whatever is asked, so that a model of wild losses costs power.

    Naive is always a candidate and the benchmark. Candidates of one market share quantity, steps and origins. A copy of
    naive, or of another model, has no difference with a variance: it is tested as that one, and its row says so.

    Args:
        forecasts: a table of forecasts.
        scores: not used; every further test takes the same arguments.
        options: repetitions, block and seed.

    Returns:
        market, interval, quantity, model, horizon (last step), in_set, p_mcs, p_spa, loss, n, repetitions, block, seed,
        tested_as (null unless it is a copy).

    Raises:
        MissingPackageError: arch is not installed.
    """
    rows: list[dict[str, Any]] = []
    shortages: list[Shortage] = []
    notes: list[str] = []
    losing: dict[tuple[int, int], list[str]] = {}
    for (market, *_), group in group_by_market(deciding_series(forecasts)).items():
        common, lost = keep_common(group)
        n = common[0].origins.size
        losing.setdefault((lost, lost + n), []).append(market)
        needed = fewest_forecasts(common[0].overlapping)
        if n < needed:
            shortages.append(Shortage(market, n, needed))
            continue
        rows += _test_market(common, options)
        if not all(are_alike(one.naive, common[0].naive, float(one.naive.mean())) for one in common):
            notes.append(
                f"the models of {market} have naive forecasts that differ, as their training spans do; that of "
                f"{common[0].panel.model} stands for all"
            )
    table = make_table(rows, COLUMNS)
    name = "the model confidence set"
    left_out = (*tell_lost(name, losing, "model"), *tell_shortages(name, shortages))
    return Finding(table, (*left_out, *notes, *_tell(table, options)))


def _tell(table: pl.DataFrame, options: Options) -> list[str]:
    """What a reader of the set must know."""
    if table.is_empty():
        return []
    lengths = sorted(set(table["block"].to_list()))
    blocks = " to ".join(map(str, dict.fromkeys((lengths[0], lengths[-1]))))
    notes = [
        f"model confidence set at {1 - SIZE:.0%} (range statistic) and SPA test (consistent p): stationary bootstrap, "
        f"{options.repetitions:,} repetitions, blocks of {blocks} origins on average, seed {options.seed}"
    ]
    fewest = min(table["n"].to_list())
    if fewest < FEW:
        notes.append(
            f"below {FEW} forecasts a confidence set is coarse (fewest here {fewest:,}): it holds on to models that "
            "more forecasts would leave out"
        )
    copies = table.filter(pl.col("tested_as") == NAIVE)["model"].unique(maintain_order=True).to_list()
    if copies:
        notes.append(f"tested as the naive forecast, which they are: {', '.join(copies)}")
    return notes


def _test_market(common: list[LossSeries], options: Options) -> list[dict[str, Any]]:
    """Rows of the models of one market, all on the same origins; naive's own is added unless it is among them."""
    columns, places = _find_candidates(common)
    naive = columns[0]
    losses, _ = to_safe_units(np.stack(columns, axis=1))
    overlapping = common[0].overlapping
    if len(columns) == 1:
        block, p_mcs, p_spa = options.block or overlapping, np.ones(1), None
    else:
        block = choose_block(losses[:, 1:] - losses[:, :1], overlapping=overlapping, options=options)
        p_mcs = confidence_set(losses, block=block, options=options)
        p_spa = superior_ability(losses[:, 0], losses[:, 1:], block=block, options=options)
    shared = {"p_spa": p_spa, "n": naive.size, "block": block}
    shared |= {"repetitions": options.repetitions, "seed": options.seed, "horizon": common[0].steps[-1]}
    names = {place: one.panel.model for place, one in reversed(list(zip(places, common, strict=True)))} | {0: NAIVE}
    lines = [(one.keys, one.losses, place) for one, place in zip(common, places, strict=True)]
    if NAIVE not in (one.panel.model for one in common):
        lines.insert(0, ({**common[0].keys, "model": NAIVE}, naive, 0))
    return [
        {
            **keys,
            **shared,
            "in_set": bool(p_mcs[place] > SIZE),
            "p_mcs": float(p_mcs[place]),
            "loss": float(own.mean()),
            "tested_as": None if keys["model"] == names[place] else names[place],
        }
        for keys, own, place in lines
    ]


def _find_candidates(common: list[LossSeries]) -> tuple[list[Floats], list[int]]:
    """Naive's losses and those of every model that is no copy; and which of them stands for each model."""
    columns, places = [common[0].naive], []
    for one in common:
        base = float(one.naive.mean())
        alike = [place for place, column in enumerate(columns) if are_alike(one.losses, column, base)]
        if not alike:
            columns.append(one.losses)
        places.append(alike[0] if alike else len(columns) - 1)
    return columns, places


def confidence_set(losses: Floats, *, block: int, options: Options) -> Floats:
    """p of every model in arch's model confidence set.

    Args:
        losses: (n, models), no two of them alike.
        block: mean length of the blocks.
        options: repetitions and seed.
    """
    bootstrap = load_bootstrap("the model confidence set")
    means = losses.mean(axis=0)
    if np.unique(means).size < means.size:
        # Of models with equal means arch would leave out several at once, or none: tell them apart by next to nothing.
        losses = losses + means.max() * 1e-12 * np.arange(means.size)
    found = bootstrap.MCS(
        losses, SIZE, reps=options.repetitions, block_size=block, method="R", bootstrap="stationary", seed=options.seed
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        found.compute()
    return np.asarray(found.pvalues["Pvalue"].sort_index().to_numpy(dtype=np.float64))


def superior_ability(naive: Floats, losses: Floats, *, block: int, options: Options) -> float:
    """The consistent p of arch's test of superior predictive ability.

    Args:
        naive: losses of the benchmark, (n,).
        losses: losses of the candidates, (n, models).
        block: mean length of the blocks.
        options: repetitions and seed.
    """
    found = load_bootstrap("the SPA test").SPA(
        naive, losses, block_size=block, reps=options.repetitions, bootstrap="stationary", seed=options.seed
    )
    found.compute()
    return float(found.pvalues["consistent"])
