"""A spec says everything about an experiment; one class stands behind TOML files, command line and Python.

One section per noun: `[data] [samples] [split] [[models]] [training] [grid]`.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

import tomlkit
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from coincast.errors import UnknownNameError, UnreadableFileError, UsageError
from coincast.experiments.entries import ModelEntry, changed_settings, list_models, make_entries
from coincast.samples.splits import Split

When = date | datetime | str


class Section(BaseModel):
    """A part of a spec; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class DataSection(Section):
    """Which candles.

    Attributes:
        candles: files to read, each "FILE" or "MARKET=FILE"; relative to the working directory.
        markets: markets to use, in the order in which they become inputs; empty: all that the files hold.
        interval: needed only where a market is there in several intervals.
        since, until: first and last open time; a bare date as `until` includes that day.
    """

    candles: list[str] = []
    markets: list[str] = []
    interval: str | None = None
    since: When | None = None
    until: When | None = None


class SamplesSection(Section):
    """Inputs, windows and target.

    Attributes:
        targets: markets to forecast; empty: all.
        inputs: "own": the features of the market itself; "all": those of all markets, joined on close time.
        features: names of features or of extra numeric columns.
        lookback: past candles that a model sees.
        horizon: future candles that it forecasts.
        target: what a network learns.
        scaling: how inputs are scaled.
    """

    targets: list[str] = []
    inputs: Literal["own", "all"] = "own"
    features: list[str] = ["log_return"]
    lookback: int = Field(default=10, ge=1)
    horizon: int = Field(default=1, ge=1)
    target: str = "log_return"
    scaling: str = "training"


class SplitSection(Section):
    """Where validation and test begin; see `coincast.samples.splits.Split`."""

    test: When | float | int = 0.2
    validation: When | float | int = 0
    gap: int = Field(default=0, ge=0)
    reach_back: bool = True

    def as_split(self) -> Split:
        return Split(self.test, self.validation, self.gap, self.reach_back)


class TrainingSection(Section):
    """How networks are trained; see `coincast.training.recipe.Recipe`.

    Attributes:
        seeds: runs per setting.
        seed: key of the first run; the next ones count upwards.
    """

    epochs: int = Field(default=30, ge=1)
    batch_size: int = Field(default=32, ge=1)
    learning_rate: float = Field(default=0.001, gt=0, lt=1)
    loss: str = "mae"
    shuffle: bool = True
    seeds: int = Field(default=10, ge=1)
    seed: int = Field(default=0, ge=0, lt=2**31)


class Spec(BaseModel):
    """A whole experiment.

    Raises:
        UsageError: a key or value that is not allowed; says which, and what is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    name: str = "experiment"
    data: DataSection = DataSection()
    samples: SamplesSection = SamplesSection()
    split: SplitSection = SplitSection()
    training: TrainingSection = TrainingSection()
    models: list[ModelEntry] = Field(default_factory=list)
    grid: dict[str, list[Any]] = {}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Spec:
        """A spec from plain values, as TOML holds them; `models` may hold names, tables and settings objects."""
        values = dict(given)
        values["models"] = make_entries(list_models(values.get("models")))
        values["grid"] = _flatten(_as_table("grid", values.get("grid", {})))
        try:
            spec = cls.model_validate(values)
        except ValidationError as error:
            raise UsageError(_explain(error)) from None
        for key, names in (
            ("data.markets", spec.data.markets),
            ("samples.targets", spec.samples.targets),
            ("samples.features", spec.samples.features),
        ):
            _refuse_doubled(key, names)
        return spec

    @classmethod
    def from_toml(cls, path: str | Path, *, changes: Sequence[str] = ()) -> Spec:
        """Read a spec file and apply `section.key=value` changes to it.

        Raises:
            UnreadableFileError: no such file, or not TOML.
        """
        path = Path(path)
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UnreadableFileError(f"no such spec: {path}; examples are in the folder examples/") from None
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise UnreadableFileError(
                f"{path} cannot be read as a spec in TOML: {error}; a file of candles is given as --candles {path}"
            ) from None
        values.setdefault("name", path.stem)
        return cls.from_dict(apply_changes(values, changes))

    @classmethod
    def from_keywords(cls, **keywords: Any) -> Spec:
        """A spec from flat keywords, each sorted into the section that has it; None means "as by default".

        Raises:
            UsageError: a keyword that no section has.
        """
        values: dict[str, Any] = {}
        for key, value in keywords.items():
            if value is None:
                continue
            if key in cls.model_fields:
                values[key] = value
                continue
            section = next((name for name, keys in SECTION_KEYS.items() if key in keys), None)
            if section is None:
                raise UnknownNameError(
                    "keyword", key, [*cls.model_fields, *(k for keys in SECTION_KEYS.values() for k in keys)]
                )
            values.setdefault(section, {})[key] = value
        return cls.from_dict(values)

    def to_dict(self) -> dict[str, Any]:
        """Plain values that `from_dict` takes, as far as models are of the registry."""
        values = self.model_dump(exclude={"models", "grid"}, exclude_none=True)
        models = []
        for entry in self.models:
            settings = changed_settings(entry.settings)
            models.append(
                {"name": entry.name, **({"label": entry.label} if entry.label != entry.name else {}), **settings}
            )
        return {**values, "models": models, **({"grid": self.grid} if self.grid else {})}

    def to_toml(self) -> str:
        return tomlkit.dumps(self.to_dict())


def read_spec(path: Path | None, *, defaults: Mapping[str, Any] | None = None, changes: Sequence[str] = ()) -> Spec:
    """The spec of a command: a file, else the defaults, with `section.key=value` changes.

    Args:
        path: the file, or None.
        defaults: flat keywords that stand where no file does.
        changes: as of `--set`.
    """
    if path is not None:
        return Spec.from_toml(path, changes=changes)
    start = Spec.from_keywords(**(defaults or {})).to_dict()
    return Spec.from_dict(apply_changes(start, changes))


SECTIONS: dict[str, type[Section]] = {
    "data": DataSection,
    "samples": SamplesSection,
    "split": SplitSection,
    "training": TrainingSection,
}
SECTION_KEYS = {name: tuple(section.model_fields) for name, section in SECTIONS.items()}


def _as_table(key: str, value: Any) -> Mapping[str, Any]:
    """A section of a spec, which must be a table."""
    if not isinstance(value, Mapping):
        raise UsageError(f"{key} is {value!r}; allowed: a section [{key}] with a line for each key")
    return value


def _refuse_doubled(key: str, names: Sequence[Any]) -> None:
    for name in names:
        if list(names).count(name) > 1:
            raise UsageError(f"{key} names {name!r} twice; name it once")


def apply_changes(values: Mapping[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """Apply `section.key=value` changes, values written as in TOML; `lstm.units=20` changes the model of that label.

    Raises:
        UsageError: a change without `=`, or for a section or model that is not there.
    """
    changed = {key: dict(value) if isinstance(value, Mapping) else value for key, value in values.items()}
    for change in changes:
        path, separator, text = change.partition("=")
        section, dot, key = path.strip().partition(".")
        if not separator or not dot or not key:
            raise UsageError(
                f"--set {change!r}; write section.key=value, for example training.epochs=20 or lstm.units=64"
            )
        value = _toml_value(text.strip())
        if section in SECTIONS or section == "grid":
            changed[section] = {**_as_table(section, changed.get(section, {})), key: value}
            continue
        models = [dict(m) if isinstance(m, Mapping) else {"name": m} for m in list_models(changed.get("models"))]
        found = [model for model in models if section in (model.get("label"), model.get("name"))]
        if not found:
            raise UnknownNameError("section or model", section, [*SECTIONS, "grid", *(str(m["name"]) for m in models)])
        for model in found:
            model[key] = value
        changed["models"] = models
    return changed


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _flatten(grid: Mapping[str, Any], prefix: str = "") -> dict[str, list[Any]]:
    """`{"training": {"learning_rate": [...]}}` and `{"training.learning_rate": [...]}` alike."""
    flat: dict[str, list[Any]] = {}
    for key, value in grid.items():
        if isinstance(value, Mapping):
            flat.update(_flatten(value, f"{prefix}{key}."))
        elif isinstance(value, list) and value:
            _refuse_doubled(f"grid.{prefix}{key}", value)
            flat[prefix + key] = value
        else:
            raise UsageError(
                f"grid.{prefix}{key} is {value!r}; allowed: a list with at least one value, such as [0.001, 0.01]"
            )
    return flat


def _explain(error: ValidationError) -> str:
    """One line for the first thing that is wrong."""
    first = error.errors()[0]
    where = [str(part) for part in first["loc"]]
    if first["type"] == "extra_forbidden":
        section, key = (where[0], where[-1]) if len(where) > 1 else ("", where[0])
        known = SECTION_KEYS.get(section) or tuple(Spec.model_fields)
        near = difflib.get_close_matches(key, known, n=1)
        prefix = f"{section}." if section else ""
        hint = f"; did you mean {prefix}{near[0]}?" if near else ";"
        return f"unknown key {prefix}{key}{hint} known: {', '.join(known)}"
    path = ".".join(where[:2])
    if first["type"] == "model_type":
        return f"{path} is {first['input']!r}; allowed: a section [{path}] with a line for each key"
    reasons = [
        other["msg"].removeprefix("Input should be ")
        for other in error.errors()
        if other["loc"][:2] == first["loc"][:2]
    ]
    return f"{path} is {first['input']!r}; allowed: {' or '.join(dict.fromkeys(reasons))}"
