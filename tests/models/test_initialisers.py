"""Initial values against the limits that Keras and PyTorch state."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.models.initialisers import glorot_uniform, orthogonal, uniform

KEY = jax.random.key(0)


def assert_uniform(values: np.ndarray, limit: float) -> None:
    """Within +-limit, out to its ends, and spread evenly: a uniform number has variance limit^2 / 3."""
    assert 0.98 * limit < np.abs(values).max() <= limit
    assert np.mean(values) == pytest.approx(0, abs=0.05 * limit)
    assert np.var(values) == pytest.approx(limit**2 / 3, rel=0.05)


@pytest.mark.parametrize(
    ("shape", "fans"),
    [((40, 160), 40 + 160), ((20, 8, 30), 20 * 8 + 20 * 30), ((3, 5, 8, 30), 15 * 8 + 15 * 30)],
)
def test_glorot_takes_its_fans_from_the_shape(shape: tuple[int, ...], fans: int) -> None:
    values = glorot_uniform(KEY, shape)
    assert (values.shape, values.dtype) == (shape, jnp.float32)
    assert_uniform(np.asarray(values), np.sqrt(6 / fans))


def test_glorot_takes_given_fans() -> None:
    assert_uniform(np.asarray(glorot_uniform(KEY, (50, 60), fan_in=5, fan_out=11)), np.sqrt(6 / 16))
    assert_uniform(np.asarray(glorot_uniform(KEY, (50, 60), fan_out=11)), np.sqrt(6 / 61))


@pytest.mark.parametrize("shape", [(12, 48), (48, 12), (7, 7)])
def test_orthogonal_is_orthonormal(shape: tuple[int, int]) -> None:
    values = orthogonal(KEY, shape)
    assert (values.shape, values.dtype) == (shape, jnp.float32)
    wide = np.float64(values if shape[0] <= shape[1] else values.T)
    np.testing.assert_allclose(wide @ wide.T, np.eye(len(wide)), atol=1e-5)


def test_uniform_keeps_its_limit() -> None:
    values = uniform(KEY, (3000,), 0.25)
    assert (values.shape, values.dtype) == ((3000,), jnp.float32)
    assert_uniform(np.asarray(values), 0.25)


def test_a_key_decides() -> None:
    for draw in (lambda key: glorot_uniform(key, (4, 5)), lambda key: orthogonal(key, (4, 5))):
        assert (draw(KEY) == draw(jax.random.key(0))).all()
        assert (draw(KEY) != draw(jax.random.key(1))).any()
