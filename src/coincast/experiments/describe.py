"""What a network is made of: layers, shapes, parameters, and what each output can see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.errors import UsageError
from coincast.experiments.entries import ModelEntry, is_network
from coincast.experiments.outline import axes_of, count_parameters, outline_network, refuse_too_large
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import choose_candles
from coincast.models.forecaster import Axes, Layer
from coincast.samples.features import find_feature

OUTPUTS_AT_ONCE = 16
MOST_WORK = 10**10
"""Parameters x candles x steps, beyond which no derivative is taken."""


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
        unseen: candles of the window that no step depends on.
        told_by: how that is known: by the "settings", by the "derivative" of the network, or by nothing ("assumed": a
            network so large that no derivative is taken is taken to see all).
    """

    model: str
    axes: Axes
    layers: tuple[Layer, ...]
    parameters: int
    sees: tuple[tuple[int, int] | None, ...]
    unseen: int
    told_by: str

    def tell_view(self) -> list[str]:
        """What each output sees, in words; inputs count from the oldest candle of the window, which is 0."""
        lines, last = [], self.axes.lookback - 1
        for first, end in _stretches(self.sees):
            span, several = self.sees[first], end - first > 1
            who = f"outputs {first + 1} to {end} see" if several else f"output {first + 1} sees"
            if span is None:
                lines.append(f"{who} no input")
                continue
            farthest, nearest = span
            newest = "they see" if several else "it sees"
            age = f"; the newest {newest} is {nearest} step{'' if nearest == 1 else 's'} old" if nearest else ""
            lines.append(f"{who} inputs {last - farthest} to {last - nearest} of {self.axes.lookback}{age}")
        if self.unseen:
            count = f"{self.unseen} of {self.axes.lookback} inputs"
            lines.append(f"{count} {'is' if self.unseen == 1 else 'are'} never read")
        return lines

    def to_dict(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "input": [self.axes.lookback, self.axes.feature],
            "output": [self.axes.horizon, self.axes.output],
            "layers": [{**vars(layer), "shape": list(layer.shape)} for layer in self.layers],
            "parameters": self.parameters,
            "sees": [None if span is None else {"farthest": span[0], "nearest": span[1]} for span in self.sees],
            "unseen": self.unseen,
            "told_by": self.told_by,
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
    axes = axes_of(spec, _count_inputs(spec, chosen))
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
    parameters = count_parameters(outline)
    depends, told_by = _find_view(entry.settings, axes, parameters)
    spans: list[tuple[int, int] | None] = []
    for row in depends:
        seen = np.flatnonzero(row)
        spans.append((axes.lookback - 1 - int(seen[0]), axes.lookback - 1 - int(seen[-1])) if seen.size else None)
    unseen = int((~depends.any(axis=0)).sum())
    return NetworkDescription(entry.label, axes, (first, *layers), parameters, tuple(spans), unseen, told_by)


def _stretches(spans: Sequence[Any]) -> list[tuple[int, int]]:
    """Steps in a row that see the same: the first one, and the one after the last."""
    borders = [0, *(place for place in range(1, len(spans)) if spans[place] != spans[place - 1]), len(spans)]
    return list(pairwise(borders))


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


def _find_view(settings: Any, axes: Axes, parameters: int) -> tuple[NDArray[np.bool_], str]:
    """Which past candles (step, candle) each output depends on, and how that is known."""
    depends = np.zeros((axes.horizon, axes.lookback), dtype=bool)
    if hasattr(settings, "visible"):
        for step, rows in enumerate(settings.visible(axes)):
            depends[step, list(rows)] = True
        return depends, "settings"
    if parameters * axes.lookback * axes.horizon > MOST_WORK:
        return ~depends, "assumed"
    return _differentiate(settings, axes), "derivative"


def _differentiate(settings: Any, axes: Axes) -> NDArray[np.bool_]:
    """Which past candles each output depends on, from its derivative at random inputs; a few outputs at a time."""
    import jax
    import jax.numpy as jnp

    from coincast.training.steps import at_last_step

    @jax.jit  # as one program: op by op it takes three times as long
    def look() -> Any:
        module = settings.build(axes, key=jax.random.key(0))
        past = jax.random.normal(jax.random.key(1), (axes.lookback, axes.feature))
        _, pull = jax.vjp(lambda x: at_last_step(module(x))[:, 0], past)

        def candles_behind(output: Any) -> Any:
            return (pull(output)[0] != 0).any(axis=1)

        return jax.lax.map(candles_behind, jnp.eye(axes.horizon), batch_size=OUTPUTS_AT_ONCE)

    return np.asarray(look())
