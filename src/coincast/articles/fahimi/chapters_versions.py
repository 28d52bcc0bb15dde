"""The chapters on versions, windows and the fair twin."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from coincast.articles.drawn import make_picture
from coincast.articles.fahimi import pictures, published
from coincast.articles.fahimi.chapters import NUMBERS
from coincast.articles.fahimi.days import Days
from coincast.articles.fahimi.errors import median_of, persistence_of, versions_table
from coincast.articles.fahimi.fair import fair_error, headline_of
from coincast.articles.fahimi.versions import Run
from coincast.articles.fahimi.work import Work
from coincast.experiments.result import Result
from coincast.reports.numbers import things
from coincast.reports.palette import Palette
from coincast.reports.study import Chapter, Picture, Sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from coincast.reports.story import Story

UPDATE = "second update: window 7 to 3, 1,024 units"


def tell_versions(work: Work) -> Chapter:
    """Every recorded version again, with persistence on the same windows."""
    table = versions_table(work.versions, is_published=work.is_published)
    ahead = table.filter(pl.col("here: test") < pl.col("persistence: test")).height
    runs = sum(len(runs) for _, _, runs in work.versions)
    caption = (
        f"{len(work.versions)} versions, {things(runs, 'run')}; the loss of the last epoch on the test windows, MSE or "
        "MAE as the version had it, of several runs the median."
    )
    return Chapter(
        title="Seven versions, and one line that none of them draws",
        text=(
            "Units, features, loss, batch, shuffling and dropout were changed from version to version, while the test "
            "span was watched. The article prints no numbers; the notebook recorded these.",
            f"{ahead} of {table.height} rows end below the last close on their own test windows. A setting "
            "that is chosen among seven by the test span looks better than it is.",
            "Shuffling off only fixes the order of the batches: the states are reset at every window, so that no "
            "memory is added. The versions of 2018-02-12 have the same settings, and differ by their seed alone.",
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
    table = windows_table(work)
    common = len(work.days.windows("test"))
    moved = [
        f"{name} {persistence_of(work.days, market).mae:.4f} to {persistence_of(work.narrow, market).mae:.4f}"
        for market, name in enumerate(work.days.names)
    ]
    own = f"{things(table.height, 'setting')}; every test window of each, of several runs the median."
    shared = f"The same {common:,} test days for all settings; of several runs the median."
    relative = table["LSTM, relative"] < table["last close, relative"]
    return Chapter(
        title="Three days or seven: a change of unit",
        text=(
            "The last update shortens the window from 7 days to 3, doubles the units, and finds that this slightly "
            "reduces the loss. But the loss is the error of the change over the window: a shorter window "
            f"makes every figure smaller. That of the last close, which has no network, goes from {', '.join(moved)}.",
            "As a share of the last close, on the same days, the windows can be compared: "
            f"{int(relative.sum())} of {table.height} settings are ahead of the last close there.",
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
    """Errors of the final version and of the network that sees three days, own unit and relative to the last close."""
    common = len(work.days.windows("test"))
    rows = []
    for market, name in enumerate(work.days.names):
        settings: tuple[tuple[int, Days, list[Run]], ...] = (
            (published.LOOKBACK, work.days, work.final_runs(market)),
            (published.NARROW_LOOKBACK, work.narrow, [run for run in work.narrow_runs if run.market == market]),
        )
        for window, days, runs in settings:
            naive = persistence_of(days, market)
            near, naive_near = median_of(runs, days, newest=common), persistence_of(days, market, newest=common)
            rows.append(
                {
                    "coin": name,
                    "window": window,
                    "units": runs[0].units,
                    "runs": len(runs),
                    "LSTM, own": median_of(runs, days).mae,
                    "last close, own": naive.mae,
                    "LSTM, relative": near.relative,
                    "last close, relative": naive_near.relative,
                    "skill": 1 - near.relative / naive_near.relative,
                }
            )
    return pl.DataFrame(rows)


def tell_fair(work: Work, result: Result) -> Chapter:
    """The same network, its epoch chosen apart from the test, beside honest opponents."""
    from coincast.experiments.story import tell
    from coincast.reports.pictures_forecast import draw_forecast
    from coincast.reports.pictures_models import draw_skill

    exhibits: list[Picture | Sheet] = []
    days = work.days
    sections = {section.market: section for section in tell(result).sections()}
    for market, stem in zip(days.markets, days.stems, strict=True):
        section = sections[market]
        seen = f"{market}: {headline_of(result, market)['n']:,} test days, every one of them."
        exhibits += [
            Picture(
                f"fair-forecast-{stem}",
                f"{market}: the fair forecast",
                seen,
                partial(_draw, draw_forecast, section),
                side="fair",
            ),
            Picture(
                f"fair-skill-{stem}",
                f"{market}: skill beside the last close",
                seen,
                partial(_draw, draw_skill, section),
                side="fair",
            ),
        ]
    exhibits.append(
        Sheet(
            "fair-errors",
            "The fair way in the article's unit",
            f"Mean absolute error of the 7-day change on the article's {len(days.windows('test')):,} test windows; "
            f"skill and verdict on the price of all {len(days.test):,} test days.",
            _fair_table(result, days),
            side="fair",
        )
    )
    epochs = result.runs.filter(pl.col("parameters") > 0)["best_epoch"]
    return Chapter(
        title="Done fairly",
        text=(
            "The last fifth of the training rows is held back to choose the epoch, the output is linear, every test "
            "day is forecast, and the forecast is the mean of its runs. The epochs that were chosen: "
            f"{', '.join(map(str, epochs.to_list()))}.",
            _tell_inherited(work),
            *result.sentences,
        ),
        exhibits=tuple(exhibits),
    )


def _draw(draw: Callable[..., Figure | None], section: Story, theme: Palette) -> Figure:
    figure = draw(section, theme=theme)
    assert figure is not None  # every fair experiment has forecasts and scores
    return figure


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
        "other candles; where they are of the same days, prices moved together, and the test is a little too kind."
    )


def _fair_table(result: Result, days: Days) -> pl.DataFrame:
    rows = []
    models = result.leaderboard["model"].unique(maintain_order=True).to_list()
    for place, (market, name) in enumerate(zip(days.markets, days.names, strict=True)):
        network = headline_of(result, market)["model"]
        board = {row["model"]: row for row in result.leaderboard.filter(pl.col("market") == market).to_dicts()}
        rows += [
            {
                "coin": name,
                "forecast": "LSTM" if model == network else model,
                "MAE, 7-day change": fair_error(result, days, place, model),
                "skill": board[model]["skill"],
                "verdict": board[model]["verdict"] or "the yardstick",
            }
            for model in models
        ]
    return pl.DataFrame(rows).sort("coin", "MAE, 7-day change")


def share_ahead(work: Work) -> str:
    """How many final runs beat the last close on their own test windows, in words."""
    told = []
    for market, name in enumerate(work.days.markets):
        runs = work.final_runs(market)
        naive = persistence_of(work.days, market).mae
        ahead = sum(median_of([run], work.days).mae < naive for run in runs)
        told.append(f"{ahead} of {len(runs)} runs on {name}")
    return " and ".join(told)
