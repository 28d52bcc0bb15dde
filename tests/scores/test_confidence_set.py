"""The model confidence set and SPA are arch's own, with naive always among the candidates."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from coincast.scores.confidence_set import confidence_set, find_confidence_set
from coincast.scores.further import Options

arch = pytest.importorskip("arch.bootstrap", reason="arch is not installed: pip install 'coincast[stats]'")
NOTHING = pl.DataFrame()
OPTIONS = Options(repetitions=300, seed=5, block=4)


def noisy(share: float, seed: int = 1, noise: float = 0.01):
    def forecast(last: np.ndarray, actual: np.ndarray) -> np.ndarray:
        return last * (actual / last) ** share * np.exp(noise * np.random.default_rng(seed).standard_normal(last.size))

    return forecast


def losses_of(table: pl.DataFrame, column: str = "value") -> np.ndarray:
    return np.abs(np.log(table[column].to_numpy()) - np.log(table["actual"].to_numpy()))


def test_both_are_archs_own(make_forecasts) -> None:
    shares = {"a": 0.05, "b": -0.1, "c": 0.0, "d": 0.02}
    tables = [
        make_forecasts(noisy(share, seed), n=300, model=model) for seed, (model, share) in enumerate(shares.items())
    ]
    columns = np.stack([losses_of(tables[0], "last_close"), *(losses_of(table) for table in tables)], axis=1)
    settings = {"block_size": 4, "reps": 300, "bootstrap": "stationary", "seed": 5}
    known = arch.MCS(columns, 0.1, method="R", **settings)
    known.compute()
    spa = arch.SPA(columns[:, 0], columns[:, 1:], **settings)
    spa.compute()
    found = find_confidence_set(pl.concat(tables), NOTHING, OPTIONS)
    rows = {row["model"]: row for row in found.table.iter_rows(named=True)}
    assert list(rows) == ["naive", *shares]
    for place, row in enumerate(rows.values()):
        assert row["p_mcs"] == known.pvalues["Pvalue"].loc[place]
        assert row["in_set"] == (place in known.included)
        assert row["p_spa"] == spa.pvalues["consistent"]
        assert row["loss"] == pytest.approx(columns[:, place].mean())
        assert (row["n"], row["horizon"], row["repetitions"], row["block"], row["seed"]) == (300, 1, 300, 4, 5)
        assert row["tested_as"] is None
    assert found.notes == (
        "model confidence set at 90% (range statistic) and SPA test (consistent p): stationary bootstrap, 300 "
        "repetitions, blocks of 4 origins on average, seed 5",
    )


def test_a_good_model_throws_naive_out_and_a_bad_one_is_thrown_out(make_forecasts) -> None:
    good = pl.concat([make_forecasts(noisy(0.3), n=300, model="good"), make_forecasts(noisy(-0.3), n=300, model="bad")])
    rows = {row["model"]: row for row in find_confidence_set(good, NOTHING, OPTIONS).table.iter_rows(named=True)}
    assert {model: row["in_set"] for model, row in rows.items()} == {"naive": False, "bad": False, "good": True}
    assert rows["good"]["p_spa"] < 0.05


def test_copies_are_tested_as_what_they_are(make_forecasts) -> None:
    def stay(last: np.ndarray, actual: np.ndarray) -> np.ndarray:
        return last

    tables = {"naive": stay, "copy": stay, "model": noisy(0.1), "twin": noisy(0.1)}
    table = pl.concat(make_forecasts(forecast, n=260, model=model) for model, forecast in tables.items())
    found = find_confidence_set(table, NOTHING, OPTIONS)
    rows = {row["model"]: row for row in found.table.iter_rows(named=True)}
    assert {model: row["tested_as"] for model, row in rows.items()} == {
        "copy": "naive",
        "model": None,
        "naive": None,
        "twin": "model",
    }
    assert rows["copy"]["p_mcs"] == rows["naive"]["p_mcs"]
    assert rows["twin"]["p_mcs"] == rows["model"]["p_mcs"]
    assert found.notes[-1] == "tested as the naive forecast, which they are: copy"


def test_naive_alone_is_the_whole_set(make_forecasts) -> None:
    found = find_confidence_set(make_forecasts(lambda last, actual: last, model="copy", n=260), NOTHING, Options())
    assert found.table["model"].to_list() == ["naive", "copy"]
    assert found.table["in_set"].to_list() == [True, True]
    assert found.table["p_spa"].to_list() == [None, None]


def test_models_of_equal_mean_loss_both_stay() -> None:
    """Misses are 0 and 1, so that equal means are common; arch alone cannot choose between them."""
    rng = np.random.default_rng(0)
    one = rng.permutation(np.repeat([0.0, 1.0], 60))
    p = confidence_set(np.stack([one, rng.permutation(one), rng.permutation(one)], axis=1), block=2, options=OPTIONS)
    assert p.shape == (3,)
    assert (p > 0.9).all()


def test_few_forecasts_are_noted_and_too_few_left_out(make_forecasts) -> None:
    few = make_forecasts(noisy(0.1), n=249)
    short = make_forecasts(noisy(0.1), n=49, market="made:SHORT/USD")
    found = find_confidence_set(pl.concat([few, short]), NOTHING, OPTIONS)
    assert found.table["market"].unique().to_list() == ["made:UP/USD"]
    told = "the model confidence set needs at least 50 forecasts and is left out for made:SHORT/USD (49)"
    assert found.notes[0] == told
    assert found.notes[-1].startswith("below 250 forecasts a confidence set is coarse (fewest here 249)")


def test_the_block_is_at_least_the_overlap_and_origins_are_common(make_forecasts) -> None:
    one, other = (make_forecasts(noisy(0.1, seed), n=150, steps=5, model=f"m{seed}") for seed in (1, 2))
    found = find_confidence_set(pl.concat([one, other[50:]]), NOTHING, Options(repetitions=100))
    assert found.table["n"].unique().to_list() == [140]
    assert found.table["block"].min() >= 5
    told = "the model confidence set leaves out 10 of 150 origins of made:UP/USD: not every model has them"
    assert found.notes[0] == told


def test_losses_far_from_one_do_not_matter(make_forecasts) -> None:
    rng = np.random.default_rng(2)
    returns = pl.DataFrame({"r": 1e-160 * rng.standard_normal(260), "guess": 1e-161 * rng.standard_normal(260)})
    small = make_forecasts(noisy(0.0), n=260).with_columns(
        quantity=pl.lit("log_return"), actual=returns["r"], value=returns["guess"]
    )
    large = small.with_columns(pl.col("actual", "value") * 2.0**500)
    columns = ["in_set", "p_mcs", "p_spa"]
    tables = [find_confidence_set(table, NOTHING, OPTIONS).table.select(columns) for table in (small, large)]
    assert tables[0].equals(tables[1])


def test_models_without_a_common_origin_are_told(make_forecasts) -> None:
    one, other = make_forecasts(noisy(0.1), n=60, model="one"), make_forecasts(noisy(0.1), n=60, model="other")
    found = find_confidence_set(pl.concat([one[:30], other[30:]]), NOTHING, OPTIONS)
    assert found.table.is_empty()
    assert found.notes[-1] == "the model confidence set needs at least 50 forecasts and is left out for made:UP/USD (0)"
