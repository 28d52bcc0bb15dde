"""Options that several commands share, and candles from them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coincast.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

    from coincast.experiments.spec import Spec

Candles = Annotated[
    list[str] | None,
    typer.Option(
        "--candles",
        metavar="[MARKET=]FILE",
        help="Candles to use; repeat it for several files.",
        rich_help_panel="Data",
    ),
]
Interval = Annotated[
    str | None,
    typer.Option(metavar="1d", help="Interval of the candles, where the file leaves it open.", rich_help_panel="Data"),
]
Zone = Annotated[
    str | None,
    typer.Option(
        metavar="ZONE", help="Zone of times without one, such as Europe/Berlin; else UTC.", rich_help_panel="Data"
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="MEANING=NAME",
        help="Which column means what, such as close=Price; repeat it.",
        rich_help_panel="Data",
    ),
]
DayFirst = Annotated[
    bool | None,
    typer.Option(
        "--day-first/--month-first",
        help="How to read dates such as 03/04/2017.",
        show_default=False,
        rich_help_panel="Data",
    ),
]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="SECTION.KEY=VALUE", help="Change a value of the spec, such as training.epochs=20; repeat it."
    ),
]
Seed = Annotated[int | None, typer.Option(help="Seed of the first run; the next ones count upwards.")]
Out = Annotated[
    Path | None, typer.Option(metavar="DIR", help="The run folder; else one is made under ./coincast-runs/.")
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Run again even where the same run is finished.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout, and nothing else there.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes.")]


def parse_columns(columns: Sequence[str] | None) -> dict[str, str] | None:
    """`["close=Price"]` as `{"close": "Price"}`.

    Raises:
        UsageError: no `=`.
    """
    if not columns:
        return None
    pairs = [text.partition("=") for text in columns]
    for (meaning, equals, name), text in zip(pairs, columns, strict=True):
        if not (meaning and equals and name):
            raise UsageError(f"--column {text!r}; write MEANING=NAME, for example close=Price")
    return {meaning: name for meaning, _, name in pairs}


def load_candles(
    spec: Spec,
    candles: Sequence[str] | None,
    *,
    interval: str | None,
    zone: str | None,
    columns: Sequence[str] | None,
    day_first: bool | None,
    quiet: bool,
) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """Candles of `--candles`, else of the spec's own files, with what was recognised told on stderr.

    Returns:
        The candle table, and what `data.json` says of each file.

    Raises:
        UsageError: neither names a file.
        DataError: a file cannot be read.
    """
    from coincast.sources.files import read_candle_files

    sources = list(candles or spec.data.candles)
    if not sources:
        raise UsageError("no candles were given; name at least one file: --candles btc.csv")
    table, files = read_candle_files(
        sources, interval=interval, zone=zone, columns=parse_columns(columns), day_first=day_first
    )
    facts = []
    for file in files:
        name = file.path.name if file.path else "frame"
        if not quiet:
            typer.echo(
                f"{name}: {file.market} {file.interval}, {file.rows:,} candles from {file.first:%Y-%m-%d} to "
                f"{file.last:%Y-%m-%d}, form {file.form}",
                err=True,
            )
            for note in file.notes:
                typer.echo(f"  {note}", err=True)
        facts.append(
            {
                "file": name,
                "form": file.form,
                "market": file.market,
                "interval": file.interval,
                "rows": file.rows,
                "first": file.first.isoformat(),
                "last": file.last.isoformat(),
                "sha256": file.sha256,
                "notes": list(file.notes),
            }
        )
    return table, facts


def prepare_devices() -> None:
    """A command owns its process: it uses every core. Must run before JAX is imported."""
    from coincast.training.devices import use_every_core

    use_every_core()
