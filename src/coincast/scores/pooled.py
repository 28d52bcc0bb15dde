"""One test over all coins: is a model better than naive on average over the markets?"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from coincast.scores.finding import Finding, Options, add_words, make_table, name_some, tell_lost
from coincast.scores.series import LossSeries, deciding_series, keep_common
from coincast.scores.significance import compare_losses, count_overlapping

FIGURES = ("n", "loss", "naive", "skill", "low", "high", "statistic", "p")
COLUMNS: dict[str, pl.DataType] = {
    "interval": pl.String(),
    "quantity": pl.String(),
    "model": pl.String(),
    "markets": pl.Int64(),
    "n": pl.Int64(),
    **{name: pl.Float64() for name in FIGURES[1:]},
    "is_too_few": pl.Boolean(),
}
FEWEST_MARKETS = 2


def pool_markets(forecasts: pl.DataFrame, scores: pl.DataFrame, options: Options) -> Finding:
    """The decisive test on the losses averaged over markets, one average per origin that all markets have.

    Coins move together, so that their tests are not independent, and k of them passing says little. The average per
    origin is one series: whatever the coins share stands in its long-run error. Every market has the same weight, a
    wilder one the larger losses. Holm's adjustment runs over the models of this table.

    Args:
        forecasts: a table of forecasts.
        scores: not used; every further test takes the same arguments.
        options: not used.

    Returns:
        interval, quantity, model, markets, n (common origins), loss, naive, skill, low, high, statistic, p, p_holm,
        verdict; p, the interval and the adjustment are null where there are too few origins. Naive's own row is not
        among them.
    """
    rows, alone = [], []
    losing: dict[tuple[int, int], list[str]] = {}
    for markets in _group_by_model(deciding_series(forecasts)).values():
        if len(markets) < FEWEST_MARKETS:
            alone.append(markets[0].panel.model)
            continue
        common, lost = keep_common(markets)
        n = common[0].origins.size
        losing.setdefault((lost, lost + n), []).append(common[0].panel.model)
        if n:
            rows.append(_test_average(common))
    notes = [*tell_lost("the pooled test", losing, "market")]
    if alone:
        notes.append(
            f"the pooled test needs at least {FEWEST_MARKETS} markets and is left out for {name_some(alone)}: on 1 only"
        )
    return Finding(add_words(make_table(rows, COLUMNS)).drop("is_too_few"), tuple(notes))


def _group_by_model(series: list[LossSeries]) -> dict[tuple[str, str, str, tuple[int, ...]], list[LossSeries]]:
    """The markets of every model but our own naive forecast: the same model, interval, quantity and steps."""
    groups: dict[tuple[str, str, str, tuple[int, ...]], list[LossSeries]] = {}
    for one in series:
        if not one.is_own_naive:
            panel = one.panel
            groups.setdefault((panel.interval, panel.quantity, panel.model, one.steps), []).append(one)
    return groups


def _test_average(markets: list[LossSeries]) -> dict[str, Any]:
    """The decisive test on the mean over markets with the same origins."""
    losses = np.mean([one.losses for one in markets], axis=0)
    naive = np.mean([one.naive for one in markets], axis=0)
    last_targets = np.max([one.panel.targets[:, -1] for one in markets], axis=0)
    overlapping = count_overlapping(markets[0].origins, last_targets, steps=markets[0].steps[-1])
    compared = compare_losses(losses, naive, overlapping=overlapping)
    keys = {name: value for name, value in markets[0].keys.items() if name != "market"}
    figures = {name: getattr(compared, name) for name in FIGURES}
    return {**keys, "markets": len(markets), **figures, "is_too_few": compared.is_too_few}
