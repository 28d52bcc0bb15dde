"""coincast import"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coincast.cli import options
from coincast.cli.output import print_json

if TYPE_CHECKING:
    from coincast.candles.store import Written
    from coincast.sources.importing import Imported


def import_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of any known form; see docs/forms.md.")],
    market: Annotated[
        str | None, typer.Option(metavar="MARKET", help="Market of the candles, where the file does not tell it.")
    ] = None,
    interval: options.Interval = None,
    form: Annotated[
        str | None, typer.Option("--format", metavar="FORM", help="Form of the files, where their content misleads.")
    ] = None,
    series: Annotated[
        str | None, typer.Option(metavar="NAME", help="Read the file as an outside series of this name.")
    ] = None,
    lag: Annotated[
        str | None,
        typer.Option(metavar="12h", help="Outside series: how long after its period a value is published; else 0."),
    ] = None,
    zone: options.Zone = None,
    column: options.Columns = None,
    day_first: options.DayFirst = None,
    on_bad: options.OnBad = "refuse",
    replace: Annotated[bool, typer.Option("--replace", help="Replace stored candles and values that differ.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Read and tell; store nothing.")] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Read files of any known form, say what they hold and what is wrong with it, and store it.

    A file is recognised by its content. One whose rows cannot be true is refused as a whole, unless --on-bad says
    otherwise; nothing is filled or mended silently. Every member of a ZIP archive is a file of its own.

    \b
    Examples:
      coincast import bitcoin_price.csv
      coincast import Bitfinex_BTCUSD_1h.csv XBTUSD_60.csv BTC_USDT-5m.feather
      coincast import prices.csv --market file:BTC/USD --column close=Price --zone Europe/Berlin
      coincast import USDT_BTC.csv --on-bad drop
      coincast import fear_greed_index.csv --check
    """
    from coincast.sources.formats import ReadOptions
    from coincast.sources.importing import ImportOptions, import_files

    wanted = ImportOptions(
        market=market,
        interval=interval,
        format=form,
        on_bad=on_bad,
        read=ReadOptions(columns=options.parse_columns(column) or {}, zone=zone, day_first=day_first),
        series=series,
        lag=lag,
        replace=replace,
        store=not check,
    )
    results = import_files(files, wanted, on_read=None if as_json or quiet else _print_recognised)
    refused = [result for result in results if result.error is not None]
    if as_json:
        print_json({"files": [_describe(result) for result in results]})
    elif not quiet:
        _print_stored(results, stored=not check)
    for result in refused:
        typer.echo(f"coincast: {_with_name(result)}", err=True)
    if refused:
        raise typer.Exit(max(result.error.exit_code for result in refused if result.error))


def _print_recognised(read: Imported) -> None:
    """Form, market, interval, zone, rows, span and defects, before anything is stored."""
    from coincast.candles.quality import summarise

    name = Path(read.name).name
    if read.series is not None:
        series = read.series
        typer.echo(f"{name}: outside series {series.name}, form {series.form}")
        typer.echo(f"  {series.rows:,} values from {series.first:%Y-%m-%d} to {series.last:%Y-%m-%d}")
        for note in series.notes:
            typer.echo(f"  {note}")
    elif read.file is not None and read.findings is not None:
        file = read.file
        typer.echo(f"{name}: {file.market} {file.interval}, form {file.form}, zone {file.zone or 'UTC'}")
        typer.echo(
            f"  {file.rows:,} candles, the first opens {file.first:%Y-%m-%d %H:%M}, "
            f"the last {file.last:%Y-%m-%d %H:%M} UTC"
        )
        for note in (*file.notes, *summarise(read.findings)):
            typer.echo(f"  {note}")


def _print_stored(results: list[Imported], *, stored: bool) -> None:
    taken = [result for result in results if result.error is None]
    if not stored:
        typer.echo(f"checked: {len(taken)} of {len(results)} can be stored; nothing was (--check)")
        return
    if not taken:
        return
    parts = [
        _tell_written([result.written for result in taken if result.written and result.file], "candles"),
        _tell_written([result.written for result in taken if result.written and result.series], "values"),
    ]
    typer.echo(f"stored: {'; '.join(part for part in parts if part)}; coincast data list shows what is there")


def _tell_written(written: list[Written], noun: str) -> str:
    """`12 new candles, 1 replaced, 3 known before`; nothing where nothing was to be stored."""
    if not written:
        return ""
    revised = sum(one.revised for one in written)
    replaced = f", {revised:,} replaced" if revised else ""
    added, known = (sum(getattr(one, name) for one in written) for name in ("added", "same"))
    return f"{added:,} new {noun}{replaced}, {known:,} known before"


def _with_name(result: Imported) -> str:
    message, name = str(result.error), Path(result.name).name
    return message if message.startswith((name, str(result.name), "no such file")) else f"{name}: {message}"


def _describe(result: Imported) -> dict[str, Any]:
    """One entry of `--json`."""
    if result.error is not None:
        return {"file": result.name, "refused": str(result.error)}
    if result.series is not None:
        series = result.series
        facts = {"series": series.name, "form": series.form, "rows": series.rows, "gaps": series.gaps}
        return {"file": result.name, **facts, "first": series.first, "last": series.last, "notes": list(series.notes)}
    assert result.file is not None
    file, written = result.file, result.written
    return {
        "file": result.name,
        "form": file.form,
        "market": file.market,
        "interval": file.interval,
        "zone": file.zone,
        "rows": file.rows,
        "first": file.first,
        "last": file.last,
        "sha256": file.sha256,
        "notes": list(file.notes),
        "left_out": file.left_out.to_dicts(),
        "findings": [] if result.findings is None else result.findings.to_dicts(),
        "added": written.added if written else 0,
        "known_before": written.same if written else 0,
        "revised": written.revised if written else 0,
    }
