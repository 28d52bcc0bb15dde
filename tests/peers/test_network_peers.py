"""Convolutions, dense layers, the TCN and PatchTST against PyTorch with the same weights: outputs and gradients."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.models.attention import EncoderLayer
from coincast.models.cnn import CNN
from coincast.models.convolution import Convolution, Slide, Stage
from coincast.models.dense import Dense, DenseLayer
from coincast.models.dlinear import DLinear
from coincast.models.dropout import Dropout
from coincast.models.forecaster import Axes
from coincast.models.linear import OverTime
from coincast.models.nlinear import NLinear
from coincast.models.patchtst import PatchTST, PatchTSTNetwork
from coincast.models.tcn import TCN, TCNNetwork

torch = pytest.importorskip("torch", reason="PyTorch is not installed; run: pip install 'coincast[bench]'")

WINDOWS = 3
"""In a batch: PyTorch reads it as one, ours is mapped over it."""


def draw(build: Any) -> Any:
    """A module with random weights of ordinary size, also where they start at 0 or 1."""
    rng = np.random.default_rng(0)
    outline = eqx.filter_eval_shape(build, jax.random.key(0))
    return jax.tree.map(lambda leaf: jnp.asarray(0.4 * rng.normal(size=leaf.shape), leaf.dtype), outline)


def pasts_of(axes: Axes) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(WINDOWS, axes.lookback, axes.feature)).astype(np.float32)


def tensor(array: Any, *, trained: bool = False) -> Any:
    return torch.tensor(np.array(array)).requires_grad_(trained)


def put_dense(linear: Any, layer: DenseLayer) -> None:
    linear.weight.data = tensor(layer.kernel.T)
    linear.bias.data = tensor(layer.bias)


def put_convolution(conv: Any, layer: Convolution) -> Any:
    conv.weight.data = tensor(layer.kernel.transpose(2, 1, 0))  # filter, channel, width
    conv.bias.data = tensor(layer.bias)
    return conv


def assert_same(ours: Any, theirs: Any, tolerance: float = 1e-5) -> None:
    theirs = theirs.detach().numpy()
    np.testing.assert_allclose(np.asarray(ours).reshape(theirs.shape), theirs, rtol=tolerance, atol=tolerance)


def assert_same_of_inputs(network: Any, reference: Any, pasts: np.ndarray) -> None:
    """Outputs of a batch, and the gradient of their sum of squares by the inputs, which passes through every layer."""

    @eqx.filter_jit
    def run(network: Any, pasts: Any) -> Any:
        slopes = jax.grad(lambda x: jnp.sum(jnp.square(jax.vmap(network)(x))))(pasts)
        return jax.vmap(network)(pasts), slopes

    outputs, slopes = run(network, jnp.asarray(pasts))
    given = tensor(pasts, trained=True)
    expected = reference(given)
    expected.square().sum().backward()
    assert_same(outputs, expected)
    assert_same(slopes, given.grad, 1e-4)


# ---------------------------------------------------------------- single layers


@pytest.mark.parametrize(
    "slide",
    [Slide(3), Slide(4, 3), Slide(3, 1, 2), Slide(20, 3), Slide(3, padding="same"), Slide(5, 1, 3, "same")],
    ids=str,
)
def test_convolutions(slide: Slide) -> None:
    layer = draw(Stage(slide, 40, 2, 4).draw)
    padding = "same" if slide.padding == "same" else 0
    conv = torch.nn.Conv1d(2, 4, slide.width, stride=slide.stride, dilation=slide.dilation, padding=padding)
    put_convolution(conv, layer)
    assert_same_of_inputs(layer, lambda x: conv(x.transpose(1, 2)).transpose(1, 2), pasts_of(Axes(40, 2, 1)))


@pytest.mark.parametrize("pre_norm", [True, False])
def test_an_encoder_layer(pre_norm: bool) -> None:
    layer = draw(lambda key: EncoderLayer.draw(key, width=8, heads=2, feed=12, pre_norm=pre_norm))
    theirs = make_encoder_layer(layer)
    still = Dropout.at(0.0)
    network = lambda x: layer(x[None], still, key=None)[0]  # noqa: E731
    assert_same_of_inputs(network, theirs, pasts_of(Axes(5, 8, 1)))


def make_encoder_layer(layer: EncoderLayer) -> Any:
    """PyTorch's, in the state of training, since that of prediction takes another path; nothing is dropped."""
    width, wide = layer.widen.kernel.shape
    heads = layer.attention.heads
    theirs = torch.nn.TransformerEncoderLayer(
        width, heads, wide, dropout=0.0, activation="gelu", batch_first=True, norm_first=layer.pre_norm
    )
    theirs.self_attn.in_proj_weight.data = tensor(layer.attention.inward.kernel.T)
    theirs.self_attn.in_proj_bias.data = tensor(layer.attention.inward.bias)
    put_dense(theirs.self_attn.out_proj, layer.attention.outward)
    put_dense(theirs.linear1, layer.widen)
    put_dense(theirs.linear2, layer.narrow)
    for norm, ours in ((theirs.norm1, layer.first_norm), (theirs.norm2, layer.second_norm)):
        norm.weight.data, norm.bias.data = tensor(ours.scale), tensor(ours.offset)
    return theirs


# ---------------------------------------------------------------- whole networks


def test_article_2s_cnn() -> None:
    axes = Axes(256, 1, 16)
    settings = CNN((8, 1), kernels=(20, 16), strides=(3, 4), activation="leaky_relu", dropout=0.5, head="convolution")
    network = draw(lambda key: settings.build(axes, key=key))
    first = put_convolution(torch.nn.Conv1d(1, 8, 20, stride=3), network.hidden[0])
    head = Convolution(network.head_kernel, network.head_bias, Slide(16, 4))
    last = put_convolution(torch.nn.Conv1d(8, 1, 16, stride=4), head)
    reference = torch.nn.Sequential(first, torch.nn.LeakyReLU(0.3), last)
    assert_same_of_inputs(network, lambda x: reference(x.transpose(1, 2)).transpose(1, 2), pasts_of(axes))


def test_a_dense_network() -> None:
    axes = Axes(5, 3, 2, output=2)
    network = draw(lambda key: Dense((7, 4), activation="relu").build(axes, key=key))
    layers = [torch.nn.Linear(15, 7), torch.nn.Linear(7, 4), torch.nn.Linear(4, 4)]
    for linear, layer in zip(
        layers, [*network.hidden, DenseLayer(network.head_kernel, network.head_bias)], strict=True
    ):
        put_dense(linear, layer)
    reference = torch.nn.Sequential(
        torch.nn.Flatten(), layers[0], torch.nn.ReLU(), layers[1], torch.nn.ReLU(), layers[2]
    )
    assert_same_of_inputs(network, lambda x: reference(x).reshape(WINDOWS, 2, 2), pasts_of(axes))


def linear_over_time(part: OverTime) -> Any:
    """One `nn.Linear` for each feature, as the paper's code has them where weights are not shared."""
    linears = [torch.nn.Linear(part.kernel.shape[1], part.kernel.shape[2]) for _ in part.kernel]
    for linear, kernel, bias in zip(linears, part.kernel, part.bias, strict=True):
        put_dense(linear, DenseLayer(kernel, bias))
    return lambda x: torch.stack([linear(x[:, :, number]) for number, linear in enumerate(linears)], dim=1)


def mix(forecasts: Any, mixing: Any) -> Any:
    return (forecasts * tensor(mixing.head_kernel)).sum(dim=1) + tensor(mixing.head_bias)


def test_nlinear() -> None:
    axes = Axes(9, 3, 2)
    network = draw(lambda key: NLinear().build(axes, key=key))
    linear = linear_over_time(network.over_time)

    def reference(x: Any) -> Any:
        last = x[:, -1:, :]
        return mix(linear(x - last) + last.transpose(1, 2), network.mixing)[:, :, None]

    assert_same_of_inputs(network, reference, pasts_of(axes))


@pytest.mark.parametrize("kernel", [5, 25])
def test_dlinear(kernel: int) -> None:
    axes = Axes(12, 2, 3)
    network = draw(lambda key: DLinear(kernel=kernel).build(axes, key=key))
    rest, trend = linear_over_time(network.rest), linear_over_time(network.trend)
    average = torch.nn.AvgPool1d(kernel, stride=1)

    def reference(x: Any) -> Any:
        ends = [x[:, :1].repeat(1, kernel // 2, 1), x, x[:, -1:].repeat(1, kernel // 2, 1)]
        smooth = average(torch.cat(ends, dim=1).transpose(1, 2)).transpose(1, 2)
        return mix(rest(x - smooth) + trend(smooth), network.mixing)[:, :, None]

    assert_same_of_inputs(network, reference, pasts_of(axes))


class ReferenceTCN(torch.nn.Module):
    """The paper's network without weight normalisation: padding on both sides, whose later part is chopped off."""

    def __init__(self, network: TCNNetwork) -> None:
        super().__init__()
        self.network, self.blocks = network, []
        for number, block in enumerate(network.blocks):
            width, dilation = block.first.kernel.shape[0], 2**number
            self.chop = width - 1
            convs = [
                put_convolution(
                    torch.nn.Conv1d(*layer.kernel.shape[1:], width, padding=(width - 1) * dilation, dilation=dilation),
                    layer,
                )
                for layer in (block.first, block.second)
            ]
            shortcut = None
            if block.shortcut is not None:
                shortcut = put_convolution(torch.nn.Conv1d(*block.shortcut.kernel.shape[1:], 1), block.shortcut)
            self.blocks.append((convs, shortcut, (width - 1) * dilation))
        self.head = torch.nn.Linear(*network.head_kernel.shape)
        put_dense(self.head, DenseLayer(network.head_kernel, network.head_bias))

    def forward(self, x: Any) -> Any:
        x = x.transpose(1, 2)
        for convs, shortcut, chopped in self.blocks:
            hidden = x
            for conv in convs:
                hidden = torch.relu(conv(hidden)[:, :, :-chopped])
            x = torch.relu(hidden + (x if shortcut is None else shortcut(x)))
        return self.head(x.transpose(1, 2) if self.network.every_step else x[:, :, -1])


@pytest.mark.parametrize("every_step", [False, True])
def test_the_tcn(every_step: bool) -> None:
    axes = Axes(30, 3, 2)
    network = draw(lambda key: TCN(filters=5, depth=3, kernel=3, every_step=every_step).build(axes, key=key))
    assert_same_of_inputs(network, ReferenceTCN(network), pasts_of(axes))


class ReferencePatchTST(torch.nn.Module):
    """The paper's network with LayerNorm, and the weighted sum over features that ours has beside it."""

    def __init__(self, network: PatchTSTNetwork) -> None:
        super().__init__()
        self.network = network
        self.embedding = torch.nn.Linear(*network.embedding.kernel.shape)
        put_dense(self.embedding, network.embedding)
        self.encoder = torch.nn.ModuleList(map(make_encoder_layer, network.encoder))
        self.head = torch.nn.Linear(*network.flat.kernel.shape)
        put_dense(self.head, network.flat)

    def forward(self, x: Any) -> Any:
        centre, spread = x.mean(dim=1, keepdim=True), torch.sqrt(x.var(dim=1, keepdim=True, unbiased=False) + 1e-5)
        x = ((x - centre) / spread).transpose(1, 2)
        x = torch.nn.functional.pad(x, (0, self.network.slide.stride), mode="replicate")
        x = x.unfold(-1, self.network.slide.width, self.network.slide.stride)
        batch, features = x.shape[:2]
        x = (self.embedding(x) + tensor(self.network.places)).flatten(0, 1)
        for layer in self.encoder:
            x = layer(x)
        forecasts = self.head(x.flatten(1)).reshape(batch, features, -1)
        forecasts = forecasts * spread.transpose(1, 2) + centre.transpose(1, 2)
        return mix(forecasts, self.network.mixing)[:, :, None]


def test_patchtst() -> None:
    axes = Axes(21, 3, 2)
    settings = PatchTST(patch=6, stride=3, width=8, heads=2, depth=2, feed=10, normalise="both", pre_norm=False)
    network = draw(lambda key: settings.build(axes, key=key))
    assert_same_of_inputs(network, ReferencePatchTST(network), pasts_of(axes))
