"""The runs of one network on all tasks: trained as one program, asked together."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from coincast.experiments.entries import ModelEntry
from coincast.experiments.fit import count_ahead
from coincast.experiments.grid import Setting
from coincast.experiments.outline import check_network, make_recipe
from coincast.experiments.rows import Learning, Said
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import Task, plan_fits
from coincast.samples.quantities import QUANTITIES, to_quantity
from coincast.samples.recursion import forecast_recursively, refuse_unknown_inputs, unknown_inputs
from coincast.samples.targets import Close, Prices, Values
from coincast.training.trained import Predictor, TrainedRuns
from coincast.training.trainer import Progress, TrainingRun, train

if TYPE_CHECKING:
    from coincast.experiments.fit import Ask, Unit
    from coincast.samples.windows import Windows


@dataclass(frozen=True)
class NetworkFit:
    """The runs of one setting on one fit.

    Attributes:
        unit: what was fitted.
        trained: the set that its runs are part of.
        lanes: where in that set they are.
    """

    unit: Unit
    trained: TrainedRuns
    lanes: range


class NetworkTeller:
    """Trains a network and asks it."""

    def __init__(
        self,
        entry: ModelEntry,
        spec: Spec,
        tasks: Sequence[Task],
        on_progress: Callable[[str, Progress], None] | None,
    ) -> None:
        self.settings: Sequence[Setting] = check_network(entry, spec, tasks)
        self.entry, self.spec, self.on_progress = entry, spec, on_progress
        self.room = max(len(fit.training) for task in tasks for fit in plan_fits(spec, task)[-1:])
        self.is_recursive = spec.samples.multi_step == "recursive"
        if self.is_recursive:
            refuse_unknown_inputs(tasks[0].samples)

    def fit(self, units: Sequence[Unit], *, after: Sequence[NetworkFit] | None) -> list[NetworkFit]:
        """Train all units and all seeds in one program."""
        seeds, tell = self.spec.training.seeds, self.on_progress
        plan = list(itertools.product(units, range(1, seeds + 1)))
        trained = train(
            [self._run(unit, number) for unit, number in plan],
            lookback=self.spec.samples.lookback,
            starts=None if after is None else [one.trained.weights(lane) for one in after for lane in one.lanes],
            windows=self.room,
            on_progress=None if tell is None else lambda progress: tell(self.entry.label, progress),
        )
        return [
            NetworkFit(unit, trained, range(place * seeds, (place + 1) * seeds)) for place, unit in enumerate(units)
        ]

    def _run(self, unit: Unit, number: int) -> TrainingRun:
        task = unit.fit

        def scaled(windows: Windows) -> Float[np.ndarray, "window step"]:
            targets = task.target_scale.scale(task.samples.targets(windows))
            return targets[:, :1] if self.is_recursive else targets

        return TrainingRun(
            settings=unit.setting.settings,
            recipe=make_recipe(unit.setting, self.spec),
            seed=self.spec.training.seed + number - 1,
            inputs=task.samples.inputs,
            scale=task.input_scale,
            starts=task.training.starts,
            targets=scaled(task.training),
            validation_starts=task.validation.starts,
            validation_targets=scaled(task.validation),
        )

    def tell(self, asks: Sequence[Ask]) -> list[list[Said]]:
        """Ask all fits of one set at once."""
        said: list[list[Said]] = [[] for _ in asks]
        sets = {id(ask.handle.trained): ask.handle.trained for ask in asks}
        for key, trained in sets.items():
            places = [place for place, ask in enumerate(asks) if id(ask.handle.trained) == key]
            own = [asks[place] for place in places]
            values = iter(self._forecast(trained.select([lane for ask in own for lane in ask.handle.lanes]), own))
            for place, ask in zip(places, own, strict=True):
                said[place] = [self._say(ask, lane, next(values)) for lane in ask.handle.lanes]
        return said

    def steps_ahead(self, task: Task, end: int) -> int:
        is_path = task.samples.target.quantity == "price" and not unknown_inputs(task.samples)
        return count_ahead(task, end) if is_path else 0

    def _forecast(self, trained: TrainedRuns, asks: Sequence[Ask]) -> list[np.ndarray]:
        """Values of the quantity, one array (window, step) for each run of each ask."""
        asked = [ask for ask in asks for _ in ask.handle.lanes]
        fits = [ask.handle.unit.fit for ask in asked]
        scales = [fit.input_scale for fit in fits]
        ahead = [ask.steps or (self.spec.samples.horizon if self.is_recursive else 0) for ask in asked]
        if max(ahead):
            paths = forecast_recursively(
                [fit.samples for fit in fits],
                [ask.windows for ask in asked],
                steps=max(ahead),
                to_price=[_price_of(fit) for fit in fits],
                predict=Predictor(trained, scales, keep=True).predict,
            )
            convert = QUANTITIES[fits[0].samples.quantity].from_price
            assert convert is not None  # a spec that asks for another quantity is refused
            return [
                convert(path[:, :steps], fit.samples.last_close(ask.windows))
                for path, steps, fit, ask in zip(paths, ahead, fits, asked, strict=True)
            ]
        outputs = trained.predict([fit.samples.inputs for fit in fits], scales, [ask.windows.starts for ask in asked])
        return [
            to_quantity(fit.samples, fit.target_scale.unscale(output), ask.windows)
            for output, fit, ask in zip(outputs, fits, asked, strict=True)
        ]

    def _say(self, ask: Ask, lane: int, values: Float[np.ndarray, "window step"]) -> Said:
        fitted: NetworkFit = ask.handle
        trained, number = fitted.trained, lane - fitted.lanes.start + 1
        validation = None if trained.validation_losses is None else trained.validation_losses[lane]
        return Said(
            label=fitted.unit.setting.label,
            run=number,
            values=values,
            windows=ask.windows,
            trained_until=fitted.unit.fit.trained_until,
            seed=self.spec.training.seed + number - 1,
            seconds=trained.seconds / len(trained.losses),
            learning=Learning(trained.parameters, trained.losses[lane], validation, fitted.unit.setting.varied),
        )


def _price_of(fit: Task) -> Callable[[Values, Close, Close], Prices]:
    """What turns outputs of a fit into prices."""
    return lambda output, last, first: fit.samples.target.to_value(fit.target_scale.unscale(output), last, first)
