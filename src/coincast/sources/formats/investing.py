"""Investing.com's table of historical data.

    "Date","Price","Open","High","Low","Vol.","Change %"
    "Jan 01, 2017","999.0","966.6","1,006.5","961.3","13.44K","3.35%"

The newest row comes first; Price is the close; candles are named by their first day, in UTC. Dates stand as
`Jan 01, 2017`, `01/31/2017` or `31/01/2017`: the whole column tells, else `day_first`. `Vol.` is in coins (or shares),
with K, M, B or T for 10^3, 10^6, 10^9 or 10^12; `-` is unknown. `Change %` is the change of Price from the row before
and adds nothing: it is left out, and serves as a check of prices and dates.
"""

from __future__ import annotations

import polars as pl

from coincast.sources.formats.columns import find_names, read_numbers, zone_notes
from coincast.sources.formats.form import Format, Reading, ReadOptions
from coincast.tabular import parse_numbers, parse_times

_PRICES = {"price": "close", "open": "open", "high": "high", "low": "low"}
_EXPONENTS = {"K": "e3", "M": "e6", "B": "e9", "T": "e12"}


def _recognises(table: pl.DataFrame) -> bool:
    names = find_names(table)
    if set(names) - {"vol"} != {"date", "change", *_PRICES}:
        return False
    changes = table[names["change"]]
    return changes.dtype.is_numeric() or (changes.dtype == pl.String and changes.str.contains("%").any())


def _read(table: pl.DataFrame, options: ReadOptions) -> Reading:
    names = find_names(table)
    days = parse_times(table[names["date"]], day_first=options.day_first).times
    prices = read_numbers(table, {names[plain]: name for plain, name in _PRICES.items()})
    volume = [_parse_volume(table[names["vol"]])] if "vol" in names else []
    columns = pl.DataFrame([days.alias("open_time"), *prices, *volume])
    changes = _parse_changes(table[names["change"]])
    wrong = _count_unfit(columns, changes, _decimals(table[names["price"]]))
    fits = "it fits the prices" if not wrong else f"rows where it does not fit the price before: {wrong:,}"
    notes = [f"{names['change']} is left out: {fits}"]
    if volume:
        notes.append(f"{names['vol']} is volume in units of the base")
    return Reading(columns, notes=(*notes, *zone_notes(options)))


def _parse_volume(cells: pl.Series) -> pl.Series:
    """`13.44K` is 13,440: the letter becomes an exponent, so that the number is the nearest that there is."""
    if cells.dtype == pl.String:
        plain = cells.str.strip_chars()
        for letter, exponent in _EXPONENTS.items():
            plain = plain.str.replace(rf"^([\d.]+){letter}$", f"${{1}}{exponent}")
        cells = plain
    return parse_numbers(cells, cells.name).alias("volume")


def _parse_changes(cells: pl.Series) -> pl.Series:
    """Percent."""
    text = cells.str.strip_chars().str.strip_suffix("%") if cells.dtype == pl.String else cells
    return parse_numbers(text, cells.name)


def _decimals(cells: pl.Series) -> int:
    """Digits after the decimal point in the longest of these prices."""
    lengths = cells.cast(pl.String).str.extract(r"\.(\d+)\s*$").str.len_bytes()
    return int(lengths.max() or 0)  # type: ignore[arg-type]


def _count_unfit(columns: pl.DataFrame, changes: pl.Series, decimals: int) -> int:
    """Rows whose change is not that from the row before, by more than the rounding of both prices and of the change."""
    rows = columns.select("open_time", "close").with_columns(changes.alias("change"))
    before = pl.col("close").shift(1)
    ratio = pl.col("close") / before
    rounding = 0.0051 + 100 * 10.0**-decimals * pl.max_horizontal(pl.lit(1.0), ratio) / before
    is_unfit = ((ratio - 1) * 100 - pl.col("change")).abs() > rounding
    has_prices = (pl.col("close") > 0) & (before > 0)
    return rows.unique().sort("open_time").filter(has_prices & is_unfit).height


FORM = Format(
    name="investing",
    description="Investing.com table: Date, Price, Open, High, Low, Vol. (13.44K), Change %",
    source="investing",
    quote=None,
    recognises=_recognises,
    read=_read,
)
