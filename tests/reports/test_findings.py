"""What reports read from the further tests: the same figures as the tables they come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from coincast.reports.findings import fluctuations, lag_line, span_path, step_errors
from coincast.reports.in_figures import data_line, decisive_line, figure_lines, runs_line
from coincast.reports.marks import board_marks, set_text
from coincast.reports.pictures_models import last_fits
from coincast.reports.reading import row_of, run_rows, subject_row
from coincast.reports.reading_intervals import coverage_rows, fan, interval_text, pit_bins, told_percent
from coincast.reports.story import Story
from coincast.reports.wording import trials_line
from coincast.scores.verdict import deciding_rows


def test_marks_are_those_of_the_tables(examined_section: Story) -> None:
    marks = board_marks(examined_section)
    held = examined_section.further["confidence_set"]
    assert {model for model, mark in marks.items() if mark.in_set} == set(held.filter("in_set")["model"])
    for row in examined_section.further["bootstrap"].iter_rows(named=True):
        assert (marks[row["model"]].low, marks[row["model"]].high) == (row["bootstrap_low"], row["bootstrap_high"])


@pytest.mark.parametrize(("word", "expected"), [("worse", True), ("not distinguishable", True), ("better", False)])
def test_a_hint_never_stands_beside_a_better_forecast(examined_section: Story, word: str, *, expected: bool) -> None:
    hints = examined_section.further["clark_west"].with_columns(hint=pl.lit(True))
    assert not hints.is_empty()
    decided = pl.when(pl.col("verdict").is_not_null()).then(pl.lit(word)).alias("verdict")
    story = replace(
        examined_section,
        scores=examined_section.scores.with_columns(decided),
        further={**examined_section.further, "clark_west": hints},
    )
    marks = board_marks(story)
    assert all(marks[model].hint is expected for model in hints["model"])


def test_set_is_told_with_all_that_made_it(examined_section: Story) -> None:
    text = set_text(examined_section)
    row = examined_section.further["confidence_set"].row(0, named=True)
    for told in ("100 repetitions", f"blocks of {row['block']} on average", "seed 0", "90 %", "Below 250 forecasts"):
        assert told in text
    enough = {"confidence_set": examined_section.further["confidence_set"].with_columns(n=pl.lit(250))}
    assert "Below" not in set_text(replace(examined_section, further=enough))
    assert set_text(replace(examined_section, further={})) == ""


@pytest.mark.parametrize(
    ("inside", "verdict", "is_told"),
    [
        (["naive", "ar"], "better", True),
        (["naive", "ar"], "not distinguishable", False),
        (["naive", "ar"], "worse", True),
        (["naive"], "worse", False),
        (["ar"], "not distinguishable", True),
        (["ar"], "better", False),
    ],
)
def test_a_set_and_verdicts_that_seem_to_disagree_are_told(
    examined_section: Story, inside: list[str], verdict: str, *, is_told: bool
) -> None:
    words = pl.when(pl.col("verdict").is_not_null()).then(
        pl.when(pl.col("model") == "ar").then(pl.lit(verdict)).otherwise(pl.lit("not distinguishable"))
    )
    held = examined_section.further["confidence_set"].with_columns(in_set=pl.col("model").is_in(inside))
    story = replace(
        examined_section,
        scores=examined_section.scores.with_columns(verdict=words),
        further={"confidence_set": held},
    )
    assert ("the verdicts count" in set_text(story)) is is_told


def test_step_errors_are_rows_of_the_score_table(examined_section: Story) -> None:
    found = step_errors(examined_section)
    assert found is not None
    assert found.steps.tolist() == [1, 2]
    for step, value, word in zip(found.steps, found.value, found.words, strict=True):
        row = row_of(
            examined_section.scores, found.model, step=int(step), metric="abs_log_error", subset="all", level="ensemble"
        )
        assert row is not None
        assert value == row["value"]
        verdicts = examined_section.found("steps", model=found.model, step=int(step))
        assert word == verdicts["verdict"][0]
    assert found.summary.startswith("Of 2 steps: ")


def test_skill_leaves_the_band_exactly_where_the_test_rejects(examined_section: Story) -> None:
    # A wide noise makes a model that is worse in some windows.
    found = fluctuations(examined_section)
    assert found is not None
    path = examined_section.found("fluctuation_path", model=found.model).sort("time")
    outside = np.abs(found.skill) > found.band
    assert outside.tolist() == path["rejects"].to_list()


def test_band_is_crossed_somewhere(make_examined: Callable[..., Story]) -> None:
    noisy = make_examined({"ar": 0.001}, markets=("made:UP/USD",)).sections()[0]
    path = noisy.further["fluctuation_path"].with_columns(statistic=pl.col("statistic") * 50)
    whole = noisy.further["fluctuation"].with_columns(pl.col("error") / 50)
    row = subject_row(noisy)
    assert row is not None
    story = replace(noisy, further={"fluctuation_path": path, "fluctuation": whole})
    found = fluctuations(story)
    assert found is not None
    told = path.filter(pl.col("model") == row["model"]).sort("time")
    rejects = (told["statistic"].abs() > told["critical"]).to_list()
    assert any(rejects)
    assert (np.abs(found.skill) > found.band).tolist() == rejects


def test_naive_line_dips_to_nothing_at_the_last_price(examined_section: Story) -> None:
    found = lag_line(examined_section)
    assert found is not None
    assert found.step == 1
    assert found.naive[found.lags == 1] == pytest.approx(0.0, abs=1e-12)
    assert found.naive.argmin() == 1
    assert found.distance[found.best] == found.distance.min()
    assert found.text == examined_section.found("lag", model=found.model)["sentence"][0]


def test_whole_span_has_a_flat_naive_line(examined_section: Story) -> None:
    found = span_path(examined_section)
    assert found is not None
    assert np.unique(found.naive).size == 1
    # Runs drift by 0.2 and 0.3 % a candle; the ensemble is their mean.
    step = np.arange(1, 101)
    expected = found.naive * (np.exp(0.002 * step) + np.exp(0.003 * step)) / 2
    np.testing.assert_allclose(found.value, expected)
    assert "no verdict" in found.text


def test_fan_is_nested_and_comes_from_the_intervals(examined_section: Story) -> None:
    found = fan(examined_section)
    assert found is not None
    assert [name for name, _, _ in found.bands] == ["90", "80", "50"]
    assert found.time.size == 100
    (_, low, high), (_, inner_low, inner_high), _ = found.bands
    assert (low <= inner_low + 1e-9).all()
    assert (inner_high <= high + 1e-9).all()
    assert examined_section.intervals is not None
    table = examined_section.intervals.filter(pl.col("model") == found.model, pl.col("step") == 1).sort("origin")
    told = table["q05"].to_numpy()[-101:]
    assert set(np.round(low, 6)) <= set(np.round(told, 6))


def test_infinite_intervals_have_gaps_and_are_counted(examined_section: Story) -> None:
    assert examined_section.intervals is not None
    last = examined_section.intervals["origin"].sort()[-20]
    endless = pl.when(pl.col("origin") >= last).then(float("inf")).otherwise(pl.col("q95")).alias("q95")
    story = replace(examined_section, intervals=examined_section.intervals.with_columns(endless))
    found = fan(story)
    assert found is not None
    gaps = np.isnan(found.bands[0][2])
    assert 0 < gaps.sum() == found.infinite
    assert not np.isnan(found.bands[1][2]).any()


def test_coverage_is_that_of_a_plain_count(examined_section: Story) -> None:
    rows = coverage_rows(examined_section)
    assert [row["nominal"] for row in rows if row["subset"] == "all"] == [0.9, 0.8, 0.5]
    assert [row["subset"] for row in rows[3:]] == ["calm", "middle", "wild"]
    row = rows[1]
    assert examined_section.intervals is not None
    assert examined_section.forecasts is not None
    keys = ["origin", "step"]
    truth = examined_section.forecasts.filter(pl.col("model") == row["model"]).select(*keys, "actual")
    joined = examined_section.intervals.filter(pl.col("model") == row["model"]).join(truth, on=keys)
    inside = joined.select(((pl.col("actual") >= pl.col("q10")) & (pl.col("actual") <= pl.col("q90"))).mean()).item()
    assert row["value"] == pytest.approx(inside)
    assert f"The 80 % intervals covered {100 * inside:.1f} %" in interval_text(examined_section)


def test_bins_of_the_histogram_hold_every_price(examined_section: Story) -> None:
    bins = pit_bins(examined_section)
    assert bins is not None
    assert bins["share"].sum() == pytest.approx(1)
    assert bins["expected"].sum() == pytest.approx(1)


def test_the_nearest_interval_is_told() -> None:
    assert told_percent([0.9, 0.8, 0.5]) == 0.8
    assert told_percent([0.9, 0.5]) == 0.9


def test_line_of_the_test(examined_section: Story) -> None:
    row = subject_row(examined_section)
    assert row is not None
    text = decisive_line(row)
    assert f"relative error {row['value'] / row['naive']:.3f} [{1 - row['high']:.3f}, {1 - row['low']:.3f}]" in text
    assert f"n = {row['n']}" in text
    assert text.endswith(f": {row['verdict']}.")


def test_a_relative_error_is_seen_on_its_side_of_one(section: Story) -> None:
    row = subject_row(section)
    assert row is not None
    changed = {**row, "low": -0.0003, "high": 0.032, "statistic": 1.0, "p": 0.06, "verdict": "not distinguishable"}
    assert "[0.968, 1.00030]" in decisive_line(changed)


def test_lines_cover_what_is_there(examined_section: Story, section: Story) -> None:
    assert [name for name, _ in figure_lines(examined_section)] == ["Test", "Direction", "Intervals", "Data"]
    assert [name for name, _ in figure_lines(section)] == ["Test", "Runs", "Data"]


def test_gaps_are_counted(section: Story) -> None:
    assert section.candles is not None
    assert "691 candles of 1 day, no gaps; the last closed at 2017-11-22 00:00 UTC" in data_line(section)
    holed = section.candles.with_row_index().filter(~pl.col("index").is_in([5, 6, 9])).drop("index")
    assert "688 candles of 1 day, 2 gaps" in data_line(replace(section, candles=holed))


def test_a_winner_that_changes_with_the_seed_is_a_tie(section: Story) -> None:
    assert "tie" not in runs_line(section)
    runs = run_rows(section.scores)
    shifted = pl.when(pl.col("run") % 2 == 0).then(pl.col("skill") + 0.01).otherwise(pl.col("skill") - 0.01)
    other = section.scores.filter(pl.col("model").is_in(["lstm", "lstm.ensemble"]))
    other = other.with_columns(
        pl.col("model").str.replace("lstm", "gru"), skill=pl.when(pl.col("run") > 0).then(shifted).otherwise("skill")
    )
    text = runs_line(replace(section, scores=pl.concat([section.scores, other])))
    assert text.endswith("changes with the seed: a tie.")
    assert "LSTM" in text
    assert "GRU" in text
    skills = runs["skill"]
    assert f"{abs(100 * skills.mean()):.1f} % on average" in runs_line(section)  # type: ignore[operator,arg-type]


@pytest.mark.parametrize(("trials", "expected"), [(None, ""), (1, ""), (14, "Best of 14 configurations")])
def test_trials_are_told(section: Story, trials: int | None, expected: str) -> None:
    text = trials_line(replace(section, trials=trials))
    assert text.startswith(expected)
    assert bool(text) is bool(expected)
    # The smallest of 14 uniform p values is 1 / 15 on average.
    assert not text or "p of 0.067 on average" in text


def test_only_the_last_fit_of_a_run_is_drawn(section: Story) -> None:
    assert section.history is not None
    twice = pl.concat(
        [
            section.history.with_columns(fit=pl.lit(1)),
            section.history.with_columns(fit=pl.lit(2), loss=pl.col("loss") / 2).filter(pl.col("run") > 1),
        ]
    )
    kept, fits = last_fits(twice)
    assert fits == 2
    assert kept.height == section.history.height
    assert kept.filter(pl.col("run") == 1)["fit"].unique().to_list() == [1]
    assert kept.filter(pl.col("run") == 2)["fit"].unique().to_list() == [2]
    assert last_fits(section.history) == (section.history, 1)


def test_sections_keep_their_own_findings(examined: Story) -> None:
    for section in examined.sections():
        assert "pooled" not in section.further
        for table in section.further.values():
            assert table.is_empty() or table["market"].unique().to_list() == [section.market]
    assert set(examined.found("pooled")["model"]) == {"ar", "drift", "lstm.ensemble"}


def test_nothing_is_read_where_nothing_was_made(section: Story) -> None:
    empty = replace(section, further={"steps": pl.DataFrame(), "lag": pl.DataFrame()})
    assert board_marks(empty) == {}
    assert step_errors(empty) is None
    assert fluctuations(empty) is None
    assert lag_line(empty) is None
    assert span_path(empty) is None
    assert fan(empty) is None
    assert pit_bins(empty) is None
    assert coverage_rows(empty) == []
    assert interval_text(empty) == ""
    assert deciding_rows(empty.scores).height
