"""The chapters on data, network and training: what the article shows, and what stands beside it here."""

from __future__ import annotations

from functools import partial

import numpy as np
import polars as pl

from coincast.articles.drawn import make_picture
from coincast.articles.fahimi import pictures, published
from coincast.articles.fahimi.days import Days
from coincast.articles.fahimi.errors import median_of, persistence_of, skill
from coincast.articles.fahimi.memory import DRAWS, LAGS, UNITS, compare_memories, mean_attention
from coincast.articles.fahimi.published import FINAL
from coincast.articles.fahimi.versions import network_of
from coincast.articles.fahimi.work import Work
from coincast.articles.remains import join_words
from coincast.reports.numbers import amount, percent, quote_currency, things
from coincast.reports.pictures_network import draw_network
from coincast.reports.study import Chapter, Picture, Sheet

PRICES = "price and volume per coin"
SUMMARY = "model summary"
GRAPH = "computation graph"
SHEETS = "result sheet of three panels per coin"
NUMBERS = "losses of the recorded versions"
SKILL = "skill beside the last close"


def tell_data(work: Work) -> Chapter:
    """Prices and volumes, the join, the split."""
    days, lookback, candle = work.days, work.days.lookback, work.days.candle
    training, test = days.windows("train"), days.windows("test")
    exhibits: list[Picture | Sheet] = []
    for market, name in enumerate(days.markets):
        stem, span = days.stems[market], _span(days, market)
        has_open = not days.samples[market].candles["open"].null_count()
        if has_open:
            exhibits.append(
                make_picture(
                    f"price-{stem}",
                    f"{name}: the price as the article draws it",
                    f"{span}. The opening price, which the article labels closing price.",
                    partial(pictures.draw_market, days, market, "open"),
                    side="faithful",
                    repeats=PRICES,
                )
            )
        exhibits.append(
            make_picture(
                f"close-{stem}",
                f"{name}: the closing price",
                f"{span}. What is forecast. Shaded: the test rows.",
                partial(pictures.draw_market, days, market, "close"),
                side="fair" if has_open else "both",
                repeats="" if has_open else PRICES,
            )
        )
    return Chapter(
        title=f"The data: {join_words(days.names)}, {candle} by {candle}",
        text=(
            f"{join_words(days.markets)}{', joined by their times' * (len(days.markets) > 1)}: {days.rows:,} rows. The "
            f"first {len(days.train):,} are learnt from, the other {len(days.test):,} are the test. Windows of "
            f"{lookback} {candle}s lie wholly inside their part: {len(training):,} and {len(test):,} of them, so that "
            f"the first {lookback} test {candle}s are never forecast.",
            f"Inputs are {', '.join(days.samples[0].names)}, each divided by its value on the first {candle} of the "
            f"window, minus 1. The target is the change from that first {candle} to the {candle} after the window. So "
            f"most of it has happened when the forecast is made: {lookback - 1} of its {lookback} {candle}s are in the "
            "window.",
            'The article calls these values "between 0 and 1". ' + _range_words(days),
        ),
        exhibits=tuple(exhibits),
    )


def tell_network(work: Work) -> Chapter:
    """Summary and graph of the final version, in full size whatever was trained here."""
    from coincast.models.forecaster import Axes, Layer

    days = work.days
    features = len(days.samples[0].names)
    axes = Axes(days.lookback, features, 1)
    layers = [
        Layer("input", f"{axes.lookback} {days.candle}s of {features} inputs", (axes.lookback, features), 0),
        *network_of(FINAL.units).layers(axes),
    ]
    parameters = sum(layer.parameters for layer in layers)
    table = pl.DataFrame(
        [
            {
                "layer": layer.name,
                "what": layer.kind,
                "gives": " x ".join(map(str, layer.shape)),
                "parameters": layer.parameters,
            }
            for layer in layers
        ]
    )
    shown = [(layer.name, layer.kind, layer.shape, layer.parameters) for layer in layers]
    reach = [_reach_words(days, market) for market in range(len(days.markets))]
    windows = len(days.windows("train"))
    return Chapter(
        title=f"The network: three layers of {FINAL.units} units",
        text=(
            f"{parameters:,} parameters learn from {windows:,} windows, {parameters / windows:,.0f} for each.",
            "The output is a tanh, which never reaches 1. " + " ".join(reach),
            f"Dropout of {published.NO_DROPOUT}, as the first versions have it, is no rate: the Keras of the time took "
            "it and dropped nothing. Here those versions are trained without dropout, and a rate outside 0 to 1 is "
            "refused.",
        ),
        exhibits=(
            Picture(
                "graph",
                "The computation graph",
                f"Final version, one coin, {parameters:,} parameters.",
                lambda theme: draw_network("The computation graph of the final version", shown, theme=theme),
                side="faithful",
                repeats=GRAPH,
            ),
            Sheet(
                "summary",
                "Model summary",
                f"Final version, for one window; {parameters:,} parameters in all.",
                table,
                side="faithful",
                repeats=SUMMARY,
            ),
        ),
    )


def tell_memory(work: Work) -> Chapter:
    """The vanishing gradient, shown; and where the trained network looks."""
    memories, days = compare_memories(), work.days
    plain, lstm, opened = memories.values()
    caption = (
        f"Networks of {UNITS} units with random weights, before any training; {LAGS} steps of normal inputs, geometric "
        f"mean of {things(DRAWS, 'draw')}. Of the third line the forget gate is opened, as training may do."
    )
    exhibits: list[Picture | Sheet] = [
        make_picture("gradient", "How much of an old input is left", caption, partial(pictures.draw_memory, memories))
    ]
    words = [
        "The article takes an LSTM because the gradient of a plain recurrent network vanishes. It does: "
        f"an input {LAGS - 1} steps back moves the output of the plain network 1/{1 / plain[-1]:,.0f} as much as the "
        f"newest one does, that of an untrained LSTM 1/{1 / lstm[-1]:,.0f}, and where its forget gate stands open "
        f"{opened[-1]:.1f} times as much.",
        f"A window of {days.lookback} {days.candle}s has no such distance: {days.lookback - 1} steps back the plain "
        f"network still has {percent(float(plain[days.lookback - 1]))}.",
    ]
    finals = {name: work.final_runs(market) for market, name in enumerate(days.names)}
    if any(finals.values()):
        shares = {name: mean_attention(runs) for name, runs in finals.items()}
        told = ", ".join(f"{percent(float(own[0]))} ({name})" for name, own in shares.items())
        words.append(
            f"Of all that the trained forecast reacts to, the last {days.candle} has a share of {told}. The first "
            f"{days.candle} of the window has none, since its inputs are 0 in every window."
        )
        exhibits.append(
            make_picture(
                "attention",
                f"Which {days.candle}s the trained network reacts to",
                f"Final version: share of each {days.candle} in the derivative of the forecast by its inputs, mean "
                f"over {things(len(next(iter(finals.values()))), 'run')} and the test windows; without the first "
                f"{days.candle} of the window, whose inputs are always 0.",
                partial(pictures.draw_attention, shares),
            )
        )
    return Chapter(title="Why an LSTM: the vanishing gradient", text=tuple(words), exhibits=tuple(exhibits))


def tell_results(work: Work) -> Chapter:
    """The article's result sheets, and the same with persistence in every panel."""
    days = work.days
    markets = range(len(days.markets))
    errors = Sheet(
        "errors",
        "The final version in four units",
        f"{len(days.windows('test')):,} test windows; of the runs the median. Only the last two columns do not depend "
        "on the window.",
        _error_table(work),
        repeats=NUMBERS,
    )
    return Chapter(
        title="The results, and what the last close scores",
        text=(
            "The article's sheet has three panels for each coin: losses, the training windows as relative changes "
            '(its axis says "Price"), and the test windows in dollars. Its test curve is called validation: the test '
            "span was watched in every epoch, and loss, batch, features, window and the number of epochs were chosen "
            "by it.",
            *(_tell_losses(work, market) for market in markets),
        ),
        exhibits=(*(sheet for market in markets for sheet in _result_sheets(work, market)), errors),
    )


def _result_sheets(work: Work, market: int) -> tuple[Picture, Picture]:
    days, runs = work.days, work.final_runs(market)
    name, stem = days.markets[market], days.stems[market]
    caption = (
        f"Final version, {things(len(runs), 'run')} of {things(len(runs[0].losses), 'epoch')}; lines of the median "
        f"run. {_span(days, market)}: {len(days.windows('train')):,} training and {len(days.windows('test')):,} test "
        "windows."
    )
    return (
        make_picture(
            f"sheet-{stem}",
            f"{name}: the article's result sheet",
            caption,
            partial(pictures.draw_sheet, days, runs, naive=work.result is None),
            side="faithful",
            repeats=SHEETS,
        ),
        make_picture(
            f"sheet-naive-{stem}",
            f"{name}: the same with the last close",
            caption,
            partial(pictures.draw_sheet, days, runs, naive=True),
            side="fair",
        ),
    )


def _tell_losses(work: Work, market: int) -> str:
    days, runs = work.days, work.final_runs(market)
    best = int(np.argmin(np.median([run.watched for run in runs], axis=0))) + 1
    training, test = (persistence_of(days, market, part) for part in ("train", "test"))
    return (
        f"{days.markets[market]}: the median test error is {median_of(runs, days).mae:.4f}, that of the last close "
        f"{test.mae:.4f}. The test loss is lowest in epoch {best} of {len(runs[0].losses)}, which nobody could know "
        f"without the test span. {_tell_recorded(work, days.names[market])}The last close has a squared error of "
        f"{training.mse:.4f} on the training windows and {test.mse:.4f} on the test windows: two loss curves can lie "
        "apart without any network."
    )


def _tell_recorded(work: Work, coin: str) -> str:
    """How the losses of the notebook went, where it was made of these candles."""
    if not work.is_published:
        return ""
    first, (epoch, lowest) = published.FIRST_EPOCH[coin], published.LOWEST[coin]
    return (
        f"In the notebook it was lowest in epoch {epoch} of {FINAL.epochs}, at {lowest:.4f}; its first epoch ended at "
        f"{first.loss:.4f} in training and {first.validation:.4f} on the test windows. "
    )


def _error_table(work: Work) -> pl.DataFrame:
    days, rows = work.days, []
    for market, name in enumerate(days.names):
        naive, own = persistence_of(days, market), median_of(work.final_runs(market), days)
        for what, errors in (("LSTM", own), ("last close", naive)):
            rows.append(
                {
                    "coin": name,
                    "forecast": what,
                    f"MAE, {days.change}": errors.mae,
                    f"MSE, {days.change}": errors.mse,
                    f"MAE, {quote_currency(days.markets[market])}": errors.price,
                    "MAE, share of last close": errors.relative,
                    SKILL: skill(errors, naive),
                }
            )
        if work.is_published:
            recorded = FINAL.recorded_of(name)
            told = {f"MAE, {days.change}": recorded.mae, f"MSE, {days.change}": recorded.validation}
            rows.append({"coin": name, "forecast": "recorded", **told})
    return pl.DataFrame(rows, schema_overrides={SKILL: pl.Float64}, infer_schema_length=None)


def _reach_words(days: Days, market: int) -> str:
    targets = days.targets(market, "train")
    return (
        f"{(targets > 1).sum():,} of {len(targets):,} training targets of {days.markets[market]} are above 1, the "
        f"largest is {targets.max():.2f}."
    )


def _range_words(days: Days) -> str:
    """How far the values of windows really reach."""
    values = days.pasts("train")
    spans = [
        f"{name} from {amount(float(values[..., place].min()))} to {amount(float(values[..., place].max()))}"
        for place, name in enumerate(days.samples[0].names)
    ]
    return f"In the training windows they go: {', '.join(spans)}."


def _span(days: Days, market: int) -> str:
    times = days.samples[market].candles["open_time"]
    return f"{times[0]:%Y-%m-%d} to {times[-1]:%Y-%m-%d}"
