"""Forecasts as signs: which direction was said, and which one came, both from the last price that was known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.errors import ForecastError, UsageError
from coincast.forecasts.combine import MODEL_KEYS, RUN_KEYS, failed_runs
from coincast.scores.series import keep_ensembles

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

QUANTITIES = ("price", "log_return", "direction")
"""What has a direction."""
SAME = 1e-12
"""Prices that differ by no more than this share are the same price: a mean of equal numbers may miss them by a bit."""
SIGNS = {"rise": 1.0, "fall": -1.0}


@dataclass(frozen=True)
class Moves:
    """The forecasts of one model on one market as signs: 1 a rise, -1 a fall, 0 neither, NaN unknown.

    Attributes:
        market: market.
        interval: interval of its candles.
        quantity: what is forecast.
        model: name of the model.
        steps: (K,).
        origins: (n,), milliseconds since 1970, ascending.
        targets: (n, K), -1 where there is no forecast.
        said: direction of the forecast (n, K).
        went: direction of what came (n, K); 0 is a tie.
        size: |price / last price - 1| of what came (n, K).
        majority: direction of most training rows (n, K).
    """

    market: str
    interval: str
    quantity: str
    model: str
    steps: Times
    origins: Times
    targets: Times
    said: Floats
    went: Floats
    size: Floats
    majority: Floats

    @property
    def is_flat(self) -> bool:
        """Whether the price is known at some targets and equals the last known one at all of them."""
        known = self.went[~np.isnan(self.went)]
        return bool(known.size and not known.any())


def take_moves(forecasts: pl.DataFrame, *, majority: Mapping[str, str] | None = None) -> Iterator[Moves]:
    """The directions of every model (ensembles, not single runs; failed runs are left out wholly).

    A price has a direction from `last_close`, a log return from 0 and a probability of a rise from one half. A forecast
    without one (a copy of the last price) has the sign 0. A direction whose `actual` is null is a tie where later ones
    of its market are known, or where the last closes say so.

    Args:
        forecasts: a table of forecasts with what came.
        majority: market to "rise" or "fall", the direction of most of the rows that models were trained on. What the
            table says goes before: its column `majority`, else, where the forecasts are directions, `naive`.

    Raises:
        UsageError: a majority that is no direction.
    """
    for sign in (majority or {}).values():
        if sign not in SIGNS:
            raise UsageError(f"the majority of the training rows was given as {sign!r}; it is 'rise' or 'fall'")
    table = keep_ensembles(forecasts).filter(pl.col("quantity").is_in(QUANTITIES))
    signs = _find_signs(table.join(failed_runs(table), on=RUN_KEYS, how="anti"), majority or {})
    for rows in signs.sort([*MODEL_KEYS, "origin", "step"]).partition_by(MODEL_KEYS, maintain_order=True):
        yield _make_moves(rows)


def refuse_flat(moves: Moves) -> None:
    """Refuse a market whose price does not move.

    Raises:
        ForecastError: the price is the last known one at every target.
    """
    if moves.is_flat:
        known = int((~np.isnan(moves.went)).sum())
        raise ForecastError(
            f"{moves.market} has no direction: at all {known:,} targets the price is the last known one; "
            "leave this market out, or judge a span in which it moves"
        )


def _find_signs(table: pl.DataFrame, majority: Mapping[str, str]) -> pl.DataFrame:
    """Columns `said`, `went`, `size` and `majority` beside the keys."""
    missing = [name for name in ("actual", "last_close", "naive", "majority") if name not in table.columns]
    table = _join_reached(table.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in missing))
    last, value, actual = pl.col("last_close"), pl.col("value"), pl.col("actual")
    quantity = pl.col("quantity")
    last_known = pl.when(actual.is_not_null()).then(pl.col("target_time")).max().over("market", "interval", "quantity")
    stays = (pl.col("reached") / last - 1).abs() <= SAME
    is_tie = actual.is_null() & ((pl.col("target_time") <= last_known) | stays)
    told = pl.when(is_tie).then(0.0).otherwise(actual - 0.5)
    given = pl.col("market").replace_strict(dict(majority), default=None, return_dtype=pl.String)
    return table.select(
        *MODEL_KEYS,
        *("origin", "step", "target_time"),
        said=_sign(_by_quantity(quantity, value / last - 1, value, value - 0.5)),
        went=_sign(_by_quantity(quantity, actual / last - 1, actual, told)),
        size=_by_quantity(quantity, actual / last - 1, actual.exp() - 1, pl.col("reached") / last - 1).abs(),
        majority=pl.coalesce(
            _sign(pl.when(pl.col("majority") != 0.5).then(pl.col("majority") - 0.5)),
            _sign(pl.when((quantity == "direction") & (pl.col("naive") != 0.5)).then(pl.col("naive") - 0.5)),
            given.replace_strict(SIGNS, default=None, return_dtype=pl.Float64),
        ),
    )


def _join_reached(table: pl.DataFrame) -> pl.DataFrame:
    """The last close of the origin that stands at each target, as `reached`."""
    keys = ["market", "interval", "quantity"]
    closes = table.select(*keys, target_time="origin", reached="last_close").drop_nulls("reached")
    closes = closes.unique([*keys, "target_time"], keep="first", maintain_order=True)
    return table.join(closes, on=[*keys, "target_time"], how="left", maintain_order="left")


def _by_quantity(quantity: pl.Expr, price: pl.Expr, log_return: pl.Expr, direction: pl.Expr) -> pl.Expr:
    return (
        pl.when(quantity == "price")
        .then(price)
        .when(quantity == "log_return")
        .then(log_return)
        .when(quantity == "direction")
        .then(direction)
    )


def _sign(move: pl.Expr) -> pl.Expr:
    """1, -1, 0 where no larger than `SAME`; null where it is no number."""
    return pl.when(move.is_finite()).then(pl.when(move.abs() <= SAME).then(0.0).otherwise(move.sign()))


def _make_moves(rows: pl.DataFrame) -> Moves:
    row = rows.row(0, named=True)
    steps, columns = np.unique(rows["step"].to_numpy(), return_inverse=True)
    origins, lines = np.unique(rows["origin"].to_physical().to_numpy(), return_inverse=True)

    def spread(name: str) -> Floats:
        matrix = np.full((origins.size, steps.size), np.nan)
        matrix[lines, columns] = rows[name].to_numpy()
        return matrix

    targets = np.full((origins.size, steps.size), -1, dtype=np.int64)
    targets[lines, columns] = rows["target_time"].to_physical().to_numpy()
    return Moves(
        market=row["market"],
        interval=row["interval"],
        quantity=row["quantity"],
        model=row["model"],
        steps=steps,
        origins=origins,
        targets=targets,
        said=spread("said"),
        went=spread("went"),
        size=spread("size"),
        majority=spread("majority"),
    )
