"""The questions that the author left open, a chapter each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from coincast.articles.sheehan import questions
from coincast.articles.sheehan.about import ABOUT
from coincast.articles.sheehan.draw_scores import Box, Group, Mark, Skill, draw_boxes, draw_learning, draw_skills
from coincast.articles.sheehan.ground import Ground
from coincast.articles.sheehan.intervals import compare_intervals
from coincast.articles.sheehan.panels import span
from coincast.articles.sheehan.work import Work
from coincast.candles.table import interval_milliseconds
from coincast.experiments.result import Result
from coincast.reports.numbers import base_currency, interval_name, percent, things
from coincast.reports.study import Chapter, Picture, Sheet

SKILLS_CAPTION = "Mark: skill of the ensemble; line: 95 % interval of the judge's test, where forecasts suffice."


def tell_questions(work: Work) -> list[Chapter]:
    """One chapter for each question that can be answered in the ways that were asked for."""
    asked: list[Callable[[Work], Chapter | None]] = [_tell_units, _tell_bias, _tell_moves, _tell_shift]
    if work.bench.fair:
        asked[1:1] = [_tell_windows, _tell_intervals]
        asked.append(_tell_periods)
    chapters = (ask(work) for ask in asked)
    return [chapter for chapter in chapters if chapter is not None]


def _tell_units(work: Work) -> Chapter:
    table, names = questions.learn_longer(work.bench, work.ground), _names(work.ground)
    last = table.filter(pl.col("epoch") == pl.col("epoch").max())
    lowest = table.group_by("market", "units").agg(
        pl.col("validation_loss").min().alias("least"), pl.col("epoch").sort_by("validation_loss").first().alias("at")
    )
    rows = last.join(lowest, on=["market", "units"]).sort("market", "units")
    overfits = rows.filter(pl.col("validation_loss") > 1.05 * pl.col("least"))
    wide = rows.filter(pl.col("units") == pl.col("units").max())
    told = "; ".join(
        f"{names[row['market']]}, {row['units']} units: least at epoch {row['at']} with {row['least']:.4f}, "
        f"{row['validation_loss']:.4f} in the end, naive {row['naive']:.4f}"
        for row in wide.to_dicts()
    )
    beaten = rows.filter(pl.col("least") < pl.col("naive")).height
    text = (
        f"More neurons, more epochs? On training rows the loss goes on falling. On rows that were held back: {told}.",
        f"{overfits.height} of {rows.height} networks end more than 5 % above their own best epoch: they overfit. "
        f"{beaten} of {rows.height} were ever below the naive loss, at an epoch that only the rows held back "
        "could tell.",
    )
    epochs = int(table["epoch"].max())  # type: ignore[arg-type]
    caption = (
        f"Mean of a few seeds by number of units (at the right); {things(epochs, 'epoch')}, batches of 16, on "
        "the newest training rows."
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
    return Chapter("Do more units and more epochs help?", text, exhibits)


def _tell_windows(work: Work) -> Chapter:
    table, names = questions.vary_window(work.bench, work.ground), _names(work.ground)
    rows = [_skill(row, names, f"{row['lookback']} {work.ground.candle}s") for row in table.to_dicts()]
    text = (
        "The article takes windows of ten days. The fair experiment with shorter and longer windows, a few "
        f"seeds each, all on the same test span: {_count_words(table)}.",
    )
    return _skill_chapter(
        work, "Does a shorter or a longer window help?", text, "other-windows", "Other windows", rows, table
    )


def _tell_intervals(work: Work) -> Chapter:
    table, interval = compare_intervals(work.bench, work.ground), work.ground.interval
    names = {market: base_currency(market) or market for market in table["market"].unique()} | _names(work.ground)
    rows = [_skill(row, names, f"candles of {interval_name(row['interval'])}") for row in table.to_dicts()]
    moves = "; ".join(
        f"{names[row['market']]} {interval_name(row['interval'])} {percent(row['move'], digits=2)}"
        for row in table.to_dicts()
    )
    shorter = [
        row for row in table.to_dicts() if interval_milliseconds(row["interval"]) < interval_milliseconds(interval)
    ]
    cut = "; ".join(
        f"{interval_name(row['interval'])} of {row['market']}, the newest {row['candles']:,} of {row['given']:,} "
        f"({row['first']} to {row['last']})"
        for row in shorter
    )
    places = ", ".join(place for files in ABOUT.beside.values() for place in files)
    text = (
        "The author took days, because noise would hide the signal in minutes. Longer candles are made of the days; "
        + (
            f"shorter ones come from other files: {cut}."
            if shorter
            else f"shorter ones cannot be: --data DIR takes them from a folder that holds any of {places}, and "
            f"--market binance:BTC/USDT --market binance:ETH/USDT --interval 1h repeats the whole study on hours of "
            "the store."
        ),
        f"Mean size of a move: {moves}. {_count_words(table).capitalize()}.",
    )
    return _skill_chapter(
        work, "Minutes, hours, days, weeks?", text, "intervals", "Other candles", rows, _shown(table, names),
        caption="Each interval on its own last quarter of candles; network, window and training are the same.",
    )  # fmt: skip


def _tell_bias(work: Work) -> Chapter | None:
    table = questions.measure_bias(_results(work))
    if table.is_empty():
        return None
    groups, lines = [], []
    for market, name in _names(work.ground).items():
        own = table.filter(pl.col("market") == market)
        boxes = tuple(
            Box(str(way), 100 * one["bias"].to_numpy(), way != "fair")
            for (way,), one in own.group_by("way", maintain_order=True)
        )
        naive = 100 * float(own["naive"][0])
        groups.append(Group(name, boxes, (Mark("naive", naive, is_naive=True),)))
        told = ", ".join(f"{box.name} {np.median(box.values):+.2f} %" for box in boxes)
        too_high = ", ".join(f"{int((box.values > 0).sum())} of {box.values.size}" for box in boxes)
        lines.append(f"{name}: {told}, naive {naive:+.2f} %; runs that are too high on average: {too_high}.")
    every = np.concatenate(
        [box.values for group in groups for box in group.boxes]
        + [[mark.value for group in groups for mark in group.marks], [0.0]]
    )
    room = 0.1 * float(np.ptp(every)) or 0.1
    text = (
        "The author suspects that the network overestimates, because it has learnt from a span that only rose. The "
        "mean error of every run, as a share of the last price, above zero where forecasts are too high:",
        *lines,
        "While prices rise, the naive forecast itself is too low by the mean rise; what leans upwards is paid for it.",
    )
    caption = "Each dot is a run; box: quartiles; dashed: the naive forecast. Zero is right on average."
    draw = partial(
        draw_boxes, title="Too high, or too low?", subtitle=caption, groups=groups,
        unit="mean error, % of the last price",
        limits=(float(every.min()) - room, float(every.max()) + room),
    )  # fmt: skip
    summary = table.group_by("way", "market", maintain_order=True).agg(
        pl.len().alias("runs"), (100 * pl.col("bias").median()).alias("median error, %"),
        (100 * pl.col("naive").first()).alias("naive, %"),
    )  # fmt: skip
    shown = summary.with_columns(pl.col("market").replace(_names(work.ground))).rename({"market": "coin"})
    exhibits = (
        Picture("bias", "Too high, or too low?", caption, draw),
        Sheet("bias-table", "Mean error of the runs", caption, shown),
    )
    return Chapter("Does it overestimate?", text, exhibits)


def _tell_moves(work: Work) -> Chapter | None:
    table, names = questions.split_by_moves(_results(work)), _names(work.ground)
    if table.is_empty():
        return None
    rows = [
        _skill({**row, "market": names[row["market"]] + f", {row['way']}"}, {}, questions.SUBSETS[row["subset"]])
        for row in table.with_columns(verdict=pl.lit(None, dtype=pl.String)).to_dicts()
    ]
    worst = min((row for row in rows if not row.name.startswith("all ")), key=lambda row: row.skill, default=None)
    text = (
        "Does it fail where the price has just jumped? A jump is among the largest tenth of the moves into an "
        "origin; calm "
        "and wild are the lowest and the highest third of the mean move of the last ten. Such parts describe; they get "
        "no verdict.",
        *(
            f"Least skill: {one.group}, {one.name}, {percent(one.skill, signed=True)} on {one.n} forecasts."
            for one in [worst]
            if one
        ),
    )
    shown = _shown(table, names).drop("verdict", strict=False)
    return _skill_chapter(work, "Does it fail after sharp moves?", text, "moves", "After sharp moves", rows, shown)


def _tell_shift(work: Work) -> Chapter:
    ground = work.ground
    lines = [
        f"{coin.name}: {percent(coin.unseen, digits=0)} of the test closes lie outside all training closes"
        for coin in ground.coins
    ]
    exhibits: list[Picture | Sheet] = []
    inputs = ""
    result = next(iter(_results(work).values()), None)
    if result is not None:
        share = float(result.shift["share_outside"].mean())  # type: ignore[arg-type]
        inputs = (
            f" Scaled in its window, an input lies outside what training saw in {percent(share)} of the cases "
            "on average."
        )
        shown = result.shift.filter(pl.col("market") == ground.coins[0].market)
        caption = f"Inputs as the network sees them; test {span(ground.coins[0], 'test', ground)}."
        wanted = ("input", "train_low", "train_high", "share_below", "share_above", "share_outside")
        if work.fair is not None:
            drawing = work.figure(ground.coins[0].market, "shift")
            if drawing is not None:
                exhibits.append(Picture("shift", "Inputs that training never saw", caption, drawing, side="fair"))
        exhibits.append(Sheet("shift-table", "Inputs that training never saw", caption, shown.select(wanted)))
    text = (
        f"The author fears that the test prices are nothing like the training prices. {'; '.join(lines)}. But the "
        "network "
        f"never sees a price as such, only its ratio to the first one of a window.{inputs}",
    )
    return Chapter("Is the test span unlike the training span?", text, tuple(exhibits))


def _tell_periods(work: Work) -> Chapter:
    table, names = questions.walk_forward(work.bench, work.ground), _names(work.ground)
    rows = [_skill({**row, "verdict": None}, names, row["period"]) for row in table.to_dicts()]
    above = sum(row.low is not None and row.low > 0 for row in rows)
    below = sum(row.high is not None and row.high < 0 for row in rows)
    text = (
        "Perhaps there is no signal, or it was there and is gone. The fair network, trained anew on the way "
        "through most "
        f"of the span, by period: {above} of {len(rows)} intervals lie above zero, {below} below. Of so many at "
        "95 %, one "
        "in twenty lies on either side by chance.",
    )
    return _skill_chapter(work, "Does a pattern disappear?", text, "periods", "Skill by period", rows, table)


def _skill_chapter(
    work: Work, title: str, text: tuple[str, ...], name: str, picture: str, rows: list[Skill], table: pl.DataFrame, *,
    caption: str = SKILLS_CAPTION,
) -> Chapter:  # fmt: skip
    if not rows:
        return Chapter(title, text)
    draw = partial(draw_skills, title=picture, subtitle=caption, rows=rows)
    shown = table if "coin" in table.columns else _shown(table, _names(work.ground))
    return Chapter(
        title,
        text,
        (
            Picture(name, picture, caption, draw, side="fair" if name != "moves" else "both"),
            Sheet(f"{name}-table", picture, caption, shown),
        ),
    )


def _shown(table: pl.DataFrame, names: dict[str, str]) -> pl.DataFrame:
    return table.with_columns(pl.col("market").replace(names)).rename({"market": "coin"}).drop("model", strict=False)


def _skill(row: dict[str, Any], names: dict[str, str], label: str) -> Skill:
    group = names.get(row["market"], row["market"])
    return Skill(group, label, row["skill"], row["low"], row["high"], row["n"], row["verdict"])


def _count_words(table: pl.DataFrame) -> str:
    words = table["verdict"].value_counts(sort=True)
    return ", ".join(f"{count} {word}" for word, count in words.iter_rows())


def _results(work: Work) -> dict[str, Result]:
    found = {} if work.faithful is None else {"as published": work.faithful.comparison.result}
    return found | ({} if work.fair is None else {"fair": work.fair})


def _names(ground: Ground) -> dict[str, str]:
    return {coin.market: coin.name for coin in ground.coins}
