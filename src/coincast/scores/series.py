"""The deciding losses of every model on every market, beside naive's: what the further tests work on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.forecasts.combine import MODEL_KEYS, add_ensembles
from coincast.scores.panel import Panel, make_panels
from coincast.scores.point import metrics_of
from coincast.scores.significance import COPY_SHARE, Comparison, compare_losses, count_overlapping
from coincast.scores.verdict import NAIVE, losses_per_origin

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


@dataclass(frozen=True)
class LossSeries:
    """The deciding losses of one model on one market, one per origin, averaged over its steps.

    Attributes:
        panel: the forecasts behind the losses, (n, K).
        losses: (n,), in order of time.
        naive: the naive forecast's losses at the same origins, (n,).
    """

    panel: Panel
    losses: Floats
    naive: Floats

    @property
    def keys(self) -> dict[str, str]:
        """Market, interval, quantity and model, as columns."""
        return {name: getattr(self.panel, name) for name in MODEL_KEYS}

    @property
    def name(self) -> str:
        """The model and its market, for a note."""
        return f"{self.panel.model} on {self.panel.market}"

    @property
    def steps(self) -> tuple[int, ...]:
        """The steps that the losses are averaged over."""
        return tuple(self.panel.steps.tolist())

    @property
    def origins(self) -> Times:
        """Times of the origins, ascending."""
        return self.panel.origins

    @property
    def overlapping(self) -> int:
        """Successive origins with overlapping targets."""
        return count_overlapping(self.panel.origins, self.panel.targets[:, -1], steps=int(self.panel.steps[-1]))

    @property
    def is_copy(self) -> bool:
        """Whether the forecast is the naive one, as the decisive test sees it."""
        return are_alike(self.losses, self.naive, float(self.naive.mean()))

    @property
    def is_own_naive(self) -> bool:
        """Whether it is our own naive forecast, which never carries a word."""
        return self.panel.model == NAIVE and self.is_copy

    def keep(self, mask: NDArray[np.bool_]) -> LossSeries:
        """The origins of a mask."""
        return LossSeries(self.panel.keep(mask), self.losses[mask], self.naive[mask])

    def compare(self) -> Comparison:
        """The decisive test on these losses."""
        return compare_losses(self.losses, self.naive, overlapping=self.overlapping)


def are_alike(losses: Floats, others: Floats, naive: float) -> bool:
    """Whether two series of losses are those of one forecast: they differ by less than 1e-4 of naive's mean loss."""
    return float(np.abs(losses - others).mean()) <= COPY_SHARE * naive


def keep_ensembles(forecasts: pl.DataFrame) -> pl.DataFrame:
    """The rows of level `ensemble`: ensembles, baselines, single runs that stand for their model; no run of several.

    Keeping twice changes nothing.
    """
    is_one_of_several = (pl.col("run") > 0) & (pl.col("run").n_unique().over(MODEL_KEYS) > 1)
    return add_ensembles(forecasts).filter(~is_one_of_several)


def deciding_series(forecasts: pl.DataFrame) -> list[LossSeries]:
    """The deciding losses of every model on every market, in canonical order.

    Models without an origin that can be judged, and those with a loss that is no finite number, are not among them: the
    decisive test says of them what can be said.

    Args:
        forecasts: a table of forecasts; ensembles are added where a model has several runs.
    """
    found = []
    for panel in make_panels(keep_ensembles(forecasts)):
        if panel.origins.size == 0:
            continue
        losses, naive = losses_per_origin(panel, metrics_of(panel.quantity)[0])
        if np.isfinite(losses).all() and np.isfinite(naive).all():
            found.append(LossSeries(panel, losses, naive))
    return found


def keep_common(series: list[LossSeries]) -> tuple[list[LossSeries], int]:
    """The origins that all of them have, and how many origins some have and others lack."""
    common = reduce(np.intersect1d, (one.origins for one in series))
    every = reduce(np.union1d, (one.origins for one in series))
    return [one.keep(np.isin(one.origins, common)) for one in series], every.size - common.size


def group_by_market(series: Iterable[LossSeries]) -> dict[tuple[str, str, str, tuple[int, ...]], list[LossSeries]]:
    """Models that can be compared with one another: the same market, interval, quantity and steps."""
    groups: dict[tuple[str, str, str, tuple[int, ...]], list[LossSeries]] = {}
    for one in series:
        panel = one.panel
        groups.setdefault((panel.market, panel.interval, panel.quantity, one.steps), []).append(one)
    return groups
