"""What `describe` says of networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import polars as pl
import pytest

import coincast as cc
from coincast.errors import UnknownNameError, UsageError
from coincast.experiments.describe import describe_networks
from coincast.models import MODELS
from coincast.models.cnn import CNN
from coincast.models.forecaster import Axes
from coincast.training.lanes import split_module


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


@dataclass(frozen=True)
class Slices(LastTwo):
    """Says itself what it sees: step k the inputs 3k to 3k + 1."""

    def visible(self, axes: Axes) -> list[range]:
        return [range(3 * step, 3 * step + 2) for step in range(axes.horizon)]


def test_what_settings_say_of_their_view_is_believed() -> None:
    [network] = describe_networks(cc.Spec.from_keywords(models=[Slices()], lookback=7, horizon=2))
    assert network.sees == ((6, 5), (3, 2))
    assert network.tell_view() == [
        "output 1 sees inputs 0 to 1 of 7; the newest it sees is 5 steps old",
        "output 2 sees inputs 3 to 4 of 7; the newest it sees is 2 steps old",
        "3 of 7 inputs are never read",
    ]
    assert (network.to_dict()["unseen"], network.to_dict()["told_by"]) == (3, "settings")


@pytest.mark.parametrize(
    ("filters", "kernels", "strides", "step", "last", "never"),
    [
        ((8, 1), (20, 16), (3, 4), 12, 64, 11),
        ((8, 8, 1), (8, 8, 8), (3, 2, 2), 12, 70, 5),
        ((8, 8, 8, 1), (2, 2, 2, 2), (2, 2, 2, 2), 16, 15, 0),
    ],
)
def test_the_cnns_of_article_2_do_not_see_the_newest_candles(
    filters: tuple[int, ...], kernels: tuple[int, ...], strides: tuple[int, ...], step: int, last: int, never: int
) -> None:
    """Output k (from 0) reads the inputs k x step to k x step + last; the last `never` inputs are read by none."""
    network = CNN(filters=filters, kernels=kernels, strides=strides, head="convolution", dropout=0.5)
    [told] = describe_networks(cc.Spec.from_keywords(models=[network], lookback=256, horizon=16))
    assert told.sees == tuple((255 - k * step, 255 - k * step - last) for k in range(16))
    assert told.unseen == never
    newest = 255 - last
    assert told.tell_view()[0] == f"output 1 sees inputs 0 to {last} of 256; the newest it sees is {newest} steps old"


def test_what_is_seen_is_told_in_words() -> None:
    [network] = describe_networks(cc.Spec.from_keywords(models=[LastTwo()], lookback=5, horizon=2))
    assert network.tell_view() == [
        "output 1 sees inputs 3 to 3 of 5; the newest it sees is 1 step old",
        "output 2 sees inputs 4 to 4 of 5",
        "3 of 5 inputs are never read",
    ]
    [network] = describe_networks(cc.Spec.from_keywords(models=[cc.LSTM(units=2)], lookback=5, horizon=3))
    assert network.tell_view() == ["outputs 1 to 3 see inputs 0 to 4 of 5"]
    assert network.told_by == "derivative"


def test_outputs_follow_the_loss_and_every_step_is_looked_at_from_the_last() -> None:
    spec = cc.Spec.from_keywords(models=[cc.LSTM(units=2, every_step=True)], lookback=4, horizon=2, loss="gaussian")
    [network] = describe_networks(spec)
    assert network.axes == Axes(4, 1, 2, 2)
    assert network.sees == ((3, 0), (3, 0))


def test_several_networks_are_described() -> None:
    spec = cc.Spec.from_keywords(models=[cc.LSTM(units=2), cc.LSTM(units=3), "ar"], lookback=3)
    assert [network.model for network in describe_networks(spec)] == ["lstm(units=2)", "lstm(units=3)"]


def test_what_cannot_be_described_is_refused() -> None:
    with pytest.raises(UsageError, match="no network to describe"):
        describe_networks(cc.Spec.from_keywords(models=["ar"]))
    spec = cc.Spec.from_keywords(models=["lstm"], inputs="all")
    with pytest.raises(UsageError, match=r"names no markets; name them in data.markets or give --candles"):
        describe_networks(spec)
    named = cc.Spec.from_keywords(models=["lstm"], inputs="all", markets=["a", "b", "c"])
    assert describe_networks(named)[0].axes.feature == 3


def test_with_candles_features_and_markets_are_looked_up(two_markets: pl.DataFrame) -> None:
    spec = cc.Spec.from_keywords(models=[cc.LSTM(units=2)], inputs="all", features=["close", "oracle_return"])
    candles = two_markets.with_columns(oracle_return=pl.lit(0.5))
    assert describe_networks(spec, candles=candles)[0].axes.feature == 2 * 2
    with pytest.raises(UnknownNameError, match="unknown feature 'cloze'; did you mean 'close'"):
        describe_networks(cc.Spec.from_keywords(models=["lstm"], features=["cloze"]), candles=candles)
    with pytest.raises(UnknownNameError, match="unknown market"):
        describe_networks(cc.Spec.from_keywords(models=["lstm"], markets=["nowhere"]), candles=candles)


@dataclass(frozen=True)
class Heavy:
    """A network that must not be built: its outline alone may be asked for."""

    units: int

    def build(self, axes: Axes, *, key: Any) -> LastModule:
        assert isinstance(key, jax.core.Tracer), "it was built"
        return LastModule(jax.random.normal(key, (self.units, self.units)))


def test_what_no_machine_can_hold_is_refused_before_anything_is_built() -> None:
    for first in ("lstm", Heavy(2)):
        spec = cc.Spec.from_keywords(models=[first, Heavy(10**7)], lookback=3)
        with pytest.raises(UsageError, match=r"heavy.* has 100,000,000,000,000 parameters.*smaller"):
            describe_networks(spec)
    with pytest.raises(UsageError, match="lstm has 160,"):
        describe_networks(cc.Spec.from_keywords(models=[cc.LSTM(units=200_000)]))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in ("lstm", "cnn") else [pytest.mark.long])
        for name, settings in MODELS.items()
        if hasattr(settings, "build")
    ],
)
def test_what_is_counted_is_what_trains(name: str) -> None:
    """Rates in a network are arrays and not trained; its parts are counted like the whole."""
    settings = MODELS[name]()
    trained = jax.tree.leaves(split_module(settings.build(Axes(4, 1, 3), key=jax.random.key(0)))[0])
    [network] = describe_networks(cc.Spec.from_keywords(models=[settings], lookback=4, horizon=3))
    assert network.parameters == sum(leaf.size for leaf in trained) == sum(x.parameters for x in network.layers)
    assert len(network.sees) == 3


def test_a_long_horizon_is_looked_through_in_pieces() -> None:
    [network] = describe_networks(cc.Spec.from_keywords(models=[cc.LSTM(units=2)], lookback=3, horizon=37))
    assert network.sees == ((2, 0),) * 37
