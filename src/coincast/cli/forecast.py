"""coincast forecast"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coincast.cli import options
from coincast.cli.compare import command_line
from coincast.cli.output import console, print_ending, print_json, training_bar

if TYPE_CHECKING:
    import polars as pl


def forecast(
    market: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MARKET]...", help="Markets of the store, such as binance:BTC/USDT.", show_default=False
        ),
    ] = None,
    spec: Annotated[
        Path | None, typer.Option("--spec", metavar="SPEC.toml", help="Settings; else the defaults.")
    ] = None,
    candles: options.Candles = None,
    horizon: Annotated[int | None, typer.Option(help="How many candles to forecast; 7 without a spec.")] = None,
    interval: options.Interval = None,
    since: options.Since = None,
    until: options.Until = None,
    outside: options.Outside = None,
    zone: options.Zone = None,
    column: options.Columns = None,
    day_first: options.DayFirst = None,
    on_bad: options.OnBad = "refuse",
    changes: options.Changes = None,
    seed: options.Seed = None,
    memory: options.Memory = None,
    out: options.Out = None,
    fresh: options.Fresh = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """The next candles beyond the last one, with naive and the verdict of the same settings beside.

    \b
    Examples:
      coincast forecast binance:BTC/USDT --interval 1d
      coincast forecast --candles btc.csv
      coincast forecast --candles btc.csv --horizon 3 --set training.seeds=25
    """
    from coincast.experiments.folder import run_in_folder
    from coincast.experiments.forecast import DEFAULTS, describe_outlook
    from coincast.experiments.spec import read_spec
    from coincast.experiments.story import outlook_table

    wanted = read_spec(
        spec,
        defaults={**DEFAULTS, "horizon": 7},
        changes=[
            *options.data_changes(market, interval, since, until, outside),
            *(changes or []),
            *([f"samples.horizon={horizon}"] if horizon is not None else []),
            *options.training_changes(seed, memory),
        ],
    )
    data = options.load_candles(
        wanted, candles, interval=interval, zone=zone, columns=column, day_first=day_first, on_bad=on_bad, quiet=quiet
    )
    with training_bar(quiet=quiet) as bar:
        run = run_in_folder(
            wanted,
            data.candles,
            files=data.facts,
            out=out,
            fresh=fresh,
            beyond=True,
            command=command_line(),
            on_progress=bar,
        )
    if as_json:
        print_json(describe_outlook(run))
        return
    _print_outlook(outlook_table(run.result))
    typer.echo("\nThe same settings on the latest test span:")
    typer.echo("\n".join(run.result.sentences))
    print_ending(run, quiet=quiet)


def _print_outlook(outlook: pl.DataFrame) -> None:
    from rich.table import Table

    from coincast.reports.quantities import ahead_name, show_change, show_value

    for (market, model), rows in outlook.group_by("market", "model", maintain_order=True):
        quantity = rows["quantity"][0]
        title = f"{market}, {model}" + ("" if quantity == "price" else f", {ahead_name(quantity, rows['step'][-1])}")
        table = Table(box=None, pad_edge=False, header_style="bold", title=title, title_justify="left")
        for heading in ("closes (UTC)", "forecast", "9 of 10 runs", "naive", "against naive"):
            table.add_column(heading, justify="left" if heading.startswith("closes") else "right")
        for row in rows.iter_rows(named=True):
            value, low, high, naive = (show_value(row[name], quantity) for name in ("value", "low", "high", "naive"))
            spread = "-" if row["low"] is None else f"{low} to {high}"
            change = show_change(row["value"], row["naive"], quantity)
            table.add_row(f"{row['target_time']:%Y-%m-%d %H:%M}", value, spread, naive, change)
        console().print(table)
