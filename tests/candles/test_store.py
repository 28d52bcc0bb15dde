from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from coincast.candles.join import join_outside
from coincast.candles.quality import find_gaps
from coincast.candles.store import (
    Broken,
    Written,
    last_open_time,
    list_series,
    list_stored,
    places,
    read_provenance,
    read_revisions,
    read_series,
    read_series_revisions,
    read_stored,
    sealed,
    write_candles,
    write_series,
)
from coincast.candles.table import INTERVALS, add_intervals, make_candles
from coincast.errors import (
    CandleError,
    ColumnError,
    DataError,
    NotStoredError,
    UnfinishedError,
    UnreadableFileError,
    UsageError,
)

BTC, ETH = "file:BTC/USD", "file:ETH/USD"


def series(start: str, numbers: list[int], interval: str = "1d", market: str = BTC, **extras: float) -> pl.DataFrame:
    """Candles number 0, 1, ... counted from a time, with prices that follow from the number."""
    frame = pl.DataFrame({"n": numbers}, schema={"n": pl.Int64}).select(
        add_intervals(pl.lit(datetime.fromisoformat(start).replace(tzinfo=UTC)), interval, pl.col("n"))
        .dt.cast_time_unit("ms")
        .alias("open_time"),
        *(
            (100.0 + pl.col("n") + more).alias(name)
            for name, more in {"open": 0, "high": 2, "low": -2, "close": 1}.items()
        ),
        pl.lit(5.0).alias("volume"),
        *(pl.lit(value).alias(name) for name, value in extras.items()),
    )
    return make_candles(frame, market=market, interval=interval)


def with_value(candles: pl.DataFrame, row: int, column: str, value: float | None) -> pl.DataFrame:
    here = pl.int_range(pl.len()) == row
    return candles.with_columns(pl.when(here).then(pl.lit(value)).otherwise(column).alias(column))


def write(candles: pl.DataFrame, folder: Path, *, source: str = "test", **options: str) -> Written:
    return write_candles(candles, source=source, folder=folder, on_conflict=options.pop("on_conflict", "refuse"))


def content(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file with its bytes and the time of its last change; locks left out."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


# ---------------------------------------------------------------- what comes in comes out


@pytest.mark.parametrize("interval", list(INTERVALS))
def test_candles_come_back_as_they_were(tmp_path: Path, interval: str) -> None:
    candles = series("2020-12-01", list(range(70)), interval, market_cap=7.0)
    assert write(candles, tmp_path).added == 70
    assert_frame_equal(read_stored(BTC, interval, folder=tmp_path), candles)
    assert last_open_time(BTC, interval, folder=tmp_path) == candles["open_time"][-1]


def test_the_home_folder_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COINCAST_HOME", str(tmp_path))
    write_candles(series("2020-01-01", [0]), source="test", on_conflict="refuse")
    assert (tmp_path / "candles" / "file-BTC_USD" / "1d" / "2020.parquet").is_file()
    assert list_stored()["market"].to_list() == [BTC]


def test_one_file_for_a_month_of_short_candles_and_a_year_of_long_ones(tmp_path: Path) -> None:
    write(series("2020-12-31", [0, 23, 24], "1h"), tmp_path)
    write(series("2020-12-31", [0, 1], "1d"), tmp_path)
    write(series("2020-12-01", [0, 1], "1M"), tmp_path)
    write(series("2020-12-01", [0, 1], "1m"), tmp_path)
    names = sorted(name for name in content(tmp_path / "file-BTC_USD"))
    assert names == [
        *("1d/2020.parquet", "1d/2021.parquet", "1h/2020-12.parquet", "1h/2021-01.parquet"),
        *("1m/2020-12.parquet", "1mo/2020.parquet", "1mo/2021.parquet"),
    ]
    assert len({name.lower() for name in names}) == len(names)


def test_a_span_is_half_open(tmp_path: Path) -> None:
    candles = series("2020-01-01", list(range(24 * 90)), "1h")
    write(candles, tmp_path)
    since, until = utc(2020, 1, 31, 23), utc(2020, 3, 1)
    expected = candles.filter((pl.col("open_time") >= since) & (pl.col("open_time") < until))
    assert_frame_equal(read_stored(BTC, "1h", since=since, until=until, folder=tmp_path), expected)
    assert read_stored(BTC, "1h", since=since, folder=tmp_path)["open_time"][0] == since
    with pytest.raises(UsageError, match="has no zone"):
        read_stored(BTC, "1h", since=datetime(2020, 1, 1), folder=tmp_path)


def test_only_the_files_of_the_span_are_opened(tmp_path: Path) -> None:
    candles = series("2020-01-01", list(range(24 * 90)), "1h")
    write(candles, tmp_path)
    for name in ("2020-01", "2020-03"):
        (tmp_path / "file-BTC_USD" / "1h" / f"{name}.parquet").write_bytes(b"no Parquet at all")
    read = read_stored(BTC, "1h", since=utc(2020, 2, 1), until=utc(2020, 3, 1), folder=tmp_path)
    assert read.height == 29 * 24
    with pytest.raises(UnreadableFileError, match=r"2020-03\.parquet is broken: it is no whole Parquet file"):
        read_stored(BTC, "1h", since=utc(2020, 2, 1), folder=tmp_path)


def test_anybody_can_read_the_files(tmp_path: Path) -> None:
    write(series("2020-11-01", list(range(24 * 40)), "1h"), tmp_path)
    write(series("2021-03-01", list(range(48)), "1h", trades=3.0), tmp_path)  # one more column, in every file then
    expected = read_stored(BTC, "1h", folder=tmp_path)
    place = tmp_path / "file-BTC_USD" / "1h"
    assert_frame_equal(pl.read_parquet(place / "*.parquet"), expected)
    assert_frame_equal(pl.read_parquet(place), expected)
    numbers = "market, interval, epoch_ms(open_time), epoch_ms(close_time), close, volume, trades"
    rows = duckdb.sql(f"select {numbers} from read_parquet('{place}/*.parquet') order by open_time").fetchall()
    times = pl.col("open_time", "close_time").dt.timestamp("ms")
    assert rows == expected.select("market", "interval", times, "close", "volume", "trades").rows()
    facts = json.loads(pl.read_parquet_metadata(place / "2021-03.parquet")["coincast"])
    assert (facts["coincast_schema"], facts["rows"], facts["contributions"][0]["source"]) == (1, 48, "test")


# ---------------------------------------------------------------- merging


def test_the_same_again_changes_no_byte(tmp_path: Path) -> None:
    candles = pl.concat([series("2020-12-01", list(range(60))), series("2020-01-01", [3, 4], market=ETH)])
    assert write(candles, tmp_path).added == 62
    before = content(tmp_path)
    nearly = candles.with_columns(pl.col("close") * (1 + 1e-12))
    for again in (candles, nearly, candles.sample(fraction=1, shuffle=True, seed=1), candles[5:9]):
        written = write(again, tmp_path, source="another", on_conflict="replace")
        assert (written.same, written.added, written.revised) == (again.height, 0, 0)
    assert content(tmp_path) == before


def test_spans_are_united_and_unknown_numbers_become_known(tmp_path: Path) -> None:
    first = with_value(series("2020-01-01", [0, 1, 2, 5]), 1, "volume", None)
    second = with_value(series("2020-01-01", [1, 2, 3], trades=9.0), 1, "high", None)
    write(first, tmp_path)
    written = write(second, tmp_path)
    assert (written.added, written.same, written.completed, written.revised) == (1, 0, 2, 0)
    expected = pl.concat([series("2020-01-01", [0, 1, 2, 3], trades=9.0), series("2020-01-01", [5])], how="diagonal")
    expected = expected.with_columns(pl.Series("trades", [None, 9.0, 9.0, 9.0, None]))
    assert_frame_equal(read_stored(BTC, "1d", folder=tmp_path), expected)


def test_another_number_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    candles = series("2020-12-30", list(range(4)))
    write(candles, tmp_path)
    before = content(tmp_path)
    longer = series("2020-12-30", list(range(9)))
    with pytest.raises(CandleError) as caught:
        write(with_value(with_value(longer, 1, "close", 101.5), 2, "volume", 6.0), tmp_path)
    assert str(caught.value) == (
        "the 1d candle of file:BTC/USD that opens 2020-12-31 00:00 UTC is stored with the close 102, and the new one "
        "has 101.5 (2 candles differ in all); nothing of it was written: leave what is stored, or replace it with "
        '--replace (on_conflict="replace")'
    )
    assert content(tmp_path) == before


def test_a_replaced_number_is_logged_once(tmp_path: Path) -> None:
    write(series("2020-12-30", list(range(4))), tmp_path)
    new = with_value(series("2020-12-30", [1, 2]), 0, "close", 101.5)
    written = write(new, tmp_path, on_conflict="replace", source="binance REST")
    assert (written.revised, written.same) == (1, 1)
    assert written.revisions.rows() == [(BTC, "1d", utc(2020, 12, 31), "close", 102.0, 101.5)]
    assert read_stored(BTC, "1d", folder=tmp_path)["close"].to_list() == [101.0, 101.5, 103.0, 104.0]
    write(new, tmp_path, on_conflict="replace")
    log = read_revisions(BTC, "1d", folder=tmp_path)
    assert log.drop("written").rows() == [(utc(2020, 12, 31), "close", 102.0, 101.5, "binance REST")]
    write(with_value(new, 0, "close", 102.0), tmp_path, on_conflict="replace")
    write(new, tmp_path, on_conflict="replace")
    assert read_revisions(BTC, "1d", folder=tmp_path)["after"].to_list() == [101.5, 102.0, 101.5]


def test_a_kill_between_log_and_candles_logs_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(series("2020-01-01", [0, 1]), tmp_path)
    new = with_value(series("2020-01-01", [0, 1]), 0, "close", 100.5)
    with monkeypatch.context() as patch:
        patch.setattr("coincast.candles.store.writing._write_file", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            write(new, tmp_path, on_conflict="replace")
    assert read_revisions(BTC, "1d", folder=tmp_path).height == 1
    write(new, tmp_path, on_conflict="replace")
    assert read_revisions(BTC, "1d", folder=tmp_path).height == 1
    assert read_stored(BTC, "1d", folder=tmp_path)["close"][0] == 100.5


def test_numbers_that_are_impossible_together_are_refused(tmp_path: Path) -> None:
    write(with_value(series("2020-01-01", [0]), 0, "low", None), tmp_path)
    other = with_value(with_value(series("2020-01-01", [0]), 0, "low", 110.0), 0, "high", None)
    with pytest.raises(CandleError, match="has its high below its low"):
        write(other, tmp_path)


def test_candles_that_open_at_other_hours_are_another_series(tmp_path: Path) -> None:
    write(series("2020-01-01", list(range(30))), tmp_path)
    with pytest.raises(CandleError, match="open at other times than the stored ones and overlap them in 20 places"):
        write(series("2020-01-05T08:00", list(range(10))), tmp_path)
    later = series("2020-01-31T01:00", list(range(5)))  # an hour late, as after a change of clocks
    assert write(later, tmp_path).added == 5


# ---------------------------------------------------------------- what is there


def test_what_is_stored_is_listed(tmp_path: Path) -> None:
    hours = [n for n in range(24 * 70) if n % 100 not in (3, 4) and not 740 <= n < 760]
    minutes = series("2020-12-01", hours, "1h")
    months = series("2020-11-01", [0, 1, 4, 5], "1M", market=ETH)
    write(minutes[:500], tmp_path, source="one.csv")
    write(minutes[400:], tmp_path, source="two.csv")
    write(months, tmp_path)
    listed = list_stored(tmp_path)
    assert listed["market"].to_list() == [BTC, ETH]
    for row, candles, sources in zip(
        listed.rows(named=True), (minutes, months), (["one.csv", "two.csv"], ["test"]), strict=True
    ):
        gaps = find_gaps(candles)
        files = list((tmp_path / row["market"].replace(":", "-").replace("/", "_")).rglob("*.parquet"))
        expected = (
            candles.height,
            candles["open_time"][0],
            candles["open_time"][-1],
            gaps.height,
            gaps["missing"].sum(),
        )
        assert tuple(row[name] for name in ("rows", "first", "last", "gaps", "missing")) == expected
        assert (row["files"], row["bytes"]) == (len(files), sum(path.stat().st_size for path in files))
        assert row["sources"] == sources
    assert list_stored(tmp_path / "nothing here").height == 0


def test_where_candles_came_from(tmp_path: Path) -> None:
    candles = series("2020-12-30", list(range(6)))
    write_candles(candles[:3], source="one.csv", sha256="ab" * 32, on_conflict="refuse", folder=tmp_path)
    for _ in range(2):
        write(candles[2:5], tmp_path, source="binance REST")
    write(candles[4:], tmp_path, source="binance REST")
    rows = read_provenance(BTC, "1d", folder=tmp_path)
    assert rows.select("file", "source", "sha256", "rows", "first", "last").rows() == [
        ("2020.parquet", "one.csv", "ab" * 32, 2, utc(2020, 12, 30), utc(2020, 12, 31)),
        ("2021.parquet", "one.csv", "ab" * 32, 1, utc(2021, 1, 1), utc(2021, 1, 1)),
        ("2021.parquet", "binance REST", None, 3, utc(2021, 1, 2), utc(2021, 1, 4)),
    ]
    assert (datetime.now(UTC) - rows["written"].max()) < timedelta(minutes=5)  # type: ignore[operator]


def test_what_is_not_stored_says_what_is(tmp_path: Path) -> None:
    with pytest.raises(NotStoredError, match=r"no 1d candles of file:BTC/USD are stored; .* is empty"):
        read_stored(BTC, "1d", folder=tmp_path)
    assert last_open_time(BTC, "1d", folder=tmp_path) is None
    write(series("2020-01-01", [0, 1]), tmp_path)
    write(series("2020-01-01", [0, 1], "1M"), tmp_path)
    with pytest.raises(NotStoredError, match=r"of this market there is 1d 1M$") as caught:
        read_stored(BTC, "1h", folder=tmp_path)
    assert (caught.value.exit_code, caught.value.market, caught.value.interval) == (3, BTC, "1h")
    with pytest.raises(NotStoredError, match=r"no 1d candles of file:BTC/USDT are stored; there is file:BTC/USD$"):
        read_provenance("file:BTC/USDT", "1d", folder=tmp_path)
    with pytest.raises(
        NotStoredError, match="in that span; there are some from 2020-01-01 00:00 to 2020-01-02 00:00 UTC"
    ):
        read_stored(BTC, "1d", since=utc(2021, 1, 1), folder=tmp_path)
    with pytest.raises(UsageError, match="known: 1m 3m"):
        read_stored(BTC, "7m", folder=tmp_path)


# ---------------------------------------------------------------- broken, foreign, newer


def broken(data: bytes) -> dict[str, bytes]:
    flipped = {f"byte {place}": data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :] for place in (4, 200, -60)}
    return {**flipped, "cut": data[:-9], "empty": b"", "text": b"hello", "tail only": b"PAR1"}


@pytest.mark.parametrize("kind", broken(bytes(300)))
def test_a_broken_file_is_one_clear_error(tmp_path: Path, kind: str) -> None:
    candles = series("2020-01-01", list(range(40)))
    write(candles, tmp_path)
    path = tmp_path / "file-BTC_USD" / "1d" / "2020.parquet"
    path.write_bytes(broken(path.read_bytes())[kind])
    for work in (lambda: read_stored(BTC, "1d", folder=tmp_path), lambda: write(candles, tmp_path)):
        with pytest.raises(
            UnreadableFileError, match=r"2020\.parquet (is broken|was not written by coincast)"
        ) as caught:
            work()
        assert len(str(caught.value).splitlines()) == 1


def test_foreign_and_newer_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    candles = series("2020-01-01", [0, 1])
    write(candles, tmp_path)
    place = tmp_path / "file-BTC_USD" / "1d"
    candles.write_parquet(place / "2021.parquet")
    with pytest.raises(UnreadableFileError, match=r"2021\.parquet was not written by coincast; move it away"):
        read_stored(BTC, "1d", folder=tmp_path)
    with pytest.raises(UnreadableFileError, match=r"2021\.parquet was not written by coincast"):
        list_stored(tmp_path)
    (place / "2021.parquet").rename(place / "mine.parquet")
    with pytest.raises(UnreadableFileError, match=r"mine\.parquet is no file of the store"):
        read_stored(BTC, "1d", folder=tmp_path)
    (place / "mine.parquet").unlink()
    write(series("2020-01-01", [0], market=ETH), tmp_path)
    (tmp_path / "file-ETH_USD" / "1d" / "2020.parquet").rename(place / "2021.parquet")
    foreign = r"2021\.parquet holds 1d candles of file:ETH/USD, not 1d candles of file:BTC/USD"
    with pytest.raises(UnreadableFileError, match=foreign):
        read_stored(BTC, "1d", folder=tmp_path)
    (place / "2021.parquet").rename(place / "2019.parquet")  # now the first of the folder
    with pytest.raises(UnreadableFileError, match=foreign.replace("2021", "2019")):
        list_stored(tmp_path)
    (place / "2019.parquet").rename(place / "2021.parquet")
    (place / "2021.parquet").unlink()
    monkeypatch.setattr(sealed, "SCHEMA", 2)
    write(series("2021-01-01", [0]), tmp_path)
    monkeypatch.setattr(sealed, "SCHEMA", 1)
    with pytest.raises(
        DataError, match=r"2021\.parquet is written in form 2, and this coincast knows 1 at most; update"
    ):
        read_stored(BTC, "1d", folder=tmp_path)


def test_a_file_under_the_name_of_another_period_is_refused(tmp_path: Path) -> None:
    write(series("2014-12-30", list(range(400))), tmp_path)
    write(series("2021-03-30", list(range(100)), "1h"), tmp_path)
    days, hours = (tmp_path / "file-BTC_USD" / interval for interval in ("1d", "1h"))
    shutil.copy(days / "2014.parquet", days / "2015.parquet")
    (hours / "2021-04.parquet").rename(hours / "2022-04.parquet")
    for interval, name in (("1d", "2015"), ("1h", "2022-04")):
        with pytest.raises(UnreadableFileError, match=rf"{name}\.parquet holds candles from .* not what its name says"):
            read_stored(BTC, interval, folder=tmp_path)
        with pytest.raises(UnreadableFileError, match="not what its name says"):
            write(series("2014-12-30", [0], interval), tmp_path)
    found: list[Broken] = []
    assert list_stored(tmp_path, on_broken=found.append).is_empty()
    assert [one[:2] for one in found] == [(BTC, "1h"), (BTC, "1d")]


def test_what_is_broken_hides_nothing_else(tmp_path: Path) -> None:
    for number, market in enumerate([BTC, ETH, "file:ADA-X/USD:USDT", "file:XRP/USD"]):
        write(series("2020-01-01", [number]), tmp_path / "made")
        write(series("2020-01-01", [number], market=market), tmp_path)
    ada, btc, eth, xrp = (tmp_path / f"file-{name}" for name in ("ADA-X_USD-USDT", "BTC_USD", "ETH_USD", "XRP_USD"))
    (btc / "1d" / "2020.parquet").write_bytes(b"PAR1 cut")
    series("2021-01-01", [0], market=ETH).write_parquet(eth / "1d" / "2021.parquet")
    (tmp_path / "link").symlink_to(ada)
    (tmp_path / "file-SOL_USD").symlink_to(xrp)
    write_series("mood", fear_and_greed(3), source="x", folder=tmp_path / "series")
    shutil.copy(xrp / "1d" / "2020.parquet", tmp_path / "series" / "trends.parquet")
    (tmp_path / "series" / "fear.parquet").write_bytes((tmp_path / "series" / "mood.parquet").read_bytes()[:-50])
    found: list[Broken] = []
    assert list_stored(tmp_path, on_broken=found.append)["market"].to_list() == ["file:ADA-X/USD:USDT", "file:XRP/USD"]
    assert [(one.name, one.interval) for one in found] == [
        *((BTC, "1d"), (ETH, "1d"), ("file:SOL/USD", "1d"), ("link", "1d")),
    ]
    reasons = ("is broken", "was not written by coincast", "not 1d candles of file:SOL/USD", "is no folder of a market")
    for one, reason in zip(found, reasons, strict=True):
        assert reason in str(one.error)
    found.clear()
    assert list_series(tmp_path / "series", on_broken=found.append)["name"].to_list() == ["mood"]
    assert [(one.name, one.interval) for one in found] == [("fear", None), ("trends", None)]
    for listing in (lambda: list_stored(tmp_path), lambda: list_series(tmp_path / "series")):
        with pytest.raises(UnreadableFileError):
            listing()
    with pytest.raises(NotStoredError, match=r"of this market there is 1d$"):
        read_stored(BTC, "1h", folder=tmp_path)


def test_a_description_with_a_wrong_byte_is_listed_or_refused(tmp_path: Path) -> None:
    """A listing reads descriptions without their checksum; whatever stands there, it ends in no traceback."""
    write(series("2020-01-01", [0, 1]), tmp_path)
    path = tmp_path / "file-BTC_USD" / "1d" / "2020.parquet"
    data = path.read_bytes()
    refused = 0
    for place in range(data.rindex(b'{"coincast_schema"'), len(data), 5):
        path.write_bytes(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])
        found: list[Broken] = []
        assert list_stored(tmp_path, on_broken=found.append).height + len(found) == 1
        refused += len(found)
        with pytest.raises(DataError):
            read_stored(BTC, "1d", folder=tmp_path)
    assert refused > 40


def test_a_place_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UsageError, match=r"cannot write to .*; set COINCAST_HOME to another place"):
        write(series("2020-01-01", [0]), tmp_path / "file")
    write(series("2020-01-01", [0]), tmp_path)

    def full(path: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    before = content(tmp_path)
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UnfinishedError, match=r"2020\.parquet: No space left on device; make room, and run") as caught:
        write(series("2020-01-01", [1]), tmp_path)
    assert (caught.value.exit_code, caught.value.stored) == (3, 0)
    assert content(tmp_path) == before


FULL_DISK = """
import resource, sys
from pathlib import Path
import polars as pl
from coincast.candles.store import write_candles
from coincast.errors import UnfinishedError

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
try:
    write_candles(pl.read_parquet(sys.argv[1]), source="x", on_conflict="refuse", folder=Path(sys.argv[2]))
except UnfinishedError as error:
    print(error.stored, error)
"""


def test_a_disk_that_is_full_halfway_says_what_is_stored(tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="this platform has no limit of file sizes")
    rng = random.Random(1)
    candles = series("2020-11-01", [*range(720), *range(720, 1464, 3), *range(1464, 2208)], "1h")
    candles = candles.with_columns(volume=pl.Series([rng.random() for _ in range(candles.height)]))
    candles.write_parquet(tmp_path / "all.parquet")
    two_months = 720 + 248
    write(candles[:720], tmp_path / "one")
    most = list_stored(tmp_path / "one")["bytes"][0] + 100  # January is larger
    store = tmp_path / "store"
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path / "all.parquet"), str(store), str(most)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    stored, _, message = done.stdout.strip().partition(" ")
    assert int(stored) == read_stored(BTC, "1h", folder=store).height == two_months
    assert message == (
        f"cannot write {store}/file-BTC_USD/1h/2021-01.parquet: File too large; make room, and run the same command "
        f"again, which stores the rest (new candles that were stored before: {two_months})"
    )
    assert write(candles, store).added == candles.height - two_months
    assert_frame_equal(read_stored(BTC, "1h", folder=store), candles)


def test_a_read_only_store_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    candles = series("2020-01-01", [0])
    write(candles, tmp_path)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    assert_frame_equal(read_stored(BTC, "1d", folder=tmp_path), candles)
    assert list_stored(tmp_path).height == 1
    with pytest.raises(UsageError, match=r"cannot write to .*: Permission denied; set COINCAST_HOME to another place"):
        write(series("2020-01-01", [1]), tmp_path)


# ---------------------------------------------------------------- several writers, and kills

WRITER = """
import sys, time
from pathlib import Path
import polars as pl
from coincast.candles.store import write_candles

table, folder, chunk = pl.read_parquet(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
for row in range(0, table.height, chunk):
    write_candles(table[row : row + chunk], source="writer", on_conflict="refuse", folder=folder)
    print(row + chunk, flush=True)
"""


def start_writer(table: Path, folder: Path, chunk: int) -> subprocess.Popen[str]:
    """A process that writes a table in chunks, and prints how many rows are written; it waits for a line first."""
    command = [sys.executable, "-c", WRITER, str(table), str(folder), str(chunk)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def let_go(writer: subprocess.Popen[str]) -> None:
    assert writer.stdin is not None
    writer.stdin.write("\n")
    writer.stdin.flush()


def test_writers_at_once_leave_the_union(tmp_path: Path) -> None:
    candles = series("2020-12-25", list(range(600)), "1h")
    spans = [candles[low : low + 300] for low in (0, 150, 300)]
    writers = []
    for number, span in enumerate(spans):
        span.write_parquet(tmp_path / f"{number}.parquet")
        writers.append(start_writer(tmp_path / f"{number}.parquet", tmp_path / "store", 100))
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        let_go(writer)
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    assert_frame_equal(read_stored(BTC, "1h", folder=tmp_path / "store"), candles)
    assert list_stored(tmp_path / "store")["rows"].to_list() == [600]


def test_a_writer_that_waits_too_long_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "WAIT_SECONDS", 0.05)
    command = [
        *(sys.executable, "-c"),
        "import sys; from filelock import FileLock\nwith FileLock(sys.argv[1]): print(1, flush=True); input()",
    ]
    write(series("2020-01-01", [0]), tmp_path)
    lock = tmp_path / "file-BTC_USD" / "1d" / ".lock"
    with subprocess.Popen([*command, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(DataError, match=r"another process has been writing to .* for more than 0\.05 seconds"):
            write(series("2020-01-01", [1]), tmp_path)
        assert read_stored(BTC, "1d", folder=tmp_path).height == 1
        holder.communicate(b"\n")


def kill_writers(folder: Path, *, kills: int, seed: int) -> int:
    """Kill writers at random moments, each begun anew; check after each that nothing acknowledged is lost.

    Returns:
        How many of the kills left something unfinished behind.
    """
    rng, rows, chunk = random.Random(seed), 2400, 20
    candles = series("2020-10-01", list(range(rows)), "1h", trades=1.0)
    candles.write_parquet(folder / "all.parquet")
    leftovers = 0
    for number in range(kills):
        store = folder / f"store-{number}"
        writer = start_writer(folder / "all.parquet", store, chunk)
        assert writer.stdout is not None
        writer.stdout.readline()
        let_go(writer)
        time.sleep(rng.uniform(0.0, 0.6))
        writer.kill()
        printed, _ = writer.communicate()
        acknowledged = max((int(line) for line in printed.splitlines()), default=0)
        leftovers += sum(path.name.endswith(".ready") for path in store.rglob(".*"))
        if last_open_time(BTC, "1h", folder=store) is not None:
            stored = read_stored(BTC, "1h", folder=store)
            assert stored.height >= acknowledged
            assert_frame_equal(stored, candles[: stored.height])
            assert list_stored(store)["rows"][0] == stored.height
            assert duckdb.sql(f"from read_parquet('{store}/**/*.parquet')").shape[0] == stored.height
        else:
            assert acknowledged == 0
        write(candles, store)
        assert_frame_equal(read_stored(BTC, "1h", folder=store), candles)
        assert not [path for path in store.rglob(".*") if path.name.endswith(".ready")]
    return leftovers


def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    kill_writers(tmp_path, kills=2, seed=1)


def test_what_a_killed_writer_left_disturbs_nobody_and_goes(tmp_path: Path) -> None:
    candles = series("2020-01-01", [0, 1])
    write(candles, tmp_path)
    place = tmp_path / "file-BTC_USD" / "1d"
    leftover = place / ".2020.parquet.ready"
    leftover.write_bytes(b"half a file")
    assert_frame_equal(read_stored(BTC, "1d", folder=tmp_path), candles)
    assert_frame_equal(pl.read_parquet(place / "*.parquet"), candles)
    assert duckdb.sql(f"from read_parquet('{place}/*.parquet')").shape[0] == 2
    write(candles, tmp_path)
    assert not leftover.exists()


# ---------------------------------------------------------------- outside series


def fear_and_greed(days: int) -> pl.DataFrame:
    dates = [utc(2018, 2, 1) + timedelta(days=day) for day in range(days)]
    return pl.DataFrame(
        {"date": dates, "known_at": [date + timedelta(days=1) for date in dates], "value": list(range(days))}
    )


def test_series_come_back_as_they_were(tmp_path: Path) -> None:
    assert write_series("fear_greed", fear_and_greed(3), source="fng.json", sha256="ab", folder=tmp_path).added == 3
    before = content(tmp_path)
    nearly = fear_and_greed(3)[::-1].with_columns(pl.col("value") * (1 + 1e-12))
    for again in (nearly, fear_and_greed(2)):
        written = write_series("fear_greed", again, source="another", on_conflict="replace", folder=tmp_path)
        assert (written.same, written.added, written.revised) == (again.height, 0, 0)
    assert content(tmp_path) == before
    read = read_series("fear_greed", folder=tmp_path)
    assert read.schema == {
        **dict.fromkeys(("date", "known_at"), pl.Datetime("ms", "UTC")),
        "value": pl.Float64,
    }
    assert read.rows() == [(utc(2018, 2, 1 + n), utc(2018, 2, 2 + n), float(n)) for n in range(3)]


def test_series_are_merged_and_nothing_is_lost(tmp_path: Path) -> None:
    first = with_value(fear_and_greed(5)[:3], 1, "value", None)
    write_series("mood", first, source="one.csv", sha256="ab", folder=tmp_path)
    second = fear_and_greed(5)[1:].with_columns(pl.col("value").cast(pl.Float64), more=pl.lit(7))
    written = write_series("mood", second, source="two.csv", folder=tmp_path)
    assert (written.added, written.same, written.completed, written.revised) == (2, 0, 2, 0)
    read = read_series("mood", folder=tmp_path)
    assert read["value"].to_list() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert read["more"].to_list() == [None, 7.0, 7.0, 7.0, 7.0]
    row = list_series(tmp_path).row(0, named=True)
    assert (row["name"], row["rows"], row["first"], row["last"], row["columns"], row["sources"], row["hashes"]) == (
        *("mood", 5, utc(2018, 2, 1), utc(2018, 2, 5), ["value", "more"], ["one.csv", "two.csv"], ["ab", None]),
    )


def test_another_value_of_a_series_is_refused_or_replaced_and_logged(tmp_path: Path) -> None:
    write_series("mood", fear_and_greed(5), source="x", folder=tmp_path)
    before = content(tmp_path)
    other = fear_and_greed(3).with_columns(pl.col("value") * 2)
    with pytest.raises(DataError) as caught:
        write_series("mood", other, source="other.csv", folder=tmp_path)
    assert str(caught.value) == (
        "the value of 2018-02-02 in the series mood is stored as 1, and the new one is 2 (2 rows differ in all); "
        "nothing was written: give it another name with --series NAME, or replace what is stored with --replace "
        '(on_conflict="replace")'
    )
    assert content(tmp_path) == before
    written = write_series("mood", other, source="other.csv", on_conflict="replace", folder=tmp_path)
    assert (written.added, written.same, written.revised) == (0, 1, 2)
    assert read_series("mood", folder=tmp_path)["value"].to_list() == [0.0, 2.0, 4.0, 3.0, 4.0]
    assert read_series_revisions("mood", folder=tmp_path).drop("written").rows() == [
        (utc(2018, 2, day), utc(2018, 2, day + 1), "value", day - 1.0, day * 2 - 2.0, "other.csv") for day in (2, 3)
    ]


def test_another_lag_is_refused_or_takes_the_place_of_the_first(tmp_path: Path) -> None:
    write_series("mood", fear_and_greed(4), source="x", folder=tmp_path)
    later = fear_and_greed(6)[1:].with_columns(pl.col("known_at") + timedelta(hours=12))
    with pytest.raises(
        DataError, match=r"of 2018-02-02 in the series mood is stored as known from 2018-02-03 UTC on"
    ) as e:
        write_series("mood", later, source="y", folder=tmp_path)
    for words in (
        "known from 2018-02-03 12:00 UTC on (3 dates differ in all)",
        "the same --lag",
        "--series",
        "--replace",
    ):
        assert words in str(e.value)
    written = write_series("mood", later, source="y", on_conflict="replace", folder=tmp_path)
    assert (written.added, written.same, written.revised) == (2, 0, 3)
    expected = pl.concat([fear_and_greed(1), later]).with_columns(pl.col("value").cast(pl.Float64))
    assert read_series("mood", folder=tmp_path).rows() == expected.rows()
    log = read_series_revisions("mood", folder=tmp_path)
    assert log.select("date", "known_at", "before", "after").rows() == [
        (utc(2018, 2, day), utc(2018, 2, day + 1), day - 1.0, None) for day in (2, 3, 4)
    ]


def test_revisions_of_a_series_stand_beside_what_they_revise(tmp_path: Path) -> None:
    """A value may become known twice; a candle sees the one that was known before it closed."""
    first = fear_and_greed(4)
    revised = first[1:3].with_columns(pl.col("known_at") + timedelta(days=5), pl.col("value") + 50)
    write_series("mood", first, source="x", folder=tmp_path)
    both = pl.concat([first, revised])
    written = write_series("mood", both, source="y", folder=tmp_path)
    assert (written.added, written.same, written.revised) == (2, 4, 0)
    for again in (both, first):
        assert write_series("mood", again, source="z", folder=tmp_path).same == again.height
    stored = read_series("mood", folder=tmp_path)
    assert stored.rows() == both.sort("date", "known_at").with_columns(pl.col("value").cast(pl.Float64)).rows()
    days = series("2018-02-01", list(range(9)))
    seen = join_outside(days, stored, prefix="mood", stale_after=99).candles["mood_value"].to_list()
    assert seen == [None, 0.0, 1.0, 2.0, *[3.0] * 5]
    third = first[:3].vstack(revised[1:])
    late = join_outside(days, third, prefix="mood", stale_after=99).candles["mood_value"].to_list()
    assert late == [None, 0.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 52.0]


def test_another_series_of_that_name_is_refused(tmp_path: Path) -> None:
    weeks = fear_and_greed(70)[::7]
    write_series("trends", weeks, source="x", folder=tmp_path)
    moved = fear_and_greed(70)[3::7]
    for other, message in (
        (moved, "dates of the new series trends lie between those of the stored one, in 19 places"),
        (weeks.rename({"value": "ethereum"}), r"has no column of the new one \(ethereum\)"),
    ):
        for word in ("refuse", "replace"):
            with pytest.raises(DataError, match=message + r".*--series NAME, or move .*trends\.parquet away first"):
                write_series("trends", other, source="y", on_conflict=word, folder=tmp_path)  # type: ignore[arg-type]
    assert read_series("trends", folder=tmp_path).height == 10
    months = fear_and_greed(360).filter(pl.col("date").dt.day() == 1)
    write_series("months", pl.concat([months[:3], months[8:]]), source="x", folder=tmp_path)
    assert write_series("months", months[3:8], source="y", folder=tmp_path).added == 5


def test_series_that_are_refused(tmp_path: Path) -> None:
    good = fear_and_greed(2)
    for name in ("../x", "Fear", ""):
        with pytest.raises(UsageError, match="is no name of a series; it is made of lower-case letters, digits and _"):
            write_series(name, good, source="x", folder=tmp_path)
    bad = {
        "missing: known_at": good.drop("known_at"),
        "missing: a column of numbers": good.drop("value"),
        "must hold times with a zone": good.with_columns(pl.col("date").dt.replace_time_zone(None)),
        "must hold numbers": good.with_columns(pl.lit("x").alias("text")),
        "known_at is unknown in 1 rows": good.with_columns(known_at=pl.Series([None, good["known_at"][1]])),
        "is there more than once": pl.concat([good, good]),
        "has no rows": good.clear(),
    }
    for message, table in bad.items():
        with pytest.raises(ColumnError, match=message):
            write_series("x", table, source="x", folder=tmp_path)
    with pytest.raises(NotStoredError, match="no series 'x' is stored"):
        read_series("x", folder=tmp_path)
    write_series("trends", good, source="x", folder=tmp_path)
    with pytest.raises(NotStoredError, match="unknown series 'trend'; did you mean 'trends'"):
        read_series("trend", folder=tmp_path)
