"""coincast reproduce"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coincast.cli import options
from coincast.cli.compare import command_line
from coincast.cli.output import console, print_json, training_bar
from coincast.errors import UsageError

if TYPE_CHECKING:
    from coincast.articles.reproduce import Reproduction
    from coincast.experiments.fit import OnProgress

Coin = Annotated[
    str | None,
    typer.Option(metavar="[MARKET=]FILE", help="Candles of the coin, of those that want two.", rich_help_panel="Data"),
]


def reproduce(
    article: Annotated[str, typer.Argument(metavar="ARTICLE", help="sheehan, fahimi, huang, fmz, or all.")],
    bitcoin: Coin = None,
    ethereum: Coin = None,
    candles: options.Candles = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="A folder with the articles' files; what is not named is there.", rich_help_panel="Data"
        ),
    ] = None,
    market: options.Markets = None,
    interval: options.Interval = None,
    since: options.Since = None,
    until: options.Until = None,
    zone: options.Zone = None,
    column: options.Columns = None,
    day_first: options.DayFirst = None,
    on_bad: options.OnBad = "refuse",
    faithful: Annotated[bool, typer.Option("--faithful", help="Only as published, flaws included.")] = False,
    fair: Annotated[bool, typer.Option("--fair", help="Only as it should have been.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="A first look: few epochs, seeds and repeats; all else stays whole.")
    ] = False,
    long: Annotated[bool, typer.Option("--long", help="Leave nothing out, whatever it takes.")] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The folder; else one is made under ./coincast-runs/.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew even where it is finished or begun.")] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """A well-known article repeated, as it was published and as it should have been, side by side.

    Every experiment, picture and table of it, with what copying the last price scores beside every figure. The span is
    the article's own unless --since or --until says otherwise.

    \b
    Examples:
      coincast reproduce sheehan --bitcoin bitcoin_price.csv --ethereum ethereum_price.csv
      coincast reproduce fmz --candles Bitfinex_BTCUSD_1h.csv --quick
      coincast reproduce fahimi --market binance:BTC/USDT --market binance:ETH/USDT --since 2019-01-01
      coincast reproduce all --data data
    """
    from coincast.articles.data import Given, gather_material
    from coincast.articles.reproduce import ALL, ARTICLES, find_about
    from coincast.articles.reproduce import reproduce as reproduce_studies

    if quick and long:
        raise UsageError("--quick and --long were given; choose one of them, or neither")
    files = {"bitcoin": _one(bitcoin), "ethereum": _one(ethereum), "candles": candles or []}
    if article == ALL:
        _refuse_for_all(data, {**files, "market": market, "interval": interval, "since": since, "until": until})
    abouts = [find_about(name) for name in (ARTICLES if article == ALL else [article])]
    given = Given(
        files=files,
        folder=data,
        markets=market or (),
        interval=interval,
        since=since,
        until=until,
        reading={
            "zone": zone,
            "columns": options.parse_columns(column),
            "day_first": day_first,
            "on_bad": on_bad,
        },
    )
    materials = [material for about in abouts for material in gather_material(about, given)]
    told = [line for material in materials for line in (*material.lines, *material.notes)]
    for line in [] if quiet else told:
        typer.echo(line, err=True)
    with _progress(quiet=quiet) as (say, bar):
        made = reproduce_studies(
            materials,
            size="quick" if quick else "long" if long else "usual",
            faithful=faithful or not fair,
            fair=fair or not faithful,
            out=out,
            fresh=fresh,
            command=command_line(),
            say=say,
            on_progress=bar,
        )
    if as_json:
        print_json(made.to_dict())
    else:
        _print(made, quiet=quiet)


def _one(file: str | None) -> Sequence[str]:
    return [] if file is None else [file]


def _refuse_for_all(data: Path | None, others: Mapping[str, Any]) -> None:
    for option, value in others.items():
        if value:
            raise UsageError(f"--{option} is for one article, and all were asked for; leave it out, or name an article")
    if data is None:
        raise UsageError("all articles take their files from one folder; name it: --data DIR")


@contextmanager
def _progress(*, quiet: bool) -> Iterator[tuple[Callable[[str], None], OnProgress | None]]:
    """Say on stderr what is being done, and show how far its training is: each with a bar of its own."""
    with ExitStack() as bars:
        if quiet:
            yield lambda words: None, None
            return
        current: list[OnProgress | None] = []

        def say(words: str) -> None:
            bars.close()
            typer.echo(words, err=True)
            current[:] = [bars.enter_context(training_bar(quiet=False))]

        def show(label: str, progress: Any) -> None:
            if current and current[0] is not None:
                current[0](label, progress)

        yield say, show


def _print(made: Reproduction, *, quiet: bool) -> None:
    """The table of claims and what remains of them, the findings, and where the page is."""
    from coincast.reports.study_tables import outcome_table

    studies = made.document["studies"]
    console().print(outcome_table(made.results))
    typer.echo()
    for study in studies:
        typer.echo(f"{study['article']}: {study['finding']}")
    if not quiet and made.was_finished:
        typer.echo("This was finished before; it was not made again (--fresh does).")
    typer.echo(f"report: {made.report}")
