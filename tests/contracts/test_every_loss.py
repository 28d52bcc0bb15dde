"""What holds for every loss and every term, and each against its formula in a plain loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from coincast.training.heads import FLOOR, HEADS
from coincast.training.losses import LOSSES, TERMS, Context, needs_price, sample_loss
from coincast.training.recipe import Recipe

STEPS = 5
BATCH = 64
LEVELS = (0.1, 0.5, 0.7, 0.9)
RATES = Recipe(huber_delta=0.8, degrees=3.5, cost=0.004, copy_penalty=0.3, direction_weight=0.2).rates()
CONTEXT = Context(naive=0.1, unit=0.02, typical=0.8, rates=RATES, quantiles=LEVELS)
TRUTHFUL = sorted(name for name, loss in LOSSES.items() if not loss.needs_price)
SIDED = sorted(name for name, loss in LOSSES.items() if loss.needs_price)

Formula = Callable[[np.ndarray, float, Context], float]


def position(forecast: float, context: Context) -> float:
    return math.tanh((forecast - context.naive) / context.typical)


def trading_loss(output: np.ndarray, truth: float, context: Context) -> float:
    """Return after cost as shares of the price, told in the unit of the target."""
    held = position(output[0], context)
    earned = held * (truth - context.naive) * context.unit - abs(held) * context.rates["cost"]
    return -earned / context.unit


def direction_loss(output: np.ndarray, truth: float, context: Context) -> float:
    chance_of_rise = 1 / (1 + math.exp(-(output[0] - context.naive) / context.typical))
    if truth == context.naive:
        return 0.0
    return -math.log(chance_of_rise if truth > context.naive else 1 - chance_of_rise)


def huber_loss(output: np.ndarray, truth: float, context: Context) -> float:
    error, delta = abs(output[0] - truth), context.rates["huber_delta"]
    return error**2 / 2 if error <= delta else delta * (error - delta / 2)


def quantile_loss(output: np.ndarray, truth: float, context: Context) -> float:
    losses = [q * (truth - o) if truth >= o else (1 - q) * (o - truth) for q, o in zip(LEVELS, output, strict=True)]
    return sum(losses) / len(LEVELS)


def scale_of(output: np.ndarray) -> float:
    return math.log(1 + math.exp(output[1])) + FLOOR


FORMULAS: dict[str, Formula] = {
    "mae": lambda output, truth, context: abs(output[0] - truth),
    "mse": lambda output, truth, context: (output[0] - truth) ** 2,
    "huber": huber_loss,
    "qlike": lambda output, truth, context: math.exp(2 * (truth - output[0])) - 2 * (truth - output[0]) - 1,
    "quantile": quantile_loss,
    "gaussian": lambda output, truth, context: -stats.norm.logpdf(truth, output[0], scale_of(output)),
    "student": lambda output, truth, context: -stats.t.logpdf(truth, 3.5, output[0], scale_of(output)),
    "trading": trading_loss,
    "direction": direction_loss,
    "copy_penalty": lambda output, truth, context: 1 / (1 + ((output[0] - context.naive) / context.typical) ** 2),
    "direction_weight": direction_loss,
}


@pytest.fixture(autouse=True)
def float64() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def value_of(name: str, outputs: Any, truth: Any, context: Context = CONTEXT) -> jax.Array:
    """A loss, or a term at a point forecast."""
    if name in TERMS:
        return TERMS[name](outputs[:, 0], truth, context)
    return LOSSES[name].value(outputs, truth, context)


@cache
def program(name: str, dtype: type) -> Callable[..., Any]:
    """Losses and their slopes for a batch of samples; compiled once for most tests."""
    rates = {key: np.asarray(rate, dtype=dtype) for key, rate in RATES.items()}

    def one(outputs: jax.Array, truth: jax.Array, naive: jax.Array, typical: jax.Array) -> jax.Array:
        context = Context(naive, np.asarray(CONTEXT.unit, dtype=dtype), typical, rates, LEVELS)
        return value_of(name, outputs, truth, context)

    return jax.jit(jax.vmap(jax.value_and_grad(one)))


def evaluate(
    name: str, outputs: Any, truth: Any, naive: Any = CONTEXT.naive, typical: float = 0.8, dtype: type = np.float64
) -> tuple[np.ndarray, np.ndarray]:
    """Losses (sample,) of outputs (sample, step, output), and their slopes in the outputs."""
    samples = len(outputs)
    shapes = ((BATCH, STEPS, size_of(name)), (BATCH, STEPS), (BATCH, STEPS), (BATCH,))
    padded = [np.zeros(shape, dtype=dtype) for shape in shapes]
    for array, given in zip(padded, (outputs, truth, naive, typical), strict=True):
        array[:samples] = given
    values, slopes = program(name, dtype)(*padded)
    assert values.dtype == slopes.dtype == dtype
    return np.asarray(values)[:samples], np.asarray(slopes)[:samples]


def size_of(name: str) -> int:
    return 1 if name in TERMS else HEADS[LOSSES[name].head].size(LEVELS)


def draw(name: str, samples: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Outputs and truths, among them a step that did not move."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(samples, STEPS))
    truth[:, 2] = CONTEXT.naive
    return rng.normal(size=(samples, STEPS, size_of(name))), truth


def say(name: str, point: Any, raw_scale: float = 0.3) -> np.ndarray:
    """Outputs that forecast `point` (..., step) and nothing else."""
    outputs = np.repeat(np.asarray(point)[..., None], size_of(name), axis=-1)
    if name in LOSSES and LOSSES[name].head == "scale":
        outputs[..., 1] = raw_scale
    return outputs


def expect(name: str, outputs: np.ndarray, truth: np.ndarray, naive: Any = CONTEXT.naive) -> float:
    """The formula, step by step."""
    contexts = [CONTEXT._replace(naive=float(one)) for one in np.broadcast_to(naive, STEPS)]
    return sum(FORMULAS[name](o, float(t), c) for o, t, c in zip(outputs, truth, contexts, strict=True)) / STEPS


@pytest.fixture(params=[*LOSSES, *TERMS])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_loss_and_term_has_a_formula_here() -> None:
    assert sorted(FORMULAS) == sorted([*LOSSES, *TERMS])
    assert set(TERMS) <= set(RATES)
    for loss in LOSSES.values():
        assert loss.head in HEADS
        assert loss.description


def test_a_loop_gives_the_same(name: str) -> None:
    outputs, truth = draw(name, 30)
    naive = np.linspace(-0.5, 0.5, STEPS)
    for given in (CONTEXT.naive, naive):
        values, _ = evaluate(name, outputs, truth, given)
        assert values == pytest.approx(
            [expect(name, o, t, given) for o, t in zip(outputs, truth, strict=True)], rel=1e-12
        )
    single, _ = evaluate(name, outputs, truth, dtype=np.float32)
    assert single == pytest.approx(evaluate(name, outputs, truth)[0], rel=1e-4, abs=1e-5)


def test_the_gradient_is_that_of_central_differences(name: str) -> None:
    (outputs,), (truth,) = draw(name)
    steps = 1e-6 * np.eye(outputs.size).reshape(-1, *outputs.shape)
    above, below = (evaluate(name, outputs + sign * steps, truth)[0] for sign in (1, -1))
    _, slopes = evaluate(name, outputs[None], truth)
    np.testing.assert_allclose(slopes.ravel(), (above - below) / 2e-6, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", TRUTHFUL)
def test_the_truth_has_the_least_loss(name: str) -> None:
    truth = draw(name)[1]
    away = truth + 0.1 * np.concatenate([np.eye(STEPS), -np.eye(STEPS)])
    least, _ = evaluate(name, say(name, truth), truth)
    losses, slopes = evaluate(name, say(name, away), truth)
    assert (losses > least).all()
    if LOSSES[name].head != "scale":
        assert least == 0
        toward = slopes.sum(axis=-1)
        assert (np.sign(toward) == np.sign(away - truth))[away != truth].all()


@pytest.mark.parametrize("name", [*SIDED, "direction_weight"])
def test_the_right_side_is_better(name: str) -> None:
    """The truth need not have the least loss: being bolder on the right side is better still."""
    moves = np.array([1.0, -1.0, 0.5, -0.5, 2.0])
    leans = 0.3 * np.sign(moves) * np.arange(-2.0, 3.0)[:, None]
    losses, _ = evaluate(name, say(name, CONTEXT.naive + leans), CONTEXT.naive + moves)
    assert (np.diff(losses) < 0).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_finite_gives_something_that_is_not(name: str, dtype: type) -> None:
    """Neither loss nor gradient: at the truth, at the naive forecast, far away, and where the market stood still."""
    (truth,) = draw(name)[1]
    points = (truth, np.full(STEPS, CONTEXT.naive), np.full(STEPS, 1e3), np.full(STEPS, -1e3))
    outputs = np.stack([say(name, point, raw) for point in points for raw in (-1e3, 0.0, 1e3)])
    for typical in (0.0, 0.8):
        values, slopes = evaluate(name, outputs, truth, typical=typical, dtype=dtype)
        assert np.isfinite(values).all()
        assert np.isfinite(slopes).all()


def test_what_is_not_a_number_is_seen(name: str) -> None:
    outputs, truth = draw(name, size_of(name))
    for place in range(size_of(name)):
        outputs[place, 0, place] = np.nan
    assert np.isnan(evaluate(name, outputs, truth)[0]).all()


@pytest.mark.parametrize("name", ["trading", "direction", "copy_penalty"])
def test_naive_and_unit_may_be_one_number_for_a_sample(name: str) -> None:
    """As the trainer asks: mapped over a batch, naive and unit of each sample's own."""
    outputs, truth = draw(name, 3)
    naive, unit = np.array([0.1, 0.2, -0.3]), np.array([0.02, 0.03, 0.04])
    mapped = jax.jit(jax.vmap(lambda o, t, n, u: value_of(name, o, t, CONTEXT._replace(naive=n, unit=u))))
    for number, value in enumerate(mapped(outputs, truth, naive, unit)):
        context = CONTEXT._replace(naive=naive[number], unit=unit[number])
        steps = [FORMULAS[name](o, float(t), context) for o, t in zip(outputs[number], truth[number], strict=True)]
        assert float(value) == pytest.approx(sum(steps) / STEPS, rel=1e-12)


@pytest.mark.parametrize("name", ["mse", "quantile", "student"])
def test_terms_are_added_at_the_point_forecast(name: str) -> None:
    """The median of quantiles that may cross, and the location of a distribution."""
    (outputs,), (truth,) = draw(name)
    # Of the four levels the second is the median.
    point = np.sort(outputs, axis=1)[:, 1] if name == "quantile" else outputs[:, 0]
    expected = expect(name, outputs, truth) + sum(RATES[t] * expect(t, point[:, None], truth) for t in TERMS)
    total = jax.jit(lambda x: sample_loss(name, x, jnp.asarray(truth), CONTEXT, terms=True))
    assert float(total(outputs)) == pytest.approx(expected, rel=1e-12)
    steps = 1e-6 * np.eye(outputs.size).reshape(-1, *outputs.shape)
    differences = [(float(total(outputs + step)) - float(total(outputs - step))) / 2e-6 for step in steps]
    np.testing.assert_allclose(jax.grad(total)(jnp.asarray(outputs)).ravel(), differences, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", ["mae", "quantile", "gaussian"])
def test_terms_without_strength_change_no_bit(name: str) -> None:
    outputs, truth = (jnp.asarray(array[0]) for array in draw(name))
    none = CONTEXT._replace(rates=RATES | dict.fromkeys(TERMS, 0.0))
    with_terms, without = (
        jax.jit(jax.value_and_grad(lambda x, terms=terms: sample_loss(name, x, truth, none, terms=terms)))(outputs)
        for terms in (True, False)
    )
    assert with_terms[0] == without[0]
    assert (with_terms[1] == without[1]).all()


def test_who_looks_at_the_naive_forecast() -> None:
    none = Recipe().rates()
    assert sorted(name for name in LOSSES if needs_price(name, none)) == SIDED == ["direction", "trading"]
    assert all(needs_price("mse", none | {term: 0.1}) for term in TERMS)


# ---------------------------------------------------------------- what single losses promise


def test_where_it_is_right_the_absolute_error_has_no_slope() -> None:
    truth = draw("mae")[1]
    assert (evaluate("mae", say("mae", truth), truth)[1] == 0).all()


def test_a_still_stretch_does_not_throw_the_weights_away() -> None:
    """QLIKE grows exponentially in the log ratio; from exp(8) on it goes on linearly, and both pieces meet."""
    forecast = np.array([-4.0 - 1e-4, -4.0 + 1e-4, -40.0, 0.0, 0.0])
    slopes = evaluate("qlike", forecast[None, :, None], np.zeros(STEPS))[1].ravel()
    assert slopes[0] == pytest.approx(slopes[1], rel=1e-3)
    assert slopes[2] == pytest.approx(slopes[0], rel=1e-3)


def test_the_quantile_loss_is_least_at_the_quantiles() -> None:
    truth = np.random.default_rng(3).normal(size=2001)
    best = np.quantile(truth, LEVELS)
    near = best + 0.05 * np.concatenate([np.zeros((1, 4)), np.eye(4), -np.eye(4)])
    outputs = np.repeat(near[:, None], len(truth), axis=1)
    losses = jax.jit(jax.vmap(lambda sample: value_of("quantile", sample, jnp.asarray(truth))))(outputs)
    assert (losses[1:] > losses[0]).all()


def test_no_position_is_best_where_the_move_does_not_pay_the_cost() -> None:
    """The cost of 0.004 is 0.2 units of the target here: a move of 0.1 is left alone, one of 0.4 is taken."""
    moves = np.array([0.1, -0.1, 0.4, -0.4, 0.19])
    for lean in (1e-3, 0.1, 1.0):
        forecast = CONTEXT.naive + lean * np.sign(moves)
        _, slopes = evaluate("trading", say("trading", forecast)[None], CONTEXT.naive + moves)
        assert (slopes.ravel() * moves < 0).tolist() == [False, False, True, True, False]


def test_at_the_kink_the_moves_alone_lead() -> None:
    moves = np.array([0.1, -0.1, 0.4, -0.4, 0.0])
    _, slopes = evaluate("trading", np.full((1, STEPS, 1), CONTEXT.naive), CONTEXT.naive + moves)
    assert slopes.ravel() == pytest.approx(-moves / CONTEXT.typical / STEPS)


@pytest.mark.parametrize("name", ["direction", "direction_weight"])
def test_a_step_without_a_move_has_no_direction(name: str) -> None:
    values, slopes = evaluate(name, draw(name)[0], np.full(STEPS, CONTEXT.naive))
    assert (values == 0).all()
    assert (slopes == 0).all()


@pytest.mark.parametrize("sign", [-1, 1])
def test_copying_is_one_at_the_naive_forecast_and_falls_on_either_side(sign: int) -> None:
    leans = np.arange(0.0, 20.5, 0.5)
    points = np.repeat(CONTEXT.naive + sign * leans[:, None] * CONTEXT.typical, STEPS, axis=1)
    values, _ = evaluate("copy_penalty", say("copy_penalty", points), np.zeros(STEPS))
    assert values[0] == 1
    assert values[2] == pytest.approx(0.5)
    assert (np.diff(values) < 0).all()
    assert (values > 0).all()
