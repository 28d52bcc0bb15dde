"""What a network is made of: layers, shapes, parameters, and what each output can see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from coincast.errors import UsageError
from coincast.experiments.entries import ModelEntry, is_network
from coincast.experiments.outline import count_outputs, count_parameters, outline_network, refuse_too_large
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import choose_candles
from coincast.models.forecaster import Axes, Layer
from coincast.samples.features import find_feature

OUTPUTS_AT_ONCE = 16


@dataclass(frozen=True)
class NetworkDescription:
    """One network of a spec.

    Attributes:
        model: its label.
        axes: sizes of one sample.
        layers: from the input on.
        parameters: trained numbers.
        sees: for each step of the horizon, the candles that it depends on: (farthest, nearest) counted back from the
            origin, which is 0; None where it depends on none.
    """

    model: str
    axes: Axes
    layers: tuple[Layer, ...]
    parameters: int
    sees: tuple[tuple[int, int] | None, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "input": [self.axes.lookback, self.axes.feature],
            "output": [self.axes.horizon, self.axes.output],
            "layers": [{**vars(layer), "shape": list(layer.shape)} for layer in self.layers],
            "parameters": self.parameters,
            "sees": [None if span is None else {"farthest": span[0], "nearest": span[1]} for span in self.sees],
        }


def describe_networks(spec: Spec, *, candles: pl.DataFrame | None = None) -> list[NetworkDescription]:
    """Describe every network of a spec.

    Args:
        spec: the experiment.
        candles: its candle table; needed where all markets are inputs and the spec does not name them. With it the
            names of features are checked, which may be those of extra columns.

    Raises:
        UsageError: no network in the spec, one that this machine cannot hold, or the number of inputs cannot be known.
        UnknownNameError: neither Coincast nor the candles know a feature.
    """
    networks = [entry for entry in spec.models if is_network(entry)]
    if not networks:
        raise UsageError('the spec has no network to describe; add for example [[models]] name = "lstm"')
    chosen = None if candles is None else choose_candles(candles, spec.data)
    if chosen is not None:
        for name in spec.samples.features:
            find_feature(name, chosen)
    axes = Axes(spec.samples.lookback, _count_inputs(spec, chosen), count_outputs(spec))
    outlines = [outline_network(entry.label, entry.settings, axes) for entry in networks]
    for entry, outline in zip(networks, outlines, strict=True):
        refuse_too_large(entry.label, outline)
    return [_describe(entry, outline, axes) for entry, outline in zip(networks, outlines, strict=True)]


def _count_inputs(spec: Spec, candles: pl.DataFrame | None) -> int:
    if spec.samples.inputs == "own":
        return len(spec.samples.features)
    known = len(spec.data.markets) if candles is None else candles["market"].n_unique()
    if not known:
        raise UsageError(
            'samples.inputs is "all" and the spec names no markets; name them in data.markets or give --candles'
        )
    return known * len(spec.samples.features)


def _describe(entry: ModelEntry, outline: Any, axes: Axes) -> NetworkDescription:
    layers = entry.settings.layers(axes) if hasattr(entry.settings, "layers") else _layers_of_module(outline, axes)
    first = Layer("input", f"{axes.lookback} candles of {axes.feature} inputs", (axes.lookback, axes.feature), 0)
    return NetworkDescription(
        entry.label, axes, (first, *layers), count_parameters(outline), _find_view(entry.settings, axes)
    )


def _layers_of_module(outline: Any, axes: Axes) -> list[Layer]:
    """The fields of a user's own module that train something; only the last one's shape is known."""
    sizes = {name: count_parameters(part) for name, part in vars(outline).items()}
    layers = [Layer(name, _kind(getattr(outline, name)), (), size) for name, size in sizes.items() if size]
    if layers:
        last = layers[-1]
        layers[-1] = Layer(last.name, last.kind, (axes.horizon, axes.output), last.parameters)
    return layers


def _kind(part: Any) -> str:
    import jax

    return "array" if isinstance(part, jax.ShapeDtypeStruct) else type(part).__name__


def _find_view(settings: Any, axes: Axes) -> tuple[tuple[int, int] | None, ...]:
    """Which past candles each output depends on, from its derivative at random inputs; a few outputs at a time."""
    import jax
    import jax.numpy as jnp

    module = settings.build(axes, key=jax.random.key(0))
    past = jax.random.normal(jax.random.key(1), (axes.lookback, axes.feature))
    _, pull = jax.vjp(lambda x: module(x)[:, 0], past)

    def candles_behind(output: Any) -> Any:
        return (pull(output)[0] != 0).any(axis=1)

    depends = np.asarray(jax.lax.map(candles_behind, jnp.eye(axes.horizon), batch_size=OUTPUTS_AT_ONCE))
    spans = []
    for row in depends:
        seen = np.flatnonzero(row)
        spans.append((axes.lookback - 1 - int(seen[0]), axes.lookback - 1 - int(seen[-1])) if seen.size else None)
    return tuple(spans)
