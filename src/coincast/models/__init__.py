"""Models: networks that are trained, and opponents that are not.

A new model is one file and one line here. A user's own network needs no line: hand its settings over as they are.
"""

from __future__ import annotations

from coincast.models.autoregressive import Autoregression
from coincast.models.averages import WeightedAverage
from coincast.models.forecaster import Forecaster, Network
from coincast.models.lstm import LSTM
from coincast.models.naive import Drift, Naive
from coincast.models.oracle import Oracle
from coincast.models.random_walk import RandomWalk

MODELS: dict[str, type[Network] | type[Forecaster]] = {
    "lstm": LSTM,
    "naive": Naive,
    "drift": Drift,
    "average": WeightedAverage,
    "ar": Autoregression,
    "random_walk": RandomWalk,
    "oracle": Oracle,
}
