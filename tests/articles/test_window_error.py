"""The articles' figure of forecasts that were made in another way: on the articles' own windows only."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from coincast.articles.fahimi.days import take_days
from coincast.articles.fahimi.errors import persistence_of
from coincast.articles.window_error import error_on_windows, window_error
from coincast.experiments.run import run_experiment
from coincast.experiments.spec import Spec
from coincast.sources.simulated import simulate


@pytest.fixture(scope="module")
def candles() -> pl.DataFrame:
    return simulate("walk", candles=160, coins=2, start="2016-01-01", seed=4)


def test_only_windows_of_the_article_count(candles: pl.DataFrame) -> None:
    days = take_days(candles)
    told = {
        "name": "every-day",
        "data": {"markets": list(days.markets)},
        "samples": {"lookback": 7, "target": "window_change", "scaling": "window", "features": ["close"]},
        "split": {"test": len(days.test), "validation": 0},
        "models": ["naive", "drift"],
    }
    forecasts = run_experiment(Spec.from_dict(told), candles, beside=False).forecasts
    for market, samples in enumerate(days.samples):
        own = forecasts.filter(pl.col("market") == samples.market, pl.col("model") == "drift").sort("target_time")
        assert (own.height, len(days.windows("test"))) == (32, 25)
        last = own.tail(25).to_dicts()  # the first seven test days are never forecast by the article
        slow = np.mean([abs(row["value"] - row["actual"]) / row["first_close"] for row in last])
        assert error_on_windows(forecasts, "drift", samples, days.windows("test")) == pytest.approx(slow)
        naive = error_on_windows(forecasts, "naive", samples, days.windows("test"))
        assert naive == pytest.approx(persistence_of(days, market).mae)
        assert naive == pytest.approx(error_on_windows(forecasts, "drift", samples, days.windows("test"), "last_close"))
        assert window_error(own) != pytest.approx(slow)
