"""What commands do with the store: look into it, check it, take a file out of it, make longer candles in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from coincast.candles.quality import FINDINGS, examine
from coincast.candles.resample import Resampled, resample
from coincast.candles.store import Broken, list_series, list_stored, read_series, read_stored, write_candles
from coincast.candles.store.places import not_stored
from coincast.candles.table import INTERVALS, check_interval
from coincast.errors import DataError, NotStoredError, UnknownNameError, UsageError
from coincast.experiments.gather import read_stored_markets
from coincast.tabular import expand_home, read_span, write_beside

_KEYS = ("market", "interval")


@dataclass(frozen=True)
class Listed:
    """What is in the store.

    Attributes:
        markets: as `list_stored` gives them.
        series: as `list_series` gives them.
        broken: what cannot be read.
    """

    markets: pl.DataFrame
    series: pl.DataFrame
    broken: tuple[Broken, ...]


@dataclass(frozen=True)
class Checked(Listed):
    """What is wrong in the store.

    `markets` and `series` hold what was asked for; of those that could not be read, `broken` says why.

    Attributes:
        findings: what is doubtful or worth knowing in the candles, as `examine` gives it.
    """

    findings: pl.DataFrame


def list_store() -> Listed:
    """Every market and outside series of the store, from the descriptions in its files; none is read."""
    broken: list[Broken] = []
    markets, series = list_stored(on_broken=broken.append), list_series(on_broken=broken.append)
    return Listed(markets, series, tuple(broken))


def check_store(markets: Sequence[str] = (), interval: str | None = None) -> Checked:
    """Read and examine stored markets; those of one interval together, so that an outage of all can be told.

    Args:
        markets: which; without any and without an interval, everything is read, outside series too.
        interval: only candles of this one.

    Raises:
        UnknownNameError: a market that is not in the store.
        NotStoredError: a market, or the whole store, has no candles of the interval.
        UsageError: the interval is unknown.
    """
    chosen = _choose(list_store(), markets, interval)
    broken = list(chosen.broken)
    read: dict[str, list[pl.DataFrame]] = {}
    for market, length in chosen.markets.select(_KEYS).iter_rows():
        try:
            read.setdefault(length, []).append(read_stored(market, length))
        except DataError as error:
            broken.append(Broken(market, length, error))
    for name in chosen.series["name"]:
        try:
            read_series(name)
        except DataError as error:
            broken.append(Broken(name, None, error))
    findings = [examine(pl.concat(tables, how="diagonal")) for tables in read.values() if tables]
    every = pl.concat([pl.DataFrame(schema=FINDINGS), *findings])
    return Checked(chosen.markets, chosen.series, tuple(broken), every)


def _choose(listed: Listed, markets: Sequence[str], interval: str | None) -> Listed:
    """The part of the store that is asked for."""
    _refuse_absent(listed, markets, interval)

    def is_wanted(name: str, length: str | None) -> bool:
        return (not markets or name in markets) and interval in (None, length)

    wanted = [is_wanted(*row) for row in listed.markets.select(_KEYS).iter_rows()]
    return Listed(
        listed.markets.filter(pl.Series(wanted, dtype=pl.Boolean)),
        listed.series.head(0) if markets or interval else listed.series,
        tuple(one for one in listed.broken if is_wanted(one.name, one.interval)),
    )


def _refuse_absent(listed: Listed, markets: Sequence[str], interval: str | None) -> None:
    """Refuse markets and an interval of which nothing is stored, be it broken or not."""
    there = {*listed.markets.select(_KEYS).rows(), *((one.name, one.interval) for one in listed.broken if one.interval)}
    names = {name for name, _ in there}
    for market in markets:
        if market not in names:
            raise UnknownNameError("market in the store", market, names)
    if interval is None:
        return
    check_interval(interval)
    for market in markets:
        if (market, interval) not in there:
            raise not_stored(market, interval, None)
    lengths = [length for length in INTERVALS if length in {length for _, length in there}]
    if lengths and interval not in lengths:
        raise NotStoredError(f"no {interval} candles are stored; there are {' '.join(lengths)}", interval=interval)


def export_market(
    market: str,
    interval: str,
    out: Path,
    *,
    since: str | None = None,
    until: str | None = None,
    replace: bool = False,
) -> pl.DataFrame:
    """Write stored candles to a CSV, Parquet or Feather file; the last has freqtrade's columns.

    Returns:
        The candles.

    Raises:
        UsageError: another ending, a file that is there already without `replace`, or a time that cannot be read.
        NotStoredError: the market is not in the store.
    """
    endings = {".csv": _write_csv, ".parquet": _write_parquet, ".feather": _write_feather}
    if out.suffix.lower() not in endings:
        raise UsageError(f"--out {out} ends in {out.suffix or 'nothing'!r}; allowed: {', '.join(endings)}")
    if expand_home(out).exists() and not replace:
        raise UsageError(f"{out} is there already; write to another file, or replace it with --replace")
    table = read_market(market, interval, since=since, until=until)
    write_beside(out, lambda path: endings[out.suffix.lower()](table, path))
    return table


def resample_market(market: str, interval: str, longer: str, *, replace: bool = False) -> Resampled:
    """Make longer candles of stored ones, and store them.

    Args:
        market: a market of the store.
        interval: of the stored candles.
        longer: the interval to make.
        replace: whether longer candles that are stored already and differ are replaced.

    Raises:
        CandleError: without `replace`, a longer candle is stored with another number.
        NotStoredError: the market is not in the store.
        UsageError: the longer interval is no multiple of the stored one.
    """
    made = resample(read_market(market, interval), longer)
    write_candles(made.candles, source=f"resampled from {interval}", on_conflict="replace" if replace else "refuse")
    return made


def read_market(market: str, interval: str, *, since: str | None = None, until: str | None = None) -> pl.DataFrame:
    """Stored candles of a span, or an error with the line that fetches them."""
    first, end = read_span(since, until)
    return read_stored_markets([market], interval, since=first, until=end)[0]


def _write_csv(table: pl.DataFrame, path: Path) -> None:
    table.write_csv(path)


def _write_parquet(table: pl.DataFrame, path: Path) -> None:
    table.write_parquet(path)


def _write_feather(table: pl.DataFrame, path: Path) -> None:
    columns = [pl.col("open_time").alias("date"), "open", "high", "low", "close", "volume"]
    table.select(columns).write_ipc(path, compression="lz4")
