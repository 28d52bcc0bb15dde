"""The ledger as files: forecasts and scores for anybody's tools, entries for anybody's own verification."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import polars as pl

from coincast.errors import UsageError
from coincast.forecasts.table import TIME
from coincast.live.ledger.ledger import Ledger
from coincast.live.ledger.schema import COLUMNS
from coincast.live.ledger.tables import check_market, forecast_table, score_table
from coincast.tabular import expand_home, write_beside

WHAT = ("forecasts", "scores", "entries")
LINES = (".jsonl", ".ndjson")
_TIME_TEXT = "%Y-%m-%dT%H:%M:%S%.3fZ"


def export_ledger(
    ledger: Ledger,
    out: Path | str,
    *,
    what: str = "forecasts",
    market: str | None = None,
    on_time: bool = False,
    replace: bool = False,
) -> int:
    """Write a ledger to a file; its ending says the form: .csv, .parquet, .jsonl.

    Args:
        ledger: any.
        out: the file.
        what: "forecasts" (a row for each forecast and step, with quantiles and what became of it), "scores" (a row for
            each score and forecast), or "entries" (the chain itself as JSON lines: bodies as the text that is hashed).
        market: only of this one; not for entries, whose chain is one.
        on_time: only forecasts that count.
        replace: whether a file that is there may be replaced.

    Returns:
        How many rows were written.

    Raises:
        UsageError: an ending, a content or a market that does not exist, or a file that is there.
    """
    out = expand_home(out)
    if what not in WHAT:
        raise UsageError(f"what is {what!r}; allowed: {', '.join(WHAT)}")
    if what == "entries" and (out.suffix not in LINES or market or on_time):
        raise UsageError(
            f"entries are written whole, as JSON lines; give a file that ends in {LINES[0]}, and no filter"
        )
    if out.suffix not in _WRITERS:
        raise UsageError(f"{out.name} ends in {out.suffix or 'nothing'!r}; allowed: {', '.join(_WRITERS)}")
    if out.exists() and not replace:
        raise UsageError(f"{out} is there already; --replace writes over it")
    check_market(ledger, market)
    if what == "entries":
        return _write_entries(ledger, out)
    if what == "scores":
        table = score_table(ledger, market=market)
    else:
        table = forecast_table(ledger, market=market, on_time=on_time, quantiles=True)
    write = _WRITERS[out.suffix]
    write_beside(out, lambda path: write(table, path))
    return table.height


def _write_entries(ledger: Ledger, out: Path) -> int:
    count = 0

    def write(path: Path) -> None:
        nonlocal count
        with path.open("w", encoding="ascii", newline="\n") as file:
            for line in _entry_lines(ledger):
                file.write(line)
                count += 1

    write_beside(out, write)
    return count


def _entry_lines(ledger: Ledger) -> Iterator[str]:
    """Every entry as a line of JSON; the body is the very text that was hashed."""
    after = 0
    while rows := ledger.query(
        f"SELECT {', '.join(COLUMNS)} FROM entries WHERE number > ? ORDER BY number LIMIT 500", after
    ):
        yield from (json.dumps(dict(zip(COLUMNS, row, strict=True))) + "\n" for row in rows)
        after = rows[-1][0]


def _plain(table: pl.DataFrame) -> pl.DataFrame:
    """Times as text with their zone, and what has no end as unknown: text files can hold neither."""
    return table.with_columns(
        pl.col(TIME).dt.strftime(_TIME_TEXT),
        pl.col(pl.Float64).map_batches(lambda column: column.set(column.is_infinite(), None)),
    )


_WRITERS: Mapping[str, Callable[[pl.DataFrame, Path], object]] = {
    ".csv": lambda table, path: _plain(table).write_csv(path),
    ".parquet": lambda table, path: table.write_parquet(path),
    **dict.fromkeys(LINES, lambda table, path: _plain(table).write_ndjson(path)),
}
