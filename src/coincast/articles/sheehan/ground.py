"""The ground of the study: joined candles, the article's inputs, where its test span begins, and its windows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float

from coincast.articles.bench import Bench
from coincast.articles.remains import are_own_candles
from coincast.articles.sheehan import published
from coincast.articles.sheehan.about import ABOUT
from coincast.candles.join import join_markets
from coincast.errors import TooFewRowsError
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import Task, make_tasks
from coincast.models.random_walk import change_law
from coincast.reports.numbers import file_stem
from coincast.samples.features import find_feature
from coincast.samples.samples import short_names
from coincast.samples.splits import Split, split_rows

MOST_QUICK = 800
"""Training rows that a first look learns from."""
FEWEST_TEST = 20
"""Forecasts below which there is no verdict."""
VOLUMES = ("quote_volume", "volume")
"""What counts as volume, the first one that can be used: in the quote currency, or in coins."""
RANGES = ("close_off_high", "volatility")
"""Inputs that are made of a candle's high and low."""
EARLY = 0.25
"""Share of the candles, the oldest ones, in which an input must vary: fewer than any training here learns from."""


@dataclass(frozen=True)
class Coin:
    """One market of the study.

    Attributes:
        name: short: "BTC".
        task: its windows of one step, as in the article.
        is_published: whether the figures of the article speak of these candles.
    """

    name: str
    task: Task = field(repr=False)
    is_published: bool

    @property
    def market(self) -> str:
        return self.task.market

    @property
    def stem(self) -> str:
        """Its name as part of the name of a picture or a file."""
        return file_stem(self.name).lower()

    @property
    def last(self) -> Float[np.ndarray, "window"]:
        """Last known close of each test window."""
        return self.task.samples.last_close(self.task.test)

    @property
    def first(self) -> Float[np.ndarray, "window"]:
        """First close of each test window, by which the article divides."""
        return self.task.samples.first_close(self.task.test)

    @property
    def actual(self) -> Float[np.ndarray, "window"]:
        """What came, one step after each test window."""
        return np.asarray(self.task.samples.future_close(self.task.test)[:, 0])

    @property
    def explained(self) -> float | None:
        """Share of the variance of the article's target that the last price explains; None where it has none."""
        truth, copy = (each / self.first - 1 for each in (self.actual, self.last))
        return 1 - float(np.mean((truth - copy) ** 2)) / float(truth.var()) if np.ptp(truth) > 0 else None

    @property
    def unseen(self) -> float:
        """Share of the test closes that lie above or below every training close."""
        parts, close = self.task.parts, self.task.samples.close
        train, test = close[parts.train.first : parts.train.end], close[parts.test.first :]
        return float(np.mean((test < train.min()) | (test > train.max())))

    def error_of(self, forecast: Float[np.ndarray, "window"]) -> float:
        """The article's figure of one-step forecasts of the test windows: mean |error| / first close."""
        return float(np.mean(np.abs(forecast - self.actual) / self.first))


@dataclass(frozen=True)
class Ground:
    """What all chapters stand on.

    Attributes:
        candles: of all markets, joined on close time.
        features: the article's four inputs, as far as the training rows tell them.
        known: those of them that every training row knows: the inputs of the fair way, in which nothing is made up.
        border: where the test span begins.
        coins: the markets, in order.
        window: newest training rows that a network learns from; 0 for all.
    """

    candles: pl.DataFrame = field(repr=False)
    features: tuple[str, ...]
    known: tuple[str, ...]
    border: str | float
    coins: tuple[Coin, ...] = ()
    window: int = 0

    @property
    def filled(self) -> pl.DataFrame:
        """The candles with an unknown volume as 0, as the article has it: those of the faithful way only."""
        return self.candles.with_columns(pl.col(name).fill_null(0.0) for name in self.features if name in VOLUMES)

    @property
    def interval(self) -> str:
        return str(self.candles["interval"][0])

    @property
    def rows(self) -> int:
        """Candles of each market."""
        return self.candles.height // len(self.markets)

    @property
    def markets(self) -> list[str]:
        return self.candles["market"].unique(maintain_order=True).to_list()

    @property
    def volume(self) -> str | None:
        """The input that counts what was traded; None where it tells nothing about some market."""
        return next((name for name in VOLUMES if name in self.features), None)

    @property
    def candle(self) -> str:
        """What a candle is called: "day" where it is one."""
        return {"1d": "day", "1h": "hour", "1m": "minute", "1w": "week"}.get(self.interval, "candle")

    def spec(self, name: str, **changes: Any) -> Spec:
        """The article's experiment, with other values under `section__key`, and `models` and `grid` as in a spec."""
        models, grid = changes.pop("models", [network()]), changes.pop("grid", {})
        spec = Spec.from_dict(
            {
                "name": f"{ABOUT.name}-{name}",
                "data": {"markets": self.markets},
                "samples": {
                    "inputs": "all",
                    "features": list(self.features),
                    "lookback": published.LOOKBACK,
                    "horizon": 1,
                    "target": "window_change",
                    "scaling": "window",
                },
                "split": {"test": self.border, "validation": 0, "reach_back": False, "window": self.window},
                "models": models,
                "training": {
                    "epochs": published.EPOCHS,
                    "batch_size": published.BATCH,
                    "learning_rate": published.LEARNING_RATE,
                    "loss": "mae",
                    "seeds": 1,
                    "seed": published.SEED,
                },
            }
        )
        spec = spec.vary({key.replace("__", "."): value for key, value in changes.items()})
        return Spec.from_dict({**spec.to_dict(), "models": spec.models, "grid": grid})


def network(**changes: Any) -> dict[str, Any]:
    """The article's network as a model of a spec."""
    return {"name": "lstm", "units": published.UNITS, "dropout": published.DROPOUT, **changes}


def lay_ground(bench: Bench) -> Ground:
    """Join the candles of a bench, choose inputs, and cut the candles into the article's windows.

    Raises:
        DataError: the markets share too few candles, a market's training closes are all alike, or it has no opens.
    """
    candles = join_candles(bench.candles)
    times = candles.filter(pl.col("market") == candles["market"][0])["open_time"]
    border = find_border(times)
    ground = Ground(candles, *choose_features(candles, _count_before(times, border)), border)
    tasks = make_tasks(ground.spec("windows", models=["naive"]), ground.filled)
    for task in tasks:
        change_law(task.samples, task.parts.train)  # refuses candles without opens, of which no walk can be drawn
    names = short_names(ground.markets)
    is_published = border == published.TEST_FROM and are_own_candles(
        candles,
        coins=list(published.TEST_ERROR),
        rows=published.ROWS,
        newest=date.fromisoformat(published.UNTIL),
        mean_close=published.MEAN_CLOSE,
    )
    coins = tuple(Coin(name, task, is_published) for name, task in zip(names, tasks, strict=True))
    cut = bench.is_quick and len(tasks[0].parts.train) > MOST_QUICK
    return replace(ground, coins=coins, window=MOST_QUICK if cut else 0)


def join_candles(candles: pl.DataFrame) -> pl.DataFrame:
    """The candles that all markets have.

    Raises:
        CandleError: there are none.
    """
    return pl.concat(join_markets(candles, candles["market"].unique(maintain_order=True).to_list()))


def choose_features(candles: pl.DataFrame, learnt: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The article's inputs that training rows allow, and those of them that every training row knows.

    Later rows are not looked at: what one of them lacks must not change what is told about the others. A volume may be
    unknown here and there, for the article takes 0 in its place; highs and lows may not. Whatever is the same in all of
    the first candles of a market (`EARLY`) teaches nothing, and is left out for all markets.

    Args:
        candles: what `join_candles` gave.
        learnt: training rows of each market.
    """
    markets = [one.head(learnt) for one in candles.partition_by("market", maintain_order=True)]
    early = int(EARLY * candles.height / len(markets))

    def compute(name: str) -> list[pl.Series]:
        return [find_feature(name, one).compute(one) for one in markets]

    def is_known(name: str) -> bool:
        return not any(one.null_count() for one in compute(name))

    def varies(name: str) -> bool:
        return all(one.head(early).fill_null(0.0).n_unique() > 1 for one in compute(name))

    volumes = [name for name in VOLUMES if name in candles.columns and varies(name)]
    features = ("close", *volumes[:1], *(name for name in RANGES if is_known(name) and varies(name)))
    return features, tuple(name for name in features if is_known(name))


def find_border(times: pl.Series) -> str | float:
    """The article's first test day where it divides the candles sensibly; else the article's share of them.

    Args:
        times: open times of the candles.

    Raises:
        TooFewRowsError: no split leaves enough on both sides.
    """
    needed = published.LOOKBACK + published.STEPS + FEWEST_TEST
    if times.len() < 4 * needed:
        raise TooFewRowsError(
            f"the markets share {times.len()} candles, and this study needs {4 * needed}; give a longer span with "
            "--since and --until"
        )
    before = int((times.dt.strftime("%Y-%m-%d") < published.TEST_FROM).sum())
    if 0.4 * times.len() <= before <= times.len() - max(needed, 0.1 * times.len()):
        return published.TEST_FROM
    return 1 - published.TRAINING_ROWS / published.ROWS


def _count_before(times: pl.Series, border: str | float) -> int:
    """Rows before the test span, as `split_rows` counts them."""
    return split_rows(times.dt.epoch("ms").to_numpy(), Split(test=border)).train.end
