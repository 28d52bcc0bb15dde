"""The figures of article 2, as its text and its repository state them.

The article's own candles (300,628 five-minute closes of Poloniex, 2015-02-19 to 2017-12-29) can no longer be had, so
that these figures stand beside ours, and are not met by them.
"""

from __future__ import annotations

from dataclasses import dataclass

LOOKBACK, HORIZON = 256, 16
"""N and K of the sampler: 1,280 minutes in, 80 minutes out."""
BLOCK = LOOKBACK + HORIZON
SHARE = 0.8
"""Share of the blocks, in order of time, that is learnt from."""
ROWS, BLOCKS, TRAINING_BLOCKS, VALIDATION_BLOCKS = 300_628, 1105, 884, 221
RANGE = 19_800.0
"""About the fitted range of the scaler, USD: from the ratio of the table's two columns."""
TRAINING_TOP = 2_800.0
"""About the largest close of the training blocks, USD."""
BATCH_SIZE, EPOCHS = 8, 100
NOISE = 0.005
"""Standard deviation of the factor Normal(1, 0.005) of the row "random walk"."""
FILTER_AFTER_MONTH = 7
"""The result plot shows months after this one."""


@dataclass(frozen=True)
class Row:
    """A row of the results table: one run, the best of 100 epochs by validation loss.

    Attributes:
        validation_loss: scaled squared error.
        error: the same blocks, USD squared; the table calls it "test loss".
    """

    validation_loss: float | None
    error: float


TABLE = {
    "CNN 2 ReLU": Row(0.00029, 114_308),
    "CNN 2 LeakyReLU": Row(0.00029, 115_525),
    "CNN 3 ReLU": Row(0.00029, 201_718),
    "CNN 3 LeakyReLU": Row(0.00028, 108_700),
    "CNN 4 ReLU": Row(0.00030, 117_947),
    "CNN 4 LeakyReLU": Row(0.03217, 12_356_304),
    "LSTM tanh + ReLU": Row(0.00007, 26_649),
    "LSTM tanh + LeakyReLU": Row(0.00004, 15_364),
    "GRU tanh + ReLU": Row(0.00004, 17_667),
    "GRU tanh + LeakyReLU": Row(0.00004, 15_474),
    "block copy": Row(None, 19_122),
    "noisy copy": Row(None, 20_179),
    "linear regression": Row(None, 19_789),
}
HEADLINE = "LSTM tanh + LeakyReLU"
TRAINING_LOSS, VALIDATION_LOSS = 5.97e-06, 3.92e-05
"""Of the headline's network."""
PERSISTENCE = 10_200.0
"""What repeating the last close would have scored, USD squared: inferred from the lag row, not measured."""
SECONDS_PER_EPOCH = {"CNN": 2.0, "LSTM": 45.0, "GRU": 40.0}
"""As the article states them, on a GPU: CNN 2, LSTM about 45, GRU under 40."""

COPY_AGE = (1 + HORIZON) / 2
"""Candles from the last close to a target, on average over the 16 steps."""
MEMORYLESS_RATIO = HORIZON / COPY_AGE
"""Block copy over persistence for a random walk: every step is 16 candles old there."""

WALK_EPOCHS, WALK_PATIENCE = 50, 10
"""Of the walk-forward of the repository, which the article does not show."""
WALK_TEST = 5_180
"""Windows behind the last partition of it, which are its test."""

REPEATS, STUDY_EPOCHS = 30, 30
STRENGTHS = (0.1, 0.01, 0.001, 0.0001)
ACTIVITY_SUMMED = BATCH_SIZE
"""Keras of that time summed the activity penalty over a batch, where it now takes the mean: so many times as strong."""
COLUMNS = ("mean", "std", "min", "25 %", "50 %", "75 %", "max")
BIAS = {
    "none": (167_918, 156_361, 18_805, 41_749, 82_185, 242_850, 578_515),
    "L1 0.1": (830_903, 547_979, 85_475, 502_820, 700_092, 1_077_716, 2_127_222),
    "L1 0.01": (774_579, 676_868, 72_066, 327_995, 560_811, 912_633, 2_723_278),
    "L1 0.001": (1_076_617, 1_000_704, 61_804, 318_827, 910_495, 1_571_230, 4_809_705),
    "L1 0.0001": (203_455, 257_495, 21_368, 63_170, 103_334, 215_948, 1_117_336),
    "L2 0.1": (529_642, 538_637, 37_972, 173_813, 367_280, 630_438, 2_138_945),
    "L2 0.01": (134_709, 111_880, 16_444, 45_376, 104_880, 160_769, 436_508),
    "L2 0.001": (212_683, 177_633, 17_603, 106_063, 170_731, 259_086, 729_648),
    "L2 0.0001": (172_255, 153_915, 18_353, 43_322, 145_551, 226_072, 575_574),
}
KERNEL = {
    "none": (133_488, 124_802, 18_435, None, 94_750, None, 501_912),
    "L1 0.1": (43_661_530, 362_723, 43_048_340, None, 43_704_990, None, 44_318_460),
    "L1 0.01": (43_607_840, 362_003, 42_909_400, None, 43_611_930, None, 44_493_790),
    "L1 0.001": (43_670_090, 408_947, 42_737_140, None, 43_650_380, None, 44_267_040),
    "L1 0.0001": (624_835, 690_133, 50_190, None, 404_816, None, 2_440_510),
    "L2 0.1": (43_694_780, 408_395, 43_014_230, None, 43_751_850, None, 44_537_830),
    "L2 0.01": (75_662_190, 127_140_500, 664_679, None, 43_219_900, None, 503_389_500),
    "L2 0.001": (2_878_313, 2_529_282, 98_492, None, 1_783_012, None, 9_283_874),
    "L2 0.0001": (1_050_728, 2_446_572, 27_405, None, 413_397, None, 13_448_000),
}
WINNER = "L2 0.01"
"""The conclusion of the article: this on the bias."""
RECURRENT_LARGEST = {
    "none": 698_000,
    "L1 0.1": 172_000,
    "L1 0.01": 110_000,
    "L1 0.001": 288_000,
    "L1 0.0001": 179_000,
    "L2 0.1": 130_000,
    "L2 0.01": 237_000,
    "L2 0.001": 126_000,
    "L2 0.0001": 515_000,
}
"""Read off the picture of the recurrent experiment: the largest of 30."""
ACTIVITY_LARGEST = {"L1 0.001": 7e8, "L2 0.001": 2.6e5}
"""Read off the picture of the activity experiment."""


def published_table(term: str) -> dict[str, tuple[float | None, ...]]:
    """The published describe() table of a term, as far as it is known, in the order of `COLUMNS`."""
    if term in ("bias", "kernel"):
        return dict(BIAS if term == "bias" else KERNEL)
    largest = RECURRENT_LARGEST if term == "recurrent" else ACTIVITY_LARGEST
    return {setting: (None,) * (len(COLUMNS) - 1) + (value,) for setting, value in largest.items()}
