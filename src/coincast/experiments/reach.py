"""Targets that a network cannot forecast, since its output activation does not reach them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from coincast.experiments.grid import Setting
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import Task, vary_tasks


def reach_notes(settings: Sequence[Setting], spec: Spec, tasks: Sequence[Task]) -> list[str]:
    """How many of the training targets lie outside what the output activation of a network gives.

    Settings that differ in nothing that matters here have one note together.

    Args:
        settings: of a network.
        spec: its experiment.
        tasks: what is learnt.
    """
    from coincast.models.activations import ACTIVATIONS

    told: dict[tuple[str, str, str], str] = {}
    for setting in settings:
        name = getattr(setting.settings, "output_activation", None)
        if name not in ACTIVATIONS or not np.isfinite([ACTIVATIONS[name].low, ACTIVATIONS[name].high]).any():
            continue
        own = [task for task in vary_tasks(tasks, setting.spec, of=spec) if not task.is_live]
        for task in own:
            key = (name, setting.spec.target, task.market)
            if key not in told:
                told[key] = _note(setting.label, name, task)
    return [note for note in told.values() if note]


def _note(label: str, name: str, task: Task) -> str:
    from coincast.models.activations import ACTIVATIONS

    low, high = ACTIVATIONS[name].low, ACTIVATIONS[name].high
    targets = task.target_scale.scale(task.samples.targets(task.training))
    outside = int(((targets < low) | (targets > high)).sum())
    if not outside:
        return ""
    span = f"{low:g} to {high:g}" if np.isfinite(high) else f"no less than {low:g}"
    return (
        f"The output activation {name!r} of {label} gives {span}, and {outside:,} of {targets.size:,} scaled training "
        f"targets of {task.market} lie outside: it cannot forecast them. Set output_activation to 'linear', or "
        "samples.target to one that stays inside."
    )
