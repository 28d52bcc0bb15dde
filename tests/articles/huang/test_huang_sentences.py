"""The sentences of article 2 on runs whose answers are known."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from coincast.articles.huang.networks import configurations
from coincast.articles.huang.sentences import (
    does_any_beat_persistence,
    does_four_layers_collapse,
    is_cnn_fastest,
    level_sentence,
    spell_times,
)

SEEDS = 10


def make_runs(errors: dict[str, float] | None = None, seconds: dict[str, float] | None = None) -> pl.DataFrame:
    """Ten seeds of each network: errors near 1 unless said otherwise; seconds by kind, none where none are given."""
    rng = np.random.default_rng(1)
    rows = []
    for one in configurations():
        level = (errors or {}).get(one.name, 1.0)
        timed = [] if seconds is None else (seconds[one.kind] * rng.lognormal(0, 0.05, 20)).tolist()
        for seed, spread in enumerate(rng.lognormal(0, 0.1, SEEDS)):
            rows.append({"name": one.name, "seed": seed, "error": level * spread, "epoch_seconds": timed})
    return pl.DataFrame(rows, schema_overrides={"epoch_seconds": pl.List(pl.Float64)})


@pytest.mark.parametrize(
    ("seconds", "error", "answer", "words"),
    [
        ({"CNN": 0.1, "LSTM": 2.0, "GRU": 1.0}, 1.2, "yes", "(faster)"),
        ({"CNN": 0.1, "LSTM": 2.0, "GRU": 1.0}, 8.0, "partly", "as what it cannot see lets expect"),
        ({"CNN": 0.1, "LSTM": 2.0, "GRU": 1.0}, 0.1, "partly", "not the worse one"),
        ({"CNN": 3.0, "LSTM": 2.0, "GRU": 1.0}, 1.2, "no", "the seconds of the GRU (slower)"),
        ({"CNN": 1.5, "LSTM": 2.0, "GRU": 1.0}, 1.2, "no", "the seconds of the LSTM (faster)"),
        ({"CNN": 1.0, "LSTM": 2.0, "GRU": 1.0}, 1.2, "not distinguishable", "(not told apart)"),
    ],
)
def test_who_is_fastest(seconds: dict[str, float], error: float, answer: str, words: str) -> None:
    found = is_cnn_fastest(make_runs({"CNN 2 LeakyReLU": error}, seconds))
    assert found.answer == answer
    assert words in found.because
    assert "in the article it takes 2 (CNN), 45 (LSTM) and 40 (GRU) seconds" in found.because
    row = found.tests.row(by_predicate=pl.col("question") == "seconds of an epoch, GRU against LSTM", named=True)
    assert row["word"] == "less"  # checklist T5: CNN < GRU < LSTM is checked
    assert "the seconds of the LSTM (faster); in the article" in found.because


def test_without_timings_no_figure_is_made_up() -> None:
    found = is_cnn_fastest(make_runs())
    assert found.answer == "not distinguishable"
    assert found.because.startswith("Seconds of an epoch were not measured here.")
    assert "nan" not in found.because
    assert found.tests["question"].to_list() == ["error, CNN 2 against LSTM"]
    assert "nan" not in spell_times(float("nan"))


def test_collapse_is_measured_against_networks_that_are_sound() -> None:
    """2.5: 12,356,304 beside 115,525 and 108,700 with 2 and 3 layers: 110 times. With ReLU 4 layers are ruined, too."""
    ruined = does_four_layers_collapse(make_runs({"CNN 4 LeakyReLU": 200.0, "CNN 4 ReLU": 150.0}))
    assert ruined.answer == "no"
    assert "10 of 10 runs collapse" in ruined.because
    assert "With ReLU 10 of 10 collapse" in ruined.because
    assert "the published one had 110 times" in ruined.because
    sound = does_four_layers_collapse(make_runs())
    assert sound.answer == "yes"
    assert "0 of 10 runs collapse" in sound.because
    failed = make_runs().with_columns(
        error=pl.when((pl.col("name") == "CNN 4 LeakyReLU") & (pl.col("seed") == 3))
        .then(float("nan"))
        .otherwise("error")
    )
    one = does_four_layers_collapse(failed)
    assert one.answer == "partly"
    assert "1 of 10 runs collapse" in one.because
    assert "no single mishap" not in one.because
    assert "no single mishap" in ruined.because


@pytest.mark.parametrize(
    ("level", "gap", "words"),
    [
        (0.42, 0.9, "and the level of the price alone would make it so."),
        (2.82, 0.9, "the training loss, which is taken with dropout, is the larger one."),
        (0.42, 3.0, "What is left to overfitting is the difference between these two."),
        (2.82, 2.0, "nothing is left to overfitting."),
        (None, 2.0, "an unknown number of times."),
    ],
)
def test_the_level_explains_what_it_can(level: float | None, gap: float, words: str) -> None:
    """Errors of persistence, which cannot overfit, are 0.42 times as large on Poloniex's held-back blocks, 2.82 on
    Binance's of 2023."""
    training, validation = (1.0, level) if level is not None else (0.0, 0.0)
    found = level_sentence(training, validation, (0.5, 0.5 * gap))
    assert found.because.endswith(words)
    assert found.answer == ("partly" if gap > max(1.0, 1.5 * (level or 0)) else "no")


def test_a_price_that_stands_still_is_no_yardstick() -> None:
    """Repeating the last close makes no error: nothing is divided by it."""
    found = does_any_beat_persistence(make_runs(), 0.0)
    assert found.answer == "no"
    assert "the best of all of them an unknown number of times its error" in found.because
