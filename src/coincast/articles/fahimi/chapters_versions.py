"""The chapters on versions, windows and the fair twin."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from coincast.articles.drawn import make_picture
from coincast.articles.fahimi import pictures, published
from coincast.articles.fahimi.chapters import NUMBERS
from coincast.articles.fahimi.days import VALIDATION_SHARE, Days
from coincast.articles.fahimi.errors import median_of, persistence_of, skill, versions_table
from coincast.articles.fahimi.fair import NETWORK, fair_error
from coincast.articles.fahimi.work import Work
from coincast.articles.remains import join_words, judged_row
from coincast.experiments.result import Result
from coincast.reports.numbers import model_name, percent, things
from coincast.reports.palette import Palette
from coincast.reports.study import Chapter, Picture, Sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from coincast.reports.story import Story

UPDATE = "second update: window 7 to 3, 1,024 units"


def tell_versions(work: Work) -> Chapter:
    """Every recorded version again, with persistence on the same windows."""
    table = versions_table(work.versions, is_published=work.is_published)
    ahead = table.filter(pl.col("here: test") < pl.col("last close: test")).height
    runs = sum(len(runs) for _, _, runs in work.versions)
    told = " The article prints no numbers; the notebook recorded these." * work.is_published
    caption = (
        f"{len(work.versions)} versions, {things(runs, 'run')}; the loss of the last epoch on the test windows, MSE or "
        "MAE as the version had it, of several runs the median."
    )
    return Chapter(
        title=f"The {len(work.versions)} versions, and one line that none of them draws",
        text=(
            "Units, features, loss, batch, shuffling and dropout were changed from version to version, while the test "
            f"span was watched.{told}",
            f"{ahead} of {table.height} rows end below the last close on their own test windows. A setting "
            f"that is chosen among {len(work.versions)} by the test span looks better than it is.",
            "Shuffling off only fixes the order of the batches: the states are reset at every window, so that no "
            "memory is added. The versions of 2018-02-12 have the same settings; their difference is chance, here the "
            "seed.",
        ),
        exhibits=(
            make_picture(
                "versions",
                "Every version beside the last close",
                caption,
                partial(pictures.draw_versions, table),
                repeats=NUMBERS,
            ),
            Sheet("versions-table", "The recorded versions", caption, table, repeats=NUMBERS),
        ),
    )


def tell_windows(work: Work) -> Chapter:
    """Seven days against three, in the unit that the window changes and in one that it does not."""
    table, days = windows_table(work), work.days
    wide, narrow = (f"{seen.lookback} {seen.candle}s" for seen in (days, work.narrow))
    moved = [
        f"{name} {persistence_of(days, market).mae:.4f} to {persistence_of(work.narrow, market).mae:.4f}"
        for market, name in enumerate(days.names)
    ]
    own = f"{things(table.height, 'setting')}; every test window of each, of several runs the median."
    shared = f"The same {len(days.windows('test')):,} test {days.candle}s for all settings; of several runs the median."
    ahead = int((table["skill"] > 0).sum())
    return Chapter(
        title=f"From {wide} to {narrow}: a change of unit",
        text=(
            f"The last update shortens the window from {wide} to {narrow}, doubles the units, and finds that this "
            "slightly reduces the loss. But the loss is the error of the change over the window: another window is "
            f"another unit. The error of the last close, which has no network, goes from {join_words(moved)}.",
            f"As a share of the last close, on the same {days.candle}s, the windows can be compared: "
            f"{ahead} of {things(table.height, 'setting')} are ahead of the last close there.",
        ),
        exhibits=(
            make_picture(
                "windows-own",
                "In the article's unit",
                own,
                partial(pictures.draw_windows, table, "own"),
                side="faithful",
                repeats=UPDATE,
            ),
            make_picture(
                "windows-relative",
                "In a unit that the window does not change",
                shared,
                partial(pictures.draw_windows, table, "relative"),
                side="fair",
            ),
            Sheet("windows-table", "Both windows in both units", f"{own} Relative: {shared}", table, repeats=UPDATE),
        ),
    )


def windows_table(work: Work) -> pl.DataFrame:
    """Errors of the final version and of the narrow network, in their own units and relative to the last close."""
    common = work.days.windows("test")
    rows = []
    for market, name in enumerate(work.days.names):
        settings = (
            (work.days, work.final_runs(market)),
            (work.narrow, [run for run in work.narrow_runs if run.market == market]),
        )
        for days, runs in settings:
            naive = persistence_of(days, market)
            near, naive_near = median_of(runs, days, like=common), persistence_of(days, market, like=common)
            rows.append(
                {
                    "coin": name,
                    "window": f"{days.lookback} {days.candle}s",
                    "units": runs[0].units,
                    "runs": len(runs),
                    "LSTM, own": median_of(runs, days).mae,
                    "last close, own": naive.mae,
                    "LSTM, relative": near.relative,
                    "last close, relative": naive_near.relative,
                    "skill": skill(near, naive_near),
                }
            )
    return pl.DataFrame(rows, schema_overrides={"skill": pl.Float64})


def tell_fair(work: Work, result: Result) -> Chapter:
    """The same network, its epoch chosen apart from the test, beside honest opponents."""
    from coincast.experiments.story import tell
    from coincast.reports.pictures_forecast import draw_forecast
    from coincast.reports.pictures_models import draw_skill

    exhibits: list[Picture | Sheet] = []
    days = work.days
    judged = judged_row(result, days.markets[0], NETWORK)["n"]  # the coins share their windows
    told = f"{judged:,} of {len(days.test):,} test {days.candle}s"
    sections = {section.market: section for section in tell(result).sections()}
    for market, stem in zip(days.markets, days.stems, strict=True):
        section = sections[market]
        seen = f"{market}: {told}."
        exhibits.append(
            Picture(
                f"fair-forecast-{stem}",
                f"{market}: the fair forecast",
                seen,
                partial(_draw, draw_forecast, section),
                side="fair",
            )
        )
        if judged_row(result, market, NETWORK)["skill"] is not None:  # beside a price that stands still there is none
            exhibits.append(
                Picture(
                    f"fair-skill-{stem}",
                    f"{market}: skill beside the last close",
                    seen,
                    partial(_draw, draw_skill, section),
                    side="fair",
                )
            )
    exhibits.append(
        Sheet(
            "fair-errors",
            "The fair way in the article's unit",
            f"Mean absolute error of the {days.change} on the article's {len(days.windows('test')):,} test windows; "
            f"skill and verdict on the price of {told}.",
            _fair_table(result, days),
            side="fair",
        )
    )
    epochs = result.runs.filter(pl.col("parameters") > 0)["best_epoch"]
    return Chapter(
        title="Done fairly",
        text=(
            f"The last {percent(VALIDATION_SHARE, digits=0)} of the training rows are held back to choose the epoch, "
            f"the output is linear, {_tell_reach(days, judged)}, and the forecast is the mean of its runs. "
            f"The epochs that were chosen: {', '.join(map(str, epochs.to_list()))}.",
            _tell_inherited(work),
            *result.sentences,
        ),
        exhibits=tuple(exhibits),
    )


def _draw(draw: Callable[..., Figure | None], section: Story, theme: Palette) -> Figure:
    figure = draw(section, theme=theme)
    assert figure is not None  # every fair experiment has forecasts and scores
    return figure


def _tell_reach(days: Days, judged: int) -> str:
    """How many test days are forecast, as a part of a sentence."""
    if judged == len(days.test):
        return f"every test {days.candle} is forecast"
    return (
        f"{judged:,} of {len(days.test):,} test {days.candle}s are forecast, those that no gap cuts off from their past"
    )


def _tell_inherited(work: Work) -> str:
    """What no fair way can undo: where the settings come from."""
    told = (
        "All other settings stay the article's: units, layers, window, inputs, loss, batch, dropout, and how many "
        "epochs there are at most. "
    )
    if work.is_published:
        return told + (
            "Its author chose them while he watched these very test days. So this test is kinder to the network than "
            "days that nobody has looked at would be."
        )
    return told + (
        f"Its author chose them on Bitcoin and Ethereum while he watched the days up to {published.NEWEST}. These are "
        "other candles; where they are of the same days, prices tend to move together, and the test is a little "
        "too kind."
    )


def _fair_table(result: Result, days: Days) -> pl.DataFrame:
    rows = []
    for place, (market, name) in enumerate(zip(days.markets, days.names, strict=True)):
        network = judged_row(result, market, NETWORK)["model"]
        rows += [
            {
                "coin": name,
                "forecast": "LSTM" if row["model"] == network else model_name(row["model"]),
                f"MAE, {days.change}": fair_error(result, days, place, row["model"]),
                "skill": row["skill"],
                "verdict": row["verdict"] or "the yardstick",
            }
            for row in result.leaderboard.filter(pl.col("market") == market).iter_rows(named=True)
        ]
    return pl.DataFrame(rows).sort("coin", f"MAE, {days.change}")
