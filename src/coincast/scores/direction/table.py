"""The directions of every model as a table: hits beside what chance, the training rows and the costs ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.errors import UsageError
from coincast.scores.direction.counts import block_length, forecasts_to_tell, hit_rate_needed, interval_of_share
from coincast.scores.direction.moves import QUANTITIES, Moves, refuse_flat, take_moves
from coincast.scores.direction.timing import Timing, pesaran_timmermann
from coincast.scores.direction.words import direction_sentence, tell_left_out
from coincast.scores.finding import KEY_COLUMNS, Finding, Options
from coincast.scores.quantiles import wilson_interval
from coincast.scores.significance import compare_losses, count_needed, count_overlapping, interval_of_mean

Floats = NDArray[np.float64]

DIRECTION_COLUMNS: dict[str, pl.DataType] = {
    **KEY_COLUMNS,
    "step": pl.Int64(),
    "overlap": pl.Int64(),
    "forecasts": pl.Int64(),
    "ties": pl.Int64(),
    "undirected": pl.Int64(),
    "n": pl.Int64(),
    "origins": pl.Int64(),
    "hits": pl.Int64(),
    "hit_rate": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
    "method": pl.String(),
    "block": pl.Int64(),
    "hit_rate_with_ties": pl.Float64(),
    "rises": pl.Float64(),
    "rises_with_ties": pl.Float64(),
    "majority": pl.String(),
    "majority_hit_rate": pl.Float64(),
    "difference": pl.Float64(),
    "difference_low": pl.Float64(),
    "difference_high": pl.Float64(),
    "p": pl.Float64(),
    "pt": pl.Float64(),
    "p_pt": pl.Float64(),
    "pt_needs": pl.Int64(),
    "pt_left_out": pl.String(),
    "cost": pl.Float64(),
    "mean_move": pl.Float64(),
    "needed": pl.Float64(),
    "to_tell": pl.Int64(),
    "to_tell_powered": pl.Int64(),
    "sentence": pl.String(),
}
"""The table of directions, one row per market, model and step.

`step` 0 stands for all steps together, over the origins where each is known; single steps follow where there are
several. Counts are forecasts: `forecasts` = `ties` + `undirected` + `n`, where `ties` did not move, `undirected` moved
but were forecast without a direction, and `n`, made at `origins`, are judged. `hit_rate` = `hits` / `n` is null where n
is 0 (never one half), `low, high` its 95 % interval by `method` (`wilson`, or `block bootstrap` with blocks of `block`
origins; `wilson` with one trial for each block where all hit or none does; null under 20 origins per overlap).
`hit_rate_with_ties` counts a tie as a miss, `rises_with_ties` as no rise.
`majority` is the direction of most training rows (`rise`, `fall`, `varies` where refits differ, null unknown),
`majority_hit_rate` its share on the same n, `difference` hit rate minus that, averaged per origin, with the interval
and the p value of the decisive test. `pt` and `p_pt` are the test of Pesaran and Timmermann (2009), `pt_left_out` why
it has no figure and `pt_needs` the forecasts that it needs. Both p values are single ones and give no verdict. `needed`
is the hit rate that pays for `cost` at moves of `mean_move`; where it is above 1 no hit rate does. `to_tell`
independent forecasts would just tell this hit rate from one half, `to_tell_powered` with 80 % power.
"""


def judge_direction(
    forecasts: pl.DataFrame, *, majority: Mapping[str, str] | None = None, options: Options | None = None
) -> pl.DataFrame:
    """Judge the directions of forecasts of any kind against the last price that was known.

    Args:
        forecasts: a table of forecasts of prices, log returns or directions, with what came.
        majority: market to "rise" or "fall", the direction of most training rows, where the table does not say it.
        options: costs, and how the bootstrap is made.

    Returns:
        The columns of `DIRECTION_COLUMNS`.

    Raises:
        UsageError: nothing here has a direction, or a majority is none.
        ForecastError: a market whose price does not move.
    """
    moves = list(take_moves(forecasts, majority=majority))
    if not moves:
        given = ", ".join(forecasts["quantity"].unique().sort().to_list()) or "nothing"
        raise UsageError(f"forecasts of {given} have no direction; what has one: {', '.join(QUANTITIES)}")
    for each in moves:
        refuse_flat(each)
    return _judge_moves(moves, options or Options())


def direction_table(forecasts: pl.DataFrame, scores: pl.DataFrame, options: Options) -> Finding:
    """`judge_direction` as a further test: what has no direction is left out, with a note where that is a surprise.

    Args:
        forecasts: a table of forecasts.
        scores: its score table; not needed.
        options: costs, and how the bootstrap is made.

    Raises:
        ForecastError: forecasts of a direction on a market whose price does not move.
    """
    flat: list[Moves] = []
    moves: list[Moves] = []
    for each in take_moves(forecasts):
        if each.quantity == "direction":
            refuse_flat(each)
        (flat if each.is_flat else moves).append(each)
    notes = [f"{each.model} on {each.market}: no direction is judged, for the price does not move" for each in flat]
    table = _judge_moves(moves, options)
    return Finding(table, (*notes, *tell_left_out(table, options)))


def _judge_moves(moves: list[Moves], options: Options) -> pl.DataFrame:
    rows = [{**row, "sentence": direction_sentence(row)} for each in moves for row in _judge_steps(each, options)]
    return pl.DataFrame(rows, schema=DIRECTION_COLUMNS)


def _judge_steps(moves: Moves, options: Options) -> Iterator[dict[str, Any]]:
    steps = moves.steps.size
    yield _judge_cut(moves, slice(0, steps), options)
    if steps > 1:
        for column in range(steps):
            yield _judge_cut(moves, slice(column, column + 1), options)


def _judge_cut(moves: Moves, columns: slice, options: Options) -> dict[str, Any]:
    """One row: the forecasts of one step, or of all steps of the origins where each is known."""
    known = ~np.isnan(moves.said[:, columns] + moves.went[:, columns]).any(axis=1)
    said, went = moves.said[known, columns], moves.went[known, columns]
    overlap = count_overlapping(moves.origins[known], moves.targets[known, columns][:, -1])
    moved, judged = went != 0, (went != 0) & (said != 0)
    is_hit, is_single = (said == went) & judged, said.shape[1] == 1
    n, hits, directed, rises = (int(found.sum()) for found in (judged, is_hit, said != 0, went > 0))
    row = {
        **{name: getattr(moves, name) for name in ("market", "interval", "quantity", "model")},
        "step": int(moves.steps[columns][0]) if moves.steps.size > 1 and is_single else 0,
        "overlap": overlap,
        "forecasts": went.size,
        "ties": went.size - int(moved.sum()),
        "undirected": int((moved & (said == 0)).sum()),
        "n": n,
        "origins": int(judged.any(axis=1).sum()),
        "hits": hits,
        "hit_rate": _share(hits, n),
        "hit_rate_with_ties": _share(hits, directed),
        "rises": _share(rises, int(moved.sum())),
        "rises_with_ties": _share(rises, went.size),
        **_find_interval(is_hit, judged, overlap, options),
        **_compare_with_majority(is_hit, judged, went, moves.majority[known, columns], overlap),
        **_show_costs(moves.size[known, columns] if is_single else np.empty(0), options.cost),
    }
    if is_single and n:
        row |= _show_timing(pesaran_timmermann(said[judged] > 0, went[judged] > 0, overlapping=overlap))
    tell = forecasts_to_tell(hits / n) if n else None
    return row if tell is None else {**row, "to_tell": tell[0], "to_tell_powered": tell[1]}


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _find_interval(
    is_hit: NDArray[np.bool_], judged: NDArray[np.bool_], overlap: int, options: Options
) -> dict[str, Any]:
    """Wilson's interval where nothing overlaps, else that of the bootstrap over origins (`interval_of_share`)."""
    hits, trials = is_hit.sum(axis=1), judged.sum(axis=1)
    if not trials.any():
        return {}
    if overlap == 1 and is_hit.shape[1] == 1:
        low, high = wilson_interval(hits.sum() / trials.sum(), int(trials.sum()))
        return {"low": low, "high": high, "method": "wilson"}
    if np.count_nonzero(trials) < count_needed(overlap):
        return {}
    block = options.block or block_length(trials.size, overlap)
    ends = interval_of_share(hits, trials, block=block, seed=options.seed, repetitions=options.repetitions)
    if ends is None:
        return {}
    method = "block bootstrap" if 0 < hits.sum() < trials.sum() else "wilson"
    return {"low": ends[0], "high": ends[1], "method": method, "block": block}


def _compare_with_majority(
    is_hit: NDArray[np.bool_], judged: NDArray[np.bool_], went: Floats, majority: Floats, overlap: int
) -> dict[str, Any]:
    """The direction of most training rows on the same forecasts, and the decisive test of the difference."""
    told = majority[judged]
    if told.size == 0 or np.isnan(told).any():
        return {}
    signs = set(np.unique(told).tolist())
    name = "varies" if len(signs) > 1 else "rise" if signs == {1.0} else "fall"
    trials = judged.sum(axis=1)
    some, base_hit = trials > 0, (majority == went) & judged
    misses, base = (1 - hit.sum(axis=1)[some] / trials[some] for hit in (is_hit, base_hit))
    found = {"majority": name, "majority_hit_rate": float(base_hit.sum() / trials.sum())}
    found["difference"] = float((base - misses).mean())
    compared = compare_losses(misses, base, overlapping=overlap)
    if compared.p is None:
        return found
    low, high = interval_of_mean(base - misses, overlapping=overlap)
    return {**found, "difference_low": low, "difference_high": high, "p": compared.p}


def _show_costs(sizes: Floats, cost: float) -> dict[str, float | None]:
    known = sizes[~np.isnan(sizes)]
    mean = float(known.mean()) if known.size else None
    return {"cost": cost, "mean_move": mean, "needed": hit_rate_needed(cost, mean) if mean else None}


def _show_timing(timing: Timing) -> dict[str, Any]:
    return {
        "pt": timing.statistic,
        "p_pt": timing.p,
        "pt_needs": timing.needs,
        "pt_left_out": timing.left_out,
    }
