"""Minute against hour against day bars: the fair experiment on shorter and on longer candles of the same coins."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

import polars as pl

from coincast.articles.bench import Bench
from coincast.articles.sheehan import published
from coincast.articles.sheehan.fair import VALIDATION, fair_spec
from coincast.articles.sheehan.ground import FEWEST_TEST, Ground, clean_candles, network
from coincast.articles.sheehan.questions import few_seeds, skills_of
from coincast.candles.resample import longer_intervals, resample
from coincast.candles.table import interval_milliseconds
from coincast.errors import CandleError
from coincast.experiments.run import run_experiment
from coincast.experiments.spec import Spec

LONGER = ("1h", "1d", "3d", "1w")
"""Longer candles that are tried, where they can be made."""
FEWEST = 80
"""Candles of each market below which nothing is tried."""
MOST = (1_000, 8_000)
"""Shorter candles that are learnt from and forecast, in a quick study and in a usual one; a long one takes all."""


@dataclass(frozen=True)
class Kind:
    """Candles of one interval.

    Attributes:
        interval: theirs.
        candles: of every market, joined, the newest ones.
        features: the article's inputs, as far as they are told.
        given: how many each market had before they were cut.
    """

    interval: str
    candles: pl.DataFrame = field(repr=False)
    features: tuple[str, ...]
    given: int

    @property
    def markets(self) -> list[str]:
        return self.candles["market"].unique(maintain_order=True).to_list()

    @property
    def rows(self) -> int:
        """Candles of each market."""
        return self.candles.height // len(self.markets)


def list_kinds(bench: Bench, ground: Ground) -> list[Kind]:
    """Shorter candles where they are given, those of the study, and longer ones that are made of them; shortest first.

    A first look has the next shorter and the next longer ones.
    """
    own = Kind(ground.interval, ground.candles, ground.features, ground.rows)
    shorter, longer = _list_shorter(bench, ground), _make_longer(own)
    if bench.is_quick:
        shorter, longer = shorter[-1:], longer[:1]
    return [*shorter, own, *longer]


def _list_shorter(bench: Bench, ground: Ground) -> list[Kind]:
    if bench.beside is None:
        return []
    found = []
    for interval in sorted(bench.beside["interval"].unique(), key=interval_milliseconds):
        if interval_milliseconds(interval) < interval_milliseconds(ground.interval):
            joined, features = _clean(bench.beside.filter(pl.col("interval") == interval))
            given = joined.height // joined["market"].n_unique()
            newest = joined.group_by("market", maintain_order=True).tail(bench.pick(*MOST, given))
            found.append(Kind(interval, newest.select(joined.columns), features, given))
    return [kind for kind in found if kind.rows >= FEWEST]


def _clean(candles: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The candles that all markets have; where they have none in common, those of the first market."""
    try:
        return clean_candles(candles)
    except CandleError:
        return clean_candles(candles.filter(pl.col("market") == candles["market"][0]))


def _make_longer(own: Kind) -> list[Kind]:
    made = [
        (interval, resample(own.candles, interval).candles)
        for interval in longer_intervals(own.interval)
        if interval in LONGER
    ]
    kinds = [replace(own, interval=interval, candles=candles) for interval, candles in made if candles.height]
    return [replace(kind, given=kind.rows) for kind in kinds if kind.rows >= FEWEST]


def compare_intervals(bench: Bench, ground: Ground) -> pl.DataFrame:
    """Skill on candles of every interval, each on its own last quarter.

    Returns:
        `SKILLS`, `interval`, `move` (mean size of a candle's change), `candles`, `given`, `first` and `last` (of the
        candles of each market, how many there were before the cut, and days of the first opening and the last close).
    """
    return pl.concat([_judge(bench, ground, kind) for kind in list_kinds(bench, ground)])


def _judge(bench: Bench, ground: Ground, kind: Kind) -> pl.DataFrame:
    test = max(FEWEST_TEST, round(kind.rows * (1 - published.TRAINING_ROWS / published.ROWS)))
    spec = fair_spec(
        bench,
        replace(ground, candles=kind.candles, features=kind.features),
        f"candles-{kind.interval}",
        models=[network(), "naive"],
        split__test=test,
        split__validation=max(1, round(VALIDATION * (kind.rows - test))),
        split__window=0,
        **few_seeds(bench),
    )
    made_of = [spec.to_toml(), kind.rows, str(kind.candles["close_time"][-1])]
    table = bench.table(f"candles-{kind.interval}", made_of, partial(_make, bench, spec, kind.candles))
    days = kind.candles["open_time"].sort().dt.strftime("%Y-%m-%d")
    order = {market: place for place, market in enumerate(kind.markets)}
    return table.sort(pl.col("market").replace_strict(order)).with_columns(
        pl.lit(kind.interval).alias("interval"),
        pl.lit(kind.rows).alias("candles"),
        pl.lit(kind.given).alias("given"),
        pl.lit(days[0]).alias("first"),
        pl.lit(days[-1]).alias("last"),
    )


def _make(bench: Bench, spec: Spec, candles: pl.DataFrame) -> pl.DataFrame:
    change = (pl.col("close") / pl.col("close").shift(1).over("market")).log().abs()
    moves = candles.group_by("market").agg(move=change.mean())
    found = run_experiment(spec, candles, beside=False, on_progress=bench.on_progress)
    return skills_of(found.scores).join(moves, on="market")
