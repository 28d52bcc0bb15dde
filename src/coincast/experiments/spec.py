"""A spec says everything about an experiment; one class stands behind TOML files, command line and Python.

One section per noun: `[data] [samples] [split] [[models]] [training] [grid]`.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

import tomlkit
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from coincast.errors import UnknownNameError, UnreadableFileError, UsageError
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
    lookback: int = 10
    horizon: int = 1
    target: str = "log_return"
    scaling: str = "training"


class SplitSection(Section):
    """Where validation and test begin; see `coincast.samples.splits.Split`."""

    test: When | float | int = 0.2
    validation: When | float | int = 0
    gap: int = 0
    reach_back: bool = True

    def as_split(self) -> Split:
        return Split(self.test, self.validation, self.gap, self.reach_back)


class TrainingSection(Section):
    """How networks are trained; see `coincast.training.recipe.Recipe`.

    Attributes:
        seeds: runs per setting.
        seed: key of the first run; the next ones count upwards.
    """

    epochs: int = 30
    batch_size: int = 32
    learning_rate: float = 0.001
    loss: str = "mae"
    shuffle: bool = True
    seeds: int = 10
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class ModelEntry:
    """A model of a spec: the label that stands in tables, and its settings.

    Attributes:
        label: unique in the spec.
        name: name in `MODELS`, or the class of a user's own settings.
        settings: a frozen dataclass that is a `Network` or a `Forecaster`.
    """

    label: str
    name: str
    settings: Any


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
        values["models"] = make_entries(values.get("models") or DEFAULT_MODELS)
        values["grid"] = _flatten(values.get("grid", {}))
        try:
            spec = cls.model_validate(values)
        except ValidationError as error:
            raise UsageError(_explain(error)) from None
        if spec.training.seeds < 1 or spec.training.seed < 0:
            raise UsageError(
                f"training.seeds is {spec.training.seeds} and training.seed {spec.training.seed}; "
                "allowed: 1 run or more, from seed 0 or more"
            )
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
            raise UnreadableFileError(f"{path} cannot be read as TOML: {error}") from None
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
                raise UnknownNameError("keyword", key, [*cls.model_fields, *(k for keys in SECTION_KEYS.values() for k in keys)])
            values.setdefault(section, {})[key] = value
        return cls.from_dict(values)

    def to_dict(self) -> dict[str, Any]:
        """Plain values that `from_dict` takes, as far as models are of the registry."""
        values = self.model_dump(exclude={"models", "grid"}, exclude_none=True)
        models = []
        for entry in self.models:
            settings = _changed_settings(entry.settings)
            models.append({"name": entry.name, **({"label": entry.label} if entry.label != entry.name else {}), **settings})
        return {**values, "models": models, **({"grid": self.grid} if self.grid else {})}

    def to_toml(self) -> str:
        return tomlkit.dumps(self.to_dict())


def read_spec(
    path: Path | None, *, defaults: Mapping[str, Any] | None = None, changes: Sequence[str] = ()
) -> Spec:
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


DEFAULT_MODELS = ("lstm", "naive", "drift", "ar", "average", "random_walk")
SECTIONS: dict[str, type[Section]] = {
    "data": DataSection,
    "samples": SamplesSection,
    "split": SplitSection,
    "training": TrainingSection,
}
SECTION_KEYS = {name: tuple(section.model_fields) for name, section in SECTIONS.items()}


def make_entries(models: Iterable[Any]) -> list[ModelEntry]:
    """Entries from names, tables `{"name": "lstm", "units": 20}` and settings objects; naive is always among them.

    Raises:
        UnknownNameError: a name that is not in `MODELS`, or a setting that the model does not have.
        UsageError: two models under one label.
    """
    entries = [_make_entry(model) for model in models]
    if not any(entry.name == "naive" for entry in entries):
        entries.append(_make_entry("naive"))
    if len({entry.label for entry in entries}) < len(entries):
        entries = [_label_by_settings(entry, entries) for entry in entries]
    labels = [entry.label for entry in entries]
    doubled = sorted({label for label in labels if labels.count(label) > 1})
    if doubled:
        raise UsageError(f"two models are called {doubled[0]!r}; give one of them a label of its own: label = \"...\"")
    return entries


def _make_entry(model: Any) -> ModelEntry:
    from coincast.models import MODELS

    if isinstance(model, ModelEntry):
        return model
    if isinstance(model, str):
        model = {"name": model}
    if not isinstance(model, Mapping):
        return _entry_of_settings(model)
    values = dict(model)
    name, label = values.pop("name", None), values.pop("label", None)
    if not isinstance(name, str):
        raise UsageError(f'a model without a name: {dict(model)}; write for example name = "lstm"')
    if name not in MODELS:
        raise UnknownNameError("model", name, MODELS)
    settings = MODELS[name]
    known = {field.name: field for field in dataclasses.fields(settings)}  # type: ignore[arg-type]
    for key, value in values.items():
        if key not in known:
            raise UnknownNameError(f"setting of {name}", key, known) if known else UsageError(f"{name} has no settings, and {key} was given")
        _check_setting(name, key, value, getattr(settings, key, None))
    return ModelEntry(label or name, name, settings(**values))


def _check_setting(model: str, key: str, value: Any, default: Any) -> None:
    """A setting is of the kind of its default: a whole number is fine for a float, text never for a number."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    wrong = (
        (isinstance(default, bool) and not isinstance(value, bool))
        or (isinstance(default, int) and not isinstance(default, bool) and not (is_number and isinstance(value, int)))
        or (isinstance(default, float) and not is_number)
        or (isinstance(default, str) and not isinstance(value, str))
    )
    if wrong:
        raise UsageError(f"{model}.{key} is {value!r}; allowed: {_KINDS[type(default)]}, such as {default!r}")


_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def _entry_of_settings(settings: Any) -> ModelEntry:
    from coincast.models import MODELS

    if not (hasattr(settings, "build") or hasattr(settings, "forecast")) or isinstance(settings, type):
        raise UsageError(
            f"{settings!r} is not a model: give a name such as \"lstm\", or settings with a build method (a network) or a "
            "forecast method, for example cc.LSTM(units=20)"
        )
    for name, known in MODELS.items():
        if type(settings) is known:
            return ModelEntry(name, name, settings)
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(settings).__name__).lower()
    return ModelEntry(name, name, settings)


def _changed_settings(settings: Any) -> dict[str, Any]:
    """Settings that differ from their default."""
    if not dataclasses.is_dataclass(settings):
        return {}
    return {
        field.name: getattr(settings, field.name)
        for field in dataclasses.fields(settings)
        if getattr(settings, field.name) != field.default
    }


def _label_by_settings(entry: ModelEntry, entries: list[ModelEntry]) -> ModelEntry:
    """`lstm(units=64)` where several models share a name and have no label of their own."""
    changed = _changed_settings(entry.settings)
    shared = [other for other in entries if other.label == entry.label]
    if len(shared) == 1 or not changed:
        return entry
    return dataclasses.replace(entry, label=f"{entry.label}({format_settings(changed)})")


def format_settings(settings: Mapping[str, Any]) -> str:
    """`units=20,dropout=0.25`, as it stands in a model's name."""
    return ",".join(f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}" for key, value in settings.items())


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
            raise UsageError(f"--set {change!r}; write section.key=value, for example training.epochs=20 or lstm.units=64")
        value = _toml_value(text.strip())
        if section in SECTIONS or section == "grid":
            changed[section] = {**changed.get(section, {}), key: value}
            continue
        models = [dict(m) if isinstance(m, Mapping) else {"name": m} for m in changed.get("models") or DEFAULT_MODELS]
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
            flat[prefix + key] = value
        else:
            raise UsageError(f"grid.{prefix}{key} is {value!r}; allowed: a list with at least one value, such as [0.001, 0.01]")
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
    return f"{path} is {first['input']!r}; {first['msg'][0].lower()}{first['msg'][1:]}"
