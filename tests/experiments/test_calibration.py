"""The judge on markets whose truth is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from statsmodels.stats.multitest import multipletests  # type: ignore[import-untyped]
from statsmodels.stats.proportion import proportion_confint  # type: ignore[import-untyped]

from coincast.errors import UsageError
from coincast.experiments.calibration.calibrate import Extent, calibrate
from coincast.experiments.calibration.markets import cut_chunks, draw_market, draw_markets, give_words, log_returns
from coincast.experiments.calibration.power import check_power, count_found, echo_spec, judge_first
from coincast.experiments.calibration.report import Calibration
from coincast.experiments.calibration.shares import share_row, share_table
from coincast.experiments.calibration.size import count_rejections, opposite_losses, origins_judged
from coincast.experiments.calibration.walks import count_alarms, count_tables, walk_spec
from coincast.experiments.entries import make_entries
from coincast.experiments.run import run_experiment
from coincast.reports.pictures_calibration import draw_power, draw_size
from coincast.scores.verdict import deciding_rows, score_forecasts
from coincast.sources.simulated import simulate

TINY = Extent(
    null_markets=100,
    null_lengths=(),
    walk_settings=((1000, 1),),  # as long as the echoes, so that one compiled program serves both
    walk_markets=4,
    walk_training=1000,
    echo_markets=4,
    echo_skills=(0.05,),
    echo_lengths=(100, 1000),
    echo_training=1000,
    is_quick=True,
)


@pytest.fixture(scope="module")
def tiny() -> Calibration:
    return calibrate(extent=TINY)


# ---------------------------------------------------------------- shares


@pytest.mark.parametrize(("count", "markets"), [(0, 40), (3, 100), (50, 1000), (7, 7)])
def test_an_interval_is_that_of_statsmodels(count: int, markets: int) -> None:
    row = share_row(count, markets)
    low, high = proportion_confint(count, markets, method="wilson")
    assert (row["share"], row["passed"]) == (count / markets, None)
    assert (row["low"], row["high"]) == pytest.approx((low, high), abs=1e-12)


def test_a_share_must_keep_its_bounds() -> None:
    passed = [share_row(count, 2000, least=0.035, most=0.065)["passed"] for count in (69, 70, 130, 131)]
    assert passed == [False, True, True, False]


def test_with_few_markets_only_the_whole_interval_can_break_a_bound() -> None:
    assert share_row(1, 12, most=0.035, lenient=True)["passed"]
    assert not share_row(1, 12, most=0.035)["passed"]
    low, _ = proportion_confint(6, 12, method="wilson")
    assert low > 0.035
    assert not share_row(6, 12, most=0.035, lenient=True)["passed"]
    assert not share_row(1, 12, least=0.9, lenient=True)["passed"]


# ---------------------------------------------------------------- markets


def test_every_market_is_drawn_from_a_seed_of_its_own() -> None:
    drawn = draw_markets("walk", range(3, 5), candles=300, seed=2)
    first, second = drawn.partition_by("market", maintain_order=True)
    assert drawn["market"].unique(maintain_order=True).to_list() == ["simulated:WALK4/USD", "simulated:WALK5/USD"]
    assert first.drop("market").equals(simulate("walk", candles=300, seed=20_000_003).drop("market"))
    assert abs(np.corrcoef(log_returns(first), log_returns(second))[0, 1]) < 4 / 300**0.5
    assert first.equals(draw_market("walk", 3, candles=500, seed=2).head(300))


def test_chunks_hold_every_market_once() -> None:
    chunks = list(cut_chunks(7, 250, rows_per_market=50_000))
    assert [number for chunk in chunks for number in chunk] == list(range(7, 257))
    assert max(map(len, chunks)) == 50
    assert [len(chunk) for chunk in cut_chunks(0, 3, rows_per_market=10**9)] == [1, 1, 1]


def test_words_follow_holm_within_each_market() -> None:
    p = {"a": [0.01, 0.03, 0.04], "b": [0.02, 0.6, 0.024]}
    rows = pl.DataFrame(
        [
            {"market": market, "model": model, "skill": skill, "p": value}
            for market, values in p.items()
            for model, skill, value in zip(("ar", "lstm", "drift"), (0.1, -0.1, 0.1), values, strict=True)
        ]
        + [{"market": "a", "model": "naive", "skill": 0.0, "p": 1.0}]
    )
    words = give_words(rows)
    assert words["model"].to_list() == ["ar", "lstm", "drift"] * 2
    for market, values in p.items():
        own = words.filter(pl.col("market") == market)
        assert own["p_holm"].to_list() == pytest.approx(multipletests(values, method="holm")[1])
    assert words["found"].to_list() == ["better", "worse", "better", "better", None, "better"]
    assert words["verdict"].to_list() == ["better", *["not distinguishable"] * 5]


# ---------------------------------------------------------------- true nulls


def test_opposite_losses_are_those_of_a_slow_loop() -> None:
    rng = np.random.default_rng(0)
    returns, error, horizon = rng.standard_t(4, 40), rng.standard_normal(40), 5
    above, below = opposite_losses(returns, error, horizon)
    price = np.concatenate([[0.0], np.cumsum(returns)])
    assert len(above) == 36
    for origin in range(36):
        miss = [np.sqrt(step) * error[origin] for step in range(1, 6)]
        move = [price[origin + step] - price[origin] for step in range(1, 6)]
        assert above[origin] == pytest.approx(np.mean([abs(m - e) for m, e in zip(move, miss, strict=True)]))
        assert below[origin] == pytest.approx(np.mean([abs(m + e) for m, e in zip(move, miss, strict=True)]))


def test_the_null_is_exact_by_symmetry() -> None:
    """A market upside down is as likely, and there each forecast has the losses of the other."""
    rng = np.random.default_rng(1)
    returns, error = rng.standard_t(4, 60), rng.standard_normal(60)
    above, below = opposite_losses(returns, error, 3)
    assert np.array_equal(opposite_losses(-returns, error, 3), (below, above))


def test_judged_are_all_lengths_that_get_a_verdict() -> None:
    assert origins_judged(1, (250, 1000, 4000)) == [20, 50, 250, 1000, 4000]
    assert origins_judged(5, (250, 1000, 4000)) == [100, 250, 1000, 4000]
    assert origins_judged(24, (250, 1000, 4000)) == [480, 1000, 1200, 4000]


def test_the_same_seed_draws_the_same_nulls_and_tells_its_progress() -> None:
    told: list[tuple[str, int, int]] = []
    first, second, other = (
        count_rejections(markets=51, lengths=(), seed=seed, lenient=True, on_step=lambda *step: told.append(step))
        for seed in (0, 0, 1)
    )
    assert first.equals(second)
    assert not first.equals(other)
    assert told[:2] == [("true nulls", 0, 51), ("true nulls", 50, 51)]


# ---------------------------------------------------------------- walks


def test_alarms_and_tables_are_counted() -> None:
    def row(n: int, market: str, model: str, found: str | None, verdict: str) -> dict[str, object]:
        return {"n": n, "horizon": 1, "market": market, "model": model, "found": found, "verdict": verdict}

    judged = pl.DataFrame(
        [
            row(60, "a", "ar", "better", "better"),
            row(60, "a", "drift", "better", "not distinguishable"),
            row(60, "b", "ar", None, "not distinguishable"),
            row(60, "b", "drift", "worse", "worse"),
            row(80, "c", "ar", None, "not distinguishable"),
            row(80, "c", "drift", "worse", "not distinguishable"),
        ]
    )
    models = count_alarms(judged, lenient=False)
    assert models.select("horizon", "model", "markets", "count").rows() == [(1, "ar", 3, 1), (1, "drift", 3, 1)]
    assert models["worse"].to_list() == pytest.approx([0, 2 / 3])
    assert models["passed"].to_list() == [False, False]
    tables = count_tables(judged, lenient=False)
    assert tables.select("n", "horizon", "markets", "count", "passed").rows() == [
        (60, 1, 2, 1, False),
        (80, 1, 1, 0, True),
        (None, None, 3, 1, False),
    ]


@pytest.mark.parametrize(("n", "horizon"), [(30, 1), (100, 5)])
def test_a_walk_is_judged_on_as_many_origins_as_said(n: int, horizon: int) -> None:
    spec = walk_spec(n, horizon, seed=0).model_copy(update={"models": make_entries(["drift"])})
    scores = run_experiment(spec, draw_market("walk", 0, candles=50 + n + horizon - 1, seed=0)).scores
    row = deciding_rows(scores).row(0, named=True)
    assert (row["n"], row["overlap"]) == (n, horizon)
    assert row["p"] is not None


# ---------------------------------------------------------------- power


def test_the_first_origins_are_judged_as_the_score_table_judges_them() -> None:
    spec = echo_spec(200, seed=0).model_copy(update={"models": make_entries(["ar", "oracle"])})
    forecasts = run_experiment(spec, draw_market("echo", 0, candles=400, seed=0, skill=0.05)).forecasts
    for row in judge_first(forecasts, (60, 200)):
        cut = forecasts.filter(pl.col("origin").rank("dense").over("model") <= row["n"])
        expected = deciding_rows(score_forecasts(cut)).row(by_predicate=pl.col("model") == row["model"], named=True)
        assert (row["skill"], row["p"]) == (expected["skill"], expected["p"])
        assert expected["n"] == row["n"]


@pytest.mark.parametrize(("network", "oracle", "passed"), [(18, 20, [True, True]), (14, 18, [False, False])])
def test_what_must_be_found(network: int, oracle: int, passed: list[bool]) -> None:
    power = _power({"lstm.ensemble": network, "oracle": oracle}, markets=20)
    found = check_power(power, lenient=False)
    assert found["share"].to_list() == pytest.approx([network / 20, network / oracle])
    assert found["least"].to_list() == [0.9, 0.8]
    assert found["passed"].to_list() == passed


def test_where_the_oracle_finds_nothing_nobody_passes() -> None:
    found = check_power(_power({"lstm.ensemble": 0, "oracle": 0}, markets=20), lenient=True)
    assert found["passed"].to_list() == [False, False]


def test_markets_found_are_counted() -> None:
    judged = pl.DataFrame(
        {
            "planted": [0.05] * 3,
            "n": [100] * 3,
            "model": ["ar"] * 3,
            "verdict": ["better", "worse", "better"],
            "skill": [0.1, -0.2, 0.4],
        }
    )
    assert count_found(judged).select("markets", "count", "skill").row(0) == pytest.approx((3, 2, 0.1))


def _power(found: dict[str, int], *, markets: int) -> pl.DataFrame:
    rows = [
        {"planted": 0.05, "n": n, "model": model, **share_row(count if n == 4000 else 0, markets), "skill": 0.04}
        for n in (250, 4000)
        for model, count in found.items()
    ]
    return share_table(rows).drop("least", "most", "passed")


# ---------------------------------------------------------------- whole


def test_a_short_calibration_passes(tiny: Calibration) -> None:
    assert tiny.passed, tiny.sentence
    assert tiny.sentence.startswith("All 22 figures keep their bounds: a true null is rejected in ")
    assert tiny.checks["what"].n_unique() == tiny.checks.height == 12 + 6 + 2 + 2
    assert list(tiny.seconds) == ["nulls", "walks", "echoes"]
    assert tiny.notes


def test_a_broken_bound_is_named(tiny: Calibration) -> None:
    broken = tiny.nulls.with_columns(passed=pl.int_range(pl.len()) != 0)
    report = Calibration(**{**vars(tiny), "nulls": broken})
    assert not report.passed
    assert report.sentence.startswith("1 of ")
    assert "true null, horizon 1, 20 origins, persistence 0: " in report.sentence


def test_a_calibration_is_saved_and_may_be_replaced(tiny: Calibration, tmp_path: Path) -> None:
    folder = tiny.save(tmp_path / "new")
    assert tiny.save(folder) == folder
    assert {path.name for path in folder.iterdir()} == {
        *(f"{name}.parquet" for name in ("nulls", "models", "tables", "power", "found")),
        *("size.png", "power.png", "calibration.json"),
    }
    assert pl.read_parquet(folder / "found.parquet").equals(tiny.found)


def test_a_folder_with_other_files_is_left_alone(tiny: Calibration, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="holds other files"):
        tiny.save(tmp_path)
    with pytest.raises(UsageError, match="is a file"):
        tiny.save(tmp_path / "mine.txt")


def test_pictures_have_a_panel_for_each_horizon_and_skill(tiny: Calibration) -> None:
    size, power = draw_size(tiny.nulls), draw_power(tiny.power)
    assert [len(figure.axes) for figure in (size, power)] == [3, 1]
    lines = {line.get_label(): line for line in power.axes[0].get_lines()}
    assert set(lines) == {"AR", "LSTM ensemble", "oracle"}
    seen = tiny.power.filter(pl.col("model") == "oracle").sort("n")["share"].to_list()
    assert np.asarray(lines["oracle"].get_ydata()).tolist() == seen


@pytest.mark.parametrize("seed", [-1, 1001])
def test_a_seed_out_of_range_is_refused(seed: int) -> None:
    with pytest.raises(UsageError, match="0 to 1,000"):
        calibrate(seed=seed)
