"""What a network is made of: layers, shapes, parameters, and what each output can see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from coincast.errors import UsageError
from coincast.experiments.entries import ModelEntry
from coincast.experiments.spec import Spec
from coincast.models.forecaster import Axes, Layer


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


def describe_networks(spec: Spec, *, markets: int | None = None) -> list[NetworkDescription]:
    """Describe every network of a spec.

    Args:
        spec: the experiment.
        markets: how many markets the data hold; needed where all of them are inputs and the spec does not name them.

    Raises:
        UsageError: no network in the spec, or the number of inputs cannot be known.
    """
    networks = [entry for entry in spec.models if hasattr(entry.settings, "build")]
    if not networks:
        raise UsageError('the spec has no network to describe; add for example [[models]] name = "lstm"')
    axes = Axes(spec.samples.lookback, _count_inputs(spec, markets), spec.samples.horizon)
    return [_describe(entry, axes) for entry in networks]


def _count_inputs(spec: Spec, markets: int | None) -> int:
    if spec.samples.inputs == "own":
        return len(spec.samples.features)
    known = len(spec.data.markets) or markets
    if not known:
        raise UsageError(
            'samples.inputs is "all" and the spec names no markets; name them in data.markets or give --candles'
        )
    return known * len(spec.samples.features)


def _describe(entry: ModelEntry, axes: Axes) -> NetworkDescription:
    import jax

    from coincast.training.lanes import split_module

    module = entry.settings.build(axes, key=jax.random.key(0))
    parameters = sum(leaf.size for leaf in jax.tree.leaves(split_module(module)[0]))
    layers = entry.settings.layers(axes) if hasattr(entry.settings, "layers") else _layers_of_module(module, axes)
    first = Layer("input", f"{axes.lookback} candles of {axes.feature} inputs", (axes.lookback, axes.feature), 0)
    return NetworkDescription(entry.label, axes, (first, *layers), parameters, _find_view(module, axes))


def _layers_of_module(module: Any, axes: Axes) -> list[Layer]:
    """The fields of a user's own module that train something; only the last one's shape is known."""
    import jax

    from coincast.training.lanes import split_module

    layers = []
    for name, part in vars(split_module(module)[0]).items():
        size = sum(leaf.size for leaf in jax.tree.leaves(part))
        if size:
            layers.append(Layer(name, type(getattr(module, name)).__name__, (), size))
    if layers:
        last = layers[-1]
        layers[-1] = Layer(last.name, last.kind, (axes.horizon, axes.output), last.parameters)
    return layers


def _find_view(module: Any, axes: Axes) -> tuple[tuple[int, int] | None, ...]:
    """Which past candles each output depends on, from its derivative at random inputs."""
    import jax

    past = jax.random.normal(jax.random.key(1), (axes.lookback, axes.feature))
    slope = np.asarray(jax.jacrev(lambda x: module(x)[:, 0])(past))
    depends = (slope != 0).any(axis=2)
    spans = []
    for row in depends:
        seen = np.flatnonzero(row)
        spans.append((axes.lookback - 1 - int(seen[0]), axes.lookback - 1 - int(seen[-1])) if seen.size else None)
    return tuple(spans)
