"""The chapters on the network: how it learns, its fit, one step ahead, five steps ahead."""

from __future__ import annotations

from functools import partial

import polars as pl

from coincast.articles.drawn import drawn_times
from coincast.articles.sheehan import draw_fits, published
from coincast.articles.sheehan.ground import Coin, Ground
from coincast.articles.sheehan.panels import UNIT, span, spell_span
from coincast.articles.sheehan.singles import Singles
from coincast.articles.sheehan.work import Faithful, Work
from coincast.articles.window_error import window_error
from coincast.reports.numbers import percent, things
from coincast.reports.study import Chapter, Picture, Sheet


def tell_network(work: Work, done: Faithful) -> Chapter:
    """How the single models learn, and their fit."""
    ground, one = work.ground, done.one
    told = "; ".join(_tell_error(one, coin, "train", published.FIT_ERROR) for coin in ground.coins)
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
        caption = f"{things(rows.height, 'training window')}, {span(coin, 'train')}"
        inset = "the article's days and prices" if coin.is_published else "the newest tenth"
        stands_for = coin.name if coin.is_published else "ETH" if coin is ground.coins[-1] else "BTC"
        fit = partial(draw_fits.draw_fit, coin=coin, singles=one)
        moves = partial(draw_fits.draw_moves, coin=coin, rows=rows, title="The same fit as changes")
        exhibits += [
            Picture(
                f"fit-{stem}", f"{coin.name}: the fit", f"{caption}; inset: {inset}.", fit, "faithful",
                repeats=f"training fit {stands_for} with inset",
            ),
            Picture(f"fit-moves-{stem}", f"{coin.name}: the fit as changes", f"{caption}.", moves, "fair"),
        ]  # fmt: skip
    return Chapter("How does the network learn, and how well does it fit?", text, tuple(exhibits))


def tell_one_step(work: Work, done: Faithful) -> Chapter:
    """The headline: one step ahead on the test windows."""
    ground = work.ground
    told = "; ".join(_tell_error(done.one, coin, "test", published.TEST_ERROR) for coin in ground.coins)
    changes = " Drawn as changes from the last known price, they show what they say of the move."
    headline = "This is the article's headline. Its error"
    if not any(coin.is_published for coin in ground.coins):
        headline = "The article's headline is of such forecasts. Their error on these candles"
    text = (
        f"{headline}: {told}.",
        f"The line lies close to the price because prices are close to where they were.{changes * work.bench.fair}",
    )
    exhibits = []
    for coin in reversed(ground.coins):
        rows, stem = done.one.forecasts(coin.market, "test"), coin.stem
        days = spell_span(drawn_times(rows["target_time"], ground.interval), ground.interval)
        caption = f"{things(rows.height, 'forecast')}, one {ground.candle} ahead, {days}."
        test = partial(draw_fits.draw_test, ground=ground, coin=coin, singles=done.one)
        moves = partial(draw_fits.draw_moves, coin=coin, rows=rows, title="The same forecasts as changes")
        exhibits += [
            Picture(
                f"test-{stem}", f"{coin.name}: one step ahead", caption, test, "faithful",
                repeats="test single point ETH / BTC",
            ),
            Picture(f"test-moves-{stem}", f"{coin.name}: the same as changes", caption, moves, "fair"),
        ]  # fmt: skip
    return Chapter("One step ahead", text, tuple(exhibits))


def tell_five_steps(work: Work, done: Faithful) -> Chapter:
    """Segments of five steps, with the figures that the article does not give."""
    ground, five = work.ground, done.five
    segments = {coin.name: draw_fits.segments(five, coin.market) for coin in ground.coins}
    told = "; ".join(
        f"{name} {window_error(own):.4f} against {window_error(own, 'last_close'):.4f}"
        for name, own in segments.items()
    )
    count = things(segments[ground.coins[0].name]["window"].n_unique(), "segment")
    text = (
        f"Every fifth window gives one line of five steps: {count} for each coin. The article shows them without a "
        "figure and without anything beside them.",
        f"Mean error of the {count}, against a flat line at the last price: {told}.",
    )
    steps = draw_fits.step_errors(five, ground).filter(pl.col("seed") == published.SEED).drop("seed")
    caption = f"{count} of {five.horizon} steps for each coin."
    lines, errors = (
        partial(draw, ground=ground, singles=five) for draw in (draw_fits.draw_segments, draw_fits.draw_step_errors)
    )
    exhibits = (
        Picture(
            "segments", "Five steps ahead", f"{caption} Shades of one colour in place of five colours.", lines,
            "faithful", repeats="five-step segments",
        ),
        Picture("segment-steps", "The error of each step", caption, errors, "fair"),
        Sheet(
            "segment-errors", "Five steps: error by step", f"{UNIT}; seed {published.SEED}.",
            steps.rename({"error": "LSTM", "naive": "flat"}),
        ),
    )  # fmt: skip
    return Chapter("Five steps ahead", text, exhibits)


def _tell_error(singles: Singles, coin: Coin, part: str, stated: dict[str, float]) -> str:
    """The error on the windows of a part, the article's where it states one, and that of copying."""
    model, naive = (singles.error(coin.market, part, column=column) for column in ("value", "last_close"))
    article = f", the article {stated[coin.name]:.4f}" if coin.is_published and coin.name in stated else ""
    return f"{coin.name} {model:.4f}{article}, copying the last price {naive:.4f}"


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
