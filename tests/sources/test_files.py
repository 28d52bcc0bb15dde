from __future__ import annotations

import gzip
import hashlib
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

from coincast.candles.table import make_candles
from coincast.errors import (
    CandleError,
    ColumnError,
    DataError,
    TooFewRowsError,
    UnknownNameError,
    UnreadableFileError,
    UsageError,
)
from coincast.sources.files import (
    parse_candle_option,
    read_candle_file,
    read_candle_files,
    read_candles,
    read_markets,
)
from coincast.sources.simulated import simulate
from coincast.tabular import read_members

ROWS = ["2031-01-01,10,5", "2031-01-02,11,-", "2031-01-03,12,7"]
DAYS = [row.partition(",")[0] for row in ROWS]
PLAIN = "date,price,volume\n"
FORM = "Date,Open,High,Low,Close,Volume,Market Cap\n"
FORM_ROWS = '"Jan 03, 2031",2,3,1,2.5,-,9\n"Jan 02, 2031",2,3,1,2.5,"1,000",9\n'


def write(path: Path, rows: list[str] = ROWS, header: str = PLAIN) -> Path:
    path.write_text(header + "\n".join(rows) + "\n")
    return path


# the market


def test_the_coin_comes_from_the_name_of_the_file(tmp_path: Path) -> None:
    file = read_candle_file(write(tmp_path / "btc.csv"))
    assert (file.market, file.form, file.interval, file.rows) == ("file:BTC/USD", "table", "1d", 3)
    assert file.notes[0] == "read as file:BTC/USD: no known form, coin from its name, quote USD assumed"
    assert read_candle_file(write(tmp_path / "ETHUSDT-1d.csv")).market == "file:ETH/USDT"


def test_a_known_form_fixes_source_and_quote(tmp_path: Path) -> None:
    path = tmp_path / "bitcoin-EUR.csv"
    path.write_text(FORM + FORM_ROWS)
    file = read_candle_file(path)
    assert file.market == "coinmarketcap:BTC/USD"
    assert file.notes[0] == "read as coinmarketcap:BTC/USD: coinmarketcap_2018 form, coin from its name"


def test_the_content_comes_before_the_name(tmp_path: Path) -> None:
    rows = [f"ETH/EUR,{row}" for row in ROWS]
    file = read_candle_file(write(tmp_path / "btc.csv", rows, "symbol,date,price,volume\n"))
    assert file.market == "file:ETH/EUR"
    assert file.notes[0] == "read as file:ETH/EUR: no known form, coin from its content"


def test_the_user_comes_before_both(tmp_path: Path) -> None:
    rows = [f"ETH,{row}" for row in ROWS]
    path = write(tmp_path / "btc.csv", rows, "symbol,date,price,volume\n")
    assert read_candle_file(path, market="kraken:LTC/EUR").market == "kraken:LTC/EUR"


def test_a_coin_that_nobody_says(tmp_path: Path) -> None:
    path = write(tmp_path / "prices.csv")
    with pytest.raises(UsageError) as caught:
        read_candle_file(path)
    assert str(caught.value) == (
        "prices.csv does not tell its coin, neither by a column nor by the file's name; "
        f"say it: --candles file:BTC/USD={path} (with import --market file:BTC/USD, in Python market='file:BTC/USD')"
    )
    assert caught.value.exit_code == 2
    path.write_text(FORM + FORM_ROWS)
    with pytest.raises(UsageError, match="say it: --candles coinmarketcap:BTC/USD="):
        read_candle_file(path)


def test_a_market_that_contradicts_the_form(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(FORM + FORM_ROWS)
    with pytest.raises(UsageError) as caught:
        read_candle_file(path, market="binance:LTC/USDT")
    assert str(caught.value) == (
        "market binance:LTC/USDT contradicts the form coinmarketcap_2018, which fixes source coinmarketcap and quote "
        "USD; say coinmarketcap:LTC/USD, or format='table'"
    )
    assert read_candle_file(path, market="binance:LTC/USDT", format="table", interval="1d").market == "binance:LTC/USDT"


def test_a_table_of_several_coins(tmp_path: Path) -> None:
    rows = [f"{coin},{row}" for coin in ("BTC", "ETH") for row in ROWS]
    path = write(tmp_path / "coins.csv", rows, "symbol,date,price,volume\n")
    with pytest.raises(UsageError, match=r"2 coins or pairs \(BTC, ETH\); choose one: --candles file:BTC/USD=FILE"):
        read_candle_file(path)
    assert read_candle_file(path, market="file:ETH/USD").rows == 3
    with pytest.raises(UnknownNameError, match="unknown coin in this table 'LTC/USD'; known: BTC, ETH"):
        read_candle_file(path, market="file:LTC/USD")


def test_a_table_of_several_pairs(tmp_path: Path) -> None:
    rows = [f"BTC/{quote},{row}" for quote in ("USD", "EUR") for row in ROWS]
    path = write(tmp_path / "pairs.csv", rows, "pair,date,price,volume\n")
    assert read_candle_file(path, market="file:BTC/EUR").rows == 3


def test_a_column_of_names_that_are_no_coins(tmp_path: Path) -> None:
    rows = [f"{name} day,{row}" for name, row in zip(("First", "Second", "Third"), ROWS, strict=True)]
    path = write(tmp_path / "btc.csv", rows, "name,date,price,volume\n")
    assert read_candle_file(path).market == "file:BTC/USD"
    assert read_candle_file(path, market="file:ETH/USD").rows == 3


# what is reported


def test_everything_doubtful_is_said(tmp_path: Path) -> None:
    header = "time,open,high,low,close\n"
    hours = [f"2031-01-01 {hour:02}:00,9,3,1,2" for hour in (0, 1, 2, 4, 7)]
    file = read_candle_file(write(tmp_path / "btc.csv", [*hours, hours[0]], header))
    assert file.notes[1:] == ("1 repeated row left out", "times have no zone: read as UTC")
    assert file.defects == (
        "2 gaps, 3 candles missing",
        "5 candles of the future: is the year, or the zone, right?",
        "open or close outside low to high in 5 candles",
    )
    assert "unknown: open, high, low" in read_candle_file(write(tmp_path / "eth.csv")).defects


def test_the_fingerprint_is_that_of_the_bytes(tmp_path: Path) -> None:
    path = write(tmp_path / "btc.csv")
    file = read_candle_file(path)
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert file.path == path
    assert (file.first, file.last) == (datetime(2031, 1, 1, tzinfo=UTC), datetime(2031, 1, 3, tzinfo=UTC))
    frame = read_candle_file(pl.read_csv(path), market="file:BTC/USD")
    assert frame.path is None
    assert frame.sha256 == hashlib.sha256(frame.candles.write_csv().encode()).hexdigest()


# the same candles from everywhere


def test_files_and_frames_of_every_kind_give_the_same_candles(tmp_path: Path) -> None:
    path = write(tmp_path / "btc.csv")
    candles = read_candles(path)
    table = pl.read_csv(path, null_values="-", try_parse_dates=True)
    table.write_parquet(tmp_path / "btc.parquet")
    assert read_candles(tmp_path / "btc.parquet").equals(candles)
    for frame in (table, table.lazy(), pd.read_csv(path, na_values="-"), pd.read_csv(path, index_col="date")):
        assert read_candles(frame, market="file:BTC/USD").equals(candles)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_candle_table_is_read_back_as_it_was_written(tmp_path: Path, ending: str) -> None:
    columns = read_candles(write(tmp_path / "btc.csv")).drop("market", "interval")
    markets = ("simulated:WALK/USD", "simulated:ECHO/USD")
    candles = pl.concat([make_candles(columns, market=market) for market in markets]).sort("market")
    path = tmp_path / f"prices.{ending}"
    candles.write_csv(path) if ending == "csv" else candles.write_parquet(path)
    file = read_candle_file(path)
    assert file.candles.equals(candles)
    assert (file.form, file.market, file.interval) == ("candles", "simulated:ECHO/USD, simulated:WALK/USD", "1d")
    assert read_candles(path, market="simulated:WALK/USD")["market"].unique().to_list() == ["simulated:WALK/USD"]
    with pytest.raises(UnknownNameError, match=r"unknown market in this table 'file:BTC/USD'; .*known: simulated:ECHO"):
        read_candles(path, market="file:BTC/USD")


def test_several_files(tmp_path: Path) -> None:
    btc, eth = write(tmp_path / "btc.csv"), write(tmp_path / "prices.csv")
    later = write(tmp_path / "btc_later.csv", [ROWS[2], "2031-01-04,13,-", "2031-01-05,14,1"])
    candles, files = read_candle_files([str(btc), f"file:ETH/USD={eth}", later])
    assert candles.group_by("market", maintain_order=True).len().rows() == [("file:BTC/USD", 5), ("file:ETH/USD", 3)]
    assert [file.rows for file in files] == [3, 3, 3]


def test_files_that_contradict_each_other(tmp_path: Path) -> None:
    other = write(tmp_path / "btc_other.csv", ["2031-01-03,99,7", "2031-01-04,13,-", "2031-01-05,14,1"])
    with pytest.raises(CandleError, match="the files contradict each other: the 1d candle of file:BTC/USD that opens"):
        read_candle_files([write(tmp_path / "btc.csv"), other])
    with pytest.raises(UsageError, match="no candles were given; give at least one file: --candles FILE"):
        read_candle_files([])


# options


def test_the_candle_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse_candle_option("coinmarketcap:BTC/USD=a/b.csv") == ("coinmarketcap:BTC/USD", Path("a/b.csv"))
    assert parse_candle_option("binance:BTC/USDT:USDT=x=y.csv") == ("binance:BTC/USDT:USDT", Path("x=y.csv"))
    assert parse_candle_option("a/b.csv") == (None, Path("a/b.csv"))
    assert parse_candle_option(r"C:\data\btc.csv") == (None, Path(r"C:\data\btc.csv"))
    assert parse_candle_option("C:/data/btc=usd.csv") == (None, Path("C:/data/btc=usd.csv"))
    assert parse_candle_option(r"file:BTC/USD=C:\data\btc.csv") == ("file:BTC/USD", Path(r"C:\data\btc.csv"))
    monkeypatch.chdir(tmp_path)
    write(Path("lookback=10.csv"))
    assert parse_candle_option("lookback=10.csv") == (None, Path("lookback=10.csv"))
    write(Path("prices.csv"))
    with pytest.raises(UsageError, match="market 'BTC' is not spelled source:BASE/QUOTE"):
        parse_candle_option("BTC=prices.csv")


def test_wrong_options(tmp_path: Path) -> None:
    path = write(tmp_path / "btc.csv")
    with pytest.raises(UsageError, match="unknown interval '7m'; known: 1m 3m"):
        read_candles(path, interval="7m")
    with pytest.raises(UsageError, match="unknown time zone 'Mars/Base'"):
        read_candles(path, zone="Mars/Base")
    with pytest.raises(UnknownNameError, match="unknown file form 'tabel'; did you mean 'table'"):
        read_candles(path, format="tabel")
    with pytest.raises(ColumnError, match=r"btc.csv: this is not of the form coinmarketcap_2018 .* date, price"):
        read_candles(path, format="coinmarketcap_2018")
    path.write_text(FORM + FORM_ROWS)
    with pytest.raises(UsageError, match="candles of the form coinmarketcap_2018 are 1d, and interval 1h was asked"):
        read_candles(path, interval="1h")


# files that are refused: one or two lines, exit code 3


def refusal(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_candle_file(path)
    assert caught.value.exit_code == 3
    assert str(caught.value).count("\n") <= 1
    return str(caught.value)


def test_no_such_file(tmp_path: Path) -> None:
    assert refusal(tmp_path / "btc.csv").startswith("no such file: ")


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "btc.csv").write_bytes(b"")
    assert "btc.csv is empty; a table is a CSV" in refusal(tmp_path / "btc.csv")


def test_a_picture(tmp_path: Path) -> None:
    (tmp_path / "btc.csv").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    assert "btc.csv is a PNG picture, not a table" in refusal(tmp_path / "btc.csv")


def test_a_missing_column(tmp_path: Path) -> None:
    message = refusal(write(tmp_path / "btc.csv", header="date,open,volume\n"))
    assert message.startswith("btc.csv: no column of closing prices is known by its name; say which one is: columns=")
    assert message.endswith("\nits columns: date, open, volume")


def test_a_cell_that_is_no_number(tmp_path: Path) -> None:
    message = refusal(write(tmp_path / "btc.csv", [ROWS[0], "2031-01-02,about 11,1", ROWS[2]]))
    assert message.startswith("btc.csv: column 'price', row 2: 'about 11' is no number")


def test_too_few_rows_to_tell_the_interval(tmp_path: Path) -> None:
    path = write(tmp_path / "btc.csv", ROWS[:2])
    with pytest.raises(TooFewRowsError, match="do not tell the interval; say it: --interval 1d"):
        read_candles(path)
    assert read_candles(path, interval="1d").height == 2


def test_candles_that_cannot_be_true(tmp_path: Path) -> None:
    message = refusal(write(tmp_path / "btc.csv", [ROWS[0], "2031-01-02,0,1", ROWS[2]]))
    assert message == (
        "btc.csv: 1 row cannot be true: row 2 (2031-01-02: close 0.0)\n"
        "leave such rows out with --on-bad drop, or keep what can stand with --on-bad keep"
    )


def test_two_lines_for_one_day(tmp_path: Path) -> None:
    message = refusal(write(tmp_path / "btc.csv", [*ROWS, "2031-01-02,99,1"]))
    assert "2 rows cannot be true: row 2 (2031-01-02: close 11.0, and another row of that time differs)" in message


def test_a_broken_parquet_file(tmp_path: Path) -> None:
    (tmp_path / "btc.parquet").write_bytes(b"PAR1....")
    with pytest.raises(UnreadableFileError, match="is a broken Parquet file"):
        read_candle_file(tmp_path / "btc.parquet")


def test_a_real_table_without_closes(shared_data: Path) -> None:
    path = shared_data / "cmc" / "kaggle2018" / "bitcoin_dataset.csv"
    message = refusal(path)
    assert "columns={'close': 'btc_market_price'} or --column close=btc_market_price\n" in message
    assert "its columns: Date, btc_market_price, btc_total_bitcoins, " in message
    with pytest.raises(CandleError, match=r"175 rows cannot be true: row 1 \(2010-02-23: close 0\.0\), row 2 "):
        read_candle_file(path, columns={"close": "btc_market_price"})


def test_a_fault_is_left_out_where_the_user_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "btc.csv", [ROWS[0], "2031-01-02,0,1", *ROWS[2:]])
    file = read_candle_file(path, on_bad="drop", interval="1d")
    assert file.rows == len(ROWS) - 1
    assert file.left_out.to_dicts() == [
        {"row": 2, "time": datetime(2031, 1, 2, tzinfo=UTC), "reason": "close 0.0", "done": "left out"}
    ]
    assert "row 2 (2031-01-02): close 0.0: left out" in file.notes


def test_a_cell_that_cannot_be_read_is_a_fault_like_others(tmp_path: Path) -> None:
    path = write(tmp_path / "btc.csv", [ROWS[0], "2031-01-02,about 11,1", *ROWS[2:]])
    for policy in ("drop", "keep"):
        file = read_candle_file(path, on_bad=policy, interval="1d")
        assert file.rows == len(ROWS) - 1
        assert file.left_out.row(0)[::3] == (2, "left out")


def test_columns_that_are_mixed_up(tmp_path: Path) -> None:
    days = [f"2031-01-{day:02},10,12,9,{500 + day},11" for day in range(1, 21)]
    path = write(tmp_path / "btc.csv", days, "date,open,high,low,close,volume\n")
    assert "20 of 20 candles open or close outside low to high: columns seem to be mixed up" in refusal(path)
    assert read_candles(path, on_bad="keep").height == 20


def test_an_unknown_policy(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown policy for rows that cannot be true 'mend'"):
        read_candles(write(tmp_path / "btc.csv"), on_bad="mend")


def test_a_table_in_gzip_and_in_an_archive(tmp_path: Path) -> None:
    plain = write(tmp_path / "btc.csv")
    (tmp_path / "btc.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    with zipfile.ZipFile(tmp_path / "one.zip", "w") as archive:
        archive.write(plain, "btc.csv")
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.write(plain, "btc.csv")
        archive.write(plain, "folder/eth.csv")
    expected = read_candles(plain)
    assert read_candles(tmp_path / "btc.csv.gz").equals(expected)
    assert read_candles(tmp_path / "one.zip", market="file:BTC/USD").equals(expected)
    with pytest.raises(UnreadableFileError, match=r"two.zip holds 2 files \(btc.csv, folder/eth.csv\); unpack the one"):
        read_candles(tmp_path / "two.zip")
    read = [read_markets(member)[0] for member in read_members(tmp_path / "two.zip")]
    assert [file.market for file in read] == ["file:BTC/USD", "file:ETH/USD"]


def test_every_market_of_a_table(tmp_path: Path) -> None:
    rows = [f"{day},{coin},{price}" for coin, price in (("BTC", 5), ("ETH", 7)) for day in DAYS]
    files = read_markets(write(tmp_path / "long.csv", rows, "date,symbol,price\n"))
    assert [(file.market, file.rows) for file in files] == [("file:BTC/USD", len(DAYS)), ("file:ETH/USD", len(DAYS))]
    assert files[1].candles["close"].to_list() == [7.0] * len(DAYS)


def test_a_row_without_a_time_is_a_fault(tmp_path: Path) -> None:
    message = refusal(write(tmp_path / "btc.csv", [*ROWS, ",12,1"]))
    assert f"1 row cannot be true: row {len(ROWS) + 1} (no readable time)" in message


def test_a_real_table_of_no_known_form(shared_data: Path) -> None:
    file = read_candle_file(shared_data / "exogenous" / "btc_macro_onchain_merged.csv")
    assert (file.market, file.rows, file.interval) == ("file:BTC/USD", 4062, "1d")
    assert (file.first, file.last) == (datetime(2015, 1, 1, tzinfo=UTC), datetime(2026, 2, 13, tzinfo=UTC))


# the unfinished candle


def test_a_candle_that_has_not_closed_is_left_out_and_said(tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    rows = [f"{today - timedelta(days=back)},{10 + back},1" for back in (0, 1, 2, 3)]
    file = read_candle_file(write(tmp_path / "btc.csv", rows))
    assert file.rows == 3
    assert file.candles["close_time"].max() == datetime(today.year, today.month, today.day, tzinfo=UTC)
    assert "1 candle not closed yet: left out" in file.notes


def test_simulated_candles_are_whole_at_any_time() -> None:
    start = datetime.now(UTC).date() - timedelta(days=2)
    candles = simulate("walk", candles=5, start=start)
    assert read_candles(candles).height == 5
