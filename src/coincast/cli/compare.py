"""coincast compare"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coincast.cli import options
from coincast.cli.output import print_ending, print_json, print_leaderboard, training_bar

if TYPE_CHECKING:
    from coincast.experiments.folder import FolderRun


def compare(
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
    all_models: Annotated[
        bool, typer.Option("--all-models", help="Also every other model that there is; some need extras.")
    ] = False,
    changes: options.Changes = None,
    seed: options.Seed = None,
    memory: options.Memory = None,
    out: options.Out = None,
    fresh: options.Fresh = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """The main job: models x seeds against baselines, a leaderboard, verdicts and a report.

    \b
    Examples:
      coincast compare --candles btc.csv
      coincast compare examples/eth-daily.toml --candles bitcoin_price.csv --candles ethereum_price.csv
      coincast compare --candles btc.csv --set lstm.units=64 --set training.epochs=20
      coincast compare --candles btc.csv --all-models --set split.refit=every
      coincast compare --market binance:BTC/USDT --interval 1d --since 2017-09-01
    """
    from coincast.experiments.compare import describe_run
    from coincast.experiments.folder import run_in_folder
    from coincast.experiments.spec import read_spec

    wanted = read_spec(
        spec,
        changes=[
            *options.data_changes(market, interval, since, until, outside),
            *(changes or []),
            *options.training_changes(seed, memory),
        ],
        every_model=all_models,
    )
    data = options.load_candles(
        wanted, candles, interval=interval, zone=zone, columns=column, day_first=day_first, on_bad=on_bad, quiet=quiet
    )
    with training_bar(quiet=quiet) as bar:
        run = run_in_folder(
            wanted, data.candles, files=data.facts, out=out, fresh=fresh, command=command_line(), on_progress=bar
        )
    if as_json:
        print_json(describe_run(run))
    else:
        print_run(run, quiet=quiet)


def command_line() -> str:
    """The command as it was typed."""
    return shlex.join(["coincast", *sys.argv[1:]])


def print_run(run: FolderRun, *, quiet: bool) -> None:
    """Leaderboard, verdict and where the report is."""
    from coincast.experiments.summary import summarise_further
    from coincast.experiments.trials import words

    result: Any = run.result
    print_leaderboard(result.scores)
    told = [] if result.trials is None else [words(result.trials, spans=result.parts["market"].n_unique())]
    typer.echo("\n" + "\n".join([*result.sentences, *run.winners, *summarise_further(result.further), *told]))
    print_ending(run, quiet=quiet)
