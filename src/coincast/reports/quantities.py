"""What is forecast, in words and units: a volatility or a direction is never drawn or told as a price."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from coincast.reports.numbers import quote_currency, things
from coincast.scores.words import NAIVE_WORDS

if TYPE_CHECKING:
    from coincast.reports.story import Story

IN_PERCENT = ("direction", "volatility")
"""Quantities that are shown in percent: their values are shares."""
ERRORS = {
    "price": "absolute log error",
    "log_return": "absolute error of the log return",
    "direction": "share of misses",
    "volatility": "QLIKE loss",
}
"""The error that decides, as an axis names it."""
DECIDES = {
    "price": "mean absolute log error",
    "log_return": "mean absolute error of the log return",
    "direction": "share of directions that were missed",
    "volatility": "mean QLIKE loss: true over forecast variance r counts r - ln r - 1",
}
"""The error that decides, for the legend of a table."""
OPPONENTS = {
    "direction": "always naming the commoner side of the training rows",
    "volatility": "the usual estimate from past volatility (EWMA)",
}
"""The naive forecast of a quantity as the object of a sentence, where it is not the last known price."""
COPIES = {
    "direction": "it always names the commoner side of the training rows",
    "volatility": "it is the usual estimate from past volatility (EWMA)",
}


def quantity_name(quantity: str) -> str:
    """Write what is forecast for readers: `log_return` is "log return"."""
    return quantity.replace("_", " ")


def value_unit(story: Story) -> str:
    """Return what forecasts are counted in; empty where the market's name does not tell its quote currency."""
    if story.quantity == "price":
        return quote_currency(story.market)
    return "%" if story.quantity in IN_PERCENT else quantity_name(story.quantity)


def value_axis(story: Story) -> str:
    """Name the axis of forecasts and of what came, with its unit."""
    if story.quantity == "direction":
        return "probability of a rise, %"
    if story.quantity == "volatility":
        return f"realised volatility over {things(_span(story), 'candle')}, %"
    return value_unit(story) or quantity_name(story.quantity)


def truth_name(story: Story) -> str:
    """Name what came, as the key of a chart does."""
    if story.quantity == "direction":
        return "rise (100) or fall (0)"
    return "what came" if story.quantity == "volatility" else quantity_name(story.quantity)


def error_axis(story: Story) -> str:
    """Name the error that decides, as an axis does."""
    return ERRORS.get(story.quantity, f"absolute error of the {quantity_name(story.quantity)}")


def is_share(story: Story) -> bool:
    """Tell whether the error that decides is shown in percent."""
    return story.quantity in ("price", "direction")


def opponent_words(quantity: str) -> str:
    """Name the naive forecast of a quantity as the object of a sentence."""
    return OPPONENTS.get(quantity, "the last known price")


def say_for(quantity: str, sentence: str) -> str:
    """Put the naive forecast of a quantity into a sentence that was made for prices."""
    if quantity not in OPPONENTS:
        return sentence
    told = sentence.replace("it repeats the last known price", COPIES[quantity])
    return told.replace(NAIVE_WORDS, OPPONENTS[quantity])


def ahead_name(quantity: str, steps: int) -> str:
    """Name what is forecast over so many candles beyond the last one."""
    named = {"direction": "probability of a rise", "volatility": f"volatility over {things(steps, 'candle')}"}
    return named.get(quantity, quantity_name(quantity))


def show_value(value: float | None, quantity: str) -> str:
    """Write a forecast for a terminal: a probability and a volatility in percent; a dash where it is unknown."""
    if value is None:
        return "-"
    return f"{100 * value:,.4g} %" if quantity in IN_PERCENT else f"{value:,.6g}"


def show_change(value: float, naive: float | None, quantity: str) -> str:
    """Write how far a forecast is from the naive one: a share of it, in points for a probability.

    A log return is already a change; there the difference stands as it is.
    """
    if naive is None:
        return "-"
    if quantity == "direction":
        return f"{100 * (value - naive):+.1f} points"
    if quantity == "log_return" or naive == 0:
        return f"{value - naive:+.6g}"
    return f"{100 * (value / naive - 1):+.2f} %"


def _span(story: Story) -> int:
    """Candles that a volatility spans."""
    table = story.forecasts
    if table is None or table.is_empty():
        return 1
    return int(table["step"].max() or 1)  # type: ignore[arg-type]


def scale_values(quantity: str) -> pl.Expr:
    """Return the factor of a column's values, as a chart shows them."""
    return pl.lit(100.0 if quantity in IN_PERCENT else 1.0)
