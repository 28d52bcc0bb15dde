"""What commands do with the store: check it, take a file out of it, make longer candles in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from coincast.candles.quality import FINDINGS, examine
from coincast.candles.resample import Resampled, resample
from coincast.candles.store import list_stored, read_stored, write_candles
from coincast.errors import CoincastError, DataError, UnknownNameError, UsageError
from coincast.experiments.gather import read_markets
from coincast.tabular import read_span, write_beside


@dataclass(frozen=True)
class Checked:
    """What is wrong in the store.

    Attributes:
        markets: the markets that were checked, as `list_stored` gives them.
        findings: what is doubtful or worth knowing, as `examine` gives it.
        broken: files that cannot be read, and candles that cannot be true.
    """

    markets: pl.DataFrame
    findings: pl.DataFrame
    broken: tuple[CoincastError, ...]


def check_store(markets: Sequence[str] = (), interval: str | None = None) -> Checked:
    """Read and examine stored markets; those of one interval together, so that an outage of all can be told.

    Raises:
        UnknownNameError: a market that is not in the store.
    """
    stored = list_stored()
    for market in markets:
        if market not in stored["market"]:
            raise UnknownNameError("market in the store", market, stored["market"])
    wanted = stored.filter(
        pl.col("market").is_in(list(markets)) if markets else pl.lit(True),
        pl.col("interval") == interval if interval else pl.lit(True),
    )
    findings = [pl.DataFrame(schema=FINDINGS)]
    broken: list[CoincastError] = []
    for (length,), rows in wanted.group_by("interval", maintain_order=True):
        tables = []
        for market in rows["market"]:
            try:
                tables.append(read_stored(market, str(length)))
            except DataError as error:
                broken.append(error)
        if tables:
            findings.append(examine(pl.concat(tables, how="diagonal")))
    return Checked(wanted, pl.concat(findings), tuple(broken))


def export_market(
    market: str, interval: str, out: Path, *, since: str | None = None, until: str | None = None
) -> pl.DataFrame:
    """Write stored candles to a CSV, Parquet or Feather file; the last has freqtrade's columns.

    Returns:
        The candles.

    Raises:
        UsageError: another ending, or a time that cannot be read.
        NotStoredError: the market is not in the store.
    """
    endings = {".csv": _write_csv, ".parquet": _write_parquet, ".feather": _write_feather}
    if out.suffix.lower() not in endings:
        raise UsageError(f"--out {out} ends in {out.suffix or 'nothing'!r}; allowed: {', '.join(endings)}")
    table = read_market(market, interval, since=since, until=until)
    write_beside(out, lambda path: endings[out.suffix.lower()](table, path))
    return table


def resample_market(market: str, interval: str, longer: str) -> Resampled:
    """Make longer candles of stored ones, and store them.

    Raises:
        NotStoredError: the market is not in the store.
        UsageError: the longer interval is no multiple of the stored one.
    """
    made = resample(read_market(market, interval), longer)
    write_candles(made.candles, source=f"resampled from {interval}", on_conflict="replace")
    return made


def read_market(market: str, interval: str, *, since: str | None = None, until: str | None = None) -> pl.DataFrame:
    """Stored candles of a span, or an error with the line that fetches them."""
    first, end = read_span(since, until)
    return read_markets([market], interval, since=first, until=end)[0]


def _write_csv(table: pl.DataFrame, path: Path) -> None:
    table.write_csv(path)


def _write_parquet(table: pl.DataFrame, path: Path) -> None:
    table.write_parquet(path)


def _write_feather(table: pl.DataFrame, path: Path) -> None:
    columns = [pl.col("open_time").alias("date"), "open", "high", "low", "close", "volume"]
    table.select(columns).write_ipc(path, compression="lz4")
