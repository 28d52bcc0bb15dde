"""Forecasts of a price as forecasts of a direction, so that they are judged against the majority sign."""

from __future__ import annotations

import polars as pl

SAME = 1e-12
"""Prices that differ by no more than this share are the same."""


def as_directions(forecasts: pl.DataFrame, *, majority: float | None = None) -> pl.DataFrame:
    """Say of every price whether it is above the last one that was known.

    `value` becomes 1 above, 0 below and 0.5 at the last close; `actual` likewise, and null for a tie, which nobody can
    hit; `naive` the direction of most training rows.

    Args:
        forecasts: a forecast table with `actual` and `last_close`; rows of other quantities are left out.
        majority: 1.0 where most moves of the training rows were rises, else 0.0; without it the column `majority` of
            the table says so.

    Returns:
        A forecast table of the quantity `direction`.
    """
    last = pl.col("last_close")
    moves = {name: pl.col(name) / last - 1 for name in ("value", "actual")}
    signs = {name: pl.when(move.abs() <= SAME).then(0.0).otherwise(move.sign()) for name, move in moves.items()}
    told = pl.col("majority") if majority is None else pl.lit(majority)
    return forecasts.filter(pl.col("quantity") == "price").with_columns(
        quantity=pl.lit("direction"),
        value=0.5 + 0.5 * signs["value"],
        actual=pl.when(signs["actual"] != 0).then(0.5 + 0.5 * signs["actual"]),
        naive=told,
        majority=told,
    )
