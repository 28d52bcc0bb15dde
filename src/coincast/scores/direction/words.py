"""Rows of the table of directions as sentences that a layman understands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from coincast.scores.finding import Options, Shortage, name_some, tell_shortages
from coincast.scores.significance import ALPHA, count_needed
from coincast.scores.words import spoken_name

TIMING = "the Pesaran-Timmermann test"


def direction_sentence(row: Mapping[str, Any]) -> str:
    """What a row of the table of directions says, in one sentence.

    Args:
        row: a row of the table, as a mapping from column to value; columns that are missing are unknown.

    Returns:
        One sentence, such as: The LSTM ensemble names the right direction in 51.2 % of 2,273 moves (between 49.1 % and
        53.3 %), where always saying "rise" is right in 52.8 %, and the difference can be chance; at a round trip of
        0.1 % it takes 64.3 % to earn the costs; 6,669 independent forecasts would tell 51.2 % from a coin.
    """
    name = f"{spoken_name(row['model'])}{_step_words(row)}"
    if not row["forecasts"]:
        return f"{name} has no direction that can be judged: nothing is known of what came."
    if row["hit_rate"] is None:
        return (
            f"{name} names no direction: it repeats the last known price "
            f"({_rate(row['rises'])} of {_count(row['forecasts'] - row['ties'], 'move')} were rises)."
        )
    low, high = row.get("low"), row.get("high")
    span = "" if low is None or high is None else f" (between {_rate(low)} and {_rate(high)})"
    parts = [
        f"{name} names the right direction in {_rate(row['hit_rate'])} of {_count(row['n'], 'move')}{span}"
        + _majority_words(row)
    ]
    return "; ".join([*parts, *_cost_words(row), *_number_words(row)]) + "."


def tell_left_out(table: pl.DataFrame, options: Options) -> tuple[str, ...]:
    """What a reader of the table of directions must know: how it was made, and what was left out."""
    notes = []
    blocks = table.filter(pl.col("method") == "block bootstrap")["block"].to_list()
    if blocks:
        span = f"{min(blocks):,}" if min(blocks) == max(blocks) else f"{min(blocks):,} to {max(blocks):,}"
        notes.append(
            f"intervals of hit rates where targets overlap come from {options.repetitions:,} draws of blocks of {span} "
            f"origins, seed {options.seed}"
        )
    whole = table.filter((pl.col("step") == 0) & (pl.col("undirected") > 0))
    copies = [_name(row) for row in whole.filter(pl.col("n") == 0).to_dicts()]
    if copies:
        notes.append(f"no direction at all is named by {name_some(copies)}: a copy of the last price has none")
    some = [f"{_name(row)} ({row['undirected']:,})" for row in whole.filter(pl.col("n") > 0).to_dicts()]
    if some:
        notes.append(f"forecasts without a direction are left out, not counted as half right: {name_some(some)}")
    short = table.filter(pl.col("n") > 0, pl.col("low").is_null()).to_dicts()
    lacks = [Shortage(_name(row), row["origins"], count_needed(row["overlap"])) for row in short]
    notes.extend(tell_shortages("the interval of a hit rate", lacks))
    untested = table.filter(pl.col("pt_left_out").is_not_null())
    few = untested.filter(pl.col("pt_needs").is_not_null()).to_dicts()
    notes.extend(tell_shortages(TIMING, [Shortage(_name(row), row["n"], row["pt_needs"]) for row in few]))
    never = untested.filter(pl.col("pt_needs").is_null())
    for (reason,), rows in never.group_by("pt_left_out", maintain_order=True):
        notes.append(f"{TIMING} is left out for {name_some([_name(row) for row in rows.to_dicts()])}: {reason}")
    return tuple(notes)


def _step_words(row: Mapping[str, Any]) -> str:
    return "" if row["step"] == 0 else f", {_count(row['step'], 'candle')} ahead,"


def _majority_words(row: Mapping[str, Any]) -> str:
    base = row.get("majority_hit_rate")
    if base is None:
        return f", and {_rate(row['rises'])} of the moves were rises"
    rule = "what most training rows did" if row["majority"] == "varies" else f'"{row["majority"]}"'
    words = f", where always saying {rule} is right in {_rate(base)}"
    p = row.get("p")
    if p is None:
        return words
    if row["difference_low"] == 0 == row["difference_high"]:
        return f"{words}: it says the same"
    if p >= ALPHA:
        return f"{words}, and the difference can be chance"
    return f"{words}, and the difference is more than chance"


def _cost_words(row: Mapping[str, Any]) -> Iterator[str]:
    needed, cost = row.get("needed"), row.get("cost")
    if needed is None or cost is None:
        return
    trip = f"at a round trip of {100 * cost:.3g} %"
    yield f"{trip} no hit rate earns the costs" if needed > 1 else f"{trip} it takes {_rate(needed)} to earn the costs"


def _number_words(row: Mapping[str, Any]) -> Iterator[str]:
    if row.get("to_tell") is not None:
        yield f"{_count(row['to_tell'], 'independent forecast')} would tell {_rate(row['hit_rate'])} from a coin"


def _name(row: Mapping[str, Any]) -> str:
    return f"{row['model']} on {row['market']}" + ("" if row["step"] == 0 else f" at step {row['step']}")


def _rate(share: float | None) -> str:
    return "none" if share is None else f"{100 * share:.1f} %"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
