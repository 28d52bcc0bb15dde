"""Train or ask one model of a spec, once or again and again while walking forward, and put what it says into tables."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from jaxtyping import Float, Int
from scipy.special import stdtrit

from coincast.errors import UsageError
from coincast.experiments.entries import ModelEntry, is_network
from coincast.experiments.grid import Setting
from coincast.experiments.progress import Fitting, tell_fits
from coincast.experiments.rows import Fitted, Said, Tables
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import Task, plan_fits, sees_the_same, vary_tasks
from coincast.samples.quantities import QUANTITIES, naive_values
from coincast.scores.point import DECIDING, METRICS
from coincast.scores.significance import ALPHA, cosine_weights, count_cosines

if TYPE_CHECKING:
    from coincast.experiments.desk import Desk
    from coincast.samples.windows import Windows
    from coincast.training.site import Progress

FEWEST_COSINES = 2
"""Fewer tell no long-run error of the losses of a side."""
LONGEST_INTERVAL = 5_000
"""Candles; a longer test span is not forecast as a whole, step after step."""


OnProgress = Callable[[str, "Progress | Fitting"], None]
Place = tuple[int, str]
"""Number of a task and label of a setting."""


@dataclass(frozen=True)
class Unit:
    """One setting of a model on one task, and the fit of it that is due."""

    place: Place
    fit: Task
    setting: Setting


@dataclass(frozen=True)
class Ask:
    """Forecasts that are wanted of a fit; `steps` where they go on beyond the horizon, each from the ones before."""

    handle: Any
    windows: Windows
    steps: int | None = None


class Teller(Protocol):
    """Fits the settings of one model, and tells their forecasts."""

    @property
    def settings(self) -> Sequence[Setting]: ...

    def fit(self, units: Sequence[Unit], *, after: Sequence[Any] | None) -> list[Any]:
        """A handle for each unit; `after` holds the handles to go on from, where fits start warm."""
        ...

    def tell(self, asks: Sequence[Ask]) -> list[list[Said]]:
        """What every run of every handle says of the windows that were asked about."""
        ...

    def steps_ahead(self, task: Task, end: int) -> int:
        """Steps from the first origin to a row, the end of the test span; 0 where the model cannot go so far."""
        ...


def fit_entry(
    entry: ModelEntry,
    spec: Spec,
    tasks: Sequence[Task],
    *,
    beside: bool = True,
    on_progress: OnProgress | None = None,
    desk: Desk | None = None,
) -> Fitted:
    """Train or ask one model on all tasks.

    Args:
        entry: the model.
        spec: its experiment.
        tasks: what to learn and forecast; the runs of a network on all of them, and on all their refits, are one
            program for each of the shapes that a grid asks for (and for each round of refits that waits for the round
            before: warm starts, and refits on drift).
        beside: also forecast the validation part, and the whole test span from its first origin.
        on_progress: told the label, and the progress of a training or of fits that take a while.
        desk: where a training of a network keeps what is unfinished, and the files of its epochs.
    """
    teller: Teller
    if is_network(entry):
        from coincast.experiments.trained import NetworkTeller

        teller = NetworkTeller(entry, spec, tasks, on_progress, desk)
    else:
        teller = ForecasterTeller(entry, spec, on_progress)
    tables, held, losses = Tables(), dict[Place, Any](), dict[Place, Losses]()
    tasks_of = _tasks_of(teller.settings, spec, tasks)
    for units in _rounds(spec, teller.settings, tasks_of):
        is_due = [spec.split.refit != "drift" or _is_due(unit, losses) for unit in units]
        due = [unit for unit, is_new in zip(units, is_due, strict=True) if is_new]
        warm = spec.split.refit == "warm" and units[0].fit.fit > 1
        made = iter(teller.fit(due, after=[held[unit.place] for unit in due] if warm else None) if due else [])
        asks = []
        for unit, is_new in zip(units, is_due, strict=True):
            held[unit.place] = next(made) if is_new else held[unit.place]
            asks.append(Ask(held[unit.place], unit.fit.test))
        for unit, is_new, said in zip(units, is_due, teller.tell(asks), strict=True):
            tables.add(unit.fit, said, is_new=is_new)
            if spec.split.refit == "drift":
                losses.setdefault(unit.place, Losses()).add(unit.fit, said)
        if beside:
            firsts = [(unit, ask) for unit, ask in zip(units, asks, strict=True) if unit.fit.fit == 1]
            ends = {place: task.parts.test.end for place, task in tasks_of.items()}
            _tell_beside(teller, tables, ends, [pair for pair in firsts if not pair[0].fit.is_live])
    return tables.gather()


def _tell_beside(teller: Teller, tables: Tables, ends: Mapping[Place, int], firsts: Sequence[tuple[Unit, Ask]]) -> None:
    """Beside the test span: what the first fits say of the validation part, and of the whole test span at once."""
    validated = [(unit, replace(ask, windows=unit.fit.validation)) for unit, ask in firsts if len(unit.fit.validation)]
    for (unit, _), said in zip(validated, teller.tell([ask for _, ask in validated]), strict=True):
        tables.add_calibration(unit.fit, said)
    ahead = []
    for unit, ask in firsts:
        steps = teller.steps_ahead(unit.fit, ends[unit.place])
        if steps:
            start = replace(unit.fit.test.select(np.arange(len(unit.fit.test)) == 0), horizon=steps)
            ahead.append((unit, replace(ask, windows=start, steps=steps)))
    for (unit, _), said in zip(ahead, teller.tell([ask for _, ask in ahead]), strict=True):
        tables.add_full_interval(unit.fit, said)


def _tasks_of(settings: Sequence[Setting], spec: Spec, tasks: Sequence[Task]) -> dict[Place, Task]:
    """The tasks of every setting; those that see the same have the same."""
    made: list[tuple[Spec, list[Task]]] = []
    found: dict[Place, Task] = {}
    for setting in settings:
        own = next((known for other, known in made if sees_the_same(setting.spec, other)), None)
        if own is None:
            own = vary_tasks(tasks, setting.spec, of=spec)
            made.append((setting.spec, own))
        found |= {(number, setting.label): task for number, task in enumerate(own)}
    return found


def _rounds(spec: Spec, settings: Sequence[Setting], tasks: Mapping[Place, Task]) -> Iterator[list[Unit]]:
    """Fits that can be made at once: all of them, or the first ones of all tasks, then the second ones, and so on."""
    made: dict[int, list[Task]] = {}
    for task in tasks.values():
        if id(task) not in made:
            made[id(task)] = plan_fits(spec, task)
    plans = {place: made[id(task)] for place, task in tasks.items()}
    longest = max(map(len, plans.values()))
    units = [
        (turn, Unit((number, setting.label), plans[number, setting.label][turn], setting))
        for number in sorted({number for number, _ in tasks})
        for turn in range(longest)
        for setting in settings
        if turn < len(plans[number, setting.label])
    ]
    if spec.split.refit in ("never", "every"):
        yield [unit for _, unit in units]
        return
    for round_ in range(longest):
        yield [unit for turn, unit in units if turn == round_]


@dataclass
class Losses:
    """Losses beside the naive ones since the newest fit, with the row at which each became known."""

    known_at: list[Int[np.ndarray, "_origin"]] = field(default_factory=list)
    differences: list[Float[np.ndarray, "_origin"]] = field(default_factory=list)
    fitted_at: int = 0

    def add(self, task: Task, said: Sequence[Said]) -> None:
        """The deciding losses of the mean over the runs."""
        if task.is_live:
            return
        samples, windows = task.samples, task.test
        truth = QUANTITIES[samples.quantity].truth(samples, windows)
        loss = METRICS[DECIDING[samples.quantity]].loss
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            value = np.mean([one.values for one in said], axis=0)
            naive = naive_values(samples, windows, task.parts.train)
            self.differences.append((loss(truth, value) - loss(truth, naive)).mean(axis=1))
        self.known_at.append(windows.future_rows[:, -1])

    def have_grown(self, border: int, every: int, *, overlapping: int) -> bool:
        """Whether the losses of the newest rows are beyond chance above those before.

        Welch's statistic, with the long-run errors of the decisive test in place of independent ones, one-sided at
        2.5 %; never where either side has too few losses for an error.

        Args:
            border: first row that is not known yet.
            every: how many rows count as the newest.
            overlapping: successive origins with overlapping targets.
        """
        known_at, differences = np.concatenate(self.known_at), np.concatenate(self.differences)
        usable = (known_at < border) & (known_at >= self.fitted_at) & np.isfinite(differences)
        is_newest = known_at >= border - every
        newest, before = differences[usable & is_newest], differences[usable & ~is_newest]
        sides = [(values, count_cosines(values.size, overlapping)) for values in (newest, before)]
        if min(cosines for _, cosines in sides) < FEWEST_COSINES:
            return False
        squares = [float(np.mean(cosine_weights(values, cosines) ** 2)) / values.size for values, cosines in sides]
        growth, error = float(newest.mean() - before.mean()), sum(squares) ** 0.5
        if error == 0:
            return growth > 0
        parts = (square**2 / cosines for square, (_, cosines) in zip(squares, sides, strict=True))
        return bool(growth > stdtrit(error**4 / sum(parts), 1 - ALPHA / 2) * error)


def count_ahead(task: Task, end: int) -> int:
    """Steps from the first origin to the last row before `end`, or before a gap.

    0 for what is no path of prices, and for more than `LONGEST_INTERVAL`.
    """
    if QUANTITIES[task.samples.quantity].is_whole:
        return 0
    origin, samples = int(task.test.origin_rows[0]), task.samples
    breaks = np.flatnonzero(samples.open_time[origin + 1 : end] != samples.close_time[origin : end - 1])
    steps = int(breaks[0]) if len(breaks) else end - 1 - origin
    return steps if steps <= LONGEST_INTERVAL else 0


def _is_due(unit: Unit, losses: dict[Place, Losses]) -> bool:
    """Whether a unit is fitted anew: at first, and where its losses have grown."""
    if unit.place not in losses:
        return True
    own, border = losses[unit.place], unit.fit.parts.test.first
    if not own.have_grown(border, len(unit.fit.parts.test), overlapping=unit.fit.test.horizon):
        return False
    own.fitted_at = border
    return True


class ForecasterTeller:
    """Asks a forecaster, which fits itself whenever it is asked; a warm start is a fresh fit for it."""

    def __init__(self, entry: ModelEntry, spec: Spec, on_progress: OnProgress | None) -> None:
        self.settings = [Setting(entry.label, entry.settings, spec, {})]
        self.seed, self.on_progress = spec.training.seed, on_progress

    def fit(self, units: Sequence[Unit], *, after: Sequence[Any] | None) -> list[Any]:
        return list(units)

    def tell(self, asks: Sequence[Ask]) -> list[list[Said]]:
        return [[self._ask(ask)] for ask in tell_fits(asks, self.settings[0].label, self.on_progress)]

    def steps_ahead(self, task: Task, end: int) -> int:
        return count_ahead(task, end) if getattr(self.settings[0].settings, "extrapolates", False) else 0

    def _ask(self, ask: Ask) -> Said:
        began = time.perf_counter()
        unit, windows = ask.handle, ask.windows
        samples, settings = unit.fit.samples, unit.setting.settings
        if ask.steps is not None:
            samples = replace(samples, windows=replace(samples.windows, horizon=ask.steps))
        given = settings.forecast(samples, training=unit.fit.parts.train, origins=windows.origin_rows, seed=self.seed)
        quantity = QUANTITIES[samples.quantity]
        kind = getattr(settings, "quantity", "price")
        steps = windows.horizon if kind == "price" else len(quantity.steps(windows.horizon))
        if np.shape(given) != (len(windows), steps):
            raise UsageError(
                f"{unit.setting.label}: forecast gave an array of shape {np.shape(given)}; it must give values "
                f"of shape (origins, horizon), here {(len(windows), steps)}"
            )
        values = np.asarray(given, dtype=np.float64)
        if kind == "price" and quantity.from_price is not None:
            with np.errstate(invalid="ignore", divide="ignore"):
                values = quantity.from_price(values, samples.last_close(windows))
        # A user's own forecaster that does not say counts as one that learns: its forecasts claim to know less.
        learns = getattr(settings, "learns", True)
        return Said(
            label=unit.setting.label,
            run=0,
            values=values,
            windows=windows,
            trained_until=unit.fit.trained_until if learns else None,
            seed=self.seed,
            seconds=time.perf_counter() - began,
        )
