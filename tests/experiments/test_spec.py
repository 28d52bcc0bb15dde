"""Specs from TOML, command line and Python: what they say, and what they refuse."""

from __future__ import annotations

import dataclasses
import math
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import coincast as cc
from coincast.errors import UnknownNameError, UnreadableFileError, UsageError
from coincast.experiments.entries import DEFAULT_MODELS
from coincast.experiments.sections import AROUND_RECIPE, TrainingSection
from coincast.experiments.spec import Spec, apply_changes, read_spec
from coincast.training.recipe import Recipe

FULL = """
name = "full"
models = ["drift", { name = "lstm", units = 4, dropout = 0.5 }, { name = "lstm", label = "wide", units = 8 }]

[data]
candles = ["a.csv", "file:ETH/USD=b.csv"]
markets = ["file:BTC/USD", "file:ETH/USD"]
interval = "1d"
since = 2016-01-01
until = 2017-11-21T12:00:00Z

[samples]
targets = ["file:BTC/USD"]
inputs = "all"
features = ["close", "volume"]
lookback = 5
horizon = 2
target = "window_change"
scaling = "window"

[split]
test = 2017-06-01
validation = 0.1
gap = 2
reach_back = false

[training]
epochs = 3
batch_size = 4
learning_rate = 0.01
loss = "mse"
shuffle = false
seeds = 2
seed = 5

[grid]
lstm.dropout = [0.1, 0.2]
"training.learning_rate" = [0.01, 0.1]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "spec.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_toml_is_read_as_written(tmp_path: Path) -> None:
    spec = Spec.from_toml(write(tmp_path, FULL))
    assert spec.data.since == date(2016, 1, 1)
    assert spec.data.candles == ["a.csv", "file:ETH/USD=b.csv"]
    assert (spec.samples.lookback, spec.samples.horizon, spec.samples.inputs) == (5, 2, "all")
    assert (spec.split.test, spec.split.validation, spec.split.gap, spec.split.reach_back) == (
        date(2017, 6, 1),
        0.1,
        2,
        False,
    )
    assert (spec.training.loss, spec.training.shuffle, spec.training.seed) == ("mse", False, 5)
    assert [entry.label for entry in spec.models] == ["drift", "lstm", "wide", "naive"]
    assert spec.models[1].settings == cc.LSTM(units=4, dropout=0.5)
    assert spec.grid == {"lstm.dropout": [0.1, 0.2], "training.learning_rate": [0.01, 0.1]}


def test_what_is_watched_can_be_compared_first() -> None:
    path = Path(__file__).parents[2] / "examples" / "live.toml"
    assert "[watch]" in path.read_text(encoding="utf-8")
    assert "lstm" in [model.label for model in Spec.from_toml(path).models]


def test_toml_survives_a_round_trip(tmp_path: Path) -> None:
    spec = Spec.from_toml(write(tmp_path, FULL))
    assert Spec.from_toml(write(tmp_path, spec.to_toml())) == spec


def test_defaults_survive_a_round_trip(tmp_path: Path) -> None:
    spec = Spec.from_keywords()
    assert [entry.label for entry in spec.models] == list(DEFAULT_MODELS)
    assert Spec.from_toml(write(tmp_path, spec.to_toml())) == spec


@pytest.mark.parametrize("example", ["btc-daily", "eth-daily"])
def test_examples_survive_a_round_trip(example: str, project: Path, tmp_path: Path) -> None:
    spec = Spec.from_toml(project / "examples" / f"{example}.toml")
    assert spec.name == example
    assert Spec.from_toml(write(tmp_path, spec.to_toml())) == spec


def test_keywords_find_their_section() -> None:
    spec = Spec.from_keywords(lookback=4, test="2020-01-01", seeds=3, since="2019-01-01", models=["ar"], name="x")
    assert (spec.samples.lookback, spec.split.test, spec.training.seeds) == (4, "2020-01-01", 3)
    assert (spec.data.since, spec.name) == ("2019-01-01", "x")


def test_keyword_none_means_the_default() -> None:
    assert Spec.from_keywords(lookback=None) == Spec.from_keywords()


def test_unknown_keyword_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'lookback'"):
        Spec.from_keywords(lokback=3)


def test_changes_reach_sections_models_and_grid(tmp_path: Path) -> None:
    changes = ["training.epochs=20", "lstm.units=6", "wide.units=12", "grid.lstm.dropout=[0.3]", "samples.target=price"]
    spec = Spec.from_toml(write(tmp_path, FULL), changes=changes)
    assert spec.training.epochs == 20
    assert spec.samples.target == "price"
    # `lstm` is the name of both networks, `wide` the label of the second.
    assert [entry.settings.units for entry in spec.models if entry.name == "lstm"] == [6, 12]
    assert spec.grid["lstm.dropout"] == [0.3]


def test_changes_work_without_a_file() -> None:
    spec = read_spec(None, defaults={"models": ["lstm"], "epochs": 9}, changes=["lstm.units=3", "training.seeds=4"])
    assert (spec.models[0].settings.units, spec.training.epochs, spec.training.seeds) == (3, 9, 4)


def test_changes_leave_what_was_given_alone() -> None:
    given = {"training": {"epochs": 1}, "models": ["lstm"]}
    apply_changes(given, ["training.epochs=2", "lstm.units=3"])
    assert given == {"training": {"epochs": 1}, "models": ["lstm"]}


@pytest.mark.parametrize("change", ["training.epochs", "epochs=3", "=3", ".=3", "training.=3"])
def test_change_without_section_key_and_value_is_refused(change: str) -> None:
    with pytest.raises(UsageError, match=r"write section.key=value"):
        read_spec(None, changes=[change])


def test_change_of_an_unknown_model_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'lstm'"):
        read_spec(None, changes=["ltsm.units=3"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[samples]\nlokback = 3", "unknown key samples.lokback; did you mean samples.lookback?"),
        ("[trainig]\nepochs = 3", "unknown key trainig; did you mean training?"),
        ("samples = 3", r"allowed: a section \[samples\]"),
        ("grid = 3", r"allowed: a section \[grid\]"),
        ("name = 3", "name is 3; allowed: text that is not empty"),
        ("[training]\nepochs = 1.5", "training.epochs is 1.5; allowed: a whole number from 1 to 100000"),
        ("[training]\nepochs = 0", "training.epochs is 0; allowed: a whole number from 1 to"),
        ("[training]\nseeds = 0", "training.seeds is 0; allowed"),
        ("[training]\nseed = -1", "training.seed is -1; allowed"),
        ("[training]\nseed = 2147483648", "training.seed is 2147483648; allowed: a whole number from 0 to 2147483647"),
        ("[training]\nbatch_size = 0", "training.batch_size is 0; allowed"),
        (
            "[training]\nlearning_rate = nan",
            "training.learning_rate is nan; allowed: a number between 0 and 1, such as",
        ),
        ("[training]\nlearning_rate = inf", "training.learning_rate is inf; allowed"),
        ("[training]\nlearning_rate = 'fast'", "training.learning_rate is 'fast'; allowed: a number between 0 and 1"),
        ("[training]\nshuffle = 1", "training.shuffle is 1; allowed: true or false"),
        ("[samples]\nlookback = 0", "samples.lookback is 0; allowed"),
        ("[samples]\nhorizon = 0", "samples.horizon is 0; allowed"),
        ("[samples]\ninputs = 'some'", "samples.inputs is 'some'; allowed: 'own' or 'all'"),
        ("[samples]\nfeatures = 'close'", "samples.features is 'close'; allowed: a list of texts"),
        ("[samples]\nfeatures = ['close', 'close']", "samples.features names 'close' twice"),
        ("[data]\nmarkets = ['a', 'a']", "data.markets names 'a' twice"),
        ("[data]\nsince = 7", "data.since is 7; allowed: a date or time such as 2017-06-01"),
        ("[data]\nuntil = 20151201", "data.until is 20151201; allowed: a date or time such as 2017-06-01"),
        ("[data]\ninterval = 1", "data.interval is 1; allowed: text"),
        ("[data]\ncandles = [1]", "data.candles is 1; allowed: a list of texts"),
        ("[split]\ntest = true", "split.test is True; allowed: a date such as 2017-06-01, a share"),
        ("name = ' '", "name is ' '; allowed: text that is not empty"),
        ("[samples]\nlookback = 1_000_000_000_000_000_000_000_000_000_000", "allowed: a whole number from 1 to 100000"),
        ("[samples]\nhorizon = 10001", "samples.horizon is 10001; allowed: a whole number from 1 to 10000"),
        ("[training]\nepochs = 100_000_000_000", "allowed: a whole number from 1 to 100000"),
        ("[training]\nseeds = 1001", "training.seeds is 1001; allowed: a whole number from 1 to 1000"),
        ("[training]\nbatch_size = 8193", "training.batch_size is 8193; allowed: a whole number from 1 to 8192"),
        ("[split]\ngap = 1000001", "split.gap is 1000001; allowed: a whole number from 0 to 1000000"),
        ("[samples]\ntarget = 'log_returm'", "unknown target 'log_returm'; did you mean 'log_return'"),
        ("[samples]\nscaling = 'trainin'", "unknown scaling 'trainin'; did you mean 'training'"),
        ("[training]\nloss = 'mes'", "unknown loss 'mes'; did you mean 'mse'"),
        ("[[models]]\nname = 'lstm'\nlabel = 'training'", "a model is called 'training', as a section of the spec is"),
        ('[[models]]\nname = "lstm"\nlabel = "a\\nb"', "the label of lstm is .*; allowed: a text on one line"),
        ("[[models]]\nname = 'lstm'\nlabel = ' '", "the label of lstm is ' '; allowed"),
        ("[split]\ngap = -1", "split.gap is -1; allowed"),
        ("[[models]]\nunits = 3", "a model without a name"),
        ("[[models]]\nname = 'ltsm'", "unknown model 'ltsm'; did you mean 'lstm'?"),
        ("[[models]]\nname = 'lstm'\nunits = 'many'", "lstm.units is 'many'; allowed: a whole number"),
        ("[[models]]\nname = 'lstm'\nunits = true", "lstm.units is True; allowed: a whole number"),
        ("[[models]]\nname = 'lstm'\nunits = 0", "lstm: units is 0; allowed"),
        ("[[models]]\nname = 'lstm'\ndropout = 2.5", "lstm: dropout is 2.5; allowed"),
        ("[[models]]\nname = 'lstm'\nunitz = 5", "did you mean 'units'"),
        ("[[models]]\nname = 'lstm'\nlabel = 5", "the label of lstm is 5"),
        ("[[models]]\nname = 'lstm'\nlabel = 'x.ensemble'", "does not end in .ensemble"),
        ("models = ['lstm', 'lstm']", "two models are called 'lstm'"),
        ("models = [3]", "3 is not a model"),
        ("[grid]\nlstm.dropout = 0.5", "grid.lstm.dropout is 0.5; allowed: a list"),
        ("[grid]\nlstm.dropout = []", "allowed: a list with at least one value"),
        ("[grid]\nlstm.dropout = [0.1, 0.1]", "grid.lstm.dropout names 0.1 twice"),
    ],
)
def test_wrong_specs_are_refused_in_one_line(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=says) as refused:
        Spec.from_toml(write(tmp_path, text))
    assert "\n" not in str(refused.value)


def test_a_file_that_is_no_spec_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="no such spec"):
        Spec.from_toml(tmp_path / "nowhere.toml")
    with pytest.raises(UnreadableFileError, match="cannot be read as a spec in TOML"):
        Spec.from_toml(tmp_path)
    with pytest.raises(UnreadableFileError, match="cannot be read as a spec in TOML"):
        Spec.from_toml(write(tmp_path, "this is [not toml"))


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "spec.toml"
    path.write_text(FULL, encoding="utf-8-sig")
    assert Spec.from_toml(path) == Spec.from_toml(write(tmp_path, FULL))


def test_numbers_of_numpy_are_numbers() -> None:
    given = {
        "test": np.int64(50),
        "epochs": np.int32(3),
        "learning_rate": np.float32(0.5),
        "shuffle": np.bool_(False),
        "since": np.datetime64("2016-01-02T03:00", "ns"),
        "features": np.array(["close"]),
        "models": [{"name": "lstm", "units": np.int64(7)}],
        "grid": {"lstm.dropout": np.array([0.25, 0.5])},
    }
    plain = Spec.from_keywords(**given)
    assert (plain.split.test, type(plain.split.test)) == (50, int)
    assert (plain.training.epochs, plain.training.learning_rate, plain.training.shuffle) == (3, 0.5, False)
    assert plain.data.since == datetime(2016, 1, 2, 3)
    assert (plain.samples.features, plain.models[0].settings.units) == (["close"], 7)
    assert plain.grid == {"lstm.dropout": [0.25, 0.5]}


def test_a_label_may_hold_dots() -> None:
    dotted = {"name": "lstm", "label": "my.lstm"}
    spec = read_spec(None, defaults={"models": [dotted]}, changes=["my.lstm.units=3", "grid.my.lstm.dropout=[0.1]"])
    assert (spec.models[0].settings.units, spec.grid) == (3, {"my.lstm.dropout": [0.1]})


def test_learning_rate_just_inside_its_range_is_taken() -> None:
    inside = float(np.nextafter(np.float32(1), np.float32(0)))
    assert Spec.from_keywords(learning_rate=inside).training.learning_rate == inside
    with pytest.raises(UsageError, match=r"training.learning_rate is 0.9999999"):  # 1, as the program sees it
        Spec.from_keywords(learning_rate=math.nextafter(1, 0))


def test_training_has_every_field_of_a_recipe_with_its_default() -> None:
    """Written out once more, so that a spec can be read without JAX."""
    section = TrainingSection.model_fields
    assert set(section) - {field.name for field in dataclasses.fields(Recipe)} == set(AROUND_RECIPE)
    for field in dataclasses.fields(Recipe):
        default = section[field.name].default
        assert (tuple(default) if isinstance(default, list) else default) == (
            None if field.name == "loss" else field.default
        ), field.name
    assert Spec.from_keywords().recipe() == Recipe()


@pytest.mark.parametrize(
    ("keywords", "says"),
    [
        ({"momentum": 2}, "training.momentum is 2.0; allowed: from 0 to below 1"),
        ({"l1_kernel": "much"}, "training.l1_kernel is 'much'; allowed: 0 or more"),
        ({"nesterov": 1}, "training.nesterov is 1; allowed: true or false"),
        ({"patience": 1.5}, "training.patience is 1.5; allowed: 0 or more"),
        ({"quantiles": [0.1, 0.9]}, "training.quantiles is .*; allowed: rising levels"),
        ({"quantiles": ["low"]}, "training.quantiles is 'low'; allowed: a list of numbers"),
        ({"optimiser": "adm"}, "unknown optimiser 'adm'; did you mean 'adam'"),
        ({"loss_on": "ever"}, "unknown loss_on 'ever'; did you mean 'every'"),
        ({"checkpoints": "some"}, "training.checkpoints is 'some'; allowed: 'none', 'best' or 'all'"),
        ({"memory": -1}, "training.memory is -1; allowed: GB of memory"),
        ({"pool": 1}, "training.pool is 1; allowed: true or false"),
        ({"patience": 3}, "training.patience is 3.* set for example split.validation = 0.2"),
        ({"pool": True, "refit": "drift"}, 'training.pool is true.*allowed: "never", "every" or "warm"'),
        ({"loss_on": "every", "target": "window_change"}, "'every', and samples.target is 'window_change'"),
        ({"loss": "trading", "quantity": "volatility"}, "training.loss is 'trading', which looks at prices"),
        ({"copy_penalty": 0.5, "quantity": "direction"}, "training.copy_penalty is 0.5, which looks at prices"),
        ({"loss": "gaussian", "quantity": "direction"}, "'gaussian', which forecasts a distribution of numbers"),
        ({"loss": "quantile", "multi_step": "recursive"}, "'quantile', .*which feeds one number back"),
        ({"intervals": "network", "loss": "quantile", "quantiles": [0.1, 0.5, 0.9]}, "lacks some of its levels"),
    ],
)
def test_trainings_that_cannot_be_are_refused_in_one_line(keywords: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says) as refused:
        Spec.from_keywords(**keywords)
    assert "\n" not in str(refused.value)


def test_losses_that_tell_a_distribution_go_with_numbers() -> None:
    for quantity in ("price", "log_return", "volatility"):
        assert Spec.from_keywords(loss="student", quantity=quantity).recipe().outputs == 2
    assert Spec.from_keywords(loss="student", quantity="direction", target="log_return").recipe().outputs == 2


def test_a_cost_is_that_of_loss_and_judge() -> None:
    spec = Spec.from_keywords(cost=0.002)
    assert (spec.training.cost, spec.judge.cost) == (0.002, 0.002)


def test_other_values_make_another_spec() -> None:
    spec = Spec.from_keywords(lookback=4, grid={"lstm.dropout": [0.1, 0.2]})
    other = spec.vary({"samples.lookback": 7, "training.epochs": 3})
    assert (other.samples.lookback, other.training.epochs, other.grid) == (7, 3, {})
    assert (spec.samples.lookback, other.models) == (4, spec.models)
