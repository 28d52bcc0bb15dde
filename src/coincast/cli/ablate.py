"""coincast ablate"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coincast.cli import options
from coincast.cli.output import console, print_json, training_bar
from coincast.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

    from coincast.experiments.ablation.report import Ablation

STYLES = {"helps": "green", "hurts": "red", "better": "green", "worse": "red", "too few": "bright_black"}


def ablate(
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
    features: Annotated[
        list[str] | None,
        typer.Option(
            "--features",
            metavar="NAME,NAME",
            help="Features to ablate together, besides the outside series; repeat it for another group.",
        ),
    ] = None,
    training_rows: Annotated[
        str | None,
        typer.Option(metavar="250,500,1000", help="Also show the skill when only so many newest rows are learnt from."),
    ] = None,
    changes: options.Changes = None,
    seed: options.Seed = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write tables and pictures there; else nothing is written.")
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Do outside inputs help? The same models with and without each of them, on the same windows.

    Every outside series and every group of features is added alone and, where there are several, taken alone out of all
    of them. The difference in skill stands with its interval and a word: helps, not distinguishable, hurts, too few.

    \b
    Examples:
      coincast ablate --candles btc.csv --outside fear_greed_index.csv
      coincast ablate mine.toml --candles btc.csv --features volume_change --features close_off_high,log_range
      coincast ablate --candles btc.csv --training-rows 250,500,1000 --out ablation
    """
    rows, groups = _read_rows(training_rows), [_read_group(text) for text in features or ()]
    from coincast.experiments.ablation.ablate import ablate as ablate_candles
    from coincast.experiments.ablation.report import claim_folder
    from coincast.experiments.ablation.variants import refuse_nothing
    from coincast.experiments.spec import read_spec

    wanted = read_spec(
        spec,
        changes=[
            *options.data_changes(market, interval, since, until, outside),
            *(changes or []),
            *([f"training.seed={seed}"] if seed is not None else []),
        ],
    )
    refuse_nothing(wanted, groups, rows)
    if out is not None:
        claim_folder(out)
    # The ablation joins outside series itself, for it must know whose columns are whose.
    plain = wanted.model_copy(update={"data": wanted.data.model_copy(update={"outside": []})})
    data = options.load_candles(
        plain, candles, interval=interval, zone=zone, columns=column, day_first=day_first, on_bad=on_bad, quiet=quiet
    )
    with training_bar(quiet=quiet) as bar:
        ablation = ablate_candles(data.candles, spec=wanted, groups=groups, training_rows=rows, on_progress=bar)
    trials = ablation.record_trials()
    folder = None if out is None else ablation.save(out)
    if as_json:
        print_json(
            {**ablation.to_dict(), "trials": trials.to_dict(), "folder": None if folder is None else str(folder)}
        )
        return
    _print(ablation)
    for note in () if quiet else (*ablation.notes, *trials.notes):
        typer.echo(f"note: {note}")
    if trials.sentence:
        typer.echo(trials.sentence)
    if folder is not None:
        typer.echo(f"tables and pictures: {folder}")


def _read_rows(text: str | None) -> list[int]:
    """Numbers of training rows; each must be a whole number, and how many rows there are is seen later."""
    given = [] if text is None else [part.strip() for part in text.split(",")]
    for part in given:
        if not part.isascii() or not part.isdecimal() or len(part) > 9:
            raise UsageError(f"--training-rows {text!r}; write whole numbers, for example 250,500,1000")
    return [int(part) for part in given]


def _read_group(text: str) -> list[str]:
    names = [part.strip() for part in text.split(",")]
    if not all(names):
        raise UsageError(f"--features {text!r}; write names of features, for example volume,close_off_high")
    return names


def _print(ablation: Ablation) -> None:
    for title, table, keys in (
        ("Skill with and without, in percent", ablation.comparisons, ["input", "model"]),
        ("Skill with and without, mean over markets, in percent", ablation.pooled, ["input", "model"]),
        ("Skill by training rows, in percent", ablation.learning, ["model", "training_rows"]),
        ("Skill by training rows, mean over markets, in percent", ablation.learning_pooled, ["model", "training_rows"]),
    ):
        by_market = table.partition_by("market", maintain_order=True) if "market" in table.columns else [table]
        for rows in by_market:
            if rows.height:
                _print_table(f"{rows['market'][0]}: {title}" if "market" in rows.columns else title, rows, keys)
    typer.echo(ablation.sentence)


def _print_table(title: str, rows: pl.DataFrame, keys: Sequence[str]) -> None:
    """One line per test: its figures, the 95 % interval, and the word."""
    from rich.table import Table

    from coincast.experiments.ablation.report import name_inputs
    from coincast.reports.numbers import model_name, percent_digits

    figures = [name for name in ("skill_without", "skill_with", "difference", "skill") if name in rows.columns]
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="bold")
    for heading in (*keys, *figures, "95 % interval", "n", "verdict"):
        is_text = heading in ("input", "model", "verdict")
        name = heading.removeprefix("skill_").replace("_", " ")
        table.add_column(name, justify="left" if is_text else "right", no_wrap=heading not in keys, overflow="fold")
    rows = name_inputs(rows) if "part" in rows.columns else rows
    for row in rows.iter_rows(named=True):
        named = row | {"model": model_name(row["model"])}
        cells = [named[key] if isinstance(named[key], str) else f"{named[key]:,}" for key in keys]
        ends = [percent_digits(row[name], signed=True, minus="-", is_end=True) for name in ("low", "high")]
        span = "" if row["low"] is None else " to ".join(ends)
        shares = (_spell(row[name]) for name in figures)
        table.add_row(*cells, *shares, span, f"{row['n']:,}", row["verdict"] or "", style=STYLES.get(row["verdict"]))
    console().print(table)
    typer.echo()


def _spell(share: float | None) -> str:
    return "" if share is None else f"{round(100 * share, 1) + 0.0:.1f}"
