"""What goes into an LSTM and what comes out: the tutorial of the article, to be run by anybody and by its page.

PyTorch's words: x is (time, batch, input), or (batch, time, input) where `batch_first` is said; h_0 and c_0 are
(layer, batch, units), whatever `batch_first` says.
"""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from coincast.articles.fmz import published
from coincast.reports.study import Cell

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class Read(NamedTuple):
    """What a batch leaves.

    Attributes:
        output: state h of the top layer after every time step; its first two axes are those of x.
        h_n, c_n: both states of every layer after the last time step alone.
    """

    output: Float[Array, "first second units"]
    h_n: Float[Array, "layer batch units"]
    c_n: Float[Array, "layer batch units"]


def read_batch(
    network: Any,
    x: Float[Array, "first second input"],
    states: tuple[Float[Array, "layer batch units"], Float[Array, "layer batch units"]] | None = None,
    *,
    batch_first: bool = False,
) -> Read:
    """Let an LSTM of one direction and layers of one size read a batch, as `torch.nn.LSTM` does.

    Args:
        network: what `LSTM(...).build` gives: a network for one sample, here mapped over the batch.
        x: the batch.
        states: (h_0, c_0); zeros where left out.
        batch_first: whether the samples of x lie along its first axis, and not along the second.

    Example:
        >>> import jax.numpy as jnp
        >>> from coincast.articles.fmz.tutorial import build_example, read_batch
        >>> [one.shape for one in read_batch(build_example(), jnp.ones((3, 4, 5)), batch_first=True)]
        [(3, 4, 10), (2, 3, 10), (2, 3, 10)]
    """
    import jax
    import jax.numpy as jnp

    samples = x if batch_first else jnp.swapaxes(x, 0, 1)

    def read(sample: Any, own: Any) -> Any:
        before = None if own is None else tuple(zip(*own, strict=True))
        output, after = network.run(sample, before)
        return output, jnp.stack([h for h, _ in after]), jnp.stack([c for _, c in after])

    output, h_n, c_n = jax.vmap(read, in_axes=(0, None if states is None else 1), out_axes=(0, 1, 1))(samples, states)
    return Read(output if batch_first else jnp.swapaxes(output, 0, 1), h_n, c_n)


def build_example(*, seed: int = 0) -> Any:
    """The article's example: 5 inputs, 10 units, 2 layers, in PyTorch's conventions."""
    import jax

    from coincast.models.forecaster import Axes
    from coincast.models.lstm import LSTM

    settings = LSTM(units=published.TUTORIAL_UNITS, depth=published.TUTORIAL_LAYERS, convention="torch")
    return settings.build(Axes(published.TUTORIAL_TIME, published.TUTORIAL_INPUTS, 1), key=jax.random.key(seed))


def example_batch(*, seed: int = 1) -> Float[Array, "batch time input"]:
    """Three samples of four time steps of five inputs."""
    import jax

    shape = (published.TUTORIAL_BATCH, published.TUTORIAL_TIME, published.TUTORIAL_INPUTS)
    return jax.random.normal(jax.random.key(seed), shape)


def tell_shapes() -> pl.DataFrame:
    """Run the example both ways, and list every array with its shape and what its axes are."""
    import jax.numpy as jnp

    network, x = build_example(), example_batch()
    zeros = jnp.zeros((published.TUTORIAL_LAYERS, published.TUTORIAL_BATCH, published.TUTORIAL_UNITS))
    first = read_batch(network, x, (zeros, zeros), batch_first=True)
    second = read_batch(network, jnp.swapaxes(x, 0, 1))
    layer = "layer, sample, unit"
    rows = [
        ("x, batch_first", x, "sample, time step, input"),
        ("h_0 and c_0, either way", zeros, layer),
        ("output, batch_first", first.output, "sample, time step, unit"),
        ("h_n, batch_first", first.h_n, layer),
        ("c_n, batch_first", first.c_n, layer),
        ("x, time first", jnp.swapaxes(x, 0, 1), "time step, sample, input"),
        ("output, time first", second.output, "time step, sample, unit"),
        ("h_n, time first", second.h_n, layer),
    ]
    return pl.DataFrame(
        [{"array": name, "shape": " x ".join(map(str, one.shape)), "axes": axes} for name, one, axes in rows]
    )


TUTORIAL: tuple[tuple[str, str], ...] = (
    (
        "A network of 2 layers of 10 units that reads 5 inputs, and a batch of 3 samples of 4 time steps.",
        """\
import jax.numpy as jnp
from coincast.articles.fmz.tutorial import build_example, example_batch, read_batch

network, x = build_example(), example_batch()
print("x", x.shape)""",
    ),
    (
        "With batch_first the samples come first. The states h and c always begin as layer, sample, unit.",
        """\
h_0 = c_0 = jnp.zeros((2, 3, 10))
output, h_n, c_n = read_batch(network, x, (h_0, c_0), batch_first=True)
for name, array in {"output": output, "h_n": h_n, "c_n": c_n}.items():
    print(name, array.shape)""",
    ),
    (
        "output holds the top layer at every step; h_n holds every layer at the last step. They meet in one place: "
        "the top layer at the last step. The layer below is in h_n alone.",
        """\
def same(one, other):
    return bool(jnp.allclose(one, other, atol=1e-6))

for sample in range(3):
    print("sample", sample, same(h_n[-1][sample], output[sample][-1]))
print("layer below", any(same(h_n[0], output[:, step]) for step in range(4)))""",
    ),
    (
        "States that are left out are zeros.",
        """\
print(same(read_batch(network, x, batch_first=True).output, output))""",
    ),
    (
        "Whoever forgets batch_first gets no error: 3 samples of 4 steps are read as 4 samples of 3 steps.",
        """\
mistaken = read_batch(network, x)
for name, array in mistaken._asdict().items():
    print(name, array.shape)""",
    ),
    (
        "Time first is how PyTorch expects it. With the first two axes exchanged it gives the same numbers.",
        """\
swapped = read_batch(network, jnp.swapaxes(x, 0, 1))
print("output", swapped.output.shape, same(jnp.swapaxes(swapped.output, 0, 1), output))
print("h_n", swapped.h_n.shape, same(swapped.h_n, h_n))""",
    ),
    (
        "The states are the network's whole memory: a sequence can be read in two pieces if they are handed on, and "
        "not if they begin at zero again. The article's windows begin at zero.",
        """\
first = read_batch(network, x[:, :1], batch_first=True)
handed_on = read_batch(network, x[:, 1:], (first.h_n, first.c_n), batch_first=True)
at_zero = read_batch(network, x[:, 1:], batch_first=True)
print("handed on", same(handed_on.output, output[:, 1:]))
print("at zero", same(at_zero.output, output[:, 1:]))""",
    ),
)
"""The article's tutorial: what each piece is about, and its code; all of it is run in one namespace."""


def run_cells() -> tuple[Cell, ...]:
    """Run the tutorial, and keep what each piece of it printed."""
    space: dict[str, Any] = {}
    cells = []
    for words, code in TUTORIAL:
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(code, "<tutorial>", "exec"), space)
        cells.append(Cell(code, printed.getvalue().rstrip(), words))
    return tuple(cells)
