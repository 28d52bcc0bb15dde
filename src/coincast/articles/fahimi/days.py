"""The candles of the article as its samples: coins joined, windows relative to their first day, a split by place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
import polars as pl
from jaxtyping import Float

from coincast.articles.fahimi import published
from coincast.articles.fahimi.about import ABOUT
from coincast.candles.join import join_markets
from coincast.errors import CandleError, TooFewRowsError
from coincast.reports.numbers import file_stems, things
from coincast.samples.features import find_feature
from coincast.samples.samples import Samples, make_sample_sets, short_names
from coincast.samples.scaling import InputScale, fit_input_scale, scale_window
from coincast.samples.splits import Part
from coincast.samples.windows import Windows

VOLUMES = ("quote_volume", "volume")
EARLY = ("close_off_high", "volatility")
"""Features of each coin until the first update."""
FEWEST_ROWS, FEWEST_WINDOWS = 60, 3
"""Of all candles; of each part that is learnt from, held back or forecast."""
VALIDATION_SHARE = 0.2
"""Of the training rows: the fair way holds the newest ones back, to choose the epoch."""


@dataclass(frozen=True)
class Days:
    """The coins of the article, day by day, as one version of it sees them.

    Attributes:
        samples: of each coin; they share their inputs.
        features: of each coin.
        train, test: rows of both parts.
    """

    samples: tuple[Samples, ...] = field(repr=False)
    features: tuple[str, ...]
    train: Part
    test: Part

    @property
    def markets(self) -> tuple[str, ...]:
        return tuple(one.market for one in self.samples)

    @property
    def names(self) -> tuple[str, ...]:
        """The coins, as short as they can be told apart: "BTC"."""
        return tuple(short_names(list(self.markets)))

    @property
    def stems(self) -> tuple[str, ...]:
        """The same as part of the name of a picture."""
        return tuple(stem.lower() for stem in file_stems(self.names))

    @property
    def rows(self) -> int:
        return self.test.end

    @property
    def lookback(self) -> int:
        return self.samples[0].windows.lookback

    @property
    def candle(self) -> str:
        """What a candle is called."""
        return "day" if self.samples[0].interval == "1d" else "candle"

    @property
    def change(self) -> str:
        """What is forecast, as it is called."""
        return f"{self.lookback}-{self.candle} change"

    @property
    def scale(self) -> InputScale:
        """Levels relative to the first value of their window."""
        first = self.samples[0]
        return fit_input_scale("window", first.inputs[: self.train.end], first.names, first.is_level)

    @property
    def candles(self) -> pl.DataFrame:
        """The joined candles, unknown volumes as 0."""
        return pl.concat(one.candles for one in self.samples)

    def windows(self, part: str) -> Windows:
        """Windows that lie inside the `train` or the `test` part, past and target."""
        return self.samples[0].windows_in(getattr(self, part), reach_back=False)

    def pasts(self, part: str) -> Float[np.ndarray, "window lookback feature"]:
        """What a network sees of the windows of a part."""
        scale, rows = self.scale, self.windows(part).past_rows
        return np.asarray(scale_window(self.samples[0].inputs[rows], scale.relative, scale.centre, scale.spread))

    def targets(self, market: int, part: str) -> Float[np.ndarray, "window"]:
        """Relative change from the first close of the window to the one after it."""
        return np.asarray(self.samples[market].targets(self.windows(part))[:, 0])

    def persistence(self, market: int, part: str) -> Float[np.ndarray, "window"]:
        """What "the price stays where it is" says in the same unit."""
        samples, windows = self.samples[market], self.windows(part)
        return np.asarray(samples.last_close(windows) / samples.first_close(windows) - 1)


def take_days(
    candles: pl.DataFrame,
    *,
    features: int = published.FINAL.features,
    lookback: int = published.LOOKBACK,
    without: timedelta = timedelta(0),
) -> Days:
    """Join the first two markets, and split their rows 80 to 20; a volume that is not known becomes 0.

    Args:
        candles: candle table.
        features: of both coins together: 4, close and volume, or 8, with `close_off_high` and `volatility`.
        lookback: candles of a window.
        without: so much is left out at the end, for a version that was run earlier.

    Raises:
        TooFewRowsError: fewer rows or windows than the article needs.
        CandleError: a price that stands still in all rows that are learnt from.
    """
    markets = candles["market"].unique(maintain_order=True).to_list()[: ABOUT.most]
    end = candles["open_time"].max() - without  # type: ignore[operator]
    own = candles.filter(pl.col("market").is_in(markets), pl.col("open_time") <= end)
    joined = join_markets(own, markets)
    rows = joined[0].height
    if rows < FEWEST_ROWS:
        raise TooFewRowsError(
            f"{' and '.join(markets)} have {rows} rows in common; this article needs {FEWEST_ROWS}: take a longer span"
        )
    first = int(published.TRAINING_SHARE * rows)
    learnt = [one.head(first - held_back(first)) for one in joined]
    _refuse_still(learnt)
    volume = _volume(learnt)
    early = EARLY if features > published.FINAL.features and _has_range(own) and _all_tell(EARLY, learnt) else ()
    names = ["close", *volume, *early]
    filled = own.with_columns(pl.col(name).fill_null(0.0) for name in volume)  # the article's cleaning
    samples = make_sample_sets(
        filled, markets=markets, inputs=markets, features=names, lookback=lookback, horizon=1,
        target="window_change",
    )  # fmt: skip
    days = Days(tuple(samples), tuple(names), Part(0, first), Part(first, rows))
    _refuse_gaps(days)
    return days


def held_back(rows: int) -> int:
    """How many of so many training rows the fair way does not learn from."""
    return round(VALIDATION_SHARE * rows)


def _volume(learnt: Sequence[pl.DataFrame]) -> list[str]:
    """The volume that all markets tell, in the quote currency where they do; none where one is told nowhere.

    Only rows that every way learns from decide it: what is told later is not known yet, and teaches nothing.
    """
    filled = [
        one.with_columns(pl.col(name).fill_null(0.0) for name in VOLUMES if name in one.columns) for one in learnt
    ]
    return [name for name in VOLUMES if name in learnt[0].columns and _all_tell([name], filled)][:1]


def _has_range(candles: pl.DataFrame) -> bool:
    return not any(candles[name].null_count() for name in ("open", "high", "low"))


def _all_tell(names: Sequence[str], learnt: Sequence[pl.DataFrame]) -> bool:
    """Whether none of these inputs is a constant in any market."""
    return all(find_feature(name, one).compute(one).n_unique() > 1 for name in names for one in learnt)


def _refuse_still(learnt: Sequence[pl.DataFrame]) -> None:
    """Refuse a price that is a constant where it is learnt from."""
    for one in learnt:
        if not _all_tell(["close"], [one]):
            raise CandleError(
                f"the close of {one['market'][0]} is {one['close'][0]:g} in all of the first {one.height} candles, and "
                "nothing can be learnt from a price that stands still: take another span or another market"
            )


def _refuse_gaps(days: Days) -> None:
    """Refuse gaps that leave hardly a window to learn from, to choose an epoch by, or to forecast."""
    samples, end = days.samples[0], days.train.end
    border = end - held_back(end)
    parts = {"training": Part(0, border), "validation": Part(border, end), "test": days.test}
    for name, part in parts.items():
        found = len(samples.windows_in(part, reach_back=name == "validation"))
        if found < FEWEST_WINDOWS:
            raise TooFewRowsError(
                f"the {len(part)} {name} rows that {' and '.join(days.markets)} have in common hold "
                f"{things(found, 'window')} of {days.lookback + 1} rows without a gap; this article needs "
                f"{FEWEST_WINDOWS}: take a longer span, or candles with fewer gaps"
            )
