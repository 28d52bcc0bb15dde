"""Gated recurrent units over time (Cho et al. 2014), with a hand-written backward pass.

    z = s(d_z + v_z),  r = s(d_r + v_r),  n = tanh(d_n + r v_n),  h' = z h + (1 - z) n,  v = h U + b

with the drive d; where the reset gate comes before the product, r v_n is replaced by (r h) U_n + b_n.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from coincast.models.kernels.mapping import for_batches


def run_gru(
    drive: Float[Array, "time gate"],
    recurrent_kernel: Float[Array, "unit gate"],
    recurrent_bias: Float[Array, "gate"] | None,
    h: Float[Array, "unit"],
    *,
    every: bool,
    reset_after: bool,
) -> tuple[Float[Array, "..."], Float[Array, "unit"]]:
    """Run a GRU layer over one sample; gates lie in Keras's order z, r, candidate.

    Args:
        drive: input product and bias of every step.
        recurrent_kernel: maps the state to the gates.
        recurrent_bias: added to the recurrent product of every step, or None.
        h: state before the first step.
        every: whether to give the state after every step, rather than after the last.
        reset_after: whether the reset gate scales the recurrent product (Keras's default, and PyTorch), or the state
            before it (Cho et al.).

    Returns:
        The states (time, unit), or the last state, and the final state.
    """
    bias = jnp.zeros_like(recurrent_kernel[0]) if recurrent_bias is None else recurrent_bias
    states = _layer(every, reset_after)(drive, recurrent_kernel, bias, h)
    return states, states[-1] if every else states


def _sigmoid(x: Any) -> Any:
    return jnp.tanh(x * 0.5) * 0.5 + 0.5


def _forward(samples: Any, shared: Any, keep: bool, every: bool, reset_after: bool) -> Any:
    drive, h = samples
    kernel, bias = shared
    units = h.shape[-1]
    both = 2 * units  # where the gates end and the candidate begins

    def step(h: Any, drive: Any) -> Any:
        if reset_after:
            product = h @ kernel + bias[None]
            gates = _sigmoid(drive[..., :both] + product[..., :both])
            product = product[..., both:]
            candidate = jnp.tanh(drive[..., both:] + gates[..., units:] * product)
        else:
            gates = _sigmoid(drive[..., :both] + h @ kernel[:, :both] + bias[None, :both])
            product = gates[..., units:] * h
            candidate = jnp.tanh(drive[..., both:] + product @ kernel[:, both:] + bias[None, both:])
        h = candidate + gates[..., :units] * (h - candidate)
        return h, (gates, candidate, product, h) if keep else (h if every else None)

    last, kept = jax.lax.scan(step, h, jnp.swapaxes(drive, 0, 1))
    if keep:
        kept = tuple(jnp.swapaxes(x, 0, 1) for x in kept)
        return (kept[3] if every else last), kept
    return (jnp.swapaxes(kept, 0, 1) if every else last), None


def _backward(samples: Any, kernel: Any, every: bool, reset_after: bool) -> Any:
    d_states, h0, kept = samples
    gates, candidate, product, states = (jnp.swapaxes(x, 0, 1) for x in kept)
    before = jnp.concatenate([h0[None], states[:-1]])
    units = h0.shape[-1]
    both = 2 * units

    def step(dh: Any, row: Any) -> Any:
        gates, candidate, product, before, d_state = row
        if every:
            dh = dh + d_state
        z, r = jnp.split(gates, 2, axis=-1)
        d_candidate = dh * ((1 - z) * (1 - candidate * candidate))
        d_z = dh * ((before - candidate) * z * (1 - z))
        if reset_after:
            rows = jnp.concatenate([d_z, d_candidate * (product * r * (1 - r)), d_candidate * r], -1)
            return dh * z + jnp.einsum("bz,uz->bu", rows, kernel), (rows, d_candidate)
        d_product = jnp.einsum("bz,uz->bu", d_candidate, kernel[:, both:])
        rows = jnp.concatenate([d_z, d_product * (before * r * (1 - r))], -1)
        return dh * z + d_product * r + jnp.einsum("bz,uz->bu", rows, kernel[:, :both]), (rows, d_candidate)

    start = jnp.zeros_like(h0) if every else d_states
    steps = (gates, candidate, product, before, jnp.swapaxes(d_states, 0, 1) if every else None)
    dh, (rows, d_candidate) = jax.lax.scan(step, start, steps, reverse=True)
    d_drive = jnp.concatenate([rows[..., :both], d_candidate], -1)
    if reset_after:
        d_kernel = jnp.einsum("tbu,tbz->uz", before, rows)
        d_bias = rows.sum((0, 1))
    else:
        of_gates = jnp.einsum("tbu,tbz->uz", before, rows)
        d_kernel = jnp.concatenate([of_gates, jnp.einsum("tbu,tbz->uz", product, d_candidate)], -1)
        d_bias = d_drive.sum((0, 1))
    return (jnp.swapaxes(d_drive, 0, 1), dh), (d_kernel, d_bias)


@lru_cache
def _layer(every: bool, reset_after: bool) -> Any:
    plain = for_batches(lambda samples, shared: _forward(samples, shared, False, every, reset_after))
    keeping = for_batches(lambda samples, shared: (_forward(samples, shared, True, every, reset_after), None))
    back = for_batches(lambda samples, kernel: _backward(samples, kernel, every, reset_after))

    @jax.custom_vjp
    def layer(drive: Any, kernel: Any, bias: Any, h: Any) -> Any:
        return plain((drive, h), (kernel, bias))[0]

    def forward(drive: Any, kernel: Any, bias: Any, h: Any) -> Any:
        (states, kept), _ = keeping((drive, h), (kernel, bias))
        return states, (kernel, h, kept)

    def backward(saved: Any, d_states: Any) -> Any:
        kernel, h, kept = saved
        (d_drive, dh), (d_kernel, d_bias) = back((d_states, h, kept), kernel)
        return d_drive, d_kernel, d_bias, dh

    layer.defvjp(forward, backward)
    return layer
