from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coincast.errors import ColumnError, DataError, UnreadableFileError, UsageError
from coincast.tabular import parse_times, read_table

PLAIN = pl.DataFrame({"date": ["2017-01-01", "2017-01-02"], "price": ["1,000.5", "-"]})


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_csv_of_any_delimiter_is_read_as_text(tmp_path: Path, delimiter: str, mark: bytes, ending: str) -> None:
    lines = ['date{} "price"', '2017-01-01{}"1,000.5"', "", "2017-01-02{}-", "{}", ""]
    path = tmp_path / "table.csv"
    path.write_bytes(mark + ending.join(lines).replace("{} ", "{}").format(*[delimiter] * 4).encode())
    assert read_table(path).equals(PLAIN)
    assert read_table(str(path)).equals(PLAIN)


def test_a_parquet_file_is_told_by_its_content(tmp_path: Path) -> None:
    PLAIN.write_parquet(tmp_path / "table.csv")
    assert read_table(tmp_path / "table.csv").equals(PLAIN)


def test_lines_above_the_header_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("https://www.example.org\n\ndate,price\n2017-01-01,5\n")
    assert read_table(path).to_dicts() == [{"date": "2017-01-01", "price": "5"}]


def test_a_file_without_header_gets_numbered_names(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("1381093200,122.0,122.0\n1381096800,123.0,124.0\n")
    assert read_table(path).to_dict(as_series=False) == {
        "column_1": ["1381093200", "1381096800"],
        "column_2": ["122.0", "123.0"],
        "column_3": ["122.0", "124.0"],
    }


@given(
    st.lists(
        st.tuples(st.text("ab ,;|\t\"'1.\n", min_size=1).map(lambda cell: f"x{cell}x"), st.integers(0, 99).map(str)),
        min_size=1,
        max_size=6,
    )
)
def test_every_csv_written_by_polars_is_read_back(tmp_path_factory: pytest.TempPathFactory, rows: list) -> None:
    table = pl.DataFrame(rows, schema=["text", "number"], orient="row")
    path = tmp_path_factory.mktemp("csv") / "table.csv"
    table.write_csv(path, quote_style="always")
    assert read_table(path).equals(table)


def test_polars_frames_are_taken_as_they_are() -> None:
    assert read_table(PLAIN) is PLAIN
    assert read_table(PLAIN.lazy()).equals(PLAIN)


def test_pandas_columns_of_every_kind() -> None:
    frame = pd.DataFrame(
        {
            "whole": [1, 2],
            "part": [1.5, np.nan],
            "nullable": pd.array([1, None], dtype="Int64"),
            "text": ["a", None],
            "mixed": ["a", 1],
            "naive": pd.to_datetime(["2017-01-01", "2017-01-02"]),
            "aware": pd.to_datetime(["2017-01-01", None]).tz_localize("Europe/Berlin"),
            "category": pd.Categorical(["a", "b"]),
        }
    )
    table = read_table(frame)
    assert table.to_dict(as_series=False) | {"naive": None, "aware": None} == {
        "whole": [1, 2],
        "part": [1.5, None],
        "nullable": [1.0, None],
        "text": ["a", None],
        "mixed": ["a", "1"],
        "naive": None,
        "aware": None,
        "category": ["a", "b"],
    }
    assert table["naive"].dt.day().to_list() == [1, 2]
    assert parse_times(table["naive"]).zone_assumed == "UTC"
    assert table["aware"].dt.hour().to_list() == [23, None]
    assert parse_times(table["aware"]).zone_assumed is None


@pytest.mark.parametrize(("index_name", "column"), [(None, "date"), ("Day", "Day")])
def test_a_pandas_index_of_times_becomes_a_column(index_name: str | None, column: str) -> None:
    index = pd.DatetimeIndex(["2017-01-01", "2017-01-02"], tz="UTC", name=index_name)
    table = read_table(pd.DataFrame({"price": [1.0, 2.0]}, index=index))
    assert table.columns == [column, "price"]
    assert table[column].dt.day().to_list() == [1, 2]


def test_a_pandas_index_of_row_numbers_is_left_out() -> None:
    frame = pd.DataFrame({"price": [1.0, 2.0, 3.0]})
    assert read_table(frame[frame["price"] > 1]).columns == ["price"]


def test_a_pandas_frame_with_two_rows_of_names_is_refused() -> None:
    frame = pd.DataFrame([[1.0]], columns=pd.MultiIndex.from_tuples([("Close", "BTC-USD")]))
    with pytest.raises(ColumnError, match="more than one row of column names; keep one"):
        read_table(frame)


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, coincast.sources.files; sys.exit(any(m in sys.modules for m in ('pandas', 'jax', 'matplotlib')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def refused(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_table(path)
    assert caught.value.exit_code == 3
    message = str(caught.value)
    assert str(path) in message
    assert message.count("\n") <= 1
    return message


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_an_empty_file(tmp_path: Path, content: bytes) -> None:
    message = refused(tmp_path / "empty.csv", content)
    assert "is empty; a table is a CSV (UTF-8), Parquet, Feather, JSON or HDF5 file" in message


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", "is a PNG picture, not a table that can be read; a table is a CSV (UTF-8)"),
        (b"\xff\xd8\xff\xe0\0", "is a JPEG picture, not a table"),
        (b"GIF89a\0", "is a GIF picture"),
        (b"%PDF-1.7", "is a PDF document"),
        (b"PK\x03\x04\x14", "is a broken or locked ZIP archive"),
        (b"\x1f\x8b\x08", "is a broken gzip file"),
        ("date,price\n".encode("utf-16"), "is UTF-16 text"),
        (b"<!DOCTYPE html>", "is a web page"),
        (b'{"prices": []}', "is JSON, and no list of rows; a table in JSON is a list of rows"),
        (b"[[1, 2], [3]]", "is JSON whose rows differ in their cells"),
        (b"[[1, [2]], [3, 4]]", "column_2 holds lists or objects in its cells"),
        (b"[1, 2", "is broken JSON"),
        (b"FEA1....", "is a Feather file of the first version"),
        (b"ARROW1 and then nothing", "is a broken Feather file"),
        (b"\x89HDF\r\n\x1a\n", "is a broken HDF5 file"),
        (b"\x80\x04\x95...", "is a pickle, which can run code and is never loaded"),
        (b"date,pr\0ce\n1,2\n", "is not a table (its bytes are no text)"),
        ("date,prix €\n1,2\n".encode("cp1252"), "is not a table (its bytes are no UTF-8 text)"),
        (b"PAR1 and then nothing", "is a broken Parquet file; fetch or write it again"),
        (b"date,price\n1,2,3\n4,5,6,7\n", "is no table: its rows differ in length, or a quote stays open"),
        (b'date,price\n"1","2"\n"1","234', "is no table: its rows differ in length, or a quote stays open"),
        (b'date,price\n1,"2\n', "is no table: its rows differ in length, or a quote stays open"),
        (b"date,price\n1,2,3\n4,5,6\n", "has 2 column names and 3 columns; give each column one name"),
        (b"date,price\n", "has column names but no rows; give a table with at least one row"),
        (b"date,price", "has column names but no rows"),
        (b"date,price\n,\n", "has column names but no rows"),
        (b"date,price, price\n1,2,3\n", "has the column 'price' more than once; give every column its own name"),
    ],
)
def test_what_is_no_table(tmp_path: Path, content: bytes, what: str) -> None:
    assert what in refused(tmp_path / "given.csv", content)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"no such file: .*gone\.csv; check the name") as caught:
        read_table(tmp_path / "gone.csv")
    assert caught.value.exit_code == 3


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="is a folder; give one file in it"):
        read_table(tmp_path)


def test_something_else() -> None:
    with pytest.raises(UsageError, match="a list is no table; give the path of a file with one"):
        read_table([1, 2])


def test_an_empty_frame() -> None:
    with pytest.raises(UnreadableFileError, match="the frame has column names but no rows"):
        read_table(PLAIN.clear())


@pytest.mark.parametrize(
    ("content", "cell"),
    [
        ("date;close\na;1,250\nb;1,300\n", "1,250"),
        ("date\tclose\na\t999\nb\t1,300\n", "1,300"),
        ("date;close;volume\na;7.250;1,5\nb;7.300;2,25\n", "7.250"),
        ("date;close;other\na;7.250;0,123\nb;7.300;0,124\n", "7.250"),
    ],
)
def test_numbers_that_may_be_a_thousand_times_larger_are_refused(tmp_path: Path, content: str, cell: str) -> None:
    (tmp_path / "f.csv").write_text(content)
    with pytest.raises(ColumnError, match=f"column 'close' holds '{cell}', whose mark may part thousands or decimals"):
        read_table(tmp_path / "f.csv")


@pytest.mark.parametrize(
    "content",
    [
        "date;close\na;1,250.5\nb;1,300\n",
        "date;close\na;950.5\nb;1,300\n",
        "date;close\na;1,250,000\nb;1,300\n",
        "date;close\na;7.250\nb;7.300\n",
        'date,close\na,"1,250"\nb,"1,300"\n',
    ],
)
def test_numbers_that_tell_their_marks_are_read(tmp_path: Path, content: str) -> None:
    (tmp_path / "f.csv").write_text(content)
    assert read_table(tmp_path / "f.csv").height == 2


@pytest.mark.parametrize("line", ["sep=;\n", '"sep=;"\r\n', "SEP=;\n"])
def test_the_line_that_says_the_delimiter_is_no_header(tmp_path: Path, line: str) -> None:
    (tmp_path / "f.csv").write_text(f"{line}date;price\n2017-01-01;1\n2017-01-02;2\n")
    assert read_table(tmp_path / "f.csv").to_dict(as_series=False) == {
        "date": ["2017-01-01", "2017-01-02"],
        "price": ["1", "2"],
    }


def test_delimiters_at_the_ends_of_rows_are_no_column(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("date,price\n2017-01-01,1,\n2017-01-02,2,\n")
    assert read_table(tmp_path / "f.csv").columns == ["date", "price"]


@pytest.mark.parametrize("name", ["x[1].parquet", "x*.parquet", "x?.parquet"])
def test_a_name_is_no_pattern(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(parquet_bytes(PLAIN))
    assert read_table(tmp_path / name).equals(PLAIN)


def test_a_panic_of_the_reader_is_a_broken_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def panic(*given: object, **named: object) -> None:
        raise pl.exceptions.PanicException("index out of bounds")

    (tmp_path / "x.parquet").write_bytes(parquet_bytes(PLAIN))
    monkeypatch.setattr(pl, "read_parquet", panic)
    with pytest.raises(UnreadableFileError, match="is a broken Parquet file"):
        read_table(tmp_path / "x.parquet")


def parquet_bytes(table: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.write_parquet(buffer)
    return buffer.getvalue()
