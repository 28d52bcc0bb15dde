"""Losses of one sample, in the unit of the scaled target.

A loss reads the outputs (horizon, output) of its head, the truth (horizon,), and a `Context`; it gives one number, the
mean over the steps. What it is called in a spec, and which head it needs, stands in `LOSSES`. `TERMS` are added to
whatever loss was chosen, each times its strength.

Steps are taken apart by `move = truth - naive` and `lean = (forecast - naive) / typical`: how far the price went, and
how far the forecast leaves the naive one, in typical moves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from coincast.training.heads import HEADS, location_and_scale

Steps = Float[Array, "horizon"]
Outputs = Float[Array, "horizon output"]
Scalar = Float[Array, ""]

STEEPEST = 8.0


class Context(NamedTuple):
    """What a loss may know beside outputs and truth.

    Attributes:
        naive: scaled target of "the price stays where it is", one number or (horizon,).
        unit: a scaled difference times this is a relative change of the price.
        typical: root mean square of truth - naive over the training windows; 0 counts as 1.
        rates: `Recipe.rates()`, as numbers or arrays.
        quantiles: levels of the quantile head.
    """

    naive: Any
    unit: Any
    typical: Any
    rates: Mapping[str, Any]
    quantiles: Sequence[float]


@dataclass(frozen=True)
class Loss:
    """A loss of one sample.

    Attributes:
        value: (outputs, truth, context) -> loss.
        head: a name of `HEADS`.
        description: one line.
        needs_price: whether the target must tell a price, whose naive value and unit it reads.
    """

    value: Callable[[Outputs, Steps, Context], Scalar]
    head: str
    description: str
    needs_price: bool = False


def mean_absolute_error(outputs: Outputs, truth: Steps, context: Context) -> Scalar:
    """`|forecast - truth|`; least at the conditional median."""
    return jnp.mean(_size(outputs[:, 0] - truth))


def mean_squared_error(outputs: Outputs, truth: Steps, context: Context) -> Scalar:
    """`(forecast - truth)^2`; least at the conditional mean."""
    return jnp.mean(jnp.square(outputs[:, 0] - truth))


def huber(outputs: Outputs, truth: Steps, context: Context) -> Scalar:
    """`e^2 / 2` where |e| is at most delta, else `delta (|e| - delta / 2)`; e = forecast - truth (Huber 1964)."""
    delta = context.rates["huber_delta"]
    size = _size(outputs[:, 0] - truth)
    near = jnp.minimum(size, delta)
    return jnp.mean(near * (size - 0.5 * near))


def qlike(outputs: Outputs, truth: Steps, context: Context) -> Scalar:
    """`r - ln r - 1` with r = true / forecast variance, for logs of volatilities (Patton 2011).

    Least where the forecast variance is the conditional mean of the true one. Beyond r = exp(8) it goes on linearly, so
    that one still stretch does not throw the weights away.
    """
    log_ratio = 2 * (truth - outputs[:, 0])
    near = jnp.minimum(log_ratio, STEEPEST)
    return jnp.mean(jnp.exp(near) * (1 + log_ratio - near) - log_ratio - 1)


def quantile(outputs: Outputs, truth: Steps, context: Context) -> Scalar:
    """`max(q e, (q - 1) e)` with e = truth - quantile, mean over levels q (Koenker and Bassett 1978)."""
    levels = jnp.asarray(context.quantiles, dtype=outputs.dtype)[None]
    error = truth[:, None] - outputs
    return jnp.mean(jnp.maximum(levels * error, (levels - 1) * error))


def gaussian(outputs: Outputs, truth: Steps, context: Context) -> Scalar:
    """`ln s + z^2 / 2 + ln(2 pi) / 2` with z = (truth - location) / s: the negative logarithm of the density."""
    location, scale = location_and_scale(outputs, jnp)
    z = (truth - location) / scale
    return jnp.mean(jnp.log(scale) + 0.5 * jnp.square(z)) + 0.5 * math.log(2 * math.pi)


def student(outputs: Outputs, truth: Steps, context: Context) -> Scalar:
    """`ln s + (v + 1) / 2 ln(1 + z^2 / v) + ln B(1/2, v/2) + ln(v) / 2`: the same for v degrees of freedom."""
    location, scale = location_and_scale(outputs, jnp)
    degrees = jnp.asarray(context.rates["degrees"], dtype=outputs.dtype)
    z = (truth - location) / scale
    tails = 0.5 * (degrees + 1) * jnp.log1p(jnp.square(z) / degrees)
    # ln B(1/2, v/2) is ln gamma(v/2) - ln gamma((v+1)/2) + ln(pi) / 2.
    beta = jax.lax.lgamma(0.5 * degrees) - jax.lax.lgamma(0.5 * (degrees + 1)) + 0.5 * math.log(math.pi)
    return jnp.mean(jnp.log(scale) + tails) + beta + 0.5 * jnp.log(degrees)


def trading(outputs: Outputs, truth: Steps, context: Context) -> Scalar:
    """`-(position x move - |position| x cost / unit)` with position = tanh(lean): the return lost after cost.

    For every step a position between -1 (short) and 1 (long) is taken at the origin and closed again at the step. The
    cost has a kink at position 0, which is meant: where the expected move does not pay the cost, no position is best.
    At the kink the slope of |position| counts as 0, so that a network that begins there is led by the moves alone. Only
    the position is learnt: its forecast is no estimate of the price.
    """
    position = jnp.tanh(_lean(outputs[:, 0], context))
    cost = context.rates["cost"] / context.unit
    return jnp.mean(_size(position) * cost - position * (truth - context.naive))


def direction(outputs: Outputs, truth: Steps, context: Context) -> Scalar:
    """`ln(1 + exp(-lean))` after a rise, `ln(1 + exp(lean))` after a fall, and 0 for a step without a move."""
    return _wrong_side(outputs[:, 0], truth, context)


def _wrong_side(point: Steps, truth: Steps, context: Context) -> Scalar:
    side = jnp.sign(truth - context.naive)
    return jnp.mean(jnp.abs(side) * jnp.logaddexp(-side * _lean(point, context), 0.0))


def _copying(point: Steps, truth: Steps, context: Context) -> Scalar:
    """`1 / (1 + lean^2)`: 1 where the forecast is the naive one, a half where it leaves it by a typical move."""
    return jnp.mean(1 / (1 + jnp.square(_lean(point, context))))


def _size(values: Steps) -> Steps:
    """`|x|` with slope 0 at 0, where JAX's own has slope 1."""
    return values * jnp.sign(values)


def _lean(point: Steps, context: Context) -> Steps:
    typical = jnp.asarray(context.typical, dtype=point.dtype)
    lean: Steps = (point - context.naive) / jnp.where(typical > 0, typical, 1)
    return lean


LOSSES: dict[str, Loss] = {
    "mae": Loss(mean_absolute_error, "point", "mean absolute error: least at the conditional median"),
    "mse": Loss(mean_squared_error, "point", "mean squared error: least at the conditional mean"),
    "huber": Loss(huber, "point", "squared below `huber_delta`, absolute beyond it"),
    "qlike": Loss(qlike, "point", "QLIKE on variances, for logs of volatilities"),
    "quantile": Loss(quantile, "quantiles", "pinball loss, mean over the levels in `quantiles`"),
    "gaussian": Loss(gaussian, "scale", "negative log likelihood of a Gaussian whose scale is forecast, too"),
    "student": Loss(student, "scale", "the same of a Student distribution with `degrees` degrees of freedom"),
    "trading": Loss(trading, "point", "negative return, after `cost`, of the position that the forecast implies", True),
    "direction": Loss(direction, "point", "logistic loss of the side of the last price that the forecast is on", True),
}

TERMS: dict[str, Callable[[Steps, Steps, Context], Scalar]] = {
    "copy_penalty": _copying,
    "direction_weight": _wrong_side,
}
"""What may be added to any loss, by the name of its strength in a recipe: (point forecast, truth, context) -> term.

They need a target that tells a price, as `Loss.needs_price` says.
"""


def needs_price(name: str, rates: Mapping[str, float]) -> bool:
    """Whether a training with this loss and these rates looks at the forecast that the price stays where it is."""
    return LOSSES[name].needs_price or any(rates[strength] > 0 for strength in TERMS)


def sample_loss(name: str, outputs: Outputs, truth: Steps, context: Context, *, terms: bool) -> Scalar:
    """What training makes small for one sample: the loss, and each of `TERMS` times its strength.

    Args:
        name: of `LOSSES`.
        outputs, truth, context: see `Loss`.
        terms: whether a run of the program has a strength above 0. Strengths of 0 add exactly nothing.
    """
    loss = LOSSES[name]
    value = loss.value(outputs, truth, context)
    if not terms:
        return value
    point = HEADS[loss.head].point(outputs, context.quantiles, jnp)
    for strength, term in TERMS.items():
        value = value + context.rates[strength] * term(point, truth, context)
    return value
