"""Files of any known form to the store: recognised, checked, told, and only then stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import polars as pl

from coincast.candles.quality import examine
from coincast.candles.store import Written, write_candles, write_series
from coincast.errors import CoincastError, DataError, UsageError
from coincast.sources.files import CandleFile, choose_form, read_markets
from coincast.sources.formats import ReadOptions
from coincast.sources.outside import OutsideSeries, read_outside
from coincast.sources.series import find_series_form
from coincast.tabular import Member, expand_home, read_members, read_table


@dataclass(frozen=True)
class Imported:
    """What became of one market or series of one file.

    Attributes:
        name: of the file, or of the archive and its member.
        file: the candles that were read; None where it is a series, or was refused.
        series: the outside series that was read; None likewise.
        findings: what is doubtful or worth knowing in the candles, as `examine` gives it.
        written: what the store took; None where nothing was to be stored, or the file was refused.
        error: why it was refused.
    """

    name: str
    file: CandleFile | None = None
    series: OutsideSeries | None = None
    findings: pl.DataFrame | None = None
    written: Written | None = None
    error: CoincastError | None = None


@dataclass(frozen=True)
class ImportOptions:
    """What the user says about the files, beyond what their forms know.

    Attributes:
        market, interval, format, on_bad: as for `coincast.sources.files.read_candle_file`.
        read: columns, zone and order of day and month.
        series: read every file as an outside series of this name.
        lag: how long after the end of its period a value of an outside series became known.
        replace: whether a stored candle or value that differs is replaced, instead of the file being refused.
        store: whether anything is stored at all.
    """

    market: str | None = None
    interval: str | None = None
    format: str | None = None
    on_bad: str = "refuse"
    read: ReadOptions = field(default_factory=ReadOptions)
    series: str | None = None
    lag: str | None = None
    replace: bool = False
    store: bool = True


def import_files(
    paths: Sequence[str | Path],
    options: ImportOptions | None = None,
    *,
    folder: Path | None = None,
    on_read: Callable[[Imported], None] | None = None,
) -> list[Imported]:
    """Read files of any known form and store what they hold, market by market.

    A file that cannot be read, or whose rows cannot be true, is refused as a whole; the others go on.

    Args:
        paths: files; each member of a ZIP archive is a file of its own.
        options: what the user says about them.
        folder: the store; default: that of the user.
        on_read: called with what was recognised, before it is stored.

    Returns:
        What became of each market or series, in the order of the files.

    Raises:
        UsageError: no file, or an option that fits none of several.
    """
    if not paths:
        raise UsageError("no file was given; name at least one: coincast import prices.csv")
    options = options or ImportOptions()
    results = []
    for path in paths:
        for read in _read_path(expand_home(path), options):
            if on_read is not None:
                on_read(read)
            results.append(_store(read, options, folder))
    return results


def _read_path(path: Path, options: ImportOptions) -> Iterator[Imported]:
    try:
        members = read_members(path)
    except DataError as error:
        yield Imported(str(path), error=error)
        return
    for member in members:
        yield from _read_member(member, options)


def _read_member(member: Member, options: ImportOptions) -> list[Imported]:
    """What one file holds; what cannot be read is told, and stands in the way of no other file."""
    name = member.name
    try:
        table = read_table(member, typed=True)
        if _is_series(table, options):
            series = read_outside(
                member,
                name=options.series,
                lag=options.lag,
                columns=options.read.columns or None,
                zone=options.read.zone,
                day_first=options.read.day_first,
            )
            return [Imported(name, series=series)]
        files = read_markets(
            member,
            table=table,
            market=options.market,
            interval=options.interval,
            options=options.read,
            format=options.format,
            on_bad=options.on_bad,
        )
    except CoincastError as error:
        return [Imported(name, error=error)]
    return [Imported(name, file=file, findings=examine(file.candles)) for file in files]


def _is_series(table: pl.DataFrame, options: ImportOptions) -> bool:
    """Whether a table is an outside series: by the user's word, else where one of their forms knows it."""
    if options.series is not None:
        return True
    if options.format is not None or options.market is not None or options.read.columns:
        return False
    return choose_form(table, None, options.read).name == "table" and find_series_form(table) is not None


def _store(read: Imported, options: ImportOptions, folder: Path | None) -> Imported:
    if read.error is not None or not options.store:
        return read
    on_conflict: Literal["refuse", "replace"] = "replace" if options.replace else "refuse"
    source = Path(read.name).name
    try:
        if read.series is not None:
            series = read.series
            written = write_series(
                series.name, series.table, source=source, sha256=series.sha256, on_conflict=on_conflict, folder=folder
            )
        else:
            assert read.file is not None
            written = write_candles(
                read.file.candles, source=source, sha256=read.file.sha256, on_conflict=on_conflict, folder=folder
            )
        return replace(read, written=written)
    except CoincastError as error:
        return replace(read, error=error)
