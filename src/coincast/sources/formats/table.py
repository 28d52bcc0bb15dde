"""Any table with a column of times and a column of prices.

Columns are found by their names, without regard to case, blanks and marks, or are named by the user
(`columns={"close": "My price"}`). The price is the close, and never an open alone. Where the only times are ends of
candles (`close_time`, or stamps such as 23:59:59) they are read as such. Other columns of numbers are kept.
"""

from __future__ import annotations

import re

import polars as pl

from coincast.errors import ColumnError, UnknownNameError
from coincast.sources.formats.form import Format, Reading, ReadOptions, plain_name
from coincast.tabular import ParsedTimes, list_names, parse_numbers, parse_times

NAMES = {
    "open_time": ("opentime", "datetime", "date", "timestamp", "time", "dateutc", "timeutc", "unix", "ds", "snappedat"),
    "close_time": ("closetime",),
    "close": ("close", "closeprice", "closingprice", "price", "lastprice", "last", "closelast", "adjclose", "priceusd"),
    "open": ("open", "openprice", "openingprice"),
    "high": ("high", "highprice"),
    "low": ("low", "lowprice"),
    "volume": ("volume", "vol", "basevolume"),
    "quote_volume": ("quotevolume", "quoteassetvolume", "volumeusd", "volumeusdt", "turnover"),
    "market_cap": ("marketcap", "marketcapusd"),
    "symbol": ("symbol", "ticker", "pair", "coin", "market", "slug", "name"),
}
"""Name in the candle table -> names in files, the best first, as `plain_name` spells them."""

_TIMES = ("open_time", "close_time")
_SHORT = 40
"""Letters of a name that may be the one that is meant."""
_IGNORED = re.compile(r"unnamed\d*|index|sno|ignore|column\d*|")


def find_columns(table: pl.DataFrame, mapping: ReadOptions | None = None) -> dict[str, str]:
    """Name in the candle table -> name in this table, as the user says, else as the names tell.

    Raises:
        UnknownNameError: the user maps something that no candle has.
        ColumnError: the user names a column that is not there.
    """
    said = dict(mapping.columns) if mapping else {}
    plain = {plain_name(name): name for name in reversed(table.columns)}
    found = {}
    for wanted, given in said.items():
        if wanted not in NAMES:
            raise UnknownNameError("candle column", wanted, NAMES)
        name = given if given in table.columns else plain.get(plain_name(given))
        if name is None:
            raise ColumnError(f"no column {given!r} for {wanted}; the columns are {list_names(table.columns)}")
        found[wanted] = name
    for wanted, names in NAMES.items():
        free = [plain[name] for name in names if name in plain and plain[name] not in found.values()]
        if wanted not in found and free and not (wanted in _TIMES and said.keys() & set(_TIMES)):
            found[wanted] = free[0]
    return found


def _recognises(table: pl.DataFrame) -> bool:
    found = find_columns(table)
    return "close" in found and bool(found.keys() & set(_TIMES))


def _read(table: pl.DataFrame, options: ReadOptions) -> Reading:
    found = find_columns(table, options)
    _refuse_missing(table, found)
    time_name, (times, zone) = _read_times(table, found, options)
    numbers = [
        parse_numbers(table[name], name).alias(wanted)
        for wanted, name in found.items()
        if wanted not in (*_TIMES, "symbol")
    ]
    extra, left_out = _read_extra(table, found)
    columns = pl.DataFrame([times.alias(time_name), *numbers, *extra])
    if "symbol" in found:
        columns = columns.with_columns(table[found["symbol"]].cast(pl.String).alias("symbol"))
    if columns["close"].null_count() == columns.height:
        raise ColumnError(f"column {found['close']!r} holds no price; name the one that does: columns={{'close': ...}}")
    return Reading(columns, zone=zone, notes=_make_notes(found, left_out, time_name))


def _refuse_missing(table: pl.DataFrame, found: dict[str, str]) -> None:
    listed = f"its columns: {list_names(table.columns)}"
    if not found.keys() & set(_TIMES):
        advice = _suggest(table, found, "open_time", ("date", "time", "day"))
        raise ColumnError(f"no column of times is known by its name; {advice}\n{listed}")
    if "close" not in found:
        advice = _suggest(table, found, "close", ("close", "price", "last"))
        raise ColumnError(f"no column of closing prices is known by its name; {advice}\n{listed}")


def _suggest(table: pl.DataFrame, found: dict[str, str], wanted: str, words: tuple[str, ...]) -> str:
    free = [name for name in table.columns if name not in found.values()]
    likely = [name for word in words for name in free if word in name.lower() and len(name) <= _SHORT]
    name = likely[0] if likely else "NAME"
    return f"say which one is: columns={{{wanted!r}: {name!r}}} or --column {wanted}={name}"


def _read_times(table: pl.DataFrame, found: dict[str, str], options: ReadOptions) -> tuple[str, ParsedTimes]:
    """Times, and whether they are the opens or the closes of candles."""
    name = "open_time" if "open_time" in found else "close_time"
    parsed = parse_times(table[found[name]], zone=options.zone, day_first=options.day_first)
    are_ends = (parsed.times.drop_nulls().dt.second() == 59).all()
    return "close_time" if are_ends else name, parsed


def _read_extra(table: pl.DataFrame, found: dict[str, str]) -> tuple[list[pl.Series], list[str]]:
    """Further columns of numbers under names like `weighted_average`, and the names of those that are left out."""
    taken = set(NAMES) | {"market", "interval"}
    times = {name for wanted in _TIMES for name in NAMES[wanted]}
    extra, left_out = [], []
    for name in table.columns:
        if name in found.values() or _IGNORED.fullmatch(plain_name(name)):
            continue
        spelled = re.sub(r"\W+", "_", re.sub(r"(?<=[a-z\d])(?=[A-Z])", "_", name).lower()).strip("_")
        try:
            numbers = parse_numbers(table[name], name)
        except ColumnError:
            numbers = pl.Series(name, [], dtype=pl.Float64)
        if spelled in taken or plain_name(name) in times or numbers.null_count() == numbers.len():
            left_out.append(name)
        else:
            taken.add(spelled)
            extra.append(numbers.alias(spelled))
    return extra, left_out


def _make_notes(found: dict[str, str], left_out: list[str], time_name: str) -> tuple[str, ...]:
    notes = []
    if time_name == "close_time":
        notes.append("times are read as the ends of candles")
    if plain_name(found["close"]) != "close":
        notes.append(f"close is read from column {found['close']!r}")
    if "volume" in found:
        notes.append(f"column {found['volume']!r} is taken to be volume in coins")
    if left_out:
        notes.append(f"columns left out: {list_names(left_out)}")
    return tuple(notes)


FORM = Format(
    name="table",
    description="any table with a column of times and a column of prices",
    source="file",
    quote=None,
    recognises=_recognises,
    read=_read,
)
