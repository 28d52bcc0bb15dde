"""From a network to its program: JAX traces a prediction once, and every operation is written down.

The runs of one market lie beside one another in it, as they do in a training. What uses an operation that
`coincast.experiments.fitted.arithmetic` does not know has no program, and is asked through JAX.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from coincast.experiments.fitted.arithmetic import DTYPES, OPERATIONS
from coincast.experiments.fitted.program import read_program
from coincast.models.forecaster import Axes
from coincast.training.lanes import Static
from coincast.training.recipe import Recipe
from coincast.training.steps import at_last_step

PROGRAMS_KEPT = 32
CLOSE = 1e-4
"""How far a program may be from JAX, in the unit of the scaled target, beside numbers of a few: a rounding."""
INSIDE = ("jaxpr", "call_jaxpr", "fun_jaxpr", "call")
"""Where an operation that only names others keeps them."""

Told = dict[str, Any]
Traced = tuple[Told, dict[str, np.ndarray]]
"""A program as JSON holds it, and its constants by name."""


class Unknown(Exception):
    """An operation that no program has."""


def trace_program(static: Any, recipe: Recipe, axes: Axes, trained: Any, fixed: Any) -> Traced | None:
    """The program of the point forecast of some runs for one window.

    Its inputs are the leaves of `trained` and of `fixed`, in their order, and the scaled window (lookback, feature).
    Its output is (run, horizon).

    Args:
        static: the part of the module that is no array.
        recipe: says how outputs are read.
        axes: of the window and of the forecast.
        trained, fixed: arrays of the runs, stacked along a leading axis.

    Returns:
        None where an operation is not known, or where the program does not say what JAX says.
    """
    leaves, structure = jax.tree.flatten((trained, fixed))
    shapes = tuple((np.shape(leaf), str(np.asarray(leaf).dtype)) for leaf in leaves)
    return _trace(Static(static), recipe.static(), axes, structure, shapes)


@lru_cache(maxsize=PROGRAMS_KEPT)
def _trace(static: Static, recipe: Recipe, axes: Axes, structure: Any, shapes: tuple[Any, ...]) -> Traced | None:
    def one(trained: Any, fixed: Any, past: Any) -> Any:
        outputs = at_last_step(eqx.combine(trained, fixed, static.tree)(past))
        return recipe.head.point(outputs, recipe.quantiles, jnp)

    predict = jax.vmap(one, in_axes=(0, 0, None))
    draw = np.random.default_rng(0)
    given = [_sample(draw, *shape) for shape in shapes]
    past = draw.standard_normal((axes.lookback, axes.feature), dtype=np.float32)
    try:
        closed = jax.make_jaxpr(predict)(*jax.tree.unflatten(structure, given), past)
        told, constants = write_jaxpr(closed)
        with np.errstate(all="ignore"):
            said = read_program(told, constants).run([*given, past])[0]
        wanted = np.asarray(jax.jit(predict)(*jax.tree.unflatten(structure, given), past))
    except (Unknown, ValueError, TypeError, LookupError):
        return None
    is_same = said.shape == wanted.shape and np.allclose(said, wanted, rtol=CLOSE, atol=CLOSE, equal_nan=True)
    return (told, constants) if is_same else None


def _sample(draw: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Small weights of any kind, so that no activation is at its end."""
    return np.asarray(0.3 * draw.standard_normal(shape)).astype(dtype)


# ---------------------------------------------------------------- writing down


def write_jaxpr(closed: ClosedJaxpr) -> Traced:
    """A traced function as a program, without what its outputs do not need.

    Raises:
        Unknown: an operation that no program has.
    """
    constants: dict[str, np.ndarray] = {}
    return _write(closed.jaxpr, closed.consts, constants), constants


def _write(jaxpr: Jaxpr, consts: Sequence[Any], constants: dict[str, np.ndarray]) -> Told:
    writer = _Writer(constants)
    inputs = [writer.number() for _ in jaxpr.invars]
    outputs = writer.add(jaxpr, consts, inputs)
    return writer.finish(len(inputs), outputs)


class _Writer:
    """Collects the steps of one program; those of programs inside it stand in their own.

    Args:
        constants: by name, of all programs together.
    """

    def __init__(self, constants: dict[str, np.ndarray]) -> None:
        self.constants, self.own, self.steps, self.count = constants, dict[int, str](), list[Any](), 0

    def number(self) -> int:
        self.count += 1
        return self.count - 1

    def keep(self, array: Any) -> Any:
        """An operand that is known beforehand: a literal, or a constant with a name."""
        array = np.asarray(array)
        if str(array.dtype) not in DTYPES:
            raise Unknown(f"numbers of kind {array.dtype}")
        if array.ndim == 0:
            return [str(array.dtype), array.item()]
        name, number = f"program/{len(self.constants)}", self.number()
        self.constants[name], self.own[number] = array, name
        return number

    def add(self, jaxpr: Jaxpr, consts: Sequence[Any], inputs: Sequence[Any]) -> list[Any]:
        """Write a traced function down; operands of its results."""
        place: dict[Any, Any] = dict(zip(jaxpr.invars, inputs, strict=True))
        place |= {var: self.keep(const) for var, const in zip(jaxpr.constvars, consts, strict=True)}

        def find(atom: Any) -> Any:
            return self.keep(atom.val) if isinstance(atom, Literal) else place[atom]

        for equation in jaxpr.eqns:
            operands = [find(atom) for atom in equation.invars]
            place |= dict(zip(equation.outvars, self._step(equation, operands), strict=True))
        return [find(atom) for atom in jaxpr.outvars]

    def _step(self, equation: Any, operands: list[Any]) -> list[Any]:
        name, params = equation.primitive.name, equation.params
        inner = next((params[key] for key in INSIDE if isinstance(params.get(key), ClosedJaxpr | Jaxpr)), None)
        if name == "scan":
            name, told = "scan", self._scan(params)
        elif inner is not None:
            jaxpr, consts = (inner.jaxpr, inner.consts) if isinstance(inner, ClosedJaxpr) else (inner, ())
            return self.add(jaxpr, consts, operands)
        elif name == "optimization_barrier":
            return operands
        else:
            told = _describe(name, params)
        results = [self.number() for _ in equation.outvars]
        self.steps.append([name, operands, results, told])
        return results

    def _scan(self, params: Any) -> Told:
        body = params["jaxpr"]
        return {
            "length": params["length"],
            "reverse": params["reverse"],
            "fixed": params["num_consts"],
            "carried": params["num_carry"],
            "body": _write(body.jaxpr, body.consts, self.constants),
        }

    def finish(self, inputs: int, outputs: list[Any]) -> Told:
        """The program, without the steps that lead to no output; an output that is a literal gets a number."""
        told = [one if isinstance(one, int) else self._copy(one) for one in outputs]
        needed, kept = set(told), []
        for step in reversed(self.steps):
            if not needed.isdisjoint(step[2]):
                kept.append(step)
                needed |= {one for one in step[1] if isinstance(one, int)}
        constants = {name: number for number, name in self.own.items()}
        return {"inputs": inputs, "size": self.count, "constants": constants, "steps": kept[::-1], "outputs": told}

    def _copy(self, operand: Any) -> int:
        number = self.number()
        self.steps.append(["copy", [operand], [number], {}])
        return number


def _describe(name: str, params: Any) -> Told:
    """What is known beforehand of an operation, by the names of the arithmetic."""
    if name in PARAMETERS:
        return _plain(PARAMETERS[name](params))
    if name not in OPERATIONS:
        raise Unknown(name)
    return {}


def _plain(told: Told) -> Told:
    return {key: _as_json(value) for key, value in told.items()}


def _as_json(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_as_json(one) for one in value]
    return value.item() if isinstance(value, np.generic) else value


def _slice(params: Any) -> Told:
    first, end = params["start_indices"], params["limit_indices"]
    return {"first": first, "end": end, "stride": params["strides"] or (1,) * len(first)}


def _pad(params: Any) -> Told:
    config = params["padding_config"]
    if any(inner or before < 0 or after < 0 for before, after, inner in config):
        raise Unknown("padding inside, or that takes away")
    return {"margins": [(before, after) for before, after, _ in config]}


def _gather(params: Any) -> Told:
    numbers = params["dimension_numbers"]
    if numbers.operand_batching_dims or numbers.start_indices_batching_dims:
        raise Unknown("pieces of a batch")
    return {
        "inside": numbers.offset_dims,
        "dropped": numbers.collapsed_slice_dims,
        "axes": numbers.start_index_map,
        "sizes": params["slice_sizes"],
    }


def _window_sum(params: Any) -> Told:
    still = [*params["window_strides"], *params["base_dilation"], *params["window_dilation"]]
    if set(still) != {1} or any(before or after for before, after in params["padding"]):
        raise Unknown("a window that jumps, or leaves its array")
    return {"sizes": params["window_dimensions"]}


def _sort(params: Any) -> Told:
    if params["num_keys"] != 1:
        raise Unknown("a sort by several keys")
    return {"axis": params["dimension"]}


PARAMETERS: dict[str, Callable[[Any], Told]] = {
    "integer_pow": lambda params: {"power": params["y"]},
    "convert_element_type": lambda params: {"dtype": str(np.dtype(params["new_dtype"]))},
    "dot_general": lambda params: dict(zip(("contract", "batch"), params["dimension_numbers"], strict=True)),
    "broadcast_in_dim": lambda params: {"shape": params["shape"], "axes": params["broadcast_dimensions"]},
    "iota": lambda params: {
        "shape": params["shape"],
        "axis": params["dimension"],
        "dtype": str(np.dtype(params["dtype"])),
    },
    "reshape": lambda params: {"shape": params["new_sizes"]},
    "transpose": lambda params: {"axes": params["permutation"]},
    "squeeze": lambda params: {"axes": params["dimensions"]},
    "expand_dims": lambda params: {"axes": params["dimensions"]},
    "rev": lambda params: {"axes": params["dimensions"]},
    "slice": _slice,
    "dynamic_slice": lambda params: {"sizes": params["slice_sizes"]},
    "gather": _gather,
    "concatenate": lambda params: {"axis": params["dimension"]},
    "pad": _pad,
    "split": lambda params: {"sizes": params["sizes"], "axis": params["axis"]},
    "reduce_sum": lambda params: {"axes": params["axes"]},
    "reduce_max": lambda params: {"axes": params["axes"]},
    "reduce_min": lambda params: {"axes": params["axes"]},
    "reduce_window_sum": _window_sum,
    "sort": _sort,
}
"""What JAX knows beforehand of an operation, in the words of the arithmetic; of the others it knows nothing."""
