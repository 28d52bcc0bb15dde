"""The candles of the article as its samples: coins joined, windows relative to their first day, a split by place."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
import polars as pl
from jaxtyping import Float

from coincast.articles.fahimi import published
from coincast.candles.join import join_markets
from coincast.errors import TooFewRowsError
from coincast.reports.numbers import file_stem
from coincast.samples.samples import Samples, make_sample_sets, short_names
from coincast.samples.scaling import InputScale, fit_input_scale
from coincast.samples.splits import Part
from coincast.samples.windows import Windows

MOST_MARKETS = 2
VOLUMES = ("quote_volume", "volume")
EARLY = ("close_off_high", "volatility")
"""Features of both coins until the first update."""
FEWEST_ROWS = 60


@dataclass(frozen=True)
class Days:
    """The coins of the article, day by day, as one version of it sees them.

    Attributes:
        samples: of each coin; they share their inputs.
        train, test: rows of both parts.
    """

    samples: tuple[Samples, ...] = field(repr=False)
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
        return tuple(file_stem(name).lower() for name in self.names)

    @property
    def rows(self) -> int:
        return self.test.end

    @property
    def scale(self) -> InputScale:
        """Levels relative to the first value of their window."""
        first = self.samples[0]
        return fit_input_scale("window", first.inputs[: self.train.end], first.names, first.is_level)

    def windows(self, part: str) -> Windows:
        """Windows that lie inside the `train` or the `test` part, past and target."""
        return self.samples[0].windows_in(getattr(self, part), reach_back=False)

    def targets(self, market: int, part: str) -> Float[np.ndarray, "window"]:
        """Relative change from the first close of the window to the one after it."""
        return np.asarray(self.samples[market].targets(self.windows(part))[:, 0])

    def persistence(self, market: int, part: str) -> Float[np.ndarray, "window"]:
        """What "the price stays where it is" says in the same unit."""
        samples, windows = self.samples[market], self.windows(part)
        return np.asarray(samples.last_close(windows) / samples.first_close(windows) - 1)


def take_days(
    candles: pl.DataFrame, *, features: int = 4, lookback: int = published.LOOKBACK, without: timedelta = timedelta(0)
) -> Days:
    """Join the first two markets, and split their rows 80 to 20; a volume that is not known becomes 0.

    Args:
        candles: candle table.
        features: 4, close and volume of both coins, or 8, with `close_off_high` and `volatility`.
        lookback: days of a window.
        without: so much is left out at the end, for a version that was run earlier.

    Raises:
        TooFewRowsError: fewer rows than windows need.
    """
    markets = candles["market"].unique(maintain_order=True).to_list()[:MOST_MARKETS]
    end = candles["open_time"].max() - without  # type: ignore[operator]
    own = candles.filter(pl.col("market").is_in(markets), pl.col("open_time") <= end)
    rows = join_markets(own, markets)[0].height
    if rows < FEWEST_ROWS:
        raise TooFewRowsError(
            f"{' and '.join(markets)} have {rows} days in common; this article needs {FEWEST_ROWS}: take a longer span"
        )
    volume = _volume(own)
    names = ["close", *volume, *(EARLY if features > 2 * MOST_MARKETS and _has_range(own) else ())]
    filled = own.with_columns(pl.col(name).fill_null(0.0) for name in volume)  # the article's cleaning
    samples = make_sample_sets(
        filled, markets=markets, inputs=markets, features=names, lookback=lookback, horizon=1,
        target="window_change",
    )  # fmt: skip
    first = int(published.TRAINING_SHARE * rows)
    return Days(tuple(samples), Part(0, first), Part(first, rows))


def _volume(candles: pl.DataFrame) -> list[str]:
    """The volume that all markets tell, in the quote currency where they do; none where one is told nowhere."""
    for name in VOLUMES:
        if name in candles.columns:
            sums = candles.group_by("market").agg(pl.col(name).sum())[name]
            if (sums > 0).all():
                return [name]
    return []


def _has_range(candles: pl.DataFrame) -> bool:
    return not any(candles[name].null_count() for name in ("open", "high", "low"))
