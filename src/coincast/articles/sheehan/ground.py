"""The ground of the study: cleaned candles, the article's inputs, where its test span begins, and its windows."""

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
from coincast.reports.numbers import file_stem
from coincast.samples.samples import short_names

MOST_QUICK = 800
"""Training rows that a first look learns from."""
FEWEST_TEST = 20
"""Forecasts below which there is no verdict."""
RANGES = ("close_off_high", "volatility")
"""Inputs that are made of a candle's high and low."""


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
    def explained(self) -> float:
        """Share of the variance of the article's target that the last price explains."""
        truth, copy = (each / self.first - 1 for each in (self.actual, self.last))
        return 1 - float(np.mean((truth - copy) ** 2)) / float(truth.var())

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
        candles: of all markets, joined on close time, unknown volume as 0.
        features: the article's four inputs, as far as the candles tell them.
        border: where the test span begins.
        coins: the markets, in order.
        window: newest training rows that a network learns from; 0 for all.
    """

    candles: pl.DataFrame = field(repr=False)
    features: tuple[str, ...]
    border: str | float
    coins: tuple[Coin, ...] = ()
    window: int = 0

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
        """The input that counts what was traded; None where it is not known for every market."""
        return next((name for name in self.features if name.endswith("volume")), None)

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
    """Clean and join the candles of a bench, and cut them into the article's windows.

    Raises:
        DataError: the markets share too few candles.
    """
    candles, features = clean_candles(bench.candles)
    times = candles.filter(pl.col("market") == candles["market"][0])["open_time"]
    border = find_border(times)
    ground = Ground(candles, features, border)
    tasks = make_tasks(ground.spec("windows", models=["naive"]), candles)
    names = short_names(ground.markets)
    newest = date.fromisoformat(published.UNTIL)
    is_published = border == published.TEST_FROM and are_own_candles(
        candles, coins=list(published.TEST_ERROR), rows=published.ROWS, newest=newest
    )
    coins = tuple(Coin(name, task, is_published) for name, task in zip(names, tasks, strict=True))
    cut = bench.is_quick and len(tasks[0].parts.train) > MOST_QUICK
    return replace(ground, coins=coins, window=MOST_QUICK if cut else 0)


def clean_candles(candles: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The candles that all markets have, an unknown volume as 0, as the article has it; and its inputs that they allow.

    A volume counts in the quote currency where that is known for every market, else in coins.
    """
    joined = pl.concat(join_markets(candles, candles["market"].unique(maintain_order=True).to_list()))
    volume: tuple[str, ...] = ()
    for name in ("quote_volume", "volume"):
        if name not in joined.columns:
            continue
        if joined.group_by("market").agg((pl.col(name) > 0).any())[name].all():
            joined, volume = joined.with_columns(pl.col(name).fill_null(0.0)), (name,)
            break
    told = joined.select(pl.col("open", "high", "low").is_not_null().all()).row(0)
    return joined, ("close", *volume, *(RANGES if all(told) else ()))


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
