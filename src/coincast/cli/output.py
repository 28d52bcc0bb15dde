"""What commands print: JSON or words on stdout, progress on stderr."""

from __future__ import annotations

import io
import json
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from coincast.experiments.fit import OnProgress
    from coincast.experiments.folder import FolderRun

WIDTH = 100
ANSWER_IS_NO = 5
"""Exit code of a command that did its work and found a fault."""


def tell(line: str) -> None:
    """Print a line on stderr, in one piece: Ctrl-C between a line and its end would leave the two of them joined."""
    sys.stderr.write(f"{line}\n")


def print_json(document: Mapping[str, Any]) -> None:
    """Print one JSON document; NaN and infinity are null, times ISO 8601."""
    speaks_unicode = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")
    sys.stdout.write(json.dumps(_plain(document), indent=2, allow_nan=False, ensure_ascii=not speaks_unicode) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value if isinstance(value, str | int | bool | None) else str(value)


def console() -> Console:
    """Where words go: stdout, at most 100 columns wide; labels and markets are printed as they are, never as markup."""
    from rich.console import Console

    screen = Console(highlight=False, soft_wrap=False, markup=False, emoji=False)
    screen.width = WIDTH if not screen.is_terminal else min(screen.width, 2 * WIDTH)
    return screen


def print_leaderboard(scores: Any) -> None:
    """The terminal leaderboard."""
    from coincast.reports.tables import leaderboard_table

    console().print(leaderboard_table(scores))


def print_ending(run: FolderRun, *, quiet: bool) -> None:
    """What every command that trains ends with: whether it did, notes, and where the report is."""
    if not quiet:
        if run.was_finished:
            typer.echo("This run was finished before; it was not trained again (--fresh does).")
        for note in run.result.notes:
            typer.echo(f"note: {note}")
    typer.echo(f"report: {run.report}")


def spare_letters() -> None:
    """Print a question mark for a letter that stdout's encoding does not have, where Python would fail."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


@contextmanager
def training_bar(*, quiet: bool) -> Iterator[OnProgress | None]:
    """A progress bar on stderr for every training and slow fit: epoch, loss, rate and time left.

    Where stderr is no terminal, one line per tenth of a training instead.
    """
    if quiet:
        yield None
        return
    from rich.console import Console

    errors = Console(stderr=True)
    if not errors.is_terminal:
        yield _print_tenths
        return
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=28),
        TextColumn("{task.fields[state]}"),
        TimeRemainingColumn(),
        console=errors,
        transient=True,
    )
    tasks: dict[str, TaskID] = {}

    def show(label: str, progress: Any) -> None:
        is_training = not hasattr(progress, "done")
        total, done = (progress.epochs, progress.epoch) if is_training else (progress.total, progress.done)
        state = f"{done} of {total} fits"
        if is_training:
            state = f"epoch {math.ceil(done)}/{total} loss {progress.loss:.4g} {progress.steps_per_second:,.0f} steps/s"
        if label not in tasks:
            what = f"training {progress.runs} runs of {label}" if is_training else f"fitting {label}"
            tasks[label] = bar.add_task(what, total=total, state=state)
        bar.update(tasks[label], completed=done, total=total, state=state)

    with bar:
        yield show


def _print_tenths(label: str, progress: Any) -> None:
    """One line on stderr whenever another tenth of the epochs, or of the fits, is done."""
    if hasattr(progress, "done"):
        if progress.done % max(1, progress.total // 10) == 0:
            tell(f"fitting {label}: {progress.done} of {progress.total}")
        return
    tenth = max(1, progress.epochs // 10)
    if progress.epoch.is_integer() and (progress.epoch % tenth == 0 or progress.epoch == progress.epochs):
        tell(
            f"training {progress.runs} runs of {label}: epoch {progress.epoch:.0f}/{progress.epochs}, "
            f"loss {progress.loss:.4g}, {progress.steps_per_second:,.0f} steps/s"
        )
