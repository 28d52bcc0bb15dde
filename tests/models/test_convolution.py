"""Convolutions against a plain loop, and what each position reads against Keras's rule of lengths."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.models.convolution import PADDINGS, Convolution, Slide, Stage, see_through

SLIDES = [
    Slide(width, stride, dilation, padding)
    for padding in PADDINGS
    for width, stride, dilation in [(4, 3, 1), (3, 1, 2), (4, 2, 3)]
]


def convolve_in_numpy(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray, slide: Slide) -> np.ndarray:
    """Number by number, on an input to which zeros are added by hand."""
    span = (slide.width - 1) * slide.dilation + 1
    count = -(-len(x) // slide.stride)
    missing = max((count - 1) * slide.stride + span - len(x), 0)
    before, after = {"valid": (0, 0), "causal": (span - 1, 0), "same": (missing // 2, missing - missing // 2)}[
        slide.padding
    ]
    x = np.concatenate([np.zeros((before, x.shape[1])), x, np.zeros((after, x.shape[1]))])
    rows = []
    for first in range(0, len(x) - span + 1, slide.stride):
        row = bias.astype(float)
        for place in range(slide.width):
            for channel in range(x.shape[1]):
                row = row + x[first + place * slide.dilation, channel] * kernel[place, channel]
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize("slide", SLIDES, ids=str)
def test_a_numpy_loop_gives_the_same(slide: Slide) -> None:
    rng = np.random.default_rng(0)
    x, kernel, bias = (rng.normal(size=shape) for shape in [(13, 2), (slide.width, 2, 3), (3,)])
    layer = Convolution(*(jnp.asarray(each, jnp.float32) for each in (kernel, bias)), slide)
    expected = convolve_in_numpy(x, kernel, bias, slide)
    outputs = eqx.filter_jit(layer)(jnp.asarray(x, jnp.float32))
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-5)
    assert slide.positions(13) == len(expected)


@pytest.mark.parametrize(
    ("rows", "slide", "positions"),
    [
        (256, Slide(20, 3), 79),
        (79, Slide(16, 4), 16),
        (256, Slide(8, 3), 83),
        (83, Slide(8, 2), 38),
        (38, Slide(8, 2), 16),
        (32, Slide(2, 2), 16),
        (256, Slide(20, 3, padding="causal"), 86),
        (256, Slide(20, 3, padding="same"), 86),
        (5, Slide(3, dilation=2), 1),
        (4, Slide(5), 0),
    ],
    ids=str,
)
def test_lengths_are_those_of_article_2_and_of_keras(rows: int, slide: Slide, positions: int) -> None:
    """floor((rows - span) / stride) + 1 without padding, ceil(rows / stride) with."""
    assert slide.positions(rows) == positions


def test_causal_padding_reads_nothing_later() -> None:
    reads = Slide(3, dilation=2, padding="causal").reads(9)
    assert reads.max(axis=1).tolist() == list(range(9))
    assert reads[8].tolist() == [4, 6, 8]


@pytest.mark.parametrize("padding", PADDINGS)
def test_what_is_seen_through_a_stack_is_what_its_derivative_shows(padding: str) -> None:
    first = Stage(Slide(4, 2, 1, padding), 29, 2, 3)
    stages = [first, Stage(Slide(3, 1, 2, padding), first.shape[0], 3, 2)]
    layers = [stage.draw(key) for stage, key in zip(stages, jax.random.split(jax.random.key(0)), strict=True)]

    @eqx.filter_jit
    def depends(past: jax.Array) -> jax.Array:
        return jax.jacrev(lambda x: layers[1](layers[0](x)).sum(axis=1))(past)

    slopes = np.abs(depends(jnp.ones((29, 2)))).sum(axis=2)
    for position, row in enumerate(slopes):
        seen = np.flatnonzero(row)
        assert see_through(stages, [position]) == range(seen[0], seen[-1] + 1)
    every = np.flatnonzero(slopes.sum(axis=0))
    assert see_through(stages, range(len(slopes))) == range(every[0], every[-1] + 1)


def test_a_stage_counts_what_it_draws() -> None:
    stage = Stage(Slide(4), 9, 2, 3)
    layer = stage.draw(jax.random.key(0))
    assert layer.kernel.size + layer.bias.size == stage.parameters == 27
    assert stage.shape == (6, 3)
    assert np.abs(layer.kernel).max() <= np.sqrt(6 / (4 * 2 + 4 * 3))  # Keras's fans of a convolution
    assert (layer.bias == 0).all()
