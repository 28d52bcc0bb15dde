"""coincast data list | check | export | resample"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coincast.cli import options
from coincast.cli.output import console, print_json

if TYPE_CHECKING:
    import polars as pl

app = typer.Typer(
    name="data",
    help="What is in the store, what is wrong with it, and files out of it.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Wanted = Annotated[
    list[str] | None,
    typer.Argument(metavar="[MARKET]...", help="Markets; all of the store by default.", show_default=False),
]
Interval = Annotated[str | None, typer.Option(metavar="1d", help="Only candles of this interval.")]
FAULT_FOUND = 5


@app.command("list")
def list_data(as_json: options.Json = False) -> None:
    """Every market of the store: interval, candles, span, gaps, files and sources; and every outside series.

    \b
    Examples:
      coincast data list
      coincast data list --json
    """
    from coincast.candles.store import list_series, list_stored

    markets, series = list_stored(), list_series()
    if as_json:
        print_json({"markets": markets.to_dicts(), "series": series.to_dicts()})
        return
    if markets.is_empty() and series.is_empty():
        typer.echo("the store is empty; fill it: coincast download BTC/USDT, or coincast import FILE")
        return
    if not markets.is_empty():
        _print_table(_for_people(markets.drop("files", "sources")))
    if not series.is_empty():
        _print_table(_for_people(series.drop("sha256", "written")))


@app.command("check")
def check_data(market: Wanted = None, interval: Interval = None, as_json: options.Json = False) -> None:
    """Gaps and defects of every stored market, with a guess at their cause.

    Exits with 5 where a candle cannot be true or a file of the store is broken.

    \b
    Examples:
      coincast data check
      coincast data check binance:BTC/USDT --interval 1h
    """
    from coincast.candles.quality import summarise
    from coincast.experiments.stored import check_store

    checked = check_store(market or (), interval)
    if as_json:
        print_json(
            {
                "markets": checked.markets.to_dicts(),
                "findings": checked.findings.to_dicts(),
                "broken": [str(error) for error in checked.broken],
            }
        )
    else:
        for row in checked.markets.iter_rows(named=True):
            typer.echo(f"{row['market']} {row['interval']}: {row['rows']:,} candles")
            own = checked.findings.filter(market=row["market"], interval=row["interval"])
            for sentence in summarise(own) or ["nothing found"]:
                typer.echo(f"  {sentence}")
    for error in checked.broken:
        typer.echo(f"coincast: {error}", err=True)
    if checked.broken:
        raise typer.Exit(FAULT_FOUND)


@app.command("export")
def export_data(
    market: Annotated[str, typer.Argument(metavar="MARKET", help="A market of the store, such as binance:BTC/USDT.")],
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Where to write: .csv, .parquet, or .feather as freqtrade reads it.")
    ],
    interval: Annotated[str, typer.Option(metavar="1d", help="Interval of the candles.")] = "1d",
    since: Annotated[str | None, typer.Option(metavar="TIME", help="First open time.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Last open time.")] = None,
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

    table = export_market(market, interval, out, since=since, until=until)
    if as_json:
        print_json({"file": str(out), "market": market, "interval": interval, "rows": table.height})
    elif not quiet:
        typer.echo(f"{out}: {table.height:,} candles of {market}, {interval}")


@app.command("resample")
def resample_data(
    market: Annotated[str, typer.Argument(metavar="MARKET", help="A market of the store, such as binance:BTC/USDT.")],
    to: Annotated[str, typer.Option(metavar="1h", help="The longer interval to make.")],
    interval: Annotated[str, typer.Option(metavar="1m", help="The stored interval to make it from.")] = "1m",
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Longer candles out of stored ones; one with a part missing is left out and named.

    \b
    Examples:
      coincast data resample binance:BTC/USDT --interval 1m --to 1h
    """
    from coincast.experiments.stored import resample_market

    made = resample_market(market, interval, to)
    if as_json:
        print_json(
            {"market": market, "interval": to, "rows": made.candles.height, "left_out": made.incomplete.to_dicts()}
        )
        return
    for row in () if quiet else made.incomplete.head(10).iter_rows(named=True):
        typer.echo(f"left out: {row['open_time']:%Y-%m-%d %H:%M}, {row['have']} of {row['need']} candles are there")
    if not quiet:
        more = made.incomplete.height
        typer.echo(
            f"{market} {to}: {made.candles.height:,} candles stored"
            + (f", {more:,} incomplete ones left out" if more else "")
        )


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
        is_number = name in ("rows", "gaps", "missing", "size")
        table.add_column(name, justify="right" if is_number else "left", no_wrap=name in ("market", "name"))
    for row in rows:
        table.add_row(*row.values())
    console().print(table)
