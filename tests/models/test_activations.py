"""Activations against their formulas, their ranges and PyTorch's habits at zero."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.errors import UnknownNameError
from coincast.models.activations import ACTIVATIONS, find_activation

X = np.array([-100.0, -3.0, -2.5, -1.0, -0.0, 0.0, 0.5, 2.5, 4.0, 100.0])
FORMULAS = {
    "linear": lambda x: x,
    "relu": lambda x: np.where(x > 0, x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.3 * x),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "hard_sigmoid": lambda x: np.maximum(0, np.minimum(1, x / 5 + 1 / 2)),
}


def test_each_is_tested() -> None:
    assert list(ACTIVATIONS) == list(FORMULAS)


@pytest.mark.parametrize("name", FORMULAS)
def test_it_is_its_formula_and_keeps_its_range(name: str) -> None:
    activation = find_activation(name)
    values = np.asarray(activation(jnp.asarray(X, dtype=jnp.float32)))
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, FORMULAS[name](X), rtol=1e-6, atol=1e-7)
    assert (values >= activation.low).all()
    assert (values <= activation.high).all()
    for bound in (activation.low, activation.high):
        assert abs(bound) == np.inf or np.isclose(values, bound, atol=1e-6).any()
    assert np.isnan(activation(jnp.asarray([jnp.nan]))).all()


@pytest.mark.parametrize("name", FORMULAS)
def test_its_derivative_is_that_of_the_formula(name: str) -> None:
    x = np.array([-4.0, -1.3, -0.2, 0.3, 1.7, 3.1])
    derivative = jax.vmap(jax.grad(lambda z: find_activation(name)(z)))(jnp.asarray(x, dtype=jnp.float32))
    expected = (FORMULAS[name](x + 1e-6) - FORMULAS[name](x - 1e-6)) / 2e-6
    np.testing.assert_allclose(derivative, expected, atol=1e-5)


def test_a_slope_is_that_of_leaky_relu_alone() -> None:
    x = jnp.asarray([-2.0, 3.0])
    assert ACTIVATIONS["leaky_relu"](x, 0.01).tolist() == pytest.approx([-0.02, 3])
    for name in set(ACTIVATIONS) - {"leaky_relu"}:
        assert (ACTIVATIONS[name](x, 0.01) == ACTIVATIONS[name](x)).all()


def test_relu_at_zero_has_no_slope() -> None:
    """As in Keras and PyTorch; jnp.maximum alone would give one half."""
    assert jax.grad(lambda z: find_activation("relu")(z))(0.0) == 0


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="unknown activation 'tahn'; did you mean 'tanh'"):
        find_activation("tahn")
