"""Prices as directions, row by row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from coincast.forecasts.directions import as_directions
from coincast.scores.verdict import deciding_rows, score_forecasts


def table(values: list[float], actual: list[float], last: list[float]) -> pl.DataFrame:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    origins = [start + timedelta(days=number) for number in range(len(values))]
    return pl.DataFrame(
        {
            "market": "simulated:WALK1/USD",
            "interval": "1d",
            "model": "lstm",
            "run": 0,
            "quantity": "price",
            "trained_until": start,
            "origin": origins,
            "step": 1,
            "target_time": [origin + timedelta(days=1) for origin in origins],
            "value": values,
            "actual": actual,
            "last_close": last,
            "majority": 0.0,
        }
    ).with_columns(pl.col("trained_until", "origin", "target_time").cast(pl.Datetime("ms", "UTC")))


def test_above_below_and_the_same() -> None:
    said = as_directions(table([11.0, 9.0, 10.0, 11.0], [12.0, 12.0, 9.0, 10.0], [10.0] * 4))
    assert said["value"].to_list() == [1.0, 0.0, 0.5, 1.0]
    assert said["actual"].to_list() == [1.0, 1.0, 0.0, None]
    assert said["naive"].to_list() == [0.0] * 4
    assert said["quantity"].unique().to_list() == ["direction"]


def test_the_majority_may_be_given_and_other_quantities_are_left_out() -> None:
    prices = table([11.0], [12.0], [10.0])
    both = pl.concat([prices, prices.with_columns(quantity=pl.lit("log_return"))])
    said = as_directions(both, majority=1.0)
    assert (said.height, said["naive"].to_list(), said["majority"].to_list()) == (1, [1.0], [1.0])


def test_they_are_judged_against_the_majority() -> None:
    """30 days that rise and fall in turn: the model says rise, the majority fall; both are right half the time."""
    actual = [11.0 if day % 2 else 9.0 for day in range(30)]
    row = deciding_rows(score_forecasts(as_directions(table([11.0] * 30, actual, [10.0] * 30)))).row(0, named=True)
    assert (row["metric"], row["n"], row["value"], row["naive"]) == ("miss", 30, 0.5, 0.5)
