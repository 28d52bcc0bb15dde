"""The grid of a spec: every combination of its values is a model of its own."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from coincast.errors import UnknownNameError, UsageError
from coincast.experiments.entries import (
    ModelEntry,
    format_settings,
    format_value,
    is_network,
    read_setting,
    takes_several,
)
from coincast.experiments.sections import AROUND_RECIPE, SECTION_KEYS
from coincast.experiments.spec import Spec
from coincast.forecasts.table import RUN_COLUMNS

RECIPE = "training"
OF_SAMPLES = tuple(f"samples.{key}" for key in ("lookback", "features", "inputs", "scaling", "target"))
OF_RECIPE = tuple(f"{RECIPE}.{key}" for key in SECTION_KEYS[RECIPE] if key not in AROUND_RECIPE)
MAY_VARY = (
    "allowed: how networks are trained, their own settings, and samples.lookback, features, inputs, scaling or target"
)
WHY_NOT = {
    "data": "all models of an experiment see the same candles; write a spec for each",
    "samples": "all models of an experiment forecast the same; write a spec for each",
    "split": "all models of an experiment are tested on the same candles; write a spec for each",
    "training": "it holds for the whole experiment; set it in [training]",
    "judge": "all models of an experiment are judged alike; set it in [judge]",
}
"""Why a section's other keys cannot vary."""


@dataclass(frozen=True)
class Setting:
    """One combination of the grid.

    Attributes:
        label: the model's name in the tables.
        settings: its network.
        spec: the experiment as this combination has it, without a grid.
        varied: columns of the table of runs: the keys of the grid that have several values.
    """

    label: str
    settings: Any
    spec: Spec
    varied: Mapping[str, Any]


def expand_grid(entry: ModelEntry, spec: Spec) -> list[Setting]:
    """Every combination of `[grid]` that concerns a network: its own settings, its training and its samples.

    Raises:
        UsageError: a key that cannot vary, or values that do not go together.
    """
    sections = ("samples", RECIPE)
    own = {key: values for key, values in read_grid(spec).items() if _owner(key) in (entry.label, *sections)}
    names, columns = _tell_apart(own), _tell_apart(own, taken=RUN_COLUMNS)
    as_text = {key for key, values in own.items() if any(isinstance(value, list | tuple) for value in values)}
    combinations = []
    for values in itertools.product(*own.values()):
        chosen = dict(sorted(zip(own, values, strict=True), key=lambda pair: _owner(pair[0]) in sections))
        changes = {_name(key): value for key, value in chosen.items() if _owner(key) not in sections}
        told = {key: value for key, value in chosen.items() if _owner(key) in sections}
        suffix = format_settings(_rename(chosen, names))
        varied = {
            key: format_value(value) if key in as_text else value for key, value in chosen.items() if len(own[key]) > 1
        }
        combinations.append(
            Setting(
                label=f"{entry.label}({suffix})" if suffix else entry.label,
                settings=dataclasses.replace(entry.settings, **changes) if changes else entry.settings,
                spec=spec.vary(told) if told or spec.grid else spec,
                varied=_rename(varied, columns),
            )
        )
    return combinations


def read_grid(spec: Spec) -> dict[str, list[Any]]:
    """The grid with values of the right kind.

    Raises:
        UnknownNameError: a key that does not exist.
        UsageError: a key that cannot vary, or a value of another kind.
    """
    settings: dict[str, Any] = {}
    fixed = {f"{section}.{key}": WHY_NOT[section] for section, keys in SECTION_KEYS.items() for key in keys}
    varying = dict.fromkeys((*OF_RECIPE, *OF_SAMPLES))
    for entry in spec.models:
        fields = dataclasses.fields(entry.settings) if dataclasses.is_dataclass(entry.settings) else ()
        if is_network(entry):
            settings |= {f"{entry.label}.{field.name}": (entry.settings, field) for field in fields}
        else:
            why = f"{entry.label} is no network; give each of its settings as one of [[models]]"
            fixed |= {f"{entry.label}.{field.name}": why for field in fields}
    for key in spec.grid:
        if key not in varying and key not in settings and key in fixed:
            raise UsageError(f"grid.{key} cannot vary: {fixed[key]}; {MAY_VARY}")
        if key not in varying and key not in settings:
            raise UnknownNameError("grid key", key, [*settings, *varying])
    return {key: [_read(key, value, settings.get(key)) for value in values] for key, values in spec.grid.items()}


def _read(key: str, value: Any, setting: Any) -> Any:
    """A value of a network's own setting; what stands in a section is read there."""
    if setting is None:
        return value
    settings, field = setting
    several = takes_several(type(settings), field.name)
    return read_setting(f"grid.{key}", value, field.default, several=several)


def _owner(key: str) -> str:
    """The label or section of a key; a label may hold dots itself."""
    return key.rpartition(".")[0]


def _name(key: str) -> str:
    return key.rpartition(".")[2]


def _tell_apart(keys: Iterable[str], *, taken: Iterable[str] = ()) -> dict[str, str]:
    """The short name of each key, and the whole key where another has that name, or something else."""
    names = [_name(key) for key in keys] + list(taken)
    return {key: _name(key) if names.count(_name(key)) == 1 else key for key in keys}


def _rename(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names[key]: value for key, value in values.items()}
