"""GARCH: volatility that comes in clusters and returns to its mean."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Int

from coincast.errors import MissingPackageError, TooFewRowsError, UsageError
from coincast.models.volatility import training_returns
from coincast.samples.samples import Samples
from coincast.samples.splits import Part
from coincast.samples.volatility import naive_volatility, returns_into_rows

DISTRIBUTIONS = ("normal", "t", "skewt", "ged")
MEANS = {"zero": "Zero", "constant": "Constant"}
FEWEST_RETURNS = 50
TOLERANCE = 1e-9
"""Of the likelihood, where the search ends. At the usual 1e-6 the constant may still be several percent off."""


@dataclass(frozen=True)
class Parameters:
    """A fitted GARCH, in squared log returns.

    Attributes:
        mean: of the returns.
        omega: constant of the variance.
        alphas: weights of the last squared shocks, newest first.
        betas: weights of the last variances, newest first.
        start: squared shocks and variances before the first return.
    """

    mean: float
    omega: float
    alphas: tuple[float, ...]
    betas: tuple[float, ...]
    start: float


@dataclass(frozen=True)
class GARCH:
    """GARCH(p, q) of Bollerslev (1986) on log returns, its parameters by maximum likelihood from arch.

        r_t = mean + e_t,  v_t = omega + sum of alpha_i e_(t-i)^2 + sum of beta_j v_(t-j)

    Fitted once on the training rows; then the same recursion runs on over the returns up to each origin. The forecast
    is sqrt(v_(t+1) + ... + v_(t+K) + K mean^2), each v the expected one. Returns are joined where candles are missing.
    An origin with no training return behind it, and a training part whose price never moves, get the naive forecast.

    Attributes:
        p: squared shocks that count.
        q: variances that count; without any it is ARCH(p).
        distribution: of the shocks in the likelihood: "normal", "t", "skewt" or "ged". Prices have fat tails, and under
            the normal one a crash moves the parameters more.
        mean: "zero" or "constant".
    """

    p: int = 1
    q: int = 1
    distribution: str = "t"
    mean: str = "zero"
    learns: ClassVar[bool] = True
    quantity: ClassVar[str] = "volatility"

    def __post_init__(self) -> None:
        for name, value, least in (("p", self.p, 1), ("q", self.q, 0)):
            if value < least:
                raise UsageError(f"garch: {name} is {value}; allowed: {least} or more")
        if self.distribution not in DISTRIBUTIONS:
            raise UsageError(f"garch: distribution is {self.distribution!r}; allowed: {', '.join(DISTRIBUTIONS)}")
        if self.mean not in MEANS:
            raise UsageError(f"garch: mean is {self.mean!r}; allowed: {', '.join(MEANS)}")

    def forecast(
        self, samples: Samples, *, training: Part, origins: Int[np.ndarray, "origin"], seed: int
    ) -> Float[np.ndarray, "origin 1"]:
        arch = _import_arch()
        known = training_returns(samples, training)
        known = known[np.isfinite(known)]
        if len(known) < FEWEST_RETURNS:
            raise TooFewRowsError(
                f"garch: {samples.market} has {len(known)} training returns, and {FEWEST_RETURNS} are needed; "
                "give more candles"
            )
        naive = naive_volatility(samples, origins)
        if not known.any():
            return naive
        parameters = fit_garch(arch, self, known)
        returns = returns_into_rows(samples)
        returns[: training.first + 1] = np.nan
        is_known = np.isfinite(returns)
        seen = np.cumsum(is_known)[origins]
        variance = forecast_variance(parameters, returns[is_known], seen, samples.windows.horizon)
        return np.where(seen[:, None] > 0, np.sqrt(variance)[:, None], naive)


def fit_garch(arch: Any, settings: GARCH, returns: Float[np.ndarray, "_return"]) -> Parameters:
    """Parameters by maximum likelihood; the recursion starts at the mean squared return.

    Returns are brought to a mean square of 1 first, where the optimiser works best and no unit matters. Where it finds
    no optimum, as on returns without clusters it may not, the best that it saw is taken.
    """
    scale = float(np.sqrt(np.mean(returns**2)))
    model = arch.arch_model(
        returns / scale,
        mean=MEANS[settings.mean],
        vol="GARCH",
        p=settings.p,
        q=settings.q,
        dist=settings.distribution,
        rescale=False,
    )
    values = model.fit(disp="off", show_warning=False, backcast=1.0, tol=TOLERANCE).params.tolist()
    mean = values.pop(0) if settings.mean == "constant" else 0.0
    omega, *weights = values
    alphas, betas = weights[: settings.p], weights[settings.p : settings.p + settings.q]
    return Parameters(mean * scale, omega * scale**2, tuple(alphas), tuple(betas), start=scale**2)


def filter_variance(parameters: Parameters, squares: Float[np.ndarray, "_return"]) -> Float[np.ndarray, "_return"]:
    """Variance expected at each return, from the squared shocks before it."""
    p, q = len(parameters.alphas), len(parameters.betas)
    before = np.concatenate([np.full(p, parameters.start), squares])
    driven = np.full(len(squares), parameters.omega)
    for lag, alpha in enumerate(parameters.alphas, start=1):
        driven += alpha * before[p - lag : len(before) - lag]
    variances = [parameters.start] * q
    for value in driven.tolist():
        newest_first = variances[: -q - 1 : -1]
        variances.append(value + sum(beta * one for beta, one in zip(parameters.betas, newest_first, strict=True)))
    return np.array(variances[q:])


def forecast_variance(
    parameters: Parameters, returns: Float[np.ndarray, "_return"], seen: Int[np.ndarray, "origin"], horizon: int
) -> Float[np.ndarray, "origin"]:
    """Expected sum of the next `horizon` squared returns when `seen` returns have been seen.

    Beyond the next candle a squared shock is expected to be its variance, so that the recursion runs on by itself.
    """
    squares = (returns - parameters.mean) ** 2
    variances = filter_variance(parameters, squares)
    shocks = _newest_first(squares, seen, len(parameters.alphas), parameters.start)
    levels = _newest_first(variances, seen, len(parameters.betas), parameters.start)
    total = np.full(len(seen), horizon * parameters.mean**2)
    for _ in range(horizon):
        expected = np.full(len(seen), parameters.omega)
        for weight, value in zip((*parameters.alphas, *parameters.betas), (*shocks, *levels), strict=True):
            expected += weight * value
        total += expected
        shocks, levels = ([expected, *values][: len(values)] for values in (shocks, levels))
    return total


def _newest_first(
    values: Float[np.ndarray, "_return"], seen: Int[np.ndarray, "origin"], count: int, start: float
) -> list[Float[np.ndarray, "origin"]]:
    """The last `count` of the values that have been seen; `start` stands before the first."""
    return [np.concatenate([np.full(lag, start), values])[seen] for lag in range(1, count + 1)]


def _import_arch() -> Any:
    """The package arch.

    Raises:
        MissingPackageError: it is not installed.
    """
    try:
        return import_module("arch")
    except ModuleNotFoundError:
        raise MissingPackageError("arch", "the model garch", "coincast[stats]") from None
