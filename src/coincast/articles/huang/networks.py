"""The ten networks of the article's table, and what each of them can see."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import polars as pl

from coincast.articles.huang.published import HORIZON, LOOKBACK

ACTIVATIONS = {"ReLU": "relu", "LeakyReLU": "leaky_relu"}
SHAPES: dict[int, dict[str, Any]] = {
    2: {"filters": (8, 1), "kernels": (20, 16), "strides": (3, 4)},
    3: {"filters": (8, 8, 1), "kernels": (8, 8, 8), "strides": (3, 2, 2)},
    4: {"filters": (8, 8, 8, 1), "kernels": (2, 2, 2, 2), "strides": (2, 2, 2, 2)},
}
"""Of the CNN, by its number of layers."""


@dataclass(frozen=True)
class Configuration:
    """A row of the table.

    Attributes:
        name: as in `published.TABLE`.
        kind: "CNN", "LSTM" or "GRU".
        layers: as the table counts them.
        activation: "ReLU" or "LeakyReLU".
        settings: the network.
        stem: how the article's files end, after the series: `CNN_2_relu`.
    """

    name: str
    kind: str
    layers: int
    activation: str
    settings: Any
    stem: str


@cache
def configurations(*, second_tanh: bool = False) -> tuple[Configuration, ...]:
    """The ten networks, in the order of the table.

    Gates have the hard sigmoid of old Keras. The slope of LeakyReLU is Keras's 0.3.

    Args:
        second_tanh: a further tanh after the recurrent layer, as some versions of the scripts have it.
    """
    from coincast.models.cnn import CNN
    from coincast.models.gru import GRU
    from coincast.models.lstm import LSTM

    made = []
    for layers, shape in SHAPES.items():
        for word, activation in ACTIVATIONS.items():
            settings: Any = CNN(**shape, activation=activation, dropout=0.5, head="convolution")
            stem = f"CNN_{layers}_{activation.split('_')[0]}"
            made.append(Configuration(f"CNN {layers} {word}", "CNN", layers, word, settings, stem))
    for kind, network in (("LSTM", LSTM), ("GRU", GRU)):
        for word, activation in ACTIVATIONS.items():
            settings = network(
                units=50,
                dropout=0.2,
                after="tanh" if second_tanh else "linear",
                output_activation=activation,
                recurrent_activation="hard_sigmoid",
            )
            stem = f"{kind}_1_tanh_{activation.split('_')[0]}_"
            made.append(Configuration(f"{kind} tanh + {word}", kind, 1, word, settings, stem))
    return tuple(made)


def architectures() -> tuple[Configuration, ...]:
    """One network of each kind and number of layers, that with ReLU: an activation changes nothing of what is seen."""
    return configurations()[::2]


def count_parameters(settings: Any) -> int:
    """Trained numbers of a network."""
    from coincast.models.forecaster import Axes

    return sum(layer.parameters for layer in settings.layers(Axes(LOOKBACK, 1, HORIZON)))


def newest_seen(settings: Any) -> list[int]:
    """For each of the 16 steps the newest row of the window that it reads; 255 is the last close."""
    from coincast.models.forecaster import Axes

    if not hasattr(settings, "visible"):
        return [LOOKBACK - 1] * HORIZON
    return [rows[-1] for rows in settings.visible(Axes(LOOKBACK, 1, HORIZON))]


def mean_age(settings: Any) -> float:
    """Candles from the newest close that a step reads to its target, on average over the 16 steps."""
    return sum(LOOKBACK + step - row for step, row in enumerate(newest_seen(settings))) / HORIZON


def describe_views() -> pl.DataFrame:
    """What the steps of each network read: a row for each kind and number of layers."""
    from coincast.models.forecaster import Axes

    rows = []
    for one in architectures():
        reads = one.settings.visible(Axes(LOOKBACK, 1, HORIZON)) if one.kind == "CNN" else [range(LOOKBACK)] * HORIZON
        lengths = [LOOKBACK, *(layer.shape[0] for layer in one.settings.layers(Axes(LOOKBACK, 1, HORIZON)))]
        rows.append(
            {
                "network": f"CNN {one.layers}" if one.kind == "CNN" else one.kind,
                "parameters": count_parameters(one.settings),
                "lengths": " \N{RIGHTWARDS ARROW} ".join(map(str, dict.fromkeys(lengths))) if one.kind == "CNN" else "",
                "step 1 reads": f"{reads[0][0]} to {reads[0][-1]}",
                "step 16 reads": f"{reads[-1][0]} to {reads[-1][-1]}",
                "newest inputs never read": LOOKBACK - 1 - max(row[-1] for row in reads),
                "mean age of the newest input, candles": mean_age(one.settings),
            }
        )
    return pl.DataFrame(rows)
