"""A task as a trainer takes it: scaled targets, and what "the price stays where it is" would be among them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from coincast.experiments.tasks import Task
from coincast.samples.windows import Windows
from coincast.training.runs import Lessons, NoChange, Span

NUDGE = 1e-4
"""Of the scaled target, from which the change of the price is told."""


class Spans:
    """Makes each span once, so that runs that learn the same share its arrays.

    Args:
        one_step: whether only the first step of the horizon is learnt, as for forecasts that feed themselves.
    """

    def __init__(self, *, one_step: bool) -> None:
        self.one_step = one_step
        self._made: dict[tuple[int, bool, bool], tuple[Task, Span]] = {}

    def make(self, task: Task, *, every_step: bool, with_no_change: bool) -> Span:
        """See `make_span`."""
        key = (id(task), every_step, with_no_change)
        if key not in self._made:
            span = make_span(task, one_step=self.one_step, every_step=every_step, with_no_change=with_no_change)
            self._made[key] = (task, span)
        return self._made[key][1]


def make_span(task: Task, *, one_step: bool, every_step: bool, with_no_change: bool) -> Span:
    """What a run learns from one market.

    Args:
        task: the market and the span to learn from.
        one_step: whether only the first step of the horizon is learnt, as for forecasts that feed themselves.
        every_step: whether the loss looks at the forecast of every candle of a window.
        with_no_change: whether it looks at the forecast that nothing changes.
    """
    steps = slice(0, 1) if one_step else slice(None)
    step_targets = None
    if every_step:
        step_targets = task.target_scale.scale(task.samples.targets_by_row())[:, steps]
    return Span(
        inputs=task.samples.inputs,
        scale=task.input_scale,
        training=_lessons(task, task.training, steps, with_no_change),
        validation=_lessons(task, task.validation, steps, with_no_change),
        step_targets=step_targets,
    )


def _lessons(task: Task, windows: Windows, steps: slice, with_no_change: bool) -> Lessons:
    targets = task.target_scale.scale(task.samples.targets(windows))[:, steps]
    return Lessons(windows.starts, targets, _no_change(task, windows) if with_no_change else None)


def _no_change(task: Task, windows: Windows) -> NoChange:
    """The naive forecast in the unit of the scaled target, and how much of the price one such unit is."""
    last, first = task.samples.last_close(windows), task.samples.first_close(windows)
    target = task.samples.target
    value = task.target_scale.scale(target.from_price(last[:, None], last, first))[:, 0]

    def log_price(scaled: Float[np.ndarray, "window"]) -> Float[np.ndarray, "window"]:
        prices = target.to_value(task.target_scale.unscale(scaled[:, None]), last, first)
        return np.asarray(np.log(prices[:, 0]))

    return NoChange(value, (log_price(value + NUDGE) - log_price(value - NUDGE)) / (2 * NUDGE))
