"""PatchTST (Nie et al. 2023, "A time series is worth 64 words"): a Transformer's encoder over patches of a series."""

from __future__ import annotations

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from coincast.errors import UsageError
from coincast.models.activations import find_activation
from coincast.models.attention import EncoderLayer, count_parameters
from coincast.models.checks import check_name, check_share, check_size
from coincast.models.convolution import Slide
from coincast.models.dense import DenseLayer
from coincast.models.dropout import Dropout
from coincast.models.forecaster import Axes, Layer
from coincast.models.initialisers import uniform
from coincast.models.keys import split_key
from coincast.models.linear import Mixing, describe_mixing

NORMALISATIONS = ("none", "spread", "both")
STILL = 1e-5
"""Added to the square of a spread before its root, as in the paper's code: a still series stays finite."""


@dataclass(frozen=True)
class PatchTST:
    """Patches of every feature, an encoder that all features share, a linear head each, and a weighted sum of these.

    What differs from the paper: there each series is forecast from its own past; here every feature makes a forecast,
    and a weighted sum over the features (`Mixing`) makes the one of the target. The encoder has LayerNorm: the paper's
    BatchNorm has no meaning for one sample. Attention scores are not handed on from layer to layer, as its code does.

    The paper takes from each window its mean and spread, and gives them back to the forecast, since that continues the
    very series that was read. A return does not: the mean of past returns is no part of the next one, and the raw scale
    of a likelihood is no place in a series at all. A spread suits all of them, because a forecast that grows with the
    size of past moves is a sensible one. Hence `normalise`.

    Attributes:
        patch: candles of a patch; a shorter window is one patch.
        stride: candles from one patch to the next, at most `patch`. The last value is repeated `stride` times at the
            end, as in the paper, which makes one patch more.
        width: of the vector that stands for a patch.
        heads: of the attention; they share the width evenly.
        depth: number of encoder layers.
        feed: width of the dense layer inside an encoder layer.
        dropout: share of what the embedding, the attention and each dense layer give that is dropped in training, in
            [0, 1).
        normalise: per window and feature: "none"; "spread": divided by its root mean square, by which the forecast is
            multiplied; "both": the paper's, by mean and standard deviation, for targets in the unit of the inputs.
        pre_norm: whether norms come before attention and dense layers, or after them as in the paper.
        output_activation: of the forecast, after the mixing.
        slope: of `leaky_relu`.
    """

    patch: int = 16
    stride: int = 8
    width: int = 32
    heads: int = 4
    depth: int = 2
    feed: int = 64
    dropout: float = 0.0
    normalise: str = "spread"
    pre_norm: bool = True
    output_activation: str = "linear"
    slope: float = 0.3

    def __post_init__(self) -> None:
        for name in ("patch", "stride", "width", "heads", "depth", "feed"):
            check_size(f"patchtst: {name}", getattr(self, name))
        if self.stride > self.patch:
            raise UsageError(
                f"patchtst: stride is {self.stride} and patch is {self.patch}; allowed: a stride from 1 to the patch, "
                "else candles between the patches are never read"
            )
        if self.width % self.heads:
            raise UsageError(
                f"patchtst: width is {self.width} and heads is {self.heads}; allowed: a width that the heads divide"
            )
        check_share("patchtst: dropout", self.dropout)
        check_name("normalisation", self.normalise, NORMALISATIONS)
        find_activation(self.output_activation)

    def build(self, axes: Axes, *, key: Key[Array, ""]) -> PatchTSTNetwork:
        slide, patches = self._cut(axes)
        embed_key, place_key, head_key, *keys = jax.random.split(key, 3 + self.depth)
        sizes = {"width": self.width, "heads": self.heads, "feed": self.feed}
        return PatchTSTNetwork(
            embedding=DenseLayer.draw(embed_key, slide.width, self.width),
            places=uniform(place_key, (patches, self.width), 0.02),
            encoder=tuple(EncoderLayer.draw(key, **sizes, pre_norm=self.pre_norm) for key in keys),
            flat=DenseLayer.draw(head_key, patches * self.width, axes.horizon * axes.output),
            mixing=Mixing.even(axes),
            dropout=Dropout.at(self.dropout),
            slide=slide,
            normalise=self.normalise,
            horizon=axes.horizon,
            output_activation=self.output_activation,
            slope=self.slope,
        )

    def layers(self, axes: Axes) -> list[Layer]:
        slide, patches = self._cut(axes)
        shape, outputs = (axes.feature, patches, self.width), axes.horizon * axes.output
        words = f"{patches} patches of {slide.width}, stride {slide.stride}, normalised: {self.normalise}"
        encoder = f"encoder, {self.heads} heads, dense {self.feed}, gelu, dropout {self.dropout:g}"
        return [
            Layer("embedding", f"linear, {words}", shape, (slide.width + 1 + patches) * self.width),
            *(
                Layer(f"encoder {number}", encoder, shape, count_parameters(self.width, self.feed))
                for number in range(1, self.depth + 1)
            ),
            Layer("flat", "linear, for each feature", (axes.feature, outputs), (patches * self.width + 1) * outputs),
            describe_mixing(axes, self.output_activation),
        ]

    def _cut(self, axes: Axes) -> tuple[Slide, int]:
        """How patches are cut, and how many come of a window."""
        patch = min(self.patch, axes.lookback)
        slide = Slide(patch, min(self.stride, patch))
        return slide, slide.positions(axes.lookback + slide.stride)


class PatchTSTNetwork(eqx.Module):
    """The network for one sample.

    Attributes:
        places: what is learnt of each patch's place.
        flat: from all patches of a feature to its forecast, the same for all features.
    """

    embedding: DenseLayer
    places: Float[Array, "patch width"]
    encoder: tuple[EncoderLayer, ...]
    flat: DenseLayer
    mixing: Mixing
    dropout: Dropout
    slide: Slide = eqx.field(static=True)
    normalise: str = eqx.field(static=True)
    horizon: int = eqx.field(static=True)
    output_activation: str = eqx.field(static=True)
    slope: float = eqx.field(static=True)

    def __call__(
        self, past: Float[Array, "lookback feature"], *, key: Key[Array, ""] | None = None
    ) -> Float[Array, "horizon output"]:
        centre, spread = measure(past, self.normalise)
        forecasts = self._forecast((past - centre[None]) / spread[None], key=key)
        outputs = self.mixing(forecasts * spread[:, None] + centre[:, None])
        return find_activation(self.output_activation)(outputs, self.slope).reshape(self.horizon, -1)

    def _forecast(
        self, past: Float[Array, "lookback feature"], *, key: Key[Array, ""] | None
    ) -> Float[Array, "feature outputs"]:
        """Every feature's own forecast."""
        embed_key, *keys = split_key(key, 1 + len(self.encoder))
        x = self.dropout(self.embedding(self.cut(past)) + self.places[None], key=embed_key)
        for layer, layer_key in zip(self.encoder, keys, strict=True):
            x = layer(x, self.dropout, key=layer_key)
        return self.flat(x.reshape(len(x), -1))

    def cut(self, past: Float[Array, "lookback feature"]) -> Float[Array, "feature patch read"]:
        """The patches of each feature."""
        padded = jnp.pad(past, ((0, self.slide.stride), (0, 0)), mode="edge")
        reads = self.slide.reads(len(padded))
        return padded.T[:, reads]


def measure(
    past: Float[Array, "lookback feature"], normalise: str
) -> tuple[Float[Array, "feature"], Float[Array, "feature"]]:
    """Centre and spread by which each feature of a window is normalised."""
    zeros = jnp.zeros_like(past[0])
    if normalise == "none":
        return zeros, zeros + 1
    centre = jnp.mean(past, axis=0) if normalise == "both" else zeros
    return centre, jnp.sqrt(jnp.mean(jnp.square(past - centre[None]), axis=0) + STILL)
