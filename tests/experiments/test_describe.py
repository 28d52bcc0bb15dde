"""What `describe` says of networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import pytest

import coincast as cc
from coincast.errors import UsageError
from coincast.experiments.describe import describe_networks
from coincast.models.forecaster import Axes


class LastModule(eqx.Module):
    weight: jax.Array

    def __call__(self, past: jax.Array, *, key: Any = None) -> jax.Array:
        return past[-2:, :1] * self.weight[0]


@dataclass(frozen=True)
class LastTwo:
    """Step 1 sees the candle before the last one, step 2 the last one."""

    def build(self, axes: Axes, *, key: Any) -> LastModule:
        return LastModule(jax.random.normal(key, (1,)))


def test_article_0_has_2341_parameters(project: Any) -> None:
    [network] = describe_networks(cc.Spec.from_toml(project / "examples" / "eth-daily.toml"))
    assert network.axes == Axes(lookback=10, feature=8, horizon=1)
    # 4 gates of 20 units, each with 8 inputs, 20 states and a bias; a linear layer of 20 weights and a bias.
    assert [layer.parameters for layer in network.layers] == [0, 4 * 20 * 29, 0, 21]
    assert network.parameters == sum(layer.parameters for layer in network.layers) == 2341
    assert network.sees == ((9, 0),)


def test_what_each_step_sees_is_found() -> None:
    [network] = describe_networks(cc.Spec.from_keywords(models=[LastTwo()], lookback=5, horizon=2))
    assert network.sees == ((1, 1), (0, 0))
    assert [(layer.name, layer.parameters) for layer in network.layers] == [("input", 0), ("weight", 1)]
    plain = network.to_dict()
    assert plain["sees"] == [{"farthest": 1, "nearest": 1}, {"farthest": 0, "nearest": 0}]
    assert (plain["input"], plain["output"]) == ([5, 1], [2, 1])


def test_several_networks_are_described() -> None:
    spec = cc.Spec.from_keywords(models=[cc.LSTM(units=2), cc.LSTM(units=3), "ar"], lookback=3)
    assert [network.model for network in describe_networks(spec)] == ["lstm(units=2)", "lstm(units=3)"]


def test_what_cannot_be_described_is_refused() -> None:
    with pytest.raises(UsageError, match="no network to describe"):
        describe_networks(cc.Spec.from_keywords(models=["ar"]))
    spec = cc.Spec.from_keywords(models=["lstm"], inputs="all")
    with pytest.raises(UsageError, match=r"names no markets; name them in data.markets or give --candles"):
        describe_networks(spec)
    assert describe_networks(spec, markets=3)[0].axes.feature == 3
