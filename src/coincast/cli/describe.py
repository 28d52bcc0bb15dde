"""coincast describe"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from coincast.cli import options
from coincast.cli.output import console, print_json


def describe(
    spec: Annotated[
        Path | None,
        typer.Argument(metavar="[SPEC.toml]", help="The experiment; without it the defaults.", show_default=False),
    ] = None,
    candles: options.Candles = None,
    market: options.Markets = None,
    interval: options.Interval = None,
    since: options.Since = None,
    until: options.Until = None,
    outside: options.Outside = None,
    zone: options.Zone = None,
    column: options.Columns = None,
    day_first: options.DayFirst = None,
    on_bad: options.OnBad = "refuse",
    changes: options.Changes = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Draw each network's graph as PNG into this folder.")
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Layers, shapes and parameters of every network of a spec, what each output can see, and the drawn graph.

    \b
    Examples:
      coincast describe examples/eth-daily.toml
      coincast describe examples/eth-daily.toml --set lstm.units=64 --out graphs
    """
    from coincast.experiments.describe import describe_networks
    from coincast.experiments.spec import read_spec

    wanted = read_spec(spec, changes=[*options.data_changes(market, interval, since, until, outside), *(changes or [])])
    data = None
    if candles or wanted.data.candles or market:
        data = options.load_candles(
            wanted,
            candles,
            interval=interval,
            zone=zone,
            columns=column,
            day_first=day_first,
            on_bad=on_bad,
            quiet=quiet,
        )
    networks = describe_networks(wanted, candles=data.candles if data else None)
    pictures = [] if out is None else [_draw(network, out) for network in networks]
    if as_json:
        print_json(
            {"networks": [network.to_dict() for network in networks], "pictures": [str(path) for path in pictures]}
        )
        return
    for network in networks:
        _print(network)
    for path in pictures:
        typer.echo(f"graph: {path}")


def _print(network: Any) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", title=network.model, title_justify="left")
    for heading in ("layer", "what", "shape", "parameters"):
        table.add_column(heading, justify="right" if heading == "parameters" else "left")
    for layer in network.layers:
        table.add_row(layer.name, layer.kind, " x ".join(map(str, layer.shape)), f"{layer.parameters:,}")
    table.add_row("total", "", "", f"{network.parameters:,}", style="bold")
    console().print(table)
    for line in network.tell_view():
        typer.echo(line)


def _draw(network: Any, folder: Path) -> Path:
    from coincast.experiments.places import safe_name
    from coincast.reports.pictures_network import draw_network
    from coincast.tabular import write_beside

    title = f"{network.model}, {network.parameters:,} parameters"
    figure = draw_network(title, [(layer.name, layer.kind, layer.shape, layer.parameters) for layer in network.layers])
    return write_beside(
        folder / f"{safe_name(network.model)}.png", lambda path: figure.savefig(path, dpi=110, format="png")
    )
