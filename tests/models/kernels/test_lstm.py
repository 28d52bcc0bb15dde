"""The LSTM kernel: its forward pass against a loop, its hand-written backward pass against autodiff and differences."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.models.kernels.lstm import run_lstm

pytestmark = pytest.mark.long

TIME, BATCH, UNITS, RUNS = 6, 5, 3, 2


def draw(*lead: int, seed: int = 0) -> tuple[Any, ...]:
    """Drive, kernel, h and c of a batch; with lead, of several runs."""
    rng = np.random.default_rng(seed)
    shapes = ((BATCH, TIME, 4 * UNITS), (UNITS, 4 * UNITS), (BATCH, UNITS), (BATCH, UNITS))
    return tuple(jnp.asarray(rng.normal(size=(*lead, *shape))) for shape in shapes)


def loop(drive: np.ndarray, kernel: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    def sigmoid(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-x))

    states = []
    for row in drive:
        i, f, g, o = np.split(row + h @ kernel, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
    return np.array(states), c


def plain(drive: Any, kernel: Any, h: Any, c: Any, *, every: bool) -> Any:
    def step(state: Any, row: Any) -> Any:
        i, f, g, o = jnp.split(row + state[0] @ kernel, 4)
        c = jax.nn.sigmoid(f) * state[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    final, states = jax.lax.scan(step, (h, c), drive)
    return states if every else final[0], final


def weighed(run: Any, *, every: bool) -> Any:
    """A number that hangs on every output of a batch, each with a weight of its own."""

    def value(drive: Any, kernel: Any, h: Any, c: Any) -> Any:
        states, final = jax.vmap(lambda drive, h, c: run(drive, kernel, h, c, every=every))(drive, h, c)
        return sum(
            jnp.sum(jnp.sin(x) * jnp.cos(jnp.arange(x.size, dtype=x.dtype)).reshape(x.shape)) for x in (states, *final)
        )

    return value


@pytest.fixture(autouse=True)
def _float64() -> Any:
    with jax.enable_x64(True):
        yield


def test_the_forward_pass_equals_a_loop() -> None:
    drive, kernel, h, c = draw()
    every, (last, cell) = jax.vmap(lambda drive, h, c: run_lstm(drive, kernel, h, c, every=True))(drive, h, c)
    for n in range(BATCH):
        states, final_c = loop(*(np.asarray(x) for x in (drive[n], kernel, h[n], c[n])))
        np.testing.assert_allclose(every[n], states, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(cell[n], final_c, rtol=1e-12, atol=1e-13)
        alone, (alone_h, _) = run_lstm(drive[n], kernel, h[n], c[n], every=False)
        np.testing.assert_allclose(alone, states[-1], rtol=1e-12, atol=1e-13)
        np.testing.assert_array_equal(alone, alone_h)
    np.testing.assert_array_equal(last, every[:, -1])


@pytest.mark.parametrize("every", [True, False])
def test_every_gradient_equals_autodiff_for_batches_and_runs(every: bool) -> None:
    for arguments, lift in ((draw(), lambda f: f), (draw(RUNS), jax.vmap)):
        ours, theirs = (
            jax.jit(lift(jax.grad(weighed(run, every=every), (0, 1, 2, 3))))(*arguments) for run in (run_lstm, plain)
        )
        for gradient, expected in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("every", [True, False])
def test_every_gradient_equals_finite_differences(every: bool) -> None:
    arguments, step = draw(), 1e-5
    value = jax.jit(weighed(run_lstm, every=every))
    gradients = jax.jit(jax.grad(value, (0, 1, 2, 3)))(*arguments)
    for n, gradient in enumerate(gradients):
        direction = draw(seed=1)[n]
        ends = [value(*arguments[:n], arguments[n] + sign * step * direction, *arguments[n + 1 :]) for sign in (1, -1)]
        assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(float(jnp.sum(gradient * direction)), rel=1e-7)


def test_one_sample_and_states_that_all_samples_share_have_gradients() -> None:
    drive, kernel, h, c = draw()
    for run in (run_lstm, plain):
        one = jax.grad(lambda kernel, run=run: run(drive[0], kernel, h[0], c[0], every=False)[0].sum())(kernel)
        shared = jax.grad(
            lambda h, run=run: jax.vmap(lambda drive: run(drive, kernel, h, c[0], every=False)[0])(drive).sum()
        )(h[0])
        if run is run_lstm:
            ours = one, shared
    np.testing.assert_allclose(ours[0], one, rtol=1e-10)
    np.testing.assert_allclose(ours[1], shared, rtol=1e-10)


def test_a_nan_stays_in_its_sample_but_for_the_kernel() -> None:
    drive, kernel, h, c = draw()
    drive = drive.at[1, 2, 0].set(jnp.nan)
    states, _ = jax.vmap(lambda drive, h, c: run_lstm(drive, kernel, h, c, every=True))(drive, h, c)
    assert jnp.isnan(states[1, 2:]).any(axis=-1).all()
    assert not jnp.isnan(states[1, :2]).any()
    assert not jnp.isnan(jnp.delete(states, 1, axis=0)).any()
    d_drive, d_kernel, _, _ = jax.jit(jax.grad(weighed(run_lstm, every=False), (0, 1, 2, 3)))(drive, kernel, h, c)
    assert not jnp.isnan(jnp.delete(d_drive, 1, axis=0)).any()
    assert jnp.isnan(d_kernel).any()


def test_no_array_of_a_batch_of_kernels_is_formed() -> None:
    arguments = draw()
    program = jax.jit(jax.grad(weighed(run_lstm, every=False), (0, 1, 2, 3))).lower(*arguments).compile().as_text()
    assert f"[{BATCH},{UNITS},{4 * UNITS}]" not in program
