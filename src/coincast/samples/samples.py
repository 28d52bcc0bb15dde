"""Candles -> samples: the inputs, windows and targets of one market, and the way back to prices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Bool, Float, Int

from coincast.candles.join import join_markets
from coincast.candles.table import parse_market
from coincast.errors import ColumnError, TooFewRowsError, UnknownNameError, UsageError
from coincast.samples.features import compute_feature, find_feature
from coincast.samples.splits import Part
from coincast.samples.targets import TARGETS, Target
from coincast.samples.windows import Windows, find_stretches, make_windows


@dataclass(frozen=True)
class Samples:
    """All that a model may learn from and forecast for one market.

    Attributes:
        market: the market that is forecast.
        interval: its interval.
        candles: its candles, one row per row of `inputs`.
        inputs: float64, NaN where unknown.
        names: name of each input; "BTC close" where inputs come from several markets.
        is_level: which inputs are levels (see `Feature`).
        windows: every window whose past is complete.
        known: which of them have a complete future, in the same gap-free stretch.
        target: what a network learns.
        quantity: what is forecast, a name of `QUANTITIES`.
    """

    market: str
    interval: str
    candles: pl.DataFrame
    inputs: Float[np.ndarray, "row feature"]
    names: tuple[str, ...]
    is_level: tuple[bool, ...]
    windows: Windows
    known: Bool[np.ndarray, "window"]
    target: Target
    close: Float[np.ndarray, "row"] = field(repr=False)
    open_time: Int[np.ndarray, "row"] = field(repr=False)
    close_time: Int[np.ndarray, "row"] = field(repr=False)
    quantity: str = "price"

    def windows_in(self, part: Part, *, reach_back: bool) -> Windows:
        """Windows with all their target candles in a part.

        Args:
            part: rows of the part.
            reach_back: whether the past candles may lie before the part.
        """
        firsts = self.windows.starts if not reach_back else self.windows.starts + self.windows.lookback
        ends = self.windows.starts + self.windows.lookback + self.windows.horizon
        return self.windows.select(self.known & (firsts >= part.first) & (ends <= part.end))

    def windows_at(self, origin_rows: Int[np.ndarray, "origin"]) -> Windows:
        """Windows that end at these rows, their future known or not; rows without a complete past are left out."""
        return self.windows.select(np.isin(self.windows.origin_rows, origin_rows))

    def future_close(self, windows: Windows) -> Float[np.ndarray, "window horizon"]:
        """Closes of the target candles; the caller takes windows whose future is known."""
        return np.asarray(self.close[windows.future_rows])

    def last_close(self, windows: Windows) -> Float[np.ndarray, "window"]:
        """Close at the origin of each window."""
        return np.asarray(self.close[windows.origin_rows])

    def first_close(self, windows: Windows) -> Float[np.ndarray, "window"]:
        """Close of the first candle of each window."""
        return np.asarray(self.close[windows.starts])

    def targets(self, windows: Windows) -> Float[np.ndarray, "window step"]:
        """What a network learns, unscaled."""
        return self.target.from_price(self.future_close(windows), self.last_close(windows), self.first_close(windows))

    def targets_by_row(self) -> Float[np.ndarray, "row step"]:
        """What a network learns, unscaled, as seen from every candle; NaN where the last ones have no future.

        Of a target that does not look at the first close of a window.
        """
        horizon = self.windows.horizon
        padded = np.concatenate([self.close, np.full(horizon, np.nan)])
        future = np.lib.stride_tricks.sliding_window_view(padded[1:], horizon)
        return self.target.from_price(future, self.close, self.close)


def make_samples(candles: pl.DataFrame, *, market: str, inputs: list[str], **settings: Any) -> Samples:
    """Samples of one market; see `make_sample_sets`."""
    return make_sample_sets(candles, markets=[market], inputs=inputs, **settings)[0]


def make_sample_sets(
    candles: pl.DataFrame,
    *,
    markets: list[str],
    inputs: list[str],
    features: list[str],
    lookback: int,
    horizon: int,
    target: str,
    quantity: str = "price",
) -> list[Samples]:
    """Samples of several markets that share their inputs: one table, held once.

    Args:
        candles: candle table that holds all of `markets` and `inputs`.
        markets: the markets to forecast.
        inputs: markets whose features are the inputs, joined on close time.
        features: names of `FEATURES`, or of extra numeric columns.
        lookback: past candles of a window.
        horizon: future candles of a window.
        target: a name of `TARGETS`.
        quantity: what is forecast, a name of `QUANTITIES`.

    Raises:
        UnknownNameError: an unknown feature, target or market.
        UsageError: lookback or horizon below 1, or no features.
        ColumnError: an input is unknown in every candle.
        TooFewRowsError: the windows are longer than every gap-free stretch.
    """
    _check_settings(features, lookback, horizon, target)
    together = [*(market for market in markets if market not in inputs), *inputs]
    joined = dict(zip(together, join_markets(candles, together), strict=True))
    first = joined[markets[0]]
    open_time, close_time = (first[name].dt.epoch("ms").to_numpy() for name in ("open_time", "close_time"))
    stretches = find_stretches(open_time, close_time)
    short = dict(zip(inputs, short_names(inputs), strict=True))
    columns = {
        (f"{short[source]} {name}" if len(inputs) > 1 else name): (source, name)
        for source in inputs
        for name in features
    }
    series = [compute_feature(name, joined[source], stretches) for source, name in columns.values()]
    table = np.column_stack([one.fill_null(np.nan).to_numpy() for one in series])
    windows = make_windows(np.isfinite(table).all(axis=1), stretches, lookback=lookback, horizon=horizon)
    _check_length(windows, stretches, first)
    _check_known(table, tuple(columns), markets[0])
    known = _future_known(windows, stretches)
    is_level = tuple(find_feature(name, joined[source]).is_level for source, name in columns.values())
    return [
        Samples(
            market=market,
            interval=joined[market]["interval"][0],
            candles=joined[market],
            inputs=table,
            names=tuple(columns),
            is_level=is_level,
            windows=windows,
            known=known,
            target=TARGETS[target],
            quantity=quantity,
            close=joined[market]["close"].to_numpy(),
            open_time=joined[market]["open_time"].dt.epoch("ms").to_numpy(),
            close_time=close_time,
        )
        for market in markets
    ]


def short_names(markets: list[str]) -> list[str]:
    """Names of markets that are as short as they can be and still differ: base, base/quote, or whole."""
    parsed = [parse_market(market) for market in markets]
    for names in ([one.base for one in parsed], [f"{one.base}/{one.quote}" for one in parsed]):
        if len(set(names)) == len(names):
            return names
    return markets


def _check_settings(features: list[str], lookback: int, horizon: int, target: str) -> None:
    if lookback < 1 or horizon < 1:
        raise UsageError(f"samples.lookback is {lookback} and samples.horizon {horizon}; allowed: 1 candle or more")
    if not features:
        raise UsageError('samples.features is empty; name at least one, for example "log_return"')
    if target not in TARGETS:
        raise UnknownNameError("target", target, TARGETS)


def _check_known(table: Float[np.ndarray, "row feature"], names: tuple[str, ...], market: str) -> None:
    """Refuse an input that no candle has; without this check there would be no windows, and nothing to say why."""
    for name, column in zip(names, table.T, strict=True):
        if not np.isfinite(column).any():
            raise ColumnError(
                f"input {name!r} is unknown in every candle of {market}; leave it out of samples.features"
            )


def _check_length(windows: Windows, stretches: list[tuple[int, int]], own: pl.DataFrame) -> None:
    longest = max(end - first for first, end in stretches)
    if longest < windows.lookback + windows.horizon:
        raise TooFewRowsError(
            f"samples.lookback {windows.lookback} and samples.horizon {windows.horizon} need "
            f"{windows.lookback + windows.horizon} candles in a row, but {own['market'][0]} has {own.height} candles, "
            f"at most {longest} of them without a gap; ask for a shorter window or give more candles"
        )


def _future_known(windows: Windows, stretches: list[tuple[int, int]]) -> Bool[np.ndarray, "window"]:
    """Windows whose last target candle lies in the same gap-free stretch as their past."""
    firsts = np.array([first for first, _ in stretches])
    ends = np.array([end for _, end in stretches])
    stretch = np.searchsorted(firsts, windows.starts, side="right") - 1
    return windows.starts + windows.lookback + windows.horizon <= ends[stretch]
