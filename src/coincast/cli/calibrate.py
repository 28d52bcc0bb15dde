"""coincast calibrate"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coincast.cli import options
from coincast.cli.output import ANSWER_IS_NO, console, print_json, tell

if TYPE_CHECKING:
    import polars as pl

    from coincast.experiments.calibration.report import Calibration

HEADINGS = {"n": "origins", "planted": "oracle skill", "what": ""}


def calibrate(
    quick: Annotated[bool, typer.Option("--quick", help="Fewer markets: about a minute.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulated markets and of the first run.")] = 0,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write tables and pictures there; else nothing is written.")
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """How often does the judge itself err? Its error rates on markets whose truth is known.

    True nulls: how often the decisive test rejects what is true. Walks: how often a model is called better where none
    can be. Echoes: how often a planted skill is found. Every share stands with its 95 % interval and its bound. Exit
    code 5 where one is broken.

    \b
    Examples:
      coincast calibrate --quick
      coincast calibrate --out calibration
    """
    from coincast.experiments.calibration.calibrate import calibrate as calibrate_judge
    from coincast.experiments.calibration.report import claim_folder

    if out is not None:
        claim_folder(out)
    with _bar(quiet=quiet) as bar:
        report = calibrate_judge(quick=quick, seed=seed, on_step=bar)
    folder = None if out is None else report.save(out)
    if as_json:
        print_json(report.to_dict())
    else:
        _print(report, folder, quiet=quiet)
    if not report.passed:
        raise typer.Exit(ANSWER_IS_NO)


def _print(report: Calibration, folder: Path | None, *, quiet: bool) -> None:
    _print_table("True nulls rejected, two-sided", report.nulls, ["horizon", "n", "persistence"])
    _print_table("Walks where a model is called better, alone", report.models, ["horizon", "model"])
    _print_table("Tables of one walk with any better, after Holm", report.tables, ["n", "horizon"])
    _print_table("Echoes found: better, after Holm", report.power, ["planted", "n", "model"])
    bounded = report.found.row(0, named=True)
    cell = f"oracle skill {_spell('planted', bounded['planted'])}, {bounded['n']:,} origins"
    _print_table(f"What must be found by {bounded['model']}: {cell}", report.found, ["what"])
    if not quiet:
        for note in report.notes:
            typer.echo(f"note: {note}")
    if folder is not None:
        typer.echo(f"tables and pictures: {folder}")
    typer.echo(report.sentence)


def _print_table(title: str, rows: pl.DataFrame, keys: list[str]) -> None:
    """One line per share; a bound and whether it is kept where there is one."""
    from rich.table import Table

    from coincast.experiments.calibration.report import spell_bound

    is_bounded = "passed" in rows.columns
    console().print(title, style="bold")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in [*keys, "markets", "share", "95 % interval", *(["bound", ""] if is_bounded else [])]:
        is_text = heading in ("model", "what", "bound", "")
        table.add_column(HEADINGS.get(heading, heading), justify="left" if is_text else "right")
    for row in rows.iter_rows(named=True):
        shares = [f"{100 * row['share']:.1f} %", f"{100 * row['low']:.1f} to {100 * row['high']:.1f} %"]
        ending = [spell_bound(row["least"], row["most"]), "pass" if row["passed"] else "FAIL"] if is_bounded else []
        style = "bold red" if is_bounded and not row["passed"] else None
        cells = [*(_spell(name, row[name]) for name in keys), f"{row['markets']:,}", *shares, *ending]
        table.add_row(*cells, style=style)
    console().print(table)
    typer.echo()


def _spell(name: str, value: Any) -> str:
    if value is None:
        return "all"
    if name == "planted":
        return f"{100 * value:g} %"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)


@contextmanager
def _bar(*, quiet: bool) -> Iterator[Callable[[str, int, int], None] | None]:
    """A bar on stderr for every part; where stderr is no terminal, one line whenever something else begins."""
    if quiet:
        yield None
        return
    from rich.console import Console

    errors = Console(stderr=True)
    if not errors.is_terminal:
        begun: set[str] = set()

        def show(what: str, number: int, steps: int) -> None:
            if what not in begun:
                begun.add(what)
                tell(f"{what}: {number:,} of {steps:,}")

        yield show
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    columns = (
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TextColumn("{task.description}", markup=False),
        TimeRemainingColumn(),
    )
    tasks: dict[int, TaskID] = {}
    with Progress(*columns, console=errors, transient=True) as bar:

        def show(what: str, number: int, steps: int) -> None:
            if number == 0:
                for task in tasks.values():
                    bar.remove_task(task)
                tasks.clear()
                tasks[0] = bar.add_task(what, total=steps)
            bar.update(tasks[0], description=what, completed=number)

        yield show
