"""The forecasts that need no network: the article's four, the one that it left out, and copies of what a CNN can see.

Every one is a function of the past closes (block, 256), and gives the next 16 (block, 16).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import polars as pl

from coincast.articles.huang.blocks import Blocks, Floats
from coincast.articles.huang.networks import architectures, newest_seen
from coincast.articles.huang.published import BLOCK, HORIZON, LOOKBACK, NOISE

MOST_AT_ONCE = 20_000
"""Windows that are cut at once: a year of every start would take gigabytes."""
WALKS = 400
"""Simulated prices without memory, of which is asked how far chance alone moves the ratio of the two copies."""


def copy_last(past: Floats) -> Floats:
    """True persistence: every step is the last close, which is 1 to 16 candles old."""
    return np.repeat(past[:, -1:], HORIZON, axis=1)


def copy_block(past: Floats) -> Floats:
    """The article's lag baseline: step k is the close 16 candles before it, so that every step is 16 candles old."""
    return np.array(past[:, -HORIZON:])


def copy_noisily(past: Floats, *, seed: int) -> Floats:
    """The article's random walk: the copied block times Normal(1, 0.005). Noise can only add to the error."""
    return copy_block(past) * np.random.default_rng(seed).normal(1.0, NOISE, (len(past), HORIZON))


def copy_seen(past: Floats, newest: list[int]) -> Floats:
    """For each step the newest close that a network can see: the best that it could copy."""
    return np.array(past[:, newest])


def regress(blocks: Blocks, past: Floats) -> Floats:
    """The article's linear regression: for each step its own least squares on the 256 scaled inputs.

    Where there are fewer blocks than inputs it is the solution of least norm, as in scikit-learn, and fits the training
    blocks without error.
    """
    inputs, targets = (blocks.scale(part) for part in blocks.pieces(blocks.training))
    centre, level = inputs.mean(axis=0), targets.mean(axis=0)
    coefficients = np.linalg.lstsq(inputs - centre, targets - level, rcond=None)[0]
    return blocks.unscale((blocks.scale(past) - centre) @ coefficients + level)


def forecast_blocks(blocks: Blocks) -> dict[str, Floats]:
    """What each opponent says of the validation blocks (block, 16); the noisy copy is that of its first seed."""
    past, _ = blocks.pieces(blocks.validation)
    said = {
        "persistence": copy_last(past),
        "block copy": copy_block(past),
        "noisy copy": copy_noisily(past, seed=0),
        "linear regression": regress(blocks, past),
    }
    return said | {f"copy of what {name} sees": copy_seen(past, newest) for name, newest in views().items()}


def views() -> dict[str, list[int]]:
    """For each CNN the newest input that each step reads."""
    return {f"CNN {one.layers}": newest_seen(one.settings) for one in architectures() if one.kind == "CNN"}


def noisy_errors(blocks: Blocks, *, seeds: int) -> Floats:
    """Squared error of the noisy copy for each seed."""
    past, future = blocks.pieces(blocks.validation)
    return np.array([squared_error(copy_noisily(past, seed=seed), future) for seed in range(seeds)])


def squared_error(said: Floats, future: Floats) -> float:
    """Mean over all blocks and steps, in the square of the price's unit."""
    return float(np.mean((said - future) ** 2))


def ratio_of(figure: float, other: float) -> float:
    """A figure over another; NaN where the other is 0, as the error of the last close is of a price that stands still.

    Reports write NaN as something unknown: `sentences.spell_times`, `coincast.reports.numbers`.
    """
    return figure / other if other else math.nan


def compare_copies(blocks: Blocks, every_start: Blocks) -> pl.DataFrame:
    """How much worse the article's lag baseline is than repeating the last close: `cut, windows, ..., ratio`.

    Args:
        blocks: the article's.
        every_start: the same market, sliding.
    """
    cuts = {
        "blocks": (blocks, slice(None)),
        "blocks, validation part": (blocks, slice(blocks.learnt, None)),
        "every start": (every_start, slice(None)),
    }
    rows = []
    for name, (cut, which) in cuts.items():
        starts = cut.windows.starts[which]
        last, block = (
            _sum_squares(cut.close, starts, copy) / (len(starts) * HORIZON) for copy in (copy_last, copy_block)
        )
        rows.append(
            {
                "cut": name,
                "windows": len(starts),
                "persistence": last,
                "block copy": block,
                "ratio": ratio_of(block, last),
            }
        )
    return pl.DataFrame(rows)


def ratios_of_walks(blocks: int) -> tuple[float, float]:
    """Block copy over persistence on so many blocks of a random walk: what 95 % of such walks lie between."""
    rng, ratios = np.random.default_rng(0), []
    for _ in range(WALKS):
        past, future = np.split(rng.normal(size=(blocks, 2 * HORIZON)).cumsum(axis=1), 2, axis=1)
        ratios.append(squared_error(copy_block(past), future) / squared_error(copy_last(past), future))
    low, high = np.quantile(ratios, (0.025, 0.975))
    return float(low), float(high)


def compare_views(every_start: Blocks, *, block_copy: float) -> pl.DataFrame:
    """What a copy of the newest close that each CNN sees scores beside the block copy: `network, ratio, scaled`.

    Args:
        every_start: a market, sliding.
        block_copy: squared error of the block copy elsewhere, to which the ratio is applied.
    """
    starts = every_start.windows.starts
    base = _sum_squares(every_start.close, starts, copy_block)
    rows = []
    for name, newest in views().items():
        ratio = ratio_of(_sum_squares(every_start.close, starts, partial(copy_seen, newest=newest)), base)
        rows.append({"network": name, "ratio": ratio, "scaled": ratio * block_copy})
    return pl.DataFrame(rows)


def _sum_squares(close: Floats, starts: np.ndarray, copy: Callable[[Floats], Floats]) -> float:
    """Sum of the squared errors of a copy over windows, a few of them at a time."""
    view = np.lib.stride_tricks.sliding_window_view(close, BLOCK)
    total = 0.0
    for first in range(0, len(starts), MOST_AT_ONCE):
        pieces = view[starts[first : first + MOST_AT_ONCE]]
        total += float(np.sum((copy(pieces[:, :LOOKBACK]) - pieces[:, LOOKBACK:]) ** 2))
    return total


def level_effect(blocks: Blocks) -> tuple[float, float]:
    """Squared error of persistence on the training blocks and on the validation blocks, in the article's scale.

    A forecast that learns nothing has a gap of its own between the two where the price level differs.
    """
    training, validation = (blocks.pieces(part) for part in (blocks.training, blocks.validation))
    return tuple(squared_error(copy_last(past), future) / blocks.reach**2 for past, future in (training, validation))  # type: ignore[return-value]
