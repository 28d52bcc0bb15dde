"""A network's prediction as a list of array operations, which NumPy carries out.

Loading JAX and compiling take longer than any question that is put to a small network. So a saved model carries its
prediction as a program: what JAX traced, operation by operation, for the runs of one market beside one another. It is
data and no code: an operation is a name of `coincast.experiments.fitted.arithmetic`, and nothing else is known.

As JSON holds it: `{"inputs": 12, "size": 80, "steps": [["tanh", [14], [15], {}], ...], "outputs": [79]}`. Values have
numbers: first the inputs, then the constants, then the results. An operand is such a number, or `["float32", 0.5]`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from coincast.experiments.fitted.arithmetic import OPERATIONS, literal, split

Array = Any
MOST_STEPS = 200_000
"""Operations of one prediction, counted as often as they are carried out."""


@dataclass(frozen=True)
class Step:
    """One operation.

    Attributes:
        act: operands -> results.
        operands: numbers of values, or constants (a number stands for a value, anything else for itself).
        results: numbers of values.
        cost: how often an operation is carried out in it.
    """

    act: Callable[..., Sequence[Array]]
    operands: tuple[Any, ...]
    results: tuple[int, ...]
    cost: int


@dataclass(frozen=True)
class Program:
    """Array operations in order.

    Attributes:
        inputs: how many values are given.
        size: how many values there are.
        constants: by number.
        steps: in order.
        outputs: numbers of the values that are asked for.
    """

    inputs: int
    size: int
    constants: Mapping[int, Array]
    steps: tuple[Step, ...]
    outputs: tuple[int, ...]

    @property
    def cost(self) -> int:
        """Operations of one run through it."""
        return sum(step.cost for step in self.steps)

    def run(self, given: Sequence[Array]) -> list[Array]:
        """The outputs for some inputs."""
        values: list[Array] = [*given, *[None] * (self.size - self.inputs)]
        for number, constant in self.constants.items():
            values[number] = constant
        for step in self.steps:
            operands = [values[one] if isinstance(one, int) else one for one in step.operands]
            for number, result in zip(step.results, step.act(*operands), strict=True):
                values[number] = result
        return [values[number] for number in self.outputs]


def read_program(told: Mapping[str, Any], constants: Mapping[str, np.ndarray]) -> Program:
    """A program out of a file.

    Args:
        told: as JSON holds it.
        constants: arrays by name, to which `told["constants"]` gives numbers.

    Raises:
        ValueError: an operation that is not known, a value that is used before it is there, or far too many steps.
        LookupError, TypeError: it is no program at all.
    """
    program = _read(told, constants)
    if program.cost > MOST_STEPS:
        raise ValueError(f"{program.cost:,} operations are more than a prediction needs")
    return program


def _read(told: Mapping[str, Any], constants: Mapping[str, np.ndarray]) -> Program:
    inputs, size = _whole(told["inputs"]), _whole(told["size"])
    known = {_whole(number): constants[name] for name, number in told.get("constants", {}).items()}
    there = {*range(inputs), *known}
    steps = []
    for name, operands, results, params in told["steps"]:
        used = {one for one in operands if not isinstance(one, list)}
        if not used <= there or not there.isdisjoint(results):
            raise ValueError(f"the operation {name!r} has an operand that is not there")
        there |= {_whole(number) for number in results}
        act, cost = _find(name, params, constants)
        steps.append(Step(act, tuple(map(_operand, operands)), tuple(results), cost))
    outputs = tuple(told["outputs"])
    if not {*outputs} <= there or max(there, default=-1) >= size or size > MOST_STEPS:
        raise ValueError("an output that is not there")
    return Program(inputs, size, known, tuple(steps), outputs)


def _operand(one: Any) -> Any:
    """A number of a value as it is; a literal as a scalar of NumPy, which is no `int` of Python."""
    return literal(*one) if isinstance(one, list) else _whole(one)


def _whole(number: Any) -> int:
    if type(number) is not int or not 0 <= number < MOST_STEPS:
        raise ValueError(f"{number!r} is no number of a value")
    return number


def _find(name: str, params: Mapping[str, Any], constants: Mapping[str, np.ndarray]) -> tuple[Any, int]:
    """What carries out an operation, and how many operations that are."""
    if name == "scan":
        body = _read(params["body"], constants)
        length, carried, fixed = (_whole(params[key]) for key in ("length", "carried", "fixed"))
        act = partial(_scan, body=body, length=length, fixed=fixed, carried=carried, is_reverse=bool(params["reverse"]))
        return act, length * (body.cost + 1)
    if name == "split":
        return partial(split, **params), 1
    if name not in OPERATIONS:
        raise ValueError(f"the operation {name!r} is not known")
    return partial(_single, OPERATIONS[name], params), 1


def _single(operation: Callable[..., Array], params: Mapping[str, Any], *operands: Array) -> tuple[Array]:
    return (operation(*operands, **params),)


def _scan(*operands: Array, body: Program, length: int, fixed: int, carried: int, is_reverse: bool) -> Sequence[Array]:
    """A program that is carried out for row after row, with what it carries on."""
    given, state, rows = operands[:fixed], list(operands[fixed : fixed + carried]), operands[fixed + carried :]
    kept: list[list[Array]] = [[] for _ in body.outputs[carried:]]
    for place in reversed(range(length)) if is_reverse else range(length):
        told = body.run([*given, *state, *(row[place] for row in rows)])
        state = told[:carried]
        for one, result in zip(kept, told[carried:], strict=True):
            one.append(result)
    return [*state, *(np.stack(one[::-1] if is_reverse else one) for one in kept)]
