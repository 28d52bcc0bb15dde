"""How far back a network listens: the derivative of its forecast by the inputs of every candle of the window."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float

SAMPLES_AT_ONCE = 64


def gradient_by_lag(module: Any, pasts: Float[np.ndarray, "sample lookback feature"]) -> Float[np.ndarray, "lag"]:
    """Mean size of the derivative of the last forecast by the inputs of each candle, the newest candle first.

    Of every sample the norm over features is taken, then the mean over samples. Where it falls by a constant factor
    from lag to lag, what lies far back is not learnt: the gradient vanishes (Hochreiter 1991, Bengio et al. 1994).

    Args:
        module: a network for one sample.
        pasts: scaled inputs.
    """
    import jax.numpy as jnp

    every = _compiled()(module, jnp.asarray(pasts, dtype=jnp.float32))
    return np.asarray(np.asarray(every, dtype=np.float64).mean(axis=0)[::-1])


@cache
def _compiled() -> Any:
    """One program for all networks of the same structure."""
    import equinox as eqx
    import jax
    import jax.numpy as jnp

    from coincast.training.steps import at_last_step

    @eqx.filter_jit
    def sizes(module: Any, pasts: Any) -> Any:
        def one(past: Any) -> Any:
            gradient = jax.grad(lambda inputs: at_last_step(module(inputs)).sum())(past)
            return jnp.sqrt(jnp.sum(gradient**2, axis=-1))

        return jax.lax.map(one, pasts, batch_size=SAMPLES_AT_ONCE)

    return sizes
