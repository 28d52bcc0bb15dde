"""Prophet: a curve of time, with changing trend and seasons (Taylor and Letham 2018)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import polars as pl
from jaxtyping import Float, Int

from coincast.candles.table import add_intervals
from coincast.errors import MissingPackageError, UsageError
from coincast.models.statistical import check_length
from coincast.samples.samples import Samples
from coincast.samples.splits import Part


@dataclass(frozen=True)
class Prophet:
    """Prophet's curve through the log price of the training rows: trend with breaks, and the seasons that fit in.

    The curve is a function of time alone: after training no close moves it. From an origin it is therefore asked for
    the change that it makes from there to the target, and that is put on the last known close. It is fitted once on
    the training rows, never at an origin; a walk-forward that refits hands it later training rows.

    Attributes:
        n_changepoints: places in the first 80 % of the training rows where the trend may break.
        changepoint_prior_scale: how readily it breaks; above 0.
        from_last_close: without it the forecast is the curve itself, wherever the price has gone meanwhile, which is
            how Prophet is usually shown.
    """

    n_changepoints: int = 25
    changepoint_prior_scale: float = 0.05
    from_last_close: bool = True
    learns: ClassVar[bool] = True
    extrapolates: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.n_changepoints < 0:
            raise UsageError(f"prophet: n_changepoints is {self.n_changepoints}; allowed: 0 or more")
        if not 0 < self.changepoint_prior_scale < np.inf:
            raise UsageError(
                f"prophet: changepoint_prior_scale is {self.changepoint_prior_scale}; allowed: above 0, such as 0.05"
            )

    def forecast(
        self, samples: Samples, *, training: Part, origins: Int[np.ndarray, "origin"], seed: int
    ) -> Float[np.ndarray, "origin horizon"]:
        check_length("prophet", samples, training)
        if len(origins) == 0:
            return np.empty((0, samples.windows.horizon))
        times = _times_ahead(samples, origins)
        curve = self._fit_curve(samples, training, times, seed)
        if not self.from_last_close:
            return np.asarray(np.exp(curve[:, 1:]))
        return np.asarray(samples.close[origins][:, None] * np.exp(curve[:, 1:] - curve[:, :1]))

    def _fit_curve(
        self, samples: Samples, training: Part, times: Int[np.ndarray, "origin time"], seed: int
    ) -> Float[np.ndarray, "origin time"]:
        """The curve of the training rows at some times, log price."""
        prophet = _import_prophet()
        import pandas as pd

        rows = slice(training.first, training.end)
        known = pd.DataFrame(
            {"ds": pd.to_datetime(samples.close_time[rows], unit="ms"), "y": np.log(samples.close[rows])}
        )
        # Prophet hands its answers back in order of time, whatever the order of the questions.
        asked, places = np.unique(times, return_inverse=True)
        with _quietly("prophet", "cmdstanpy"):
            model = prophet.Prophet(
                n_changepoints=self.n_changepoints,
                changepoint_prior_scale=self.changepoint_prior_scale,
                uncertainty_samples=0,
            )
            model.fit(known, seed=seed)
            curve = model.predict(pd.DataFrame({"ds": pd.to_datetime(asked, unit="ms")}))["yhat"].to_numpy()
        return np.asarray(curve[places].reshape(times.shape))


def _times_ahead(samples: Samples, origins: Int[np.ndarray, "origin"]) -> Int[np.ndarray, "origin time"]:
    """Close times of each origin and of its target candles, milliseconds since 1970."""
    steps = np.arange(samples.windows.horizon + 1)
    frame = pl.DataFrame(
        {"time": np.repeat(samples.close_time[origins], len(steps)), "step": np.tile(steps, len(origins))}
    )
    origin = pl.from_epoch("time", "ms").dt.replace_time_zone("UTC")
    ahead = frame.select(add_intervals(origin, samples.interval, pl.col("step")).dt.epoch("ms"))
    return ahead.to_series().to_numpy().reshape(len(origins), len(steps))


@contextmanager
def _quietly(*names: str) -> Iterator[None]:
    """Let these loggers tell warnings only: Stan says when it starts and when it is done, at every fit."""
    loggers = [logging.getLogger(name) for name in names]
    for logger in loggers:
        logger.addFilter(_is_warning)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(_is_warning)


def _is_warning(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING


def _import_prophet() -> Any:
    try:
        import prophet
    except ModuleNotFoundError:
        raise MissingPackageError("prophet", "the model prophet", "coincast[prophet]") from None
    return prophet
