"""What the article says, and nothing that is computed here."""

from __future__ import annotations

LENGTH = 10
"""Hours of a window, and from one window to the next."""
ROWS = 10_287
"""Candles, without a gap."""
WINDOWS = 1_028
TRAINING_WINDOWS = 800
SCORED_WINDOWS = 200
"""Windows 800 to 999, on which the direction was scored."""

MEAN_CLOSE = 6_126.24
"""Mean close of all its hours, USD, as far as it can be told: on the hours that survive."""

UNITS = (10, 10)
EPOCHS = 600
LEARNING_RATE = 0.01
EPSILON = 1e-8
"""Of PyTorch's Adam."""

HEADLINE = 162 / 199
"""81.4 %: share of the directions that were named rightly, by the article's formula."""
PAIRS = 199

TUTORIAL_INPUTS, TUTORIAL_UNITS, TUTORIAL_LAYERS = 5, 10, 2
TUTORIAL_BATCH, TUTORIAL_TIME = 3, 4
"""The article's example: three samples of four time steps each."""
