"""coincast data list | check | export | resample"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coincast.cli import options
from coincast.cli.output import ANSWER_IS_NO, console, print_json

if TYPE_CHECKING:
    import polars as pl

    from coincast.experiments.stored import Checked, Listed

app = typer.Typer(
    name="data",
    help="What is in the store, what is wrong with it, and files out of it.",
    no_args_is_help=True,
)

Wanted = Annotated[
    list[str] | None,
    typer.Argument(metavar="[MARKET]...", help="Markets; all of the store by default.", show_default=False),
]
Interval = Annotated[str | None, typer.Option(metavar="1d", help="Only candles of this interval.")]
NOTHING_STORED = "the store is empty; fill it: coincast download BTC/USDT, or coincast import FILE"


@app.command("list")
def list_data(as_json: options.Json = False) -> None:
    """Every market of the store: interval, candles, span, gaps, files and sources; and every outside series.

    Exits with 3 where a part of the store cannot be read; the others are listed.

    \b
    Examples:
      coincast data list
      coincast data list --json
    """
    from coincast.experiments.stored import list_store

    listed = list_store()
    if as_json:
        print_json(_describe(listed))
    else:
        _print_listed(listed)
    _complain(listed)
    if listed.broken:
        raise typer.Exit(max(one.error.exit_code for one in listed.broken))


@app.command("check")
def check_data(market: Wanted = None, interval: Interval = None, as_json: options.Json = False) -> None:
    """Gaps and defects of every stored market, with a guess at their cause.

    Exits with 5 where a file of the store is broken; the others are checked.

    \b
    Examples:
      coincast data check
      coincast data check binance:BTC/USDT --interval 1h
    """
    from coincast.experiments.stored import check_store

    checked = check_store(market or (), interval)
    if as_json:
        print_json({**_describe(checked), "findings": checked.findings.to_dicts()})
    else:
        _print_checked(checked)
    _complain(checked)
    if checked.broken:
        raise typer.Exit(ANSWER_IS_NO)


@app.command("export")
def export_data(
    market: Annotated[str, typer.Argument(metavar="MARKET", help="A market of the store, such as binance:BTC/USDT.")],
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Where to write: .csv, .parquet, or .feather as freqtrade reads it.")
    ],
    interval: Annotated[str, typer.Option(metavar="1d", help="Interval of the candles.")] = "1d",
    since: Annotated[str | None, typer.Option(metavar="TIME", help="First open time.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Last open time.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the file where it is there already.")] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Stored candles as a file.

    \b
    Examples:
      coincast data export binance:BTC/USDT --interval 1h --out btc.csv
      coincast data export binance:BTC/USDT --interval 5m --out BTC_USDT-5m.feather
    """
    from coincast.experiments.stored import export_market

    table = export_market(market, interval, out, since=since, until=until, replace=replace)
    if as_json:
        print_json({"file": str(out), "market": market, "interval": interval, "rows": table.height})
    elif not quiet:
        typer.echo(f"{out}: {table.height:,} candles of {market}, {interval}")


@app.command("resample")
def resample_data(
    market: Annotated[str, typer.Argument(metavar="MARKET", help="A market of the store, such as binance:BTC/USDT.")],
    to: Annotated[str, typer.Option(metavar="1h", help="The longer interval to make.")],
    interval: Annotated[str, typer.Option(metavar="1m", help="The stored interval to make it from.")] = "1m",
    replace: Annotated[bool, typer.Option("--replace", help="Replace stored longer candles that differ.")] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Longer candles out of stored ones; one with a part missing is left out and named.

    Where longer candles are stored already and differ, whatever they came from, nothing is written without --replace.

    \b
    Examples:
      coincast data resample binance:BTC/USDT --interval 1m --to 1h
    """
    from coincast.experiments.stored import resample_market

    made = resample_market(market, interval, to, replace=replace)
    if as_json:
        print_json(
            {"market": market, "interval": to, "rows": made.candles.height, "left_out": made.incomplete.to_dicts()}
        )
        return
    for row in () if quiet else made.incomplete.head(10).iter_rows(named=True):
        typer.echo(f"left out: {row['open_time']:%Y-%m-%d %H:%M}, {row['have']} of {row['need']} candles are there")
    if not quiet:
        more = f", {made.incomplete.height:,} incomplete left out" if made.incomplete.height else ""
        typer.echo(f"{market} {to}: {made.candles.height:,} candles stored{more}")


def _describe(listed: Listed) -> dict[str, Any]:
    """What both commands print with `--json`."""
    return {
        "markets": listed.markets.to_dicts(),
        "series": listed.series.to_dicts(),
        "broken": [str(one.error) for one in listed.broken],
    }


def _print_listed(listed: Listed) -> None:
    if listed.markets.is_empty() and listed.series.is_empty() and not listed.broken:
        typer.echo(NOTHING_STORED)
    if not listed.markets.is_empty():
        _print_table(_for_people(listed.markets.drop("files", "sources")))
    if not listed.series.is_empty():
        import polars as pl

        columns = pl.col("columns").list.len().cast(pl.Int64)
        _print_table(_for_people(listed.series.drop("hashes", "written").with_columns(columns)))


def _print_checked(checked: Checked) -> None:
    """Every market with what was found in it; of a broken one, that it is: the reason follows at the end."""
    from coincast.candles.quality import summarise

    broken = {(one.name, one.interval) for one in checked.broken}
    for row in checked.markets.iter_rows(named=True):
        market, interval = row["market"], row["interval"]
        if (market, interval) in broken:
            continue
        typer.echo(f"{market} {interval}: {row['rows']:,} candles")
        for sentence in summarise(checked.findings.filter(market=market, interval=interval)) or ["nothing found"]:
            typer.echo(f"  {sentence}")
    for name, rows in checked.series.select("name", "rows").iter_rows():
        if (name, None) not in broken:
            typer.echo(f"{name}: outside series, {rows:,} values")
    for one in checked.broken:
        typer.echo(f"{one.name} {one.interval or 'outside series'}: cannot be read")
    if checked.markets.is_empty() and checked.series.is_empty() and not checked.broken:
        typer.echo(NOTHING_STORED)


def _complain(listed: Listed) -> None:
    for one in listed.broken:
        typer.echo(f"coincast: {one.error}", err=True)


def _for_people(table: pl.DataFrame) -> list[dict[str, str]]:
    """Cells as text: numbers with separators, times as dates."""
    table = table.rename({"bytes": "size"})
    return [{name: _cell(name, value) for name, value in row.items()} for row in table.iter_rows(named=True)]


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if hasattr(value, "strftime"):
        return f"{value:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
    if name == "size":
        return f"{value / 1e6:,.2f} MB"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def _print_table(rows: list[dict[str, str]]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in rows[0]:
        is_number = name in ("rows", "columns", "gaps", "missing", "size")
        table.add_column(name, justify="right" if is_number else "left", no_wrap=name in ("market", "name"))
    for row in rows:
        table.add_row(*row.values())
    console().print(table)
