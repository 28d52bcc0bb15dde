"""What the chapters are told from: made once, in the order of the article."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl
from jaxtyping import Float

from coincast.articles.bench import Bench
from coincast.articles.fmz.directions import (
    LAST_CLOSE,
    SAME_WAY,
    count_hits,
    measure_distance,
    repeat_last_move,
    simple_forecasts,
)
from coincast.articles.fmz.fair import AUTOREGRESSIONS, NAME, FairAnswer, ask_fairly, judge_answer, judge_hours
from coincast.articles.fmz.hours import LENGTH, Hours, take_hours
from coincast.articles.fmz.networks import ARTICLE, FAIR_LEVELS, TWINS, Learnt, learn
from coincast.experiments.run import Stopwatch

FAIR_NETWORK = "LSTM on returns (fair)"
BINS = 8
"""Of the price, in the picture of the shortfall."""


@dataclass(frozen=True)
class Work:
    """All that was computed.

    Attributes:
        hours: the candles.
        simple: forecasts without a model, for every start.
        learnt: the article's network; None where only the fair way was asked for.
        twins: the same with one thing changed; none where only the fair way was asked for.
        levels: the article's network scaled by training rows; None where only the faithful way was asked for.
        answer: the fair experiment; None where only the faithful way was asked for.
    """

    hours: Hours
    simple: dict[str, Float[np.ndarray, "start"]] = field(repr=False)
    learnt: Learnt | None
    twins: tuple[Learnt, ...]
    levels: Learnt | None
    answer: FairAnswer | None

    @property
    def everything(self) -> tuple[Learnt, ...]:
        """Every training on levels, the article's first."""
        return tuple(one for one in (self.learnt, *self.twins, self.levels) if one is not None)

    @property
    def naive_share(self) -> float:
        """What copying the last close scores by the article's formula."""
        hits, pairs = count_hits(self.hours, self.simple[LAST_CLOSE])
        return hits / pairs

    @property
    def fair_share(self) -> float:
        """Directions that the fair network names rightly, counted from the last known close."""
        assert self.answer is not None
        return 1 - float(self.answer.row["value"])

    @cached_property
    def judged(self) -> pl.DataFrame:
        """Hit rates over all test candles of whatever names a direction."""
        means = {name: forecast for name, forecast in self.simple.items() if name != LAST_CLOSE}
        networks = {one.mean_name: one.mean for one in self.everything}
        table = judge_hours(self.hours, {**networks, SAME_WAY: repeat_last_move(self.hours), **means})
        if self.answer is None:
            return table
        own = judge_answer(self.answer).filter(pl.col("model") != "average")
        names = {name: f"{name} on returns" for name in (*AUTOREGRESSIONS, "ridge")}
        names[NAME] = FAIR_NETWORK
        return pl.concat([own.with_columns(pl.col("model").replace(names)), table])

    def shares(self, learnt: Learnt, *, phase: int = 0) -> Float[np.ndarray, "run"]:
        """The formula's share for each run."""
        counts = [count_hits(self.hours, prices, phase=phase) for prices in learnt.prices]
        return np.array([hits / pairs for hits, pairs in counts])

    def median_share(self, learnt: Learnt) -> float:
        """The middle one of them."""
        return float(np.median(self.shares(learnt)))

    def distances(self, learnt: Learnt) -> Float[np.ndarray, "run"]:
        """How far each run lies from a copy of the last close, in standard deviations of one move."""
        return np.array([measure_distance(self.hours, prices) for prices in learnt.prices])

    def squared_error(self, prices: Float[np.ndarray, "start"]) -> float:
        """Mean squared error of the last step over the unseen jumping windows, in squared units of the quote."""
        starts = self.hours.jumping_starts()[self.hours.training :]
        return float(np.mean((prices[starts] - self.hours.close[starts + LENGTH]) ** 2))

    def fair_prices(self) -> Float[np.ndarray, "start"]:
        """The fair network's forecasts for every start of the test span; NaN before it."""
        assert self.answer is not None
        prices = np.full(len(self.hours.every_start), np.nan)
        own = self.answer.prices
        places = pl.DataFrame({"origin": self.hours.candles["close_time"]}).with_row_index("row")
        rows = own.join(places, on="origin", how="left", maintain_order="left")["row"].to_numpy().astype(np.int64)
        prices[rows - LENGTH + 1] = own["value"].to_numpy()
        return prices

    def naive_losses(self) -> tuple[float, float]:
        """Standardised mean squared error of the last close over the training rows, and over the scored rows."""
        hours = self.hours
        _, spread = hours.scale_close(fair=False)
        squared = (np.diff(hours.close) / spread) ** 2
        end = hours.first_origin + LENGTH * hours.scored
        return float(squared[: hours.first_origin].mean()), float(squared[hours.first_origin : end].mean())

    def shortfalls(self) -> pl.DataFrame:
        """`forecast, price, bias`: mean of forecast minus close over the unseen candles, by the height of the price."""
        hours = self.hours
        starts = hours.test_origins - LENGTH + 1
        close = hours.close[starts + LENGTH]
        edges = np.quantile(close, np.linspace(0, 1, BINS + 1))
        bins = np.clip(np.searchsorted(edges, close, side="right") - 1, 0, BINS - 1)
        forecasts = {LAST_CLOSE: self.simple[LAST_CLOSE]}
        if self.learnt is not None:
            forecasts["as published"] = self.learnt.mean
        if self.levels is not None:
            forecasts["scaled by training rows"] = self.levels.mean
        if self.answer is not None:
            forecasts["on returns (fair)"] = self.fair_prices()
        rows = []
        for name, forecast in forecasts.items():
            errors = forecast[starts] - close
            for place in np.unique(bins):
                inside = (bins == place) & np.isfinite(errors)
                if inside.any():
                    rows.append({"forecast": name, "price": close[inside].mean(), "bias": errors[inside].mean()})
        return pl.DataFrame(rows)


def work(bench: Bench, watch: Stopwatch) -> Work:
    """Compute everything that was asked for; what takes time is kept by the bench, and counted by the watch."""
    hours = take_hours(bench.candles)
    learnt, twins, levels, answer = None, list[Learnt](), None, None
    if bench.faithful:
        learnt = learn(bench, hours, ARTICLE)
        watch.lap("the article's network")
        twins = [learn(bench, hours, twin) for twin in TWINS]
        watch.lap("the same with one thing changed")
    if bench.fair:
        levels = learn(bench, hours, FAIR_LEVELS)
        watch.lap("the same, scaled by training rows")
        answer = ask_fairly(bench, hours)
        watch.lap("the fair way, on returns")
    return Work(hours, simple_forecasts(hours), learnt, tuple(twins), levels, answer)
