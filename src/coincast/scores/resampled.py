"""What a bootstrap says of the skill, as a check of the decisive test; and how its blocks are chosen.

The stationary bootstrap (Politis and Romano 1994) draws blocks of random length, so that what hangs together in time
stays together. It is arch's own.
"""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.errors import MissingPackageError
from coincast.scores.finding import KEY_COLUMNS, Finding, Options, Shortage, make_table, tell_shortages
from coincast.scores.series import LossSeries, deciding_series, group_by_market
from coincast.scores.significance import ALPHA, count_needed, to_safe_units

Floats = NDArray[np.float64]

FEWEST = 50
"""Forecasts below which no bootstrap is made."""
COLUMNS: dict[str, pl.DataType] = {
    **KEY_COLUMNS,
    "n": pl.Int64(),
    **{name: pl.Float64() for name in ("skill", "low", "high", "bootstrap_low", "bootstrap_high")},
    "agrees": pl.Boolean(),
    **{name: pl.Int64() for name in ("repetitions", "block", "seed")},
}


def load_bootstrap(purpose: str) -> Any:
    """The module `arch.bootstrap`.

    Raises:
        MissingPackageError: arch is not installed.
    """
    try:
        return import_module("arch.bootstrap")
    except ImportError as error:
        raise MissingPackageError("arch", purpose, "coincast[stats]") from error


def fewest_forecasts(overlapping: int) -> int:
    """Fewest forecasts for a bootstrap: 50, and 20 for every origin that overlaps, as for the decisive test."""
    return max(FEWEST, count_needed(overlapping))


def choose_block(differences: Floats, *, overlapping: int, options: Options) -> int:
    """Mean length of the blocks, in origins: at least the overlap, unless the user says otherwise.

    Chosen for the loss differences (Politis and White 2004, corrected by Patton, Politis and White 2009), the longest
    where there are several series.

    Args:
        differences: loss differences, (n, series).
        overlapping: successive origins with overlapping targets.
        options: `block` decides where it is given.
    """
    if options.block is not None:
        return options.block
    bootstrap = load_bootstrap("the block length of a bootstrap")
    differences, _ = to_safe_units(differences)
    with np.errstate(invalid="ignore", divide="ignore"):
        lengths = bootstrap.optimal_block_length(differences)["stationary"].to_numpy()
    longest = float(np.max(lengths[np.isfinite(lengths)], initial=1.0))
    return max(overlapping, math.ceil(longest))


def check_skill(forecasts: pl.DataFrame, scores: pl.DataFrame, options: Options) -> Finding:
    """The 95 % interval of the skill by the stationary bootstrap, beside that of the decisive test.

    Percentile interval of 1 - mean loss / mean naive loss over resampled origins, arch's own. Models of one market with
    the same origins are resampled together, with one block length. A check, not a verdict: where `agrees` is false, one
    interval holds 0 and the other does not, and the case is a close one.

    Args:
        forecasts: a table of forecasts.
        scores: not used; every further test takes the same arguments.
        options: repetitions, block and seed.

    Returns:
        market, interval, quantity, model, n, skill, low, high (the decisive test's), bootstrap_low, bootstrap_high,
        agrees (null where an interval is unbounded), repetitions, block, seed. Copies of the naive forecast are not
        among them: their skill is 0.

    Raises:
        MissingPackageError: arch is not installed.
    """
    rows, shortages = [], []
    for group in group_by_market(deciding_series(forecasts)).values():
        alike: dict[bytes, list[LossSeries]] = {}
        for one in group:
            needed = fewest_forecasts(one.overlapping)
            if one.origins.size < needed:
                shortages.append(Shortage(one.name, one.origins.size, needed))
            elif not one.is_copy:
                alike.setdefault(one.origins.tobytes(), []).append(one)
        rows += [row for series in alike.values() for row in _resample(series, options)]
    return Finding(make_table(rows, COLUMNS), tell_shortages("the bootstrap interval of the skill", shortages))


def _resample(series: list[LossSeries], options: Options) -> list[dict[str, Any]]:
    """Rows of models with the same origins."""
    losses = np.stack([one.losses for one in series], axis=1)
    naive = np.stack([one.naive for one in series], axis=1)
    block = choose_block(losses - naive, overlapping=series[0].overlapping, options=options)
    ends = bootstrap_skill(losses, naive, block=block, options=options)
    settings = {"repetitions": options.repetitions, "block": block, "seed": options.seed}
    return [{**_show(one, ends[:, column]), **settings} for column, one in enumerate(series)]


def _show(one: LossSeries, ends: Floats) -> dict[str, Any]:
    compared = one.compare()
    low, high = (float(end) if np.isfinite(end) else None for end in ends)
    inside = [_holds_zero(low, high), _holds_zero(compared.low, compared.high)]
    figures = {name: getattr(compared, name) for name in ("n", "skill", "low", "high")}
    agrees = None if None in inside else inside[0] == inside[1]
    return {**one.keys, **figures, "bootstrap_low": low, "bootstrap_high": high, "agrees": agrees}


def _holds_zero(low: float | None, high: float | None) -> bool | None:
    return None if low is None or high is None else low <= 0 <= high


def bootstrap_skill(losses: Floats, naive: Floats, *, block: int, options: Options) -> Floats:
    """Ends of the 95 % percentile interval of the skill of several models.

    Args:
        losses: (n, models).
        naive: naive's losses beside them, (n, models).
        block: mean length of the blocks.
        options: repetitions and seed.

    Returns:
        (2, models); NaN or infinite where naive's resampled losses can be all zero.
    """
    models = losses.shape[1]

    def skill(sample: Floats) -> Floats:
        means = sample.mean(axis=0)
        return np.asarray(1 - means[:models] / means[models:])

    both = np.concatenate([losses, naive], axis=1)
    drawn = load_bootstrap("the bootstrap interval").StationaryBootstrap(block, both, seed=options.seed)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        return np.asarray(drawn.conf_int(skill, options.repetitions, method="percentile", size=1 - ALPHA))
