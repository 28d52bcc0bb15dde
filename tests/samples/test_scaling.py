"""Scaling against loops, its edges, and NumPy against JAX."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from coincast.errors import ColumnError, UnknownNameError
from coincast.samples.scaling import check_alive, fit_input_scale, scale_window

NAMES, LEVELS = ("close", "log_return"), (True, False)
ROWS = np.array([[10.0, np.nan], [20.0, 1.0], [60.0, 3.0]])
PLAIN = (np.zeros(2), np.ones(2))


def scale_one_value(column: np.ndarray, row: int) -> float:
    """The rule for a level, in words: relative to the first, else to the mean size, else nothing."""
    divisor = column[0] or np.mean(np.abs(column)) or 1.0
    return float((column[row] - column[0]) / divisor)


def test_a_level_is_relative_to_its_first_value_and_a_ratio_is_left_alone() -> None:
    scaled = scale_window(np.array([[10.0, 7.0], [15.0, 8.0], [5.0, 9.0]]), np.array(LEVELS), *PLAIN)
    assert scaled.tolist() == [[0, 7], [0.5, 8], [-0.5, 9]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.0, 2.0, 4.0], [0, 1, 2]), ([0.0, 0.0, 0.0], [0, 0, 0]), ([5.0, 0.0, 0.0], [0, -1, -1])],
)
def test_zero_divisors(values: list[float], expected: list[float]) -> None:
    scaled = scale_window(np.array(values)[:, None], np.array([True]), np.zeros(1), np.ones(1))
    assert scaled[:, 0].tolist() == expected


WINDOWS = arrays(
    np.float64,
    array_shapes(min_dims=2, max_dims=4, min_side=1, max_side=5),
    elements=st.one_of(st.just(0.0), st.floats(0.01, 1e6), st.floats(-1e6, -0.01)),
)


@given(WINDOWS)
@settings(deadline=None, max_examples=100)
def test_a_level_after_a_zero_is_bounded_by_the_number_of_candles(windows: np.ndarray) -> None:
    windows[..., 0, :] = 0
    every = np.ones(windows.shape[-1], dtype=bool)
    scaled = scale_window(windows, every, np.zeros(every.size), np.ones(every.size))
    assert (np.abs(scaled) <= windows.shape[-2] * (1 + 1e-12)).all()


@given(WINDOWS)
@settings(deadline=None, max_examples=100)
def test_stacks_of_windows_are_scaled_as_a_loop_does(windows: np.ndarray) -> None:
    relative = np.arange(windows.shape[-1]) % 2 == 0
    centre, spread = np.arange(relative.size) + 0.5, np.arange(relative.size) + 2.0
    scaled = scale_window(windows, relative, centre, spread)
    assert scaled.shape == windows.shape
    for place in np.ndindex(*windows.shape):
        *stack, row, feature = place
        column = windows[(*stack, slice(None), feature)]
        value = scale_one_value(column, row) if relative[feature] else column[row]
        assert scaled[place] == pytest.approx((value - centre[feature]) / spread[feature], rel=1e-12, abs=1e-12)


def test_numpy_and_jax_agree() -> None:
    """In float32, where the same operations in the same order round alike, but for the order of a mean."""
    rng = np.random.default_rng(0)
    windows = rng.lognormal(size=(50, 10, 4)).astype(np.float32)
    windows[::7, 0, 1], windows[::5, :, 2] = 0, 0
    relative = np.array([True, True, True, False])
    centre, spread = rng.normal(size=4).astype(np.float32), rng.lognormal(size=4).astype(np.float32)
    ours = scale_window(windows, relative, centre, spread)
    theirs = scale_window(*(jnp.asarray(array) for array in (windows, relative, centre, spread)), xp=jnp)
    assert theirs.dtype == jnp.float32
    np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=1e-6)


def test_training_statistics_leave_out_what_is_unknown() -> None:
    scale = fit_input_scale("training", ROWS, NAMES, LEVELS)
    assert scale.relative.tolist() == [False, False]
    assert scale.centre.tolist() == [30, 2]
    assert scale.spread == pytest.approx([np.std([10, 20, 60]), 1])


def test_an_infinite_value_is_unknown() -> None:
    rows = np.array([[1.0, 1.0], [np.inf, 2.0], [3.0, 3.0]])
    scale = fit_input_scale("training", rows, NAMES, LEVELS)
    assert (scale.centre[0], scale.spread[0]) == (2, 1)


def test_the_other_scalings_learn_nothing() -> None:
    window, none = (fit_input_scale(name, ROWS, NAMES, LEVELS) for name in ("window", "none"))
    for scale in (window, none):
        assert (scale.centre.tolist(), scale.spread.tolist()) == ([0, 0], [1, 1])
    assert window.relative.tolist() == [True, False]
    assert none.relative.tolist() == [False, False]


def test_an_unknown_scaling_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'training'"):
        fit_input_scale("trainig", ROWS, NAMES, LEVELS)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([np.nan, np.nan, np.nan], "input 'log_return' is unknown in every training row"),
        ([np.nan, np.inf, np.nan], "input 'log_return' is unknown in every training row"),
        ([0.0, 0.0, 0.0], "input 'log_return' is 0 in all of its 3 training rows"),
        ([np.nan, 4.5, 4.5], "input 'log_return' is 4.5 in all of its 2 training rows"),
        ([np.nan, 4.5, np.nan], "input 'log_return' is 4.5 in all of its 1 training rows"),
    ],
)
def test_a_dead_input_is_named(column: list[float], message: str) -> None:
    rows = np.column_stack([[1.0, 2.0, 3.0], column])
    with pytest.raises(ColumnError, match=message):
        check_alive(rows, NAMES)
    with pytest.raises(ColumnError, match=message):
        fit_input_scale("none", rows, NAMES, LEVELS)
