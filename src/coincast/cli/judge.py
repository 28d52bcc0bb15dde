"""coincast judge"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from coincast.cli import options
from coincast.cli.compare import command_line
from coincast.cli.output import print_json, print_leaderboard


def judge(
    forecasts: Annotated[
        Path, typer.Argument(metavar="FORECASTS", help="CSV or Parquet: target_time, actual, predicted.")
    ],
    column: options.Columns = None,
    market: Annotated[str | None, typer.Option(metavar="MARKET", help="Market of rows that name none.")] = None,
    interval: options.Interval = None,
    zone: options.Zone = None,
    horizon: Annotated[int | None, typer.Option(help="Steps ahead of every row, where the table does not say.")] = None,
    quantity: Annotated[
        str, typer.Option(help="What is forecast: price, log_return, direction or volatility.")
    ] = "price",
    cost: Annotated[
        float, typer.Option(metavar="SHARE", help="What buying and selling again costs; 0.001 is 0.1 %.")
    ] = 0.001,
    repetitions: Annotated[int, typer.Option(help="Draws of every bootstrap.")] = 1000,
    block: Annotated[int | None, typer.Option(help="Mean length of a bootstrap's blocks; else chosen.")] = None,
    seed: Annotated[int, typer.Option(help="Of every bootstrap.")] = 0,
    article_direction: Annotated[
        bool,
        typer.Option("--article-direction", help="Also direction by the FMZ tutorial's formula, and a copy's by it."),
    ] = False,
    out: options.Out = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """What forecasts from anywhere are worth: skill, interval, verdict, and whose old price the line is.

    The table needs the columns target_time, actual and predicted; origin, last_close, step, model, market and
    quantiles (q05, q95) are used where they are there, and so is Nixtla's long frame.

    \b
    Examples:
      coincast judge forecasts.csv
      coincast judge forecasts.csv --column predicted=my_model --out verdict
      coincast judge forecasts.parquet --json
      coincast judge forecasts.csv --article-direction
    """
    from coincast.experiments.judge import judge as judge_table
    from coincast.experiments.story import write_judgement
    from coincast.experiments.summary import summarise_further
    from coincast.experiments.trials import record_trials
    from coincast.scores.direction import article_sentences
    from coincast.scores.finding import Options

    judgement = judge_table(
        forecasts,
        columns=options.parse_columns(column),
        market=market,
        interval=interval,
        zone=zone,
        horizon=horizon,
        quantity=quantity,
        options=Options(repetitions=repetitions, block=block, seed=seed, cost=cost),
    )
    trials = record_trials(judgement.forecasts)
    found = (*judgement.notes, *trials.notes)
    judgement = dataclasses.replace(judgement, trials=trials.most, notes=found)
    report = write_judgement(judgement, out, command=command_line())
    winners = trials.tell_winners(judgement.scores)
    by_article = article_sentences(judgement.forecasts) if article_direction else []
    if as_json:
        told = {
            "trials": trials.to_dict(),
            "winners": winners,
            **({"article_direction": by_article} if article_direction else {}),
        }
        print_json({**judgement.to_dict(report=str(report)), **told})
        return
    print_leaderboard(judgement.scores)
    lines = [judgement.sentence, *winners, *by_article, *summarise_further(judgement.further), trials.sentence]
    typer.echo("\n" + "\n".join(line for line in lines if line))
    if not quiet:
        for note in judgement.notes:
            typer.echo(f"note: {note}")
    typer.echo(f"report: {report}")
