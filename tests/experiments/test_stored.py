from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from coincast.candles.quality import FINDINGS
from coincast.candles.resample import resample
from coincast.candles.store import read_provenance, read_revisions, read_stored, write_candles, write_series
from coincast.errors import CandleError, NotStoredError, UnknownNameError, UsageError
from coincast.experiments.stored import check_store, export_market, list_store, resample_market
from coincast.sources.simulated import simulate

FIRST, SECOND = "simulated:WALK1/USD", "simulated:WALK2/USD"


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COINCAST_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def hours() -> pl.DataFrame:
    """Two markets, hourly for four days, both without hour 30 and the second without hour 50; stored."""
    candles = simulate("walk", candles=96, coins=2, interval="1h")
    number = pl.int_range(pl.len()).over("market")
    candles = candles.filter(number != 30, (number != 50) | (pl.col("market") == FIRST))
    write_candles(candles, source="simulated", on_conflict="refuse")
    return candles


def spoil(path: Path) -> None:
    """One wrong byte among the values."""
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 255
    path.write_bytes(data)


def test_markets_are_examined_together(hours: pl.DataFrame) -> None:
    checked = check_store()
    assert checked.markets.equals(list_store().markets)
    gaps = checked.findings.filter(kind="gap").select("market", "cause", "count").rows()
    assert gaps == [(FIRST, "outage", 1), (SECOND, "outage", 1), (SECOND, "illiquid", 1)]
    (alone,) = check_store([SECOND]).findings.filter(kind="gap")["cause"].unique()
    assert alone == "unknown"
    assert check_store([FIRST], "1h").markets["market"].to_list() == [FIRST]


def test_a_market_that_cannot_be_read_is_told_and_the_others_are_examined(hours: pl.DataFrame, own_store: Path) -> None:
    resample_market(FIRST, "1h", "4h")
    spoil(own_store / "candles" / "simulated-WALK2_USD" / "1h" / "2015-01.parquet")
    days = pl.datetime_range(datetime(2031, 1, 1), datetime(2031, 1, 9), "1d", time_zone="UTC", eager=True)
    values = [float(n * n % 97) for n in range(9)]
    write_series("mood", pl.DataFrame({"date": days, "known_at": days, "value": values}), source="x")
    spoil(own_store / "series" / "mood.parquet")
    assert not list_store().broken
    checked = check_store()
    assert [(one.name, one.interval) for one in checked.broken] == [(SECOND, "1h"), ("mood", None)]
    assert set(checked.findings["market"]) == {FIRST}
    assert [one.name for one in check_store([SECOND]).broken] == [SECOND]
    assert check_store([FIRST]).broken == check_store(interval="4h").broken == ()


def test_a_market_of_which_only_a_broken_file_is_there_is_no_unknown_one(own_store: Path) -> None:
    place = own_store / "candles" / "file-BTC_USD" / "1d"
    place.mkdir(parents=True)
    (place / "2020.parquet").write_bytes(b"cut")
    checked = check_store(["file:BTC/USD"], "1d")
    assert (checked.markets.height, checked.findings.schema, len(checked.broken)) == (0, FINDINGS, 1)
    with pytest.raises(NotStoredError, match="no 1h candles of file:BTC/USD are stored; of this market there is 1d"):
        check_store(["file:BTC/USD"], "1h")


def test_what_is_not_stored_cannot_be_checked(hours: pl.DataFrame) -> None:
    with pytest.raises(UsageError, match="unknown interval '9d'"):
        check_store(interval="9d")
    with pytest.raises(NotStoredError, match="no 1d candles are stored; there are 1h"):
        check_store(interval="1d")
    with pytest.raises(UnknownNameError, match=r"did you mean .*\? known: simulated:WALK1/USD, simulated:WALK2/USD$"):
        check_store(["simulated:WALK3/USD"])


def test_an_export_takes_a_span_and_spares_what_is_there(hours: pl.DataFrame, tmp_path: Path) -> None:
    out = tmp_path / "new folder" / "walk.parquet"
    table = export_market(FIRST, "1h", out, since="2015-01-02", until="2015-01-02")
    expected = hours.filter(pl.col("market") == FIRST, pl.col("open_time").dt.day() == 2)
    assert table.equals(expected)
    assert pl.read_parquet(out).equals(expected)
    with pytest.raises(UsageError, match="is there already"):
        export_market(FIRST, "1h", out)
    assert pl.read_parquet(out).equals(expected)
    assert export_market(FIRST, "1h", out, replace=True).height == pl.read_parquet(out).height == 95


def test_longer_candles_join_stored_ones_that_are_the_same(hours: pl.DataFrame) -> None:
    """Stored longer candles are kept where they agree, and refuse all of the new ones where one differs."""
    first = hours.filter(market=FIRST)
    made = resample(first, "1d").candles
    assert made["open_time"].to_list() == [datetime(2015, 1, day, tzinfo=UTC) for day in (1, 3, 4)]
    write_candles(made[:1], source="binance REST", on_conflict="refuse")
    assert resample_market(FIRST, "1h", "1d").candles.equals(made)
    assert read_provenance(FIRST, "1d")["source"].to_list() == ["binance REST", "resampled from 1h"]
    other = made[1:].with_columns(pl.col("volume") + 1.0)
    write_candles(other, source="binance REST", on_conflict="replace")
    with pytest.raises(CandleError, match=r"2015-01-03 .* is stored with the volume .* \(2 candles differ in all\)"):
        resample_market(FIRST, "1h", "1d")
    assert read_stored(FIRST, "1d").equals(pl.concat([made[:1], other]))
    resample_market(FIRST, "1h", "1d", replace=True)
    assert read_stored(FIRST, "1d").equals(made)
    assert read_revisions(FIRST, "1d")["source"].to_list() == ["binance REST"] * 2 + ["resampled from 1h"] * 2
