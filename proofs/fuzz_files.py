"""Mutate real files at random and read them: a clear refusal, or candles and series whose values stand in the file.

    python proofs/fuzz_files.py --mutations 10000 --seed 0

Every file goes in by the door that users take, `import_files`. A candle that comes out is one of the candles of the
whole, unmutated file, at its time and with its prices, or it comes from one line that the mutation changed: then its
time and its numbers are cells of that line, found by a slow and separate reading, and its prices stand under their own
names. Where a mutation keeps the meaning of a file (another separator, columns moved with their names, lines in another
order or twice, other line ends) only the first will do. Rows that are lost must be told of.

A refusal is two lines of at most 300 letters, or 700 where it names five rows. An exception that Coincast does not
mean, a word on standard error from below Python, and an attempt of more than half a minute are findings, too. Each is
printed with the seed that makes it again.

What no reader can tell, and what is therefore no finding: names that change places in the header where the candles stay
plausible (open and close), cells that do so below it or in a file without names, a digit that became another digit, a
byte in the numbers of a Feather, Parquet or HDF5 file (nothing in these adds up, as it does in gzip and ZIP), and a
header so broken that the form is not known by it: then the file is any table, and its label is taken for the start of a
candle.

The real files are looked for in COINCAST_SHARED_DATA, else in ../shared/data.
"""

from __future__ import annotations

import argparse
import calendar
import csv
import gzip
import io
import os
import random
import re
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from coincast.errors import CoincastError
from coincast.sources.files import CandleFile, read_markets
from coincast.sources.importing import Imported, ImportOptions, import_files
from coincast.sources.outside import OutsideSeries, read_outside
from coincast.tabular import read_members, read_table

MUTATIONS = 10_000
FILES = (
    "binance/BTCUSDT-1h-data.csv",
    "binance/BTCUSDT-1m-data.csv.gz",
    "binance/BTC_USDT-15m-2023.json",
    "binance/UNITTEST_BTC-5m.h5",
    "binance/multi_1d/ETH_USDT-1d.feather",
    "bitfinex/Bitfinex_BTCUSD_1h.csv",
    "bitfinex/Bitfinex_BTCUSD_d.csv",
    "bitmex/XBTUSD_5m_16000_train.csv",
    "bitstamp/Bitstamp_BTCUSD_d.csv",
    "bitstamp/btcusd_1-min_data.csv",
    "cmc/coin_Bitcoin.csv",
    "cmc/crypto-markets.csv",
    "cmc/cryptocurrencypricehistory.zip",
    "cmc/kaggle2018/bitcoin_dataset.csv",
    "cmc/kaggle2018/ethereum_dataset.csv",
    "cmc/kaggle2018/ethereum_price.csv",
    "coinbase/coinbase-1h-btc-usd.csv",
    "coingecko/bitcoin.csv",
    "exogenous/bitcoin_daily_tweets.csv",
    "exogenous/bitcoin_google_trends.csv",
    "exogenous/btc_macro_onchain_merged.csv",
    "exogenous/fear_greed_index.csv",
    "investing/bitcoin2015to2017.csv",
    "kraken/XBTUSD_60.csv",
    "poloniex/BTCUSDT-30m.csv",
    "poloniex/USDT_ETH-1d.csv",
    "poloniex/dataset-USDT_BTC-15m-2018H1.csv",
    "yahoo/BTC-USD-2010-2018.csv",
    "yahoo/bitcoin_daily.csv",
)
PRICES = ("open", "high", "low", "close")
LONGEST_LINE, LONGEST_OF_ROWS, LONGEST_SECONDS = 300, 700, 30.0


_CELL = re.compile(r'(?:^|(?<=,))(?:"[^"]*"|[^,]*)')
"""A cell as it stands in a line, quotes and all."""


# ---------------------------------------------------------------- mutations that keep what a file means


def nothing(text: str, draw: random.Random) -> str:
    return text


def swap_columns(text: str, draw: random.Random) -> str:
    """Two columns change places in every line, header and all, with their quotes."""
    return _swap(text, draw, first=0)


def shuffle_lines(text: str, draw: random.Random) -> str:
    head, *lines = text.rstrip("\n").split("\n")
    draw.shuffle(lines)
    return "\n".join([head, *lines])


def repeat_lines(text: str, draw: random.Random) -> str:
    return _some_lines(text, draw, lambda line: f"{line}\n{line}")


def drop_lines(text: str, draw: random.Random) -> str:
    head, *lines = text.split("\n")
    return "\n".join([head, *(line for line in lines if draw.random() > 0.1)])


def change_separator(text: str, draw: random.Random) -> str:
    mark = draw.choice(";\t| ")
    return "\n".join(mark.join(_CELL.findall(line)) for line in text.split("\n"))


def decimal_commas(text: str, draw: random.Random) -> str:
    """As a spreadsheet of another country writes it, with and without points between thousands."""
    points = draw.choice(["", "", "."])

    def change(cell: str) -> str:
        found = re.fullmatch(r'("?-?)(\d+)(\.\d+)?("?)', cell.replace(",", ""))
        if found is None:
            return cell
        whole = found[2] if len(found[2]) > 8 else f"{int(found[2]):,}".replace(",", points)
        return found[1] + whole + (found[3] or "").replace(".", ",") + found[4]

    return "\n".join(";".join(map(change, _CELL.findall(line))) for line in text.split("\n"))


def thousands_marks(text: str, draw: random.Random) -> str:
    mark = draw.choice([",", " ", "'", "\u00a0"])
    return re.sub(r"(?<![\d.\"])(\d{1,3})(\d{3})(\.\d+)?(?=[,\n])", rf'"\1{mark}\2\3"', text)


def change_marks(text: str, draw: random.Random) -> str:
    """Marks that spreadsheets add: blanks, quotes, currency signs, a byte order mark, the name of the separator."""
    return draw.choice(
        [
            text.replace(",", " , "),
            "\ufeff" + text,
            "sep=,\n" + text,
            "\n\n" + text.replace("\n", "\n\n") + "\n \n",
            re.sub(r"(\d+\.\d+)", r'"\1"', text),
            re.sub(r"(\d+\.\d+)", r"$\1", text),
            re.sub(r"(\d+)(,|$)", r"\1,", text, flags=re.MULTILINE),
        ]
    )


def change_line_ends(text: str, draw: random.Random) -> str:
    ends = draw.choice(["\r\n", "\r", "\n\r", "\x0b", "\u2028"])
    return text.replace("\n", ends) if draw.random() < 0.5 else _some_lines(text, draw, lambda line: line + ends[0])


def mix_epoch_units(text: str, draw: random.Random) -> str:
    """Some of the epoch times that begin a line in another unit."""
    factor = draw.choice(["000", "000000", "000000000"])
    share = draw.choice([0.03, 0.5, 1.0])

    def change(found: re.Match[str]) -> str:
        return found[1] + found[2] + factor if draw.random() < share else found[0]

    return re.sub(r"(^|\[)(\d{10})(?=[,.])", change, text, flags=re.MULTILINE)


# ---------------------------------------------------------------- mutations that change it


def cut(text: str, draw: random.Random) -> str:
    return text[: draw.randrange(len(text))]


def flip(text: str, draw: random.Random) -> str:
    letters = list(text)
    for _ in range(draw.randint(1, 5)):
        letters[draw.randrange(len(letters))] = chr(draw.randrange(32, 127))
    return "".join(letters)


def flip_near_the_top(text: str, draw: random.Random) -> str:
    return flip(text[:400], draw) + text[400:]


def swap_cells_below(text: str, draw: random.Random) -> str:
    """Two columns change places from some line on."""
    return _swap(text, draw, first=draw.randrange(1, max(2, text.count("\n"))))


def swap_names(text: str, draw: random.Random) -> str:
    """Two names of the header change places."""
    head, _, rest = text.partition("\n")
    return _swap(head, draw, first=0) + "\n" + rest


def _swap(text: str, draw: random.Random, first: int) -> str:
    lines = text.split("\n")
    width = max(1, len(_CELL.findall(lines[min(2, len(lines) - 1)])))
    one, two = draw.randrange(width), draw.randrange(width)
    for number, line in enumerate(lines[first:], first):
        cells = _CELL.findall(line)
        if max(one, two) < len(cells):
            cells[one], cells[two] = cells[two], cells[one]
        lines[number] = ",".join(cells)
    return "\n".join(lines)


def reorder_dates(text: str, draw: random.Random) -> str:
    """The first cells of the lines change places among themselves."""
    lines = text.split("\n")
    places = [number for number, line in enumerate(lines) if number and "," in line]
    heads = [lines[number].partition(",")[0] for number in places]
    draw.shuffle(heads)
    for number, head in zip(places, heads, strict=True):
        lines[number] = head + "," + lines[number].partition(",")[2]
    return "\n".join(lines)


def change_some_separators(text: str, draw: random.Random) -> str:
    return _some_lines(text, draw, lambda line: line.replace(",", draw.choice(";\t| .")))


def change_cells(text: str, draw: random.Random) -> str:
    """Numbers and words in the place of a cell here and there, instead of the line or after it."""
    words = ["0", "-1", "nan", "NaN", "inf", "-inf", "Infinity", "1e400", "9" * 25, "1e-320", "0x1F", "1_000", "١٢٣"]
    words += [
        "",
        "-",
        "None",
        "true",
        "1.2.3",
        "1,5",
        '"1,5"',
        '"1.234,56"',
        "−5",
        "½",
        "a\u0000b",
        "2018-02-30",
        "24:00",
    ]
    words += [
        "=1+1",
        "'12",
        "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
        "[1, 2]",
        '"',
        "99/99/9999",
    ]

    def change(line: str) -> str:
        cells = line.split(",")
        cells[draw.randrange(len(cells))] = draw.choice(words)
        return draw.choice(["", f"{line}\n"]) + ",".join(cells)

    return _some_lines(text, draw, change)


def lengthen_cells(text: str, draw: random.Random) -> str:
    """Cells of thousands of letters, in the header or below it."""
    cells = text.split(",")
    for _ in range(draw.randint(1, 3)):
        longer = draw.choice(["9", "x", "1,", "é", "-", " ", "\n", "ABC/", "2018-01-01 "]) * draw.choice([400, 70_000])
        place = draw.choice([draw.randrange(len(cells)), draw.randrange(min(8, len(cells)))])
        cells[place] = draw.choice([longer, f'"{longer}"', cells[place] + longer])
    return ",".join(cells)


def put_nul(text: str, draw: random.Random) -> str:
    place = draw.randrange(len(text))
    return text[:place] + draw.choice(["\0", "\x1a", "\x1b[31m", "\x7f"]) * draw.choice([1, 600]) + text[place:]


def add_columns(text: str, draw: random.Random) -> str:
    """Many more columns, after the others."""
    many = draw.choice([1, 5, 40, 1200])
    head, *lines = text.rstrip("\n").split("\n")
    names = ",".join(f"a column with a longer name {number}" for number in range(many))
    cells = ",".join(["7"] * many)
    return "\n".join([f"{head},{names}", *(f"{line},{cells}" for line in lines)])


def drop_a_column(text: str, draw: random.Random) -> str:
    lines = text.split("\n")
    place = draw.randrange(max(1, lines[-2].count(",") + 1) if len(lines) > 1 else 1)
    kept = [[cell for at, cell in enumerate(line.split(",")) if at != place] for line in lines]
    return "\n".join(",".join(cells) for cells in kept)


def double_names(text: str, draw: random.Random) -> str:
    """A name of the header stands twice, or almost."""
    head, _, rest = text.partition("\n")
    names = head.split(",")
    names[draw.randrange(len(names))] = draw.choice(["", " ", "{}", "{} ", "_{}"]).format(draw.choice(names))
    return ",".join(names) + "\n" + rest


def no_header(text: str, draw: random.Random) -> str:
    return text.partition("\n")[2]


def header_again(text: str, draw: random.Random) -> str:
    """As where two files were put into one."""
    head, *lines = text.split("\n")
    lines.insert(draw.randrange(len(lines) + 1), head)
    return "\n".join([head, *lines])


def glue(text: str, draw: random.Random) -> str:
    """Lines of another file below."""
    other = draw.choice([name for name in FILES if name.endswith(".csv")])
    lines = (_folder() / other).read_text().split("\n")
    return text + "\n".join(draw.sample(lines[1:], 5))


def other_zone(text: str, draw: random.Random) -> str:
    """Some times, or all, get an offset or lose their zone."""
    share, mark = draw.choice([0.05, 1.0]), draw.choice(["+05:30", " -0800", " CET", "", " Europe/Berlin"])
    return re.sub(r"(\d\d:\d\d)(Z| UTC)?(?=,)", lambda at: at[1] + mark if draw.random() < share else at[0], text)


def as_bytes(text: str, draw: random.Random) -> bytes:
    """The bytes of another alphabet, or some that belong to none."""
    data = text.encode()
    place = draw.randrange(len(data))
    return draw.choice(
        [
            text.encode("utf-16"),
            text.encode("utf-16-le"),
            text.encode("utf-32"),
            data[:place] + b"\xe9" + data[place:],
            data[:place] + bytes(draw.randrange(256) for _ in range(8)) + data[place:],
        ]
    )


def _some_lines(text: str, draw: random.Random, change: Callable[[str], str]) -> str:
    return "\n".join(change(line) if draw.random() < 0.03 else line for line in text.split("\n"))


KEEPING = (
    *(nothing, swap_columns, shuffle_lines, repeat_lines, drop_lines, change_separator, decimal_commas),
    *(thousands_marks, change_marks, change_line_ends, mix_epoch_units),
)
CHANGING = (
    *(cut, flip, flip, flip_near_the_top, swap_cells_below, swap_names, reorder_dates, change_some_separators),
    *(change_cells, change_cells, lengthen_cells, put_nul, add_columns, drop_a_column, double_names, no_header),
    *(header_again, glue, other_zone, as_bytes),
)


# ---------------------------------------------------------------- packed files, whose bytes change


def as_gzip(text: str, path: Path) -> bytes:
    return gzip.compress(text.encode(), mtime=0)


def as_zip(text: str, path: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(path.name, text)
    return packed.getvalue()


def as_parquet(text: str, path: Path) -> bytes:
    return _binary(text, path, "parquet")


def as_feather(text: str, path: Path) -> bytes:
    return _binary(text, path, "feather")


def _binary(text: str, path: Path, form: str) -> bytes:
    """The excerpt as a table of text, in a binary form."""
    written, beside = io.BytesIO(), path.with_name(f"table-{path.name}")
    beside.write_text(text, encoding="utf-8", newline="")
    table = read_table(beside)
    beside.unlink()
    table.write_parquet(written) if form == "parquet" else table.write_ipc(written, compression="lz4")
    return written.getvalue()


PACKERS = (as_gzip, as_zip, as_parquet, as_feather)
SEALED = (as_gzip, as_zip)
"""Packed with a sum of all bytes, so that a changed byte is known."""


def mutate_bytes(data: bytes, draw: random.Random) -> bytes:
    changed = bytearray(data)
    kind = draw.randrange(4)
    if kind == 0:
        return bytes(changed[: draw.randrange(len(changed))])
    near = draw.choice(
        [len(changed), min(200, len(changed))]
    )  # in a ZIP, Parquet or Feather file the end tells the rest
    for _ in range(draw.randint(1, 8)):
        place = draw.randrange(near)
        changed[place if kind == 1 else -1 - place] = draw.randrange(256)
    return bytes(changed + changed[: draw.randrange(64)]) if kind == 2 else bytes(changed)


# ---------------------------------------------------------------- what stands in a line, read slowly

_MONTHS = {name[:3].lower(): number for number, name in enumerate(calendar.month_name) if name}
_CLOCK = r"(?:(?:T|,? +)(\d{1,2})(?::?(\d{2}))?(?::(\d{2}))?(?:[.,](\d+))?[ -]?([AaPp][Mm])?)?"
_ZONE = r"\s*(?:Z|z|UTC|GMT|([+-])(\d{2}):?(\d{2})?)?"
_ISO = re.compile(r"(\d{4})[-/.]?(\d{1,2})[-/.]?(\d{1,2})" + _CLOCK + _ZONE)
_NAMED = re.compile(r"([A-Za-z]{3})[a-z]*\.?[ -](\d{1,2}),?[ -](\d{4})")
_SLASHED = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})")
_EPOCH = re.compile(r"(\d{9,19})(\.\d+)?")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?%?")
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?")
_MAGNITUDES = {"K": 3, "M": 6, "B": 9, "T": 12}
_TIME_NAMES = {"date", "timestamp", "unix", "time", "datetime", "snappedat", "opentime", "closetime", "dateutc"}
_TIME_NAMES |= {"unixtimestamp", "index"}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    """What one line says.

    Attributes:
        times: that its cells of times can mean; of all its cells where the header names none.
        numbers: that its cells hold.
        prices: name of a price -> what stands under that name, where the header has it.
    """

    times: frozenset[datetime]
    numbers: frozenset[float]
    prices: dict[str, float | None]


def plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name.lower())


def lines_of(text: str) -> list[str]:
    if text.lstrip("\ufeff \n").startswith("["):
        return re.findall(r"\[([^\[\]]*)\]", text)
    lines = re.split(r"\r\n|\n\r|\n|\r", text.removeprefix("\ufeff"))
    return [line for line in lines if line.strip(" ,;|\t\"'") and not line.startswith("sep=")]


def cells_of(line: str) -> list[str]:
    """Cells of a line that is parted by what parts it most often."""
    separator = max(",;\t|", key=lambda mark: (re.sub(r'"[^"]*"', "", line).count(mark), mark == ","))
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=separator), [])]
    except csv.Error:
        return []


def header_of(lines: list[str]) -> str:
    """The line with the names of the columns; empty where there is none."""
    for line in lines[:3]:
        cells = cells_of(line)
        if len(cells) > 1 and not any(map(_times, cells)) and any(plain(cell).isalpha() for cell in cells):
            return line
    return ""


def names_of(lines: list[str]) -> list[str]:
    header = header_of(lines)
    return [plain(cell) for cell in cells_of(header)] if header else []


def row_of(line: str, names: list[str]) -> Row:
    cells = cells_of(line)
    named = dict(zip(names, cells, strict=False)) if len(names) == len(set(names)) else {}
    if not names and len(cells) in (6, 7, 12):
        named = dict(zip(("date", *PRICES), cells, strict=False))
    stamps = [cell for name, cell in named.items() if name in _TIME_NAMES] or cells
    closes = "close" if "close" in named else "price"
    prices = {
        price: named[name]
        for price, name in (*zip(PRICES[:3], PRICES[:3], strict=True), ("close", closes))
        if name in named
    }
    return Row(
        frozenset(moment for cell in stamps for moment in _times(cell)),
        frozenset(number for cell in cells if (number := _number(cell)) is not None),
        {price: _number(cell) for price, cell in prices.items()},
    )


def _times(cell: str) -> list[datetime]:
    found = _ISO.fullmatch(cell)
    if found:
        year, month, day, hour, minute, second, fraction, half, sign, hours, minutes = found.groups()
        clock = int(hour or 0) % (12 if half else 25) + (12 if (half or "").lower() == "pm" else 0)
        offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
        part = timedelta(milliseconds=int((fraction or "0")[:3].ljust(3, "0")))
        whole = _moment(int(year), int(month), int(day), clock, int(minute or 0), int(second or 0))
        return [moment + part - offset for moment in whole]
    if found := _NAMED.fullmatch(cell):
        return _moment(int(found[3]), _MONTHS.get(found[1].lower(), 0), int(found[2]))
    if found := _SLASHED.fullmatch(cell):
        one, two, year = int(found[1]), int(found[2]), int(found[3])
        return _moment(year, two, one) + _moment(year, one, two)
    if found := _EPOCH.fullmatch(cell):
        part = int(float(found[2] or 0) * 1000)
        units = [unit for unit in (1, 10**3, 10**6, 10**9) if 10**8 <= int(found[1]) / unit < 10**11]
        return [EPOCH + timedelta(milliseconds=int(found[1]) * 1000 // unit + part * (unit == 1)) for unit in units]
    return []


def _moment(*parts: int) -> list[datetime]:
    try:
        return [datetime(*parts, tzinfo=UTC)]  # type: ignore[misc, arg-type]
    except ValueError:
        return []


def _number(cell: str) -> float | None:
    if _GROUPED.fullmatch(cell):
        cell = cell.replace(",", "")
    if cell[-1:] in _MAGNITUDES and _NUMBER.fullmatch(cell[:-1]):
        cell = f"{cell[:-1]}e{_MAGNITUDES[cell[-1]]}"
    return float(cell.removesuffix("%")) if _NUMBER.fullmatch(cell) else None


# ---------------------------------------------------------------- the check


@dataclass(frozen=True)
class Mutated:
    """A mutated excerpt.

    Attributes:
        path: the real file.
        name: of the mutation.
        keeps: whether it keeps the meaning of the file.
        original, text: before and after; None where the content is no text.
    """

    path: Path
    name: str
    keeps: bool
    original: str | None
    text: str | None


@cache
def true_candles(path: Path) -> dict[tuple[str, datetime], tuple[float | None, ...]]:
    """Prices of the candles of the whole file: by coin and time."""
    prices = {}
    for member in read_members(path):
        with suppress(CoincastError):  # an outside series
            for file in read_markets(member, on_bad="drop"):
                base = file.market.partition(":")[2].partition("/")[0]
                rows = file.candles.select("open_time", *PRICES).iter_rows()
                prices |= {(base, opens): tuple(told) for opens, *told in rows}
    return prices


@cache
def true_values(path: Path) -> dict[datetime, dict[str, Any]]:
    """Rows of the whole outside series."""
    return {row["date"]: row for row in read_outside(path).table.iter_rows(named=True)}


def find_strange(file: CandleFile, mutated: Mutated) -> str | None:
    """What a candle holds that neither the real file nor a changed line does; None where all is well."""
    truth, changed = true_candles(mutated.path), None
    base = file.market.partition(":")[2].partition("/")[0]
    extra = [name for name in file.candles.columns[9:] if file.candles[name].null_count() < file.candles.height]
    for candle in file.candles.iter_rows(named=True):
        prices = {name: candle[name] for name in PRICES if candle[name] is not None}
        real = truth.get((base, candle["open_time"]))
        if real is not None and all(price == real[PRICES.index(name)] for name, price in prices.items()):
            continue
        if mutated.keeps:
            return f"{candle['open_time']} has {prices}, and in the real file {real}"
        changed = _changed_rows(mutated) if changed is None else changed
        slack = timedelta(days=1, hours=1) if file.form in ("coingecko", "yahoo") else timedelta(0)
        ends = [candle["close_time"] - timedelta(milliseconds=early) for early in (0, 1, 1000)]
        near = [row for row in changed if _is_near(row, (candle["open_time"], *ends), slack)]
        if not near:
            return f"no changed line has the time of {candle['open_time']} with {prices}; the real file has {real}"
        numbers = {*prices.values(), *(candle[name] for name in (*extra, "volume") if candle[name] is not None)}
        if not any(row.numbers >= numbers and _has_prices(row, prices) for row in near):
            return f"no changed line of {candle['open_time']} has {prices} under these names and {numbers}"
    return None


def find_strange_value(series: OutsideSeries, mutated: Mutated) -> str | None:
    """The same of an outside series."""
    truth, changed = true_values(mutated.path), None
    for row in series.table.iter_rows(named=True):
        values = {name: row[name] for name in series.table.columns[2:] if row[name] is not None}
        real = truth.get(row["date"], {})
        if all(name in real and value == real[name] for name, value in values.items()):
            if row["known_at"] != real["known_at"]:
                return f"{row['date']} is known at {row['known_at']}, and in truth at {real['known_at']}"
            continue
        if mutated.keeps and series.form != "series":
            return f"{row['date']} has {values}, and in the real file {real}"
        changed = _changed_rows(mutated) if changed is None else changed
        if not any(row["date"] in line.times and line.numbers >= set(values.values()) for line in changed):
            return f"no changed line has {row['date']} with {values}"
    return None


def _changed_rows(mutated: Mutated) -> list[Row]:
    """Lines that the mutation made; all of them where it changed the names."""
    assert mutated.original is not None
    assert mutated.text is not None
    before, after = lines_of(mutated.original), lines_of(mutated.text)
    names = names_of(after)
    is_same = header_of(after) == header_of(before) and mutated.name != "reorder_dates"
    known = set(before) if is_same else set()
    return [row_of(line, names) for line in after if line not in known]


def _is_near(row: Row, times: tuple[datetime, ...], slack: timedelta) -> bool:
    return any(abs(said - moment) <= slack for said in row.times for moment in times)


def _has_prices(row: Row, prices: dict[str, float]) -> bool:
    return all(row.prices.get(name, price) == price for name, price in prices.items())


def find_lost(files: list[CandleFile], mutated: Mutated) -> str | None:
    """Lines of a whole file that are neither candles nor told, but for those that repeat another."""
    assert mutated.text is not None
    lines = [line for line in lines_of(mutated.text) if not line.startswith("http")]
    rows = lines[1:] if names_of(lines) else lines
    told = {rows[row - 1] for file in files for row in file.left_out.filter(done="left out")["row"] if row <= len(rows)}
    kept, different = sum(file.rows for file in files), len(set(rows))
    return f"{different} different rows: {kept} candles, {len(told)} told" if kept + len(told) != different else None


def complain(message: str, folder: Path) -> str | None:
    """What is wrong with a refusal."""
    lines = message.replace(f"{folder}/", "").split("\n")
    longest = LONGEST_OF_ROWS if "rows cannot be true: row" in lines[0] else LONGEST_LINE
    if len(lines) > 2 or max(map(len, lines)) > longest:
        return f"a refusal of {len(lines)} lines, the longest of {max(map(len, lines))} letters: {message[:500]!r}"
    if not message.strip() or not all(letter.isprintable() for line in lines for letter in line):
        return f"a refusal with letters that cannot be printed: {message[:500]!r}"
    return None


# ---------------------------------------------------------------- one attempt


def _folder() -> Path:
    return Path(os.environ.get("COINCAST_SHARED_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")


@cache
def text_of(path: Path) -> str | None:
    """The file as text; None where it is none."""
    data = path.read_bytes()
    data = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def excerpt(path: Path, draw: random.Random) -> str | None:
    """A stretch of a text file with its header; None for a file that is no text."""
    text, rows = text_of(path), draw.choice((4, 30, 120, 120, 120, 400))
    if text is None:
        return None
    if text.lstrip().startswith("["):
        inner = text.strip()[1:-1].split("],")
        start = draw.randrange(max(1, len(inner) - rows))
        part = [row.rstrip("]") + "]" for row in inner[start : start + rows]]
        return "[" + ",".join(part) + "]"
    lines = text.splitlines()
    above = 2 if lines[0].startswith("http") else 1
    start = draw.randrange(above, max(above + 1, len(lines) - rows))
    return "\n".join([*lines[:above], *lines[start : start + rows]]) + "\n"


def mutate(path: Path, target: Path, draw: random.Random) -> Mutated:
    """Write a mutation of the file to the target."""
    original = excerpt(path, draw)
    if original is None:
        target.write_bytes(mutate_bytes(path.read_bytes(), draw))
        return Mutated(path, "bytes", path.suffix == ".zip", None, None)
    if draw.random() < 0.12:
        pack = draw.choice(PACKERS)
        data = pack(original, target)
        target.write_bytes(mutate_bytes(data, draw) if draw.random() < 0.9 else data)
        return Mutated(path, pack.__name__, pack in SEALED, None, None)
    mutation: Callable[[str, random.Random], Any] = draw.choice((*KEEPING, *CHANGING))
    content = mutation(original, draw)
    target.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    named = bool(names_of(lines_of(original))) or mutation is not swap_columns
    text = content.decode("utf-8", "replace") if isinstance(content, bytes) else content
    return Mutated(path, mutation.__name__, mutation in KEEPING and named, original, text)


def attempt(path: Path, folder: Path, seed: int, outcomes: Counter[str]) -> str | None:
    """One mutation: what is wrong, or None."""
    draw = random.Random(seed)
    target = folder / path.name.removesuffix(".gz")
    mutated = mutate(path, target, draw)
    policy = draw.choice(("refuse", "refuse", "drop", "keep"))
    options = ImportOptions(store=draw.random() < 0.05, on_bad=policy)
    began = time.monotonic()
    try:
        if "exogenous" in path.parts and draw.random() < 0.3:
            read = [Imported(path.name, series=read_outside(target, name="outside"))]
        else:
            read = import_files([target], options, folder=folder / "store")
    except CoincastError as error:
        read = [Imported(path.name, error=error)]
    except KeyboardInterrupt:
        raise
    except BaseException:
        return f"{mutated.name}: {traceback.format_exc()}"
    if time.monotonic() - began > LONGEST_SECONDS:
        return f"{mutated.name}: took {time.monotonic() - began:.0f} seconds"
    refused = [str(one.error) for one in read if one.error is not None]
    outcomes["refused" if len(refused) == len(read) else "read"] += 1
    outcomes[f"{mutated.name} {'refused' if refused else 'read'}"] += 1
    wrong = next((found for message in refused if (found := complain(message, folder))), None)
    wrong = wrong or judge(read, mutated)
    return f"{mutated.name}, {policy}: {wrong}" if wrong else None


def judge(read: list[Imported], mutated: Mutated) -> str | None:
    """What is wrong with what was read."""
    files = [one.file for one in read if one.file is not None and one.error is None]
    series = [one.series for one in read if one.series is not None and mutated.path.suffix != ".zip"]
    if not all((file.candles["close"].is_finite() & (file.candles["close"] > 0)).all() for file in files):
        return "a close that cannot be"
    if mutated.text is None and not mutated.keeps:
        return None
    found = [f"{file.form}: {wrong}" for file in files if (wrong := find_strange(file, mutated))]
    found += [f"{one.form}: {wrong}" for one in series if (wrong := find_strange_value(one, mutated))]
    if mutated.keeps and mutated.text is not None and len(files) == len(read):
        found += [wrong for wrong in (find_lost(files, mutated),) if wrong]
    return found[0] if found else None


@contextmanager
def watch_stderr() -> Iterator[Callable[[], str]]:
    """Standard error, below Python too, goes into a file; the function gives what is new in it."""
    with tempfile.TemporaryFile() as file:
        sys.stderr.flush()
        kept = os.dup(2)
        os.dup2(file.fileno(), 2)

        def news() -> str:
            sys.stderr.flush()
            file.seek(0)
            said = file.read().decode(errors="replace")
            file.seek(0)
            file.truncate()
            return said

        try:
            yield news
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def run(mutations: int, first_seed: int = 0) -> tuple[Counter[str], list[str]]:
    """Counts of what became of the mutations, and the findings."""
    outcomes: Counter[str] = Counter()
    findings = []
    with tempfile.TemporaryDirectory() as folder, watch_stderr() as news:
        for seed in range(first_seed, first_seed + mutations):
            name = FILES[seed % len(FILES)]
            found = attempt(_folder() / name, Path(folder), seed, outcomes)
            said = news()
            if said:
                found = f"{found or ''} on standard error: {said[:500]}"
            if found:
                findings.append(f"{name}, seed {seed}: {found}")
    return outcomes, findings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--mutations", type=int, default=MUTATIONS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", action="store_true", help="what became of each kind of mutation")
    chosen = parser.parse_args()
    outcomes, findings = run(chosen.mutations, chosen.seed)
    for finding in findings:
        print(finding)
    if chosen.kinds:
        for kind, count in sorted(outcomes.items()):
            print(f"{kind:40}{count:6,}")
    counts = f"{outcomes['refused']:,} refused, {outcomes['read']:,} read, {len(findings)} findings"
    print(f"{chosen.mutations:,} mutations: {counts}")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
