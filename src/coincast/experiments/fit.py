"""Train or ask one model of a spec, and put what it says into tables."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from jaxtyping import Float

from coincast.candles.table import add_intervals
from coincast.errors import UnknownNameError, UsageError
from coincast.experiments.entries import ModelEntry, format_settings, read_setting
from coincast.experiments.spec import SECTIONS, Spec
from coincast.experiments.tasks import Task
from coincast.forecasts.table import FORECAST_COLUMNS, JOINED_COLUMNS, RUN_COLUMNS

if TYPE_CHECKING:
    from coincast.models.forecaster import Axes
    from coincast.samples.windows import Windows
    from coincast.training.trainer import Progress, TrainingRun

HISTORY_COLUMNS: dict[str, Any] = {
    "market": pl.String,
    "interval": pl.String,
    "model": pl.String,
    "run": pl.Int64,
    "epoch": pl.Int64,
    "loss": pl.Float64,
    "validation_loss": pl.Float64,
}


@dataclass(frozen=True)
class Fitted:
    """What one entry of a spec leaves: forecasts of test spans and beyond the last candle, runs, losses by epoch."""

    forecasts: pl.DataFrame
    outlook: pl.DataFrame
    runs: pl.DataFrame
    history: pl.DataFrame


@dataclass(frozen=True)
class Setting:
    """One combination of the grid: a model of its own, with a label, a network and changes to the recipe."""

    label: str
    settings: Any
    recipe_changes: Mapping[str, Any]


def fit_entry(
    entry: ModelEntry, spec: Spec, tasks: Sequence[Task], *, on_progress: Callable[[str, Progress], None] | None = None
) -> Fitted:
    """Train or ask one model on all tasks.

    Args:
        entry: the model.
        spec: its experiment.
        tasks: what to learn and forecast; the runs of a network on all of them are one program.
        on_progress: told the label and the progress of a training.
    """
    if hasattr(entry.settings, "build"):
        return _fit_network(entry, spec, tasks, on_progress)
    return _ask_forecaster(entry, spec, tasks)


def _ask_forecaster(entry: ModelEntry, spec: Spec, tasks: Sequence[Task]) -> Fitted:
    tables = _Tables()
    for task in tasks:
        began = time.perf_counter()
        prices = entry.settings.forecast(
            task.samples, training=task.parts.train, origins=task.test.origin_rows, seed=spec.training.seed
        )
        asked = (len(task.test), task.samples.windows.horizon)
        if np.shape(prices) != asked:
            raise UsageError(
                f"{entry.label}: forecast gave an array of shape {np.shape(prices)}; it must give prices of shape "
                f"(origins, horizon), here {asked}"
            )
        # A user's own forecaster that does not say counts as one that learns: its forecasts claim to know less.
        learns = getattr(entry.settings, "learns", True)
        tables.add_forecasts(task, entry.label, 0, np.asarray(prices, dtype=np.float64), learns=learns)
        tables.add_run(task, entry.label, 0, seed=spec.training.seed, seconds=time.perf_counter() - began)
    return tables.gather()


def _fit_network(
    entry: ModelEntry, spec: Spec, tasks: Sequence[Task], on_progress: Callable[[str, Progress], None] | None
) -> Fitted:
    from coincast.training.trainer import train

    settings = expand_grid(entry, spec)
    _refuse_new_shapes(settings, tasks, spec)
    spec = _fit_batches(spec, tasks)
    numbers = range(1, spec.training.seeds + 1)
    plan = list(itertools.product(tasks, settings, numbers))
    trained = train(
        [_training_run(task, setting, spec, number) for task, setting, number in plan],
        lookback=spec.samples.lookback,
        on_progress=None if on_progress is None else lambda progress: on_progress(entry.label, progress),
    )
    outputs = trained.predict(
        [task.samples.inputs for task, _, _ in plan],
        [task.input_scale for task, _, _ in plan],
        [task.test.starts for task, _, _ in plan],
    )
    tables = _Tables()
    for lane, ((task, setting, number), output) in enumerate(zip(plan, outputs, strict=True)):
        prices = task.samples.to_price(task.target_scale.unscale(output), task.test)
        is_sound = bool(np.isfinite(prices).all() and np.isfinite(trained.losses[lane]).all())
        tables.add_forecasts(
            task, setting.label, number, prices if is_sound else np.full_like(prices, np.nan), learns=True
        )
        tables.add_run(
            task,
            setting.label,
            number,
            seed=spec.training.seed + number - 1,
            seconds=trained.seconds / len(plan),
            parameters=trained.parameters,
            epochs=spec.training.epochs,
            status="done" if is_sound else "failed",
            varied=_varied(setting, settings),
        )
        validation = None if trained.validation_losses is None else trained.validation_losses[lane]
        tables.add_history(task, setting.label, number, trained.losses[lane], validation)
    return tables.gather()


def _fit_batches(spec: Spec, tasks: Sequence[Task]) -> Spec:
    """A batch larger than the longest training span is that span: the same steps without the memory."""
    longest = max(len(task.training) for task in tasks)
    size = min(spec.training.batch_size, longest)
    return spec.model_copy(update={"training": spec.training.model_copy(update={"batch_size": size})})


def expand_grid(entry: ModelEntry, spec: Spec) -> list[Setting]:
    """Every combination of `[grid]` that concerns a network: its own settings, and the recipe's.

    Raises:
        UsageError: a key that cannot vary inside one program.
    """
    grid = _read_grid(spec)
    own = {key: values for key, values in grid.items() if key.split(".")[0] in (entry.label, "training")}
    combinations = []
    for values in itertools.product(*own.values()):
        chosen = dict(zip(own, values, strict=True))
        recipe = {key.split(".", 1)[1]: value for key, value in chosen.items() if key.startswith("training.")}
        changes = {key.split(".", 1)[1]: value for key, value in chosen.items() if not key.startswith("training.")}
        suffix = format_settings({**changes, **recipe})
        label = f"{entry.label}({suffix})" if suffix else entry.label
        combinations.append(
            Setting(label, dataclasses.replace(entry.settings, **changes) if changes else entry.settings, recipe)
        )
    return combinations


def _read_grid(spec: Spec) -> dict[str, list[Any]]:
    """The grid with values of the right kind; refuses keys that do not exist or that no program can vary."""
    allowed: dict[str, Any] = {"training.learning_rate": spec.training.learning_rate}
    for entry in spec.models:
        if hasattr(entry.settings, "build") and dataclasses.is_dataclass(entry.settings):
            allowed |= {f"{entry.label}.{f.name}": f.default for f in dataclasses.fields(entry.settings)}
    for key in spec.grid:
        if key not in allowed and key.split(".")[0] in SECTIONS:
            raise UsageError(
                f"grid.{key} changes the shapes of a program; a grid may vary what keeps them: training.learning_rate "
                "and a network's rates, such as lstm.dropout"
            )
        if key not in allowed:
            raise UnknownNameError("grid key", key, allowed)
    return {
        key: [read_setting(f"grid.{key}", value, allowed[key]) for value in values] for key, values in spec.grid.items()
    }


def _refuse_new_shapes(settings: Sequence[Setting], tasks: Sequence[Task], spec: Spec) -> None:
    """A grid may vary what keeps the shapes: all its networks must be one program, with one output per step."""
    import equinox as eqx
    import jax

    from coincast.models.forecaster import Axes

    axes = Axes(spec.samples.lookback, tasks[0].samples.inputs.shape[1], spec.samples.horizon)
    shapes = []
    for setting in settings:
        module = eqx.filter_eval_shape(lambda key, s=setting: s.settings.build(axes, key=key), jax.random.key(0))
        if not callable(module):
            raise UsageError(
                f"{setting.label}: build gave {type(module).__name__}; it must give a module that can be called with "
                "one sample"
            )
        _check_output(setting.label, module, axes)
        shapes.append(jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype) if hasattr(leaf, "shape") else leaf, module))
    for setting, shape in zip(settings, shapes, strict=True):
        if not eqx.tree_equal(shape, shapes[0]):
            raise UsageError(
                f"grid: {setting.label} and {settings[0].label} differ in shape and cannot share one program; "
                "vary rates and the learning rate in [grid], and give other shapes as [[models]] of their own"
            )


def _check_output(label: str, module: Any, axes: Axes) -> None:
    """Any other shape would be broadcast against the targets, and trained on without a word."""
    import equinox as eqx

    past = np.zeros((axes.lookback, axes.feature), dtype=np.float32)
    given = getattr(eqx.filter_eval_shape(lambda network, x: network(x), module, past), "shape", None)
    if given != (axes.horizon, axes.output):
        raise UsageError(
            f"{label}: its module gives an output of shape {given}; it must give (horizon, output), here "
            f"{(axes.horizon, axes.output)}"
        )


def _training_run(task: Task, setting: Setting, spec: Spec, number: int) -> TrainingRun:
    from coincast.training.recipe import Recipe
    from coincast.training.trainer import TrainingRun

    recipe = Recipe(**{**spec.training.model_dump(exclude={"seeds", "seed"}), **setting.recipe_changes})

    def scaled(windows: Windows) -> Float[np.ndarray, "window horizon"]:
        return task.target_scale.scale(task.samples.targets(windows))

    return TrainingRun(
        settings=setting.settings,
        recipe=recipe,
        seed=spec.training.seed + number - 1,
        inputs=task.samples.inputs,
        scale=task.input_scale,
        starts=task.training.starts,
        targets=scaled(task.training),
        validation_starts=task.validation.starts,
        validation_targets=scaled(task.validation),
    )


def _varied(setting: Setting, settings: Sequence[Setting]) -> dict[str, Any]:
    """Settings that differ between the combinations of a grid, as columns of the table of runs."""
    if len(settings) == 1:
        return {}
    values, *others = [vars(one.settings) if hasattr(one.settings, "__dict__") else {} for one in (setting, *settings)]
    changed = {key: value for key, value in values.items() if any(other.get(key) != value for other in others)}
    return {**changed, **setting.recipe_changes}


class _Tables:
    """Collects the rows of one entry; a task beyond the last candle leaves forecasts only, and those apart."""

    def __init__(self) -> None:
        self.forecasts = [pl.DataFrame(schema={**FORECAST_COLUMNS, **JOINED_COLUMNS})]
        self.outlook = [pl.DataFrame(schema={**FORECAST_COLUMNS, **JOINED_COLUMNS})]
        self.runs = [pl.DataFrame(schema=RUN_COLUMNS)]
        self.history = [pl.DataFrame(schema=HISTORY_COLUMNS)]

    def add_forecasts(
        self, task: Task, label: str, run: int, prices: Float[np.ndarray, "origin horizon"], *, learns: bool
    ) -> None:
        rows = _forecast_rows(task, label, run, prices, learns=learns)
        (self.outlook if task.is_live else self.forecasts).append(rows)

    def add_run(
        self,
        task: Task,
        label: str,
        run: int,
        *,
        seed: int,
        seconds: float,
        parameters: int = 0,
        epochs: int = 0,
        status: str = "done",
        varied: Mapping[str, Any] | None = None,
    ) -> None:
        if task.is_live:
            return
        row = {"seed": seed, **(varied or {}), "parameters": parameters, "epochs": epochs, "best_epoch": epochs}
        keys = {"market": task.market, "interval": task.samples.interval, "model": label, "run": run}
        self.runs.append(
            pl.DataFrame([{**keys, **row, "seconds": seconds, "status": status}], schema_overrides=RUN_COLUMNS)
        )

    def add_history(
        self,
        task: Task,
        label: str,
        run: int,
        losses: Float[np.ndarray, "epoch"],
        validation: Float[np.ndarray, "epoch"] | None,
    ) -> None:
        if task.is_live:
            return
        keys = {"market": task.market, "interval": task.samples.interval, "model": label, "run": run}
        epochs = pl.DataFrame(
            {
                "epoch": range(1, len(losses) + 1),
                "loss": losses,
                "validation_loss": [None] * len(losses) if validation is None else validation,
            }
        )
        rows = epochs.with_columns(pl.lit(value).alias(name) for name, value in keys.items())
        rows = rows.select(pl.col(name).cast(dtype) for name, dtype in HISTORY_COLUMNS.items())
        self.history.append(rows.with_columns(pl.col("loss", "validation_loss").fill_nan(None)))

    def gather(self) -> Fitted:
        return Fitted(
            forecasts=pl.concat(self.forecasts),
            outlook=pl.concat(self.outlook),
            runs=gather_runs(self.runs),
            history=pl.concat(self.history),
        )


def gather_runs(tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Tables of runs as one; settings that vary stand between the seed and the parameters."""
    runs = pl.concat(tables, how="diagonal_relaxed")
    first, last = list(RUN_COLUMNS)[:5], list(RUN_COLUMNS)[5:]
    return runs.select(*first, *(name for name in runs.columns if name not in RUN_COLUMNS), *last)


def _forecast_rows(
    task: Task, label: str, run: int, prices: Float[np.ndarray, "origin horizon"], *, learns: bool
) -> pl.DataFrame:
    """Rows of the forecast table, with what is known of the truth joined."""
    samples, windows = task.samples, task.test

    def repeat(values: np.ndarray) -> np.ndarray:
        return np.repeat(values, windows.horizon)

    origin = repeat(samples.close_time[windows.origin_rows])
    actual = np.full(prices.shape, np.nan) if task.is_live else samples.future_close(windows)
    frame = pl.DataFrame(
        {
            "run": np.full(prices.size, run),
            "trained_until": np.full(prices.size, task.trained_until) if learns else origin,
            "origin": origin,
            "step": np.tile(np.arange(1, windows.horizon + 1), len(windows)),
            "value": prices.reshape(-1),
            "actual": actual.reshape(-1),
            "last_close": repeat(samples.last_close(windows)),
            "first_close": repeat(samples.first_close(windows)),
        }
    )
    keys = {"market": task.market, "interval": samples.interval, "model": label, "quantity": "price"}
    times = [pl.from_epoch(name, "ms").dt.replace_time_zone("UTC") for name in ("trained_until", "origin")]
    frame = frame.with_columns(*times, *(pl.lit(value).alias(name) for name, value in keys.items()))
    frame = frame.with_columns(
        pl.col("value", "actual").fill_nan(None),
        target_time=add_intervals(pl.col("origin"), samples.interval, pl.col("step")),
    )
    schema = {**FORECAST_COLUMNS, **JOINED_COLUMNS}
    return frame.select(pl.col(name).cast(dtype) for name, dtype in schema.items())
