"""Models: networks that are trained, and opponents that are not.

A new model is one file and one line here. A user's own network needs no line: hand its settings over as they are.
"""

from __future__ import annotations

from coincast.models.autoregressive import Autoregression
from coincast.models.averages import ExponentialAverage, WeightedAverage
from coincast.models.boosting import LightGBM
from coincast.models.cnn import CNN
from coincast.models.dense import Dense
from coincast.models.dlinear import DLinear
from coincast.models.forecaster import Forecaster, Network
from coincast.models.garch import GARCH
from coincast.models.gru import GRU
from coincast.models.har import HAR
from coincast.models.linear import Linear
from coincast.models.lstm import LSTM
from coincast.models.naive import Drift, Naive
from coincast.models.nlinear import NLinear
from coincast.models.oracle import Oracle
from coincast.models.patchtst import PatchTST
from coincast.models.prophet import Prophet
from coincast.models.random_walk import RandomWalk
from coincast.models.regression import Ridge
from coincast.models.rnn import RNN
from coincast.models.robust import RobustAutoregression
from coincast.models.seasonal import SeasonalNaive
from coincast.models.statistical import ARIMA, ETS, Theta
from coincast.models.tcn import TCN
from coincast.models.volatility import EWMAVolatility, VolatilityCone

MODELS: dict[str, type[Network] | type[Forecaster]] = {
    "lstm": LSTM,
    "gru": GRU,
    "rnn": RNN,
    "cnn": CNN,
    "tcn": TCN,
    "patchtst": PatchTST,
    "dense": Dense,
    "linear": Linear,
    "dlinear": DLinear,
    "nlinear": NLinear,
    "naive": Naive,
    "drift": Drift,
    "seasonal_naive": SeasonalNaive,
    "average": WeightedAverage,
    "ewma": ExponentialAverage,
    "ar": Autoregression,
    "robust_ar": RobustAutoregression,
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
