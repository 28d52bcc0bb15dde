"""coincast simulate"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from coincast.cli import options
from coincast.cli.output import print_json
from coincast.errors import UsageError


def simulate(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="walk or echo.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write: .csv or .parquet.")],
    candles: Annotated[int, typer.Option(help="Candles of each coin.")] = 2000,
    coins: Annotated[int, typer.Option(help="How many coins.")] = 1,
    skill: Annotated[float | None, typer.Option(help="Planted oracle skill of an echo, such as 0.05.")] = None,
    interval: Annotated[str, typer.Option(help="Interval of the candles.")] = "1d",
    start: Annotated[str, typer.Option(help="Open time of the first candle.")] = "2015-01-01",
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Simulated candles whose truth is known, to a file.

    On a walk no forecast beats the naive one; an echo has a dependence of known strength, and its oracle columns hold
    the best possible forecast.

    \b
    Examples:
      coincast simulate walk --out walk.csv
      coincast simulate echo --skill 0.05 --candles 5000 --interval 1h --out echo.parquet
    """
    from coincast.sources.simulated import simulate as simulate_candles
    from coincast.tabular import write_beside

    ending = out.suffix.lower()
    if ending not in (".csv", ".parquet"):
        raise UsageError(f"--out {out} ends in {out.suffix or 'nothing'!r}; allowed: .csv or .parquet")
    table = simulate_candles(kind, skill=skill, candles=candles, coins=coins, interval=interval, start=start, seed=seed)
    write_beside(out, table.write_csv if ending == ".csv" else table.write_parquet)
    markets = table["market"].unique(maintain_order=True).to_list()
    if as_json:
        print_json({"file": str(out), "markets": markets, "interval": interval, "rows": table.height, "seed": seed})
    elif not quiet:
        typer.echo(f"{out}: {table.height:,} candles of {', '.join(markets)}, {interval}")
