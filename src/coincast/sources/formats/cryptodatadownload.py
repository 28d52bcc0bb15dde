"""CryptoDataDownload's tables of one market, in the three editions that lie about.

    Date,Symbol,Open,High,Low,Close,Volume BTC,Volume USD               2019-07-13 10-AM,BTCUSD,...
    Date,Symbol,Open,High,Low,Close,VolumeFrom,VolumeTo                 2019-07-04 01:00,BTCUSD,...
    unix,date,symbol,open,high,low,close,Volume USD,Volume BTC          1634428800000,2021-10-17 00:00:00,BTC/USD,...

Times are UTC and name a candle by its first moment; the newest comes first; above the header may stand a web address.
`unix` mixes seconds and milliseconds in one column, and must say what `date` says. Which exchange it was stands in the
file's name only.

The column named after the coin is `volume`, the other one, its turnover, is `quote_volume`. In many rows of some files
the two are exchanged. Turnover / volume is a price, so a row tells by itself: they are exchanged where only the other
order gives a price near the candle's range. Where neither does, both are unknown.
"""

from __future__ import annotations

import polars as pl

from coincast.errors import CellError, ColumnError
from coincast.sources.formats.columns import (
    LOOK,
    PRICES,
    count_rows,
    find_names,
    list_times,
    read_epochs,
    read_numbers,
    read_times,
    zone_notes,
)
from coincast.sources.formats.form import Format, Reading, ReadOptions

_SLACK = 0.1
"""How far turnover / volume may lie outside low to high, relatively: the two may count trades that the range omits."""
_ROUNDING = 0.005
"""Half of the last digit of the volumes in the early editions."""
_MOST_ODD = 0.1
"""Share of rows beyond which the two columns cannot be volume and turnover at all."""


def _recognises(table: pl.DataFrame) -> bool:
    names = find_names(table)
    if not {"date", "symbol", *PRICES} <= names.keys():
        return False
    volumes = _find_volumes(table, names)
    known = {"unix", "date", "symbol", *PRICES, "tradecount", *volumes}
    return bool(volumes) and names.keys() <= known


def _find_volumes(table: pl.DataFrame, names: dict[str, str]) -> tuple[str, ...]:
    """Plain names of volume in coins and of turnover: by `from` and `to`, else in the order of the symbol."""
    if {"volumefrom", "volumeto"} <= names.keys():
        return "volumefrom", "volumeto"
    volumes = [plain for plain in names if plain.startswith("volume")]
    if len(volumes) != 2:
        return ()
    symbols = table[names["symbol"]].head(LOOK).cast(pl.String).str.to_lowercase().str.replace_all(r"\W", "")
    for order in (volumes, volumes[::-1]):
        pair = "".join(plain.removeprefix("volume") for plain in order)
        if 2 * (symbols == pair).sum() > symbols.len():
            return tuple(order)
    return ()


def _read(table: pl.DataFrame, options: ReadOptions) -> Reading:
    names = find_names(table)
    volume, turnover = (names[plain] for plain in _find_volumes(table, names))
    times, notes = _read_times(table, names)
    wanted = {names[price]: price for price in PRICES} | {volume: "volume", turnover: "quote_volume"}
    if "tradecount" in names:
        wanted[names["tradecount"]] = "trades"
    columns = pl.DataFrame([times.alias("open_time"), *read_numbers(table, wanted)])
    columns, volume_notes = _settle_volumes(columns, volume, turnover)
    repeats = _count_repeats(columns)
    if repeats:
        notes.append(f"prices and volumes of another time: {count_rows(repeats)}; one of each pair is wrong")
    symbols = table[names["symbol"]].cast(pl.String).alias("symbol")
    return Reading(columns.with_columns(symbols), notes=(*notes, *volume_notes, *zone_notes(options)))


def _read_times(table: pl.DataFrame, names: dict[str, str]) -> tuple[pl.Series, list[str]]:
    """Times of the rows, told once or twice; those told twice must agree."""
    dates = read_times(table[names["date"]])
    if "unix" not in names:
        return dates, []
    epochs, note = read_epochs(table[names["unix"]])
    differ = (epochs != dates).arg_true()
    if differ.len():
        row = differ[0]
        raise CellError(
            f"columns {names['unix']!r} and {names['date']!r}, row {row + 1}: they say {epochs[row]:%Y-%m-%d %H:%M} "
            f"and {dates[row]:%Y-%m-%d %H:%M} ({count_rows(differ.len())} like it in all); correct such rows",
            differ.to_list(),
        )
    return dates, [note] if note else []


def _settle_volumes(columns: pl.DataFrame, volume: str, turnover: str) -> tuple[pl.DataFrame, list[str]]:
    """Volume and turnover of each row in their places, and what was done.

    Raises:
        ColumnError: too many rows in which neither order gives a price.
    """
    coins, money = pl.col("volume"), pl.col("quote_volume")
    as_named, exchanged = _fits(coins, money), _fits(money, coins)
    marked = columns.with_columns(
        (~as_named & exchanged).alias("is_exchanged"), (~(as_named | exchanged)).alias("is_odd")
    )
    turned, odd = marked.filter("is_exchanged").height, marked.filter("is_odd")
    if odd.height > _MOST_ODD * columns.height:
        raise ColumnError(
            f"{volume!r} and {turnover!r} are not volume in coins and turnover: their ratio is no price in "
            f"{odd.height:,} of {columns.height:,} rows;\nname what is known: columns={{'volume': {volume!r}}} or "
            "--column volume=NAME"
        )
    notes = []
    if turned:
        notes.append(f"{volume} and {turnover} are exchanged in {count_rows(turned)}: each is read as what it is")
    if odd.height:
        times = list_times(odd["open_time"])
        notes.append(
            f"volumes unknown where neither order of the two gives a price: {count_rows(odd.height)} ({times})"
        )
    settled = marked.with_columns(
        pl.when("is_exchanged").then(money).when(~pl.col("is_odd")).then(coins).alias("volume"),
        pl.when("is_exchanged").then(coins).when(~pl.col("is_odd")).then(money).alias("quote_volume"),
    )
    return settled.drop("is_exchanged", "is_odd"), notes


def _fits(coins: pl.Expr, money: pl.Expr) -> pl.Expr:
    """Whether turnover / volume is near the candle's range; true where any of them is unknown."""
    least = (coins - _ROUNDING) * pl.col("low") * (1 - _SLACK) - _ROUNDING
    most = (coins + _ROUNDING) * pl.col("high") * (1 + _SLACK) + _ROUNDING
    return money.is_between(least, most).fill_null(True)


def _count_repeats(columns: pl.DataFrame) -> int:
    """Rows whose prices and volumes, of real trades, stand under more than one time, beyond the first of each."""
    moved = columns.filter((pl.col("high") > pl.col("low")) & (pl.col("volume") > 0))
    doubtful = moved.filter(moved["volume"].is_duplicated()).unique()
    return doubtful.height - doubtful.drop("open_time").n_unique()


FORM = Format(
    name="cryptodatadownload",
    description="CryptoDataDownload table: [unix,] Date, Symbol, Open, High, Low, Close, two volumes",
    source="cryptodatadownload",
    quote=None,
    recognises=_recognises,
    read=_read,
    tells_exchange=True,
)
