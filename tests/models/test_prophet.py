"""Prophet's curve on series whose trend and seasons are known."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
import pytest

from coincast.errors import TooFewRowsError, UsageError
from coincast.models.prophet import Prophet
from coincast.samples.samples import Samples
from coincast.samples.splits import Part

pytest.importorskip("prophet", reason="prophet is not installed")

Make = Callable[..., Samples]
TRAINING, ORIGINS = Part(0, 200), np.array([199, 203, 210])
WEEK = np.array([0.05, -0.01, 0.02, -0.06, 0.01, 0.03, -0.04])


@pytest.fixture(scope="module")
def log_close() -> np.ndarray:
    """Growth of 0.2 % a day and a week, under noise of 0.1 %."""
    days = np.arange(220)
    return 0.002 * days + WEEK[days % 7] + 0.001 * np.random.default_rng(1).standard_normal(220)


@pytest.fixture(scope="module")
def samples(make_closes: Make, log_close: np.ndarray) -> Samples:
    return make_closes(np.exp(log_close), horizon=3)


def forecast(settings: Prophet, samples: Samples, origins: np.ndarray = ORIGINS) -> np.ndarray:
    return settings.forecast(samples, training=TRAINING, origins=origins, seed=1)


def test_trend_and_week_are_continued_from_the_last_close(samples: Samples) -> None:
    ahead = ORIGINS[:, None] + np.arange(1, 4)
    expected = 0.002 * np.arange(1, 4) + WEEK[ahead % 7] - WEEK[ORIGINS % 7][:, None]
    assert np.log(forecast(Prophet(), samples) / samples.close[ORIGINS][:, None]) == pytest.approx(expected, abs=0.003)


def test_the_curve_itself_takes_no_notice_of_the_last_close(make_closes: Make, log_close: np.ndarray) -> None:
    """After training the price halves: the forecast from the last close halves, the curve stays where it was."""
    halved = make_closes(np.exp(log_close - np.log(2) * (np.arange(220) > 201)), horizon=3)
    ahead = ORIGINS[:, None] + np.arange(1, 4)
    expected = np.exp(0.002 * ahead + WEEK[ahead % 7])
    assert forecast(Prophet(from_last_close=False), halved) == pytest.approx(expected, rel=0.005)
    assert forecast(Prophet(), halved) == pytest.approx(expected / np.array([[1], [2], [2]]), rel=0.008)


def test_a_gap_keeps_the_calendar(make_closes: Make, log_close: np.ndarray) -> None:
    """Days are missing before an origin; the week goes on beneath."""
    days = np.delete(np.arange(220), [90, 91, 92, 205, 206])
    samples = make_closes(np.exp(log_close[days]), days=days, horizon=3)
    (origin,) = np.flatnonzero(days == 210)
    ahead = 210 + np.arange(1, 4)
    expected = np.exp(log_close[210] + 0.002 * np.arange(1, 4) + WEEK[ahead % 7] - WEEK[210 % 7])
    assert forecast(Prophet(), samples, np.array([origin]))[0] == pytest.approx(expected, rel=0.003)


def test_stan_keeps_quiet_and_other_loggers_are_left_alone(samples: Samples, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        forecast(Prophet(), samples)
        assert not caplog.records
        logging.getLogger("cmdstanpy").info("heard again")
    assert [record.message for record in caplog.records] == ["heard again"]


def test_too_few_training_rows_are_refused(samples: Samples) -> None:
    with pytest.raises(TooFewRowsError, match="prophet: made:UP/USD has 12 training rows, and 20 are needed"):
        Prophet().forecast(samples, training=Part(0, 12), origins=ORIGINS, seed=0)


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(UsageError, match="prophet: n_changepoints is -1; allowed: 0 or more"):
        Prophet(n_changepoints=-1)
    with pytest.raises(UsageError, match=r"prophet: changepoint_prior_scale is 0.0; allowed: above 0, such as 0.05"):
        Prophet(changepoint_prior_scale=0.0)
