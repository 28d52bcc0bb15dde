"""What is trained, by us and by every peer: the rows of the table that are ratios.

A step is one batch of one run. The work of a step is counted by a formula, not measured: two operations for each
multiplication with addition in the products of the forward pass, times three for a whole training step (the backward
pass forms two products for each of the forward one: for the gradient of its input and for that of its weights). Gates,
activations, the loss and Adam are left out, for us as for the peers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from engine.prices import SHAPES

TRAINING = 3
"""A training step costs so many times its forward pass."""
GATES = {"lstm": 4, "gru": 3}
FILTERS, KERNELS, STRIDES = (8, 1), (20, 16), (3, 4)
"""Article 2's CNN of two layers: 256 inputs become 79 and then 16 positions."""


@dataclass(frozen=True)
class Job:
    """One network on one set of windows.

    Attributes:
        network: "lstm", "gru" or "cnn".
        data: a name of `SHAPES`.
        runs: how many of them are trained.
        batch: windows of a step.
        units: sizes of the recurrent layers.
        dropout: after each layer but the output.
        output: activation of the output: "linear", "leaky_relu" (slope 0.3) or "tanh".
        loss: "mae" or "mse".
    """

    network: str
    data: str
    runs: int
    batch: int
    units: tuple[int, ...] = ()
    dropout: float = 0.0
    output: str = "linear"
    loss: str = "mae"

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Job:
        """From JSON, which has no tuples."""
        return cls(**{**values, "units": tuple(values["units"])})

    @property
    def steps_per_epoch(self) -> int:
        return -(-SHAPES[self.data].windows // self.batch)

    @property
    def operations(self) -> float:
        """Floating-point operations of one run and step, the mean over an epoch, whose last batch may be smaller."""
        return TRAINING * forward_operations(self) * SHAPES[self.data].windows / self.steps_per_epoch


def forward_operations(job: Job) -> int:
    """Floating-point operations of the products in one forward pass of one window."""
    shape = SHAPES[job.data]
    if job.network == "cnn":
        total, length, channels = 0, shape.lookback, shape.features
        for filters, width, stride in zip(FILTERS, KERNELS, STRIDES, strict=True):
            length = (length - width) // stride + 1
            total += 2 * length * width * channels * filters
            channels = filters
        return total
    sizes = (shape.features, *job.units)
    layers = sum((inputs + units) * GATES[job.network] * units for inputs, units in pairwise(sizes))
    return 2 * (shape.lookback * layers + job.units[-1] * shape.horizon)


@dataclass(frozen=True)
class Race:
    """A row that is a ratio to peers.

    Attributes:
        title: what the table calls it.
        job: what everyone trains.
        wanted: least ratio to a peer.
        share: least share of the rate of a large matrix product.
        only_accelerator: whether it is left out on a CPU.
    """

    title: str
    job: Job
    wanted: Mapping[str, float] = field(default_factory=dict)
    share: float | None = None
    only_accelerator: bool = False


def _article_0(runs: int, batch: int) -> Job:
    return Job("lstm", "article-0", runs, batch, units=(20,), dropout=0.25)


def _article_2(network: str, runs: int) -> Job:
    if network == "cnn":
        return Job("cnn", "article-2", runs, 8, dropout=0.5, loss="mse")
    return Job(network, "article-2", runs, 8, units=(50,), dropout=0.2, output="leaky_relu", loss="mse")


RACES: dict[str, Race] = {
    "lstm20": Race(
        "LSTM(20), 10 x 8 to 1, batch 1, 25 runs",
        _article_0(25, 1),
        {"torch": 120, "keras": 30, "neuralforecast": 400},
    ),
    "lstm20-batch-32": Race("LSTM(20), 10 x 8 to 1, batch 32, 25 runs", _article_0(25, 32), {"torch": 15}),
    "lstm50": Race("LSTM(50), 256 to 16, batch 8, one run", _article_2("lstm", 1), {"torch": 1}),
    "lstm50-8": Race("LSTM(50), 256 to 16, batch 8, 8 runs", _article_2("lstm", 8), {"torch": 2.5}),
    "gru50": Race("GRU(50), 256 to 16, batch 8, one run", _article_2("gru", 1), {"torch": 1}),
    "gru50-8": Race("GRU(50), 256 to 16, batch 8, 8 runs", _article_2("gru", 8), {"torch": 2.5}),
    "cnn": Race("CNN of 2 layers, 256 to 16, batch 8, one run", _article_2("cnn", 1), {"torch": 4}),
    "cnn-26": Race("CNN of 2 layers, 256 to 16, batch 8, 26 runs", _article_2("cnn", 26), {"torch": 12}),
    "lstm512": Race(
        "3 x LSTM(512), 7 x 4 to 1, batch 128, one run",
        Job("lstm", "article-1", 1, 128, units=(512, 512, 512), dropout=0.25, output="tanh", loss="mse"),
        {"torch": 1},
        share=0.7,
    ),
    "lstm20-1000": Race("LSTM(20), 10 x 8 to 1, batch 1, 1,000 runs", _article_0(1_000, 1), only_accelerator=True),
    "lstm20-10000": Race("LSTM(20), 10 x 8 to 1, batch 1, 10,000 runs", _article_0(10_000, 1), only_accelerator=True),
}
