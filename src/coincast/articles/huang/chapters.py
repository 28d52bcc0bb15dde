"""The chapters of the article itself: data, what its networks see, its table, its plot, its sentences."""

from __future__ import annotations

from functools import partial

import numpy as np
import polars as pl

from coincast.articles.drawn import make_picture
from coincast.articles.huang import pictures, pictures_data
from coincast.articles.huang.blocks import Blocks
from coincast.articles.huang.data_file import list_arrays
from coincast.articles.huang.found import Found, Published
from coincast.articles.huang.networks import configurations, describe_views
from coincast.articles.huang.opponents import ratio_of
from coincast.articles.huang.published import (
    BATCH_SIZE,
    BLOCK,
    BLOCKS,
    COPY_AGE,
    HEADLINE,
    HORIZON,
    LOOKBACK,
    PERSISTENCE,
    ROWS,
    SECONDS_PER_EPOCH,
    SHARE,
    TABLE,
    TRAINING_BLOCKS,
    VALIDATION_BLOCKS,
)
from coincast.articles.huang.sentences import spell_times
from coincast.articles.huang.training import error_at_end
from coincast.reports.numbers import amount, interval_name, percent, things
from coincast.reports.study import Chapter, Sheet

RESULTS_TABLE = "results table: ten networks, lag, random walk, linear regression"


def where(blocks: Blocks) -> str:
    """Market and candles, as captions begin."""
    return f"{blocks.market}, candles of {interval_name(blocks.interval)}"


def span_of(blocks: Blocks, rows: np.ndarray) -> str:
    """From which day to which some rows reach."""
    first, last = blocks.times[rows[[0, -1]]].astype("datetime64[D]")
    return f"{first} to {last}"


def held_back(blocks: Blocks) -> str:
    """The validation blocks in words: market, span, number of forecasts."""
    rows = blocks.validation.future_rows.reshape(-1)
    return f"{where(blocks)}, {span_of(blocks, rows)}: {things(blocks.held_back, 'block')} of {HORIZON} forecasts"


def tell_data(found: Found) -> Chapter:
    """Closes, blocks, scale and split, exactly as published."""
    blocks, whole = found.blocks, len(found.blocks.close)
    border = int(blocks.validation.starts[0])
    top = float(blocks.close[:border].max())
    low = float(blocks.close[:border].min())
    beyond = float(blocks.scale(np.array([top]))[0])
    honest = ratio_of(float(blocks.close[border:].max()) - low, top - low)
    counts = pl.DataFrame(
        {
            "": ["rows", f"blocks of {BLOCK}", "to learn from", "held back", "windows, every start"],
            "here": [whole, len(blocks), blocks.learnt, blocks.held_back, len(found.every_start)],
            "article": [ROWS, BLOCKS, TRAINING_BLOCKS, VALIDATION_BLOCKS, ROWS - BLOCK + 1],
        }
    )
    caption = (
        f"{where(blocks)}, {things(whole, 'candle')}: {things(blocks.learnt, 'block')} to learn from, then "
        f"{things(blocks.held_back, 'block')} held back (shaded). The scale reaches from the least to the largest "
        "close of both."
    )
    return Chapter(
        title="The data: one series, cut into blocks",
        text=(
            f"The article reads {LOOKBACK} closes and forecasts the next {HORIZON}. It cuts the series into blocks of "
            f"{BLOCK} that share no candle, learns from the first {percent(SHARE, digits=0)}, and holds the rest back. "
            "Only the close is used.",
            "Closes are scaled to 0 ... 1 by the least and the largest close of the whole series. So the scale knows "
            f"the future: on it the training blocks reach up to {beyond:.2f}. Fitted on the training blocks alone it "
            f"would put the largest later close at {amount(honest)}.",
            f"Between these candles: {things(found.gaps, 'gap')}. Like the article, this chapter does not look for "
            "gaps or for bad prints.",
            *((found.data_file,) if found.data_file else ()),
        ),
        exhibits=(
            make_picture(
                "split",
                "What was learnt from, and what was held back",
                caption,
                partial(pictures_data.draw_split, blocks),
            ),
            Sheet("counts", "Rows and blocks", f"A block is {LOOKBACK} closes in and {HORIZON} out.", counts),
            *_list_data_file(found),
        ),
    )


def _list_data_file(found: Found) -> tuple[Sheet, ...]:
    """The seven arrays, where the faithful networks learn from what was read back from their file."""
    if found.blocks.arrays is None:
        return ()
    table = list_arrays(found.blocks.arrays)
    return (Sheet("data-file", "The data file: seven arrays", found.data_file, table, "faithful"),)


def tell_views() -> Chapter:
    """What the networks can see at all."""
    caption = (
        "Bar: the closes that a step of the forecast reads; it never sees the others. Dashes: the last close, which "
        "is all that copying needs. LSTM and GRU read every close for every step."
    )
    table = describe_views()
    ages = table.filter(pl.col("network").str.starts_with("CNN"))["mean age of the newest input, candles"]
    return Chapter(
        title="What can they see?",
        text=(
            "Its convolutions have no padding, and their last layer is the output. So every step of the forecast "
            "reads a fixed slice of the window, and the first step reads the oldest one.",
            f"On average the newest close that a step of a CNN reads is {min(ages):.1f} to {max(ages):.1f} candles "
            f"old at its target. For a copy of the last close that age is {COPY_AGE:g}. No training can make up for "
            "it: this is geometry.",
        ),
        exhibits=(
            make_picture("views", "What the convolutional networks can see", caption, pictures_data.draw_views),
            Sheet(
                "views-table",
                "Visible inputs",
                f"Inputs count from 0, the oldest, to {LOOKBACK - 1}, the last close. Parameters as published.",
                table,
            ),
        ),
    )


def results_table(found: Found, published: Published) -> pl.DataFrame:
    """The article's table with its columns, ours, and the opponents that it did not have."""
    blocks, unit = found.blocks, pictures.square_of(found.blocks)
    rows = []
    for one in configurations():
        own = published.runs.filter(pl.col("name") == one.name)
        rows.append(
            {
                "model": one.name,
                "best epoch": int(own["best_epoch"].median()),  # type: ignore[arg-type]
                "training loss": own["loss"].median(),
                "validation loss": own["validation_loss"].median(),
                f"error, {unit}": own["error"].median(),
                "best run": own["error"].min(),
                "last epoch": error_at_end(published.runs, one.name, blocks),
                "seconds per epoch": own["seconds"][0],
                "published seconds per epoch": SECONDS_PER_EPOCH[one.kind],
            }
        )
    for name, error in published.errors.items():
        error = float(np.median(published.noisy)) if name == "noisy copy" else error
        rows.append({"model": name, "validation loss": error / blocks.reach**2, f"error, {unit}": error})
    table = pl.DataFrame(rows, infer_schema_length=None)
    known = [TABLE.get(name) for name in table["model"]]
    return table.with_columns(
        pl.Series("published validation loss", [row and row.validation_loss for row in known], dtype=pl.Float64),
        pl.Series("published error, USD\N{SUPERSCRIPT TWO}", [row and row.error for row in known], dtype=pl.Float64),
    )


def tell_table(found: Found, published: Published) -> Chapter:
    """The ten networks and what was beside them."""
    blocks, runs = found.blocks, published.runs
    unit, seeds = pictures.square_of(blocks), runs["seed"].n_unique()
    epochs = len(runs["losses"][0])
    said = held_back(blocks)
    marks = {"last close": found.persistence, "block copy": published.errors["block copy"]}
    below, median = published.ahead, published.headline
    table_caption = (
        f"{said}. Medians of {things(seeds, 'run')} of {things(epochs, 'epoch')}, each at its best epoch by "
        "validation loss, which is the same blocks; best run and last epoch beside. Seconds of an epoch: of one run, "
        "while all seeds train together on this machine; published are those of a GPU of 2017 (of the LSTM about, of "
        "the GRU under). The other published columns are of other candles."
    )
    dots = (
        f"{said}. Dot: one of {things(seeds, 'run')}, at the epoch that is best on these very blocks; bar: their "
        "median. Dashes: the last close; dots across: the block copy, which is the article's lag baseline."
    )
    curve = (
        f"{said}. Median of {things(seeds, 'run')} after every epoch. As published, the lowest point of each run is "
        "its result."
    )
    learning = partial(pictures.draw_learning, runs, found.persistence, blocks.reach, unit)
    return Chapter(
        title="The results table, with the row that it lacked",
        text=(
            f"Each network is trained as published: mean squared error, Adam, batches of {BATCH_SIZE}, "
            f"{things(epochs, 'epoch')}, the best epoch chosen on the held-back blocks, which then give the result. "
            f"The article has one run of each; here are {seeds}.",
            f"The article's best network scores {amount(median)} {unit} here. Repeating the last close scores "
            f"{amount(found.persistence)} {unit} on the same blocks: the network's error is "
            f"{spell_times(ratio_of(median, found.persistence))} as large. Of all {runs.height} runs "
            f"{'none is' if not below else 'one is' if below == 1 else f'{below} are'} below it.",
            f"In the article that row was missing. Its lag baseline, {TABLE['block copy'].error:,.0f} USD\u00b2, "
            f"copies the last {HORIZON} closes as a block. Repeating the last close would, inferred from it, have "
            f"scored about {PERSISTENCE:,.0f} USD\u00b2 there, below the {TABLE[HEADLINE].error:,.0f} of its best "
            "network.",
        ),
        exhibits=(
            Sheet("results", "Results", table_caption, results_table(found, published), "faithful", RESULTS_TABLE),
            make_picture(
                "results-runs",
                "Ten networks beside copies of an old price",
                dots,
                partial(pictures.draw_errors, runs, marks, unit),
                repeats=RESULTS_TABLE,
            ),
            make_picture("learning", "How the error moves from epoch to epoch", curve, learning),
        ),
    )
