"""Mutate real files at random and read them: a clear refusal, or candles whose values all stand in the file.

    python benchmarks/fuzz_files.py --mutations 10000

A candle that is read must come from one row of the mutated file: its time and each of its numbers stand there, found by
a slow and separate reading of the text. Anything else, and any exception that Coincast does not mean, is a finding and
is printed with the seed that makes it again. The real files are looked for in COINCAST_SHARED_DATA, else in
../shared/data.
"""

from __future__ import annotations

import argparse
import calendar
import gzip
import os
import random
import re
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from coincast.errors import CoincastError
from coincast.sources.files import CandleFile, read_markets
from coincast.tabular import read_members

MUTATIONS, ROWS = 10_000, 120
FILES = (
    "binance/BTCUSDT-1h-data.csv",
    "binance/BTCUSDT-1m-data.csv.gz",
    "binance/BTC_USDT-15m-2023.json",
    "binance/BTC_USDT-5m-2022.json.gz",
    "binance/multi_1d/ETH_USDT-1d.feather",
    "binance/UNITTEST_BTC-5m.h5",
    "bitfinex/Bitfinex_BTCUSD_1h.csv",
    "bitfinex/Bitfinex_BTCUSD_d.csv",
    "bitmex/XBTUSD_5m_16000_train.csv",
    "bitstamp/Bitstamp_BTCUSD_d.csv",
    "bitstamp/btcusd_1-min_data.csv",
    "cmc/coin_Bitcoin.csv",
    "cmc/crypto-markets.csv",
    "cmc/cryptocurrencypricehistory.zip",
    "cmc/kaggle2018/ethereum_price.csv",
    "coinbase/coinbase-1h-btc-usd.csv",
    "coingecko/bitcoin.csv",
    "investing/bitcoin2015to2017.csv",
    "kraken/XBTUSD_60.csv",
    "poloniex/BTCUSDT-30m.csv",
    "poloniex/USDT_ETH-1d.csv",
    "poloniex/dataset-USDT_BTC-15m-2018H1.csv",
    "yahoo/BTC-USD-2010-2018.csv",
    "yahoo/bitcoin_daily.csv",
)

Lines = list[str]


# ---------------------------------------------------------------- mutations


def cut(text: str, draw: random.Random) -> str:
    return text[: draw.randrange(len(text))]


def flip(text: str, draw: random.Random) -> str:
    letters = list(text)
    for _ in range(draw.randint(1, 5)):
        letters[draw.randrange(len(letters))] = chr(draw.randrange(32, 127))
    return "".join(letters)


def swap_columns(text: str, draw: random.Random) -> str:
    """Two columns change places in every line, header and all."""
    return _swap(text, draw, first=0)


def swap_cells_below(text: str, draw: random.Random) -> str:
    """Two columns change places from some line on."""
    return _swap(text, draw, first=draw.randrange(1, max(2, text.count("\n"))))


def _swap(text: str, draw: random.Random, first: int) -> str:
    lines = text.split("\n")
    width = max(1, lines[min(2, len(lines) - 1)].count(",") + 1)
    one, two = draw.randrange(width), draw.randrange(width)
    for number, line in enumerate(lines[first:], first):
        cells = line.split(",")
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


def shuffle_lines(text: str, draw: random.Random) -> str:
    head, *lines = text.split("\n")
    draw.shuffle(lines)
    return "\n".join([head, *lines])


def change_separator(text: str, draw: random.Random) -> str:
    return text.replace(",", draw.choice(";\t| "))


def change_some_separators(text: str, draw: random.Random) -> str:
    return _some_lines(text, draw, lambda line: line.replace(",", draw.choice(";\t| .")))


def decimal_commas(text: str, draw: random.Random) -> str:
    return text.replace(",", ";").replace(".", ",")


def repeat_lines(text: str, draw: random.Random) -> str:
    return _some_lines(text, draw, lambda line: f"{line}\n{line}")


def drop_lines(text: str, draw: random.Random) -> str:
    return "\n".join(line for line in text.split("\n") if draw.random() > 0.1)


def change_a_number(text: str, draw: random.Random) -> str:
    """A repeated row with another number."""

    def change(line: str) -> str:
        numbers = list(re.finditer(r"\d+\.?\d*", line))
        if not numbers:
            return line
        found = draw.choice(numbers)
        return (
            f"{line}\n{line[: found.start()]}{draw.choice(['0', '-1', 'nan', '1e400', '9' * 25])}{line[found.end() :]}"
        )

    return _some_lines(text, draw, change)


def change_signs(text: str, draw: random.Random) -> str:
    """Marks that spreadsheets add: blanks, quotes, currency signs, Windows line ends, a byte order mark."""
    return draw.choice(
        [
            text.replace(",", " , "),
            text.replace("\n", "\r\n"),
            "\ufeff" + text,
            "sep=,\n" + text,
            re.sub(r"(\d+\.\d+)", r'"\1"', text),
            re.sub(r"(\d+\.\d+)", r"$\1", text),
            re.sub(r"(\d)(\d{3})\.", r"\1 \2.", text),
        ]
    )


def no_header(text: str, draw: random.Random) -> str:
    return text.partition("\n")[2]


def _some_lines(text: str, draw: random.Random, change: Callable[[str], str]) -> str:
    return "\n".join(change(line) if draw.random() < 0.03 else line for line in text.split("\n"))


TEXT_MUTATIONS = (
    *(cut, flip, flip, swap_columns, swap_cells_below, reorder_dates, shuffle_lines, change_separator),
    *(change_some_separators, decimal_commas, repeat_lines, drop_lines, change_a_number, change_signs, no_header),
)


def mutate_bytes(data: bytes, draw: random.Random) -> bytes:
    changed = bytearray(data)
    kind = draw.randrange(3)
    if kind == 0:
        return bytes(changed[: draw.randrange(len(changed))])
    for _ in range(draw.randint(1, 8)):
        changed[draw.randrange(len(changed))] = draw.randrange(256)
    return bytes(changed + changed[: draw.randrange(64)]) if kind == 1 else bytes(changed)


# ---------------------------------------------------------------- what stands in a file, read slowly

_MONTHS = {name[:3].lower(): number for number, name in enumerate(calendar.month_name) if name}
_CLOCK = r"(?:(?:T|,? +)(\d{1,2})(?:[: -](\d{2})?(?::(\d{2}))?(?:\.(\d+))?)?[ -]*([AaPp][Mm])?)?"
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})" + _CLOCK)
_NAMED = re.compile(r"([A-Za-z]{3})[a-z]* (\d{1,2}),? (\d{4})")
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_MAGNITUDES = {"K": 3, "M": 6, "B": 9, "T": 12}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    """Times and numbers that stand in one row of a file."""

    times: frozenset[datetime]
    numbers: frozenset[float]


def rows_of(text: str) -> list[Row]:
    lines = text.replace("],", "]\n").split("\n") if text.lstrip().startswith("[") else text.split("\n")
    return [Row(frozenset(_times(line)), frozenset(_numbers(line))) for line in lines]


def _times(line: str) -> Iterator[datetime]:
    for found in _ISO.finditer(line):
        year, month, day, hour, minute, second, _, half = found.groups()
        clock = int(hour or 0) % (12 if half else 25) + (12 if (half or "").lower() == "pm" else 0)
        yield from _moment(int(year), int(month), int(day), clock, int(minute or 0), int(second or 0))
    for found in _NAMED.finditer(line):
        yield from _moment(int(found[3]), _MONTHS.get(found[1].lower(), 0), int(found[2]))
    for found in _SLASHED.finditer(line):
        yield from _moment(int(found[3]), int(found[2]), int(found[1]))
    for digits, fraction in re.findall(r"(?<![\d.])(\d{9,19})(\.\d+)?(?!\d)", line):
        for unit in (1, 1_000, 1_000_000, 1_000_000_000):
            if 10**8 <= int(digits) / unit < 10**11:
                part = int(float(fraction or 0) * 1000) if unit == 1 else 0
                yield EPOCH + timedelta(milliseconds=int(digits) * 1000 // unit + part)


def _moment(*parts: int) -> Iterator[datetime]:
    try:
        yield datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]
    except ValueError:
        return


def _numbers(line: str) -> Iterator[float]:
    for text in (line, line.replace(",", ""), re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", line)):
        yield from (float(number) for number in _NUMBER.findall(text))
    for number, size in re.findall(r"(\d+\.?\d*)\"*([KMBT])", line):
        yield float(f"{number}e{_MAGNITUDES[size]}")


# ---------------------------------------------------------------- the check


def find_strange(file: CandleFile, rows: list[Row]) -> str | None:
    """What a candle holds that no single row of the file does; None where all is well."""
    slack = timedelta(days=1, hours=1) if file.form in ("coingecko", "yahoo") else timedelta(0)
    by_time: dict[datetime, list[Row]] = {}
    for row in rows:
        for time in row.times:
            by_time.setdefault(time, []).append(row)
    columns = [name for name in file.candles.columns[4:] if file.candles[name].null_count() < file.candles.height]
    for candle in file.candles.iter_rows(named=True):
        numbers = {name: candle[name] for name in columns if candle[name] is not None}
        ends = [candle["close_time"] - timedelta(milliseconds=early) for early in (0, 1, 1000)]
        near = [row for time in (candle["open_time"], *ends) for row in by_time.get(time, ())]
        if slack:
            near = [row for time, found in by_time.items() if abs(time - candle["open_time"]) <= slack for row in found]
        if not near:
            return f"no row has the time of {candle}"
        if not any(row.numbers.issuperset(numbers.values()) for row in near):
            return f"no row of that time has all numbers of {numbers} at {candle['open_time']}"
    return None


def shorten(path: Path, draw: random.Random) -> str | None:
    """A stretch of a text file with its header; None for a file that is no text."""
    data = path.read_bytes()
    data = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    if text.lstrip().startswith("["):
        inner = text.strip()[1:-1].split("],")
        start = draw.randrange(max(1, len(inner) - ROWS))
        part = [row.rstrip("]") + "]" for row in inner[start : start + ROWS]]
        return "[" + ",".join(part) + "]"
    lines = text.splitlines()
    above = 2 if lines[0].startswith("http") else 1
    start = draw.randrange(above, max(above + 1, len(lines) - ROWS))
    return "\n".join([*lines[:above], *lines[start : start + ROWS]]) + "\n"


def attempt(path: Path, folder: Path, seed: int, outcomes: Counter[str]) -> str | None:
    """One mutation: what is wrong, or None."""
    draw = random.Random(seed)
    text = shorten(path, draw)
    target = folder / path.name.removesuffix(".gz")
    if text is None:
        name = "bytes"
        target.write_bytes(mutate_bytes(path.read_bytes(), draw))
    else:
        mutation = draw.choice(TEXT_MUTATIONS)
        name, text = mutation.__name__, mutation(text, draw)
        target.write_text(text, encoding="utf-8", newline="")
    policy = draw.choice(("refuse", "refuse", "drop", "keep"))
    try:
        files = [file for member in read_members(target) for file in read_markets(member, on_bad=policy)]
    except CoincastError as error:
        outcomes["refused"] += 1
        lines = str(error).count("\n") + 1
        return f"{name}: a message of {lines} lines: {error}" if lines > 2 or len(str(error)) > 1500 else None
    except BaseException:
        return f"{name}: {traceback.format_exc()}"
    outcomes["read"] += 1
    rows = None if text is None else rows_of(text)
    for file in files:
        if not file.candles["close"].is_finite().all() or (file.candles["close"] <= 0).any():
            return f"{name}: a close that cannot be"
        strange = find_strange(file, rows) if rows is not None else None
        if strange:
            return f"{name}, {file.form}, {policy}: {strange}"
    return None


def run(mutations: int, first_seed: int = 0) -> tuple[Counter[str], list[str]]:
    """Counts of what became of the mutations, and the findings."""
    data = Path(os.environ.get("COINCAST_SHARED_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    outcomes: Counter[str] = Counter()
    findings = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first_seed, first_seed + mutations):
            name = FILES[seed % len(FILES)]
            found = attempt(data / name, Path(folder), seed, outcomes)
            if found:
                findings.append(f"{name}, seed {seed}: {found}")
    return outcomes, findings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--mutations", type=int, default=MUTATIONS)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    outcomes, findings = run(chosen.mutations, chosen.seed)
    for finding in findings:
        print(finding)
    counts = f"{outcomes['refused']:,} refused, {outcomes['read']:,} read, {len(findings)} findings"
    print(f"{chosen.mutations:,} mutations: {counts}")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
