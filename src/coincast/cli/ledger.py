"""coincast ledger show | verify | anchor | export | add"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coincast.cli.options import Columns, Interval, Json, Quiet, Zone, parse_columns
from coincast.cli.output import ANSWER_IS_NO, console, print_json

if TYPE_CHECKING:
    import polars as pl
    from rich.table import Table

    from coincast.live.ledger import Running
    from coincast.live.places import LivePlaces

app = typer.Typer(
    name="ledger",
    help="Live forecasts and their scores: written down before anybody could know, and never edited.",
    no_args_is_help=True,
)

MOST_SENTENCES = 6
"""Verdicts that are also told in words; of more the table tells enough."""

File = Annotated[
    Path | None,
    typer.Option("--ledger", metavar="FILE", help="The ledger; else that of the user's home.", show_default=False),
]
Simulated = Annotated[bool, typer.Option("--simulated", help="The ledger of simulated time.")]
OneMarket = Annotated[str | None, typer.Option("--market", metavar="MARKET", help="Only this market.")]


@app.command("show")
def show_ledger(
    market: OneMarket = None,
    last: Annotated[int, typer.Option(min=1, max=1000, help="How many of the newest forecasts.")] = 10,
    ledger: File = None,
    simulated: Simulated = False,
    as_json: Json = False,
) -> None:
    """The newest forecasts beside the naive ones, and the verdicts of now.

    \b
    Examples:
      coincast ledger show
      coincast ledger show --market binance:BTC/USDT --last 50
      coincast ledger show --simulated --json
    """
    from coincast.live.ledger import CAUTION, Ledger, glance, make_anchor

    places = _find(ledger, simulated)
    with Ledger.open(places.ledger, write=False) as opened:
        seen, anchor = glance(opened, market=market, last=last), str(make_anchor(opened))
    if as_json:
        print_json({"ledger": str(places.ledger), "simulated": places.is_simulated, **seen.to_dict(), "anchor": anchor})
        return
    if places.is_simulated:
        typer.echo("Simulated time: prices made by this program, no real market.")
    if seen.verdicts:
        console().print(_verdict_table(seen.verdicts))
        typer.echo("")
    for verdict in seen.verdicts if len(seen.verdicts) <= MOST_SENTENCES else []:
        typer.echo(verdict.sentence or f"{verdict.model} is the naive forecast itself.")
    if seen.verdicts:
        typer.echo(CAUTION)
    if seen.forecasts.height:
        typer.echo("")
        console().print(_forecast_table(seen.forecasts))
    else:
        typer.echo("no forecast yet; coincast watch makes them, coincast ledger add takes yours")
    for row in seen.outages.iter_rows(named=True):
        missed = f", forecasts missed: {len(row['missed']):,}" if row["missed"] else ""
        typer.echo(f"outage {row['since']:%Y-%m-%d %H:%M}: {row['reason']}, {row['market'] or 'all markets'}{missed}")
    typer.echo(f"{seen.head.count:,} {'entry' if seen.head.count == 1 else 'entries'} in {places.ledger}")


@app.command("verify")
def verify_ledger(
    anchor: Annotated[
        str | None, typer.Option(metavar="FILE|LINE", help="An anchor that was published before, or a file with one.")
    ] = None,
    ledger: File = None,
    simulated: Simulated = False,
    as_json: Json = False,
) -> None:
    """Whether the ledger is what it was: every entry hashed anew, every fault named.

    Exits with 5 where a fault is found. A chain that somebody built anew, or cut at its end, is found with an anchor
    alone.

    \b
    Examples:
      coincast ledger verify
      coincast ledger verify --anchor anchor.txt
    """
    from coincast.live.ledger import read_anchor, verify

    places = _find(ledger, simulated)
    found = verify(places.ledger, None if anchor is None else read_anchor(anchor))
    if as_json:
        print_json({"ledger": str(places.ledger), **found.to_dict()})
    else:
        typer.echo(found.words)
        for fault in found.faults:
            typer.echo(f"  {fault}")
    if not found.ok:
        raise typer.Exit(ANSWER_IS_NO)


@app.command("anchor")
def anchor_ledger(ledger: File = None, simulated: Simulated = False, as_json: Json = False) -> None:
    """One line that stands for the ledger as it is now: publish it where its time cannot be forged.

    \b
    Examples:
      coincast ledger anchor
      coincast ledger anchor >> anchors.txt
    """
    from coincast.live.ledger import Ledger, make_anchor

    places = _find(ledger, simulated)
    with Ledger.open(places.ledger, write=False) as opened:
        made = make_anchor(opened)
    if as_json:
        print_json({"anchor": str(made), "count": made.count, "head": made.head, "made_at": made.made_at})
    else:
        typer.echo(str(made))


@app.command("export")
def export_to_file(
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write: .csv, .parquet or .jsonl.")],
    what: Annotated[str, typer.Option(metavar="forecasts|scores|entries", help="What to write.")] = "forecasts",
    market: OneMarket = None,
    on_time: Annotated[bool, typer.Option("--on-time", help="Only forecasts that count.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the file where it is there already.")] = False,
    ledger: File = None,
    simulated: Simulated = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Forecasts with what became of them, scores, or the chain itself, as a file.

    \b
    Examples:
      coincast ledger export --out forecasts.csv --on-time
      coincast ledger export --what scores --out scores.parquet
      coincast ledger export --what entries --out chain.jsonl
    """
    from coincast.live.ledger import Ledger, export_ledger

    places = _find(ledger, simulated)
    with Ledger.open(places.ledger, write=False) as opened:
        rows = export_ledger(opened, out, what=what, market=market, on_time=on_time, replace=replace)
    if as_json:
        print_json({"file": str(out), "what": what, "rows": rows})
    elif not quiet:
        typer.echo(f"{out}: {rows:,} rows of {what}")


@app.command("add")
def add_forecasts(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or another table: target_time, predicted.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="Who made them; their model is called NAME (given).")],
    market: Annotated[str | None, typer.Option(metavar="MARKET", help="Market of rows that name none.")] = None,
    interval: Interval = None,
    column: Columns = None,
    zone: Zone = None,
    horizon: Annotated[int | None, typer.Option(help="Steps ahead of every row, where the file does not say.")] = None,
    ledger: File = None,
    simulated: Simulated = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Forecasts made elsewhere, by the same door: the moment of entering counts, and what comes late is late.

    The table needs target_time and predicted; origin, step, model, market, interval and quantiles (q05, q95) are used
    where they are there. The naive forecast comes from the store. Where coincast watch writes the ledger, the
    forecasts are handed to it, and the clock of the exchange counts; else that of this machine.

    \b
    Examples:
      coincast ledger add tomorrow.csv --name alice --market binance:BTC/USDT --interval 1d
      coincast ledger add forecasts.parquet --name prophet
    """
    from coincast.live.ledger.offers import read_offers
    from coincast.live.ledger.submission import submit

    places = _find(ledger, simulated)
    columns = parse_columns(column)
    offers = read_offers(file, name=name, market=market, interval=interval, zone=zone, columns=columns, horizon=horizon)
    done = submit(offers, places)
    if as_json:
        print_json(done.to_dict())
    else:
        for note in () if quiet else offers.notes:
            typer.echo(f"note: {note}")
        typer.echo(done.words)
        for line in done.refused:
            typer.echo(f"coincast: {line}", err=True)
    if done.refused:
        raise typer.Exit(done.exit_code)


def _find(ledger: Path | None, simulated: bool) -> LivePlaces:
    from coincast.live.places import live_places

    return live_places(simulated=simulated, ledger=ledger)


def _verdict_table(verdicts: list[Running]) -> Table:
    """Skill beside the naive forecast, with its interval and its word."""
    from rich.text import Text

    from coincast.reports.numbers import percent_digits, skill_span
    from coincast.reports.palette import TERMINAL

    table = _table(["market", "", "model"], ["skill\n%", "95 %\ninterval", "n", "in 80 %", "on\ntime", "late"])
    table.add_column("verdict")
    for one in verdicts:
        style = TERMINAL.get(one.verdict or "", "")
        table.add_row(
            *(one.market, one.interval, one.model),
            "" if one.skill is None else percent_digits(one.skill, signed=True, minus="-"),
            "" if one.low is None and one.high is None else skill_span(one.low, one.high, minus="-"),
            f"{one.n:,}",
            "" if one.coverage80 is None else percent_digits(one.coverage80),
            *(f"{one.forecasts:,}", f"{one.late:,}"),
            Text(one.verdict or "the yardstick", style=f"bold {style}".strip()),
        )
    return table


def _forecast_table(forecasts: pl.DataFrame) -> Table:
    """The newest forecasts, a line for each step."""
    from coincast.reports.numbers import amount

    table = _table(["market", "model", "from, UTC"], ["after\ns", "to, UTC", "forecast", "naive", "became"])
    for row in forecasts.iter_rows(named=True):
        after = (row["made_at"] - row["origin"]).total_seconds()
        became = "late" if row["late"] else "" if row["actual"] is None else amount(row["actual"])
        table.add_row(
            *(row["market"], row["model"], _minute(row["origin"])),
            f"{after:,.1f}",
            _minute(row["target_time"]),
            *(amount(row["value"]), amount(row["last_close"]), became),
        )
    return table


def _minute(moment: Any) -> str:
    return f"{moment:%m-%d %H:%M:%S}".removesuffix(":00")


def _table(texts: Sequence[str], numbers: Sequence[str]) -> Table:
    """An empty table: headings of texts, then of numbers."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in texts:
        table.add_column(heading, overflow="fold")
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
