"""What article 0 and its notebook state: settings and figures, nothing that is computed here.

Figures stand in the unit of the article: the change over ten days, as a share. They are stated in its text or stored
in the notebook of its author (github.com/dashee87/blogScripts); the averages were read off its box plot.
"""

from __future__ import annotations

from dataclasses import dataclass

SINCE, UNTIL = "2016-01-01", "2017-11-21"
TEST_FROM = "2017-06-01"
ROWS, TRAINING_ROWS = 691, 517
MEAN_CLOSE = 850.15
"""Of all its rows, USD, both coins together; from the daily tables of CoinMarketCap, which it read."""

LOOKBACK, STEPS = 10, 5
UNITS, DROPOUT = 20, 0.25
EPOCHS, BATCH, LEARNING_RATE = 50, 1, 0.001

SEED = 202
"""Of its four single models and of its walks."""
SEEDS = range(775, 800)
"""Of its comparison of 25 runs."""
SLIDER = range(200, 211)
SLIDER_START = 205

TEST_ERROR = {"BTC": 0.0392, "ETH": 0.0531}
"""Mean absolute error of one step on the test windows."""
FIT_ERROR = {"ETH": 0.0583}
"""The same on the training windows, dropout off."""
LAST_LOSS = {("BTC", 1): 0.0230, ("ETH", 1): 0.0625, ("BTC", 5): 0.0341, ("ETH", 5): 0.1009}
"""Training loss of the last epoch, dropout on, by coin and steps ahead."""
MEAN_ERROR = {"BTC": 0.04, "ETH": 0.05}
"""About; over 25 runs."""
WALK_ERROR = {"BTC": 0.1325, "ETH": 0.164}
"""About; of its random walk, over 25 seeds."""


@dataclass(frozen=True)
class Inset:
    """The enlarged part of a chart: its days and prices."""

    since: str
    until: str
    low: float
    high: float


INSETS = {
    "ETH": Inset("2017-03-01", "2017-05-01", 10, 60),
    "BTC": Inset("2017-02-15", "2017-05-01", 920, 1400),
}
