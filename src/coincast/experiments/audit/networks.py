"""The audit of a network: its parameters and forecasts, trained once on the true world and once on changed ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from coincast.experiments.audit.futures import SAME_LENGTH, Futures, World
from coincast.experiments.audit.probes import Finding, Key, Reading, find_changes
from coincast.experiments.audit.subjects import make_fits, split_forecasts, with_training_origins
from coincast.experiments.fit import fit_entry
from coincast.experiments.tasks import Task
from coincast.samples.quantities import QUANTITIES

if TYPE_CHECKING:
    from coincast.experiments.entries import ModelEntry
    from coincast.experiments.spec import Spec

MOST_RUNS = 16
"""Trainings side by side: the lanes of one block on two devices."""


def probe_network(entry: ModelEntry, spec: Spec, world: World, *, seed: int) -> tuple[dict[Key, Finding], Finding]:
    """Train a network in the true world and in worlds that change after the training part, or after an origin.

    All worlds of a set are lanes of one program, in the same lanes as their true counterparts, so that bits compare.

    Returns:
        A finding per item, and that of a planted leak: the same network trained on the test rows, too.
    """
    tasks = make_fits(spec, world)
    ends = sorted({each.learnt_until(stops_early=spec.training.patience > 0) for each in tasks})
    changes = _choose_changes(tasks, ends, most=max(3, MOST_RUNS // len(tasks) - 1), seed=seed)
    futures, moments = Futures.draw(world, seed=seed), world.moments
    changed = [make_fits(spec, futures.change(future, cut)) for future, cut in changes]
    true = [make_fits(spec, world) for _ in changes]
    before, after = (_forecast(entry, spec, sets) for sets in (true, changed))
    findings: dict[Key, Finding] = {}
    for (future, cut), old, new in zip(changes, before[:-1], after[:-1], strict=True):
        for key, base in old.items():
            finding = findings.setdefault(key, Finding.of(base, moments))
            finding.compare(base, new[key], future, cut, moments)
    if any(finding.is_leak for finding in findings.values()):
        again = _forecast(entry, spec, true)
        for key, finding in findings.items():
            finding.is_steady = not len(find_changes(before[0][key], again[0][key])[0])
    planted = Finding(rows=1, columns=1)
    for key, base in before[-1].items():
        planted.compare(base, after[-1][key], *changes[0], moments)
    return findings, planted


def _choose_changes(tasks: Sequence[Task], ends: Sequence[int], *, most: int, seed: int) -> list[tuple[str, int]]:
    """A future from the end of each training, others from origins (the first, the last but one), then more of both."""
    origins = np.unique(np.concatenate([each.samples.close_time[each.test.origin_rows] for each in tasks]))
    most = max(most, len(ends) + 2)
    drawn = np.random.default_rng(seed).permutation(origins)[:most]
    cuts = dict.fromkeys(int(cut) for cut in (origins[0], origins[max(0, len(origins) - 2)], *drawn))
    of_origins = [(SAME_LENGTH[number % 2], cut) for number, cut in enumerate(cuts)]
    first, *others = ([(future, end) for end in ends] for future in SAME_LENGTH)
    changes = [*first, *of_origins[:2], *(change for more in others for change in more), *of_origins[2:]]
    return changes[:most]


def _forecast(entry: ModelEntry, spec: Spec, sets: Sequence[Sequence[Task]]) -> list[dict[Key, Reading]]:
    """Forecasts of every set of tasks, then of the first one trained on the last windows."""
    ordinary = [[with_training_origins(task) for task in tasks] for tasks in sets]
    every = [*ordinary, [_trained_too_late(task) for task in ordinary[0]]]
    flat = [task for tasks in every for task in tasks]
    forecasts = fit_entry(entry, spec, flat, beside=False).forecasts
    steps = len(QUANTITIES[spec.samples.quantity].steps(spec.samples.horizon))
    sizes = [sum(len(task.test) * steps for task in tasks) for tasks in every]
    starts = np.concatenate([[0], np.cumsum(sizes)]).tolist()
    return [split_forecasts(entry.label, forecasts[first:end]) for first, end in pairwise(starts)]


def _trained_too_late(task: Task) -> Task:
    """Trained on as many windows as before, but on the last ones there are."""
    known = np.flatnonzero(task.samples.known)[-len(task.training) :]
    is_late = np.isin(np.arange(len(task.samples.known)), known)
    return dataclasses.replace(task, training=task.samples.windows.select(is_late))
