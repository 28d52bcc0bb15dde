"""The chapter on other losses, and on a penalty on copying."""

from __future__ import annotations

from functools import partial

import polars as pl

from coincast.articles.sheehan.draw_scores import draw_copying
from coincast.articles.sheehan.panels import UNIT
from coincast.articles.sheehan.work import Faithful, Work
from coincast.forecasts.combine import ENSEMBLE
from coincast.reports.numbers import things
from coincast.reports.study import Chapter, Picture, Sheet

LOSS_NAMES = {
    "lstm": "absolute error (article)",
    "lstm(loss=mse)": "squared error",
    "lstm(loss=trading)": "trading loss",
    "lstm(loss=direction)": "direction loss",
}

COLUMNS = {
    "coin": "coin", "name": "made small", "runs": "runs", "error": "MAE (median)", "naive": "naive",
    "verdict": "verdict", "boldness": "own / real moves", "agreement": "correlation of moves",
    "hit_rate": "right side", "majority": "commoner side", "gain": "gain per candle", "always": "holding", "n": "n",
}  # fmt: skip
"""Of the table: what `summarise` calls it, and what a reader does."""


def tell_losses(work: Work, done: Faithful) -> Chapter:
    """Other losses, and a penalty on copying."""
    names = {coin.market: coin.name for coin in work.ground.coins}
    rows = [{**row, "coin": names[row["market"]], "name": _loss_name(row["model"])} for row in done.losses.to_dicts()]
    best = [min((row for row in rows if row["coin"] == name), key=lambda row: row["error"]) for name in names.values()]
    winners = "; ".join(f"{row['coin']} {row['name']}, {row['error']:.4f} (naive {row['naive']:.4f})" for row in best)
    beating = sum(row["error"] < row["naive"] for row in rows)
    text = (
        "The author wished for squared errors, for losses that look at trades, and for a penalty on forecasts that "
        "only copy. Here they are, on his network and his windows.",
        f"Smallest error of each coin: {winners}. {beating} of {len(rows)} beat the copy of the last price.",
        "A penalty on copying is meant to drive forecasts away from the last price; the chart shows how far it does, "
        "and at what cost. Networks that learn trades or directions give a position, not a price; the gain of their "
        "side stands beside that of simply holding the coin, both before costs.",
    )
    table = pl.DataFrame([{words: row[key] for key, words in COLUMNS.items()} for row in rows])
    count = things(rows[0]["n"], "test window")
    caption = (
        f"{UNIT}; {count} for each coin; {things(min(row['runs'] for row in rows), 'run')} of each loss, "
        "the article's with all of its runs."
    )
    subtitle = (
        "Mean error of the article's kind, over that of the copy; own moves: how far a forecast leaves the last "
        f"price, beside how far prices do. {count}."
    )
    draw = partial(draw_copying, title="To copy or not to copy", rows=rows, subtitle=subtitle)
    exhibits = (
        Picture("losses", "To copy or not to copy", caption, draw),
        Sheet("losses-table", "Losses compared", caption, table.sort("coin", "MAE (median)")),
    )
    return Chapter("What should a network make small?", text, exhibits)


def _loss_name(model: str) -> str:
    name = model.removesuffix(ENSEMBLE)
    if "copy_penalty" in name:
        return f"penalty on copying {name.partition('=')[2].rstrip(')')}"
    return LOSS_NAMES.get(name, name)
