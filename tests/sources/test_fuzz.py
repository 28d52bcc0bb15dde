"""Some hundred of the ten thousand mutations of real files; the same code makes them all."""

from __future__ import annotations

import re
import runpy
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from coincast.sources.files import CandleFile, read_candle_file
from coincast.sources.importing import Imported, ImportOptions, import_files

MUTATIONS = 120
FUZZ = runpy.run_path(str(Path(__file__).resolve().parents[2] / "proofs" / "fuzz_files.py"))


def test_mutated_files_are_refused_clearly_or_read_truly(shared_data: Path) -> None:
    outcomes, findings = FUZZ["run"](MUTATIONS)
    assert not findings, "\n".join(findings)
    assert outcomes["refused"] + outcomes["read"] == MUTATIONS
    assert min(outcomes["refused"], outcomes["read"]) > MUTATIONS // 4


def as_mutated(path: Path, keeps: bool, before: str, after: str) -> Any:
    return FUZZ["Mutated"](path, "by hand", keeps, before, after)


@pytest.mark.parametrize("column", ["open_time", "close", "low"])
def test_a_wrong_time_or_price_is_found(shared_data: Path, column: str) -> None:
    path = shared_data / "bitmex" / "XBTUSD_5m_16000_train.csv"
    text = "\n".join(path.read_text().splitlines()[:30]) + "\n"
    read = read_candle_file(path)
    first = read.candles.head(29)
    assert FUZZ["find_strange"](replace(read, candles=first), as_mutated(path, True, text, text)) is None
    wrong = pl.col(column) + (pl.duration(minutes=5) if column == "open_time" else 0.01)
    changed = replace(read, candles=first.with_columns(pl.when(pl.int_range(29) == 17).then(wrong).otherwise(column)))
    for keeps in (True, False):
        assert FUZZ["find_strange"](changed, as_mutated(path, keeps, text, text)) is not None


def test_a_changed_line_explains_its_candle_and_no_other(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "cmc" / "coin_Bitcoin.csv"
    before = "\n".join(path.read_text().splitlines()[:9]) + "\n"
    cells = before.splitlines()[4].split(",")
    cells[7] = "121.0"  # Close
    after = before.replace(before.splitlines()[4], ",".join(cells))
    (tmp_path / "bitcoin.csv").write_text(after)
    read = read_candle_file(tmp_path / "bitcoin.csv")
    assert FUZZ["find_strange"](read, as_mutated(path, False, before, after)) is None
    assert "in the real file" in FUZZ["find_strange"](read, as_mutated(path, True, before, after))
    swapped = replace(read, candles=read.candles.with_columns(open="close", close="open"))
    assert FUZZ["find_strange"](swapped, as_mutated(path, False, before, after)) is not None


def test_a_lost_line_is_found(shared_data: Path) -> None:
    path = shared_data / "cmc" / "coin_Bitcoin.csv"
    text = "\n".join(path.read_text().splitlines()[:30]) + "\n"

    def lose(rows: int) -> CandleFile:
        read = read_candle_file(path)
        return replace(read, candles=read.candles.head(29 - rows), rows=29 - rows)

    assert FUZZ["find_lost"]([lose(0)], as_mutated(path, True, text, text)) is None
    assert FUZZ["find_lost"]([lose(1)], as_mutated(path, True, text, text)) is not None


@pytest.mark.parametrize("message", ["one\ntwo\nthree", "x" * 301, "a\x1b[31m", " "])
def test_an_unclear_refusal_is_found(message: str) -> None:
    assert FUZZ["complain"](message, Path("/nowhere")) is not None
    assert FUZZ["complain"]("prices.csv: column 'Close', row 3: 'x' is no number\nsay which", Path("/nowhere")) is None


# ---------------------------------------------------------------- what it found, by hand

DAYS = "".join(f"2031-03-{day:02},1.{day:02},{day}.5\n" for day in range(1, 9))


def read_text(folder: Path, content: str | bytes, *, on_bad: str = "refuse", name: str = "btc-usd.csv") -> Imported:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (one,) = import_files([path], ImportOptions(store=False, on_bad=on_bad))
    assert one.error is None or FUZZ["complain"](str(one.error), folder) is None
    return one


def test_a_second_of_60_is_not_the_next_minute(tmp_path: Path) -> None:
    for clock in ("2031-03-04 10:10:{}", "2031-03-04T10:10:{}Z", "March 4, 2031 10:10:{}"):
        rows = "".join(f'"{clock.format(second)}",5\n' for second in ("00", "60"))
        assert "is no date or time" in str(read_text(tmp_path, "date,close\n" + rows).error)


def test_a_year_before_the_first_is_refused(tmp_path: Path) -> None:
    assert read_text(tmp_path, "date,close,x\n" + DAYS + "-019-01-01,5,1\n").error is not None


@pytest.mark.parametrize("rows", ['"242,979"|"242,97900001"', "242,979;|242,97900001;"])
def test_a_decimal_comma_beside_it_makes_a_mark_of_thousands_doubtful(tmp_path: Path, rows: str) -> None:
    comma = ";" if ";" in rows else ","
    cells = [*rows.replace(";", "").split("|") * 4]
    text = f"date{comma}close\n" + "".join(f"2031-03-{day:02}{comma}{cell}\n" for day, cell in enumerate(cells, 1))
    one = read_text(tmp_path, text, on_bad="drop")
    assert one.file is None
    assert one.error is not None


@pytest.mark.parametrize(
    "cell", ["9" * 70_000, "é" * 200_000, "\x1b[31m" * 300, "BTC/" * 5_000, '"' + "\n" * 999 + '"']
)
def test_a_long_cell_is_cut_in_the_message(tmp_path: Path, cell: str) -> None:
    header = "date,close,symbol\n"
    for text in (
        header + DAYS + f"2031-03-09,{cell},1\n",
        header + f"{cell},5,1\n" + DAYS,
        f"date,{cell},close\n" + DAYS,
    ):
        read_text(tmp_path, text)


def test_a_table_of_a_thousand_columns_without_a_price_is_told_in_two_lines(tmp_path: Path) -> None:
    names = ",".join(f"a column with a long name {number}" for number in range(1_000))
    one = read_text(tmp_path, f"date,{names}\n2031-03-01{',7' * 1_000}\n")
    assert re.search(r"its columns: date, a column with a long name 0, .* and 99\d more$", str(one.error))


def test_blanks_and_marks_do_not_hide_bitmex_whose_stamps_are_ends(tmp_path: Path) -> None:
    header = "symbol,timestamp,open,high,low,close,volume,vwap\n"
    rows = [
        f'XBTUSD,2031-03-01T00:{minute:02}:00.000Z,15024,15030,15000,15010,"6,632,432",15024.5'
        for minute in (5, 10, 15)
    ]
    for text in (
        header + "\n".join(rows),
        (header + "\n".join(rows).replace('"6,632,432"', "6632432")).replace(",", " , "),
    ):
        file = read_text(tmp_path, text).file
        assert file is not None
        assert (file.form, f"{file.first:%H:%M}") == ("bitmex", "00:00")


def test_a_dropped_row_does_not_hide_the_summer_time_of_yahoo(tmp_path: Path) -> None:
    """One of the two rows of a doubled Sunday cannot be read: then nothing shows that the days after it are early."""
    days = [date(2013, 3, 20) + timedelta(days=number) for number in range(40)]
    early = [day - timedelta(days=1) if day > date(2013, 3, 31) else day for day in days]
    rows = [f"{day},{9 + at},{12 + at},{8 + at},{10 + at},{10 + at},7" for at, day in enumerate(early)]
    broken = [row.removesuffix("21,7") + "x,7" if row.startswith("2013-03-31,20") else row for row in rows]
    assert broken != rows
    header = "Date,Open,High,Low,Close,Adj Close,Volume\n"
    whole = read_text(tmp_path, header + "\n".join(rows)).file
    assert whole is not None
    assert whole.candles["open_time"].dt.date().to_list() == days
    assert "no change of clocks that shows" in str(read_text(tmp_path, header + "\n".join(broken), on_bad="drop").error)


def test_rows_of_another_coin_are_never_the_coin_of_the_others(tmp_path: Path) -> None:
    rows = DAYS.replace("\n", ",Bitcoin\n") + "2031-03-09,77,1,Internet Computer\n"
    one = read_text(tmp_path, "date,close,volume,name\n" + rows, name="prices.csv")
    assert one.file is not None
    assert (one.file.market, one.file.rows) == ("file:BTC/USD", 8)
    assert "rows of symbols that name no coin left out: Internet Computer" in one.file.notes[0]


@pytest.mark.parametrize("kind", [pl.List(pl.Int64), pl.Struct({"a": pl.Int64}), pl.Binary, pl.Duration])
def test_a_column_of_what_is_no_cell_is_refused_by_name(tmp_path: Path, kind: pl.DataType) -> None:
    content = {pl.Binary: b"\xff", pl.Duration: timedelta(1)}.get(kind, [1] if kind == pl.List(pl.Int64) else {"a": 1})
    days = [date(2031, 3, day) for day in range(1, 9)]
    table = pl.DataFrame({"Date": days, "Close": 5.0, "Symbol": pl.Series([content] * 8, dtype=kind)})
    table.write_parquet(tmp_path / "btc.parquet")
    one = read_text(tmp_path, (tmp_path / "btc.parquet").read_bytes())
    assert "column 'Symbol' holds" in str(one.error)


def test_half_a_letter_and_a_huge_count_are_refused(tmp_path: Path) -> None:
    assert "half a letter" in str(read_text(tmp_path, '[{"date": "\\ud800", "close": 1}]').error)
    counts = pl.DataFrame({"date": pl.Series([2**63 + day for day in range(8)], dtype=pl.UInt64), "close": 5.0})
    counts.write_parquet(tmp_path / "btc.parquet")
    assert read_text(tmp_path, (tmp_path / "btc.parquet").read_bytes()).error is not None


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("value,value_classification,mood", "no column of dates is known by its name"),
        ("date,value_classification,value", ""),
        ("date,value,value_classification,a b,a_b", "column 'a_b' would be named a_b, as another is"),
    ],
)
def test_an_outside_series_without_dates_or_with_two_columns_of_one_name(
    tmp_path: Path, header: str, said: str
) -> None:
    width = header.count(",")
    rows = "".join(f"2031-03-{day:02}{',7' * width}\n" for day in range(1, 9))
    one = read_text(tmp_path, header + "\n" + rows)
    assert said in str(one.error)
