"""The grid of a spec: every combination of what runs of one program may differ in is a model of its own."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from coincast.errors import UnknownNameError, UsageError
from coincast.experiments.entries import ModelEntry, format_settings, is_network, read_setting
from coincast.experiments.sections import SECTION_KEYS
from coincast.experiments.spec import Spec
from coincast.forecasts.table import RUN_COLUMNS

RECIPE = "training"
MAY_VARY = (
    "a grid may vary only what runs of one program may differ in: training.learning_rate and a network's rates, such "
    "as lstm.dropout; give other settings as [[models]] or specs of their own"
)


@dataclass(frozen=True)
class Setting:
    """One combination of the grid.

    Attributes:
        label: the model's name in the tables.
        settings: its network.
        recipe_changes: what its training has otherwise than the spec says.
        varied: columns of the table of runs: the keys of the grid that have several values.
    """

    label: str
    settings: Any
    recipe_changes: Mapping[str, Any]
    varied: Mapping[str, Any]


def expand_grid(entry: ModelEntry, spec: Spec) -> list[Setting]:
    """Every combination of `[grid]` that concerns a network: its own settings, and the recipe's.

    Raises:
        UsageError: a key that cannot vary inside one program.
    """
    own = {key: values for key, values in read_grid(spec).items() if _owner(key) in (entry.label, RECIPE)}
    names, columns = _tell_apart(own), _tell_apart(own, taken=RUN_COLUMNS)
    combinations = []
    for values in itertools.product(*own.values()):
        chosen = dict(sorted(zip(own, values, strict=True), key=lambda pair: _owner(pair[0]) == RECIPE))
        changes = {_name(key): value for key, value in chosen.items() if _owner(key) != RECIPE}
        suffix = format_settings(_rename(chosen, names))
        combinations.append(
            Setting(
                label=f"{entry.label}({suffix})" if suffix else entry.label,
                settings=dataclasses.replace(entry.settings, **changes) if changes else entry.settings,
                recipe_changes={_name(key): value for key, value in chosen.items() if _owner(key) == RECIPE},
                varied=_rename({key: value for key, value in chosen.items() if len(own[key]) > 1}, columns),
            )
        )
    return combinations


def read_grid(spec: Spec) -> dict[str, list[Any]]:
    """The grid with values of the right kind.

    Raises:
        UnknownNameError: a key that does not exist.
        UsageError: a key that no program can vary, or a value of another kind.
    """
    varying: dict[str, Any] = {f"{RECIPE}.learning_rate": spec.training.learning_rate}
    fixed = {f"{section}.{key}" for section, keys in SECTION_KEYS.items() for key in keys}
    for entry in spec.models:
        fields = dataclasses.fields(entry.settings) if dataclasses.is_dataclass(entry.settings) else ()
        if is_network(entry):
            varying |= {f"{entry.label}.{field.name}": field.default for field in fields}
        else:
            fixed |= {f"{entry.label}.{field.name}" for field in fields}
    for key in spec.grid:
        if key in fixed and key not in varying:
            raise UsageError(f"grid.{key}: {MAY_VARY}")
        if key not in varying:
            raise UnknownNameError("grid key", key, varying)
    return {
        key: [read_setting(f"grid.{key}", value, varying[key]) for value in values] for key, values in spec.grid.items()
    }


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
