"""The GRU kernel: its forward pass against a loop, its hand-written backward pass against autodiff and differences."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.models.kernels.gru import run_gru

pytestmark = pytest.mark.long

TIME, BATCH, UNITS, RUNS = 6, 5, 3, 2
KINDS = pytest.mark.parametrize(("every", "reset_after"), [(True, True), (True, False), (False, True), (False, False)])


def draw(*lead: int, seed: int = 0) -> tuple[Any, ...]:
    """Drive, kernel, recurrent bias and h of a batch; with lead, of several runs."""
    rng = np.random.default_rng(seed)
    shapes = ((BATCH, TIME, 3 * UNITS), (UNITS, 3 * UNITS), (3 * UNITS,), (BATCH, UNITS))
    return tuple(jnp.asarray(rng.normal(size=(*lead, *shape))) for shape in shapes)


def loop(drive: Any, kernel: Any, bias: Any, h: Any, *, reset_after: bool) -> np.ndarray:
    def sigmoid(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-x))

    u_z, u_r, u_n = np.split(kernel, 3, axis=1)
    b_z, b_r, b_n = np.split(bias, 3)
    states = []
    for row in drive:
        d_z, d_r, d_n = np.split(row, 3)
        z, r = sigmoid(d_z + h @ u_z + b_z), sigmoid(d_r + h @ u_r + b_r)
        n = np.tanh(d_n + (r * (h @ u_n + b_n) if reset_after else (r * h) @ u_n + b_n))
        h = z * h + (1 - z) * n
        states.append(h)
    return np.array(states)


def plain(drive: Any, kernel: Any, bias: Any, h: Any, *, every: bool, reset_after: bool) -> Any:
    u_z, u_r, u_n = jnp.split(kernel, 3, axis=1)
    b_z, b_r, b_n = jnp.split(bias, 3)

    def step(h: Any, row: Any) -> Any:
        d_z, d_r, d_n = jnp.split(row, 3)
        z, r = jax.nn.sigmoid(d_z + h @ u_z + b_z), jax.nn.sigmoid(d_r + h @ u_r + b_r)
        n = jnp.tanh(d_n + (r * (h @ u_n + b_n) if reset_after else (r * h) @ u_n + b_n))
        h = z * h + (1 - z) * n
        return h, h

    final, states = jax.lax.scan(step, h, drive)
    return states if every else final, final


def weighed(run: Any, **options: bool) -> Any:
    """A number that hangs on every output of a batch, each with a weight of its own."""

    def value(drive: Any, kernel: Any, bias: Any, h: Any) -> Any:
        states, final = jax.vmap(lambda drive, h: run(drive, kernel, bias, h, **options))(drive, h)
        return sum(
            jnp.sum(jnp.sin(x) * jnp.cos(jnp.arange(x.size, dtype=x.dtype)).reshape(x.shape)) for x in (states, final)
        )

    return value


@pytest.fixture(autouse=True)
def _float64() -> Any:
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("reset_after", [True, False])
def test_the_forward_pass_equals_a_loop(reset_after: bool) -> None:
    drive, kernel, bias, h = draw()
    every, last = jax.vmap(lambda drive, h: run_gru(drive, kernel, bias, h, every=True, reset_after=reset_after))(
        drive, h
    )
    for n in range(BATCH):
        arrays = (np.asarray(x) for x in (drive[n], kernel, bias, h[n]))
        states = loop(*arrays, reset_after=reset_after)
        np.testing.assert_allclose(every[n], states, rtol=1e-12, atol=1e-13)
        alone, _ = run_gru(drive[n], kernel, bias, h[n], every=False, reset_after=reset_after)
        np.testing.assert_allclose(alone, states[-1], rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(last, every[:, -1])


@pytest.mark.parametrize("reset_after", [True, False])
def test_no_bias_is_a_bias_of_zeros(reset_after: bool) -> None:
    drive, kernel, bias, h = draw()
    without, zeros = (
        run_gru(drive[0], kernel, b, h[0], every=True, reset_after=reset_after)[0] for b in (None, 0 * bias)
    )
    np.testing.assert_array_equal(without, zeros)


@KINDS
def test_every_gradient_equals_autodiff_for_batches_and_runs(every: bool, reset_after: bool) -> None:
    options = {"every": every, "reset_after": reset_after}
    for arguments, lift in ((draw(), lambda f: f), (draw(RUNS), jax.vmap)):
        ours, theirs = (
            jax.jit(lift(jax.grad(weighed(run, **options), (0, 1, 2, 3))))(*arguments) for run in (run_gru, plain)
        )
        for gradient, expected in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-12)


@KINDS
def test_every_gradient_equals_finite_differences(every: bool, reset_after: bool) -> None:
    arguments, step = draw(), 1e-5
    value = jax.jit(weighed(run_gru, every=every, reset_after=reset_after))
    gradients = jax.jit(jax.grad(value, (0, 1, 2, 3)))(*arguments)
    for n, gradient in enumerate(gradients):
        direction = draw(seed=1)[n]
        ends = [value(*arguments[:n], arguments[n] + sign * step * direction, *arguments[n + 1 :]) for sign in (1, -1)]
        assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(float(jnp.sum(gradient * direction)), rel=1e-7)


@pytest.mark.parametrize("reset_after", [True, False])
def test_one_sample_has_gradients(reset_after: bool) -> None:
    drive, kernel, bias, h = draw()
    ours, theirs = (
        jax.grad(
            lambda kernel, run=run: run(drive[0], kernel, bias, h[0], every=False, reset_after=reset_after)[0].sum()
        )(kernel)
        for run in (run_gru, plain)
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-10)


def test_a_nan_stays_in_its_sample_but_for_the_kernel() -> None:
    drive, kernel, bias, h = draw()
    drive = drive.at[1, 2, 0].set(jnp.nan)
    options = {"every": True, "reset_after": True}
    states, _ = jax.vmap(lambda drive, h: run_gru(drive, kernel, bias, h, **options))(drive, h)
    assert jnp.isnan(states[1, 2:]).any(axis=-1).all()
    assert not jnp.isnan(jnp.delete(states, 1, axis=0)).any()
    d_drive, d_kernel, _, _ = jax.jit(jax.grad(weighed(run_gru, **options), (0, 1, 2, 3)))(drive, kernel, bias, h)
    assert not jnp.isnan(jnp.delete(d_drive, 1, axis=0)).any()
    assert jnp.isnan(d_kernel).any()
