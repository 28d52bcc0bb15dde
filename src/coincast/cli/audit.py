"""coincast audit"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coincast.cli import options
from coincast.cli.output import ANSWER_IS_NO, console, print_json

if TYPE_CHECKING:
    from coincast.experiments.audit.report import Audit


def audit(
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
    minutes: Annotated[float, typer.Option(help="What the cuts may take, about; more minutes, more rows.")] = 2.0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Does any value of an experiment know its future? The audit proves itself on planted leaks, or is void.

    Every column, target, scale, sample, parameter and forecast is computed from candles that are the same up to a cut
    and others after it; what may know nothing after the cut must stay the same to the bit. Exit code 5 where something
    leaks, and where a planted leak was missed.

    \b
    Examples:
      coincast audit examples/btc-daily.toml --candles bitcoin_price.csv --candles ethereum_price.csv
      coincast audit --candles btc.csv --set samples.features=["log_return","volume_change"] --minutes 5
    """
    from coincast.experiments.audit.audit import audit as audit_candles
    from coincast.experiments.spec import read_spec

    wanted = read_spec(spec, changes=[*options.data_changes(market, interval, since, until, outside), *(changes or [])])
    # The audit joins outside series itself, so that a value which is used too early is seen.
    plain = wanted.model_copy(update={"data": wanted.data.model_copy(update={"outside": []})})
    data = options.load_candles(
        plain, candles, interval=interval, zone=zone, columns=column, day_first=day_first, on_bad=on_bad, quiet=quiet
    )
    with _audit_bar(quiet=quiet) as bar:
        report = audit_candles(data.candles, spec=wanted, minutes=minutes, on_step=bar)
    if as_json:
        print_json(report.to_dict())
    else:
        _print(report, quiet=quiet)
    if not report.passed:
        raise typer.Exit(ANSWER_IS_NO)


def _print(report: Audit, *, quiet: bool) -> None:
    from rich.table import Table

    from coincast.experiments.audit.report import spell_size

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("kind", "item", "market", "rows probed", "result", "warm-up"):
        table.add_column(heading, justify="right" if heading in ("rows probed", "warm-up") else "left")
    for row in report.table.iter_rows(named=True):
        probed = f"{row['rows_probed']:,} of {row['rows']:,}"
        warm_up = "" if row["warm_up"] is None else f"{row['warm_up']:,}"
        style = None if row["status"] == "clean" else "bold red"
        table.add_row(row["kind"], row["item"], row["market"], probed, row["status"], warm_up, style=style)
    console().print(table)
    for row in report.leaks.iter_rows(named=True):
        ahead = f"{row['horizon']} candles ahead" if row["horizon"] else "some candles ahead"
        typer.echo(
            f"leak: {row['kind']} {row['item']} of {row['market']}: {ahead}, at most {row['reach']} felt; first in "
            f"row {row['first_row']}, which closes {row['first_time']:%Y-%m-%d %H:%M} UTC; "
            f"changes by {spell_size(row['size'])}; shown by {row['futures']}"
        )
    for plant in report.plants.iter_rows(named=True):
        typer.echo(f"planted: {plant['plant']}: {'caught' if plant['caught'] else 'MISSED'}")
    if not quiet:
        for note in report.notes:
            typer.echo(f"note: {note}")
    typer.echo(f"\n{report.sentence}")


@contextmanager
def _audit_bar(*, quiet: bool) -> Iterator[Callable[[str, int, int], None] | None]:
    """A bar on stderr for the steps of an audit; nothing where stderr is no terminal."""
    from rich.console import Console

    errors = Console(stderr=True)
    if quiet or not errors.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(bar_width=28), TextColumn("{task.description}", markup=False), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True) as bar:
        shown = bar.add_task("audit")

        def show(what: str, number: int, steps: int) -> None:
            bar.update(shown, description=what, completed=number - 1, total=steps)

        yield show
