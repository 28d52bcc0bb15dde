"""Poloniex's candles with one volume, as data sets for trading agents carry them.

    Timestamp,Close,High,Low,Open,Volume
    1514764800,13625.0,13799.99999984,13601.00000004,13799.99999984,736232.04640739

`Timestamp` is the first moment of a candle in epoch seconds. The names could be anybody's; the prices are Poloniex's,
which quoted them, and no other exchange did, to eight decimals however large they were. `Volume` is turnover in USDT
there. The file shows that only where the volume cannot be coins, for it would be more than was traded on all exchanges
together: then it is read as `quote_volume`. Elsewhere the file is refused, and the user says which volume it is.
"""

from __future__ import annotations

import polars as pl

from coincast.errors import ColumnError
from coincast.sources.formats.columns import LOOK, PRICES, find_names, look_at, read_numbers, read_times, zone_notes
from coincast.sources.formats.form import Format, Reading, ReadOptions

_FINE_SHARE = 0.2
"""Smallest share of prices with seven or eight decimals; in real files it is three quarters."""
_MOST_PER_DAY = 1e11
"""Turnover a day, in dollars, that no coin had while Poloniex quoted in USDT: all of them together had half of it."""


def _recognises(table: pl.DataFrame) -> bool:
    names = find_names(table)
    if names.keys() != {"timestamp", *PRICES, "volume"}:
        return False
    prices = table.select(names[price] for price in PRICES).head(LOOK)
    first = look_at(table.select(names["timestamp"], *prices.columns))
    if first is None:
        return False
    time, *values = first.iter_columns()
    decimals = prices.select(pl.all().cast(pl.String).str.extract(r"\.(\d+)$").str.len_chars().fill_null(0))
    is_dear = pl.concat([column > 1 for column in values])
    digits = pl.concat([column.alias("digits") for column in decimals.iter_columns()]).filter(is_dear)
    if digits.len() == 0 or digits.gt(8).any() or 2 * time.is_between(1e8, 1e11).sum() <= time.len():
        return False
    return digits.ge(7).sum() >= _FINE_SHARE * digits.len()


def _read(table: pl.DataFrame, options: ReadOptions) -> Reading:
    names = find_names(table)
    times = read_times(table[names["timestamp"]])
    wanted = {names[price]: price for price in PRICES} | {names["volume"]: "quote_volume"}
    columns = pl.DataFrame([times.alias("open_time"), *read_numbers(table, wanted)])
    days = max(
        columns.select((pl.col("open_time").max() - pl.col("open_time").min()).dt.total_seconds()).item(), 86_400
    )
    as_coins = (columns["quote_volume"] * columns["close"]).sum() / (days / 86_400)
    if as_coins <= _MOST_PER_DAY:
        volume = names["volume"]
        raise ColumnError(
            f"these prices look like Poloniex's, where {volume!r} is turnover, and the file does not show whether it "
            f"is here;\nsay so: columns={{'quote_volume': {volume!r}}} or, for coins, columns={{'volume': {volume!r}}} "
            f"(--column quote_volume={volume} or --column volume={volume})"
        )
    note = (
        f"{names['volume']} is turnover: read as quote_volume, for as coins it would be worth {as_coins:.2g} a day; "
        "volume in coins is unknown"
    )
    return Reading(columns, notes=(note, *zone_notes(options)))


FORM = Format(
    name="poloniex_dataset",
    description="Poloniex data set with one volume, which is turnover: Timestamp, Close, High, Low, Open, Volume",
    source="poloniex",
    quote=None,
    recognises=_recognises,
    read=_read,
)
