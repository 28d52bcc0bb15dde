"""Training against a slow loop in float64 whose gradients are central differences: every rate of a recipe at its place.

A small recurrent network learns in sets, whose runs differ in their rates.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
import pytest

from coincast.models.forecaster import Axes
from coincast.training.recipe import Recipe
from coincast.training.runs import TrainingRun
from coincast.training.trainer import train

Theta = dict[str, np.ndarray]
LOOKBACK, HORIZON = 3, 2
LEVELS = (0.1, 0.5, 0.8)


def forward(theta: Theta, pasts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Outputs (window, step, horizon, output) and states (window, step, units)."""
    h, states = np.zeros((len(pasts), len(theta["bias"]))), []
    for step in range(LOOKBACK):
        h = np.tanh(pasts[:, step] @ theta["kernel"] + h @ theta["recurrent_kernel"] + theta["bias"])
        states.append(h)
    every = np.stack(states, axis=1)
    outputs = every @ theta["head_kernel"] + theta["head_bias"]
    return outputs.reshape(len(pasts), LOOKBACK, HORIZON, -1), every


def losses_of(recipe: Recipe, outputs: np.ndarray, truth: np.ndarray, naive: Any, unit: Any, typical: float) -> Any:
    """Losses (window,) of outputs (window, horizon, output), with their terms."""
    point = np.sort(outputs, axis=-1)[..., LEVELS.index(0.5)] if recipe.loss == "quantile" else outputs[..., 0]
    lean, move, error, levels = (point - naive) / typical, truth - naive, truth[..., None] - outputs, np.array(LEVELS)
    values = {
        "mse": lambda: (point - truth) ** 2,
        "mae": lambda: np.abs(point - truth),
        "trading": lambda: np.abs(np.tanh(lean)) * recipe.cost / unit - np.tanh(lean) * move,
        "quantile": lambda: np.mean(np.where(error > 0, levels * error, (levels - 1) * error), axis=-1),
    }[recipe.loss]()
    values = values + recipe.copy_penalty / (1 + lean**2)
    values = values + recipe.direction_weight * np.log1p(np.exp(-np.sign(move) * lean))
    return values.mean(axis=-1)


def objective(theta: Theta, run: TrainingRun, windows: np.ndarray, typical: float) -> float:
    """What a step makes small: mean loss of a batch, and penalties."""
    recipe, (span,) = run.recipe, run.spans
    starts = span.training.starts[windows]
    naive, unit = span.training.no_change.value[windows, None], span.training.no_change.unit[windows, None]
    outputs, states = forward(theta, span.inputs[starts[:, None] + np.arange(LOOKBACK)])
    if recipe.loss_on == "every":
        losses = [
            losses_of(recipe, outputs[:, step], span.step_targets[starts + step], naive, unit, typical)
            for step in range(LOOKBACK)
        ]
        activity = (states**2).sum(axis=(1, 2)) * recipe.l2_activity + np.abs(states).sum((1, 2)) * recipe.l1_activity
    else:
        losses = [losses_of(recipe, outputs[:, -1], span.training.targets[windows], naive, unit, typical)]
        last = states[:, -1]
        activity = (last**2).sum(axis=1) * recipe.l2_activity + np.abs(last).sum(axis=1) * recipe.l1_activity
    total = np.mean(losses, axis=0) + activity
    penalty = sum(
        getattr(recipe, f"l1_{name}") * np.abs(theta[field]).sum()
        + getattr(recipe, f"l2_{name}") * (theta[field] ** 2).sum()
        for name, field in (("kernel", "kernel"), ("recurrent", "recurrent_kernel"), ("bias", "bias"))
    )
    return float(total.mean() + penalty)


def gradient_of(function: Callable[[Theta], float], theta: Theta) -> Theta:
    slopes = {name: np.zeros_like(values) for name, values in theta.items()}
    for name, values in theta.items():
        for place in np.ndindex(values.shape):
            kept, ends = values[place], []
            for move in (1e-6, -1e-6):
                values[place] = kept + move
                ends.append(function(theta))
            values[place] = kept
            slopes[name][place] = (ends[0] - ends[1]) / 2e-6
    return slopes


def clip(gradient: Theta, recipe: Recipe) -> Theta:
    norm = np.sqrt(sum((values**2).sum() for values in gradient.values()))
    shrink = recipe.clip_norm / norm if 0 < recipe.clip_norm < norm else 1.0
    bound = recipe.clip_value or np.inf
    return {name: np.clip(values * shrink, -bound, bound) for name, values in gradient.items()}


def rate_of(recipe: Recipe, step: int, steps: int) -> float:
    """Learning rate of a step of the whole training, where an epoch has as many `steps`."""
    epochs = step / steps
    if epochs < recipe.warmup_epochs:
        passed, risen = 0.0, (step + 1) / (recipe.warmup_epochs * steps)
    else:
        passed, risen = epochs - recipe.warmup_epochs, 1.0
    progress = passed / (recipe.epochs - recipe.warmup_epochs)
    factor = {
        "constant": 1.0,
        "linear": 1 - (1 - recipe.final_rate) * progress,
        "cosine": recipe.final_rate + (1 - recipe.final_rate) * (1 + np.cos(np.pi * progress)) / 2,
        "exponential": recipe.decay**passed,
        "step": recipe.decay ** (int(passed) // recipe.step_epochs),
    }[recipe.schedule]
    return float(recipe.learning_rate * factor * risen)


def moves_of(recipe: Recipe) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """One optimiser for one array: (gradient, weights) -> what is taken off, before the learning rate."""
    mean, square, time = 0.0, 0.0, 0

    def adam(gradient: Any, weights: Any) -> Any:
        nonlocal mean, square, time
        time += 1
        mean = recipe.beta_1 * mean + (1 - recipe.beta_1) * gradient
        square = recipe.beta_2 * square + (1 - recipe.beta_2) * gradient**2
        unbiased = mean / (1 - recipe.beta_1**time), square / (1 - recipe.beta_2**time)
        return unbiased[0] / (np.sqrt(unbiased[1]) + recipe.epsilon)

    def sgd(gradient: Any, weights: Any) -> Any:
        nonlocal mean
        mean = recipe.momentum * mean + gradient
        return gradient + recipe.momentum * mean if recipe.nesterov else mean

    def rmsprop(gradient: Any, weights: Any) -> Any:
        nonlocal square
        square = recipe.rho * square + (1 - recipe.rho) * gradient**2
        return gradient / np.sqrt(square + recipe.epsilon)

    def adamw(gradient: Any, weights: Any) -> Any:
        return adam(gradient, weights) + recipe.weight_decay * weights

    return {"adam": adam, "sgd": sgd, "rmsprop": rmsprop, "adamw": adamw}[recipe.optimiser]


def train_slowly(run: TrainingRun) -> tuple[np.ndarray, list[float]]:
    """Weights, in the order of the module's fields, and the loss of every epoch; windows in order."""
    recipe, lessons = run.recipe, run.spans[0].training
    axes = Axes(LOOKBACK, 2, HORIZON, recipe.outputs)
    module = run.settings.build(axes, key=jax.random.split(jax.random.key(run.seed))[0])
    fields = ("kernel", "recurrent_kernel", "bias", "head_kernel", "head_bias")
    theta = {name: np.array(getattr(module, name), dtype=np.float64) for name in fields}
    typical = float(np.sqrt(np.mean((lessons.targets - lessons.no_change.value[:, None]) ** 2)))
    optimisers = {name: moves_of(recipe) for name in theta}
    steps, losses = -(-len(lessons) // recipe.batch_size), []
    for epoch in range(recipe.epochs):
        total = 0.0
        for step in range(steps):
            windows = np.arange(len(lessons))[step * recipe.batch_size : (step + 1) * recipe.batch_size]
            aim = partial(objective, run=run, windows=windows, typical=typical)
            total += aim(theta) * len(windows)
            gradient = clip(gradient_of(aim, theta), recipe)
            rate = rate_of(recipe, epoch * steps + step, steps)
            for name in theta:
                theta[name] -= rate * optimisers[name](gradient[name], theta[name])
        losses.append(total / len(lessons))
    return np.concatenate([theta[name].ravel() for name in fields]), losses


RATES: dict[str, dict[str, float]] = {
    "plain": {},
    "kernel": {"l1_kernel": 0.02, "l2_kernel": 0.03},
    "recurrent": {"l1_recurrent": 0.04, "l2_recurrent": 0.01},
    "bias": {"l1_bias": 0.03, "l2_bias": 0.05},
    "activity": {"l1_activity": 0.02, "l2_activity": 0.03},
    "clipped": {"clip_norm": 0.3},
    "cut": {"clip_value": 0.05, "clip_norm": 0.8},
    "copying": {"copy_penalty": 0.4},
    "direction": {"direction_weight": 0.3, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
}
SETS: dict[str, tuple[dict[str, Any], list[dict[str, float]]]] = {
    "adam": ({}, list(RATES.values())),
    "adamw, trading, in steps": (
        {"optimiser": "adamw", "loss": "trading", "schedule": "step", "step_epochs": 1},
        [{"weight_decay": 0.3, "cost": 0.003, "decay": 0.5}, {"weight_decay": 0.0, "cost": 0.0}],
    ),
    "sgd, cosine after a warm-up": (
        {"optimiser": "sgd", "nesterov": True, "schedule": "cosine", "warmup_epochs": 1},
        [{"momentum": 0.8, "final_rate": 0.1}, {"learning_rate": 0.1}],
    ),
    "sgd, a warm-up alone": ({"optimiser": "sgd", "warmup_epochs": 2}, [{"momentum": 0.5}]),
    "rmsprop, linear, every step": (
        {"optimiser": "rmsprop", "loss": "mae", "schedule": "linear", "loss_on": "every"},
        [{"rho": 0.8, "l1_activity": 0.02, "l2_activity": 0.01}, {"final_rate": 0.5, "l2_activity": 0.0}],
    ),
    "quantiles, exponential": (
        {"loss": "quantile", "quantiles": LEVELS, "schedule": "exponential"},
        [{"decay": 0.7, "copy_penalty": 0.2}],
    ),
}


@pytest.mark.parametrize("name", [next(iter(SETS)), *(pytest.param(n, marks=pytest.mark.long) for n in [*SETS][1:])])
def test_a_slow_loop_gives_the_same(
    make_run: Callable[..., TrainingRun], make_loop: Callable[..., Any], weights: Callable[..., np.ndarray], name: str
) -> None:
    """The weights, and the loss of an epoch with its penalties, as Keras reports it; 21 windows in batches of 4."""
    shared, rates = SETS[name]
    network = make_loop(every_step=shared.get("loss_on") == "every")
    runs = [make_run(seed, settings=network, shuffle=False, **{**shared, **own}) for seed, own in enumerate(rates)]
    trained = train(runs, lookback=LOOKBACK)
    for number, run in enumerate(runs):
        expected, losses = train_slowly(run)
        np.testing.assert_allclose(weights(trained, number), expected, rtol=2e-3, atol=2e-4)
        np.testing.assert_allclose(trained.losses[number], losses, rtol=1e-3)


def test_every_rate_matters(
    make_run: Callable[..., TrainingRun], make_loop: Callable[..., Any], weights: Callable[..., np.ndarray]
) -> None:
    """The comparison above would notice a rate that is passed over."""
    plain = make_run(3, settings=make_loop(), shuffle=False)
    expected, _ = train_slowly(plain)
    for name, rates in RATES.items():
        changed, _ = train_slowly(dataclasses.replace(plain, recipe=dataclasses.replace(plain.recipe, **rates)))
        assert np.allclose(changed, expected, rtol=2e-3, atol=2e-4) == (name == "plain"), name


def test_noise_is_as_large_as_said_and_new_in_every_epoch(
    make_run: Callable[..., TrainingRun], make_loop: Callable[..., Any]
) -> None:
    """Weights stand still at a learning rate of 1e-30, so that the losses tell the noise alone."""
    rates = [{"noise": size, "learning_rate": 1e-30} for size in (0.0, 1e-3, 0.3)]
    runs = [make_run(1, settings=make_loop(), windows=400, validation=50, **own) for own in rates]
    trained = train(runs, lookback=LOOKBACK)
    quiet, faint, loud = trained.losses
    assert np.ptp(quiet) < 1e-6
    assert 1e-6 < np.abs(faint - quiet).max() < 0.01
    assert len({round(loss, 5) for loss in loud}) == 3
    assert np.abs(loud - quiet).max() < 0.3
    assert trained.validation_losses is not None
    assert (trained.validation_losses == trained.validation_losses[0, 0]).all()
