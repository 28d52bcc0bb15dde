"""Scores of quantile forecasts, beside the naive interval on exactly the same targets.

The naive interval of a price is the last close times the exponential of EWMA-scaled past quantiles. For a target k
candles ahead, with m_j = ln(p_j / p_(j-k)) the move over k candles that ends at candle j:

    s_j^2     = EWMA with lambda 0.94 of m_i^2 over i <= j               (weights that sum to one)
    u_j       = m_j / s_(j-k)                                            (scaled by what was known before the move)
    q_tau(o)  = last close * exp(s_o * quantile_tau of the latest 250 u_j with j <= o)

so that only moves that ended at or before the origin o are used; at least 20 of them are needed. The prices are those
that the table itself tells: last closes at origins and actual prices at targets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtri

from coincast.errors import UsageError
from coincast.forecasts.prices import PricePath, price_path
from coincast.forecasts.table import (
    FORECAST_COLUMNS,
    check_forecasts,
    check_intervals,
    is_quantile_name,
    quantile_level,
)
from coincast.scores.panel import Panel, make_panels
from coincast.scores.significance import compare_losses, count_overlapping
from coincast.scores.verdict import SCORE_COLUMNS

Floats = NDArray[np.float64]

LAMBDA = 0.94
WINDOW = 250
FEWEST_MOVES = 20
JOINED_KEYS = ["market", "interval", "quantity", "origin", "step"]


def pinball_loss(truth: Floats, quantile: Floats, level: float) -> Floats:
    """Loss of a quantile forecast: level times the miss above it, 1 - level times the miss below it."""
    miss = truth - quantile
    return np.asarray(np.maximum(level * miss, (level - 1) * miss))


def interval_score(truth: Floats, low: Floats, high: Floats, alpha: float) -> Floats:
    """Width plus 2 / alpha times the miss outside, for the central 1 - alpha interval (Gneiting and Raftery 2007)."""
    return np.asarray(high - low + 2 / alpha * (np.maximum(low - truth, 0) + np.maximum(truth - high, 0)))


def wilson_interval(share: float, n: float) -> tuple[float, float]:
    """The 95 % interval of a share seen in n independent trials (Wilson 1927)."""
    z2 = float(ndtri(0.975)) ** 2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = (z2 * (share * (1 - share) / n + z2 / (4 * n * n))) ** 0.5 / (1 + z2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def naive_quantiles(path: PricePath, candles: NDArray[np.int64], step: int, levels: list[float]) -> Floats:
    """Quantiles of the naive interval, relative to the last close.

    Args:
        path: known prices.
        candles: number of the candle at each origin (n,).
        step: candles ahead.
        levels: between 0 and 1.

    Returns:
        (n, levels); NaN where fewer than 20 scaled moves are known at the origin.
    """
    moves = np.log(path.prices) - np.log(path.at(path.candles - step))
    is_known = ~np.isnan(moves)
    ends, moves = path.candles[is_known], moves[is_known]
    scale = np.append(np.nan, np.sqrt(pl.Series(moves**2).ewm_mean(alpha=1 - LAMBDA).to_numpy()))
    before = scale[np.searchsorted(ends, ends - step, side="right")]
    is_scaled = before > 0
    known = np.searchsorted(ends[is_scaled], candles, side="right")
    spread = scale[np.searchsorted(ends, candles, side="right"), None]
    scaled = moves[is_scaled] / before[is_scaled]
    return np.asarray(np.exp(_trailing_quantiles(scaled, known, levels) * spread))


def _trailing_quantiles(values: Floats, counts: NDArray[np.int64], levels: list[float]) -> Floats:
    """Quantiles of the latest `WINDOW` of the first `count` values, one row per count; NaN below `FEWEST_MOVES`."""
    found = np.full((values.size + 1, len(levels)), np.nan)
    for count in range(FEWEST_MOVES, min(WINDOW, values.size + 1)):
        found[count] = np.quantile(values[:count], levels)
    if values.size >= WINDOW:
        windows = np.lib.stride_tricks.sliding_window_view(values, WINDOW)
        found[WINDOW:] = np.quantile(windows, levels, axis=1).T
    return found[counts]


def score_intervals(forecasts: pl.DataFrame, intervals: pl.DataFrame) -> pl.DataFrame:
    """Score quantile forecasts of prices beside the naive interval.

    Rows of step 0 over all origins where the naive interval is known, too: `pinball` (mean over the levels, relative to
    the last close) and, for each pair of levels a and 1 - a, `coverage_<percent>` and `interval_score_<percent>`. The
    skill of pinball and interval score has the interval of the decisive test; `low, high` of a coverage bound its value
    (Wilson, with n / h as the number of trials). No row carries a word.

    Args:
        forecasts: a table of forecasts that tells `actual` and `last_close` of the same origins and steps.
        intervals: a table of quantiles.

    Returns:
        Rows of the score table; empty where the naive interval is never known.

    Raises:
        UsageError: quantiles of anything but a price.
    """
    forecasts, intervals = check_forecasts(forecasts), check_intervals(intervals)
    others = set(intervals["quantity"].unique()) - {"price"}
    if others:
        raise UsageError(f"quantiles of {sorted(others)[0]!r} cannot be scored; what can be scored: price")
    rows: list[dict[str, Any]] = []
    for (market, interval), given in intervals.group_by("market", "interval", maintain_order=True):
        told = forecasts.filter((pl.col("market") == market) & (pl.col("interval") == interval))
        path = price_path(told)
        truth = told.select(*JOINED_KEYS, "actual", "last_close").unique(JOINED_KEYS, keep="first", maintain_order=True)
        joined = given.join(truth, on=JOINED_KEYS, how="left")
        for panels in _panels_by_level(joined):
            rows.extend(_score_quantiles(panels, path))
    return pl.DataFrame(rows, schema=SCORE_COLUMNS)


def _panels_by_level(joined: pl.DataFrame) -> Iterator[dict[float, Panel]]:
    """Per model one panel for each level, all with the same origins."""
    names = [name for name in joined.columns if is_quantile_name(name)]
    keys = [name for name in FORECAST_COLUMNS if name != "value"]
    for rows in joined.partition_by("model", "run", maintain_order=True):
        used = [name for name in names if rows[name].null_count() < rows.height]
        whole = rows.drop_nulls(used)
        tables = {name: whole.select(*keys, "actual", "last_close", value=name) for name in used}
        panels = {quantile_level(name): next(make_panels(table), None) for name, table in tables.items()}
        sound = {level: panel for level, panel in panels.items() if panel is not None and panel.origins.size}
        if sound:
            yield sound


def _score_quantiles(panels: dict[float, Panel], path: PricePath) -> Iterator[dict[str, Any]]:
    levels = sorted(panels)
    panel = panels[levels[0]]
    origins = pl.Series(panel.origins).cast(pl.Datetime("ms", "UTC"))
    candles = path.clock.last_closed(origins)
    naive = np.stack([naive_quantiles(path, candles, int(step), levels) for step in panel.steps], axis=1)
    mask = np.asarray(~np.isnan(naive).any(axis=(1, 2)))
    if not mask.any():
        return
    panel = panel.keep(mask)
    own = np.stack([panels[level].value[mask] / panel.last_close for level in levels], axis=-1)
    truth, base = panel.actual / panel.last_close, naive[mask]
    losses = [
        np.stack([pinball_loss(truth, line[..., i], level) for i, level in enumerate(levels)]).mean(axis=(0, 2))
        for line in (own, base)
    ]
    yield _loss_row(panel, "pinball", *losses)
    for i, level in enumerate(levels):
        j = next((j for j, other in enumerate(levels) if abs(other - (1 - level)) < 1e-9), None)
        if j is None or j <= i:
            continue
        size = f"{round(100 * (1 - 2 * level), 2):g}"
        ends = [(line[..., i], line[..., j]) for line in (own, base)]
        scores = [interval_score(truth, low, high, 2 * level).mean(axis=1) for low, high in ends]
        yield _loss_row(panel, f"interval_score_{size}", *scores)
        shares = [float(((truth >= low) & (truth <= high)).mean()) for low, high in ends]
        yield _coverage_row(panel, f"coverage_{size}", *shares)


def _loss_row(panel: Panel, metric: str, losses: Floats, naive: Floats) -> dict[str, Any]:
    compared = compare_losses(losses, naive, overlapping=_overlap(panel))
    names = ("skill", "low", "high", "statistic", "p", "dm", "p_dm", "detectable", "n")
    figures = {name: getattr(compared, name) for name in names}
    return {**_keys(panel, metric, "of last close"), "value": compared.loss, "naive": compared.naive, **figures}


def _coverage_row(panel: Panel, metric: str, share: float, naive: float) -> dict[str, Any]:
    n = panel.origins.size
    low, high = wilson_interval(share, n / _overlap(panel))
    return {**_keys(panel, metric, "share"), "value": share, "naive": naive, "low": low, "high": high, "n": n}


def _keys(panel: Panel, metric: str, unit: str) -> dict[str, Any]:
    named = {name: getattr(panel, name) for name in ("market", "interval", "model", "level", "run", "quantity")}
    place = {"view": "every_origin", "subset": "all", "step": 0, "metric": metric, "unit": unit}
    return {**named, **place, "overlap": _overlap(panel)}


def _overlap(panel: Panel) -> int:
    return count_overlapping(panel.origins, panel.targets[:, -1])
