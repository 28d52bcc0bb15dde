"""The questions that the author left open, a chapter each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np
import polars as pl

from coincast.articles.sheehan import published, questions
from coincast.articles.sheehan.about import ABOUT
from coincast.articles.sheehan.draw_scores import Box, Group, Mark, Skill, draw_boxes, draw_learning, draw_skills
from coincast.articles.sheehan.ground import Ground
from coincast.articles.sheehan.intervals import compare_intervals
from coincast.articles.sheehan.panels import span
from coincast.articles.sheehan.work import Work
from coincast.candles.table import interval_milliseconds
from coincast.errors import DataError
from coincast.experiments.result import Result
from coincast.reports.numbers import base_currency, interval_name, percent, things
from coincast.reports.study import Chapter, Picture, Sheet, Side

Told = tuple[tuple[str, ...], tuple[Picture | Sheet, ...]]
"""Text and exhibits of a chapter."""
SKILLS_CAPTION = "Mark: skill of the ensemble; line: 95 % interval of the judge's test, where forecasts suffice."


def tell_questions(work: Work) -> list[Chapter]:
    """One chapter for each question that can be answered in the ways that were asked for."""
    asked: dict[str, Callable[[Work], Told]] = {"Do more units and more epochs help?": _tell_units}
    if work.bench.fair:
        asked["Does a shorter or a longer window help?"] = _tell_windows
        asked["Minutes, hours, days, weeks?"] = _tell_intervals
    asked["Does it overestimate?"] = _tell_bias
    asked["Does it fail after sharp moves?"] = _tell_moves
    asked["Is the test span unlike the training span?"] = _tell_shift
    if work.bench.fair:
        asked["Does a pattern disappear?"] = _tell_periods
    return [_ask(work, title, tell) for title, tell in asked.items()]


def _ask(work: Work, title: str, tell: Callable[[Work], Told]) -> Chapter:
    """The chapter of one question; where candles do not suffice for it, it says so, and the others stay."""
    try:
        return Chapter(title, *tell(work))
    except DataError as error:
        return Chapter(title, (f"These candles do not suffice to answer it: {' '.join(str(error).split())}.",))


def _tell_units(work: Work) -> Told:
    table, names = questions.learn_longer(work.bench, work.ground), _names(work.ground)
    last = table.filter(pl.col("epoch") == pl.col("epoch").max())
    lowest = table.group_by("market", "units").agg(
        pl.col("validation_loss").min().alias("least"), pl.col("epoch").sort_by("validation_loss").first().alias("at")
    )
    rows = last.join(lowest, on=["market", "units"]).sort("market", "units")
    overfits = rows.filter(pl.col("validation_loss") > 1.05 * pl.col("least"))
    beaten = rows.filter(pl.col("least") < pl.col("naive")).height
    told = "; ".join(
        f"{names[row['market']]}, {row['units']} units: least at epoch {row['at']} with {row['least']:.4f}, "
        f"{row['validation_loss']:.4f} in the end, naive {row['naive']:.4f}"
        for row in rows.filter(pl.col("units") == pl.col("units").max()).to_dicts()
    )
    text = (
        f"More neurons, more epochs? The rows that were held back from training tell: {told}.",
        f"Of the {rows.height} lines, one for each size and coin, {overfits.height} end more than 5 % above their own "
        f"best epoch{': there the networks overfit' if overfits.height else ''}. {beaten} were ever below the naive "
        f"loss{', at an epoch that only the rows held back could tell' if beaten else ''}.",
    )
    learnt = len(work.ground.coins[0].task.parts.train)
    epochs = int(table["epoch"].max())  # type: ignore[arg-type]
    caption = (
        f"Mean of {things(questions.few_seeds(work.bench)['training__seeds'], 'run')} by number of units (at the "
        f"right); {things(epochs, 'epoch')}, batches of {questions.BATCH}, learning rate {questions.LEARNING_RATE} "
        f"(the article: {published.BATCH} and {published.LEARNING_RATE}); held back: the newest "
        f"{questions.rows_held_back(work.ground)} of {learnt} training rows."
    )
    draw = partial(draw_learning, title="More units, more epochs", subtitle=caption, table=table, names=names)
    sheet = rows.select(
        pl.col("market").replace(names).alias("coin"), "units", pl.col("loss").alias("training, end"),
        pl.col("validation_loss").alias("held back, end"), pl.col("least").alias("held back, least"),
        pl.col("at").alias("epoch"), "naive",
    )  # fmt: skip
    exhibits = (
        Picture("more-units", "More units, more epochs", caption, draw),
        Sheet("more-units-table", "Losses by units", caption, sheet),
    )
    return text, exhibits


def _tell_windows(work: Work) -> Told:
    table, names, word = questions.vary_window(work.bench, work.ground), _names(work.ground), work.ground.candle
    rows = [_skill(row, names[row["market"]], f"{row['lookback']} {word}s") for row in table.to_dicts()]
    text = (
        f"The article takes windows of {published.LOOKBACK} {word}s. The fair experiment with shorter and longer "
        f"windows, a few seeds each, all on the same test span: {_count_words(table)}.",
    )
    return text, _show_skills("other-windows", "Other windows", rows, _shown(table, names))


def _tell_intervals(work: Work) -> Told:
    table, own = compare_intervals(work.bench, work.ground), interval_milliseconds(work.ground.interval)
    names = {market: base_currency(market) or market for market in table["market"].unique()} | _names(work.ground)
    found = [{**row, "length": interval_name(row["interval"])} for row in table.to_dicts()]
    rows = [_skill(row, names[row["market"]], f"candles of {row['length']}") for row in found]
    moves = "; ".join(f"{names[row['market']]} {row['length']} {percent(row['move'], digits=2)}" for row in found)
    cut = "; ".join(
        f"{row['length']} of {row['market']}, the newest {row['candles']:,} of {row['given']:,} "
        f"({row['first']} to {row['last']})"
        for row in found
        if interval_milliseconds(row["interval"]) < own
    )
    shorter = f"shorter ones come from other files: {cut}" if cut else tell_no_shorter(own)
    text = (
        "The author took days, because noise would hide the signal in minutes. Longer candles are made of those of "
        f"the study; {shorter}.",
        f"Mean size of a move: {moves}. Verdicts: {_count_words(table)}.",
    )
    caption = "Each interval on its own last quarter of candles; network, window and training are the same."
    return text, _show_skills("intervals", "Other candles", rows, _shown(table, names), caption=caption)


def tell_no_shorter(own: int) -> str:
    """Where candles shorter than so many milliseconds could come from."""
    known = {interval: files for interval, files in ABOUT.beside.items() if interval_milliseconds(interval) < own}
    if not known:
        return "shorter ones than these are not looked for"
    places, nearest = ", ".join(place for files in known.values() for place in files), list(known)[-1]
    return (
        f"shorter ones cannot be: --data DIR takes them from a folder that holds any of {places}, and --market "
        f"binance:BTC/USDT --market binance:ETH/USDT --interval {nearest} repeats the whole study on candles of "
        f"{interval_name(nearest)} of the store"
    )


def _tell_bias(work: Work) -> Told:
    table, names = questions.measure_bias(_results(work)), _names(work.ground)
    groups, lines = [], []
    for market, name in names.items():
        own = table.filter(pl.col("market") == market)
        boxes = tuple(
            Box(str(way), 100 * one["bias"].to_numpy(), way != "fair")
            for (way,), one in own.group_by("way", maintain_order=True)
        )
        naives = own.group_by("way", maintain_order=True).first()["naive"]
        groups.append(Group(name, boxes, (Mark("naive", 100 * naives[0], is_naive=True),)))
        told = ", ".join(
            f"{box.name} {_signed(float(np.median(box.values)) / 100)} (naive {_signed(naive)})"
            for box, naive in zip(boxes, naives, strict=True)
        )
        too_high = ", ".join(f"{int((box.values > 0).sum())} of {box.values.size}" for box in boxes)
        lines.append(f"{name}: {told}; runs that are too high on average: {too_high}.")
    every = np.concatenate([[0.0], 100 * table["bias"].to_numpy(), 100 * table["naive"].to_numpy()])
    room = 0.1 * float(np.ptp(every)) or 0.1
    text = (
        "The author suspects that the network overestimates, because it has learnt from a span that only rose. The "
        "middle run's mean error, as a share of the last price, above zero where forecasts are too high:",
        *lines,
        "While prices rise, the naive forecast itself is too low by the mean rise; what leans upwards is paid for it.",
    )
    caption = (
        "Each dot is a run; box: quartiles; dashed: the naive forecast, on the windows of the first "
        "box. Zero is right on average."
    )
    draw = partial(
        draw_boxes, title="Too high, or too low?", subtitle=caption, groups=groups,
        unit="mean error, % of the last price",
        limits=(float(every.min()) - room, float(every.max()) + room),
    )  # fmt: skip
    summary = table.group_by("way", "market", maintain_order=True).agg(
        pl.len().alias("runs"), (100 * pl.col("bias").median()).alias("median error, %"),
        (100 * pl.col("naive").first()).alias("naive, %"),
    )  # fmt: skip
    exhibits = (
        Picture("bias", "Too high, or too low?", caption, draw),
        Sheet("bias-table", "Mean error of the runs", caption, _shown(summary, names)),
    )
    return text, exhibits


def _signed(share: float) -> str:
    return percent(share, signed=True, digits=2)


def _tell_moves(work: Work) -> Told:
    table, names = questions.split_by_moves(_results(work)), _names(work.ground)
    rows = [
        _skill(row, f"{names[row['market']]}, {row['way']}", questions.SUBSETS[row["subset"]])
        for row in table.to_dicts()
    ]
    skills = [(row.skill, row) for row in rows if row.skill is not None and row.name != questions.SUBSETS["all"]]
    _, worst = min(skills, key=itemgetter(0), default=(0.0, None))
    text = (
        "Does it fail where the price has just jumped? A jump is among the largest tenth of the moves into an "
        "origin; calm and wild are the lowest and the highest third of the mean move of the last ten. Such parts "
        "describe; they get no verdict.",
        *(
            f"Least skill: {one.group}, {one.name}, {percent(one.skill, signed=True)} on {things(one.n, 'forecast')}."
            for one in [worst]
            if one
        ),
    )
    shown = _shown(table, names).with_columns(pl.col("subset").replace(questions.SUBSETS))
    return text, _show_skills("moves", "After sharp moves", rows, shown, side="both")


def _tell_shift(work: Work) -> Told:
    market, days = work.ground.coins[0].market, span(work.ground.coins[0], "test")
    lines = "; ".join(
        f"{coin.name}: {percent(coin.unseen, digits=0)} of the test closes lie outside all training closes"
        for coin in work.ground.coins
    )
    way, result = list(_results(work).items())[-1]
    shift = result.shift.filter(pl.col("market") == market)
    share = float(shift["share_outside"].mean())  # type: ignore[arg-type]
    text = (
        f"The author fears that the test prices are nothing like the training prices. {lines}. But the network never "
        "sees a price as such, only its ratio to the first one of a window. Scaled in its window, an input lies "
        f"outside what training saw in {percent(share)} of the cases on average.",
    )
    title, caption = "Inputs that training never saw", f"Inputs as the network sees them; test {days}, {way}."
    drawing = None if work.fair is None else work.figure(market, "shift")
    exhibits: list[Picture | Sheet] = []
    if drawing is not None:
        exhibits.append(Picture("shift", title, caption, drawing, side="fair"))
    wanted = ("input", "train_low", "train_high", "share_below", "share_above", "share_outside")
    exhibits.append(Sheet("shift-table", title, caption, shift.select(wanted)))
    return text, tuple(exhibits)


def _tell_periods(work: Work) -> Told:
    table, names = questions.walk_forward(work.bench, work.ground), _names(work.ground)
    rows = [_skill(row, names[row["market"]], row["period"]) for row in table.to_dicts()]
    ends = [(row.low, row.high) for row in rows if row.low is not None and row.high is not None]
    above, below = sum(low > 0 for low, _ in ends), sum(high < 0 for _, high in ends)
    short = len(rows) - len(ends)
    without = f" ({things(short, 'period')} {'has' if short == 1 else 'have'} none)" if short else ""
    text = (
        "Perhaps there is no signal, or it was there and is gone. The fair network, trained anew on the way through "
        f"most of the span, by period: of {things(len(ends), 'interval')}{without} above zero {above}, below zero "
        f"{below}. Of intervals at 95 %, about one in twenty misses zero by chance alone.",
    )
    return text, _show_skills("periods", "Skill by period", rows, _shown(table, names))


def _show_skills(
    name: str, title: str, rows: list[Skill], table: pl.DataFrame, *, caption: str = SKILLS_CAPTION, side: Side = "fair"
) -> tuple[Picture, Sheet]:
    draw = partial(draw_skills, title=title, subtitle=caption, rows=rows)
    return Picture(name, title, caption, draw, side), Sheet(f"{name}-table", title, caption, table)


def _shown(table: pl.DataFrame, names: dict[str, str]) -> pl.DataFrame:
    return table.with_columns(pl.col("market").replace(names)).rename({"market": "coin"}).drop("model", strict=False)


def _skill(row: Mapping[str, Any], group: str, name: str) -> Skill:
    return Skill(group, name, row["skill"], row["low"], row["high"], row["n"], row.get("verdict"))


def _count_words(table: pl.DataFrame) -> str:
    words = table["verdict"].value_counts(sort=True)
    return ", ".join(f"{count} {word}" for word, count in words.iter_rows())


def _results(work: Work) -> dict[str, Result]:
    found = {} if work.faithful is None else {"as published": work.faithful.comparison.result}
    return found | ({} if work.fair is None else {"fair": work.fair})


def _names(ground: Ground) -> dict[str, str]:
    return {coin.market: coin.name for coin in ground.coins}
