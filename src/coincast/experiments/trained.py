"""The runs of one network on all tasks: those of the same shapes trained as one program, asked together."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from coincast.experiments.entries import ModelEntry
from coincast.experiments.fit import count_ahead
from coincast.experiments.grid import Setting
from coincast.experiments.lessons import Spans
from coincast.experiments.outline import axes_of, check_network, outline_network, structure_of
from coincast.experiments.pupils import Pupil, each_alone, pool
from coincast.experiments.rows import Learning, Said
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import Task
from coincast.forecasts.intervals import LEVELS
from coincast.samples.quantities import QUANTITIES, to_quantity
from coincast.samples.recursion import forecast_recursively, unknown_inputs
from coincast.samples.targets import Close, Prices, Values
from coincast.training.recipe import Recipe
from coincast.training.runs import TrainingRun
from coincast.training.site import Progress
from coincast.training.trained import Predictor, TrainedRuns
from coincast.training.trainer import train

if TYPE_CHECKING:
    from coincast.experiments.desk import Desk
    from coincast.experiments.fit import Ask, Unit

GIGABYTE = 10**9


@dataclass(frozen=True)
class NetworkFit:
    """The runs of one setting on one fit.

    Attributes:
        unit: what was fitted.
        trained: the set that its runs are part of.
        lanes: where in that set they are; the units of a pool share them.
        trained_until: close of the last row that they learnt from, or that chose their epoch, milliseconds since 1970.
    """

    unit: Unit
    trained: TrainedRuns
    lanes: range
    trained_until: int


class NetworkTeller:
    """Trains a network and asks it.

    Args:
        entry: the network.
        spec: its experiment.
        tasks: what to learn and forecast.
        on_progress: told the label and the progress of the training.
        desk: keeps what is unfinished, and takes the files of epochs.
    """

    def __init__(
        self,
        entry: ModelEntry,
        spec: Spec,
        tasks: Sequence[Task],
        on_progress: Callable[[str, Progress], None] | None,
        desk: Desk | None = None,
    ) -> None:
        self.settings: Sequence[Setting] = check_network(entry, spec, tasks)
        self.entry, self.spec, self.on_progress, self.desk = entry, spec, on_progress, desk
        self.recipes = {setting.label: setting.spec.recipe() for setting in self.settings}
        self.is_recursive = spec.samples.multi_step == "recursive"
        self.wants_quantiles = spec.judge.intervals in ("network", "cqr")
        self.trainings = 0

    def fit(self, units: Sequence[Unit], *, after: Sequence[NetworkFit] | None) -> list[NetworkFit]:
        """Train all units and all seeds, in one program for each group of the same shapes."""
        seeds = self.spec.training.seeds
        groups = self._group(pool(units) if self.spec.training.pool else each_alone(units))
        bar, spans = _Bar(self, groups), Spans(one_step=self.is_recursive)
        fits: dict[int, NetworkFit] = {}
        for group in groups:
            trained = self._train(group, spans, after, bar)
            for number, pupil in enumerate(group):
                lanes = range(number * seeds, (number + 1) * seeds)
                fits |= {place: NetworkFit(units[place], trained, lanes, pupil.trained_until) for place in pupil.units}
            bar.next_group(group)
        return [fits[place] for place in range(len(units))]

    def _group(self, pupils: Sequence[Pupil]) -> list[list[Pupil]]:
        """Those that make one set: the same shapes, and the same recipe but for its rates and its loss."""
        groups: dict[Any, list[Pupil]] = {}
        outlines: dict[Any, Any] = {}
        for pupil in pupils:
            setting = pupil.setting
            axes = axes_of(setting.spec, pupil.fits[0].samples.inputs.shape[1])
            asked = (id(setting.settings), axes)
            if asked not in outlines:
                outlines[asked] = structure_of(outline_network(setting.label, setting.settings, axes))
            key = (axes, self.recipes[setting.label].of_set(), outlines[asked], len(pupil.fits))
            groups.setdefault(key, []).append(pupil)
        return list(groups.values())

    def _train(
        self, group: Sequence[Pupil], spans: Spans, after: Sequence[NetworkFit] | None, bar: _Bar
    ) -> TrainedRuns:
        training = self.spec.training
        recipes = [self.recipes[pupil.setting.label] for pupil in group]
        with_no_change = any(recipe.looks_at_prices for recipe in recipes)
        starts = None
        if after is not None:
            earlier = [after[pupil.units[0]] for pupil in group]
            starts = [one.trained.weights(lane) for one in earlier for lane in one.lanes]
        self.trainings += 1
        files = (
            None if self.desk is None else self.desk.epoch_files([self._place(one) for one in group], training.seeds)
        )
        return train(
            [
                TrainingRun(
                    pupil.setting.settings,
                    recipe,
                    training.seed + number,
                    tuple(
                        spans.make(fit, every_step=recipe.loss_on == "every", with_no_change=with_no_change)
                        for fit in pupil.fits
                    ),
                )
                for pupil, recipe in zip(group, recipes, strict=True)
                for number in range(training.seeds)
            ],
            lookback=group[0].setting.spec.samples.lookback,
            starts=starts,
            memory=math.ceil(training.memory * GIGABYTE) or None,
            keeper=None if self.desk is None else self.desk.keeper(self.trainings),
            on_epoch=files,
            on_progress=bar if self.on_progress is not None else None,
        )

    def _place(self, pupil: Pupil) -> tuple[str, ...]:
        """Where the files of its epochs lie: model, market, fit."""
        fit = pupil.fits[0]
        names = [pupil.setting.label, "pool" if self.spec.training.pool else fit.market]
        names += ["beyond"] if fit.is_live else [f"fit-{fit.fit}"] if fit.is_planned else []
        return tuple(names)

    def tell(self, asks: Sequence[Ask]) -> list[list[Said]]:
        """Ask all fits of one set at once."""
        said: list[list[Said]] = [[] for _ in asks]
        sets = {id(ask.handle.trained): ask.handle.trained for ask in asks}
        for key, trained in sets.items():
            places = [place for place, ask in enumerate(asks) if id(ask.handle.trained) == key]
            own = [asks[place] for place in places]
            lanes = [lane for ask in own for lane in ask.handle.lanes]
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # a run that failed is told of itself
                values = iter(self._forecast(trained.select(lanes), own))
            for place, ask in zip(places, own, strict=True):
                said[place] = [self._say(ask, lane, *next(values)) for lane in ask.handle.lanes]
        return said

    def steps_ahead(self, task: Task, end: int) -> int:
        is_path = task.samples.target.quantity == "price" and not unknown_inputs(task.samples)
        return count_ahead(task, end) if is_path else 0

    def _forecast(self, trained: TrainedRuns, asks: Sequence[Ask]) -> list[tuple[Values, np.ndarray | None]]:
        """For each run of each ask the values (window, step) of the quantity, and quantiles where they are wanted."""
        asked = [ask for ask in asks for _ in ask.handle.lanes]
        fits = [ask.handle.unit.fit for ask in asked]
        predictor = Predictor(trained, [fit.input_scale for fit in fits])
        ahead = [ask.steps or (self.spec.samples.horizon if self.is_recursive else 0) for ask in asked]
        if max(ahead):
            paths = forecast_recursively(
                [fit.samples for fit in fits],
                [ask.windows for ask in asked],
                steps=max(ahead),
                to_price=[_price_of(fit) for fit in fits],
                predict=lambda tables, starts: [trained.point(one) for one in predictor.predict(tables, starts)],
            )
            convert = QUANTITIES[fits[0].samples.quantity].from_price
            assert convert is not None  # a spec that asks for another quantity is refused
            return [
                (convert(path[:, :steps], fit.samples.last_close(ask.windows)), None)
                for path, steps, fit, ask in zip(paths, ahead, fits, asked, strict=True)
            ]
        outputs = predictor.predict([fit.samples.inputs for fit in fits], [ask.windows.starts for ask in asked])
        told: list[tuple[Values, np.ndarray | None]] = []
        for output, fit, ask in zip(outputs, fits, asked, strict=True):

            def convert_scaled(scaled: Values, fit: Task = fit, ask: Ask = ask) -> Values:
                return to_quantity(fit.samples, fit.target_scale.unscale(scaled), ask.windows)

            quantiles = self._quantiles(output, self.recipes[ask.handle.unit.setting.label])
            levels = None if quantiles is None else [convert_scaled(level) for level in np.moveaxis(quantiles, -1, 0)]
            values = convert_scaled(trained.point(output))
            told.append((values, None if levels is None else np.stack(levels, axis=-1)))
        return told

    def _quantiles(self, output: Float[np.ndarray, "window horizon output"], recipe: Recipe) -> np.ndarray | None:
        """Quantiles in the unit of the scaled target, which is a rising function of the price."""
        tell = recipe.head.quantiles
        if tell is None or not self.wants_quantiles:
            return None
        quantiles: np.ndarray = tell(output, LEVELS, recipe.quantiles, recipe.tails)
        return quantiles

    def _say(self, ask: Ask, lane: int, values: Float[np.ndarray, "window step"], quantiles: np.ndarray | None) -> Said:
        fitted: NetworkFit = ask.handle
        trained, number = fitted.trained, lane - fitted.lanes.start + 1
        epochs, setting = int(trained.epochs[lane]), fitted.unit.setting
        validation = None if trained.validation_losses is None else trained.validation_losses[lane]
        return Said(
            label=setting.label,
            run=number,
            values=values,
            quantiles=quantiles,
            windows=ask.windows,
            trained_until=fitted.trained_until,
            seed=self.spec.training.seed + number - 1,
            seconds=trained.seconds / len(trained.losses),
            learning=Learning(
                parameters=trained.parameters,
                losses=trained.losses[lane, :epochs],
                validation_losses=None if validation is None else validation[:epochs],
                best_epoch=int(trained.best_epochs[lane]) if _restores(self.recipes[setting.label]) else epochs,
                varied=setting.varied,
            ),
        )


class _Bar:
    """Tells the progress of several programs as that of one training."""

    def __init__(self, teller: NetworkTeller, groups: Sequence[Sequence[Pupil]]) -> None:
        self.teller = teller
        self.runs = sum(map(len, groups)) * teller.spec.training.seeds
        self.epochs, self.done = sum(map(self._epochs, groups)), 0

    def _epochs(self, group: Sequence[Pupil]) -> int:
        return self.teller.recipes[group[0].setting.label].epochs

    def next_group(self, group: Sequence[Pupil]) -> None:
        self.done += self._epochs(group)

    def __call__(self, progress: Progress) -> None:
        assert self.teller.on_progress is not None
        whole = replace(progress, runs=self.runs, epoch=self.done + progress.epoch, epochs=self.epochs)
        self.teller.on_progress(self.teller.entry.label, whole)


def _restores(recipe: Recipe) -> bool:
    return recipe.patience > 0 and recipe.restore_best


def _price_of(fit: Task) -> Callable[[Values, Close, Close], Prices]:
    """What turns outputs of a fit into prices."""
    return lambda output, last, first: fit.samples.target.to_value(fit.target_scale.unscale(output), last, first)
