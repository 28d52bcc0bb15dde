"""Minute against hour against day bars: the fair experiment on shorter and on longer candles of the same coins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import polars as pl

from coincast.articles.bench import Bench
from coincast.articles.sheehan import published
from coincast.articles.sheehan.comparison import run_for_table
from coincast.articles.sheehan.fair import fair_spec, held_back
from coincast.articles.sheehan.ground import FEWEST_TEST, Ground, choose_features, join_candles, network
from coincast.articles.sheehan.questions import few_seeds, skills_of
from coincast.candles.resample import longer_intervals, resample
from coincast.candles.table import interval_milliseconds
from coincast.errors import CandleError
from coincast.experiments.spec import Spec

LONGER = ("1h", "1d", "3d", "1w")
"""Longer candles that are tried, where they can be made."""
FEWEST = 4 * FEWEST_TEST
"""Candles of each market below which nothing is tried; a quarter of them is forecast."""
MOST = (1_000, 8_000)
"""Shorter candles that are learnt from and forecast, in a quick study and in a usual one; a long one takes all."""


@dataclass(frozen=True)
class Kind:
    """Candles of one interval.

    Attributes:
        ground: with these candles, the newest ones, and the inputs that they allow.
        given: how many each market had before they were cut.
    """

    ground: Ground
    given: int


def list_kinds(bench: Bench, ground: Ground) -> list[Kind]:
    """Shorter candles where they are given, those of the study, and longer ones that are made of them; shortest first.

    A first look has the next shorter and the next longer ones.
    """
    shorter, longer = _list_shorter(bench, ground), _make_longer(ground)
    if bench.is_quick:
        shorter, longer = shorter[-1:], longer[:1]
    return [*shorter, Kind(_take(ground, ground.candles), ground.rows), *longer]


def _take(ground: Ground, candles: pl.DataFrame) -> Ground:
    """The ground with other candles, and with the inputs that they allow."""
    rows = candles.height // candles["market"].n_unique()
    features, known = choose_features(candles, rows - _count_test(rows))
    return replace(ground, candles=candles, features=features, known=known)


def _count_test(rows: int) -> int:
    """How many of so many candles are forecast: the share of the article."""
    return round(rows * (1 - published.TRAINING_ROWS / published.ROWS))


def _list_shorter(bench: Bench, ground: Ground) -> list[Kind]:
    if bench.beside is None:
        return []
    found = []
    for interval in sorted(bench.beside["interval"].unique(), key=interval_milliseconds):
        if interval_milliseconds(interval) < interval_milliseconds(ground.interval):
            joined = _join(bench.beside.filter(pl.col("interval") == interval))
            given = joined.height // joined["market"].n_unique()
            newest = joined.group_by("market", maintain_order=True).tail(bench.pick(*MOST, given))
            found.append(Kind(_take(ground, newest.select(joined.columns)), given))
    return [kind for kind in found if kind.ground.rows >= FEWEST]


def _join(candles: pl.DataFrame) -> pl.DataFrame:
    """The candles that all markets have; where they have none in common, those of the first market."""
    try:
        return join_candles(candles)
    except CandleError:
        return join_candles(candles.filter(pl.col("market") == candles["market"][0]))


def _make_longer(ground: Ground) -> list[Kind]:
    longer = [interval for interval in longer_intervals(ground.interval) if interval in LONGER]
    made = [resample(ground.candles, interval).candles for interval in longer]
    kinds = [Kind(one, one.rows) for one in (_take(ground, candles) for candles in made if candles.height)]
    return [kind for kind in kinds if kind.ground.rows >= FEWEST]


def compare_intervals(bench: Bench, ground: Ground) -> pl.DataFrame:
    """Skill on candles of every interval, each on its own last quarter.

    Returns:
        `SKILLS`, `interval`, `move` (mean size of a candle's change), `candles`, `given`, `first` and `last` (of the
        candles of each market, how many there were before the cut, and days on which the first and the last open).
    """
    return pl.concat([_judge(bench, kind) for kind in list_kinds(bench, ground)])


def _judge(bench: Bench, kind: Kind) -> pl.DataFrame:
    ground, interval = kind.ground, kind.ground.interval
    test = _count_test(ground.rows)
    spec = fair_spec(
        bench,
        ground,
        f"candles-{interval}",
        models=[network(), "naive"],
        split__test=test,
        split__validation=held_back(ground.rows - test),
        split__window=0,
        **few_seeds(bench),
    )
    made_of = [spec.to_toml(), ground.rows, str(ground.candles["close_time"][-1])]
    name = f"candles-{interval}"
    table = bench.table(name, made_of, partial(_make, bench, name, spec, ground.candles))
    days = ground.candles["open_time"].sort().dt.strftime("%Y-%m-%d")
    order = {market: place for place, market in enumerate(ground.markets)}
    return table.sort(pl.col("market").replace_strict(order)).with_columns(
        interval=pl.lit(interval),
        candles=pl.lit(ground.rows),
        given=pl.lit(kind.given),
        first=pl.lit(days[0]),
        last=pl.lit(days[-1]),
    )


def _make(bench: Bench, name: str, spec: Spec, candles: pl.DataFrame) -> pl.DataFrame:
    change = (pl.col("close") / pl.col("close").shift(1).over("market")).log().abs()
    moves = candles.group_by("market").agg(move=change.mean())
    return skills_of(run_for_table(bench, name, spec, candles).scores).join(moves, on="market")
