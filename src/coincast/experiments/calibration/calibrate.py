"""`calibrate`: how often the judge errs, and what it finds, on markets whose truth is known."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from coincast.errors import UsageError
from coincast.experiments.calibration.markets import OnStep
from coincast.experiments.calibration.power import BOUND_SKILL, check_power, count_found, judge_echoes
from coincast.experiments.calibration.report import Calibration
from coincast.experiments.calibration.size import count_rejections
from coincast.experiments.calibration.walks import count_alarms, count_tables, judge_walks

LARGEST_SEED = 1_000


@dataclass(frozen=True)
class Extent:
    """How many markets a calibration draws, and how long they are.

    Attributes:
        null_markets: walks of the true nulls.
        null_lengths: origins that they are judged on, beside 20 h and 50 h.
        walk_settings: pairs of origins and horizon of the walks that models are judged on.
        walk_markets: walks for each pair.
        walk_training: candles that models of walks learn from.
        echo_markets: echoes for each skill.
        echo_skills: oracle skills that are planted; `BOUND_SKILL` must be among them.
        echo_lengths: origins that echoes are judged on.
        echo_training: candles that models of echoes learn from.
        is_quick: whether bounds are held against intervals, as few markets make fair.
    """

    null_markets: int
    null_lengths: tuple[int, ...]
    walk_settings: tuple[tuple[int, int], ...]
    walk_markets: int
    walk_training: int
    echo_markets: int
    echo_skills: tuple[float, ...]
    echo_lengths: tuple[int, ...]
    echo_training: int
    is_quick: bool


WHOLE = Extent(
    null_markets=4_000,
    null_lengths=(250, 1000, 4000),
    walk_settings=((250, 1), (1000, 1), (500, 5), (500, 24)),
    walk_markets=300,
    walk_training=500,
    echo_markets=200,
    echo_skills=(0.01, 0.02, BOUND_SKILL, 0.10),
    echo_lengths=(250, 1000, 4000),
    echo_training=2000,
    is_quick=False,
)
QUICK = Extent(
    null_markets=300,
    null_lengths=(250, 1000),
    walk_settings=((250, 1), (1000, 1), (500, 5), (500, 24)),
    walk_markets=12,
    walk_training=500,
    echo_markets=16,
    echo_skills=(0.01, 0.02, BOUND_SKILL, 0.10),
    echo_lengths=(250, 1000, 4000),
    echo_training=2000,
    is_quick=True,
)


def calibrate(
    *, quick: bool = False, seed: int = 0, extent: Extent | None = None, on_step: OnStep | None = None
) -> Calibration:
    """Measure the judge's own error rates on simulated markets.

    True nulls: how often the decisive test rejects what is true. Walks: how often a model is called better where none
    can be. Echoes: how often a planted skill is found.

    Args:
        quick: about a minute instead of about a quarter of an hour; bounds are then held against intervals.
        seed: of the markets and of the first run, 0 to 1,000.
        extent: how much to draw; replaces `quick`.
        on_step: told what is done next, its number, and how many there are.

    Raises:
        UsageError: a seed out of range.
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise UsageError(f"seed {seed} cannot be calibrated with; give a whole number from 0 to {LARGEST_SEED:,}")
    extent = extent or (QUICK if quick else WHOLE)
    lenient, moments = extent.is_quick, [time.perf_counter()]
    nulls = count_rejections(
        markets=extent.null_markets, lengths=extent.null_lengths, seed=seed, lenient=lenient, on_step=on_step
    )
    moments.append(time.perf_counter())
    walks = judge_walks(
        settings=extent.walk_settings,
        markets=extent.walk_markets,
        training=extent.walk_training,
        seed=seed,
        on_step=on_step,
    )
    moments.append(time.perf_counter())
    echoes = judge_echoes(
        markets=extent.echo_markets,
        skills=extent.echo_skills,
        lengths=extent.echo_lengths,
        training=extent.echo_training,
        seed=seed,
        on_step=on_step,
    )
    moments.append(time.perf_counter())
    power = count_found(echoes)
    return Calibration(
        nulls=nulls,
        models=count_alarms(walks, lenient=lenient),
        tables=count_tables(walks, lenient=lenient),
        power=power,
        found=check_power(power, lenient=lenient),
        seed=seed,
        is_quick=extent.is_quick,
        seconds=dict(zip(("nulls", "walks", "echoes"), np.diff(moments).tolist(), strict=True)),
    )
