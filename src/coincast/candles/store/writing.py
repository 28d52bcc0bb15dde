"""Candles into the store: merged with what is there, and nothing replaced silently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from coincast.candles.quality import find_gaps
from coincast.candles.store.facts import Contributions, contribute
from coincast.candles.store.merging import Merged, merge
from coincast.candles.store.places import candle_files, file_name, interval_folder, is_by_month, locked, put_file
from coincast.candles.store.reading import read_facts_of
from coincast.candles.store.revisions import log_path, log_revisions, revision_schema
from coincast.candles.store.sealed import Facts, seal, unseal
from coincast.candles.table import CANDLE_COLUMNS, check_candles
from coincast.errors import CandleError, UnfinishedError, UsageError

_KEYED: dict[str, pl.DataType] = {"market": pl.String(), "interval": pl.String(), **revision_schema(["open_time"])}


@dataclass(frozen=True)
class Written:
    """What a write did, in candles; of an outside series in rows.

    Attributes:
        added: were not stored before.
        same: were stored already; nothing is new in them.
        completed: were stored, and a number that was unknown became known.
        revised: were stored with another number, which has been replaced.
        revisions: what was replaced: `market, interval, open_time, column, before, after`; of a series
            `date, known_at, column, before, after`, where `after` is unknown of a row that was taken out.
    """

    added: int
    same: int
    completed: int
    revised: int
    revisions: pl.DataFrame


def write_candles(
    candles: pl.DataFrame,
    *,
    source: str,
    sha256: str | None = None,
    on_conflict: Literal["refuse", "replace"],
    folder: Path | None = None,
) -> Written:
    """Store candles of one or several markets and intervals.

    What is refused is refused before anything of its market and interval is written. Then file after file takes its
    place, each whole or not at all: where one cannot be written, those before it stay, and the same call again
    completes them. Candles that are stored already change nothing, and writing them again changes no byte. A number
    beside an unknown one wins; columns are united. Numbers are the same up to a relative difference of 1e-9.

    Args:
        candles: candle table.
        source: where they came from, for a person: "binance REST", or the name of a file.
        sha256: of the file that they came from.
        on_conflict: what happens where another number is stored: "refuse" raises, "replace" takes the new one and logs
            the old one (`read_revisions`) before the candles are written.
        folder: of all candles; default: that of the user's home.

    Raises:
        CandleError: the candles cannot be true; or, with "refuse", another number is stored. Nothing of that market
            and interval has been written then.
        UnreadableFileError: a file of the store is broken, or not ours.
        UnfinishedError: the disk is full; it says how many new candles were stored before.
        UsageError: the folder cannot be written.
        DataError: another writer does not end within a minute.
    """
    check_on_conflict(on_conflict)
    parts = check_candles(candles).partition_by("market", "interval", maintain_order=True)
    done: list[Written] = []
    try:
        for part in parts:
            _write_market(part, source, sha256, on_conflict, folder, done)
    except UnfinishedError as error:
        stored = sum(one.added + one.completed + one.revised for one in done)
        raise UnfinishedError(
            f"{error}, which stores the rest (new candles that were stored before: {stored:,})", stored=stored
        ) from error
    return _add_up(done, pl.concat([pl.DataFrame(schema=_KEYED), *(one.revisions for one in done)]))


def check_on_conflict(on_conflict: str) -> None:
    """Refuse a word that says neither, with `UsageError`."""
    if on_conflict not in ("refuse", "replace"):
        raise UsageError(f"on_conflict is {on_conflict!r}; it must be 'refuse' or 'replace'")


def _add_up(parts: Sequence[Written | Merged], revisions: pl.DataFrame) -> Written:
    return Written(
        added=sum(one.added for one in parts),
        same=sum(one.same for one in parts),
        completed=sum(one.completed for one in parts),
        revised=sum(one.revised for one in parts),
        revisions=revisions,
    )


# ---------------------------------------------------------------- one market and interval


def _write_market(
    candles: pl.DataFrame,
    source: str,
    sha256: str | None,
    on_conflict: str,
    folder: Path | None,
    done: list[Written],
) -> None:
    """Store candles of one market and interval; what each file took is added to `done` when it is in its place."""
    market, interval = candles["market"][0], candles["interval"][0]
    place = interval_folder(market, interval, folder)
    with locked(place):
        stored = {path: read_facts_of(path, market, interval) for path in candle_files(place, interval)}
        columns = list(dict.fromkeys(name for facts in stored.values() for name in facts["columns"]))
        columns = list(dict.fromkeys([*CANDLE_COLUMNS, *columns, *candles.columns]))
        merged = {path: _merge_file(path, new, columns, stored) for path, new in _split(candles, place).items()}
        revisions = pl.concat([one.revisions for one in merged.values()])
        _refuse_other_opens(list(merged.values()), market, interval)
        if revisions.height and on_conflict == "refuse":
            _refuse_revisions(revisions, market, interval)
        check_candles(pl.concat([one.touched for one in merged.values()]))  # united numbers can be impossible together
        if revisions.height:
            log_revisions(log_path(place), revisions, source)
        for path, one in merged.items():
            if one.touched.height or columns != stored[path]["columns"]:
                before = stored[path]["contributions"] if path in stored else []
                _write_file(path, one.table, contribute(before, one.touched["open_time"], source, sha256))
            keys = (pl.lit(market).alias("market"), pl.lit(interval).alias("interval"))
            done.append(_add_up([one], one.revisions.select(*keys, pl.all())))
        for path in sorted(stored.keys() - merged.keys()):
            if columns != stored[path]["columns"]:
                _write_file(path, _with_columns(unseal(path)[1], columns), stored[path]["contributions"])


def _split(candles: pl.DataFrame, place: Path) -> dict[Path, pl.DataFrame]:
    interval = candles["interval"][0]
    period = pl.col("open_time").dt.truncate("1mo" if is_by_month(interval) else "1y").alias(":period")
    parts = candles.with_columns(period).partition_by(":period", maintain_order=True, include_key=False)
    return {place / file_name(part["open_time"][0], interval): part for part in parts}


def _with_columns(table: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """The same columns in every file of a folder, so that anybody can read them together."""
    absent = [pl.lit(None, dtype=pl.Float64).alias(name) for name in columns if name not in table.columns]
    return table.with_columns(absent).select(columns)


def _merge_file(path: Path, new: pl.DataFrame, columns: list[str], stored: dict[Path, Facts]) -> Merged:
    new = _with_columns(new, columns)
    return merge(_with_columns(unseal(path)[1], columns) if path in stored else new.clear(), new)


# ---------------------------------------------------------------- refusals


def _refuse_revisions(revisions: pl.DataFrame, market: str, interval: str) -> None:
    first, count = revisions.row(0, named=True), revisions["open_time"].n_unique()
    more = f" ({count:,} candles differ in all)" if count > 1 else ""
    raise CandleError(
        f"the {interval} candle of {market} that opens {first['open_time']:%Y-%m-%d %H:%M} UTC is stored with the "
        f"{first['column']} {first['before']:.15g}, and the new one has {first['after']:.15g}{more}; nothing of it was "
        'written: leave what is stored, or replace it with --replace (on_conflict="replace")'
    )


def _refuse_other_opens(merged: list[Merged], market: str, interval: str) -> None:
    """Candles that open at other hours than the stored ones are another series, or were read in a wrong zone.

    A few overlap where daylight saving begins or ends, which is no reason.
    """
    crowded = sum(one.crowded for one in merged)
    twice = sum(one.same + one.completed + one.revised for one in merged)
    if crowded > max(2, twice):
        raise CandleError(
            f"the new {interval} candles of {market} open at other times than the stored ones and overlap them in "
            f"{crowded:,} places; nothing of it was written: say the zone of their times, or name another market"
        )


# ---------------------------------------------------------------- files


def _write_file(path: Path, table: pl.DataFrame, contributions: Contributions) -> None:
    gaps = find_gaps(table)
    first, last = (table["open_time"][row] for row in (0, -1))
    facts = {
        "market": table["market"][0],
        "interval": table["interval"][0],
        "rows": table.height,
        "first": first.isoformat(),
        "last": last.isoformat(),
        "gaps": gaps.height,
        "missing": int(gaps["missing"].sum()),
        "columns": table.columns,
        "contributions": contributions,
    }
    put_file(path, seal(table, facts))
