"""How a network is trained; what it is stands in its own settings."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from numbers import Integral, Real
from typing import Any

import numpy as np

from coincast.errors import UnknownNameError, UsageError
from coincast.training.heads import HEADS, Head
from coincast.training.losses import LOSSES, TERMS

LOSS_ON = {"last": "the forecast of the window's last candle", "every": "the forecasts of all of its candles"}


def _whole(default: int, least: int, example: int) -> Any:
    def fits(value: Any) -> bool:
        return type(value) is not bool and isinstance(value, Integral) and int(value) >= least

    return field(default=default, metadata={"allowed": f"{least} or more, for example {example}", "fits": fits})


def _number(default: float, allowed: str, fits: Callable[[float], bool]) -> Any:
    return field(default=default, metadata={"allowed": allowed, "fits": lambda value: _fits_number(value, fits)})


def _fits_number(value: Any, fits: Callable[[float], bool]) -> bool:
    """Whether a number fits as the program will see it, in float32: 0.99999999 is 1 there."""
    if type(value) is bool or not isinstance(value, Real):
        return False
    seen = _in_32_bits(value)
    return math.isfinite(seen) and fits(seen)


def _in_32_bits(value: Any) -> float:
    with np.errstate(over="ignore", under="ignore"):
        return float(np.float32(value))


def _shown(value: Any) -> str:
    """A value as an error shows it: a number that is 0, 1 or infinite only in 32 bits says so."""
    if not isinstance(value, Real) or not math.isfinite(value):
        return repr(value) if isinstance(value, str) else str(value)
    seen = _in_32_bits(value)
    is_rounded = seen != value and (seen in (0, 1) or math.isinf(seen))
    return f"{value}, which is {seen:g} in 32 bits" if is_rounded else str(value)


def _strength(example: float) -> Any:
    return _number(0.0, f"0 or more, for example {example:g}", lambda value: value >= 0)


def _memory(default: float) -> Any:
    return _number(default, f"from 0 to below 1, for example {default or 0.9:g}", lambda value: 0 <= value < 1)


def _switch(default: bool) -> Any:
    return field(default=default, metadata={"allowed": "true or false", "fits": lambda value: isinstance(value, bool)})


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Whole numbers, names and switches are shared by the runs of one set; every run may have decimal numbers of its own,
    and its own loss among those that read the network's outputs alike. A penalty, weight or limit of 0 is none.

    Attributes:
        epochs: passes over the training windows; at most so many, where `patience` ends a run earlier.
        batch_size: windows of one step; the last batch of an epoch may be smaller, as in Keras.
        learning_rate: size of a step.
        loss: what is made small, a name of `LOSSES`.
        loss_on: "last": the forecast of the window's last candle; "every": those of all its candles, for a network
            that gives one at every step.
        shuffle: whether each epoch takes the windows in a new order.
        optimiser: "adam", "adamw", "sgd" or "rmsprop".
        beta_1, beta_2: how much of its mean gradient and mean squared gradient Adam keeps from step to step.
        epsilon: keeps Adam and RMSprop from dividing by 0.
        momentum: of SGD.
        nesterov: whether SGD takes Nesterov's form of it.
        rho: how much of its mean squared gradient RMSprop keeps.
        weight_decay: of AdamW; every weight shrinks by this times the learning rate in a step.
        schedule: "constant", "cosine", "linear", "exponential" or "step": how the learning rate falls.
        warmup_epochs: epochs over which the learning rate first rises from 0.
        final_rate: share of the learning rate that "cosine" and "linear" end with.
        decay: the learning rate is multiplied by this in an epoch of "exponential", every `step_epochs` of "step".
        step_epochs: epochs between two steps of "step".
        clip_norm: largest norm of the gradient of a run; a longer one is shortened.
        clip_value: largest size of each number in it.
        noise: standard deviation of normal noise that is added to the scaled inputs in training.
        patience: epochs without a better validation loss after which a run ends; 0: it never ends early.
        min_delta: a validation loss is better where it falls by more than this.
        restore_best: whether a run that may end early gets back the weights of its best epoch.
        l1_kernel, l2_kernel: penalties on the absolute and the squared weights of inputs.
        l1_recurrent, l2_recurrent: on those of the states.
        l1_bias, l2_bias: on the biases.
        l1_activity, l2_activity: on the output of the layer that Keras's activity penalty sees.
        copy_penalty: strength of a penalty on forecasts that stay at the last price.
        direction_weight: strength of the direction loss beside the loss.
        huber_delta: where the Huber loss turns from squared to absolute, in the unit of the scaled target.
        degrees: degrees of freedom of the Student likelihood.
        cost: share of the price that buying and selling again costs, in the trading loss.
        quantiles: levels of the quantile loss, rising, with 0.5 among them: the median is the forecast.
    """

    epochs: int = _whole(50, 1, 50)
    batch_size: int = _whole(32, 1, 32)
    learning_rate: float = _number(0.001, "between 0 and 1, for example 0.001", lambda value: 0 < value < 1)
    loss: str = "mae"
    loss_on: str = "last"
    shuffle: bool = _switch(True)
    optimiser: str = "adam"
    beta_1: float = _memory(0.9)
    beta_2: float = _memory(0.999)
    epsilon: float = _number(1e-7, "from 1e-30 to 1, for example 1e-7", lambda value: 1e-30 <= value <= 1)
    momentum: float = _memory(0.0)
    nesterov: bool = _switch(False)
    rho: float = _memory(0.9)
    weight_decay: float = _strength(0.01)
    schedule: str = "constant"
    warmup_epochs: int = _whole(0, 0, 5)
    final_rate: float = _number(0.0, "from 0 to 1, for example 0.1", lambda value: 0 <= value <= 1)
    decay: float = _number(0.9, "above 0, up to 1, for example 0.9", lambda value: 0 < value <= 1)
    step_epochs: int = _whole(10, 1, 10)
    clip_norm: float = _strength(1.0)
    clip_value: float = _strength(0.5)
    noise: float = _strength(0.01)
    patience: int = _whole(0, 0, 5)
    min_delta: float = _strength(0.0001)
    restore_best: bool = _switch(True)
    l1_kernel: float = _strength(0.001)
    l2_kernel: float = _strength(0.001)
    l1_recurrent: float = _strength(0.001)
    l2_recurrent: float = _strength(0.001)
    l1_bias: float = _strength(0.001)
    l2_bias: float = _strength(0.001)
    l1_activity: float = _strength(0.001)
    l2_activity: float = _strength(0.001)
    copy_penalty: float = _strength(0.1)
    direction_weight: float = _strength(0.1)
    huber_delta: float = _number(1.0, "above 0, for example 1.0", lambda value: value > 0)
    degrees: float = _number(4.0, "from 1 to 100, for example 4.0", lambda value: 1 <= value <= 100)
    cost: float = _number(0.001, "from 0 to below 1, for example 0.001 for 0.1 %", lambda value: 0 <= value < 1)
    quantiles: tuple[float, ...] = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)

    def __post_init__(self) -> None:
        _refuse_unknown_names(self)
        for one in fields(self):
            value = getattr(self, one.name)
            if one.metadata and not one.metadata["fits"](value):
                raise UsageError(f"training.{one.name} is {_shown(value)}; allowed: {one.metadata['allowed']}")
        object.__setattr__(self, "quantiles", _checked_levels(self.quantiles))
        _refuse_what_does_not_go_together(self)

    def rates(self) -> dict[str, float]:
        """The decimal numbers by name, of which every run may have its own."""
        return {one.name: float(getattr(self, one.name)) for one in fields(self) if one.type == "float"}

    def static(self) -> Recipe:
        """This recipe with every decimal number as it is by default: equal for all runs of one program."""
        defaults: dict[str, Any] = {one.name: one.default for one in fields(self) if one.type == "float"}
        return replace(self, **defaults)

    def of_set(self) -> Recipe:
        """What it shares with the other runs of its set: `static`, and in place of its loss one of the same head."""
        alike = (name for name, loss in LOSSES.items() if loss.head == LOSSES[self.loss].head)
        return replace(self.static(), loss=next(alike))

    @property
    def head(self) -> Head:
        """How outputs are read."""
        return HEADS[LOSSES[self.loss].head]

    @property
    def outputs(self) -> int:
        """Outputs of the network per step: `Axes.output`."""
        return self.head.size(self.quantiles)

    @property
    def looks_at_prices(self) -> bool:
        """Whether its loss, or a term of it, looks at the forecast that the price stays where it is."""
        return LOSSES[self.loss].needs_price or any(getattr(self, strength) > 0 for strength in TERMS)

    @property
    def tails(self) -> float:
        """Degrees of freedom of the distribution that is forecast; infinite for the Gaussian."""
        return self.degrees if self.loss == "student" else math.inf


def _refuse_unknown_names(recipe: Recipe) -> None:
    from coincast.training.optimisers import OPTIMISERS, SCHEDULES  # they read recipes themselves

    known: dict[str, Mapping[str, Any]] = {
        "loss": LOSSES,
        "loss_on": LOSS_ON,
        "optimiser": OPTIMISERS,
        "schedule": SCHEDULES,
    }
    for name, names in known.items():
        given = str(getattr(recipe, name))
        if given not in names:
            raise UnknownNameError(name, given, names)


def _checked_levels(given: Any) -> tuple[float, ...]:
    """Levels of quantiles as a tuple of numbers.

    Raises:
        UsageError: not rising from above 0 to below 1, or without the median.
    """
    levels = tuple(given) if isinstance(given, tuple | list) else ()
    if (
        not all(_fits_number(level, lambda value: 0 < value < 1) for level in levels)
        or list(levels) != sorted(set(levels))
        or 0.5 not in levels
    ):
        raise UsageError(
            f"training.quantiles is {given}; allowed: rising levels between 0 and 1 with 0.5 among them, for example "
            "[0.05, 0.5, 0.95]"
        )
    return tuple(float(level) for level in levels)


def _refuse_what_does_not_go_together(recipe: Recipe) -> None:
    """Refuse what would be passed over in silence, and a warm-up that never ends."""
    for name, optimiser in (("weight_decay", "adamw"), ("momentum", "sgd"), ("nesterov", "sgd")):
        if getattr(recipe, name) and recipe.optimiser != optimiser:
            raise UsageError(
                f"training.{name} is {getattr(recipe, name)} with training.optimiser {recipe.optimiser!r}, which has "
                f"none; allowed: optimiser {optimiser!r}, or leave it out"
            )
    if recipe.warmup_epochs >= recipe.epochs:
        raise UsageError(
            f"training.warmup_epochs is {recipe.warmup_epochs}; allowed: fewer than training.epochs, "
            f"which is {recipe.epochs}, for example 0"
        )
