"""The input product: the plain one's values and gradients, for samples, batches and runs."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.models.kernels.projection import project

pytestmark = pytest.mark.long

TIME, BATCH, FEATURES, GATES, RUNS = 6, 5, 2, 8, 3


def draw(*lead: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    shapes = ((BATCH, TIME, FEATURES), (FEATURES, GATES), (GATES,))
    return tuple(jnp.asarray(rng.normal(size=(*lead, *shape))) for shape in shapes)


def plain(past: Any, kernel: Any, bias: Any) -> Any:
    return past @ kernel + bias[None]


def weighed(product: Any) -> Any:
    def value(past: Any, kernel: Any, bias: Any) -> Any:
        drives = jax.vmap(lambda past: product(past, kernel, bias))(past)
        return jnp.sum(jnp.sin(drives) * jnp.arange(drives.size, dtype=drives.dtype).reshape(drives.shape))

    return value


@pytest.fixture(autouse=True)
def _float64() -> Any:
    with jax.enable_x64(True):
        yield


def test_one_sample_is_the_plain_product() -> None:
    past, kernel, bias = draw()
    np.testing.assert_allclose(project(past[0], kernel, bias), plain(past[0], kernel, bias), rtol=1e-13)
    ours, theirs = (
        jax.grad(lambda kernel, product=product: jnp.sin(product(past[0], kernel, bias)).sum())(kernel)
        for product in (project, plain)
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("lead", [(), (RUNS,)])
def test_values_and_gradients_of_batches_and_runs_are_the_plain_ones(lead: tuple[int, ...]) -> None:
    ours, theirs = (
        jax.jit((jax.vmap if lead else lambda f: f)(jax.value_and_grad(weighed(product), (0, 1, 2))))(*draw(*lead))
        for product in (project, plain)
    )
    for got, expected in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-11)
