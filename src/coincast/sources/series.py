"""Forms of outside series: what lies beside candles and is dated, such as an index of mood or counts on a chain.

A new form is a function that reads it and a line in `SERIES_FORMS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import polars as pl

from coincast.errors import ColumnError, DataError, UnknownNameError
from coincast.sources.formats.form import ReadOptions, plain_name
from coincast.tabular import list_names, parse_numbers, parse_times, quote_cell

TIMES = ("date", "known_at")
"""Columns of an outside series that are no values."""

_DATE_NAMES = ("date", "datetime", "timestamp", "time", "day", "week", "month", "dateutc", "unix", "period", "ds")
_IGNORED = re.compile(r"unnamed\d*|index|sno|column\d*|")


@dataclass(frozen=True)
class SeriesReading:
    """What a form finds in a table.

    Attributes:
        columns: one row for each row of the table, in the same order: `date` (start of the period that the values speak
            of), `known_at` where the table tells when they became known, and the values. Times in UTC, null where there
            is none; numbers float64, unknown = null.
        interval: spacing that the form fixes; None: the dates tell.
        notes: what the user should know, one sentence each.
        left_out: position of a row, counted from 0 -> why this form leaves it out.
    """

    columns: pl.DataFrame
    interval: str | None = None
    notes: tuple[str, ...] = ()
    left_out: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SeriesForm:
    """A known form of outside series.

    Attributes:
        name: key in `SERIES_FORMS`, and the name of such a series where the user gives none.
        description: what such files are, for a person.
        recognises: whether a table has this form, by its content.
        read: takes the table and the user's options.
    """

    name: str
    description: str
    recognises: Callable[[pl.DataFrame], bool]
    read: Callable[[pl.DataFrame, ReadOptions], SeriesReading]


def find_series_form(table: pl.DataFrame) -> SeriesForm | None:
    """The first form that recognises a table."""
    return next((form for form in SERIES_FORMS.values() if form.recognises(table)), None)


def _has(*names: str) -> Callable[[pl.DataFrame], bool]:
    """Whether a table has columns of these plain names."""
    return lambda table: {plain_name(name) for name in table.columns} >= set(names)


# ---------------------------------------------------------------- the known forms


def _read_fear_greed(table: pl.DataFrame, options: ReadOptions) -> SeriesReading:
    notes = ("value is 0 (fear) to 100 (greed); its class is text and left out",)
    return SeriesReading(_read_daily(table, options, without=("valueclassification",)), "1d", notes)


def _read_google_trends(table: pl.DataFrame, options: ReadOptions) -> SeriesReading:
    partial = table[_find(table, "ispartial")].cast(pl.String).str.strip_chars().str.to_lowercase() == "true"
    left_out = dict.fromkeys(partial.fill_null(False).arg_true(), "partial: its day had not ended when it was fetched")
    notes = ("values are scaled to 0..100 within each window that was downloaded: not comparable across windows",)
    return SeriesReading(_read_daily(table, options, without=("ispartial",)), "1d", notes, left_out)


def _read_tweets(table: pl.DataFrame, options: ReadOptions) -> SeriesReading:
    columns = _read_daily(table, options)
    derived = [name for name in columns.columns if name.endswith(("_avg7", "_daily_diff", "_weekly_diff"))]
    notes = (
        f"{len(derived)} columns are derived, and use the value of their own day: _avg7 is the mean of the last 7 rows "
        "(rows, not days, where days are missing), _daily_diff the change from the row before, _weekly_diff the value "
        "less _avg7",
    )
    return SeriesReading(columns, "1d", notes)


def _read_macro(table: pl.DataFrame, options: ReadOptions) -> SeriesReading:
    columns = _read_daily(table, options)
    notes = (
        "made by others out of several sources: vix and dxy repeat Friday's value over the weekend, and other columns "
        "may be filled forward, too; the last rows may be provisional",
    )
    return SeriesReading(columns, "1d", notes)


def _read_chain(table: pl.DataFrame, options: ReadOptions) -> SeriesReading:
    columns = _read_daily(table, options)
    return SeriesReading(columns, "1d", _note_zero_price(columns, "btc_market_price"))


def _read_ether_chain(table: pl.DataFrame, options: ReadOptions) -> SeriesReading:
    """Etherscan tells each day twice, as m/d/yyyy and in seconds since 1970."""
    columns = _read_daily(
        table, ReadOptions(zone=options.zone, day_first=False), date="dateutc", without=("unixtimestamp",)
    )
    stamps = parse_times(table[_find(table, "unixtimestamp")]).times
    differs = (stamps != columns["date"]).fill_null(True).arg_true()
    if differs.len():
        row = differs[0]
        date, stamp = (quote_cell(table[_find(table, name)][row]).strip("'") for name in ("dateutc", "unixtimestamp"))
        raise DataError(
            f"row {row + 1}: Date(UTC) is {date} and UnixTimeStamp is {stamp}, another time "
            f"({differs.len():,} such rows); correct the file"
        )
    notes = _note_zero_price(columns, "eth_etherprice")
    swapped = int((columns["date"].diff().dt.total_milliseconds() < 0).sum())
    told = (f"{swapped} {'row' if swapped == 1 else 'rows'} out of order: sorted",) if swapped else ()
    return SeriesReading(columns, "1d", (*notes, *told))


def _note_zero_price(columns: pl.DataFrame, name: str) -> tuple[str, ...]:
    zero = int((columns[name] == 0).sum()) if name in columns.columns else 0
    return (f"{name} is 0 in {zero:,} rows: there was no market yet",) if zero else ()


def _read_daily(
    table: pl.DataFrame, options: ReadOptions, *, date: str | None = None, without: Collection[str] = ()
) -> pl.DataFrame:
    """The date and every other column as numbers, but for some plain names."""
    known = date or next((name for name in _DATE_NAMES if _has(name)(table)), None)
    if known is None:
        raise ColumnError(f"no column of dates is known by its name\nits columns: {list_names(table.columns)}")
    day = _find(table, known)
    times = parse_times(table[day], zone=options.zone, day_first=options.day_first).times
    numbers: dict[str, pl.Series] = {}
    for name in table.columns:
        if name != day and plain_name(name) not in without and not _is_index(name):
            _add_numbers(numbers, parse_numbers(table[name], name))
    return pl.DataFrame([times.alias("date"), *numbers.values()])


def _add_numbers(numbers: dict[str, pl.Series], column: pl.Series) -> None:
    """Add a column under its name as `spell` writes it."""
    spelled = spell(column.name)
    if spelled in numbers or spelled in TIMES:
        raise ColumnError(
            f"column {quote_cell(column.name)} would be named {spelled}, as another is; give every column a "
            "name of its own"
        )
    numbers[spelled] = column.alias(spelled)


def _is_index(name: str) -> bool:
    return _IGNORED.fullmatch(plain_name(name)) is not None


def _find(table: pl.DataFrame, plain: str) -> str:
    """Name in the table of a column that its plain name tells."""
    return next(name for name in table.columns if plain_name(name) == plain)


# ---------------------------------------------------------------- any table


def _read_any(table: pl.DataFrame, options: ReadOptions) -> SeriesReading:
    """Any table with a column of dates; the user may name the columns, and with them choose the values."""
    said = {wanted: _find_said(table, given) for wanted, given in options.columns.items()}
    date = said.get("date") or next((_find(table, name) for name in _DATE_NAMES if _has(name)(table)), None)
    if date is None:
        raise ColumnError(
            "no column of dates is known by its name; say which it is: columns={'date': 'NAME'} or --column date=NAME\n"
            f"its columns: {list_names(table.columns)}"
        )
    known_at = said.get("known_at") or (_find(table, "knownat") if _has("knownat")(table) else None)
    times, notes = [], []
    for name, given in (("date", date), ("known_at", known_at)):
        if given is not None:
            parsed = parse_times(table[given], zone=options.zone, day_first=options.day_first)
            times.append(parsed.times.alias(name))
            if parsed.zone_assumed is not None:
                notes.append(f"column {given!r} has no zone: read as {parsed.zone_assumed}")
    values = {wanted: name for wanted, name in said.items() if wanted not in TIMES}
    if values:
        numbers = [parse_numbers(table[name], name).alias(wanted) for wanted, name in values.items()]
    else:
        numbers, text = _read_numbers(table, without=(date, known_at))
        notes += [f"columns without numbers, left out: {list_names(text)}"] if text else []
    return SeriesReading(pl.DataFrame([*times, *numbers]), None, tuple(notes))


def _find_said(table: pl.DataFrame, given: str) -> str:
    if given not in table.columns:
        raise UnknownNameError("column", given, table.columns)
    return given


def _read_numbers(table: pl.DataFrame, without: Collection[str | None]) -> tuple[list[pl.Series], list[str]]:
    """Columns of numbers, and the names of those that hold none."""
    numbers: dict[str, pl.Series] = {}
    text = []
    for name in table.columns:
        if name in without or _is_index(name):
            continue
        try:
            column = parse_numbers(table[name], name)
        except ColumnError:
            text.append(name)
            continue
        _add_numbers(numbers, column)
    return list(numbers.values()), text


def spell(name: str) -> str:
    """A column name in lower case with `_`: `Hash Rate (TH/s)` -> `hash_rate_th_s`."""
    return re.sub(r"\W+", "_", re.sub(r"(?<=[a-z\d])(?=[A-Z])", "_", name).lower()).strip("_")


SERIES_FORMS: Mapping[str, SeriesForm] = {
    form.name: form
    for form in (
        SeriesForm(
            "fear_greed",
            "Crypto Fear & Greed index, daily: a date, value, value_classification",
            _has("value", "valueclassification"),
            _read_fear_greed,
        ),
        SeriesForm(
            "google_trends",
            "Google Trends: a date, the terms, isPartial",
            _has("date", "ispartial"),
            _read_google_trends,
        ),
        SeriesForm(
            "tweets",
            "daily tweet counts and VADER sentiment: date, count, compound, neg, neu, pos, ...",
            _has("date", "count", "compound", "neg", "neu", "pos"),
            _read_tweets,
        ),
        SeriesForm(
            "macro",
            "daily close with VIX, DXY, Fear & Greed, hash rate, funding: date, vix, dxy, fng, hashrate, ...",
            _has("date", "vix", "dxy", "fng", "hashrate"),
            _read_macro,
        ),
        SeriesForm(
            "blockchain_info",
            "daily on-chain series of Bitcoin (Kaggle, of blockchain.info): Date, btc_market_price, btc_hash_rate, ...",
            _has("date", "btcmarketprice", "btchashrate"),
            _read_chain,
        ),
        SeriesForm(
            "etherscan",
            "daily on-chain series of Ethereum (Kaggle, of etherscan): Date(UTC), UnixTimeStamp, eth_etherprice, ...",
            _has("dateutc", "unixtimestamp", "ethetherprice"),
            _read_ether_chain,
        ),
        SeriesForm(
            "series",
            "any table with a column of dates and columns of numbers; never by itself",
            lambda _: False,
            _read_any,
        ),
    )
}
"""Name -> form, in the order in which they are tried; the last is taken only where the user asks for it."""
