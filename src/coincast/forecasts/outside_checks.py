"""What somebody else's table of forecasts must not say: prices that cannot be, and two answers in one place."""

from __future__ import annotations

import polars as pl

from coincast.errors import ForecastError
from coincast.forecasts.combine import MODEL_KEYS, failed_runs
from coincast.forecasts.outside_places import SAME_PRICE

NAIVE_TOLD = {
    "direction": "1 or 0, the side to which most candles of the training rows went",
    "volatility": "the forecast that an exponentially weighted past gives, EWMA(0.94)",
}
"""What the naive forecast is where a table has to tell it."""


def check_rows(frame: pl.DataFrame) -> None:
    """Refuse what contradicts itself: prices at or below zero, two prices at one time, two forecasts in one place."""
    _check_naive(frame)
    is_price = pl.col("quantity") == "price"
    low = frame.filter(is_price & (pl.col("actual") <= 0))
    if low.height:
        raise ForecastError(
            f"{low.height:,} actual prices are at or below zero, first {low['actual'][0]:g} at {_when(low)}; "
            "a price is above zero: correct these rows or leave them out"
        )
    spread = frame.filter(is_price).group_by("market", "target_time", maintain_order=True)
    prices = spread.agg(low=pl.col("actual").min(), high=pl.col("actual").max())
    torn = prices.filter(pl.col("high") > pl.col("low") * (1 + SAME_PRICE))
    if torn.height:
        row = torn.row(0, named=True)
        raise ForecastError(
            f"{torn.height:,} times have two different actual prices, first {row['low']:g} and {row['high']:g} "
            f"at {_when(torn)}; several markets in one table need a column market"
        )
    keys = ["market", "model", "run", "quantity", "origin", "step"]
    twice = frame.filter(pl.struct(keys).is_duplicated())
    if twice.height:
        raise ForecastError(
            f"{twice.height:,} rows give different forecasts for the same place, first {twice['model'][0]} for "
            f"{_when(twice)}; keep one of them, or tell them apart by a column model, origin or step"
        )


def _check_naive(frame: pl.DataFrame) -> None:
    """A direction and a volatility come with their naive forecast, which no column of prices tells."""
    quantity = frame["quantity"][0]
    if quantity not in NAIVE_TOLD:
        return
    if "naive" not in frame.columns or frame["naive"].null_count():
        raise ForecastError(
            f"forecasts of {quantity} need a column naive in every row: {NAIVE_TOLD[quantity]}; where it has "
            'another name, columns={"naive": "..."} tells it (on the command line --column naive=...)'
        )
    columns = ("actual", "predicted" if "predicted" in frame.columns else "value", "naive")
    if quantity == "direction":
        outside = frame.filter(pl.any_horizontal(~pl.col(name).is_between(0, 1) for name in columns))
        if outside.height:
            raise ForecastError(
                f"{outside.height:,} rows hold something else than a probability of a rise, first for "
                f"{_when(outside)}; "
                "predicted is between 0 and 1, actual and naive are 1 for a rise and 0 for a fall"
            )


def settle_runs(frame: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    """Give a model's only run the number 0; of several, leave out the origins where one has no forecast.

    A run without any forecast stays, and counts as failed.
    """
    is_alone = pl.col("run").n_unique().over(MODEL_KEYS) == 1
    frame = frame.with_columns(pl.when(is_alone).then(0).otherwise("run").cast(pl.Int64).alias("run"))
    if failed_runs(frame).is_empty():
        return frame
    is_sound = pl.col("value").is_finite().fill_null(False)
    is_gap = (pl.col("run") > 0) & ~is_sound & is_sound.any().over([*MODEL_KEYS, "run"])
    places = [*MODEL_KEYS, "origin"]
    gaps = frame.filter(is_gap).select(places).unique().sort(places)
    for (model, market), lost in gaps.group_by("model", "market", maintain_order=True):
        notes.append(f"{model} on {market}: some of its runs have no forecast at {lost.height:,} origins, left out")
    return frame.join(gaps, on=places, how="anti", maintain_order="left")


def _when(rows: pl.DataFrame) -> str:
    return f"{rows['target_time'][0]:%Y-%m-%d %H:%M} UTC"
