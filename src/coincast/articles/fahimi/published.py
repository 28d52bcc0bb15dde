"""What the article and its notebook say: every version that was recorded, with its last losses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

LOOKBACK = 7
TRAINING_SHARE = 0.8
SEED = 202
WIDE_UNITS, NARROW_LOOKBACK = 1_024, 3
"""Of the last update: so many units read so few days."""
COINS = ("BTC", "ETH")
NEWEST, ROWS = date(2018, 3, 12), 802
"""Of the final run: its newest row, and how many it has of each coin."""
MEAN_CLOSE = 1_632.34
"""Mean close of its rows, USD, of both coins together; from `coin_Bitcoin.csv` and `coin_Ethereum.csv`, which hold the
daily tables of CoinMarketCap that it read."""
NO_DROPOUT = 2.5
"""Written as a rate, and ignored by the Keras of the time: it dropped nothing."""


@dataclass(frozen=True)
class Recorded:
    """What a notebook printed in an epoch, for one coin; in the last one, where none is named.

    Attributes:
        loss: of training, in the loss of the version.
        validation: of the test windows, which it called validation.
        mae: mean absolute error of the test windows, where it was logged.
    """

    loss: float
    validation: float
    mae: float | None = None


@dataclass(frozen=True)
class Version:
    """One recorded version.

    Attributes:
        name: its day; the second one of a day ends in "b".
        day: of its run; its newest row is taken to be of the day before, as that of the final run was.
        units: of each of the three layers.
        features: of both coins together: close and volume, 8 with `close_off_high` and `volatility`.
        loss, batch_size, epochs, shuffle: of its training.
        rate: of dropout, as it was written.
        recorded: of each of `COINS`.
    """

    name: str
    day: date
    units: int
    features: int
    loss: str
    batch_size: int
    epochs: int
    shuffle: bool
    rate: float
    recorded: tuple[Recorded, Recorded]

    @property
    def dropout(self) -> float:
        """The rate that worked."""
        return 0.0 if self.rate > 1 else self.rate

    def recorded_of(self, coin: str) -> Recorded:
        """What was recorded of one of `COINS`."""
        return self.recorded[COINS.index(coin)]


VERSIONS = (
    Version(
        "2018-02-09", date(2018, 2, 9), 1_024, 8, "mse", 128, 45, True, NO_DROPOUT,
        (Recorded(0.0012, 0.0045), Recorded(0.0074, 0.0049)),
    ),
    Version(
        "2018-02-10", date(2018, 2, 10), 1_024, 8, "mse", 128, 50, False, NO_DROPOUT,
        (Recorded(0.0016, 0.0053), Recorded(0.0079, 0.0053)),
    ),
    Version(
        "2018-02-12", date(2018, 2, 12), 512, 8, "mae", 64, 50, True, NO_DROPOUT,
        (Recorded(0.0215, 0.0491), Recorded(0.0536, 0.0500)),
    ),
    Version(
        "2018-02-12 b", date(2018, 2, 12), 512, 8, "mae", 64, 50, True, NO_DROPOUT,
        (Recorded(0.0227, 0.0491), Recorded(0.0546, 0.0498)),
    ),
    Version(
        "2018-02-26", date(2018, 2, 26), 512, 8, "mae", 64, 50, True, 0.25,
        (Recorded(0.0269, 0.0561), Recorded(0.0582, 0.0497)),
    ),
    Version(
        "2018-03-10", date(2018, 3, 10), 512, 4, "mse", 128, 53, False, 0.25,
        (Recorded(0.0016, 0.0048, 0.0504), Recorded(0.0083, 0.0050, 0.0493)),
    ),
    Version(
        "2018-03-13", date(2018, 3, 13), 512, 4, "mse", 128, 53, False, 0.25,
        (Recorded(0.0016, 0.0047, 0.0502), Recorded(0.0083, 0.0049, 0.0491)),
    ),
)  # fmt: skip
"""In order of time; that of 2018-02-26 is the article's, the last one the final one."""

FINAL = VERSIONS[-1]
"""Its mean absolute errors on the test windows are the headline."""

FIRST_EPOCH = {"BTC": Recorded(0.0089, 0.0343), "ETH": Recorded(0.0651, 0.0296)}
"""Of the final run."""
LOWEST = {"BTC": (53, 0.0047), "ETH": (44, 0.0048)}
"""Epoch of the final run in which its loss on the test windows was lowest, and that loss."""
