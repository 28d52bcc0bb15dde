"""The chapters of the article before its network: data, inputs, the lag model, random walks."""

from __future__ import annotations

from functools import partial

import numpy as np
import polars as pl

from coincast.articles.remains import join_words
from coincast.articles.sheehan import draw_market, draw_walks, published
from coincast.articles.sheehan.ground import Coin, Ground
from coincast.articles.sheehan.panels import UNIT, closes_of_test, row_times, span, spell_times, unit
from coincast.articles.sheehan.walks import yardsticks
from coincast.articles.sheehan.work import Work
from coincast.experiments.tasks import make_tasks
from coincast.models.random_walk import change_law
from coincast.reports.numbers import percent, things
from coincast.reports.study import Chapter, Panel, Picture, Sheet, Side, Widget

PRICES: tuple[tuple[Side, str, str], ...] = (
    ("faithful", "open", "as published: the opening price under the name of the closing price"),
    ("fair", "close", "the close"),
)
YARDSTICKS = {
    "lag": "the last price (naive)",
    "drift": "the last price, grown by the walk's mean",
    "still": "no change since the window began",
    "regression": "least squares on the closes of the window",
}


def tell_data(work: Work) -> Chapter:
    """Prices, volume, and the split."""
    ground = work.ground
    first = ground.coins[0]
    parts, names = first.task.parts, join_words([coin.name for coin in ground.coins])
    unseen = ", ".join(f"{percent(coin.unseen, digits=0)} ({coin.name})" for coin in ground.coins)
    held_back = " No part is held back to choose settings: whoever tunes here, tunes on the test."
    scale = " On a scale on which the same share is the same height, the two parts can be compared."
    text = (
        f"{things(ground.rows, ground.candle)} of {names}, joined by date. The first {len(parts.train)} are learnt "
        f"from, the last {len(parts.test)} are forecast.{held_back * work.bench.faithful}",
        "The article's price chart says closing price and draws the opening price."
        + (" The close has a chart of its own here." if work.bench.fair else ""),
        f"Of the test closes, {unseen} lie where no training close was.{scale * work.bench.fair}",
    )
    exhibits: list[Picture | Sheet] = []
    for coin in ground.coins:
        for side, column, told in PRICES:
            if coin.task.samples.candles[column].null_count():
                continue
            draw = partial(draw_market.draw_price, ground=ground, coin=coin, column=column)
            name, title = f"price-{coin.stem}-{column}", f"{coin.name}: price and volume"
            caption = f"{span(coin)}; {told}."
            exhibits.append(Picture(name, title, caption, draw, side, repeats="price + volume, one per coin"))
    split = draw_market.tell_split(ground)
    plain, log = (partial(draw_market.draw_split, ground=ground, is_log=is_log) for is_log in (False, True))
    exhibits.append(Picture("split", "The split", split, plain, "faithful", repeats="split"))
    exhibits.append(Picture("split-log", "The split, on a scale of shares", split, log, "fair", repeats="split"))
    return Chapter("What is learnt from, and what is forecast?", text, tuple(exhibits))


def tell_inputs(work: Work) -> Chapter:
    """Features and windows."""
    ground = work.ground
    lookback, word = published.LOOKBACK, ground.candle
    five = make_tasks(ground.spec("windows", models=["naive"], samples__horizon=published.STEPS), ground.filled)[0]
    one = ground.coins[0].task
    rows = [
        {"part": name, f"{word}s": len(part), "windows": len(single), "targets of five steps": len(many) - dropped}
        for name, part, single, many, dropped in (
            ("training", one.parts.train, one.training, five.training, 1),
            ("test", one.parts.test, one.test, five.test, 0),
        )
    ]
    features = ", ".join(name.replace("quote_volume", "volume") for name in ground.features)
    copied = ", ".join(f"{coin.name} {percent(coin.explained, digits=0)}" for coin in ground.coins)
    divided = "Close and volume are divided by their" if ground.volume else "The close is divided by its"
    used = ", and so it is used here" if "close_off_high" in ground.features else ""
    text = (
        f"The network sees {lookback} {word}s of {len(ground.features)} numbers for each coin: {features}. "
        f"{divided} first value in the window. It is to say the next close, relative to "
        f"the close {lookback} {word}s before it: the first one of its window, not the last one.",
        f"That last point matters. {lookback - 1} of the {lookback} {word}s of such a change have passed when the "
        f"forecast is made, and the network is shown them. Share of the target that a copy of the last price explains: "
        f"{copied}.",
        "The article describes close_off_high as -1 at the low and +1 at the high. Its formula gives the "
        f"opposite{used}.",
    )
    counts = (
        f"Windows lie inside their part, so the first {lookback} test {word}s are never forecast; the article's "
        "loop drops one of the training targets of five steps."
    )
    sheets = (
        Sheet("window-counts", "Windows", counts, pl.DataFrame(rows)),
        Sheet(
            "first-inputs",
            "The first rows of the inputs",
            f"Unscaled, {unit(ground.coins[0])} where they are prices.",
            _first_inputs(ground),
        ),
    )
    return Chapter("What is the network told?", text, sheets)


def tell_lag(work: Work) -> Chapter:
    """The price stays where it is, and other forecasts that need no network."""
    ground, first = work.ground, work.ground.coins[0]
    known = {coin.name: yardsticks(coin) for coin in ground.coins}
    errors = ", ".join(f"{found['lag']:.4f} ({name})" for name, found in known.items())
    flat = "Drawn as changes, the same forecasts are a flat line. "
    text = (
        "The lag model says: the next price is the last one. The article draws it, and it looks good. The text "
        f"never says how good: its error on the test windows is {errors}, in the article's own unit.",
        f"{flat * work.bench.fair}The lag model says nothing at all about what comes. Any line that follows prices "
        "one step late gets this picture and this figure for free.",
    )
    caption = f"{things(len(first.task.parts.test), 'forecast')} for each coin, {span(first, 'test')}."
    errors_by_coin = {name: [found[key] for key in YARDSTICKS] for name, found in known.items()}
    table = pl.DataFrame({"forecast": list(YARDSTICKS.values()), **errors_by_coin})
    windows = f"{UNIT}; {things(len(first.task.test), 'test window')}."
    lag, changes = (partial(draw, ground=ground) for draw in (draw_market.draw_lag, draw_market.draw_lag_changes))
    exhibits = (
        Picture("lag", "The lag model", caption, lag, "faithful", repeats="lag model"),
        Picture("lag-changes", "The lag model as changes", caption, changes, "fair"),
        Sheet("yardsticks", "Forecasts without a network", windows, table),
    )
    return Chapter("Tomorrow is like today: the lag model", text, exhibits)


def tell_walks(work: Work) -> Chapter:
    """Random walks: their law, their pictures, the slider."""
    ground = work.ground
    coin = next((coin for coin in ground.coins if coin.name == "ETH"), ground.coins[-1])
    laws = [(coin, *change_law(coin.task.samples, coin.task.parts.train)) for coin in ground.coins]
    told = "; ".join(
        f"{coin.name} {percent(mean, digits=2)} and {percent(spread, digits=2)}" for coin, mean, spread in laws
    )
    many = " Many walks at once show what the law really says: nearly anything."
    text = (
        "A random walk adds a drawn change to a price. Its law has the mean and the deviation of the training "
        f"{ground.candle}s, open to close: {told}.",
        "With one step from each true price it looks like a forecast; its drawn changes have nothing to do with the "
        "real ones. Over the full interval a single seed decides everything, and the author says that he chose the "
        f"one on show because it looks good.{many * work.bench.fair}",
        "In the lower panel of the article's slider the line called actual price is its one-step walk. Here it is the "
        "price.",
    )
    steps = f"{things(len(coin.task.parts.test), 'step')}, {span(coin, 'test')}."
    single, full = (partial(draw_walks.draw_walk, ground=ground, is_full=is_full) for is_full in (False, True))
    changes, fan = (partial(draw, ground=ground) for draw in (draw_walks.draw_walk_steps, draw_walks.draw_fan))
    ends = partial(draw_walks.draw_seed_ends, coin=coin)
    exhibits = (
        Picture(
            "changes", f"How much a {ground.candle} changes the price", f"Training {span(coin, 'train')}.",
            partial(draw_market.draw_changes, ground=ground), repeats="histogram of daily changes",
        ),
        Picture(
            "walk-single", "Random walk, one step at a time", steps, single, "faithful", repeats="single-point walk"
        ),
        Picture("walk-steps", "The same walk as changes", steps, changes, "fair"),
        Picture(
            "walk-full", "Random walk over the full interval", steps, full, "faithful", repeats="full-interval walk"
        ),
        Picture("walk-fan", "Many walks instead of one", steps, fan, "fair"),
        Picture("walk-seeds", "What the seed decides", f"{coin.name}. {steps}", ends, "both", repeats="seed slider"),
    )  # fmt: skip
    return Chapter("Random walks", text, exhibits, widget=make_slider(ground, coin))


def make_slider(ground: Ground, coin: Coin) -> Widget:
    """The seed slider of the article: the walk of one coin in both ways, for each seed."""
    time, close, before = closes_of_test(coin)
    walks = [draw_walks.slider_walk(coin, seed) for seed in published.SLIDER]
    ways = (
        ("One step from each true price", before, [walk.single_point for walk in walks]),
        (
            "The full interval from its first day",
            np.full(close.size, before[0]),
            [walk.full_interval for walk in walks],
        ),
    )
    panels = tuple(
        Panel(
            title,
            unit(coin),
            tuple(spell_times(time, ground.interval)),
            {"price": tuple(close.tolist()), "naive": tuple(naive.tolist())},
            {"random walk": tuple(tuple(line.tolist()) for line in lines)},
        )
        for title, naive, lines in ways
    )
    return Widget(
        "seed-slider",
        f"{coin.name}: move the seed",
        f"{things(close.size, 'step')} drawn afresh for each seed; the article begins at {published.SLIDER_START}.",
        "seed",
        tuple(published.SLIDER),
        published.SLIDER_START,
        panels,
    )


def _first_inputs(ground: Ground, count: int = 3) -> pl.DataFrame:
    samples = ground.coins[0].task.samples
    days = spell_times(row_times(ground.coins[0], range(count)), ground.interval)
    return pl.DataFrame({ground.candle: days, **dict(zip(samples.names, samples.inputs[:count].T, strict=True))})
