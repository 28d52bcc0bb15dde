"""ARIMA, ETS and Theta on the log price, as statsforecast fits them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Int

from coincast.errors import MissingPackageError, TooFewRowsError, UsageError
from coincast.samples.samples import Samples
from coincast.samples.splits import Part

FEWEST_CLOSES = 20
"""Closes that a statistical model needs, for its parameters as for its state at an origin."""

CRITERIA = ("aicc", "aic", "bic")
TRENDS: dict[str, dict[str, Any]] = {
    "auto": {"model": "AZN"},
    "none": {"model": "ANN"},
    "additive": {"model": "AAN", "damped": False},
    "damped": {"model": "AAN", "damped": True},
}
VARIANTS = ("auto", "STM", "OTM", "DSTM", "DOTM")


@dataclass(frozen=True)
class ARIMA:
    """ARIMA(p, d, q) on the log price, its orders chosen stepwise on the training rows (Hyndman and Khandakar 2008).

    Orders are compared by conditional sums of squares, the chosen ones are estimated by maximum likelihood. With one
    difference, it is an ARMA model of log returns, with a drift where the criterion wants one. See `forecast_onwards`
    for what it knows at an origin.

    Attributes:
        max_p: most autoregressive lags.
        max_q: most moving-average lags.
        d: differences, 0 to 2.
        criterion: "aicc", "aic" or "bic".
    """

    max_p: int = 5
    max_q: int = 5
    d: int = 1
    criterion: str = "aicc"
    learns: ClassVar[bool] = True
    extrapolates: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name, value in (("max_p", self.max_p), ("max_q", self.max_q)):
            if value < 0:
                raise UsageError(f"arima: {name} is {value}; allowed: 0 lags or more")
        if self.d not in (0, 1, 2):
            raise UsageError(f"arima: d is {self.d}; allowed: 0, 1 or 2 differences")
        if self.criterion not in CRITERIA:
            raise UsageError(f"arima: criterion is {self.criterion!r}; allowed: {', '.join(CRITERIA)}")

    def forecast(
        self, samples: Samples, *, training: Part, origins: Int[np.ndarray, "origin"], seed: int
    ) -> Float[np.ndarray, "origin horizon"]:
        model = _statsforecast("arima").AutoARIMA(
            d=self.d,
            max_p=self.max_p,
            max_q=self.max_q,
            start_p=min(2, self.max_p),
            start_q=min(2, self.max_q),
            seasonal=False,
            ic=self.criterion,
            approximation=True,
        )
        return forecast_onwards("arima", model, samples, training, origins)


@dataclass(frozen=True)
class ETS:
    """Exponential smoothing in state-space form on the log price (Hyndman, Koehler, Ord and Snyder 2008).

    Errors and trend are additive: on a log that is a multiplicative model of the price, and a log may be negative. See
    `forecast_onwards` for what it knows at an origin.

    Attributes:
        trend: "none" (simple exponential smoothing), "additive" (Holt), "damped", or "auto" for the one with the
            smallest AICc on the training rows.
    """

    trend: str = "auto"
    learns: ClassVar[bool] = True
    extrapolates: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.trend not in TRENDS:
            raise UsageError(f"ets: trend is {self.trend!r}; allowed: {', '.join(TRENDS)}")

    def forecast(
        self, samples: Samples, *, training: Part, origins: Int[np.ndarray, "origin"], seed: int
    ) -> Float[np.ndarray, "origin horizon"]:
        model = _statsforecast("ets").AutoETS(season_length=1, **TRENDS[self.trend])
        return forecast_onwards("ets", model, samples, training, origins)


@dataclass(frozen=True)
class Theta:
    """The Theta method on the log price (Assimakopoulos and Nikolopoulos 2000; Fiorucci et al. 2016).

    See `forecast_onwards` for what it knows at an origin.

    Attributes:
        variant: standard or optimised ("STM", "OTM"), their dynamic forms ("DSTM", "DOTM"), or "auto" for the one with
            the smallest squared error on the training rows.
    """

    variant: str = "auto"
    learns: ClassVar[bool] = True
    extrapolates: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.variant not in VARIANTS:
            raise UsageError(f"theta: variant is {self.variant!r}; allowed: {', '.join(VARIANTS)}")

    def forecast(
        self, samples: Samples, *, training: Part, origins: Int[np.ndarray, "origin"], seed: int
    ) -> Float[np.ndarray, "origin horizon"]:
        model = _statsforecast("theta").AutoTheta(
            season_length=1, model=None if self.variant == "auto" else self.variant
        )
        return forecast_onwards("theta", model, samples, training, origins)


def forecast_onwards(
    name: str, model: Any, samples: Samples, training: Part, origins: Int[np.ndarray, "origin"]
) -> Float[np.ndarray, "origin horizon"]:
    """Fit once on the training rows; then, at each origin, run the fitted model over the past up to it.

    Orders and parameters come from the training rows alone. The state (levels, slopes, the last shocks) comes from the
    closes from the first training row to the origin, and from no later one. The forecast is the change that the model
    expects, from the last known close on. An origin with fewer than `FEWEST_CLOSES` closes behind it, and a training
    part whose price never moves, get the naive forecast.

    Args:
        name: the model's, for errors.
        model: of statsforecast, with `fit` and `forward`.
        samples: candles of the market.
        training: rows to fit on.
        origins: rows to forecast from.

    Raises:
        TooFewRowsError: fewer than `FEWEST_CLOSES` training rows.
    """
    check_length(name, samples, training)
    path = join_stretches(samples)[training.first :]
    change = np.zeros((len(origins), samples.windows.horizon))
    known = path[: len(training)]
    if np.ptp(known) > 0:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "possible convergence problem", UserWarning)
            fitted = model.fit(known)
            for place, origin in enumerate(origins.tolist()):
                past = path[: max(0, origin + 1 - training.first)]
                if len(past) >= FEWEST_CLOSES:
                    change[place] = fitted.forward(past, h=samples.windows.horizon)["mean"] - past[-1]
    return np.asarray(samples.close[origins][:, None] * np.exp(change))


def join_stretches(samples: Samples) -> Float[np.ndarray, "row"]:
    """Log price whose changes are the log returns inside gap-free stretches; it stands still across a gap.

    What a price did while nobody looked is no return of one interval, and to these models it would be a shock like
    any other.
    """
    log_close = np.log(samples.close)
    returns = np.diff(log_close, prepend=log_close[0])
    returns[1:][samples.open_time[1:] != samples.close_time[:-1]] = 0
    return np.asarray(log_close[0] + np.cumsum(returns))


def check_length(name: str, samples: Samples, training: Part) -> None:
    """Refuse a training part that is too short to tell parameters from noise.

    Raises:
        TooFewRowsError: fewer than `FEWEST_CLOSES` rows.
    """
    if len(training) < FEWEST_CLOSES:
        raise TooFewRowsError(
            f"{name}: {samples.market} has {len(training)} training rows, and {FEWEST_CLOSES} are needed; "
            "give more candles"
        )


def _statsforecast(name: str) -> Any:
    """The models of statsforecast.

    Raises:
        MissingPackageError: it is not installed.
    """
    try:
        return import_module("statsforecast.models")
    except ModuleNotFoundError:
        raise MissingPackageError("statsforecast", f"the model {name}", "coincast[stats]") from None
