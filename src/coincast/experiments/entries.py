"""The models of a spec: names, tables and settings objects as entries with a label and settings."""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from coincast.errors import UnknownNameError, UsageError
from coincast.forecasts.combine import ENSEMBLE

DEFAULT_MODELS = ("lstm", "naive", "drift", "ar", "average", "random_walk")
"""Where a spec names no models and forecasts prices, or what prices tell: it runs in seconds."""
DEFAULT_VOLATILITY_MODELS = ("lstm", "naive", "har", "volatility_cone")
"""The same for volatility; the naive forecast is the EWMA."""
EVERY_MODEL = "all"
"""Stands for every model of the registry that forecasts the quantity; some need extras."""


@dataclasses.dataclass(frozen=True)
class ModelEntry:
    """A model of a spec: the label that stands in tables, and its settings.

    Attributes:
        label: unique in the spec.
        name: name in `MODELS`, or the class of a user's own settings, which is never one of these names.
        settings: a frozen dataclass that is a `Network` or a `Forecaster`.
    """

    label: str
    name: str
    settings: Any


def is_network(entry: ModelEntry) -> bool:
    """Whether it is trained by gradient; else it is a forecaster."""
    return hasattr(entry.settings, "build")


def quantity_of(entry: ModelEntry) -> str:
    """What a model forecasts: "price" or "volatility", or "any" for one that forecasts what it is asked for."""
    return "any" if is_network(entry) else str(getattr(entry.settings, "quantity", "price"))


def models_of(quantity: str) -> list[str]:
    """Names in `MODELS` that forecast a quantity. The oracle, which only simulated markets have, is not among them."""
    from coincast.models import MODELS

    wanted = ("any", "volatility" if quantity == "volatility" else "price")
    return [
        name
        for name, settings in MODELS.items()
        if name != "oracle" and (hasattr(settings, "build") or getattr(settings, "quantity", "price") in wanted)
    ]


def list_models(models: Any, quantity: str = "price") -> list[Any]:
    """The models of a spec as a list; a single one may stand alone, and "all" for every one that suits the quantity."""
    default = DEFAULT_VOLATILITY_MODELS if quantity == "volatility" else DEFAULT_MODELS
    if isinstance(models, str | Mapping) or not isinstance(models, Iterable):
        models = [models] if models else []
    listed = list(models) or list(default)
    if not any(map(_means_every, listed)):
        return listed
    entries = [_make_entry(model) for model in listed if not _means_every(model)]
    named = {entry.name for entry in entries}
    return [*entries, *(name for name in models_of(quantity) if name not in named)]


def _means_every(model: Any) -> bool:
    return isinstance(model, str) and model == EVERY_MODEL


def make_entries(models: Iterable[Any]) -> list[ModelEntry]:
    """Entries from names, tables `{"name": "lstm", "units": 20}` and settings objects; naive is always among them.

    Raises:
        UnknownNameError: a name that is not in `MODELS`, or a setting that the model does not have.
        UsageError: two models under one label.
    """
    entries = [_make_entry(model) for model in models]
    if not any(entry.name == entry.label == "naive" for entry in entries):
        entries.append(_make_entry("naive"))
    if len({entry.label for entry in entries}) < len(entries):
        entries = [_label_by_settings(entry, entries) for entry in entries]
    labels = [entry.label for entry in entries]
    doubled = sorted({label for label in labels if labels.count(label) > 1})
    if doubled:
        raise UsageError(f'two models are called {doubled[0]!r}; give one of them a label of its own: label = "..."')
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
    if label is not None and not _is_label(label):
        raise UsageError(
            f"the label of {name} is {label!r}; allowed: a text on one line that does not end in {ENSEMBLE}"
        )
    if name not in MODELS:
        raise UnknownNameError("model", name, MODELS)
    settings = MODELS[name]
    known = {field.name: field for field in dataclasses.fields(settings)}  # type: ignore[arg-type]
    for key, value in values.items():
        if key not in known:
            raise (
                UnknownNameError(f"setting of {name}", key, known)
                if known
                else UsageError(f"{name} has no settings, and {key} was given")
            )
        several = takes_several(settings, key)
        values[key] = read_setting(f"{name}.{key}", value, getattr(settings, key, None), several=several)
    return ModelEntry(label or name, name, settings(**values))


def _is_label(label: Any) -> bool:
    return isinstance(label, str) and label.strip() != "" and label.isprintable() and not label.endswith(ENSEMBLE)


def takes_several(settings: type, name: str) -> bool:
    """Whether a setting may be a tuple, of units for example, which TOML writes as a list."""
    try:
        return "tuple[" in str(typing.get_type_hints(settings)[name])
    except (KeyError, NameError, TypeError, AttributeError):  # a class of a user's own may say anything
        return False


def read_setting(key: str, value: Any, default: Any, *, several: bool = False) -> Any:
    """A setting of the kind of its default: a whole number becomes a float where one is needed, text never a number.

    Args:
        key: for an error.
        value: what was given.
        default: of the setting.
        several: whether it may be a tuple, too; a list is taken for one.

    Raises:
        UsageError: it is of another kind.
    """
    if isinstance(value, list | tuple) and (several or isinstance(default, tuple)):
        return tuple(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    wrong = (
        (isinstance(default, bool) and not isinstance(value, bool))
        or (isinstance(default, int) and not isinstance(default, bool) and not (is_number and isinstance(value, int)))
        or (isinstance(default, float) and not is_number)
        or (isinstance(default, str) and not isinstance(value, str))
    )
    if wrong:
        lists = ", or a list of such" if several else ""
        raise UsageError(f"{key} is {value!r}; allowed: {_KINDS[type(default)]}, such as {default!r}{lists}")
    return float(value) if isinstance(default, float) else value


_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def _entry_of_settings(settings: Any) -> ModelEntry:
    from coincast.models import MODELS

    if not (hasattr(settings, "build") or hasattr(settings, "forecast")) or isinstance(settings, type):
        raise UsageError(
            f'{settings!r} is not a model: give a name such as "lstm", or settings with a build method (a network) or '
            "a forecast method, for example cc.LSTM(units=20)"
        )
    for name, known in MODELS.items():
        if type(settings) is known:
            return ModelEntry(name, name, settings)
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(settings).__name__).lower()
    return ModelEntry(name, f"own_{name}" if name in MODELS else name, settings)


def changed_settings(settings: Any) -> dict[str, Any]:
    """Settings that differ from their default."""
    if not dataclasses.is_dataclass(settings):
        return {}
    return {
        field.name: _plain(getattr(settings, field.name))
        for field in dataclasses.fields(settings)
        if repr(getattr(settings, field.name)) != repr(field.default)
    }


def _plain(value: Any) -> Any:
    """A setting as TOML can hold it: what is neither number nor text, such as a user's own function, as text."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, bool | int | float | str) else repr(value)


def _label_by_settings(entry: ModelEntry, entries: list[ModelEntry]) -> ModelEntry:
    """`lstm(units=64)` where several models share a name and have no label of their own."""
    changed = changed_settings(entry.settings)
    shared = [other for other in entries if other.label == entry.label]
    if len(shared) == 1 or not changed:
        return entry
    return dataclasses.replace(entry, label=f"{entry.label}({format_settings(changed)})")


def format_settings(settings: Mapping[str, Any]) -> str:
    """`units=20,dropout=0.25`, as it stands in a model's name."""
    return ",".join(f"{key}={format_value(value)}" for key, value in settings.items())


def format_value(value: Any) -> str:
    """A number as short as it can be told again; several as `[50,20]`."""
    if isinstance(value, list | tuple):
        return f"[{','.join(format_value(item) for item in value)}]"
    if not isinstance(value, float):
        return str(value)
    short = f"{value:g}"
    return short if float(short) == value else repr(value)
