"""coincast demo"""

from __future__ import annotations

from typing import Annotated

import typer

from coincast.cli import options
from coincast.cli.compare import command_line, print_run
from coincast.cli.output import print_json, training_bar


def demo(
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulated markets and of the first run.")] = 0,
    out: options.Out = None,
    fresh: options.Fresh = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """The main job on two simulated markets whose truth is known, offline, with a report.

    On the "walk" nothing can beat the naive forecast; on the "echo" the best that anyone could do is planted.

    \b
    Examples:
      coincast demo
      coincast demo --seed 7 --out demo-7
    """
    from coincast.experiments.compare import describe_run
    from coincast.experiments.demo import demo_candles, demo_spec
    from coincast.experiments.folder import run_in_folder

    with training_bar(quiet=quiet) as bar:
        run = run_in_folder(
            demo_spec(seed), demo_candles(seed), out=out, fresh=fresh, command=command_line(), on_progress=bar
        )
    if as_json:
        print_json(describe_run(run))
    else:
        print_run(run, quiet=quiet)
