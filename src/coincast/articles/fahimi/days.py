"""The candles of the article as its samples: coins joined, windows relative to their first day, a split by place."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
import polars as pl
from jaxtyping import Float

from coincast.articles.fahimi import published
from coincast.articles.fahimi.about import ABOUT
from coincast.candles.join import join_markets
from coincast.errors import TooFewRowsError
from coincast.reports.numbers import file_stems
from coincast.samples.samples import Samples, make_sample_sets, short_names
from coincast.samples.scaling import InputScale, fit_input_scale, scale_window
from coincast.samples.splits import Part
from coincast.samples.windows import Windows

VOLUMES = ("quote_volume", "volume")
EARLY = ("close_off_high", "volatility")
"""Features of each coin until the first update."""
FEWEST_ROWS = 60


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
        TooFewRowsError: fewer rows than windows need.
    """
    markets = candles["market"].unique(maintain_order=True).to_list()[: ABOUT.most]
    end = candles["open_time"].max() - without  # type: ignore[operator]
    own = candles.filter(pl.col("market").is_in(markets), pl.col("open_time") <= end)
    rows = join_markets(own, markets)[0].height
    if rows < FEWEST_ROWS:
        raise TooFewRowsError(
            f"{' and '.join(markets)} have {rows} rows in common; this article needs {FEWEST_ROWS}: take a longer span"
        )
    volume = _volume(own)
    early = EARLY if features > published.FINAL.features and _has_range(own) else ()
    names = ["close", *volume, *early]
    filled = own.with_columns(pl.col(name).fill_null(0.0) for name in volume)  # the article's cleaning
    samples = make_sample_sets(
        filled, markets=markets, inputs=markets, features=names, lookback=lookback, horizon=1,
        target="window_change",
    )  # fmt: skip
    first = int(published.TRAINING_SHARE * rows)
    return Days(tuple(samples), tuple(names), Part(0, first), Part(first, rows))


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
