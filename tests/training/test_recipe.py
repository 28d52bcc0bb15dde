"""What a recipe is, what of it runs may differ in, and what it refuses."""

from __future__ import annotations

import importlib.util
import math
import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from coincast.errors import UnknownNameError, UsageError
from coincast.training import recipe as recipe_file
from coincast.training.losses import LOSSES
from coincast.training.recipe import Recipe

NUMBERS = sorted(Recipe().rates())
WHOLE = ["epochs", "batch_size", "warmup_epochs", "step_epochs", "patience"]
SWITCHES = ["shuffle", "nesterov", "restore_best"]


@pytest.fixture(scope="module")
def unchecked() -> Iterator[Any]:
    """`Recipe` as a user has it: nothing but itself looks at the types of what it is given."""
    spec = importlib.util.spec_from_file_location("unchecked_recipe", str(recipe_file.__file__))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        yield module.Recipe


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "training.epochs is 0; allowed: 1 or more, for example 50"),
        ({"epochs": "50"}, "training.epochs is '50'; allowed: 1 or more, for example 50"),
        ({"batch_size": -1}, "training.batch_size is -1; allowed: 1 or more, for example 32"),
        ({"learning_rate": 0.0}, "training.learning_rate is 0.0; allowed: between 0 and 1, for example 0.001"),
        ({"learning_rate": 1.0}, "training.learning_rate is 1.0; allowed: between 0 and 1, for example 0.001"),
        ({"beta_1": 1.0}, "training.beta_1 is 1.0; allowed: from 0 to below 1, for example 0.9"),
        (
            {"beta_2": 0.999999999},
            "training.beta_2 is 0.999999999, which is 1 in 32 bits; allowed: from 0 to below 1, for example 0.999",
        ),
        ({"epsilon": 0.0}, "training.epsilon is 0.0; allowed: from 1e-30 to 1, for example 1e-7"),
        ({"decay": 0.0}, "training.decay is 0.0; allowed: above 0, up to 1, for example 0.9"),
        ({"final_rate": 1.5}, "training.final_rate is 1.5; allowed: from 0 to 1, for example 0.1"),
        ({"clip_norm": -1.0}, "training.clip_norm is -1.0; allowed: 0 or more, for example 1"),
        ({"l1_recurrent": -0.1}, "training.l1_recurrent is -0.1; allowed: 0 or more, for example 0.001"),
        ({"huber_delta": 0.0}, "training.huber_delta is 0.0; allowed: above 0, for example 1.0"),
        ({"degrees": 0.5}, "training.degrees is 0.5; allowed: from 1 to 100, for example 4.0"),
        ({"cost": 1.0}, "training.cost is 1.0; allowed: from 0 to below 1, for example 0.001 for 0.1 %"),
        ({"shuffle": 1}, "training.shuffle is 1; allowed: true or false"),
        (
            {"epochs": 5, "warmup_epochs": 5},
            "training.warmup_epochs is 5; allowed: fewer than training.epochs, which is 5, for example 0",
        ),
        (
            {"weight_decay": 0.1},
            "training.weight_decay is 0.1 with training.optimiser 'adam', which has none; allowed: optimiser 'adamw', "
            "or leave it out",
        ),
        (
            {"momentum": 0.5, "optimiser": "rmsprop"},
            "training.momentum is 0.5 with training.optimiser 'rmsprop', which has none; allowed: optimiser 'sgd', or "
            "leave it out",
        ),
        (
            {"nesterov": True},
            "training.nesterov is True with training.optimiser 'adam', which has none; allowed: optimiser 'sgd', or "
            "leave it out",
        ),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], message: str, unchecked: Any) -> None:
    with pytest.raises(UsageError) as caught:
        unchecked(**changes)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300, -1.0, "0.5", None, True])
def test_no_number_takes_what_is_none(name: str, value: Any, unchecked: Any) -> None:
    with pytest.raises(UsageError, match=rf"^training\.{name} is .*; allowed: .*, for example"):
        unchecked(**{name: value})


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("value", [2.5, -1, True, False, "3", None, math.nan])
def test_no_whole_number_takes_another(name: str, value: Any, unchecked: Any) -> None:
    with pytest.raises(UsageError, match=rf"^training\.{name} is .*; allowed: \d or more, for example \d+$"):
        unchecked(**{name: value})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": "maee"}, "unknown loss 'maee'; did you mean 'mae'"),
        ({"loss": None}, "unknown loss 'None'"),
        ({"loss_on": "evry"}, "unknown loss_on 'evry'; did you mean 'every'"),
        ({"optimiser": "adan"}, "unknown optimiser 'adan'; did you mean 'adam'"),
        ({"schedule": "cosin"}, "unknown schedule 'cosin'; did you mean 'cosine'"),
    ],
)
def test_an_unknown_name_is_told_with_its_neighbour(changes: dict[str, Any], message: str, unchecked: Any) -> None:
    with pytest.raises(UnknownNameError, match=message):
        unchecked(**changes)


@pytest.mark.parametrize(
    "levels",
    [(), (0.1, 0.9), (0.5, 0.1), (0.5, 0.5), (0.0, 0.5), (0.5, 1.0), (0.5, math.nan), ("0.5",), (True,), 0.5, "0.5"],
)
def test_levels_rise_and_hold_the_median(levels: Any, unchecked: Any) -> None:
    with pytest.raises(UsageError, match=r"^training\.quantiles is .*; allowed: rising levels between 0 and 1 with"):
        unchecked(quantiles=levels)


def test_a_list_of_levels_is_taken_too(unchecked: Any) -> None:
    assert unchecked(quantiles=[0.25, 0.5]).quantiles == (0.25, 0.5)
    assert hash(unchecked(quantiles=[0.5])) == hash(unchecked(quantiles=(0.5,)))


def test_every_decimal_number_is_a_rate_of_its_run(unchecked: Any) -> None:
    recipe = Recipe()
    shared = {one.name for one in fields(Recipe)} - set(NUMBERS)
    assert shared == {*WHOLE, *SWITCHES, "loss", "loss_on", "optimiser", "schedule", "quantiles"}
    assert all(type(getattr(recipe, name)) is not float for name in shared)
    assert recipe.rates() == {name: getattr(recipe, name) for name in NUMBERS}
    assert {type(rate) for rate in unchecked(noise=1, clip_norm=np.float32(0.5)).rates().values()} == {float}


def test_recipes_that_differ_in_rates_share_a_program() -> None:
    one = Recipe(optimiser="adamw", epochs=7, quantiles=(0.5,))
    allowed = {"learning_rate", "epsilon", "decay", "huber_delta", "final_rate", "cost", "beta_1", "beta_2", "rho"}
    none = {"momentum"}
    changed = {name: 0.123 if name in allowed else 4.5 for name in set(NUMBERS) - none}
    other = replace(one, **changed)
    assert other != one
    assert other.static() == one.static() == one
    assert hash(other.static()) == hash(one)
    assert replace(other, epochs=8).static() != one.static()


@pytest.mark.parametrize("loss", LOSSES)
def test_tails(loss: str) -> None:
    assert Recipe(loss=loss, degrees=5.5).tails == (5.5 if loss == "student" else math.inf)
