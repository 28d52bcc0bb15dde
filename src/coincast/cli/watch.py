"""coincast watch"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from coincast.cli import options

INTERRUPTED = 130


def watch(
    spec: Annotated[Path, typer.Argument(metavar="SPEC.toml", help="A spec; its section [watch] may be left out.")],
    simulate: Annotated[
        float | None,
        typer.Option(metavar="SPEED", help="Against a local exchange whose time runs so many times faster."),
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Ask the exchange here; or COINCAST_<EXCHANGE>_URL.")
    ] = None,
    changes: options.Changes = None,
    quiet: options.Quiet = False,
) -> None:
    """Forecast at every close, write it into the ledger, score it when its candle has settled; until it is ended.

    Candles are kept up to date, and models are trained anew by another process. What happens stands in
    COINCAST_HOME/live: ledger, health.json, watch.log. Needs the extra `exchange`.

    \b
    Examples:
      coincast watch examples/live.toml --simulate 60
      coincast watch examples/live.toml
      coincast watch examples/live.toml --set watch.retrain=drift
    """
    from coincast.live.watch.run import run_watch
    from coincast.live.watch.section import read_watch_spec

    given = read_watch_spec(spec, changes or ())
    number = run_watch(given, simulate=simulate, base_url=base_url, quiet=quiet)
    if number == signal.SIGINT:
        raise typer.Exit(INTERRUPTED)
