"""Long short-term memory over time (Hochreiter and Schmidhuber 1997), with a hand-written backward pass.

    z = d + h U,  c' = s(z_f) c + s(z_i) tanh(z_g),  h' = s(z_o) tanh(c')

with the drive d. The forward pass keeps gates, cells and states; the backward pass forms the gradient of the recurrent
kernel as one product over all samples and steps, where autodiff would add a small one at every step. Inside, time leads
and samples follow: that is how `scan` stores its rows, so that nothing large is transposed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from coincast.models.kernels.mapping import for_batches


def run_lstm(
    drive: Float[Array, "time gate"],
    recurrent_kernel: Float[Array, "unit gate"],
    h: Float[Array, "unit"],
    c: Float[Array, "unit"],
    *,
    every: bool,
) -> tuple[Float[Array, "..."], tuple[Float[Array, "unit"], Float[Array, "unit"]]]:
    """Run an LSTM layer over one sample; gates lie in Keras's order i, f, g, o.

    Args:
        drive: input product and bias of every step.
        recurrent_kernel: maps the state to the gates.
        h: state before the first step.
        c: cell before the first step.
        every: whether to give the state after every step, rather than after the last.

    Returns:
        The states (time, unit), or the last state, and the final h and c.
    """
    states, final_c = _layer(every)(drive, recurrent_kernel, h, c)
    final_h = states[-1] if every else states
    return states, (final_h, final_c)


def _gates(z: Any) -> Any:
    """Sigmoid of i, f and o and tanh of g as one tanh of the slab: s(z) = (tanh(z / 2) + 1) / 2."""
    half = jnp.asarray(np.repeat([0.5, 0.5, 1.0, 0.5], z.shape[-1] // 4), dtype=z.dtype)[None]
    return jnp.tanh(z * half) * half + (1 - half)


def _tanh(c: Any) -> Any:
    # XLA computes 16 tanh at once along the last axis and what is left one by one: a flat array leaves little.
    flat = jax.lax.optimization_barrier(c.reshape(-1))  # type: ignore[no-untyped-call]
    return jnp.tanh(flat).reshape(c.shape)


def _forward(samples: Any, recurrent_kernel: Any, keep: bool, every: bool) -> Any:
    drive, h, c = samples

    def step(state: Any, drive: Any) -> Any:
        h, c = state
        gates = _gates(drive + h @ recurrent_kernel)
        i, f, g, o = jnp.split(gates, 4, axis=-1)
        c = f * c + i * g
        tanh = _tanh(c)
        h = o * tanh
        return (h, c), (gates, c, tanh, h) if keep else (h if every else None)

    (last, final_c), kept = jax.lax.scan(step, (h, c), jnp.swapaxes(drive, 0, 1))
    if keep:
        states = jnp.swapaxes(kept[3], 0, 1)
        return (states if every else last, final_c), tuple(jnp.swapaxes(x, 0, 1) for x in kept)
    return (jnp.swapaxes(kept, 0, 1) if every else last, final_c), None


def _backward(samples: Any, recurrent_kernel: Any, every: bool) -> Any:
    d_states, d_c, h0, kept = samples
    gates, c, tanh, h = (jnp.swapaxes(x, 0, 1) for x in kept)

    def step(state: Any, row: Any) -> Any:
        dh, dc = state
        gates, c, tanh, d_state = row
        i, f, g, o = jnp.split(gates, 4, axis=-1)
        if every:
            dh = dh + d_state
        dc = dc + dh * (o * (1 - tanh * tanh))
        d_i = dc * (g * i * (1 - i))
        d_f = dc * ((c - i * g) * (1 - f))  # f times the cell before is c - i g
        d_g = dc * (i * (1 - g * g))
        d_o = dh * (tanh * o * (1 - o))
        dz = jnp.concatenate([d_i, d_f, d_g, d_o], -1)
        return (jnp.einsum("bz,uz->bu", dz, recurrent_kernel), dc * f), dz

    start = (jnp.zeros_like(h0) if every else d_states, d_c)
    rows = (gates, c, tanh, jnp.swapaxes(d_states, 0, 1) if every else None)
    (dh, dc), dz = jax.lax.scan(step, start, rows, reverse=True)
    before = jnp.concatenate([h0[None], h[:-1]])
    d_kernel = jnp.einsum("tbu,tbz->uz", before, dz)
    return (jnp.swapaxes(dz, 0, 1), dh, dc), d_kernel


@lru_cache
def _layer(every: bool) -> Any:
    plain = for_batches(lambda samples, kernel: _forward(samples, kernel, False, every))
    keeping = for_batches(lambda samples, kernel: (_forward(samples, kernel, True, every), None))
    back = for_batches(lambda samples, kernel: _backward(samples, kernel, every))

    @jax.custom_vjp
    def layer(drive: Any, kernel: Any, h: Any, c: Any) -> Any:
        return plain((drive, h, c), kernel)[0]

    def forward(drive: Any, kernel: Any, h: Any, c: Any) -> Any:
        (outputs, kept), _ = keeping((drive, h, c), kernel)
        return outputs, (kernel, h, kept)

    def backward(saved: Any, cotangents: Any) -> Any:
        kernel, h, kept = saved
        (d_drive, dh, dc), d_kernel = back((*cotangents, h, kept), kernel)
        return d_drive, d_kernel, dh, dc

    layer.defvjp(forward, backward)
    return layer
