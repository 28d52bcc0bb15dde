"""The track record against slow counts over the very entries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

import polars as pl
import pytest

from coincast.errors import UnknownNameError
from coincast.live.ledger import (
    CAUTION,
    Ledger,
    append_forecast,
    append_outage,
    append_score,
    forecast_table,
    glance,
    record,
    running,
    track_record,
)
from coincast.scores.quantiles import wilson_interval

Filled = Callable[..., Path]


def test_an_empty_ledger(path: Path) -> None:
    with Ledger.open(path, write=True) as ledger:
        record, seen = track_record(ledger), glance(ledger)
    assert (record.head.count, record.sentences) == (1, [])
    for table in (record.models, record.over_time, record.coverage, record.misses, record.late, record.outages):
        assert table.is_empty()
    assert (seen.forecasts.height, seen.verdicts) == (0, [])


def test_everything_is_counted(path: Path, maker: Any) -> None:
    with Ledger.open(path, write=True, now=maker.begun) as ledger:
        maker.fill(ledger, 60, models=("lstm", "gru"))
        append_forecast(ledger, maker.forecast(61), maker.origin(61) + 180_001)
        span = {"since": maker.origin(60), "until": maker.origin(62), "now": maker.origin(62)}
        append_outage(ledger, reason="network", words="no answer", missed=[maker.origin(60)], **span)
        first = maker.origin(1)
        append_score(ledger, maker.market, "1h", first, maker.close(1) * 1.5, maker.origin(62))
        record, table, now = track_record(ledger), forecast_table(ledger, quantiles=True), running(ledger)

    assert record.models["model"].to_list() == ["gru", "lstm"]
    assert record.models.select("forecasts", "late", "n").rows() == [(60, 0, 59), (60, 1, 59)]
    assert record.models["source"].to_list() == ["coincast"] * 2
    assert record.sentences == [one.sentence for one in now]
    known = table.filter(~pl.col("late")).drop_nulls("actual")
    for row in record.models.iter_rows(named=True):
        own = known.filter(pl.col("model") == row["model"])
        errors, second = ((own[name] / own["actual"]).log().abs() for name in ("value", "last_trade"))
        assert row["last_trade_skill"] == pytest.approx(1 - errors.mean() / second.mean())

    for row in record.coverage.iter_rows(named=True):
        own = known.filter(pl.col("model") == row["model"])
        low, high = {90: ("q05", "q95"), 80: ("q10", "q90")}[int(row["percent"])]
        inside = [a <= c <= b for a, c, b in own.select(low, "actual", high).rows()]
        assert (row["covered"], row["n"]) == (pytest.approx(fmean(inside)), 59)
        assert (row["low"], row["high"]) == pytest.approx(wilson_interval(fmean(inside), 59))
        assert (row["naive_covered"] is None) == (row["percent"] == 80)
    assert record.coverage.height == 4

    out = known.filter(~pl.col("actual").is_between("q05", "q95"))
    keys = ["model", "number", "value", "actual"]
    assert record.misses.sort("number").select(keys).rows() == out.sort("number").select(keys).rows()
    assert {(first - maker.begun) // maker.hour} <= {
        (time - maker.begun) // maker.hour for time in record.misses["target_time"].dt.epoch("ms")
    }
    assert record.misses.select((pl.col("low") == pl.col("value") * 0.985).all()).item()

    assert record.late.select("model", "origin").with_columns(pl.col("origin").dt.epoch("ms")).rows() == [
        ("lstm", maker.origin(61))
    ]
    assert record.outages["reason"].to_list() == ["network"]
    times = record.over_time.filter(model="gru")
    assert times["n"].to_list() == list(range(1, 60))  # the revision is no point of it
    assert times["skill"][-1] != record.models["skill"][0]
    assert times["low"].null_count() == 19


def test_a_glance_at_one_market(filled: Filled, maker: Any) -> None:
    with Ledger.open(filled(8, models=("lstm", "gru")), write=False) as ledger:
        seen = glance(ledger, market=maker.market, last=3)
        assert seen.forecasts["number"].to_list() == sorted(seen.forecasts["number"].to_list())
        assert seen.forecasts.height == 3
        assert seen.forecasts["origin"][-1] == forecast_table(ledger)["origin"].max()
        assert len(seen.verdicts) == 2
        assert seen.to_dict()["caution"] == CAUTION
        with pytest.raises(UnknownNameError, match=maker.market):
            glance(ledger, market="a:B/C")


def test_a_model_that_is_scored_while_the_record_is_read(
    path: Path, maker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is read first and next: no score is without its verdict."""
    with Ledger.open(path, write=True, now=maker.begun) as ledger:
        maker.fill(ledger, 2)

        def and_then(read: Callable[..., Any]) -> Callable[..., Any]:
            def wrapped(*arguments: Any) -> Any:
                found = read(*arguments)
                number = ledger.head().count + 10
                append_forecast(ledger, maker.forecast(number, model=f"{number}"), maker.origin(number))
                maker.score_due(ledger, maker.origin(number + 2))
                return found

            return wrapped

        for name in ("running", "score_table"):
            monkeypatch.setattr(f"coincast.live.ledger.record.{name}", and_then(getattr(record, name)))
        assert track_record(ledger).coverage.height >= 2
