"""The cheap generator: even bits, streams that know nothing of one another, and the same bits mapped and alone."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import chdtrc

from coincast.models.randomness import make_key, wrap_key

pytestmark = pytest.mark.long

WORDS = 1 << 15
KEY = make_key(7)


def words_of(key: Any, count: int = WORDS) -> np.ndarray:
    return np.asarray(jax.random.bits(key, (count,), jnp.uint32))


def first_words(keys: Any) -> np.ndarray:
    return np.asarray(jax.vmap(lambda key: jax.random.bits(key, (), jnp.uint32))(keys))


STREAMS: dict[str, Any] = {
    "words of a key": lambda: words_of(KEY),
    "first words of seeds": lambda: first_words(
        jax.vmap(lambda n: jax.random.key(n, impl=jax.random.key_impl(KEY)))(jnp.arange(WORDS, dtype=jnp.uint32))
    ),
    "first words of split keys": lambda: first_words(jax.random.split(KEY, WORDS)),
    "first words of folded keys": lambda: first_words(
        jax.vmap(lambda n: jax.random.fold_in(KEY, n))(jnp.arange(WORDS, dtype=jnp.uint32))
    ),
    "data of split keys": lambda: np.asarray(jax.random.key_data(jax.random.split(KEY, WORDS // 2))).ravel(),
    "first words of chained splits": lambda: first_words(jax.random.split(jax.random.split(KEY)[1], WORDS)),
}


@pytest.fixture(scope="module", params=STREAMS)
def stream(request: pytest.FixtureRequest) -> np.ndarray:
    return np.asarray(STREAMS[request.param]())


def p_of_counts(counts: np.ndarray) -> float:
    expected = counts.sum() / counts.size
    return float(chdtrc(counts.size - 1, np.sum((counts - expected) ** 2) / expected))


def test_every_byte_is_uniform(stream: np.ndarray) -> None:
    for shift in (0, 8, 16, 24):
        p = p_of_counts(np.bincount((stream >> shift) & 255, minlength=256))
        assert 1e-5 < p < 1 - 1e-5


def test_every_bit_is_a_fair_coin_and_ignores_its_neighbours(stream: np.ndarray) -> None:
    signs = 1 - 2 * ((stream[:, None] >> np.arange(32, dtype=np.uint32)) & 1).astype(np.float32)
    # Five standard errors: less than one in a million by chance, for each of the thousand pairs below.
    bound = 5 / np.sqrt(len(stream) - 1)
    assert np.abs(signs.mean(0)).max() < bound
    for lag in (1, 20):
        assert np.abs(signs[lag:].T @ signs[:-lag]).max() / len(stream) < bound
    assert np.abs(signs.T @ signs / len(stream) - np.eye(32)).max() < bound


def test_streams_of_neighbouring_keys_are_independent() -> None:
    keys = [make_key(7), make_key(8), *jax.random.split(KEY), *(jax.random.fold_in(KEY, n) for n in range(3))]
    signs = np.stack([1 - 2.0 * np.unpackbits(words_of(key).view(np.uint8)) for key in keys])
    correlations = signs @ signs.T / signs.shape[1]
    assert np.abs(correlations - np.eye(len(keys))).max() < 5 / np.sqrt(signs.shape[1])


def test_pairs_of_consecutive_words_fill_the_square(stream: np.ndarray) -> None:
    cells = (stream[:-1] >> 28) * 16 + (stream[1:] >> 28)
    assert 1e-5 < p_of_counts(np.bincount(cells, minlength=256)) < 1 - 1e-5


def test_one_changed_bit_of_a_key_changes_half_of_the_bits() -> None:
    data = np.asarray(jax.random.key_data(KEY))
    plain = words_of(KEY, 4096)
    for bit in range(64):
        changed = data.copy()
        changed[bit // 32] ^= np.uint32(1 << bit % 32)
        share = np.unpackbits((plain ^ words_of(wrap_key(jnp.asarray(changed)), 4096)).view(np.uint8)).mean()
        assert share == pytest.approx(0.5, abs=0.01)


def test_no_two_keys_are_equal() -> None:
    folded = jax.vmap(lambda n: jax.random.fold_in(KEY, n))(jnp.arange(WORDS, dtype=jnp.uint32))
    data = np.concatenate([jax.random.key_data(keys) for keys in (folded, jax.random.split(KEY, WORDS), KEY[None])])
    assert len(np.unique(data, axis=0)) == len(data)


def test_bits_are_the_same_alone_mapped_and_compiled() -> None:
    keys = jax.random.split(KEY, (3, 5))

    def draw(key: Any) -> Any:
        return jax.random.bits(jax.random.fold_in(key, 4), (6, 2), jnp.uint32)

    alone = np.stack([[draw(keys[i, j]) for j in range(5)] for i in range(3)])
    np.testing.assert_array_equal(jax.jit(jax.vmap(jax.vmap(draw)))(keys), alone)


def test_the_first_split_keys_do_not_hang_on_their_number() -> None:
    np.testing.assert_array_equal(
        jax.random.key_data(jax.random.split(KEY, 3)), jax.random.key_data(jax.random.split(KEY, 9))[:3]
    )


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "uint64"])
def test_every_width_has_even_bits(dtype: str) -> None:
    with jax.enable_x64(True):
        values = np.asarray(jax.random.bits(KEY, (20_000,), dtype))
    assert values.dtype == dtype
    assert np.unpackbits(values.view(np.uint8)).mean() == pytest.approx(0.5, abs=0.005)


def test_jax_draws_its_distributions_from_such_keys() -> None:
    normal = np.asarray(jax.random.normal(KEY, (WORDS,)))
    assert (normal.mean(), normal.std()) == pytest.approx((0, 1), abs=0.02)
    assert sorted(jax.random.permutation(KEY, 100).tolist()) == list(range(100))


def test_seeds_of_all_sizes_make_keys_of_their_own() -> None:
    seeds = [0, 1, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**63]
    data = [tuple(jax.random.key_data(make_key(seed)).tolist()) for seed in seeds]
    assert len(set(data)) == len(seeds)


def test_data_make_the_key_again() -> None:
    assert (words_of(wrap_key(jax.random.key_data(KEY)), 9) == words_of(KEY, 9)).all()
