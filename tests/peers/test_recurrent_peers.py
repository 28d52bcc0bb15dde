"""Recurrent layers against those of PyTorch with the same weights: states, final states, and gradients."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coincast.models.forecaster import Axes
from coincast.models.gru import GRU
from coincast.models.lstm import LSTM
from coincast.models.recurrent import RecurrentNetwork
from coincast.models.rnn import RNN

torch = pytest.importorskip("torch", reason="PyTorch is not installed; run: pip install 'coincast[bench]'")

FEATURE, UNITS, ROWS, BATCH = 3, 5, 9, 4
CASES = [
    ("rnn", {}),
    ("rnn", {"depth": 2, "bidirectional": True, "activation": "relu"}),
    ("lstm", {}),
    ("lstm", {"depth": 2, "bidirectional": True}),
    ("gru", {}),
    ("gru", {"depth": 2, "bidirectional": True}),
]


def make_peers(name: str, case: dict[str, Any]) -> tuple[RecurrentNetwork, Any]:
    """Our network and PyTorch's layers, with weights of PyTorch's that are made three times as large."""
    settings = {"rnn": RNN, "lstm": LSTM, "gru": GRU}[name](UNITS, convention="torch", **case)
    torch.manual_seed(0)
    named = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[name]
    further = {"nonlinearity": case.get("activation", "tanh")} if name == "rnn" else {}
    peer = named(
        FEATURE,
        UNITS,
        num_layers=case.get("depth", 1),
        bidirectional=case.get("bidirectional", False),
        batch_first=True,
        dtype=torch.float64,
        **further,
    )
    with torch.no_grad():
        for weight in peer.parameters():
            weight.mul_(3 if name != "rnn" else 1.5)
    outline = eqx.filter_eval_shape(lambda key: settings.build(Axes(ROWS, FEATURE, 1), key=key), jax.random.key(0))
    network = jax.tree.map(lambda leaf: jnp.asarray(np.zeros(leaf.shape)), outline)
    weights = [torch_weights(name, peer, number, settings.bidirectional) for number in range(len(network.layers))]
    return eqx.tree_at(our_weights, network, [weight for of_layer in weights for weight in of_layer]), peer


def our_weights(network: RecurrentNetwork) -> list[Any]:
    return [
        weight
        for layer in network.layers
        for weight in (layer.kernel, layer.recurrent_kernel, layer.bias, layer.recurrent_bias)
    ]


def torch_weights(name: str, peer: Any, number: int, bidirectional: bool, gradient: bool = False) -> list[jax.Array]:
    """PyTorch's weights, or their gradients, as ours: transposed, and the gates of a GRU as z r instead of r z."""
    layer, way = divmod(number, 2) if bidirectional else (number, 0)
    weights = []
    for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        parameter = getattr(peer, f"{part}_l{layer}{'_reverse' if way else ''}")
        values = (parameter.grad if gradient else parameter).detach().numpy()
        if name == "gru":
            r, z, n = np.split(values, 3)
            values = np.concatenate([z, r, n])
        weights.append(jnp.asarray(values.T))
    return weights


@pytest.mark.parametrize(("name", "case"), CASES, ids=str)
def test_pytorch_gives_the_same(name: str, case: dict[str, Any]) -> None:
    """To 1e-12 in float64, from random states on; of the gradients those of all weights and of the input."""
    with jax.enable_x64(True):
        network, peer = make_peers(name, case)
        rng = np.random.default_rng(1)
        layers, vectors = len(network.layers), 2 if name == "lstm" else 1
        past = rng.normal(size=(BATCH, ROWS, FEATURE))
        given = rng.normal(size=(vectors, layers, BATCH, UNITS))

        torch_past, torch_given = torch.tensor(past, requires_grad=True), torch.tensor(given)
        hidden, final = peer(torch_past, tuple(torch_given) if vectors == 2 else torch_given[0])
        final = torch.stack(final) if vectors == 2 else final[None]
        (torch.sin(hidden).sum() + torch.square(final).sum()).backward()

        def run(network: RecurrentNetwork, past: jax.Array, given: jax.Array) -> tuple[jax.Array, jax.Array]:
            hidden, states = network.run(past, tuple(map(tuple, given.transpose(1, 0, 2))))
            return hidden, jnp.stack([jnp.stack(part) for part in zip(*states, strict=True)])

        def loss(moved: tuple[Any, jax.Array]) -> tuple[jax.Array, Any]:
            network, past = moved
            told = jax.vmap(lambda past, given: run(network, past, given), (0, 2), (0, 2))(past, jnp.asarray(given))
            return jnp.sum(jnp.sin(told[0])) + jnp.sum(told[1] ** 2), told

        (_, (ours, our_final)), (moved, moved_past) = eqx.filter_jit(eqx.filter_value_and_grad(loss, has_aux=True))(
            (network, jnp.asarray(past))
        )
        np.testing.assert_allclose(ours, hidden.detach(), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(our_final, final.detach(), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(moved_past, torch_past.grad, rtol=1e-8, atol=1e-10)
        expected = [
            torch_weights(name, peer, number, bool(case.get("bidirectional")), gradient=True)
            for number in range(layers)
        ]
        for gradient, weight in zip(our_weights(moved), [part for layer in expected for part in layer], strict=True):
            np.testing.assert_allclose(gradient, weight, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_pytorch_has_as_many_parameters(name: str) -> None:
    network, peer = make_peers(name, {"depth": 2, "bidirectional": True})
    assert sum(weight.size for weight in our_weights(network)) == sum(weight.numel() for weight in peer.parameters())
