"""What of a spec does not go together: quantity, target, loss, models, validation and intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coincast.errors import UsageError
from coincast.experiments.entries import models_of, quantity_of
from coincast.forecasts.intervals import LEVELS
from coincast.samples.quantities import QUANTITIES
from coincast.samples.targets import TARGETS

if TYPE_CHECKING:
    from coincast.experiments.spec import Spec
    from coincast.training.recipe import Recipe

WITHOUT_PAST = ("ensemble", "network")
"""Ways to make intervals that learn nothing from a validation part."""


def refuse_unfit(spec: Spec) -> None:
    """Refuse what does not go together, before anything is trained.

    Raises:
        UsageError: says what, and what is allowed.
    """
    _refuse_target(spec)
    recipe = spec.recipe()
    _refuse_loss(spec, recipe)
    _refuse_training(spec, recipe)
    _refuse_intervals(spec, recipe)
    _refuse_models(spec)


def _refuse_target(spec: Spec) -> None:
    quantity, target = spec.samples.quantity, spec.target
    allowed = QUANTITIES[quantity].targets
    if target not in allowed:
        raise UsageError(
            f"samples.target is {target!r}, from which no {quantity} can be told; allowed for "
            f"samples.quantity = {quantity!r}: {', '.join(allowed)}"
        )
    if spec.samples.multi_step == "recursive" and TARGETS[target].quantity != "price":
        raise UsageError(
            f'samples.multi_step is "recursive", which needs prices as the next inputs, and samples.target is '
            f'{target!r}; allowed: "direct"'
        )


def _refuse_loss(spec: Spec, recipe: Recipe) -> None:
    target, loss = spec.target, recipe.loss
    if loss == "qlike" and target != "log_volatility":
        raise UsageError(
            f"training.loss is 'qlike', which compares variances, and samples.target is {target!r}; allowed: mae, mse"
        )
    if recipe.looks_at_prices and TARGETS[target].quantity != "price":
        strengths = [name for name in ("copy_penalty", "direction_weight") if getattr(recipe, name) > 0]
        name, value = (strengths[0], getattr(recipe, strengths[0])) if strengths else ("loss", repr(loss))
        raise UsageError(
            f"training.{name} is {value}, which looks at prices, and samples.target is {target!r}, which tells none; "
            "allowed: samples.target log_return, window_change or price"
        )
    if recipe.head.quantiles is None:
        return
    if target == "direction":
        raise UsageError(
            f"training.loss is {loss!r}, which forecasts a distribution of numbers, and samples.target is 'direction', "
            'up or down; allowed: mse, mae, huber, or samples.target = "log_return"'
        )
    if spec.samples.multi_step == "recursive":
        raise UsageError(
            f'training.loss is {loss!r}, which forecasts a distribution, and samples.multi_step is "recursive", which '
            'feeds one number back; allowed: samples.multi_step = "direct", or the loss mae, mse or huber'
        )


def _refuse_training(spec: Spec, recipe: Recipe) -> None:
    if recipe.patience and spec.split.validation in (0, 0.0):
        raise UsageError(
            f"training.patience is {recipe.patience}, which stops a run by its validation loss, and split.validation "
            "is 0; set for example split.validation = 0.2, or training.patience = 0"
        )
    if recipe.loss_on == "every" and spec.target == "window_change":
        raise UsageError(
            "training.loss_on is 'every', and samples.target is 'window_change', which counts from the first candle "
            'of each window; allowed: another target, such as log_return, or training.loss_on = "last"'
        )
    if spec.training.pool and spec.split.refit == "drift":
        raise UsageError(
            'training.pool is true, and split.refit is "drift", which refits each market at a time of its own; '
            'allowed: "never", "every" or "warm"'
        )


def _refuse_intervals(spec: Spec, recipe: Recipe) -> None:
    """Refuse intervals that nothing could be learnt for."""
    method, quantity = spec.judge.intervals, spec.samples.quantity
    if method == "none":
        return
    if quantity != "price":
        raise UsageError(
            f"judge.intervals is {method!r}, and samples.quantity is {quantity!r}; intervals are made around "
            "forecasts of prices"
        )
    if method not in WITHOUT_PAST and spec.split.validation in (0, 0.0):
        raise UsageError(
            f"judge.intervals is {method!r}, which learns from a validation part, and split.validation is 0; "
            'set for example split.validation = 0.2, or judge.intervals = "ensemble"'
        )
    if method in ("network", "cqr") and recipe.loss == "quantile" and not set(LEVELS) <= set(recipe.quantiles):
        raise UsageError(
            f"judge.intervals is {method!r}, and training.quantiles lacks some of its levels; give all of "
            f"{', '.join(f'{level:g}' for level in LEVELS)}"
        )


def _refuse_models(spec: Spec) -> None:
    quantity = spec.samples.quantity
    for entry in spec.models:
        given = quantity_of(entry)
        if given == "volatility" and quantity != "volatility":
            raise UsageError(f'{entry.label} forecasts volatility; ask for it with samples.quantity = "volatility"')
        if given == "price" and QUANTITIES[quantity].from_price is None:
            raise UsageError(
                f"{entry.label} forecasts prices, which tell no {quantity}; models that do: "
                f"{', '.join(models_of(quantity))}"
            )
