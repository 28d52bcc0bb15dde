"""What does the judge find where there is something to find?

Every market is an `echo` with a planted oracle skill. Networks are trained once per market, by the main path itself,
and judged on the first n origins of its test span; a market counts as found where the word is `better` after Holm over
the models of its table.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from coincast.experiments.calibration.markets import OnStep, cut_chunks, draw_markets, give_words
from coincast.experiments.calibration.shares import keeps_bounds, share_row, share_table
from coincast.experiments.run import run_experiment
from coincast.experiments.spec import Spec
from coincast.scores.panel import make_panels
from coincast.scores.point import DECIDING, METRICS
from coincast.scores.significance import compare_losses, count_overlapping
from coincast.scores.verdict import losses_per_origin

ORACLE, NETWORK = "oracle", "lstm.ensemble"
MODELS: tuple[Any, ...] = ({"name": "lstm", "units": 8}, "ar", ORACLE)
RUNS = 3
EPOCHS = 6
BOUND_SKILL = 0.05
LEAST_POWER = 0.90
"""Of the LSTM ensemble, at `BOUND_SKILL` and the largest length."""
LEAST_OF_ORACLE = 0.80
"""The same beside the oracle's power."""
FIRST = 2_000_000


def echo_spec(origins: int, *, seed: int) -> Spec:
    """The experiment that echoes are judged by."""
    return Spec.from_keywords(
        name="calibrate",
        models=list(MODELS),
        features=["log_return"],
        lookback=10,
        horizon=1,
        test=origins,
        epochs=EPOCHS,
        batch_size=32,
        learning_rate=0.003,
        seeds=RUNS,
        seed=seed,
    )


def judge_echoes(
    *,
    markets: int,
    skills: tuple[float, ...],
    lengths: tuple[int, ...],
    training: int,
    seed: int,
    on_step: OnStep | None = None,
) -> pl.DataFrame:
    """Judge LSTM ensemble, AR and oracle on echoes of several skills, over several lengths.

    Args:
        markets: how many per skill.
        skills: oracle skills to plant.
        lengths: origins to judge, the first ones of each test span.
        training: candles to learn from.
        seed: of the markets and of the first run.
        on_step: told the progress.

    Returns:
        One row per planted skill, length, market and model: `planted`, `n` and the columns of `give_words`.
    """
    longest = max(lengths)
    chunks = [
        (planted, numbers)
        for place, planted in enumerate(skills)
        for numbers in cut_chunks(FIRST + place * markets, markets, rows_per_market=longest * (RUNS + 2 + len(MODELS)))
    ]
    tables = []
    for done, (planted, numbers) in enumerate(chunks):
        if on_step is not None:
            on_step(f"echoes, oracle skill {planted:.0%}", done, len(chunks))
        candles = draw_markets("echo", numbers, candles=training + longest, seed=seed, skill=planted)
        forecasts = run_experiment(echo_spec(longest, seed=seed), candles, beside=False).forecasts
        judged = pl.DataFrame(list(judge_first(forecasts, lengths)))
        for (n,), own in judged.group_by("n", maintain_order=True):
            words = give_words(own.drop("n"))
            tables.append(words.select(pl.lit(planted).alias("planted"), pl.lit(n).alias("n"), pl.all()))
    return pl.concat(tables)


def judge_first(forecasts: pl.DataFrame, lengths: tuple[int, ...]) -> Iterator[dict[str, Any]]:
    """The decisive test of every ensemble and opponent on its first origins, for each of these numbers of them."""
    for panel in make_panels(forecasts.filter(pl.col("run") == 0)):
        metric = METRICS[DECIDING[panel.quantity]]
        losses, naive = losses_per_origin(panel, metric)
        for n in lengths:
            overlapping = count_overlapping(panel.origins[:n], panel.targets[:n, -1])
            compared = compare_losses(losses[:n], naive[:n], overlapping=overlapping)
            yield {
                **{"n": n, "market": panel.market, "model": panel.model},
                **{"skill": compared.skill, "p": compared.p},
            }


def count_found(judged: pl.DataFrame) -> pl.DataFrame:
    """The power curve: share of markets found, by planted skill, length and model, and the mean skill seen."""
    rows = []
    for (planted, n, model), own in judged.group_by("planted", "n", "model", maintain_order=True):
        found = int((own["verdict"] == "better").sum())
        row = {"planted": planted, "n": n, "model": model, **share_row(found, own.height)}
        rows.append({**row, "skill": own["skill"].mean()})
    return share_table(rows).drop("least", "most", "passed").sort("planted", "n", "model")


def check_power(power: pl.DataFrame, *, lenient: bool) -> pl.DataFrame:
    """The two bounds on the LSTM ensemble: its power, and its share of the oracle's.

    The interval of the second is that of the first over the oracle's power.

    Args:
        power: what `count_found` gave.
        lenient: see `share_row`.
    """
    cell = power.filter(pl.col("planted") == BOUND_SKILL, pl.col("n") == pl.col("n").max())
    network, oracle = (cell.row(by_predicate=pl.col("model") == name, named=True) for name in (NETWORK, ORACLE))
    keys = {name: network[name] for name in ("planted", "n", "model", "markets")}
    rows = []
    for what, unit, least in (("power", 1.0, LEAST_POWER), ("of the oracle's power", oracle["share"], LEAST_OF_ORACLE)):
        share, low, high = (network[name] / unit if unit else 0.0 for name in ("share", "low", "high"))
        passed = keeps_bounds(share, low, high, least=least, most=None, lenient=lenient)
        rows.append(
            {
                **keys,
                "what": what,
                "share": share,
                "low": low,
                "high": high,
                "least": least,
                "most": None,
                "passed": passed,
            }
        )
    return share_table(rows)
