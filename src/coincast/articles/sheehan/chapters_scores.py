"""The chapters on scores: many runs and all opponents, and the same job done fairly."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from coincast.articles.remains import join_words, judged_row
from coincast.articles.sheehan import published
from coincast.articles.sheehan.comparison import LSTM, OVERALL, Comparison
from coincast.articles.sheehan.draw_scores import Box, Group, Mark, draw_boxes
from coincast.articles.sheehan.fair import VALIDATION, fair_error
from coincast.articles.sheehan.ground import Coin, Ground
from coincast.articles.sheehan.panels import UNIT, span, unit
from coincast.articles.sheehan.work import Faithful, Work
from coincast.experiments.result import Result
from coincast.experiments.story import say
from coincast.reports.numbers import model_name, percent, percent_digits, skill_span, things
from coincast.reports.palette import NOT_DISTINGUISHABLE, Palette
from coincast.reports.study import Chapter, Picture, Sheet
from coincast.scores.significance import ALPHA
from coincast.scores.verdict import deciding_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ERRORS_TOLD = f"{UNIT}, in money, and as a share of the last price"
SHORT_UNIT = "MAE, share of the first close"
ARTICLE_TOP = 0.2
"""Where the axis of the article's picture ends."""
BOXES = {"lstm": "LSTM", "article": "walk as published", "corrected": "walk scored rightly"}


def tell_runs(work: Work, done: Faithful) -> Chapter:
    """25 runs, the article's random walk, the corrected one, and every opponent."""
    ground, found = work.ground, done.comparison
    runs = len(found.values(ground.coins[0].market, "lstm"))
    text = (
        f"{things(runs, 'run')} of the same network, each from another seed, beside a random walk: this is the picture "
        "from which the article concludes that deep learning beats chance.",
        *(_tell_coin(coin, found) for coin in ground.coins),
        "The article's score of the walk is a mistake. Its single step is compared with a change over the whole "
        "window: it is never told the last price, which the network is. Begun at the last price, the same draws "
        "have the errors told above; without mean and noise they are the lag model.",
        *(f"Not installed, and so not here: {', '.join(found.missing)}." for _ in found.missing[:1]),
    )
    caption = (
        f"{things(len(ground.coins[0].task.test), 'test window')} for each coin; seeds {published.SEEDS[0]} to "
        f"{published.SEEDS[0] + runs - 1}, the walks' {published.SEEDS[0]} to {published.SEEDS[-1]}."
    )
    as_published, corrected = (partial(draw, ground=ground, found=found) for draw in (_draw_published, _draw_corrected))
    exhibits = (
        Picture(
            "runs-published", "The comparison, as published", caption, as_published, "faithful",
            repeats="25-run comparison",
        ),
        Picture("runs-corrected", "The comparison, scored alike", caption, corrected, "fair"),
        Sheet("runs-table", "Scores by group", f"{UNIT}. {caption}", _box_table(ground, found)),
        Sheet("raw-scores", "Raw scores of every seed", f"{UNIT}. {caption}", _raw_table(ground, found)),
        Sheet(
            "opponents", "Every opponent, judged",
            f"{ERRORS_TOLD}; skill, interval and word of the judge, on the same windows, Holm's adjustment over all "
            "lines.", _opponent_table(ground, found.result),
        ),
    )  # fmt: skip
    return Chapter("Was it luck? Many runs, and who else is there", text, exhibits)


def _tell_coin(coin: Coin, found: Comparison) -> str:
    values = found.values(coin.market, "lstm")
    walk, corrected = (float(np.mean(found.values(coin.market, box))) for box in ("article", "corrected"))
    lag, row = coin.error_of(coin.last), judged_row(found.result, coin.market, LSTM)
    alone = ""
    if row["verdict"] == NOT_DISTINGUISHABLE and row["p"] < ALPHA:
        alone = f" Alone it would count as {'better' if row['skill'] > 0 else 'worse'}; it is one of several tests."
    return (
        f"{coin.name}: middle run {np.median(values):.4f} ({values.min():.4f} to {values.max():.4f}); the article's "
        f"walk {walk:.4f}, scored rightly {corrected:.4f}; copying the last price {lag:.4f}. "
        f"{int((values < lag).sum())} of {values.size} runs beat the copy. The judge on their mean: "
        f"{row['verdict']}.{alone}"
    )


def _draw_published(theme: Palette, *, ground: Ground, found: Comparison) -> Figure:
    groups = [_group(coin, found, {"lstm": "LSTM", "article": "Random Walk"}) for coin in ground.coins]
    top = max(ARTICLE_TOP, 1.05 * max(float(box.values.max()) for group in groups for box in group.boxes))
    text = "Box: quartiles; dots: every seed. The walk as the article scores it; dashed: the lag model."
    return draw_boxes(
        theme, title="The runs against a random walk", subtitle=text, groups=groups, unit=SHORT_UNIT, limits=(0.0, top)
    )


def _draw_corrected(theme: Palette, *, ground: Ground, found: Comparison) -> Figure:
    boxes = {name: BOXES[name] for name in ("lstm", "corrected")}
    groups = [
        _group(coin, found, boxes, *(Mark(model_name(name), value) for name, value in found.single_scores(coin.market)))
        for coin in ground.coins
    ]
    every = [value for group in groups for box in group.boxes for value in box.values]
    every += [mark.value for group in groups for mark in group.marks]
    room = 0.08 * (max(every) - min(every))
    text = (
        "The same windows and unit; every opponent is told the last price. Lines: single scores; dashed: the lag model."
    )
    limits = (max(0.0, min(every) - room), max(every) + room)
    return draw_boxes(theme, title="Scored alike", subtitle=text, groups=groups, unit=SHORT_UNIT, limits=limits)


def _group(coin: Coin, found: Comparison, boxes: dict[str, str], *marks: Mark) -> Group:
    """A panel of a coin: boxes by their names, naive, and other marks."""
    drawn = tuple(Box(name, found.values(coin.market, box), box == "lstm") for box, name in boxes.items())
    return Group(coin.name, drawn, (Mark("lag (naive)", coin.error_of(coin.last), is_naive=True), *marks))


def _box_table(ground: Ground, found: Comparison) -> pl.DataFrame:
    rows = []
    for coin in ground.coins:
        stated = {"lstm": published.MEAN_ERROR, "article": published.WALK_ERROR} if coin.is_published else {}
        for box, name in BOXES.items():
            values = found.values(coin.market, box)
            first, middle, third = np.quantile(values, [0.25, 0.5, 0.75])
            rows.append(
                {
                    "coin": coin.name, "scores of": name, "seeds": values.size, "mean": float(values.mean()),
                    "median": middle, "first quartile": first, "third quartile": third, "least": values.min(),
                    "most": values.max(), "published, about": stated.get(box, {}).get(coin.name),
                }
            )  # fmt: skip
    return pl.DataFrame(rows, schema_overrides={"published, about": pl.Float64})


def _raw_table(ground: Ground, found: Comparison) -> pl.DataFrame:
    """A row for each seed, a column for each box."""
    names = {coin.market: coin.name for coin in ground.coins}
    column = pl.col("market").replace(names) + ", " + pl.col("box").replace(BOXES)
    return found.runs.with_columns(column.alias("column")).pivot("column", index="seed", values="value").sort("seed")


def _opponent_table(ground: Ground, result: Result) -> pl.DataFrame:
    """The judge's rows of all models, and their errors in the article's unit, in money, and over the last price."""
    money = join_words(list(dict.fromkeys(unit(coin) for coin in ground.coins)))
    units = {"mae_window": UNIT, "mae": f"MAE, {money}", "mae_relative": "MAE, share of the last price"}
    names = {coin.market: coin.name for coin in ground.coins}
    whole = result.scores.filter(OVERALL, pl.col("level") == "ensemble", pl.col("metric").is_in(list(units)))
    errors = whole.pivot("metric", index=["market", "model"], values="value").rename(units)
    judged = deciding_rows(result.scores).join(errors, on=["market", "model"], how="left")
    return pl.DataFrame(
        [_opponent_row(names[row["market"]], row, units.values()) for row in judged.iter_rows(named=True)]
    )


def _opponent_row(coin: str, row: dict[str, Any], errors: Iterable[str]) -> dict[str, Any]:
    return {
        "coin": coin,
        "forecast": "naive (lag)" if row["model"] == "naive" else model_name(row["model"]),
        **{name: row[name] for name in errors},
        "skill, %": percent_digits(row["skill"], signed=True),
        "95 % interval": skill_span(row["low"], row["high"]) if row["low"] is not None else "",
        "verdict": row["verdict"] or "",
        "n": row["n"],
    }


def tell_fair(work: Work, fair: Result) -> Chapter:
    """The fair experiment: skill, forecasts, errors, the lag of the line."""
    ground, first = work.ground, work.ground.coins[0]
    rows = {coin.name: judged_row(fair, coin.market, LSTM) for coin in ground.coins}
    count, tested = rows[first.name]["n"], len(first.task.parts.test)
    same = "inputs" if ground.known == ground.features else "those inputs that are known"
    text = (
        f"The same candles, {same} and network, with what was wrong put right. It learns the return from the last "
        "known price, which stays in one range whatever the price does. The newest "
        f"{percent(VALIDATION, digits=0)} of the training rows choose the epoch, and the test is touched once. "
        "The past of a window may reach into training rows, so that "
        f"{'all' if count == tested else f'{count:,} of the'} {things(tested, f'test {ground.candle}')} are forecast.",
        *(f"{name}: {say(fair.scores, row)}" for name, row in rows.items()),
        _tell_unit(ground, fair),
    )
    exhibits: list[Picture | Sheet] = []
    for name, title in (
        ("skill", "skill of every model"), ("forecast", "what it said, and what happened"),
        ("lag", "is it an old price?"), ("training", "how the runs learnt"),
    ):  # fmt: skip
        for coin in ground.coins:
            drawing = work.figure(coin.market, name)
            if drawing is not None:
                caption = f"{coin.market}, {span(coin, 'test')}, {things(rows[coin.name]['n'], 'forecast')}."
                if name == "training":
                    caption = f"{coin.market}, training {span(coin, 'train')}: the rows learnt, and those held back."
                exhibits.append(Picture(f"fair-{name}-{coin.stem}", f"{coin.name}: {title}", caption, drawing, "fair"))
    runs = things(fair.spec.training.seeds, "run")
    caption = f"{ERRORS_TOLD}; {runs} of the network; {things(count, 'forecast')} for each coin."
    exhibits.append(Sheet("fair-table", "Every forecast, judged", caption, _opponent_table(ground, fair), "fair"))
    return Chapter("The same job, done fairly", text, tuple(exhibits))


def _tell_unit(ground: Ground, fair: Result) -> str:
    told = "; ".join(
        f"{coin.name} {fair_error(fair, coin):.4f}, naive {fair_error(fair, coin, 'last_close'):.4f}"
        for coin in ground.coins
    )
    networks = things(fair.spec.training.seeds, "network")
    windows = things(len(ground.coins[0].task.test), "window")
    known = "" if ground.known == ground.features else ", as far as their inputs are known"
    return f"In the article's unit, the mean forecast of {networks} on its {windows}{known}: {told}."
