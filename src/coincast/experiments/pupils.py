"""Which networks are trained for the fits that are due: one for each, or one for those of all markets together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int

from coincast.errors import UsageError
from coincast.experiments.grid import Setting
from coincast.experiments.tasks import Task

if TYPE_CHECKING:
    from coincast.experiments.fit import Unit


@dataclass(frozen=True)
class Pupil:
    """A network that is trained once for every seed, and the units that it is asked for: several where it is pooled.

    Attributes:
        units: their places among those that are due.
        setting: of all of them.
        fits: what it learns from.
        trained_until: close of the last row that it knows of these, milliseconds since 1970; where it stops early, its
            validation rows count.
    """

    units: tuple[int, ...]
    setting: Setting
    fits: tuple[Task, ...]
    trained_until: int


def each_alone(units: Sequence[Unit]) -> list[Pupil]:
    """A network for each unit."""
    return [
        Pupil((place,), unit.setting, (unit.fit,), unit.fit.learnt_until(stops_early=_stops_early(unit.setting)))
        for place, unit in enumerate(units)
    ]


def pool(units: Sequence[Unit]) -> list[Pupil]:
    """One network for the fits of the same number on all markets.

    Raises:
        UsageError: it would learn from one market what comes after the first forecast of another.
    """
    pools: dict[Any, list[int]] = {}
    met: dict[Any, int] = {}
    for place, unit in enumerate(units):
        kind = (unit.setting.label, unit.fit.fit, unit.fit.is_live)
        own = (*kind, unit.fit.market)
        met[own] = met.get(own, 0) + 1  # an audit has several worlds, each with all markets
        pools.setdefault((*kind, met[own]), []).append(place)
    pupils = []
    for places in pools.values():
        fits, setting = tuple(units[place].fit for place in places), units[places[0]].setting
        _refuse_later(fits, [fit.validation.origin_rows for fit in fits], stops_early=False)
        _refuse_later(fits, [_judged_origins(fit) for fit in fits], stops_early=_stops_early(setting))
        until = max(fit.learnt_until(stops_early=_stops_early(setting)) for fit in fits)
        pupils.append(Pupil(tuple(places), setting, fits, until))
    return pupils


def _stops_early(setting: Setting) -> bool:
    return setting.spec.training.patience > 0


def _judged_origins(fit: Task) -> Int[np.ndarray, "origin"]:
    """An audit also asks about training origins, which are no forecasts."""
    origins = fit.test.origin_rows
    return origins[origins >= fit.parts.test.first - 1]


def _refuse_later(fits: Sequence[Task], origins: Sequence[Int[np.ndarray, "origin"]], *, stops_early: bool) -> None:
    """Refuse origins of one market that lie before what is learnt of another."""
    late = max(fits, key=lambda fit: fit.learnt_until(stops_early=stops_early))
    until = late.learnt_until(stops_early=stops_early)
    for fit, rows in zip(fits, origins, strict=True):
        if len(rows) and fit.samples.close_time[rows[0]] < until:
            raise UsageError(
                f"training.pool: {late.market} is learnt beyond the first forecast of {fit.market}, so that one "
                "market would tell the future of the other; set split.test (and split.validation) to a date, the "
                "same for all markets"
            )
