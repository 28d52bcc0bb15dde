"""Coincast: forecast cryptocurrency prices with deep learning, and learn whether the forecast is worth anything.

Names are loaded when they are first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from coincast.candles.join import join_outside
    from coincast.candles.quality import examine
    from coincast.candles.resample import resample
    from coincast.candles.store import read_stored
    from coincast.errors import CoincastError, DataError, UsageError
    from coincast.experiments.ablation.ablate import ablate
    from coincast.experiments.ablation.report import Ablation
    from coincast.experiments.audit.audit import audit
    from coincast.experiments.audit.report import Audit
    from coincast.experiments.compare import compare
    from coincast.experiments.fitted.fit import fit
    from coincast.experiments.fitted.loading import load
    from coincast.experiments.fitted.model import FittedModel
    from coincast.experiments.forecast import Outlook, forecast
    from coincast.experiments.judge import Judgement, judge
    from coincast.experiments.result import Result
    from coincast.experiments.spec import Spec
    from coincast.models.autoregressive import Autoregression
    from coincast.models.averages import ExponentialAverage, WeightedAverage
    from coincast.models.boosting import LightGBM
    from coincast.models.cnn import CNN
    from coincast.models.dense import Dense
    from coincast.models.dlinear import DLinear
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
    from coincast.sources.exchange.download import download
    from coincast.sources.files import read_candles
    from coincast.sources.importing import import_files
    from coincast.sources.outside import read_outside
    from coincast.sources.simulated import simulate
    from coincast.training.recipe import Recipe

_HOMES = {
    "join_outside": "candles.join",
    "examine": "candles.quality",
    "resample": "candles.resample",
    "read_stored": "candles.store",
    "CoincastError": "errors",
    "DataError": "errors",
    "UsageError": "errors",
    "ablate": "experiments.ablation.ablate",
    "Ablation": "experiments.ablation.report",
    "audit": "experiments.audit.audit",
    "Audit": "experiments.audit.report",
    "compare": "experiments.compare",
    "Outlook": "experiments.forecast",
    "forecast": "experiments.forecast",
    "fit": "experiments.fitted.fit",
    "load": "experiments.fitted.loading",
    "FittedModel": "experiments.fitted.model",
    "Judgement": "experiments.judge",
    "judge": "experiments.judge",
    "Result": "experiments.result",
    "Spec": "experiments.spec",
    "Autoregression": "models.autoregressive",
    "ExponentialAverage": "models.averages",
    "WeightedAverage": "models.averages",
    "LightGBM": "models.boosting",
    "LSTM": "models.lstm",
    "CNN": "models.cnn",
    "Dense": "models.dense",
    "DLinear": "models.dlinear",
    "GRU": "models.gru",
    "Linear": "models.linear",
    "NLinear": "models.nlinear",
    "PatchTST": "models.patchtst",
    "RNN": "models.rnn",
    "TCN": "models.tcn",
    "Drift": "models.naive",
    "Naive": "models.naive",
    "Oracle": "models.oracle",
    "Prophet": "models.prophet",
    "EWMAVolatility": "models.volatility",
    "VolatilityCone": "models.volatility",
    "GARCH": "models.garch",
    "HAR": "models.har",
    "RandomWalk": "models.random_walk",
    "Ridge": "models.regression",
    "RobustAutoregression": "models.robust",
    "SeasonalNaive": "models.seasonal",
    "ARIMA": "models.statistical",
    "ETS": "models.statistical",
    "Theta": "models.statistical",
    "download": "sources.exchange.download",
    "read_candles": "sources.files",
    "import_files": "sources.importing",
    "read_outside": "sources.outside",
    "simulate": "sources.simulated",
    "Recipe": "training.recipe",
}

__all__ = [
    "ARIMA",
    "CNN",
    "ETS",
    "GARCH",
    "GRU",
    "HAR",
    "LSTM",
    "RNN",
    "TCN",
    "Ablation",
    "Audit",
    "Autoregression",
    "CoincastError",
    "DLinear",
    "DataError",
    "Dense",
    "Drift",
    "EWMAVolatility",
    "ExponentialAverage",
    "FittedModel",
    "Judgement",
    "LightGBM",
    "Linear",
    "NLinear",
    "Naive",
    "Oracle",
    "Outlook",
    "PatchTST",
    "Prophet",
    "RandomWalk",
    "Recipe",
    "Result",
    "Ridge",
    "RobustAutoregression",
    "SeasonalNaive",
    "Spec",
    "Theta",
    "UsageError",
    "VolatilityCone",
    "WeightedAverage",
    "__version__",
    "ablate",
    "audit",
    "compare",
    "download",
    "examine",
    "fit",
    "forecast",
    "import_files",
    "join_outside",
    "judge",
    "load",
    "read_candles",
    "read_outside",
    "read_stored",
    "resample",
    "simulate",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(f"coincast.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'coincast' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
