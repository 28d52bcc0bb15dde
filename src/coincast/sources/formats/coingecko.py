"""CoinGecko's daily export: one price a day, no open, high or low.

    snapped_at,price,market_cap,total_volume
    2013-04-28 00:00:00 UTC,135.3,1500517590,0

The label changed its meaning. Up to 2018-01-29 the price labelled D is the close of D itself; from 2018-01-30 on it is
the price at 00:00 UTC of D, which is the close of the day before. So 2018-01-29 has two closes. The one under its own
label is kept: it is nearer to CoinMarketCap's close of that day, for bitcoin (11,157.66 against 11,095.21, where
CoinMarketCap has 11,296.40) as for ethereum (1,169.63 against 1,161.91, and 1,182.36), and the other was taken five
minutes late.

A few stamps lie minutes off midnight: before the change they name their own day, after it the nearest midnight. A row
stamped more than an hour off midnight is not the close of a day and is left out. `total_volume` is the turnover of the
last 24 hours in the quote currency, so it is read as `quote_volume`; 0 means unknown there and in `market_cap`.
"""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from coincast.errors import ColumnError
from coincast.sources.formats.columns import find_names, read_numbers, zone_notes
from coincast.sources.formats.form import Format, Reading, ReadOptions
from coincast.tabular import list_names, parse_numbers, parse_times

_CHANGE = datetime(2018, 1, 30, tzinfo=UTC)
"""First label that names the end of a day."""
_TWICE = datetime(2018, 1, 29, tzinfo=UTC)
"""The day before, which therefore has two closes."""

_OPTIONAL = {"marketcap": "market_cap", "totalvolume": "quote_volume"}
_MOST_OFF_MIDNIGHT = 0.25
"""Share of stamps far off midnight beyond which a table is not daily."""


def _recognises(table: pl.DataFrame) -> bool:
    names = find_names(table)
    if not {"snappedat", "price"} <= set(names):
        return False
    stamps = table[names["snappedat"]]
    return stamps.dtype.is_temporal() or stamps.dtype == pl.String


def _read(table: pl.DataFrame, options: ReadOptions) -> Reading:
    names = find_names(table)
    stamps = parse_times(table[names["snappedat"]]).times
    days, is_far = _find_days(stamps)
    if is_far.sum() > _MOST_OFF_MIDNIGHT * table.height:
        raise ColumnError(
            f"the times in {names['snappedat']!r} are not one a day, and only daily prices of CoinGecko are known; "
            f"say --column close_time={names['snappedat']} --column close={names['price']} for prices at those times"
        )
    price = parse_numbers(table[names["price"]], names["price"])
    optional = {names[plain]: name for plain, name in _OPTIONAL.items() if plain in names}
    numbers = [number.replace(0.0, None) for number in read_numbers(table, optional)]
    columns = pl.DataFrame([days.alias("open_time"), price.alias("close"), *numbers])
    left_out = dict.fromkeys(is_far.arg_true().to_list(), "stamped more than an hour off midnight: no close of a day")
    left_out |= dict.fromkeys(
        _find_second_closes(stamps, days, price, is_far),
        f"a second close of {_TWICE:%Y-%m-%d}; the one under its own label is kept",
    )
    others = [name for plain, name in names.items() if plain not in ("snappedat", "price", *_OPTIONAL)]
    return Reading(columns, interval="1d", notes=_make_notes(stamps, names, others, options), left_out=left_out)


def _find_days(stamps: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Day whose close each row is, and whether its stamp lies too far off midnight to be one."""
    midnights = stamps.dt.round("1d")
    is_far = ((stamps - midnights).dt.total_seconds().abs() > 3600).fill_null(False)
    own = stamps.dt.truncate("1d")
    days = pl.select(pl.when(stamps < _CHANGE).then(own).otherwise(midnights.dt.offset_by("-1d"))).to_series()
    return days, is_far


def _find_second_closes(stamps: pl.Series, days: pl.Series, price: pl.Series, is_far: pl.Series) -> list[int]:
    """Rows from after the change whose day has a close from before it, too."""
    is_doubled = (days == _TWICE) & price.is_not_null() & ~is_far
    if not (is_doubled & (stamps < _CHANGE)).any():
        return []
    return (is_doubled & (stamps >= _CHANGE)).arg_true().to_list()


def _make_notes(stamps: pl.Series, names: dict[str, str], others: list[str], options: ReadOptions) -> tuple[str, ...]:
    notes = []
    if (stamps < _CHANGE).any():
        notes.append("labels up to 2018-01-29 name the day whose close the price is")
    if (stamps >= _CHANGE).any():
        notes.append("labels from 2018-01-30 on name the end of the day: the candle is that of the day before")
    if "totalvolume" in names:
        notes.append("total_volume is turnover: read as quote_volume; volume in coins is unknown")
    if names.keys() & _OPTIONAL.keys():
        notes.append("a market_cap or total_volume of 0 means unknown")
    if others:
        notes.append(f"columns left out: {list_names(others)}")
    return (*notes, *zone_notes(options))


FORM = Format(
    name="coingecko",
    description="CoinGecko daily export: snapped_at, price, market_cap, total_volume",
    source="coingecko",
    quote=None,
    recognises=_recognises,
    read=_read,
)
