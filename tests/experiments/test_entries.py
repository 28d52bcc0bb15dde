"""The models of a spec: names, tables and settings objects."""

from __future__ import annotations

from dataclasses import dataclass, make_dataclass
from typing import Any, ClassVar

import pytest

import coincast as cc
from coincast.errors import UnknownNameError, UsageError
from coincast.experiments.entries import changed_settings, format_settings, list_models, make_entries, read_setting
from coincast.models import MODELS


@dataclass(frozen=True)
class MyForecaster:
    shift: float = 0.0
    apply: Any = abs
    sizes: tuple[int, ...] = (1, 2)
    learns: ClassVar[bool] = False

    def forecast(self, samples: Any, *, training: Any, origins: Any, seed: int) -> Any: ...


def labels(*models: Any) -> list[str]:
    return [entry.label for entry in make_entries(models)]


def test_naive_is_always_there() -> None:
    assert labels("ar") == ["ar", "naive"]
    assert labels("naive", "ar") == ["naive", "ar"]
    assert labels({"name": "naive", "label": "same"}) == ["same", "naive"]


def test_several_networks_get_their_settings_as_labels() -> None:
    assert labels(cc.LSTM(units=2), cc.LSTM(units=4, dropout=0.1)) == [
        "lstm(units=2)",
        "lstm(units=4,dropout=0.1)",
        "naive",
    ]
    assert labels("lstm", {"name": "lstm", "units": 4}) == ["lstm", "lstm(units=4)", "naive"]
    assert labels({"name": "lstm", "label": "a"}, {"name": "lstm", "label": "b"}) == ["a", "b", "naive"]


def test_the_same_model_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="two models are called 'lstm'"):
        make_entries(["lstm", cc.LSTM()])


def test_settings_of_the_package_and_of_a_user_get_names() -> None:
    assert labels(cc.Autoregression(order=2), MyForecaster()) == ["ar", "my_forecaster", "naive"]


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(UsageError, match="is not a model"):
        make_entries([object()])
    with pytest.raises(UsageError, match="is not a model"):
        make_entries([cc.LSTM])
    with pytest.raises(UnknownNameError, match="did you mean 'lstm'"):
        make_entries(["ltsm"])
    with pytest.raises(UsageError, match="naive has no settings"):
        make_entries([{"name": "naive", "units": 3}])


def test_a_single_model_may_stand_alone() -> None:
    assert list_models("ar") == ["ar"]
    assert list_models({"name": "ar"}) == [{"name": "ar"}]
    assert list_models(cc.LSTM()) == [cc.LSTM()]
    assert list_models(["ar", "drift"]) == ["ar", "drift"]


def test_changed_settings_are_plain() -> None:
    assert changed_settings(cc.LSTM()) == {}
    assert changed_settings(cc.LSTM(units=3)) == {"units": 3}
    assert changed_settings(MyForecaster(apply=max, sizes=(3,))) == {"apply": repr(max), "sizes": [3]}


@pytest.mark.parametrize(
    ("value", "default"), [(1, 0.5), (0.25, 0.5), (3, 4), (True, False), ("a", "b"), ([1], None), ("x", None)]
)
def test_settings_of_the_right_kind_pass(value: Any, default: Any) -> None:
    read = read_setting("net.key", value, default)
    assert read == value
    assert default is None or type(read) is type(default)


@pytest.mark.parametrize(
    ("value", "default", "kind"),
    [
        (1.5, 4, "a whole number"),
        (True, 4, "a whole number"),
        ("1", 0.5, "a number"),
        ([0.1], 0.5, "a number"),
        (1, True, "true or false"),
        (3, "text", "text"),
    ],
)
def test_settings_of_another_kind_are_refused(value: Any, default: Any, kind: str) -> None:
    with pytest.raises(UsageError, match=f"net.key is .*; allowed: {kind}"):
        read_setting("net.key", value, default)


def test_settings_are_named_as_short_as_they_can_be_told_apart() -> None:
    assert format_settings({"units": 20, "dropout": 0.25, "name": "a"}) == "units=20,dropout=0.25,name=a"
    assert format_settings({"rate": 0.1}) != format_settings({"rate": 0.10000001})
    assert format_settings({"rate": 1e-5}) == "rate=1e-05"


def test_a_users_own_model_is_not_taken_for_one_of_the_registry() -> None:
    """Its class may have the name of one."""
    own = make_dataclass("LSTM", [("units", int, 3)], namespace={"build": lambda self, axes, *, key: None})
    [entry, _] = make_entries([own()])
    assert (entry.label, entry.name) == ("lstm", "own_lstm")
    assert entry.name not in MODELS
