"""The chapters on the network: how it learns, its fit, one step ahead, five steps ahead."""

from __future__ import annotations

from functools import partial

import polars as pl

from coincast.articles.sheehan import draw_fits, published
from coincast.articles.sheehan.ground import Ground
from coincast.articles.sheehan.panels import span
from coincast.articles.sheehan.singles import Singles
from coincast.articles.sheehan.work import Faithful, Work
from coincast.articles.window_error import window_error
from coincast.reports.numbers import percent, things
from coincast.reports.study import Chapter, Picture, Sheet

UNIT = "MAE, share of the window's first close"


def tell_network(work: Work, done: Faithful) -> Chapter:
    """How the single models learn, and their fit."""
    ground, one = work.ground, done.one
    fits = {
        coin.name: (one.error(coin.market, "train"), one.error(coin.market, "train", column="last_close"))
        for coin in ground.coins
    }
    told = "; ".join(f"{name} {fit:.4f}, copying {naive:.4f}" for name, (fit, naive) in fits.items())
    text = (
        f"One LSTM layer of {published.UNITS} units, a dropout of {percent(published.DROPOUT, digits=0)}, a linear "
        f"layer: {one.parameters:,} numbers to learn for one step, {done.five.parameters:,} for five. Adam, batches "
        f"of one, {things(one.epochs, 'epoch')}, the mean absolute error, no validation.",
        "A falling loss and a fit that hugs the price need no knowledge of the future: the dashed lines show what "
        f"copying the last price scores on the same windows. Error of the fit: {told}.",
    )
    exhibits: list[Picture | Sheet] = [
        Picture(
            "training", "How the networks learnt", f"Seed {published.SEED}; dashed: naive on the same windows.",
            partial(draw_fits.draw_training, ground=ground, every=(one, done.five)), side="faithful",
            repeats="training curve",
        ),
        Sheet(
            "training-losses", "Training loss, first and last epoch", f"{UNIT}, dropout on; seed {published.SEED}.",
            _losses(ground, (one, done.five)), side="faithful",
        ),
    ]  # fmt: skip
    for coin in reversed(ground.coins):
        rows, stem = one.forecasts(coin.market, "train"), coin.stem
        caption = f"{things(rows.height, 'training window')}, {span(coin, 'train', ground)}"
        inset = "the article's days and prices" if coin.is_published else "the newest tenth"
        stands_for = coin.name if coin.is_published else "ETH" if coin is ground.coins[-1] else "BTC"
        repeats = f"training fit {stands_for} with inset"
        draw = partial(draw_fits.draw_fit, ground=ground, coin=coin, singles=one)
        exhibits.append(
            Picture(
                f"fit-{stem}", f"{coin.name}: the fit", f"{caption}; inset: {inset}.", draw, "faithful", repeats=repeats
            )
        )
        moves = partial(draw_fits.draw_moves, ground=ground, coin=coin, rows=rows, title="The same fit as changes")
        exhibits.append(Picture(f"fit-moves-{stem}", f"{coin.name}: the fit as changes", f"{caption}.", moves, "fair"))
    return Chapter("How does the network learn, and how well does it fit?", text, tuple(exhibits))


def tell_one_step(work: Work, done: Faithful) -> Chapter:
    """The headline: one step ahead on the test windows."""
    ground = work.ground
    told = []
    for coin in ground.coins:
        model, naive = done.one.error(coin.market, "test"), done.one.error(coin.market, "test", column="last_close")
        stated = f", the article {published.TEST_ERROR[coin.name]:.4f}" if coin.is_published else ""
        told.append(f"{coin.name} {model:.4f}{stated}, copying the last price {naive:.4f}")
    text = (
        f"This is the article's headline. Its error: {'; '.join(told)}.",
        "The line lies close to the price because prices are close to where they were."
        + (
            " Drawn as changes from the last known price, they show what they say of the move."
            if work.bench.fair
            else ""
        ),
    )
    exhibits: list[Picture | Sheet] = []
    for coin in reversed(ground.coins):
        rows, stem = done.one.forecasts(coin.market, "test"), coin.stem
        caption = f"{things(rows.height, 'forecast')}, one {ground.candle} ahead, {_ends(rows)}."
        draw = partial(draw_fits.draw_test, ground=ground, coin=coin, singles=done.one)
        exhibits.append(
            Picture(
                f"test-{stem}",
                f"{coin.name}: one step ahead",
                caption,
                draw,
                side="faithful",
                repeats="test single point ETH / BTC",
            )
        )
        title = "The same forecasts as changes"
        moves = partial(draw_fits.draw_moves, ground=ground, coin=coin, rows=rows, title=title)
        exhibits.append(Picture(f"test-moves-{stem}", f"{coin.name}: the same as changes", caption, moves, side="fair"))
    return Chapter("One step ahead", text, tuple(exhibits))


def tell_five_steps(work: Work, done: Faithful) -> Chapter:
    """Segments of five steps, with the figures that the article does not give."""
    ground, five = work.ground, done.five
    rows = [
        {
            "coin": coin.name, "segments": own["window"].n_unique(), "LSTM": window_error(own),
            "flat": window_error(own, "last_close"),
        }
        for coin in ground.coins
        for own in [draw_fits.segments(five, coin.market)]
    ]  # fmt: skip
    told = "; ".join(f"{row['coin']} {row['LSTM']:.4f} against {row['flat']:.4f}" for row in rows)
    count = draw_fits.segments(five, ground.coins[0].market)["window"].n_unique()
    text = (
        f"Every fifth window gives one line of five steps: {things(count, 'segment')} for each coin. The article shows "
        "them without a figure and without anything beside them.",
        f"Mean error of the {things(count, 'segment')}, against a flat line at the last price: {told}.",
    )
    steps = draw_fits.step_errors(five, ground).filter(pl.col("seed") == published.SEED).drop("seed")
    caption = f"{things(count, 'segment')} of {five.horizon} steps for each coin."
    exhibits: list[Picture | Sheet] = [
        Picture(
            "segments", "Five steps ahead", f"{caption} Shades of one colour in place of five colours.",
            partial(draw_fits.draw_segments, ground=ground, singles=five), side="faithful",
            repeats="five-step segments",
        )
    ]  # fmt: skip
    draw = partial(draw_fits.draw_step_errors, ground=ground, singles=five)
    exhibits.append(Picture("segment-steps", "The error of each step", caption, draw, side="fair"))
    exhibits.append(
        Sheet(
            "segment-errors",
            "Five steps: error by step",
            f"{UNIT}; seed {published.SEED}.",
            steps.rename({"error": "LSTM", "naive": "flat"}),
        )
    )
    return Chapter("Five steps ahead", text, tuple(exhibits))


def _losses(ground: Ground, every: tuple[Singles, ...]) -> pl.DataFrame:
    rows = []
    for singles in every:
        for coin in ground.coins:
            losses = singles.losses(coin.market)
            stated = published.LAST_LOSS.get((coin.name, singles.horizon)) if coin.is_published else None
            row = {"coin": coin.name, "steps": singles.horizon, "first": float(losses[0]), "last": float(losses[-1])}
            rows.append(
                {**row, "last, as published": stated, "naive": singles.error(coin.market, "train", column="last_close")}
            )
    return pl.DataFrame(rows, schema_overrides={"last, as published": pl.Float64})


def _ends(rows: pl.DataFrame) -> str:
    first, last = (rows["origin"][place] for place in (0, -1))
    return f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"
