"""The door: on time or late, once, and nothing that cannot stand."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from coincast.errors import CoincastError, ForecastError, UsageError
from coincast.live.ledger import (
    Ledger,
    append_forecast,
    append_outage,
    default_allowance,
    forecast_table,
    live_forecasts,
    newest_forecasts,
    outage_table,
    target_times,
    verify,
)


@pytest.fixture
def ledger(path: Path, maker: Any) -> Any:
    with Ledger.open(path, write=True, now=maker.begun) as opened:
        yield opened


@pytest.mark.parametrize(
    ("interval", "seconds"), [("1m", 3), ("5m", 15), ("1h", 180), ("2h", 300), ("1d", 300), ("1M", 300)]
)
def test_allowance_is_a_twentieth_and_five_minutes_at_most(interval: str, seconds: int) -> None:
    assert default_allowance(interval) == 1000 * seconds


@pytest.mark.parametrize(("after", "late"), [(-180_000, False), (0, False), (180_000, False), (180_001, True)])
def test_on_time_is_within_the_allowance(ledger: Ledger, maker: Any, after: int, late: bool) -> None:
    entered = append_forecast(ledger, maker.forecast(1), maker.origin(1) + after)
    assert entered.entry.body["late"] is late
    assert ("late: not scored" in entered.words) is late
    assert ledger.book().due(2**60) == ([] if late else [(maker.market, "1h", maker.origin(2))])


def test_a_forecast_whose_target_has_closed_is_late(ledger: Ledger, maker: Any) -> None:
    forecast = maker.forecast(1, allowance=maker.hour - 1)
    assert not append_forecast(ledger, forecast, maker.origin(2) - 1).entry.body["late"]
    assert append_forecast(ledger, maker.forecast(1, model="b"), maker.origin(9)).entry.body["late"]


def test_the_first_forecast_of_an_origin_counts(ledger: Ledger, maker: Any) -> None:
    forecast, now = maker.forecast(1), maker.origin(1)
    first = append_forecast(ledger, forecast, now)
    again = append_forecast(ledger, replace(forecast, last_trade=1.0, last_trade_at=5), now + 900_000)
    other = append_forecast(ledger, maker.forecast(1, last_close=7.0), now)
    assert (first.is_new, again.is_new, other.is_new) == (True, False, False)
    assert again.entry == other.entry == first.entry
    assert "is entry 2 already" in again.words
    assert "other values; the first counts" in other.words
    assert "other values" not in again.words
    assert append_forecast(ledger, maker.forecast(1, model="b"), now).is_new
    assert ledger.head().count == 3


def with_step(**changes: Any) -> Callable[[Any], dict[str, Any]]:
    return lambda maker: {"steps": (replace(maker.forecast(3).steps[0], **changes),)}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (with_step(value=math.nan), "must be a number"),
        (with_step(value=math.inf), "must be a number"),
        (with_step(quantiles={"q05": math.nan}), "quantile 'q05'"),
        (with_step(quantiles={"low": 1.0}), "quantile 'low'"),
        (with_step(quantiles={"q050": 1.0}), "quantile 'q050'"),
        (with_step(quantiles={"q" + "1" * 5000: 1.0}), "names are q05"),
        (with_step(quantiles={f"q{level:03}": 1.0 for level in range(1, 101)}), "100 quantiles; allowed: 99"),
        (with_step(target_time=5), "and its target_time is"),
        (with_step(step=0), "whole numbers from 1"),
        (lambda maker: {"origin": 10**30}, "must be a time"),
        (lambda maker: {"origin": 253_402_300_799_999, "interval": "1M"}, "must be a time"),
        (lambda maker: {"steps": ()}, "whole numbers from 1"),
        (lambda maker: {"steps": maker.forecast(3, steps=2).steps[::-1]}, "ascending"),
        (lambda maker: {"last_close": 0.0}, "above zero"),
        (lambda maker: {"last_close": math.inf}, "above zero"),
        (lambda maker: {"last_trade": -1.0}, "above zero"),
        (lambda maker: {"trained_until": maker.origin(3) + 1}, "seen the future"),
        (lambda maker: {"allowance": maker.hour}, "shorter than the interval"),
        (lambda maker: {"allowance": -1}, "shorter than the interval"),
        (lambda maker: {"model": ""}, "printable"),
        (lambda maker: {"model": "a\x1b[2J"}, "printable"),
        (lambda maker: {"model": "=1+1"}, "the first none of = \\+ - @"),
        (lambda maker: {"model": "alice (given)"}, "models from elsewhere"),
        (lambda maker: {"source": "outside:alice"}, "models from elsewhere"),
        (lambda maker: {"source": "me"}, "models from elsewhere"),
        (lambda maker: {"market": "BTC"}, "not spelled"),
        (lambda maker: {"interval": "7m"}, "unknown interval"),
    ],
)
def test_what_cannot_stand(ledger: Ledger, maker: Any, change: Callable[[Any], dict[str, Any]], words: str) -> None:
    with pytest.raises(CoincastError, match=words):
        append_forecast(ledger, replace(maker.forecast(3), **change(maker)), maker.origin(3))
    assert ledger.head().count == 1


def test_a_price_below_zero_stands_and_an_origin_to_come_does_not(ledger: Ledger, maker: Any) -> None:
    below = replace(maker.forecast(3), **with_step(value=-5.0)(maker))
    assert append_forecast(ledger, below, maker.origin(3)).is_new
    with pytest.raises(ForecastError, match="has not come"):
        append_forecast(ledger, maker.forecast(5), maker.origin(4))


def test_a_model_always_forecasts_the_same_steps(ledger: Ledger, maker: Any) -> None:
    append_forecast(ledger, maker.forecast(1, steps=3), maker.origin(1))
    with pytest.raises(ForecastError, match=r"the steps 1, 2, 3 in this ledger, and now 1; .* another name"):
        append_forecast(ledger, maker.forecast(2), maker.origin(2))
    assert append_forecast(ledger, maker.forecast(2, model="short"), maker.origin(2)).is_new


def test_all_models_of_a_market_can_be_scored_in_one_entry(
    ledger: Ledger, maker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more would keep the score of a candle, of whichever model, from being written."""
    monkeypatch.setattr("coincast.live.ledger.entering.MOST_SPOKEN", 3)
    append_forecast(ledger, maker.forecast(1, steps=2), maker.origin(1))
    with pytest.raises(ForecastError, match="there would be 4; allowed: 3"):
        append_forecast(ledger, maker.forecast(1, model="b", steps=2), maker.origin(1))
    assert append_forecast(ledger, maker.forecast(1, model="b"), maker.origin(1)).is_new
    assert append_forecast(ledger, maker.forecast(2, steps=2), maker.origin(2)).is_new
    elsewhere = maker.forecast(1, market="simulated:SIMETH/USDT", steps=2)
    assert append_forecast(ledger, elsewhere, maker.origin(1)).is_new


def test_months_follow_the_calendar() -> None:
    def close(month: int) -> int:
        return int(datetime(2031, month, 1, tzinfo=UTC).timestamp() * 1000)

    assert target_times(close(1), "1M", 3) == [close(2), close(3), close(4)]


def test_tables_of_the_library_there_and_back(ledger: Ledger, maker: Any) -> None:
    """What goes in as forecast and interval tables comes out as the same tables."""
    origins = [maker.origin(n) for n in (1, 2)]
    rows = [
        {
            **{"market": maker.market, "interval": "1h", "model": "lstm", "run": 0, "quantity": "price"},
            **{"trained_until": maker.begun, "origin": origin, "step": step, "value": 100.0 + step},
            **{"target_time": origin + step * maker.hour, "last_close": 99.0},
        }
        for origin in origins
        for step in (1, 2)
    ]
    time = pl.Datetime("ms", "UTC")
    forecasts = pl.DataFrame(rows).with_columns(pl.col("trained_until", "origin", "target_time").cast(time))
    keys = forecasts.drop("value", "last_close")
    intervals = keys.with_columns(q05=pl.lit(90.0), q95=pl.lit(math.inf))
    naive = keys.with_columns(q05=pl.lit(95.0), q95=pl.lit(105.0), model=pl.lit("whatever"))
    made = live_forecasts(
        forecasts,
        intervals=intervals,
        naive_intervals=naive,
        allowance=180_000,
        fingerprints={"code": "c"},
        last_trades={maker.market: (99.5, origins[1] + 3)},
    )
    for one in made:
        append_forecast(ledger, one, one.origin)
    table = forecast_table(ledger, quantiles=True)
    assert table.select(forecasts.columns).equals(forecasts)
    assert table["last_trade"].to_list() == [99.5] * 4
    assert table.select(intervals.columns).equals(intervals)
    assert table.select(q05="naive_q05", q95="naive_q95").equals(naive.select("q05", "q95"))
    assert forecast_table(ledger, since=origins[1]).height == forecast_table(ledger, last=1).height == 2
    assert forecast_table(ledger, model="gru").is_empty()
    assert [entry.body["origin"] for entry in newest_forecasts(ledger)] == [origins[1]]
    with pytest.raises(ForecastError, match="several runs"):
        live_forecasts(pl.concat([forecasts, forecasts.with_columns(run=pl.lit(1, pl.Int64))]), allowance=1)
    with pytest.raises(ForecastError, match="last close"):
        live_forecasts(forecasts.drop("last_close"), allowance=1)


def test_an_outage_stands_once(ledger: Ledger, maker: Any) -> None:
    span = {"since": maker.origin(1), "until": maker.origin(3), "now": maker.origin(3)}
    told: dict[str, Any] = {"reason": "network", "words": "no answer", "missed": [maker.origin(2), maker.origin(1)]}
    first = append_outage(ledger, **span, **told)
    assert append_outage(ledger, **{**span, "until": maker.origin(4)}, **told).entry == first.entry
    assert append_outage(ledger, **span, **told, market=maker.market, interval="1h").is_new
    table = outage_table(ledger)
    assert table["market"].to_list() == [None, maker.market]
    assert table["missed"][0].dt.epoch("ms").to_list() == [maker.origin(1), maker.origin(2)]
    assert outage_table(ledger, "a:B/C").height == 1
    for wrong in ({"reason": "mood"}, {"until": 0}, {"missed": range(20_000)}, {"market": "BTC"}, {"interval": "7m"}):
        with pytest.raises(UsageError):
            append_outage(ledger, **{**span, **told, **wrong})
    assert verify(ledger.path).ok
