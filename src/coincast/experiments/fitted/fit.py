"""Train a network on all candles, and keep it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from coincast.errors import TooFewRowsError, UsageError
from coincast.experiments.compare import as_candles
from coincast.experiments.entries import ModelEntry, is_network, make_entries
from coincast.experiments.fit import Unit
from coincast.experiments.fitted.market import FittedMarket
from coincast.experiments.fitted.model import FittedModel
from coincast.experiments.fitted.newest import find_newest
from coincast.experiments.forecast import DEFAULTS
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import Task, choose_candles, samples_of_targets
from coincast.samples.quantities import QUANTITIES, majority_direction
from coincast.samples.samples import Samples
from coincast.samples.scaling import fit_input_scale
from coincast.samples.splits import Part, Parts, Split, split_rows
from coincast.samples.targets import fit_target_scale

if TYPE_CHECKING:
    from coincast.experiments.fit import OnProgress
    from coincast.training.recipe import Recipe

DEFAULT_MODEL = "lstm"


def fit(
    candles: Any,
    model: Any = None,
    *,
    recipe: Recipe | None = None,
    seeds: int | None = None,
    spec: Spec | str | Path | None = None,
    judged: bool = False,
    **settings: Any,
) -> FittedModel:
    """Train a network on all candles, to forecast those that come after them.

    Nothing is held back to judge it by: it learns from every candle but those of `validation`, the newest ones, where
    that is asked for. What concerns a test span plays no part (`test`, `refit`), nor do files that a run folder would
    get (`checkpoints`). `compare` with the same settings says what such a model is worth; so does the model itself
    where that is asked for (`judged`).

    Args:
        candles: a candle table, a pandas or polars frame, or a file.
        model: a network: a name, settings such as `cc.LSTM(units=20)`, or a table; default: "lstm".
        recipe: how it is trained; else keywords say so.
        seeds: runs, whose mean is the forecast; default: 10.
        spec: a spec with one network, or the path of one, in place of keywords.
        judged: whether the same settings are also trained without the newest candles and judged on these, test span and
            all, so that the model carries their verdict and calibrated intervals (`coincast forecast --model FOLDER`).
            It takes about twice as long.
        **settings: any keyword of `compare` that concerns candles, samples, validation or training.

    Raises:
        UsageError: an unknown keyword, a model that is no network, a grid, or a wrong value.
        DataError: candles that cannot be read or do not suffice.

    Example:
        >>> import coincast as cc
        >>> candles = cc.simulate("echo", candles=200, seed=1)
        >>> model = cc.fit(candles, cc.LSTM(units=4), seeds=2, epochs=2)
        >>> model.forecast().table["model"].to_list()
        ['lstm', 'lstm', 'lstm.ensemble']
    """
    spec = make_spec(model, recipe=recipe, seeds=seeds, spec=spec, settings=settings)
    chosen = choose_candles(as_candles(candles, spec.data.outside), spec.data)
    if judged:
        from coincast.experiments.fitted.judged import fit_judged

        return fit_judged(spec, chosen)[0]
    return fit_spec(spec, chosen)


def fit_spec(spec: Spec, candles: pl.DataFrame, *, on_progress: OnProgress | None = None) -> FittedModel:
    """Train the first model of a spec, a network, on all candles.

    Args:
        spec: what `make_spec` gave.
        candles: what `choose_candles` gave.
        on_progress: told the label and the progress of the training.
    """
    from coincast.experiments.trained import NetworkTeller

    entry = spec.models[0]
    tasks = [_whole_task(spec, samples) for samples in samples_of_targets(spec, candles)]
    every = tuple(candles["market"].unique(maintain_order=True)) if spec.samples.inputs == "all" else ()
    interval = tasks[0].samples.interval
    newest = tuple(
        find_newest(candles, spec=spec, market=task.market, inputs=every or (task.market,), interval=interval)
        for task in tasks
    )
    teller = NetworkTeller(entry, spec, tasks, on_progress)
    setting = teller.settings[0]
    fits = teller.fit([Unit((place, setting.label), task, setting) for place, task in enumerate(tasks)], after=None)
    return FittedModel(
        spec=spec,
        entry=entry,
        interval=interval,
        inputs=every,
        markets=tuple(
            _keep_market(task, one.trained_until, stops_early=spec.training.patience > 0)
            for task, one in zip(tasks, fits, strict=True)
        ),
        trained=fits[0].trained.select([lane for one in fits for lane in one.lanes]),
        newest=newest,
    )


def _keep_market(task: Task, trained_until: int, *, stops_early: bool) -> FittedMarket:
    samples, majority = task.samples, np.empty((1, 0))
    if not QUANTITIES[samples.quantity].is_whole:
        majority = majority_direction(samples, task.test, task.parts.train)
    return FittedMarket(
        market=task.market,
        input_scale=task.input_scale,
        target_scale=task.target_scale,
        candles=len(task.parts.train) + (len(task.parts.validation) if stops_early else 0),
        trained_until=trained_until,
        majority=tuple(majority[0].tolist()),
    )


# ---------------------------------------------------------------- what is learnt from


def _whole_task(spec: Spec, samples: Samples) -> Task:
    """Everything but the newest rows, where these are to validate; what is asked for is what comes after the last."""
    rows, split = len(samples.close), spec.split
    parts = Parts(train=Part(0, rows), validation=Part(rows, rows), test=Part(rows, rows))
    if split.validation not in (0, 0.0):
        parts = _hold_back(parts, spec, samples)
    if split.window:
        parts = replace(parts, train=Part(max(0, parts.train.end - split.window), parts.train.end))
    training = samples.windows_in(parts.train, reach_back=False)
    validation = samples.windows_in(parts.validation, reach_back=split.reach_back)
    for name, windows, part in (("training", training, parts.train), ("validation", validation, parts.validation)):
        if len(part) and not len(windows):
            raise TooFewRowsError(
                f"no window fits into the {len(part)} rows that {samples.market} has for {name}; ask for a shorter "
                f"lookback or horizon than {windows.lookback} and {windows.horizon}, or give more candles"
            )
    learnt = samples.inputs[parts.train.first : parts.train.end]
    return Task(
        samples=samples,
        parts=parts,
        training=training,
        validation=validation,
        test=samples.windows_at(np.array([rows - 1])),
        input_scale=fit_input_scale(spec.samples.scaling, learnt, samples.names, samples.is_level),
        target_scale=fit_target_scale(samples.target, samples.targets(training)),
        is_live=True,
    )


def _hold_back(parts: Parts, spec: Spec, samples: Samples) -> Parts:
    """The newest rows to validate, the others to learn from."""
    border, gap = spec.split.validation, spec.split.gap
    try:
        cut = split_rows(samples.open_time, Split(test=border, gap=gap))
    except TooFewRowsError:
        raise TooFewRowsError(
            f"split.validation is {border}, gap {gap}, which leaves {samples.market} no rows for training or for "
            f"validation: its {len(samples.close)} candles open from {samples.candles['open_time'][0]:%Y-%m-%d %H:%M} "
            f"to {samples.candles['open_time'][-1]:%Y-%m-%d %H:%M} UTC; allowed: a date between them, a share, or a "
            "smaller number of rows"
        ) from None
    return replace(parts, train=cut.train, validation=cut.test)


# ---------------------------------------------------------------- settings


def make_spec(
    model: Any, *, recipe: Recipe | None, seeds: int | None, spec: Spec | str | Path | None, settings: Mapping[str, Any]
) -> Spec:
    """The settings of `fit` as a spec whose first model is the network.

    Raises:
        UsageError: a spec and keywords, a recipe and keywords of training, a grid, or a model that is no network.
    """
    if spec is not None and settings:
        raise UsageError(f"fit takes a spec or keywords, not both; given with the spec: {', '.join(settings)}")
    if "models" in settings:
        raise UsageError("fit trains one network, and models was given; give it as the second argument, as model=")
    if spec is None:
        defaults = {key: value for key, value in DEFAULTS.items() if key not in ("name", "models")}
        model = DEFAULT_MODEL if model is None else model
        spec = Spec.from_keywords(**{"name": "fit", **defaults, **settings, "models": [model]})
    elif not isinstance(spec, Spec):
        spec = Spec.from_toml(spec)
    if spec.grid:
        raise UsageError(f"fit trains one setting, and grid has {', '.join(spec.grid)}; choose one with compare first")
    values = spec.to_dict()
    values["models"] = [_choose_network(spec, model)]
    values["training"] |= _training_of(recipe, settings) | ({} if seeds is None else {"seeds": seeds})
    return Spec.from_dict(values)


def _choose_network(spec: Spec, model: Any) -> ModelEntry:
    """The network that is meant: one of a spec by its label, one that is given, or the only one of the spec."""
    labels = {entry.label: entry for entry in spec.models}
    networks = [entry for entry in spec.models if is_network(entry)]
    if model is None and len(networks) != 1:
        raise UsageError(
            f"fit trains one network, and the spec has {len(networks)} ({', '.join(labels)}); name one with model="
        )
    if model is None:
        return networks[0]
    entry = labels[model] if isinstance(model, str) and model in labels else make_entries([model])[0]
    if not is_network(entry):
        raise UsageError(
            f"{entry.label} is no network: it fits itself whenever it is asked, so that there is nothing to keep; "
            "give a network such as cc.LSTM(units=20), or ask it with cc.forecast"
        )
    return entry


def _training_of(recipe: Recipe | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe as keys of a spec."""
    if recipe is None:
        return {}
    told = {one.name: getattr(recipe, one.name) for one in fields(recipe)}
    doubled = [key for key in settings if key in told]
    if doubled:
        raise UsageError(
            f"how to train is told by a recipe or by keywords, not both; given beside the recipe: {', '.join(doubled)}"
        )
    return {key: list(value) if isinstance(value, tuple) else value for key, value in told.items()}
