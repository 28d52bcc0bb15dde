"""Scores against a slow obvious loop, and running verdicts against the judge itself."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coincast.errors import ForecastError
from coincast.forecasts.table import FORECAST_COLUMNS
from coincast.live.ledger import (
    MISSING,
    Ledger,
    LiveStep,
    append_forecast,
    append_outage,
    append_score,
    due,
    forecast_table,
    running,
    score_table,
    verify,
)
from coincast.scores.verdict import deciding_rows, score_forecasts
from coincast.scores.words import sentence


@pytest.fixture
def ledger(path: Path, maker: Any) -> Iterator[Ledger]:
    with Ledger.open(path, write=True, now=maker.begun) as opened:
        yield opened


def score(ledger: Ledger, maker: Any, number: int, actual: float, *, after: int = 1000) -> Any:
    return append_score(ledger, maker.market, "1h", maker.origin(number), actual, maker.origin(number) + after)


def test_due_waits_for_the_close_and_for_its_value(ledger: Ledger, maker: Any) -> None:
    append_forecast(ledger, maker.forecast(1, steps=2), maker.origin(1))
    append_forecast(ledger, maker.forecast(1, model="late"), maker.origin(2) + 1)
    assert due(ledger, maker.origin(2) + 499, settle=500) == []
    assert due(ledger, maker.origin(2) + 500, settle=500) == [(maker.market, "1h", maker.origin(2))]
    assert [one.target_time for one in due(ledger, maker.origin(9), settle=0)] == [maker.origin(2), maker.origin(3)]
    score(ledger, maker, 2, 100.0)
    assert [one.target_time for one in due(ledger, maker.origin(9), settle=0)] == [maker.origin(3)]
    with Ledger.open(ledger.path, write=False) as reader:
        assert due(reader, maker.origin(9), settle=0) == due(ledger, maker.origin(9), settle=0)


def test_a_candle_that_never_comes_waits_no_longer(ledger: Ledger, maker: Any) -> None:
    append_forecast(ledger, maker.forecast(1, steps=3), maker.origin(1))
    span = {"since": maker.origin(2), "until": maker.origin(3), "now": maker.origin(5), "words": "it never came"}
    append_outage(ledger, reason=MISSING, market=maker.market, interval="1h", **span)
    assert [one.target_time for one in due(ledger, maker.origin(9), settle=0)] == [maker.origin(2), maker.origin(4)]
    append_outage(ledger, reason="network", **{**span, "since": maker.origin(1), "until": maker.origin(9)})
    assert len(due(ledger, maker.origin(9), settle=0)) == 2


def test_a_score_says_what_a_slow_loop_says(ledger: Ledger, maker: Any) -> None:
    forecasts = [maker.forecast(1, steps=2), maker.forecast(2, steps=2)]
    entries = [append_forecast(ledger, one, one.origin).entry for one in forecasts]
    append_forecast(ledger, maker.forecast(2, model="late"), maker.origin(2) + 180_001)
    actual = 101.3
    body = score(ledger, maker, 3, actual).entry.body
    assert [one["number"] for one in body["forecasts"]] == [2, 3]
    for told, forecast, entry, step in zip(body["forecasts"], forecasts, entries, (2, 1), strict=True):
        said = forecast.steps[step - 1]
        assert (told["hash"], told["step"], told["origin"]) == (entry.hash, step, forecast.origin)
        assert told["error"] == pytest.approx(abs(math.log(said.value / actual)), rel=1e-12)
        assert told["naive_error"] == pytest.approx(abs(math.log(forecast.last_close / actual)), rel=1e-12)
        assert told["last_trade_error"] == pytest.approx(abs(math.log(forecast.last_trade / actual)), rel=1e-12)
        for band, scores, covered in (
            (said.quantiles, "interval_score", "covered"),
            (said.naive_quantiles, "naive_interval_score", "naive_covered"),
        ):
            for percent, low, high in (("90", "q05", "q95"), ("80", "q10", "q90")):
                if low not in band:
                    assert percent not in told[covered]
                    continue
                below, above = max(band[low] - actual, 0), max(actual - band[high], 0)
                alpha = 1 - int(percent) / 100
                expected = (band[high] - band[low] + 2 / alpha * (below + above)) / forecast.last_close
                assert told[scores][percent] == pytest.approx(expected, rel=1e-9)
                assert told[covered][percent] == (band[low] <= actual <= band[high])


def test_edges_of_a_score(ledger: Ledger, maker: Any) -> None:
    """No bound is infinite; a price below zero counts as 1 % of the last close; no interval, no coverage."""
    target = maker.origin(2)
    for model, step in {
        "endless": LiveStep(1, target, 50.0, {"q05": -math.inf, "q95": math.inf}, {"q05": 1.0, "q95": 2.0}),
        "below": LiveStep(1, target, -3.0),
    }.items():
        forecast = maker.forecast(1, model=model, steps=1, last_close=100.0, last_trade=None, last_trade_at=None)
        append_forecast(ledger, replace(forecast, steps=(step,)), maker.origin(1))
    endless, below = score(ledger, maker, 2, 200.0).entry.body["forecasts"]
    assert (endless["covered"], endless["interval_score"]) == ({"90": True}, {"90": None})
    assert endless["naive_covered"] == {"90": False}
    assert endless["last_trade_error"] is None
    assert below["error"] == pytest.approx(math.log(200.0 / 1.0))
    assert (below["covered"], below["interval_score"]) == (None, None)


def test_what_is_not_scored(ledger: Ledger, maker: Any) -> None:
    append_forecast(ledger, maker.forecast(1), maker.origin(1))
    assert score(ledger, maker, 5, 100.0) is None
    for actual in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ForecastError, match="above zero"):
            score(ledger, maker, 2, actual)
    with pytest.raises(ForecastError, match="has not closed"):
        score(ledger, maker, 2, 100.0, after=-1)
    assert ledger.head().count == 2


def test_a_revised_candle_is_a_new_entry_and_the_newest_counts(ledger: Ledger, maker: Any) -> None:
    append_forecast(ledger, maker.forecast(1), maker.origin(1))
    first = score(ledger, maker, 2, 100.0)
    assert score(ledger, maker, 2, 100.0 * (1 + 1e-12)).entry == first.entry
    second, third = score(ledger, maker, 2, 101.0), score(ledger, maker, 2, 100.0)
    assert [one.entry.body["revision"] for one in (first, second, third)] == [0, 1, 2]
    assert ledger.entry(first.entry.number) == first.entry
    table = score_table(ledger)
    assert table["counts"].to_list() == [False, False, True]
    assert forecast_table(ledger)["actual"].to_list() == [100.0]
    [verdict] = running(ledger)
    assert (verdict.n, verdict.loss) == (1, pytest.approx(first.entry.body["forecasts"][0]["error"]))


@pytest.mark.parametrize(("steps", "count"), [(1, 40), (2, 48)])
def test_running_verdicts_are_those_of_the_judge(path: Path, maker: Any, steps: int, count: int) -> None:
    """On the forecasts that count, with Holm over all models and markets; also as the last score tells them."""
    other = "simulated:SIMETH/USDT"
    with Ledger.open(path, write=True, now=maker.begun) as ledger:
        ledger.query("PRAGMA synchronous = OFF")
        for number in range(count):
            now = maker.origin(number) + 1000
            maker.score_due(ledger, now)
            for model, skew in {"lstm": 1.0, "bad": 1.02, "copy": None}.items():
                forecast = maker.forecast(number, model=model, steps=steps)
                told = [
                    LiveStep(one.step, one.target_time, one.value * skew if skew else forecast.last_close)
                    for one in forecast.steps
                ]
                late = 400_000 if number % 17 == 5 else 0
                append_forecast(ledger, replace(forecast, steps=tuple(told)), now + late)
            append_forecast(ledger, maker.forecast(number, market=other, model="lstm", steps=steps), now + late)
        table = forecast_table(ledger, on_time=True).select(*FORECAST_COLUMNS, "actual", "last_close")
        judged = {
            (row["market"], row["model"]): row for row in deciding_rows(score_forecasts(table)).iter_rows(named=True)
        }
        found = {(one.market, one.model): one for one in running(ledger)}
        assert found.keys() == judged.keys()
        assert len(found) == 4
        tests = sum(row["p_holm"] is not None for row in judged.values())
        for key, row in judged.items():
            one = found[key]
            names = ("n", "overlap", "skill", "low", "high", "statistic", "p", "p_holm", "detectable", "verdict")
            for name in names:
                expected = row[name]
                given = getattr(one, name)
                assert given == (
                    pytest.approx(expected, rel=1e-9, abs=1e-12) if isinstance(expected, float) else expected
                )
            assert (one.loss, one.naive) == (pytest.approx(row["value"]), pytest.approx(row["naive"]))
            assert one.sentence == sentence(row, tests=tests)
        assert {one.verdict for one in found.values()} >= {"worse", "not distinguishable"}
        last = next(ledger.entries(kind="score", newest_first=True, limit=1))
        for told in last.body["verdicts"]:
            one = found[last.body["market"], told["model"]]
            assert {name: getattr(one, name) for name in told} == pytest.approx(told, nan_ok=False)
        fresh = Ledger.open(path, write=False)
        assert running(fresh) == running(ledger)
        fresh.close()
    assert verify(path).ok


def test_a_score_that_cannot_be_written_leaves_no_trace(
    ledger: Ledger, maker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    append_forecast(ledger, maker.forecast(1), maker.origin(1))
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "append", lambda *_: (_ for _ in ()).throw(OSError("gone")))
        with pytest.raises(OSError, match="gone"):
            score(ledger, maker, 2, 100.0)
    assert running(ledger)[0].n == 0
    assert len(due(ledger, maker.origin(9), settle=0)) == 1


def test_coverage_is_the_share_inside(ledger: Ledger, maker: Any) -> None:
    maker.fill(ledger, 30)
    rows = forecast_table(ledger, quantiles=True).drop_nulls("actual")
    inside = np.mean(((rows["q10"] <= rows["actual"]) & (rows["actual"] <= rows["q90"])).to_list())
    assert 0 < inside < 1
    assert running(ledger)[0].coverage80 == pytest.approx(inside)


def test_a_score_may_be_longer_than_any_other_entry(
    ledger: Ledger, maker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has a line for every model, and else no model would ever be scored."""
    monkeypatch.setattr("coincast.live.ledger.ledger.LARGEST_BODY", 2_000)
    for number in range(10):
        append_forecast(ledger, maker.forecast(1, model=f"model {number}"), maker.origin(1))
    assert len(score(ledger, maker, 2, 100.0).entry.body["forecasts"]) == 10
    assert verify(ledger.path).ok
