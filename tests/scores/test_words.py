"""Sentences: every verdict and every edge reads well."""

from __future__ import annotations

import pytest

from coincast.scores.words import NAIVE_WORDS as NAIVE
from coincast.scores.words import percent, sentence, spoken_name


def row(**changes):
    base = {"model": "lstm.ensemble", "verdict": "worse", "skill": -0.091, "low": -0.17, "high": -0.02, "p": 0.01}
    return {**base, "statistic": 3.0, "p_holm": 0.02, "n": 164, "overlap": 1, "detectable": None, **changes}


@pytest.mark.parametrize(
    ("model", "spoken"),
    [
        ("lstm.ensemble", "The LSTM ensemble"),
        ("lstm(units=20).ensemble", "The LSTM(units=20) ensemble"),
        ("drift", "The drift forecast"),
        ("ar", "The AR forecast"),
        ("MyNet", "The MyNet forecast"),
        ("forecast", "This forecast"),
    ],
)
def test_names(model: str, spoken: str) -> None:
    assert spoken_name(model) == spoken


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (-0.09, "9 %"),
        (0.17, "17 %"),
        (0.0144, "1.4 %"),
        (0.0004, "0.04 %"),
        (0.0, "0 %"),
        (-9.26, "926 %"),
        (0.063, "6 %"),
        (0.019, "1.9 %"),
        (0.00001, "0 %"),
    ],
)
def test_percent(share: float, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {},
            f"The LSTM ensemble misses by 9 % more than {NAIVE} (between 2 % and 17 % more): worse.",
        ),
        (
            {"verdict": "better", "skill": 0.08, "low": 0.03, "high": 0.12},
            f"The LSTM ensemble misses by 8 % less than {NAIVE} (between 3 % and 12 % less): better.",
        ),
        (
            {"verdict": "not distinguishable", "skill": 0.01, "low": -0.03, "high": 0.05, "p": 0.6, "p_holm": 1.0},
            f"The LSTM ensemble misses by 1 % less than {NAIVE} (between 3 % more and 5 % less), "
            "and that can be chance: not distinguishable.",
        ),
        (
            {"verdict": "not distinguishable", "skill": 0.08, "low": 0.03, "high": 0.12, "p_holm": 0.12},
            f"The LSTM ensemble misses by 8 % less than {NAIVE} (between 3 % and 12 % less); "
            "alone it would pass; it is one of 12: not distinguishable.",
        ),
        (
            {"verdict": "not distinguishable", "skill": 0.0, "low": 0.0, "high": 0.0, "p": 1.0, "statistic": 0.0},
            "The LSTM ensemble is the naive forecast itself: it repeats the last known price: not distinguishable.",
        ),
        (
            {"verdict": "too few", "n": 100, "overlap": 24, "p": None, "statistic": None, "low": None, "high": None},
            "The LSTM ensemble cannot be judged yet: 100 forecasts, and it needs at least 480: too few.",
        ),
        (
            {"skill": None, "low": None, "high": None},
            f"The LSTM ensemble errs where {NAIVE} never does: worse.",
        ),
        (
            {"low": None, "high": None},
            f"The LSTM ensemble misses by 9 % more than {NAIVE}: worse.",
        ),
        (
            {"skill": 0.0, "low": -0.1, "high": 0.1, "p": 1.0, "statistic": 0.0, "p_holm": 1.0, "detectable": 0.13}
            | {"verdict": "not distinguishable"},
            f"The LSTM ensemble misses by as much as {NAIVE} (between 10 % more and 10 % less), "
            "and that can be chance: not distinguishable.",
        ),
        (
            {"skill": -117.0, "low": -355.0, "high": 120.0, "verdict": "not distinguishable", "p": 0.3},
            f"The LSTM ensemble misses by over 10,000 % more than {NAIVE} (between over 10,000 % more and 100 % less), "
            "and that can be chance: not distinguishable.",
        ),
        (
            {"skill": 0.9999, "low": 0.9998, "high": 0.99991, "verdict": "better"},
            f"The LSTM ensemble misses by 100 % less than {NAIVE} (its interval rounds to the same): better.",
        ),
        (
            {"skill": -300.0, "low": -400.0, "high": -200.0},
            f"The LSTM ensemble misses by over 10,000 % more than {NAIVE}: worse.",
        ),
        (
            {"verdict": "too few", "n": 1, "p": None, "statistic": None, "low": None, "high": None},
            "The LSTM ensemble cannot be judged yet: 1 forecast, and it needs at least 20: too few.",
        ),
    ],
)
def test_sentences(changes: dict, text: str) -> None:
    assert sentence(row(**changes), tests=12) == text
