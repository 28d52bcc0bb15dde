"""Models: networks that are trained, and opponents that are not.

A new model is one file and one line here. A user's own network needs no line: hand its settings over as they are.
"""

from __future__ import annotations

from coincast.models.autoregressive import Autoregression
from coincast.models.averages import ExponentialAverage, WeightedAverage
from coincast.models.boosting import LightGBM
from coincast.models.forecaster import Forecaster, Network
from coincast.models.garch import GARCH
from coincast.models.har import HAR
from coincast.models.lstm import LSTM
from coincast.models.naive import Drift, Naive
from coincast.models.oracle import Oracle
from coincast.models.prophet import Prophet
from coincast.models.random_walk import RandomWalk
from coincast.models.regression import Ridge
from coincast.models.seasonal import SeasonalNaive
from coincast.models.statistical import ARIMA, ETS, Theta
from coincast.models.volatility import EWMAVolatility, VolatilityCone

MODELS: dict[str, type[Network] | type[Forecaster]] = {
    "lstm": LSTM,
    "naive": Naive,
    "drift": Drift,
    "seasonal_naive": SeasonalNaive,
    "average": WeightedAverage,
    "ewma": ExponentialAverage,
    "ar": Autoregression,
    "arima": ARIMA,
    "ets": ETS,
    "theta": Theta,
    "prophet": Prophet,
    "ridge": Ridge,
    "lightgbm": LightGBM,
    "random_walk": RandomWalk,
    "oracle": Oracle,
    "ewma_volatility": EWMAVolatility,
    "volatility_cone": VolatilityCone,
    "garch": GARCH,
    "har": HAR,
}
