"""The input product of a recurrent layer, with a backward pass in the order that needs no large transposition."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from coincast.models.kernels.mapping import for_batches


def project(
    past: Float[Array, "time feature"], kernel: Float[Array, "feature gate"], bias: Float[Array, "gate"]
) -> Float[Array, "time gate"]:
    """The drive of a recurrent layer: past @ kernel + bias for every step of one sample.

    Autodiff would transpose the gradient of the drive, the largest array of a training step; here the small past is
    transposed instead, and a column of ones makes the gradient of the bias a part of the same product.
    """
    return _project(past, kernel, bias)  # type: ignore[no-any-return]


def _forward(past: Any, shared: Any) -> Any:
    kernel, bias = shared
    return jnp.swapaxes(jnp.swapaxes(past, 0, 1) @ kernel + bias[None, None], 0, 1), None


def _backward(samples: Any, kernel: Any) -> Any:
    past, d_drive = samples
    rows, d_rows = jnp.swapaxes(past, 0, 1), jnp.swapaxes(d_drive, 0, 1)
    with_one = jnp.concatenate([rows, jnp.ones((*rows.shape[:-1], 1), rows.dtype)], -1)
    both = jnp.einsum("tbf,tbz->fz", with_one, d_rows)
    d_past = jnp.einsum("tbz,fz->tbf", d_rows, kernel)
    return jnp.swapaxes(d_past, 0, 1), (both[:-1], both[-1])


_product = for_batches(_forward)
_product_back = for_batches(_backward)


@jax.custom_vjp
def _project(past: Any, kernel: Any, bias: Any) -> Any:
    return _product(past, (kernel, bias))[0]


def _project_forward(past: Any, kernel: Any, bias: Any) -> Any:
    return _project(past, kernel, bias), (past, kernel)


def _project_backward(saved: Any, d_drive: Any) -> Any:
    past, kernel = saved
    d_past, (d_kernel, d_bias) = _product_back((past, d_drive), kernel)
    return d_past, d_kernel, d_bias


_project.defvjp(_project_forward, _project_backward)
