"""Options that several commands share, and candles from them."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coincast.errors import UsageError

if TYPE_CHECKING:
    from coincast.errors import NotStoredError
    from coincast.experiments.gather import Gathered
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
Markets = Annotated[
    list[str] | None,
    typer.Option(
        "--market",
        metavar="MARKET",
        help="Market of the store, such as binance:BTC/USDT, or one of several in the files; repeat it for several.",
        rich_help_panel="Data",
    ),
]
Interval = Annotated[
    str | None,
    typer.Option(
        metavar="1d",
        help="Interval of the candles: of a file that leaves it open, of the store (there 1d by default).",
        rich_help_panel="Data",
    ),
]
Since = Annotated[
    str | None, typer.Option(metavar="TIME", help="First open time, such as 2017-01-01.", rich_help_panel="Data")
]
Until = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Last open time; a bare date includes its day.", rich_help_panel="Data"),
]
Outside = Annotated[
    list[str] | None,
    typer.Option(
        "--outside",
        metavar="[NAME=]FILE",
        help="Outside series to join as inputs: a file, or the name of a stored one; repeat it.",
        rich_help_panel="Data",
    ),
]
OnBad = Annotated[
    str,
    typer.Option(
        metavar="refuse|drop|keep",
        help="What to do where rows cannot be true: refuse the file, leave them out, or keep what can stand.",
        rich_help_panel="Data",
    ),
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
Memory = Annotated[
    float | None,
    typer.Option(
        metavar="GB", help="Memory that a training may take; else half of the machine's. It changes no number."
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


def data_changes(
    markets: Sequence[str] | None,
    interval: str | None,
    since: str | None,
    until: str | None,
    outside: Sequence[str] | None,
) -> list[str]:
    """Options about data as changes of a spec's section `[data]`."""
    values = {"markets": markets or None, "since": since, "until": until, "outside": outside or None}
    if markets:
        values["interval"] = interval
    return [f"data.{key}={json.dumps(value)}" for key, value in values.items() if value is not None]


def training_changes(seed: int | None, memory: float | None) -> list[str]:
    """Options about training as changes of a spec's section `[training]`."""
    values = {"seed": seed, "memory": memory}
    return [f"training.{key}={value}" for key, value in values.items() if value is not None]


def load_candles(
    spec: Spec,
    candles: Sequence[str] | None,
    *,
    interval: str | None,
    zone: str | None,
    columns: Sequence[str] | None,
    day_first: bool | None,
    on_bad: str,
    quiet: bool,
) -> Gathered:
    """Candles of `--candles`, of the spec's files or of the store, with what was recognised told on stderr.

    On a terminal, what the store lacks is offered for download.

    Raises:
        UsageError: neither a file nor a market is named.
        DataError: a file cannot be read, or the store lacks a market.
    """
    from coincast.errors import NotStoredError
    from coincast.experiments.gather import gather_candles

    def gather() -> Gathered:
        return gather_candles(
            spec.data,
            candles or (),
            interval=interval,
            zone=zone,
            columns=parse_columns(columns),
            day_first=day_first,
            on_bad=on_bad,
        )

    try:
        gathered = gather()
    except NotStoredError as error:
        if not offer_download(error):
            raise
        gathered = gather()
    for line in () if quiet else gathered.lines:
        typer.echo(line, err=True)
    return gathered


def offer_download(error: NotStoredError) -> bool:
    """Ask on a terminal whether to fetch what is missing, and do so; False where nobody can be asked or says no."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()) or any(" import " in line for line in error.remedies):
        return False
    typer.echo(f"coincast: {error}", err=True)
    if not typer.confirm("Fetch it now?", default=True, err=True):
        return False
    from coincast.cli import app

    for line in error.remedies:
        app(args=shlex.split(line)[1:], standalone_mode=False)
    return True
