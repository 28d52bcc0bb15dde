"""The operations of a network's program in NumPy, by their names in JAX: what a prediction needs, and nothing else.

An operation that would make more than `LARGEST` numbers is refused before it is carried out, since a program comes out
of a file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = Any
"""A NumPy array, or a scalar of NumPy."""
LARGEST = 10**7
"""Numbers of one array."""
DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64")


def refuse_large(shape: Sequence[int]) -> None:
    """Refuse an array that no prediction of a window needs.

    Raises:
        ValueError: it is too large.
    """
    if math.prod(shape) > LARGEST:
        raise ValueError(f"an array of {list(shape)} numbers is too large")


def _alike(function: Callable[..., Array]) -> Callable[..., Array]:
    """An elementwise operation, whose operands have one shape, but for axes of length 1."""

    def apply(*operands: Array) -> Array:
        shapes = {np.shape(one) for one in operands}
        if len(shapes) > 1:
            refuse_large(np.broadcast_shapes(*shapes))
        return function(*operands)

    return apply


def _erf(x: Array) -> Array:
    from scipy.special import erf

    return erf(x)


def _erfc(x: Array) -> Array:
    from scipy.special import erfc

    return erfc(x)


def _product(left: Array, right: Array, *, contract: Any, batch: Any) -> Array:
    """A product of matrices, summed over some axes and side by side along others (`dot_general`)."""
    (of_left, of_right), (left_batch, right_batch) = contract, batch
    left_free = [axis for axis in range(left.ndim) if axis not in (*of_left, *left_batch)]
    right_free = [axis for axis in range(right.ndim) if axis not in (*of_right, *right_batch)]
    beside = [left.shape[axis] for axis in left_batch]
    rows, columns = [left.shape[axis] for axis in left_free], [right.shape[axis] for axis in right_free]
    summed = math.prod(left.shape[axis] for axis in of_left)
    refuse_large([*beside, *rows, *columns])
    one = left.transpose(*left_batch, *left_free, *of_left).reshape(*beside, math.prod(rows), summed)
    two = right.transpose(*right_batch, *of_right, *right_free).reshape(*beside, summed, math.prod(columns))
    return (one @ two).reshape(*beside, *rows, *columns)


def _broadcast(x: Array, *, shape: Sequence[int], axes: Sequence[int]) -> Array:
    refuse_large(shape)
    spread = [1] * len(shape)
    for size, axis in zip(np.shape(x), axes, strict=True):
        spread[axis] = size
    return np.broadcast_to(np.reshape(x, spread), shape)


def _count(*, shape: Sequence[int], axis: int, dtype: str) -> Array:
    refuse_large(shape)
    along = [1] * len(shape)
    along[axis] = shape[axis]
    return np.broadcast_to(np.arange(shape[axis], dtype=_dtype(dtype)).reshape(along), shape)


def _slice(x: Array, *, first: Sequence[int], end: Sequence[int], stride: Sequence[int]) -> Array:
    return x[tuple(slice(*each) for each in zip(first, end, stride, strict=True))]


def _cut(x: Array, *starts: Array, sizes: Sequence[int]) -> Array:
    """A piece that begins where operands say (`dynamic_slice`), pushed inside where it would reach out."""
    first = [min(max(int(start), 0), whole - size) for start, whole, size in zip(starts, x.shape, sizes, strict=True)]
    return x[tuple(slice(start, start + size) for start, size in zip(first, sizes, strict=True))]


def _gather(x: Array, places: Array, *, inside: Sequence[int], dropped: Sequence[int], axes: Sequence[int],
            sizes: Sequence[int]) -> Array:  # fmt: skip
    """Pieces of `sizes` from many places; `axes` says which axes the places are of, `inside` where theirs go."""
    kept = [size for axis, size in enumerate(sizes) if axis not in dropped]
    refuse_large([*places.shape[:-1], *kept])
    pieces = []
    for place in places.reshape(-1, places.shape[-1]).tolist():
        starts = [0] * x.ndim
        for axis, start in zip(axes, place, strict=True):
            starts[axis] = start
        pieces.append(_cut(x, *starts, sizes=sizes).reshape(kept))
    outer = places.ndim - 1
    found = np.stack(pieces).reshape(*places.shape[:-1], *kept)
    order = iter(range(outer)), iter(range(outer, found.ndim))
    return found.transpose([next(order[axis in inside]) for axis in range(found.ndim)])


def _pad(x: Array, value: Array, *, margins: Sequence[Sequence[int]]) -> Array:
    refuse_large([size + before + after for size, (before, after) in zip(x.shape, margins, strict=True)])
    return np.pad(x, [tuple(margin) for margin in margins], constant_values=value)


def _concatenate(*parts: Array, axis: int) -> Array:
    refuse_large([sum(part.size for part in parts)])
    return np.concatenate(parts, axis=axis)


def _window_sum(x: Array, *, sizes: Sequence[int]) -> Array:
    """Sums over a window that slides by one along every axis and stays inside."""
    refuse_large([*x.shape, *sizes])
    return np.lib.stride_tricks.sliding_window_view(x, tuple(sizes)).sum(axis=tuple(range(x.ndim, 2 * x.ndim)))


def _dtype(name: str) -> Any:
    if name not in DTYPES:
        raise ValueError(f"numbers of kind {name} are not known")
    return np.dtype(name)


def literal(dtype: str, value: float) -> Array:
    """A single number of a kind.

    Raises:
        ValueError: no such kind, or none of its numbers.
    """
    try:
        return _dtype(dtype).type(value)
    except OverflowError as error:
        raise ValueError(str(error)) from None


ELEMENTWISE: dict[str, Callable[..., Array]] = {
    "add": np.add,
    "add_any": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "max": np.maximum,
    "min": np.minimum,
    "pow": np.power,
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "select_n": lambda which, no, yes: np.where(which, yes, no),
    "clamp": lambda low, x, high: np.minimum(np.maximum(x, low), high),
}
"""Operations of several operands, number by number."""

OPERATIONS: dict[str, Callable[..., Array]] = {
    **{name: _alike(function) for name, function in ELEMENTWISE.items()},
    "not": np.logical_not,
    "neg": np.negative,
    "abs": np.abs,
    "sign": np.sign,
    "square": np.square,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: np.reciprocal(np.sqrt(x)),
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "logistic": lambda x: np.reciprocal(1 + np.exp(-x)),
    "erf": _erf,
    "erfc": _erfc,
    "is_finite": np.isfinite,
    "copy": lambda x: x,
    "stop_gradient": lambda x: x,
    "integer_pow": lambda x, *, power: np.power(x, power) if power >= 0 else np.reciprocal(np.power(x, -power)),
    "convert_element_type": lambda x, *, dtype: np.asarray(x).astype(_dtype(dtype)),
    "dot_general": _product,
    "broadcast_in_dim": _broadcast,
    "iota": _count,
    "reshape": lambda x, *, shape: np.reshape(x, shape),
    "transpose": lambda x, *, axes: x.transpose(axes),
    "squeeze": lambda x, *, axes: np.squeeze(x, axis=tuple(axes)),
    "expand_dims": lambda x, *, axes: np.expand_dims(x, tuple(axes)),
    "rev": lambda x, *, axes: np.flip(x, tuple(axes)),
    "slice": _slice,
    "dynamic_slice": _cut,
    "gather": _gather,
    "concatenate": _concatenate,
    "pad": _pad,
    "reduce_sum": lambda x, *, axes: x.sum(axis=tuple(axes)),
    "reduce_max": lambda x, *, axes: x.max(axis=tuple(axes)),
    "reduce_min": lambda x, *, axes: x.min(axis=tuple(axes)),
    "reduce_window_sum": _window_sum,
    "sort": lambda x, *, axis: np.sort(x, axis=axis),
}
"""Every operation with one result: operands by place, what is known beforehand by name."""


def split(x: Array, *, sizes: Sequence[int], axis: int) -> list[Array]:
    """The parts of an array, one beside the other along an axis; the one operation with several results."""
    return list(np.split(x, np.cumsum(sizes[:-1]).tolist(), axis=axis))
