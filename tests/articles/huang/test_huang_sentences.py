"""The sentences of article 2 on runs whose answers are known."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from coincast.articles.huang.networks import configurations
from coincast.articles.huang.published import SECONDS_PER_EPOCH
from coincast.articles.huang.sentences import does_four_layers_collapse, is_cnn_fastest, spell_times

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
        ({"CNN": 0.1, "LSTM": 2.0, "GRU": 1.0}, 8.0, "partly", "follows from what it cannot see"),
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
    assert f"in the article {SECONDS_PER_EPOCH['CNN']:g} against 40 and 45 seconds" in found.because


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
    assert does_four_layers_collapse(failed).answer == "partly"
