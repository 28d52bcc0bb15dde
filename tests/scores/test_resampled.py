"""The bootstrap interval of the skill is arch's own, and lies near that of the decisive test."""

from __future__ import annotations

import sys

import numpy as np
import polars as pl
import pytest

from coincast.errors import MissingPackageError
from coincast.scores.further import Options
from coincast.scores.resampled import bootstrap_skill, check_skill, choose_block, load_bootstrap

arch = pytest.importorskip("arch.bootstrap", reason="arch is not installed: pip install 'coincast[stats]'")
NOTHING = pl.DataFrame()
OPTIONS = Options(repetitions=500)


def noisy(share: float, seed: int = 1):
    def forecast(last: np.ndarray, actual: np.ndarray) -> np.ndarray:
        noise = np.exp(0.01 * np.random.default_rng(seed).standard_normal(last.size))
        return last * (actual / last) ** share * noise

    return forecast


def test_the_interval_is_archs_own_of_each_model_alone() -> None:
    rng = np.random.default_rng(0)
    naive = rng.exponential(size=(200, 2))
    losses = 0.9 * naive + 0.2 * rng.exponential(size=(200, 2))
    found = bootstrap_skill(losses, naive, block=4, options=Options(repetitions=200, seed=3))
    for model in range(2):
        bootstrap = arch.StationaryBootstrap(4, losses[:, model], naive[:, model], seed=3)
        known = bootstrap.conf_int(lambda a, b: 1 - a.mean() / b.mean(), 200, method="percentile")
        assert found[:, model] == pytest.approx(known[:, 0])


def test_blocks_are_archs_optimal_ones_and_never_shorter_than_the_overlap() -> None:
    rng = np.random.default_rng(1)
    differences = np.stack(
        [rng.standard_normal(400), np.convolve(rng.standard_normal(419), np.ones(20), "valid")], axis=1
    )
    longest = int(np.ceil(arch.optimal_block_length(differences[:, 1])["stationary"].iloc[0]))
    assert longest > 20
    assert choose_block(differences, overlapping=1, options=OPTIONS) == longest
    assert choose_block(differences[:, :1], overlapping=24, options=OPTIONS) == 24
    assert choose_block(differences, overlapping=24, options=Options(block=7)) == 7
    assert choose_block(np.ones((100, 1)), overlapping=2, options=OPTIONS) == 2


def test_it_agrees_with_the_decisive_test_where_the_case_is_clear(make_forecasts) -> None:
    table = pl.concat(make_forecasts(noisy(share), n=400, model=f"m{share}") for share in (0.3, -0.3))
    found = check_skill(table, NOTHING, OPTIONS).table
    assert found["agrees"].to_list() == [True, True]
    for row in found.iter_rows(named=True):
        assert row["bootstrap_low"] < row["skill"] < row["bootstrap_high"]
        width = row["high"] - row["low"]
        assert row["bootstrap_high"] - row["bootstrap_low"] == pytest.approx(width, rel=0.4)
    assert found.row(0, named=True)["repetitions"] == 500
    assert found["seed"].unique().to_list() == [0]
    assert found.equals(check_skill(table, NOTHING, OPTIONS).table)


def test_models_with_other_origins_are_resampled_apart(make_forecasts) -> None:
    one, other = make_forecasts(noisy(0.1), model="one"), make_forecasts(noisy(0.1, 2), model="other")
    together = check_skill(pl.concat([one, other[10:]]), NOTHING, OPTIONS).table
    assert together["n"].to_list() == [120, 110]
    assert together[1].equals(check_skill(other[10:], NOTHING, OPTIONS).table)


def test_fewer_forecasts_than_it_needs_and_copies_are_left_out(make_forecasts) -> None:
    copy = make_forecasts(lambda last, actual: last, model="naive")
    short = make_forecasts(noisy(0.1), n=99, steps=5, market="made:SHORT/USD")
    found = check_skill(pl.concat([copy, short]), NOTHING, OPTIONS)
    assert found.table.is_empty()
    (told,) = found.notes
    assert told.startswith(
        "the bootstrap interval of the skill needs at least 100 forecasts and is left out for model on"
    )


def test_an_interval_without_ends_is_null(make_forecasts) -> None:
    """Naive is right but for three times: some resamples have no naive error at all."""
    table = make_forecasts(noisy(0.0), n=60).with_row_index()
    still = table.with_columns(actual=pl.when(pl.col("index") < 3).then(pl.col("actual")).otherwise("last_close"))
    row = check_skill(still.drop("index"), NOTHING, OPTIONS).table.row(0, named=True)
    assert (row["bootstrap_low"], row["agrees"]) == (None, None)


def test_without_arch_one_line_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "arch.bootstrap", None)
    with pytest.raises(MissingPackageError, match=r"arch is not installed, .* pip install 'coincast\[stats\]'"):
        load_bootstrap("a test")
