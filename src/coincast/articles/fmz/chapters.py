"""The chapters up to the article's figure: tutorial, data, training, its two charts."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import polars as pl

from coincast.articles.drawn import make_picture
from coincast.articles.fmz import pictures, published
from coincast.articles.fmz.directions import LAST_CLOSE
from coincast.articles.fmz.hours import LENGTH, Hours
from coincast.articles.fmz.networks import Learnt
from coincast.articles.fmz.tutorial import run_cells, tell_shapes
from coincast.articles.fmz.work import FAIR_NETWORK, Work
from coincast.reports.numbers import amount, interval_name, percent, quote_currency, things
from coincast.reports.study import Chapter, Picture, Sheet

ALL_WINDOWS = "forecasts of all 1,028 windows against their targets"
SCORED_WINDOWS = "forecasts and targets of windows 800 to 999"
TUTORIAL = "LSTM input and output tutorial"


def tell_tutorial() -> Chapter:
    """Shapes, states and batch order, as a notebook that was run."""
    batch, time, inputs = published.TUTORIAL_BATCH, published.TUTORIAL_TIME, published.TUTORIAL_INPUTS
    caption = (
        f"{published.TUTORIAL_LAYERS} layers of {published.TUTORIAL_UNITS} units read {time} time steps of {inputs} "
        f"inputs, for each of {batch} samples. Every arrow to the right carries h and c."
    )
    arrays = "Shapes as they were when this page was made."
    return Chapter(
        title="What goes into an LSTM, and what comes out",
        text=(
            "Half of the article explains the shapes. Its code stands below with what it printed when this page was "
            "made; the functions in it take any network and any batch.",
            "A sample is a table of time steps and inputs. An LSTM reads it row by row and keeps two states, h and c. "
            "It gives back h of its top layer after every step (output), and h and c of every layer after the last "
            "step (h_n, c_n). So a forecast made after the last step is made of output's last row, which is h_n's last "
            "layer.",
        ),
        exhibits=(
            make_picture("shapes", "What an LSTM gives back", caption, pictures.draw_unrolled, repeats=TUTORIAL),
            Sheet("shapes-table", "Every array of the example", arrays, tell_shapes(), repeats=TUTORIAL),
        ),
        cells=run_cells(),
    )


def tell_data(work: Work) -> Chapter:
    """Rows, windows, and the statistics that inputs are scaled by."""
    hours = work.hours
    windows, unit = len(hours.jumping_starts()), quote_currency(hours.market)
    whole, fair = hours.scale_close(fair=False), hours.scale_close(fair=True)
    highest = hours.highest_learnt
    beyond = float((hours.close[hours.scored_starts() + LENGTH] > highest).mean())
    caption = (
        f"{hours.market}, {_span(hours)}: {len(hours.close):,} closes. {windows:,} windows of {LENGTH} {hours.noun}s "
        "that share none."
    )
    return Chapter(
        title="The data: windows that jump",
        text=(
            f"As in the article, {len(hours.close):,} candles of {interval_name(hours.interval)} are cut into "
            f"{windows:,} windows of {LENGTH} that share no row. At every row of a window the target is the next "
            f"close. The first {hours.training:,} windows are learnt from, and the direction is scored on the next "
            f"{hours.scored:,}.",
            "Its inputs and targets are scaled by the mean and deviation of all rows, so that training is told that "
            f"{'higher' if whole[0] > fair[0] else 'lower'} prices will follow. By the training rows alone the mean "
            f"close is {amount(fair[0], unit)} and not {amount(whole[0], unit)}; {percent(beyond)} of the scored "
            f"targets lie above every close of the training rows ({amount(highest, unit)}).",
            *_gap_words(work),
        ),
        exhibits=(
            make_picture(
                "span", "What is learnt from, and what is scored", caption, partial(pictures.draw_span, hours)
            ),
            Sheet("scaling", "What inputs are scaled by", f"{hours.market}, {_span(hours)}.", _scaling_table(work)),
        ),
    )


def _scaling_table(work: Work) -> pl.DataFrame:
    """Mean, deviation and rows, for the ways that were asked for."""
    hours = work.hours
    unit = quote_currency(hours.market)
    columns: dict[str, list[Any]] = {"close": [f"mean, {unit}", f"standard deviation, {unit}", "rows"]}
    if work.learnt is not None:
        columns["all rows (as published)"] = [*hours.scale_close(fair=False), float(len(hours.close))]
    if work.answer is not None:
        columns["training rows (fair)"] = [*hours.scale_close(fair=True), float(hours.first_origin)]
    return pl.DataFrame(columns)


def _gap_words(work: Work) -> list[str]:
    """What candles that are missing do to either way; nothing where none is."""
    hours = work.hours
    if not hours.gaps:
        return []
    words = f"{things(hours.missing, 'candle')} {'is' if hours.missing == 1 else 'are'} missing at "
    words += f"{things(hours.gaps, 'place')}, so that a number of candles is no number of hours."
    if work.learnt is not None:
        words += f" {things(hours.broken, 'window')} of the article's run across them."
    if work.answer is not None:
        left_out = len(hours.close) - 1 - hours.first_origin - len(hours.test_origins)
        words += f" The fair forecasts do not: {things(left_out, 'origin')} after training, whose window or target "
        words += "is broken, are left out."
    return [words]


def tell_training(work: Work, learnt: Learnt) -> Chapter:
    """The loss, beside what a copy of the last close scores on the same rows."""
    naive, later = work.naive_losses()
    runs, epochs = learnt.losses.shape
    last = float(np.median(learnt.losses[:, -1]))
    caption = (
        f"{runs} runs of {epochs:,} epochs on {learnt.windows:,} windows, one step an epoch, all {LENGTH} steps of a "
        f"window. Thin: each run; bold: their median; dashed: the last close on the same rows."
    )
    return Chapter(
        title="Training: a small loss is not a good forecast",
        text=(
            f"Two LSTM layers of {published.UNITS[0]} units and a linear layer, {learnt.parameters:,} parameters, "
            f"learn all training windows at once, {epochs:,} times. The loss is the squared error of all {LENGTH} "
            "steps, in standardised units. The article prints it at every epoch and nothing beside it.",
            f"Its last value here, {last:.6f} (median of {runs} runs), looks tiny. Saying that the price stays where "
            f"it is has {naive:.6f} on the same rows, and {later:.6f} on those that are scored later.",
        ),
        exhibits=(
            make_picture(
                "loss",
                "How it learnt",
                caption,
                partial(pictures.draw_losses, learnt, naive),
                side="faithful",
                repeats="loss printed at every epoch",
            ),
        ),
    )


def tell_charts(work: Work, learnt: Learnt) -> Chapter:
    """Both charts of the article, and what an honest one shows."""
    unit = quote_currency(work.hours.market)
    own, copied = (work.squared_error(prices) ** 0.5 for prices in (learnt.mean, work.simple[LAST_CLOSE]))
    return Chapter(
        title="The charts: does the line follow the price?",
        text=(
            f"The article draws the last-step forecast of all windows over their targets. {tell_beyond(work, learnt)}",
            "On such a chart any line that stays near the last known close hugs the price, so that close belongs on "
            f"it. On the unseen windows the mean of the runs misses by {amount(own, unit)} (root mean square), the "
            f"last close by {amount(copied, unit)}.",
            f"The second chart draws the windows that are scored. {_counted_words(work.hours)} The formula compares "
            f"each target with the target before it, and {LENGTH - 1} of the {LENGTH} moves between the two were known "
            "when the forecast was made.",
        ),
        exhibits=_charts(work, learnt),
    )


def _counted_words(hours: Hours) -> str:
    """Which windows the published figure was counted on."""
    headline = percent(published.HEADLINE)
    if hours.is_published:
        return f"The {headline} were counted on them."
    return f"The article counted its {headline} on those of other candles."


def _charts(work: Work, learnt: Learnt) -> tuple[Picture, ...]:
    """Each of the article's two beside its honest twin."""
    hours, runs = work.hours, len(learnt.prices)
    errors = {LAST_CLOSE: work.simple[LAST_CLOSE], "LSTM, as published": learnt.mean}
    if work.answer is not None:
        errors[FAIR_NETWORK] = work.fair_prices()
    scored = slice(hours.training, hours.training + hours.scored)
    return (
        make_picture(
            "all-windows",
            "The line that follows the price",
            f"{hours.market}, {_span(hours)}. Last-step forecasts of {len(hours.jumping_starts()):,} windows; band: "
            f"all {runs} runs.",
            partial(pictures.draw_windows, hours, learnt, slice(None), border=True),
            side="faithful",
            repeats=ALL_WINDOWS,
        ),
        make_picture(
            "all-windows-errors",
            "The same windows as errors",
            f"Mean absolute error of {pictures.BLOCK} windows at a time; the network's is that of the mean of {runs} "
            "runs. A fair forecast is made after training only.",
            partial(pictures.draw_window_errors, hours, errors),
            side="fair",
        ),
        make_picture(
            "scored-windows",
            "The scored windows",
            f"The {hours.scored} windows that are scored; band: all {runs} runs.",
            partial(pictures.draw_windows, hours, learnt, scored, border=False),
            side="faithful",
            repeats=SCORED_WINDOWS,
        ),
        make_picture(
            "jump",
            "What the formula asks",
            f"{pictures.EXPLAINED} of the scored windows, close by close. Shaded: what a window shows the network. The "
            "formula counts from the square to the diamond.",
            partial(pictures.draw_jump, hours),
            side="fair",
        ),
    )


def tell_beyond(work: Work, learnt: Learnt) -> str:
    """What the network makes of prices that its training rows never reached, in one sentence or two."""
    hours = work.hours
    starts = hours.jumping_starts()[hours.training :]
    close = hours.close[starts + LENGTH]
    above = close > hours.highest_learnt
    if not above.any():
        return "No unseen target lies above every close that training knew, so that height was not put to the test."
    unit = quote_currency(hours.market)
    misses = [float((forecast[starts] - close)[above].mean()) for forecast in (learnt.mean, work.simple[LAST_CLOSE])]
    own, copied = (f"{amount(abs(miss), unit)} {'below' if miss < 0 else 'above'} the price" for miss in misses)
    return (
        f"Of the {len(starts):,} unseen windows {int(above.sum()):,} have a target above every close that training "
        f"knew. There the mean of the runs lies {own} on average, the last close {copied}."
    )


def _span(hours: Hours) -> str:
    first, last = (hours.candles["open_time"][place] for place in (0, -1))
    return f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"
