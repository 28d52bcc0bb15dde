"""Trials are counted by what was judged and by what made it, and nothing that happens to the files spoils a run."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytest

import coincast as cc
from coincast.experiments.spec import Spec
from coincast.experiments.trial import configurations, find_trials
from coincast.experiments.trials import Trials, count_trials, record_trials, winner_words, words
from coincast.scores.verdict import deciding_rows, score_forecasts
from coincast.scores.words import spoken_name

START = datetime(2020, 1, 1, tzinfo=UTC)


def table(
    models: dict[str, float], *, days: int = 60, first: int = 0, runs: int = 0, market: str = "made:UP/USD"
) -> pl.DataFrame:
    """Daily price forecasts: each model errs by its own share of the last close; with runs, one of each number."""
    close = 100 * np.exp(0.02 * np.random.default_rng(1).standard_normal(400).cumsum())
    rows = [
        {
            "market": market,
            "interval": "1d",
            "model": model,
            "run": run,
            "quantity": "price",
            "trained_until": START,
            "origin": START + timedelta(days=day),
            "step": 1,
            "target_time": START + timedelta(days=day + 1),
            "value": close[day] * (1 + error * (1 + 0.1 * run)),
            "actual": close[day + 1],
            "last_close": close[day],
        }
        for model, error in models.items()
        for run in (range(1, runs + 1) if runs else [0])
        for day in range(first, first + days)
    ]
    times = pl.Datetime("ms", "UTC")
    return pl.DataFrame(rows).with_columns(pl.col("trained_until", "origin", "target_time").cast(times))


# ---------------------------------------------------------------- what counts


def test_naive_copies_and_single_runs_are_no_trials(tmp_path: Path) -> None:
    plain = table({"naive": 0.0, "copy": 0.0, "up": 0.01})
    runs = table({"net": 0.02}, runs=3)
    trials = find_trials(pl.concat([plain, runs]))
    assert sorted(trial.model for trial in trials) == ["net.ensemble", "up"]
    assert count_trials(table({"naive": 0.0, "copy": 0.0}), home=tmp_path).most is None


def test_the_same_configuration_counts_once_and_others_add_up(tmp_path: Path) -> None:
    first = record_trials(table({"a": 0.01, "b": 0.02}), home=tmp_path)
    assert [(span.count, span.new) for span in first.spans] == [(2, 2)]
    again = record_trials(table({"a": 0.01}), home=tmp_path)
    assert [(span.count, span.new) for span in again.spans] == [(2, 0)]
    third = record_trials(table({"c": 0.03}), home=tmp_path)
    assert [(span.count, span.new) for span in third.spans] == [(3, 1)]
    assert len(list((tmp_path / "trials").rglob("*.json"))) == 3


def test_the_same_forecasts_are_one_trial_whoever_names_them(tmp_path: Path) -> None:
    record_trials(table({"a": 0.01}), made_by={"a": "0123"}, home=tmp_path)
    assert record_trials(table({"renamed": 0.01}), home=tmp_path).most == 1
    # What made them counts as much: other numbers of the same configuration, as another machine gives, are no trial.
    assert record_trials(table({"a": 0.01001}), made_by={"a": "0123"}, home=tmp_path).most == 1
    assert record_trials(table({"a": 0.01002}), made_by={"a": "4567"}, home=tmp_path).most == 2


def test_counting_writes_nothing(tmp_path: Path) -> None:
    assert count_trials(table({"a": 0.01}), home=tmp_path).most == 1
    assert list(tmp_path.iterdir()) == []


def test_another_span_is_another_count_and_an_overlapping_one_is_told(tmp_path: Path) -> None:
    record_trials(table({"a": 0.01, "b": 0.02}), home=tmp_path)
    shifted = count_trials(table({"c": 0.03}, first=30), home=tmp_path)
    assert [(span.count, span.overlapping) for span in shifted.spans] == [(1, 2)]
    assert "and 2 more on spans that overlap it" in shifted.sentence
    apart = count_trials(table({"c": 0.03}, first=200), home=tmp_path)
    assert [(span.count, span.overlapping) for span in apart.spans] == [(1, 0)]
    other = count_trials(table({"c": 0.03}, market="made:DOWN/USD"), home=tmp_path)
    assert [(span.count, span.overlapping) for span in other.spans] == [(1, 0)]


def test_a_model_that_misses_some_origins_is_judged_on_the_span_of_the_others(tmp_path: Path) -> None:
    whole, part = table({"a": 0.01}), table({"b": 0.02}, days=50)
    counted = count_trials(pl.concat([whole, part]), home=tmp_path)
    assert [(span.count, span.overlapping) for span in counted.spans] == [(2, 0)]
    assert (counted.spans[0].first, counted.spans[0].last) == (START + timedelta(days=1), START + timedelta(days=60))


def test_simulated_markets_are_not_counted(tmp_path: Path) -> None:
    counted = record_trials(table({"a": 0.01}, market="simulated:WALK1/USD"), home=tmp_path)
    assert (counted.most, counted.sentence, list(tmp_path.iterdir())) == (None, "", [])


# ---------------------------------------------------------------- what made the forecasts


@dataclass(frozen=True)
class Mine:
    """A user's own forecaster."""

    learns: ClassVar[bool] = False

    def forecast(self, samples: Any, *, training: Any, origins: Any, seed: int) -> Any:
        return np.repeat(samples.close[origins][:, None] * 1.01, samples.windows.horizon, axis=1)


def test_a_configuration_is_all_that_changes_forecasts(small: Callable[..., Spec]) -> None:
    def made(*names: str, **changes: Any) -> dict[str, str]:
        spec = small(**{"models": [cc.LSTM(units=2), "ar", Mine()], **changes})
        return configurations(spec, pl.DataFrame({"model": names or ["ar", "lstm", "lstm.ensemble", "mine", "naive"]}))

    plain = made()
    assert set(plain) == {"ar", "lstm", "lstm.ensemble", "naive"}  # a user's own is told apart by its forecasts
    assert made() == plain
    longer = made(epochs=3)
    assert (longer["ar"], longer["lstm.ensemble"] == plain["lstm.ensemble"]) == (plain["ar"], False)
    assert made(seed=5)["lstm.ensemble"] != plain["lstm.ensemble"]
    assert made(features=["day_diff"])["lstm.ensemble"] != plain["lstm.ensemble"]
    renamed = made("other.ensemble", models=[{"name": "lstm", "label": "other", "units": 2}])
    assert renamed["other.ensemble"] == plain["lstm.ensemble"]
    rates = made("lstm(learning_rate=0.001).ensemble", "lstm(learning_rate=0.01).ensemble")
    assert len(set(rates.values())) == 2


def test_no_path_is_kept(small: Callable[..., Spec], tmp_path: Path) -> None:
    secret = str(tmp_path / "private" / "mood.csv")
    spec = small(models=["ar"], outside=[f"mood={secret}"])
    forecasts = table({"ar": 0.01})
    record_trials(forecasts, made_by=configurations(spec, forecasts), home=tmp_path)
    kept = next((tmp_path / "trials").rglob("*.json"))
    assert "private" not in kept.read_text(encoding="utf-8")
    moved = spec.model_copy(update={"data": spec.data.model_copy(update={"outside": ["mood=elsewhere/mood.csv"]})})
    assert configurations(moved, forecasts) == configurations(spec, forecasts)


# ---------------------------------------------------------------- files


def test_foreign_broken_and_newer_files_are_passed_over_with_a_note(tmp_path: Path) -> None:
    record_trials(table({"a": 0.01, "b": 0.02}), home=tmp_path)
    broken, newer = sorted((tmp_path / "trials").rglob("*.json"))
    newer.write_text(json.dumps({**json.loads(newer.read_text(encoding="utf-8")), "version": 99}), encoding="utf-8")
    broken.write_text('{"version": 1, "mark', encoding="utf-8")
    (broken.parent / ".half.12ab.json").write_text("{", encoding="utf-8")  # of a process that was killed
    (broken.parent / "notes.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "trials" / "readme").write_text("mine", encoding="utf-8")
    counted = record_trials(table({"c": 0.03}), home=tmp_path)
    assert counted.most == 1
    assert counted.notes == (
        "3 files among the trials in COINCAST_HOME are unreadable or not of this version, and not counted",
    )


@pytest.mark.parametrize("content", ["[]", "null", "3", "[" * 5000, '{"version": 1}', b"\xff\xfe"])
def test_whatever_stands_in_a_file_is_no_error(content: str | bytes, tmp_path: Path) -> None:
    record_trials(table({"a": 0.01}), home=tmp_path)
    kept = next((tmp_path / "trials").rglob("*.json"))
    kept.write_bytes(content if isinstance(content, bytes) else content.encode())
    counted = count_trials(table({"b": 0.02}), home=tmp_path)
    assert (counted.most, len(counted.notes)) == (1, 1)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes and devices here")
def test_only_small_regular_files_are_read(tmp_path: Path) -> None:
    """A pipe would wait for ever, and a device would never end."""
    record_trials(table({"a": 0.01}), home=tmp_path)
    folder = next((tmp_path / "trials").rglob("*.json")).parent
    os.mkfifo(folder / "pipe.json")
    (folder / "zero.json").symlink_to("/dev/zero")
    (folder / "large.json").write_text(" " * 20_000, encoding="utf-8")
    counted = count_trials(table({"b": 0.02}), home=tmp_path)
    assert counted.most == 2
    assert counted.notes[0].startswith("3 files among the trials in COINCAST_HOME are unreadable")


def test_many_at_once_lose_nothing(tmp_path: Path) -> None:
    tables = [table({f"m{number}": 0.001 * (number + 1), "shared": 0.05}) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: record_trials(one, home=tmp_path), tables))
    assert count_trials(table({"shared": 0.05}), home=tmp_path).most == 9


def test_a_home_that_cannot_be_written_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    counted = record_trials(table({"a": 0.01}), home=tmp_path / "file")
    assert counted.most == 1
    assert len(counted.notes) == 1
    assert "cannot be kept in COINCAST_HOME" in counted.notes[0]
    assert str(tmp_path) not in counted.notes[0]
    (tmp_path / "trials").write_text("", encoding="utf-8")
    counted = record_trials(table({"a": 0.01}), home=tmp_path)
    assert (counted.most, [note.partition(" in COINCAST_HOME")[0] for note in counted.notes]) == (
        1,
        ["earlier trials", "the trials of this run cannot be kept"],
    )
    monkeypatch.setenv("COINCAST_HOME", "~no such user/home")
    assert record_trials(table({"a": 0.01})).most == 1


# ---------------------------------------------------------------- words


def test_the_luck_in_words_is_that_of_uniform_p_values() -> None:
    smallest = np.random.default_rng(0).uniform(size=(100_000, 14)).min(axis=1)
    told = words(14)
    assert told.startswith("14 configurations have been judged on this test span; the best of 14 worthless ones looks")
    assert f"would be {smallest.mean():.2g} on average" in told
    assert "below 0.0036 is" in told
    assert np.mean(smallest < 0.05 / 14) == pytest.approx(0.05, abs=0.003)
    assert words(1) == "1 configuration has been judged on this test span."
    assert words(3, spans=2).startswith("At most 3 configurations have been judged on each of these 2 test spans; ")


def test_a_winner_stands_or_falls_by_the_number_of_trials() -> None:
    assert winner_words(14, 0.003) == "the best of 14: its p of 0.003 times 14 is 0.042, and still stands."
    assert winner_words(14, 0.2) == "the best of 14: its p of 0.2 times 14 is 1, and can be the luck of the best."
    assert winner_words(1, 0.003) == winner_words(14, None) == ""


def test_winners_are_named_where_they_are_better(tmp_path: Path) -> None:
    forecasts = table({f"m{number}": 0.001 * (number + 1) for number in range(4)})
    trials = record_trials(forecasts, home=tmp_path)
    scores = score_forecasts(forecasts)
    best = deciding_rows(scores).row(0, named=True)
    changed = scores.with_columns(
        verdict=pl.when(pl.col("verdict").is_not_null()).then(pl.lit("better")), p=pl.lit(0.01)
    )
    assert trials.tell_winners(changed) == [
        f"{spoken_name(best['model'])}: the best of 4: its p of 0.01 times 4 is 0.04, and still stands."
    ]
    assert trials.tell_winners(changed.with_columns(verdict=pl.lit("worse"))) == []
    assert Trials(()).tell_winners(changed) == []
