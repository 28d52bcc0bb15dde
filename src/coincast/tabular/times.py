"""Dates, times and epoch numbers to UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple

import polars as pl
from polars.exceptions import PolarsError

from coincast.errors import ColumnError, UsageError
from coincast.tabular.numbers import in_parallel, known_text, refuse_unread
from coincast.tabular.quoting import quote_cell

UTC_MILLISECONDS = pl.Datetime("ms", "UTC")
"""The type of every time inside Coincast."""

_CLOCK = (
    r"(?:[T, ]+(?<hour>\d{1,2})(?::(?<minute>\d{2}))?(?::(?<second>[0-5]\d)(?:[.,](?<fraction>\d{1,9}))?)?"
    r"[ -]?(?<half>[AaPp][Mm])?)?\s*(?<offset>[Zz]|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?$"
)
_YEAR_FIRST = r"^(?<year>\d{4})[-/.](?<month>\d{1,2})[-/.](?<day>\d{1,2})" + _CLOCK
_MONTH_NAMED = r"^(?<month>[A-Za-z]{3,9})\.?[ -](?<day>\d{1,2}),?[ -](?<year>\d{4})" + _CLOCK
_DAY_THEN_NAME = r"^(?<day>\d{1,2})[ -](?<month>[A-Za-z]{3,9})\.?,?[ -](?<year>\d{4})" + _CLOCK
_DAY_FIRST = r"^(?<day>\d{1,2})[-/.](?<month>\d{1,2})[-/.](?<year>\d{4})" + _CLOCK
_MONTH_FIRST = r"^(?<month>\d{1,2})[-/.](?<day>\d{1,2})[-/.](?<year>\d{4})" + _CLOCK
_COMPACT = r"^(?<year>(?:19|20)\d{2})(?<month>\d{2})(?<day>\d{2})" + _CLOCK
_LOOKED_AT = 20
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_FIRST, _LAST = (int(datetime(*day, tzinfo=UTC).timestamp() * 1000) for day in ((1900, 1, 1), (9999, 12, 1)))
"""Ends of the span in which times are taken, milliseconds since 1970."""
_EPOCHS = {"seconds": 10**8, "milliseconds": 10**11, "microseconds": 10**14, "nanoseconds": 10**17}
"""Smallest size of an epoch time in each unit: 1973; the largest, a thousand times it, lies in 5138."""
_TIME_ADVICE = "is no date or time; times look like 2018-02-20, 2018-02-20T13:00:00Z, Feb 20, 2018 or 1519084800"


class ParsedTimes(NamedTuple):
    """Times in UTC, and the zone in which those without one were read (null: every time said its own)."""

    times: pl.Series
    zone_assumed: str | None


def parse_times(series: pl.Series, *, zone: str | None = None, day_first: bool | None = None) -> ParsedTimes:
    """Read a column as `Datetime("ms", "UTC")`.

    ISO dates and times with or without `Z` or an offset, `Feb 20, 2018`, `20180220`, `20/02/2018`, epoch seconds to
    nanoseconds (1973 to 5138), date and datetime columns. The form is decided from the whole column, and so is the
    order of day and month; parts of a millisecond are cut off. `NULL_WORDS` and nulls stay null.

    Args:
        series: column of text, numbers, dates or times; its name stands in messages.
        zone: zone of the times that name none, such as `Europe/Berlin`; default UTC.
        day_first: whether `03/04/2017` is the 3rd of April; needed only where the column does not tell.

    Raises:
        ColumnError: a cell is no time or lies outside 1900 to 9999, the units or the order of day and month are not
            clear, or a local time does not exist or exists twice in its zone (change of clocks).
        UsageError: no such zone.
    """
    _check_zone(zone)
    kind = series.dtype
    if kind == pl.Date:
        return _in_zone(_in_span(series, 86_400_000).cast(pl.Datetime("ms")), zone)
    if isinstance(kind, pl.Datetime):
        times = _in_span(series.dt.cast_time_unit("ms"), 1)
        return _in_zone(times, zone) if kind.time_zone is None else ParsedTimes(times.dt.convert_time_zone("UTC"), None)
    if kind.is_numeric():
        return _parse_numeric_times(series, zone)
    if not isinstance(kind, pl.String | pl.Categorical | pl.Enum):
        raise ColumnError(f"column {series.name!r} holds {kind}, and times are needed; give another column")
    if kind == pl.String and (plain := _parse_plain_times(series)) is not None:
        has_zone = isinstance(plain.dtype, pl.Datetime) and plain.dtype.time_zone is not None
        return ParsedTimes(plain, None) if has_zone else _in_zone(plain, zone)
    if kind == pl.String and series.head(1).str.contains(r"^\d+$").all():
        epochs = in_parallel(series, lambda text: text.cast(pl.Int64, strict=False))
        if epochs.null_count() == 0 and (epochs >= 0).all():
            return _parse_numeric_times(epochs, zone)
    text = known_text(series)
    if text.drop_nulls().str.contains(r"^\d+(\.\d+)?$").all():
        numbers = text.cast(pl.Int64, strict=False)
        whole = numbers.null_count() == text.null_count()
        return _parse_numeric_times(numbers if whole else text.cast(pl.Float64), zone)
    return _parse_text_times(text, zone, day_first)


_PLAIN = {
    r"^\d{4}-\d{2}-\d{2}$": "%Y-%m-%d",
    r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}$": "%Y-%m-%d %H:%M",
    r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$": "%Y-%m-%d %H:%M:%S",
    r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$": "%Y-%m-%dT%H:%M:%S",
    r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$": "%Y-%m-%dT%H:%M:%SZ",
    r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$": "%Y-%m-%dT%H:%M:%S%.3fZ",
    r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2} UTC$": "%Y-%m-%d %H:%M:%S UTC",
    r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\+00:00$": "%Y-%m-%d %H:%M:%S+00:00",
}
"""Spellings of most files, which polars reads many times faster than the patterns above."""


def _parse_plain_times(series: pl.Series) -> pl.Series | None:
    """Times of a column without an odd cell, all in the one plain spelling of the first; None where it is not so."""
    first = series.head(1)
    form = next((form for pattern, form in _PLAIN.items() if first.str.contains(pattern).all()), None)
    if form is None or first.null_count() or not (series.str.len_bytes() == first.str.len_bytes()[0]).all():
        return None
    times = in_parallel(
        series, lambda text: text.str.to_datetime(form, time_unit="ms", strict=False, cache=False, ambiguous="raise")
    )
    counts = times.to_physical()
    if times.null_count() or counts.min() < _FIRST or counts.max() > _LAST:  # type: ignore[operator]
        return None
    if in_parallel(series, lambda text: text.str.contains(":60", literal=True)).any():
        return None  # a leap second, which polars would take for the minute after
    return times.dt.replace_time_zone("UTC") if form.endswith(("Z", "UTC", "+00:00")) else times


def _in_span(times: pl.Series, unit: int) -> pl.Series:
    """Refuse times that no candle has; arithmetic with them would leave the calendar.

    Args:
        times: dates or times.
        unit: milliseconds in one count of them.
    """
    counts = times.to_physical()
    bad = (~counts.is_between(_FIRST // unit, _LAST // unit)).fill_null(False).arg_true()
    if bad.len():
        raise ColumnError(
            f"column {times.name!r}, row {bad[0] + 1}: the time lies outside 1900 to 9999 ({bad.len():,} rows in all); "
            "correct such rows or leave them out"
        )
    return times


def _check_zone(zone: str | None) -> None:
    if zone is None:
        return
    try:
        pl.Series([0]).cast(pl.Datetime("ms")).dt.replace_time_zone(zone)
    except PolarsError:
        raise UsageError(f"unknown time zone {zone!r}; names look like UTC, Europe/Berlin, America/New_York") from None


def _in_zone(times: pl.Series, zone: str | None) -> ParsedTimes:
    assumed = zone or "UTC"
    try:
        local = times.dt.replace_time_zone(assumed)
    except PolarsError as error:
        found = re.search(r"'([^']+)' is (ambiguous|non-existent)", str(error))
        what = f"{found[1]} is {found[2]}" if found else "a time is ambiguous or non-existent"
        raise ColumnError(
            f"column {times.name!r}: {what} in {assumed} (change of clocks); give times with an offset, or in UTC"
        ) from None
    return ParsedTimes(local.dt.convert_time_zone("UTC"), assumed)


def _parse_numeric_times(numbers: pl.Series, zone: str | None) -> ParsedTimes:
    """Whole dates such as 20180220, else epoch times of one unit."""
    known = numbers.cast(pl.Float64).drop_nulls().drop_nans()
    if known.len() == 0:
        return ParsedTimes(pl.Series(numbers.name, [None] * numbers.len(), dtype=UTC_MILLISECONDS), None)
    if known.is_between(19000101, 21001231).all():
        return _parse_text_times(numbers.cast(pl.Int64).cast(pl.String), zone, None)
    smallest = _epoch_unit(known)
    if not numbers.dtype.is_float() and numbers.cast(pl.Int64, strict=False).null_count() > numbers.null_count():
        numbers = numbers.cast(pl.Float64)  # larger than an Int64
    if numbers.dtype.is_float():
        exact = (numbers.fill_nan(None) * (10**11 / smallest)).floor().cast(pl.Int64)
    elif smallest < 10**11:
        exact = numbers.cast(pl.Int64) * 1000
    else:
        exact = numbers.cast(pl.Int64) // (smallest // 10**11)
    return ParsedTimes(_in_span(exact.cast(UTC_MILLISECONDS), 1), None)


def _epoch_unit(known: pl.Series) -> int:
    """Smallest size of the unit that all these epoch times have."""
    in_unit = {unit: (known >= least) & (known < least * 1000) for unit, least in _EPOCHS.items()}
    found = [unit for unit, mask in in_unit.items() if mask.any()]
    if len(found) > 1:
        raise ColumnError(f"column {known.name!r} mixes epoch {' and '.join(found)}; bring all its times to one unit")
    if not found or not in_unit[found[0]].all():
        odd = known.filter((known < 10**8) | (known >= 10**20))[0]
        raise ColumnError(f"column {known.name!r}: {odd:g} {_TIME_ADVICE}")
    return _EPOCHS[found[0]]


def _parse_text_times(text: pl.Series, zone: str | None, day_first: bool | None) -> ParsedTimes:
    parts = _split_times(text, day_first)
    moments = parts.select(
        pl.format(
            "{}-{}-{} {}:{}:{}.{}",
            "year",
            pl.col("month").str.zfill(2),
            pl.col("day").str.zfill(2),
            _hour(),
            pl.col("minute").fill_null("00"),
            pl.col("second").fill_null("00"),
            pl.col("fraction").fill_null("").str.slice(0, 3).str.pad_end(3, "0"),
        ).str.to_datetime("%Y-%m-%d %H:%M:%S%.3f", time_unit="ms", strict=False)
    ).to_series()
    refuse_unread(text.name, text, moments, _TIME_ADVICE)
    moments = _in_span(moments.alias(text.name), 1)
    offset = parts["offset"]
    is_naive = offset.is_null() & moments.is_not_null()
    minutes = _offset_minutes(offset)
    fixed = (moments - (minutes * 60_000).cast(pl.Duration("ms"))).dt.replace_time_zone("UTC").alias(text.name)
    if not is_naive.any():
        return ParsedTimes(fixed, None)
    placed, assumed = _in_zone(pl.select(pl.when(is_naive).then(moments).alias(text.name)).to_series(), zone)
    return ParsedTimes(placed.fill_null(fixed), assumed)


def _split_times(text: pl.Series, day_first: bool | None) -> pl.DataFrame:
    """Parts of each time as text, by the first pattern that most of the first known cells follow."""
    known = text.drop_nulls().head(_LOOKED_AT)
    for pattern in (_YEAR_FIRST, _COMPACT, _MONTH_NAMED, _DAY_THEN_NAME, _DAY_FIRST):
        if known.str.contains(pattern).sum() >= known.len() / 2:
            break
    else:
        raise ColumnError(f"column {text.name!r}: {quote_cell(known[0])} {_TIME_ADVICE}")
    if pattern is _DAY_FIRST and not _is_day_first(text, day_first):
        pattern = _MONTH_FIRST
    parts = text.str.extract_groups(pattern).struct.unnest()
    if pattern in (_MONTH_NAMED, _DAY_THEN_NAME):
        numbers = {name: str(number) for number, month in enumerate(_MONTHS, 1) for name in (month[:3], month)}
        named = pl.col("month").str.to_lowercase()
        parts = parts.with_columns(month=named.replace_strict(numbers | {"sept": "9"}, default=None))
    return parts


def _is_day_first(text: pl.Series, day_first: bool | None) -> bool:
    """Decide from the whole column whether 03/04/2017 is the 3rd of April."""
    numbers = text.str.extract_groups(r"^(?<left>\d{1,2})[-/.](?<right>\d{1,2})[-/.]").struct.unnest()
    left, right = (numbers[side].cast(pl.Int64).fill_null(0).to_numpy().max() for side in ("left", "right"))
    if left > 12 and right > 12:
        raise ColumnError(f"column {text.name!r} mixes day/month and month/day dates; write them as 2017-04-03")
    if left > 12 or right > 12:
        return bool(left > 12)
    if day_first is None:
        cell = text.drop_nulls()[0]
        raise ColumnError(
            f"column {text.name!r}: {quote_cell(cell)} may be day/month or month/day, and no row tells; "
            "write dates as 2017-04-03, or say --day-first or --month-first (day_first=True or False)"
        )
    return day_first


def _hour() -> pl.Expr:
    """Hour of 24 as two digits; midnight is 12 AM, noon 12 PM."""
    hour = pl.col("hour").cast(pl.Int64)
    half = pl.col("half").str.to_lowercase()
    full = pl.when(half.is_null()).then(hour).otherwise(hour % 12 + pl.when(half == "pm").then(12).otherwise(0))
    return full.fill_null(0).cast(pl.String).str.zfill(2)


def _offset_minutes(offset: pl.Series) -> pl.Series:
    digits = offset.str.replace_all(r"[^0-9]", "")
    minutes = digits.str.slice(0, 2).cast(pl.Int64, strict=False).fill_null(0) * 60
    minutes = minutes + digits.str.slice(2, 2).cast(pl.Int64, strict=False).fill_null(0)
    return pl.select(pl.when(offset.str.starts_with("-")).then(-minutes).otherwise(minutes)).to_series()
