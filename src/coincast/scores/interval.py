"""Scores of quantile forecasts, beside the naive interval on exactly the same targets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.scores.quantile_panel import QuantilePanel, make_quantile_panels
from coincast.scores.quantiles import (
    crps_of_quantiles,
    crps_of_runs,
    expected_band,
    interval_score,
    wilson_interval,
)
from coincast.scores.significance import compare_losses
from coincast.scores.verdict import SCORE_COLUMNS

__all__ = ["pit_histogram", "score_intervals", "wilson_interval"]

Floats = NDArray[np.float64]

TERCILES = ("calm", "middle", "wild")
FEWEST_IN_TERCILES = 30
"""Origins below which coverage is not told by tercile."""

PIT_COLUMNS: dict[str, pl.DataType] = {
    "market": pl.String(),
    "interval": pl.String(),
    "model": pl.String(),
    "run": pl.Int64(),
    "step": pl.Int64(),
    "bin": pl.Int64(),
    "from_level": pl.Float64(),
    "to_level": pl.Float64(),
    "share": pl.Float64(),
    "expected": pl.Float64(),
    "band_low": pl.Float64(),
    "band_high": pl.Float64(),
    "naive": pl.Float64(),
    "n": pl.Int64(),
    "overlap": pl.Int64(),
}


def score_intervals(
    forecasts: pl.DataFrame, intervals: pl.DataFrame, *, calibration: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Score quantile forecasts of prices beside the naive interval.

    Rows over all steps (step 0) and for each step, at the origins where the naive interval is known, too. Losses are
    relative to the last close:

    * `pinball` (mean over the levels), `crps_quantile` (the pinball approximation of the CRPS: twice that) and, for
      ensembles whose runs are in the table, `crps_runs` (CRPS of the runs as an empirical distribution; naive: as many
      evenly spaced quantiles of the naive interval).
    * for each pair of levels a and 1 - a, percent = 100 (1 - 2a): `interval_score_<percent>`, `coverage_<percent>`,
      `width_<percent>` (mean width) and `infinite_<percent>` (how many intervals are infinite).

    Losses and widths are over the origins whose intervals are finite at all steps, on both sides: beside them
    `infinite_<percent>` says how many are not. A coverage counts infinite intervals, which cover. The skill of a loss
    has the interval of the decisive test; `low, high` of a coverage bound its value (Wilson, with n / h as the number
    of trials). Subsets `calm`, `middle` and `wild` of the coverage are the thirds of the origins by the EWMA volatility
    known at them; where the thirds part was not known at the time. No row carries a word.

    Args:
        forecasts: a table of forecasts that tells `actual` and `last_close` of the same origins and steps.
        intervals: a table of quantiles.
        calibration: forecasts of the validation part, so that the naive interval is known from the first origin on.

    Returns:
        Rows of the score table; empty where the naive interval is never known.

    Raises:
        UsageError: quantiles of anything but a price.
    """
    rows = [row for panel in make_quantile_panels(forecasts, intervals, calibration) for row in _score_panel(panel)]
    return pl.DataFrame(rows, schema=SCORE_COLUMNS)


def pit_histogram(
    forecasts: pl.DataFrame, intervals: pl.DataFrame, *, calibration: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Where the prices fell between the quantiles: the histogram of the probability integral transform.

    A bin lies between two neighbouring levels and is half-open: above its lower quantile, up to its upper one. Of a
    calibrated forecast 95 % of the shares lie in the band (by n / h trials).

    Args:
        forecasts: as for `score_intervals`.
        intervals: as for `score_intervals`.
        calibration: as for `score_intervals`.

    Returns:
        One row per market, model, step (0: all) and bin: `PIT_COLUMNS`; `from_level` and `to_level` are the levels at
        its ends, `naive` the share of the naive interval's bin.
    """
    panels = make_quantile_panels(forecasts, intervals, calibration)
    rows = [row for panel in panels for step, part in _by_step(panel) for row in _pit_rows(part, step)]
    return pl.DataFrame(rows, schema=PIT_COLUMNS)


def _by_step(panel: QuantilePanel) -> Iterator[tuple[int, QuantilePanel]]:
    """All steps together as step 0, then each alone where there are several."""
    yield 0, panel
    if panel.steps.size > 1:
        for i, step in enumerate(panel.steps):
            yield int(step), panel.keep(np.ones(panel.origins.size, dtype=bool), step=i)


def _score_panel(panel: QuantilePanel) -> Iterator[dict[str, Any]]:
    for step, part in _by_step(panel):
        yield from _loss_rows(part, step)
        for pair in _pairs(part.levels):
            yield from _pair_rows(part, step, *pair)
    yield from _tercile_rows(panel)


def _pairs(levels: Floats) -> list[tuple[int, int, str]]:
    """Places of the levels a and 1 - a, and the percent between them."""
    found = []
    for i, level in enumerate(levels):
        j = next((j for j, other in enumerate(levels) if j > i and abs(other - (1 - level)) < 1e-9), None)
        if j is not None:
            found.append((i, j, f"{round(100 * (1 - 2 * level), 2):g}"))
    return found


def _loss_rows(panel: QuantilePanel, step: int) -> Iterator[dict[str, Any]]:
    """Losses over all levels, and of the runs."""
    finite = panel.keep(np.asarray(np.isfinite(panel.own).all(axis=(1, 2))))
    losses = [crps_of_quantiles(finite.truth, line, panel.levels).mean(axis=1) for line in (finite.own, finite.naive)]
    yield _loss_row(finite, step, "pinball", *(loss / 2 for loss in losses))
    yield _loss_row(finite, step, "crps_quantile", *losses)
    whole = panel.keep(np.asarray(np.isfinite(panel.runs).all(axis=(1, 2))))
    if panel.runs.shape[-1]:
        losses = [crps_of_runs(whole.truth, line).mean(axis=1) for line in (whole.runs, whole.naive_runs)]
        yield _loss_row(whole, step, "crps_runs", *losses)


def _pair_rows(panel: QuantilePanel, step: int, i: int, j: int, percent: str) -> Iterator[dict[str, Any]]:
    """Interval score, coverage, width and infinite ones of a central interval."""
    is_finite = np.asarray(np.isfinite(panel.own[..., [i, j]]).all(axis=-1))
    finite = panel.keep(np.asarray(is_finite.all(axis=1)))
    ends = [(line[..., i], line[..., j]) for line in (finite.own, finite.naive)]
    scores = [interval_score(finite.truth, low, high, 2 * panel.levels[i]).mean(axis=1) for low, high in ends]
    yield _loss_row(finite, step, f"interval_score_{percent}", *scores)
    yield _coverage_row(panel, step, "all", i, j, percent)
    widths = [float((high - low).mean()) if finite.origins.size else None for low, high in ends]
    yield {**_keys(finite, step, f"width_{percent}", "of last close"), "value": widths[0], "naive": widths[1]}
    count = {"value": float((~is_finite).sum()), "naive": 0.0}
    yield {**_keys(panel, step, f"infinite_{percent}", "intervals"), **count}


def _tercile_rows(panel: QuantilePanel) -> Iterator[dict[str, Any]]:
    """Coverage where the volatility known at the origin was low, middling and high."""
    known = panel.keep(~np.isnan(panel.volatility))
    if known.origins.size < FEWEST_IN_TERCILES:
        return
    ranks = np.argsort(np.argsort(known.volatility, kind="stable"), kind="stable")
    thirds = 3 * ranks // known.origins.size
    for i, j, percent in _pairs(panel.levels):
        for third, name in enumerate(TERCILES):
            # The overlap of all origins: those of a third lie together in time.
            yield _coverage_row(known.keep(thirds == third), 0, name, i, j, percent, overlap=panel.overlap)


def _loss_row(panel: QuantilePanel, step: int, metric: str, losses: Floats, naive: Floats) -> dict[str, Any]:
    keys = _keys(panel, step, metric, "of last close")
    if losses.size == 0:
        return keys
    compared = compare_losses(losses, naive, overlapping=panel.overlap)
    names = ("skill", "low", "high", "statistic", "p", "dm", "p_dm", "detectable")
    figures = {name: getattr(compared, name) for name in names}
    return {**keys, "value": compared.loss, "naive": compared.naive, **figures}


def _coverage_row(
    panel: QuantilePanel, step: int, subset: str, i: int, j: int, percent: str, *, overlap: int | None = None
) -> dict[str, Any]:
    keys = {**_keys(panel, step, f"coverage_{percent}", "share"), "subset": subset}
    keys["overlap"] = overlap or keys["overlap"]
    share, naive = (
        float(((panel.truth >= line[..., i]) & (panel.truth <= line[..., j])).mean())
        for line in (panel.own, panel.naive)
    )
    low, high = wilson_interval(share, panel.origins.size / keys["overlap"])
    return {**keys, "value": share, "naive": naive, "low": low, "high": high}


def _pit_rows(panel: QuantilePanel, step: int) -> Iterator[dict[str, Any]]:
    edges = [0.0, *panel.levels.tolist(), 1.0]
    own, naive = (
        np.bincount((panel.truth[..., None] > line).sum(axis=-1).ravel(), minlength=len(edges) - 1) / panel.truth.size
        for line in (panel.own, panel.naive)
    )
    names = ("market", "interval", "model", "run")
    keys = {**{name: getattr(panel, name) for name in names}, "step": step, "overlap": panel.overlap}
    for i in range(len(edges) - 1):
        expected = edges[i + 1] - edges[i]
        low, high = expected_band(expected, panel.origins.size / panel.overlap)
        shares = {"share": float(own[i]), "expected": expected, "naive": float(naive[i]), "n": panel.origins.size}
        ends = {"bin": i + 1, "from_level": edges[i], "to_level": edges[i + 1]}
        yield {**keys, **ends, **shares, "band_low": low, "band_high": high}


def _keys(panel: QuantilePanel, step: int, metric: str, unit: str) -> dict[str, Any]:
    named = {name: getattr(panel, name) for name in ("market", "interval", "model", "level", "run", "quantity")}
    place = {"view": "every_origin", "subset": "all", "step": step, "metric": metric, "unit": unit}
    return {**named, **place, "n": panel.origins.size, "overlap": panel.overlap}
