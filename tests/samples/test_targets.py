"""Targets against their formulas; the way back is in `tests/contracts/test_every_target.py`."""

from __future__ import annotations

import math

import numpy as np
import pytest

from coincast.samples.targets import TARGETS, TargetScale, fit_target_scale

FUTURE = np.array([[12.0, 15.0], [30.0, 10.0]])
LAST, FIRST = np.array([10.0, 20.0]), np.array([8.0, 40.0])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("window_change", [[0.5, 7 / 8], [-0.25, -0.75]]),
        ("log_return", [[math.log(1.2), math.log(1.5)], [math.log(1.5), math.log(0.5)]]),
        ("price", [[12, 15], [30, 10]]),
    ],
)
def test_every_target_is_as_worked_out_by_hand(name: str, expected: list[list[float]]) -> None:
    assert TARGETS[name].from_price(FUTURE, LAST, FIRST) == pytest.approx(np.array(expected), rel=1e-14)


def test_the_naive_forecast_is_a_log_return_of_zero() -> None:
    assert TARGETS["log_return"].to_value(np.zeros((2, 2)), LAST, FIRST).tolist() == [[10, 10], [20, 20]]


def test_a_window_change_stays_as_it_is() -> None:
    assert fit_target_scale(TARGETS["window_change"], FUTURE) == TargetScale(0.0, 1.0)


def test_a_log_return_keeps_its_zero() -> None:
    scale = fit_target_scale(TARGETS["log_return"], np.array([[3.0], [4.0]]))
    assert scale.centre == 0
    assert scale.spread == pytest.approx(math.sqrt(12.5))


def test_a_price_is_centred_and_of_unit_spread() -> None:
    scale = fit_target_scale(TARGETS["price"], FUTURE)
    assert (scale.centre, scale.spread) == pytest.approx((FUTURE.mean(), FUTURE.std()))
    scaled = scale.scale(FUTURE)
    assert (scaled.mean(), scaled.std()) == pytest.approx((0, 1), abs=1e-15)


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_that_never_moves_is_not_divided_by_zero(name: str) -> None:
    assert fit_target_scale(TARGETS[name], np.zeros((3, 1))).spread == 1
