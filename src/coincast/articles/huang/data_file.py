"""The article's data file: its seven arrays are written, read back, and what was read is learnt from."""

from __future__ import annotations

from dataclasses import fields

import polars as pl

from coincast.articles.bench import Bench
from coincast.articles.huang.blocks import Blocks
from coincast.articles.huang.training import series_name
from coincast.errors import MissingPackageError
from coincast.samples.hdf5 import SampleFile, read_samples_file, write_samples_file

HOLDS = {
    "inputs": "closes read, scaled to 0 ... 1",
    "outputs": "closes to forecast, scaled to 0 ... 1",
    "input_times": "when their candles open, seconds since 1970",
    "output_times": "when their candles open, seconds since 1970",
    "original_inputs": "closes read, as they are",
    "original_outputs": "closes to forecast, as they are",
    "original_datas": "every close of the series: the scale is fitted on it again",
}


def pass_through_file(bench: Bench, blocks: Blocks) -> tuple[Blocks, str]:
    """Write the data file, read it back, and take the blocks from it, as the article's scripts do.

    Args:
        bench: whose folder takes the file.
        blocks: of the candles.

    Returns:
        The blocks, all their figures from the file, and a sentence on it. Where HDF5 files cannot be written for lack
        of a package the blocks are those given, whose arrays are the same.
    """
    place = f"data/{series_name(blocks)}.h5"
    try:
        path = write_samples_file(blocks.to_file(), bench.folder / place)
    except MissingPackageError as error:
        return blocks, f"There is no data file, and the same arrays are learnt from in memory: {error}."
    told = f"The data file is {place}: the faithful networks learn from the arrays that were read back from it."
    return blocks.of_file(read_samples_file(path)), told


def list_arrays(file: SampleFile) -> pl.DataFrame:
    """The seven arrays: `array, shape, holds`."""
    names = [field.name for field in fields(file)]
    shapes = [" x ".join(f"{size:,}" for size in getattr(file, name).shape) for name in names]
    return pl.DataFrame({"array": names, "shape": shapes, "holds": [HOLDS[name] for name in names]})
