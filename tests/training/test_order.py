"""The order of windows: a permutation, uniform, and the same whoever asks for a part of it."""

from __future__ import annotations

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from coincast.training.order import shuffled

SLOTS = 2_200
EPOCHS = 12_000


@partial(jax.jit, static_argnames="slots")
def compiled(slots: int, first: jax.Array, count: jax.Array, key: jax.Array, epoch: jax.Array) -> jax.Array:
    return shuffled(first + jnp.arange(slots, dtype=jnp.int32), count, key, epoch)


def order_of(count: int, *, seed: int = 1, epoch: int = 0, first: int = 0, slots: int = SLOTS) -> np.ndarray:
    key = jax.random.key_data(jax.random.key(seed))
    return np.asarray(compiled(slots, jnp.int32(first), jnp.int32(count), key, jnp.int32(epoch)))


@pytest.fixture(scope="module")
def orders() -> dict[int, np.ndarray]:
    """The orders of a few things in many epochs (epoch, place)."""

    key = jax.random.key_data(jax.random.key(8))

    @jax.jit
    @partial(jax.vmap, in_axes=(None, 0))
    def draw(count: jax.Array, epoch: jax.Array) -> jax.Array:
        return shuffled(jnp.arange(10, dtype=jnp.int32), count, key, epoch)

    return {count: np.asarray(draw(jnp.int32(count), jnp.arange(EPOCHS)))[:, :count] for count in (2, 4, 10)}


def likelihood(seen: np.ndarray, expected: float, freedom: int) -> float:
    """How often chance departs further from an even spread (Pearson's test)."""
    return float(chi2.sf(np.sum((seen - expected) ** 2) / expected, freedom))


@given(count=st.integers(0, SLOTS), seed=st.integers(0, 2**31), epoch=st.integers(0, 10_000))
def test_every_window_comes_once_in_an_epoch(count: int, seed: int, epoch: int) -> None:
    order = order_of(count, seed=seed, epoch=epoch)
    assert sorted(order[:count]) == list(range(count))
    assert (order[count:] == -1).all()


@pytest.mark.parametrize("count", range(1, 70))
def test_every_window_comes_once_among_few(count: int) -> None:
    assert sorted(order_of(count)[:count]) == list(range(count))


@pytest.mark.parametrize("count", [1_000_000, 2**20 + 1])
def test_every_window_comes_once_among_millions(count: int) -> None:
    order = order_of(count, slots=2**21)
    assert (np.bincount(order[:count], minlength=count) == 1).all()
    assert (order[count:] == -1).all()


@given(count=st.integers(1, SLOTS), first=st.integers(0, SLOTS))
def test_a_part_agrees_with_the_whole(count: int, first: int) -> None:
    part, whole = order_of(count, first=first, slots=64), order_of(count)
    assert part[: SLOTS - first].tolist() == whole[first : first + 64].tolist()


def test_every_epoch_and_every_run_has_an_order_of_its_own() -> None:
    orders = {tuple(order_of(10, seed=seed, epoch=epoch)[:10]) for seed in (1, 2, 3) for epoch in range(10)}
    assert len(orders) == 30
    assert tuple(range(10)) not in orders


def test_another_count_is_another_order() -> None:
    assert order_of(9)[:9].tolist() != [place for place in order_of(10)[:10] if place < 9]


@pytest.mark.parametrize("count", [2, 4])
def test_every_order_of_a_few_is_as_likely(orders: dict[int, np.ndarray], count: int) -> None:
    every = {order: place for place, order in enumerate(itertools.permutations(range(count)))}
    seen = np.bincount([every[tuple(order)] for order in orders[count]], minlength=len(every))
    assert likelihood(seen, EPOCHS / len(every), len(every) - 1) > 0.001


def test_every_window_is_as_likely_at_every_place(orders: dict[int, np.ndarray]) -> None:
    """Rows and columns of the table are fixed, hence its degrees of freedom."""
    seen = np.stack([np.bincount(places, minlength=10) for places in orders[10].T])
    assert likelihood(seen, EPOCHS / 10, 81) > 0.001


def test_every_pair_is_as_likely_to_follow_one_another(orders: dict[int, np.ndarray]) -> None:
    """Of ten, 90 ordered pairs may stand at the first two places."""
    first, second = orders[10][:, 0], orders[10][:, 1]
    seen = np.bincount(10 * first + second, minlength=100)
    pairs = ~np.eye(10, dtype=bool).ravel()
    assert (seen[~pairs] == 0).all()
    assert likelihood(seen[pairs], EPOCHS / 90, 89) > 0.001


def test_one_epoch_tells_nothing_of_the_next(orders: dict[int, np.ndarray]) -> None:
    seen = np.bincount(10 * orders[10][:-1, 0] + orders[10][1:, 0], minlength=100)
    assert likelihood(seen, (EPOCHS - 1) / 100, 99) > 0.001
