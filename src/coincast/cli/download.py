"""coincast download"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coincast.cli import options
from coincast.cli.output import print_json, tell

if TYPE_CHECKING:
    from coincast.sources.exchange.download import Downloaded, MarketDownload
    from coincast.sources.exchange.task import Progress

QUICK_SECONDS = 2.0
"""What is done by then needs no progress."""


def download(
    markets: Annotated[list[str], typer.Argument(metavar="MARKET...", help="BTC/USDT, BTC or binance:BTC/USDT.")],
    exchange: Annotated[str | None, typer.Option(help="Exchange; else the first of a few that answers.")] = None,
    interval: Annotated[str, typer.Option(help="Interval of the candles, such as 1m, 1h, 1d.")] = "1d",
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="First open time, UTC; else all that there is.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Last open time; a bare date includes its day.")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Ask the exchange here; or COINCAST_<EXCHANGE>_URL.")
    ] = None,
    archive: Annotated[
        bool | None,
        typer.Option(
            "--archive/--no-archive",
            help="Take Binance's files; else where that is quicker.",
            show_default=False,
        ),
    ] = None,
    ask_again: Annotated[bool, typer.Option("--ask-again", help="Ask for known gaps once more.")] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Candles of an exchange, into the store: incremental, resumable, without an account.

    The same command again fetches what is new and what is still missing. Needs the extra `exchange`; Binance's
    archive works without it.

    \b
    Examples:
      coincast download BTC/USDT ETH/USDT --exchange binance --interval 1d --since 2017-01-01
      coincast download BTC
      coincast download kraken:BTC/USD coinbase:BTC/USD --interval 1h --since 2024-01-01
    """
    from coincast.sources.exchange.download import download as download_candles

    with download_bars(quiet=quiet) as bars:
        result = download_candles(
            markets,
            exchange=exchange,
            interval=interval,
            since=since,
            until=until,
            base_url=base_url,
            archive=archive,
            ask_again=ask_again,
            on_progress=bars,
        )
    if as_json:
        print_json(result.describe())
    else:
        print_download(result, quiet=quiet)
    if result.error:
        print_errors(result)
        raise typer.Exit(result.error.exit_code)


def print_download(result: Downloaded, *, quiet: bool) -> None:
    """What came: a line for each market, and what there is to say of it."""
    for note in () if quiet else result.notes:
        typer.echo(f"note: {note}")
    for market in result.markets:
        typer.echo(f"{market.market} {result.interval}: {summarise(market)}")
        for line in () if quiet else (*market.revisions, *market.notes):
            typer.echo(f"  {line}")


def summarise(market: MarketDownload) -> str:
    """One market in a line."""
    if not market.candles:
        return "no candles"
    parts = [f"{market.added:,} added" if market.added else "nothing new"]
    if market.revised:
        parts.append(f"{market.revised:,} revised")
    gaps = f"{market.gaps:,} gaps, {market.missing:,} candles missing" if market.gaps else "no gaps"
    span = f"{market.candles:,} from {market.first:%Y-%m-%d} to {market.last:%Y-%m-%d}"
    return f"{', '.join(parts)}; {span}; {market.gap_words or gaps}"


def print_errors(result: Downloaded) -> None:
    """One line on stderr for each market that did not come whole."""
    for market in result.markets:
        if market.error:
            tell(f"coincast: {market.market}: {market.error}")


@contextmanager
def download_bars(*, quiet: bool) -> Iterator[Callable[[Progress], None] | None]:
    """A progress bar on stderr for every market: share, candles, time reached, time left.

    Where stderr is no terminal, one line per tenth of a market instead, after the first seconds.
    """
    if quiet:
        yield None
        return
    from rich.console import Console

    errors = Console(stderr=True)
    if not errors.is_terminal:
        yield _line_printer()
        return
    from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    bar = Bars(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=28),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[candles]} candles"),
        TextColumn("{task.fields[at]}"),
        TimeRemainingColumn(),
        console=errors,
        transient=True,
    )
    tasks: dict[str, TaskID] = {}

    def show(progress: Progress) -> None:
        fields: dict[str, Any] = {"candles": f"{progress.candles:,}", "at": f"{progress.at:%Y-%m-%d}"}
        if progress.market not in tasks:
            tasks[progress.market] = bar.add_task(progress.market, total=1.0, **fields)
        bar.update(tasks[progress.market], completed=progress.done, **fields)

    with bar:
        yield show


def _line_printer() -> Callable[[Progress], None]:
    """Prints a line whenever another tenth of a market is done, from the third second on."""
    began = time.monotonic()
    told: dict[str, int] = {}

    def show(progress: Progress) -> None:
        tenth = int(progress.done * 10)
        if time.monotonic() - began < QUICK_SECONDS or tenth <= told.get(progress.market, 0):
            return
        told[progress.market] = tenth
        tell(f"{progress.market}: {progress.done:.0%}, {progress.candles:,} candles, at {progress.at:%Y-%m-%d}")

    return show
