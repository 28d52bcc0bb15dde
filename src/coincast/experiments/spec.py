"""A spec says everything about an experiment; one class stands behind TOML files, command line and Python.

One section per noun: `[data] [samples] [split] [[models]] [training] [judge] [grid]`.
"""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tomlkit
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from coincast.errors import UnknownNameError, UnreadableFileError, UsageError
from coincast.experiments.entries import (
    EVERY_MODEL,
    ModelEntry,
    changed_settings,
    list_models,
    make_entries,
)
from coincast.experiments.fitness import refuse_unfit
from coincast.experiments.sections import (
    ALLOWED,
    SECTION_KEYS,
    SECTIONS,
    DataSection,
    JudgeSection,
    SamplesSection,
    SplitSection,
    TrainingSection,
)
from coincast.samples.quantities import QUANTITIES
from coincast.samples.scaling import SCALINGS
from coincast.samples.targets import TARGETS

if TYPE_CHECKING:
    from coincast.training.recipe import Recipe

SAID_ONCE = {"cost": ("training", "judge")}
"""Keywords that go into several sections: what trading costs is the same for a loss and for the judge."""


class Spec(BaseModel):
    """A whole experiment.

    Raises:
        UsageError: a key or value that is not allowed; says which, and what is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    name: str = Field(default="experiment", pattern=r"\S", description="text that is not empty")
    data: DataSection = DataSection()
    samples: SamplesSection = SamplesSection()
    split: SplitSection = SplitSection()
    training: TrainingSection = TrainingSection()
    judge: JudgeSection = JudgeSection()
    models: list[ModelEntry] = Field(default_factory=list)
    grid: dict[str, list[Any]] = {}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Spec:
        """A spec from plain values, as TOML holds them; `models` may hold names, tables and settings objects."""
        values = dict(given)
        values["models"] = make_entries(list_models(values.get("models"), _quantity_of(values)))
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
        spec._refuse_unknown()
        return spec

    @property
    def target(self) -> str:
        """What a network learns: the given target, else the usual one of the quantity."""
        return self.samples.target or QUANTITIES[self.samples.quantity].targets[0]

    @property
    def loss(self) -> str:
        """What training makes small: the given loss, else the usual one of the quantity."""
        return self.training.loss or QUANTITIES[self.samples.quantity].loss

    def recipe(self) -> Recipe:
        """How its networks are trained.

        Raises:
            UsageError: a value that no training can have.
        """
        from coincast.training.recipe import Recipe

        return Recipe(**{**self.training.recipe_values(), "loss": self.loss})

    def vary(self, changes: Mapping[str, Any]) -> Spec:
        """This spec with other values under `section.key`, and without its grid.

        Raises:
            UsageError: they are not allowed, or do not go together.
        """
        values = {**self.to_dict(), "models": self.models, "grid": {}}
        for path, value in changes.items():
            section, _, key = path.partition(".")
            values[section] = {**values[section], key: value}
        return Spec.from_dict(values)

    def _refuse_unknown(self) -> None:
        """Refuse names that no registry knows; features are left to the candles, whose columns they may be."""
        for kind, name, known in (
            ("target", self.target, TARGETS),
            ("scaling", self.samples.scaling, SCALINGS),
        ):
            if name not in known:
                raise UnknownNameError(kind, name, known)
        refuse_unfit(self)
        for entry in self.models:
            if entry.label in (*SECTIONS, "grid"):
                raise UsageError(
                    f"a model is called {entry.label!r}, as a section of the spec is; give it another label"
                )

    @classmethod
    def from_toml(cls, path: str | Path, *, changes: Sequence[str] = ()) -> Spec:
        """Read a spec file and apply `section.key=value` changes to it.

        A section `[watch]` is for the loop alone and left out: what is watched can be compared first.

        Raises:
            UnreadableFileError: no such file, or not TOML.
        """
        path = Path(path)
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except FileNotFoundError:
            raise UnreadableFileError(f"no such spec: {path}; examples are in the folder examples/") from None
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise UnreadableFileError(
                f"{path} cannot be read as a spec in TOML: {error}; a file of candles is given as --candles {path}"
            ) from None
        values.setdefault("name", path.stem)
        values.pop("watch", None)
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
            value = _plain(value)
            if key in cls.model_fields:
                values[key] = value
                continue
            sections = SAID_ONCE.get(key) or [name for name, keys in SECTION_KEYS.items() if key in keys][:1]
            if not sections:
                raise UnknownNameError(
                    "keyword", key, [*cls.model_fields, *(k for keys in SECTION_KEYS.values() for k in keys)]
                )
            for section in sections:
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


def read_spec(
    path: Path | None,
    *,
    defaults: Mapping[str, Any] | None = None,
    changes: Sequence[str] = (),
    every_model: bool = False,
) -> Spec:
    """The spec of a command: a file, else the defaults, with `section.key=value` changes.

    Args:
        path: the file, or None.
        defaults: flat keywords that stand where no file does.
        changes: as of `--set`.
        every_model: also every other model of the registry that forecasts the quantity.
    """
    if path is not None:
        spec = Spec.from_toml(path, changes=changes)
    else:
        start = Spec.from_keywords(**(defaults or {})).to_dict()
        if "models" not in (defaults or {}):
            del start["models"]  # those that suit the quantity, which a change may name
        spec = Spec.from_dict(apply_changes(start, changes))
    return Spec.from_dict({**spec.to_dict(), "models": [*spec.models, EVERY_MODEL]}) if every_model else spec


def _plain(value: Any) -> Any:
    """Numbers, texts and times of NumPy, alone or in lists, as those of Python."""
    if isinstance(value, np.datetime64):
        return value.astype("datetime64[us]").item()
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _quantity_of(values: Mapping[str, Any]) -> str:
    """The quantity of a spec that is not checked yet; what is wrong with it is said later."""
    samples = values.get("samples")
    quantity = samples.get("quantity") if isinstance(samples, Mapping) else None
    return quantity if isinstance(quantity, str) and quantity in QUANTITIES else "price"


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
        section, _, key = path.strip().rpartition(".")
        if section.startswith("grid."):
            section, _, key = path.strip().partition(".")
        if not separator or not section or not key:
            raise UsageError(
                f"--set {change!r}; write section.key=value, for example training.epochs=20 or lstm.units=64"
            )
        value = _toml_value(text.strip())
        if section in SECTIONS or section == "grid":
            changed[section] = {**_as_table(section, changed.get(section, {})), key: value}
            continue
        models = [
            dict(m) if isinstance(m, Mapping) else {"name": m}
            for m in list_models(changed.get("models"), _quantity_of(changed))
        ]
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
    fields = SECTIONS[where[0]].model_fields if where[0] in SECTIONS else Spec.model_fields
    field = fields[where[1] if where[0] in SECTIONS else where[0]]
    given = first["input"]
    allowed = field.description or _allowed_in_recipe(where) or ALLOWED[field.annotation]
    return f"{path} is {given!r}; allowed: {allowed}"


def _allowed_in_recipe(where: Sequence[str]) -> str | None:
    """What a recipe says is allowed for a key of `[training]`."""
    from coincast.training.recipe import Recipe

    known = {field.name: field.metadata.get("allowed") for field in dataclasses.fields(Recipe)}
    return known.get(where[1]) if where[0] == "training" else None
