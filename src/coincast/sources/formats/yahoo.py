"""Yahoo Finance's table of historical data.

    Date,Open,High,Low,Close,Adj Close,Volume
    2014-09-17,465.864014,468.174011,452.421997,457.334015,457.334015,21056800

Dates name a candle by its first day, days are UTC. `Adj Close` is kept as `adj_close` where it differs from Close.

Volume is two things. For a coin it is the turnover of the day in the quote currency, read as `quote_volume`: this holds
for the older feed, too (to 2018, from CryptoCompare), where bitcoin's is up to 5,000 million a day and there have never
been more than 21 million coins. For shares and funds it is the number of them, read as `volume`. Coins are traded on
Saturdays and shares are not, so daily rows tell; weekly, monthly and very few rows do not, and are refused unless the
user names the volume. A volume of 0 is true where the price stood still all day (the older feed writes whole units, and
the carried-forward price of a closed exchange), and means unknown where it moved.

The older feed has a fault of daylight saving: in summer time its dates are one day early. So the last Sunday of March
is there twice, and the last Sunday of October is missing. The feed is told by candles that open at the close before, to
the last digit. Where its dates show the fault at every change of clocks, the rows from the second of the doubled Sunday
to the Saturday before the missing one are moved by a day.
"""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import polars as pl

from coincast.errors import ColumnError
from coincast.sources.formats.columns import PRICES, find_names, read_numbers, zone_notes
from coincast.sources.formats.form import Format, Reading, ReadOptions
from coincast.tabular import parse_times

_COLUMNS = {**{name: name for name in PRICES}, "adjclose": "adj_close", "volume": "volume"}
_ALLOWED = {"dividends", "stocksplits", "capitalgains"}
_FAULTY_YEARS = range(2010, 2019)
_OLDER_FEED = 0.2
"""Least share of rows that open exactly at the close before: never below 0.23 in 30 days of the older feed, never above
0.17 in the newer."""
_FEWEST_PAIRS = 15
"""Days that follow on another, below which the share tells nothing."""
_DAY = timedelta(days=1)
_AS_IT_STANDS = "--column open_time=Date --column quote_volume=Volume"


def _recognises(table: pl.DataFrame) -> bool:
    names = find_names(table)
    if set(names) - _ALLOWED != {"date", *_COLUMNS}:
        return False
    dates = table[names["date"]]
    return dates.dtype.is_temporal() or dates.dtype == pl.String


def _read(table: pl.DataFrame, options: ReadOptions) -> Reading:
    names = find_names(table)
    times = parse_times(table[names["date"]], day_first=options.day_first).times
    numbers = read_numbers(table, {names[plain]: name for plain, name in _COLUMNS.items()})
    rows = pl.DataFrame([times.alias("open_time"), *numbers])
    if rows["adj_close"].eq_missing(rows["close"]).all():
        rows = rows.drop("adj_close")
    is_coin = _is_coin(rows)
    rows, moved = _move_early(rows) if is_coin else (rows, [])
    rows, unknown = _hide_unknown_volume(rows)
    if is_coin:
        rows = rows.rename({"volume": "quote_volume"})
        meaning = "Volume is turnover in the quote currency: read as quote_volume; volume in coins is unknown"
    else:
        meaning = "no row on a Saturday: Volume is read in units, as it is for shares"
    return Reading(rows, notes=(*moved, meaning, *unknown, *zone_notes(options)))


def _is_coin(rows: pl.DataFrame) -> bool:
    """Whether the market is open on Saturdays.

    Raises:
        ColumnError: the rows do not tell, and there is a volume whose meaning depends on it.
    """
    days = rows["open_time"].drop_nulls().dt.date()
    if _is_daily(days):
        if (days.dt.weekday() == 6).any():
            return True
        if days.max() - days.min() >= timedelta(days=14):  # type: ignore[operator]
            return False
    if (rows["volume"] > 0).any():
        raise ColumnError(
            "Volume of Yahoo is turnover for coins and a number of units for shares, and only daily rows of a week or "
            "more tell which;\nsay --column quote_volume=Volume for a coin (columns={'quote_volume': 'Volume'}), or "
            "--column volume=Volume"
        )
    return True


def _is_daily(days: pl.Series) -> bool:
    """Whether most of these dates follow on the day before."""
    steps = days.unique().sort().diff().drop_nulls().dt.total_days()
    return bool((steps == 1).sum() * 2 > steps.len())


def _hide_unknown_volume(rows: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    is_unknown = ((rows["volume"] == 0) & (rows["high"] > rows["low"])).fill_null(False)
    if not is_unknown.any():
        return rows, []
    hidden = rows.with_columns(pl.when(~is_unknown).then("volume").alias("volume"))
    return hidden, [f"rows with a Volume of 0 while the price moved, read as unknown: {is_unknown.sum():,}"]


# ---------------------------------------------------------------- the daylight-saving fault


def _move_early(rows: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    is_early = _find_early(rows)
    if not is_early.any():
        return rows, []
    moved = pl.when(is_early).then(pl.col("open_time").dt.offset_by("1d")).otherwise("open_time").alias("open_time")
    note = f"rows of summer time dated a day early by the older feed of Yahoo, moved by a day: {is_early.sum():,}"
    return rows.with_columns(moved), [note]


def _find_early(rows: pl.DataFrame) -> pl.Series:
    """Which rows are dated one day early.

    Raises:
        ColumnError: the feed is the older one, or may be it for all that so few rows tell, and the dates do not tell.
    """
    none = pl.repeat(False, rows.height, eager=True)
    different = rows.drop_nulls("open_time").unique(maintain_order=True).with_columns(day=pl.col("open_time").dt.date())
    if not (_is_daily(different["day"]) and _may_be_older_feed(different)):
        return none
    summers = [(_last_sunday(year, 3), _last_sunday(year, 10)) for year in _FAULTY_YEARS]
    inside = pl.any_horizontal(pl.col("day").is_between(*summer, closed="none") for summer in summers)
    shown = _shown_changes(different, summers)
    if not shown and different.select(inside.any()).item():
        raise ColumnError(
            "the older feed of Yahoo dates candles one day early in summer time, and this file has no change of clocks "
            f"that shows whether its dates were mended;\ngive a longer file, or say {_AS_IT_STANDS} to take them as "
            "they stand"
        )
    if not any(shown):
        return none
    if not all(shown):
        raise ColumnError(
            "the dates show the daylight-saving fault of Yahoo's older feed at some changes of clocks and not at "
            f"others;\ngive the file as it was downloaded, or say {_AS_IT_STANDS} to take them as they stand"
        )
    marked = different.with_columns(inside.alias("is_early") | _is_second_sunday(different, summers)).drop("day")
    found = rows.join(marked, on=rows.columns, how="left", nulls_equal=True, maintain_order="left")
    return found["is_early"].fill_null(False)


def _may_be_older_feed(rows: pl.DataFrame) -> bool:
    """Whether candles open at the close of the day before often enough, or too few follow on a day before to tell."""
    is_next = pl.col("day").diff().dt.total_days() <= 1
    is_chained = is_next & (pl.col("open") == pl.col("close").shift(1))
    pairs, chained = rows.sort("day", maintain_order=True).select(is_next.sum(), chained=is_chained.sum()).row(0)
    return bool(pairs < _FEWEST_PAIRS or chained >= _OLDER_FEED * pairs)


def _last_sunday(year: int, month: int) -> date:
    """Of March or October, which have 31 days."""
    last = date(year, month, 31)
    return last - timedelta(days=last.isoweekday() % 7)


def _shown_changes(rows: pl.DataFrame, summers: list[tuple[date, date]]) -> list[bool]:
    """For each change of clocks that tells it, whether the dates show the fault there.

    A row that is absent for another reason looks like the fault in autumn, and like none in spring; there the close of
    one row and the open of the next must fit, too.
    """
    days = rows["day"]
    opens, closes = (dict(zip(days, rows[price], strict=True)) for price in ("open", "close"))
    doubled = set(days.filter(days.is_duplicated()).to_list())

    def follows(*chain: date) -> bool:
        return all(day in closes and closes[day] == opens.get(after) for day, after in pairwise(chain))

    shown = []
    for spring, autumn in summers:
        if spring in doubled:
            shown.append(True)
        elif follows(spring - _DAY, spring, spring + _DAY):
            shown.append(False)
        if autumn in closes and days.min() < autumn < days.max():  # type: ignore[operator]
            shown.append(False)
        elif autumn not in closes and follows(autumn - _DAY, autumn + _DAY):
            shown.append(True)
    return shown


def _is_second_sunday(rows: pl.DataFrame, summers: list[tuple[date, date]]) -> pl.Series:
    """The row of each doubled Sunday that opens where the other closes; a lone one at the start is a second one."""
    second = (rows["day"] == rows["day"].min()) & ~rows["day"].is_duplicated()
    second &= rows["day"].is_in([spring for spring, _ in summers])
    for spring, _ in summers:
        places = (rows["day"] == spring).arg_true().to_list()
        if len(places) == 1 and (rows["day"] < spring).any():
            second[places[0]] = _is_lone_second(rows, spring)
        if len(places) < 2:
            continue
        opens, closes = rows["open"].gather(places), rows["close"].gather(places)
        apart = (opens - closes.reverse()).abs()  # of each of two rows, if it were the second
        if len(places) > 2 or apart.null_count() or apart[0] == apart[1]:
            raise ColumnError(f"the rows dated {spring} do not tell which is the first; leave all but two of them out")
        second[places[int(apart.arg_min())]] = True  # type: ignore[arg-type]
    return second


def _is_lone_second(rows: pl.DataFrame, spring: date) -> bool:
    """Whether the only row of a Sunday that should be there twice is the second: by the days on either side of it."""
    day = {found: rows.row(index, named=True) for index, found in enumerate(rows["day"])}
    own, before, after = day[spring], day.get(spring - _DAY), day.get(spring + _DAY)
    is_first = before is not None and before["close"] == own["open"]
    is_second = after is not None and after["open"] == own["close"]
    if is_first == is_second:
        raise ColumnError(f"the row dated {spring} does not tell whether it is that day or the next; leave it out")
    return bool(is_second)


FORM = Format(
    name="yahoo",
    description="Yahoo Finance table: Date, Open, High, Low, Close, Adj Close, Volume",
    source="yahoo",
    quote=None,
    recognises=_recognises,
    read=_read,
)
