"""Adding a model, a feature, a file form or a metric takes one file or function, and one line in a registry.

Each test is what `docs/architecture.md` says about it, done.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import equinox as eqx
import jax
import numpy as np
import polars as pl
import pytest
from jaxtyping import Array, Float, Key

import coincast as cc
from coincast.models import MODELS
from coincast.models.forecaster import Axes
from coincast.samples.features import FEATURES, Feature
from coincast.samples.samples import Samples
from coincast.samples.splits import Part
from coincast.scores.point import METRICS, Metric
from coincast.sources.formats import FORMATS, Format, Reading, ReadOptions
from coincast.tabular import parse_numbers, parse_times

SMALL = {"lookback": 4, "test": 100, "epochs": 2, "seeds": 2}


@pytest.fixture(scope="module")
def candles() -> pl.DataFrame:
    return cc.simulate("walk", candles=300, seed=3)


# ---------------------------------------------------------------- a model that needs no training


@dataclass(frozen=True)
class HalfWayBack:
    """The next closes lie half-way back to the close before the last."""

    share: float = 0.5
    learns: ClassVar[bool] = False

    def forecast(self, samples: Samples, *, training: Part, origins: np.ndarray, seed: int) -> np.ndarray:
        close, before = samples.close[origins], samples.close[np.maximum(origins - 1, 0)]
        return np.repeat((close + self.share * (before - close))[:, None], samples.windows.horizon, axis=1)


def test_a_forecaster_is_a_class_and_a_line(candles: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "half_way_back", HalfWayBack)
    result = cc.compare(
        candles, models=["half_way_back", {"name": "half_way_back", "label": "all", "share": 1.0}], **SMALL
    )
    assert set(result.leaderboard["model"]) == {"half_way_back", "all", "naive"}
    row = result.forecasts.filter((pl.col("model") == "all") & (pl.col("step") == 1)).row(5, named=True)
    before = candles.filter(pl.col("close_time") < row["origin"])["close"][-1]
    assert row["value"] == pytest.approx(before, rel=1e-12)
    with pytest.raises(cc.UsageError, match="did you mean 'share'"):
        cc.compare(candles, models=[{"name": "half_way_back", "shere": 1.0}])


# ---------------------------------------------------------------- a network


class Perceptron(eqx.Module):
    layer: eqx.nn.Linear

    def __call__(
        self, past: Float[Array, "lookback feature"], *, key: Key[Array, ""] | None = None
    ) -> Float[Array, "horizon output"]:
        return self.layer(past.reshape(-1))[:, None]


@dataclass(frozen=True)
class Linear:
    """A linear map from the window to the horizon."""

    def build(self, axes: Axes, *, key: Key[Array, ""]) -> Perceptron:
        return Perceptron(eqx.nn.Linear(axes.lookback * axes.feature, axes.horizon, key=key))


def test_a_network_is_a_class_and_a_line(candles: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "linear", Linear)
    result = cc.compare(candles, models=["linear"], **SMALL)
    assert result.runs.filter(pl.col("model") == "linear")["parameters"].to_list() == [5, 5]
    assert "linear.ensemble" in result.leaderboard["model"]
    assert np.isfinite(result.forecasts["value"].to_numpy()).all()


def test_a_users_own_network_needs_no_line(candles: pl.DataFrame) -> None:
    result = cc.compare(candles, models=[Linear()], **SMALL)
    assert result.headline["model"] == "linear.ensemble"
    assert jax.tree.leaves(Linear().build(Axes(4, 1, 1), key=jax.random.key(0)))[0].shape == (1, 4)


# ---------------------------------------------------------------- a feature


def body_share(candles: pl.DataFrame) -> pl.Series:
    """`|close - open| / (high - low)`."""
    return (candles["close"] - candles["open"]).abs() / (candles["high"] - candles["low"])


def test_a_feature_is_a_function_and_a_line(candles: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FEATURES, "body_share", Feature(body_share, False, "|close - open| / (high - low)"))
    result = cc.compare(candles, models=[Linear()], features=["body_share", "log_return"], **SMALL)
    inputs = {row["input"]: row for row in result.inputs.iter_rows(named=True)}
    expected = body_share(candles[:200]).sum()
    assert inputs["body_share"]["train_sum"] == pytest.approx(expected, rel=1e-12)


# ---------------------------------------------------------------- a file form


def _read_bourse(table: pl.DataFrame, options: ReadOptions) -> Reading:
    columns = {"open_time": parse_times(table["jour"]).times, "close": parse_numbers(table["cours"], "cours")}
    return Reading(pl.DataFrame(columns).with_columns(symbol=table["monnaie"]), interval="1d")


BOURSE = Format(
    name="bourse",
    description="jour; monnaie; cours",
    source="bourse",
    quote="EUR",
    recognises=lambda table: table.columns == ["jour", "monnaie", "cours"],
    read=_read_bourse,
)


def test_a_file_form_is_a_file_and_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "export.csv"
    path.write_text("jour;monnaie;cours\n2020-01-01;BTC;6500.5\n2020-01-02;BTC;6600\n2020-01-03;BTC;6400\n")
    with pytest.raises(cc.DataError):
        cc.read_candles(path)
    monkeypatch.setitem(FORMATS, "bourse", BOURSE)
    candles = cc.read_candles(path)
    assert candles["market"].unique().to_list() == ["bourse:BTC/EUR"]
    assert candles["close"].to_list() == [6500.5, 6600, 6400]


# ---------------------------------------------------------------- a metric


def within_one_percent(truth: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    """1 where the forecast misses by more than one percent, else 0."""
    return (np.abs(forecast / truth - 1) > 0.01).astype(float)


def test_a_metric_is_a_function_and_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "misses_by_a_percent"
    monkeypatch.setitem(METRICS, name, Metric(name, "share", "share of misses beyond one percent", within_one_percent))
    price = np.array([100 + (7 * day * day) % 11 for day in range(60)], dtype=float)
    days = pl.date_range(pl.date(2020, 1, 1), pl.date(2020, 2, 29), eager=True)
    judgement = cc.judge(pl.DataFrame({"target_time": days, "actual": price, "predicted": price * 1.005}))
    row = judgement.scores.filter((pl.col("metric") == name) & (pl.col("subset") == "all")).row(0, named=True)
    jumps = np.abs(price[:-1] / price[1:] - 1) > 0.01
    assert (row["value"], row["n"]) == (0.0, 59)
    assert row["naive"] == pytest.approx(jumps.mean())
    assert row["verdict"] is None
