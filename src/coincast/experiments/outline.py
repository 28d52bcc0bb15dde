"""What a network of a spec will be like, found out without computing a number: shapes, sizes, what cannot work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from coincast.errors import CoincastError, UsageError
from coincast.experiments.entries import ModelEntry
from coincast.experiments.grid import Setting, expand_grid
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import Task, sees_the_same, vary_tasks
from coincast.samples.quantities import QUANTITIES
from coincast.samples.recursion import refuse_unknown_inputs

if TYPE_CHECKING:
    from coincast.models.forecaster import Axes
    from coincast.training.recipe import Recipe

BYTES_PER_PARAMETER = 16
"""Of a weight, its gradient and Adam's two moments."""


def check_network(entry: ModelEntry, spec: Spec, tasks: Sequence[Task]) -> list[Setting]:
    """The settings of a network, found to be such as can be trained.

    Raises:
        UsageError: a recipe, a grid or a network that cannot be trained.
        DataError: the candles do not suffice for the samples of one of them.
    """
    from coincast.training.penalties import ACTIVITY_RATES, WEIGHT_RATES

    settings = expand_grid(entry, spec)
    told: list[tuple[Spec, Task]] = []
    seen: set[Any] = set()
    for setting in settings:
        known = [task for other, task in told if sees_the_same(setting.spec, other)]
        if not known:
            known = vary_tasks(tasks, setting.spec, of=spec)[:1]
            told.append((setting.spec, known[0]))
            if spec.samples.multi_step == "recursive":
                refuse_unknown_inputs(known[0].samples)
        recipe, axes = setting.spec.recipe(), axes_of(setting.spec, known[0].samples.inputs.shape[1])
        penalties = (getattr(recipe, name) > 0 for name in (*WEIGHT_RATES, *ACTIVITY_RATES))
        asked = (repr(setting.settings), axes, recipe.loss_on, *penalties)
        if asked not in seen:
            seen.add(asked)
            module = outline_network(setting.label, setting.settings, axes)
            refuse_too_large(setting.label, module)
            _check_output(setting.label, module, axes, recipe)
            _check_penalties(setting.label, module, recipe)
    return settings


def axes_of(spec: Spec, features: int) -> Axes:
    """Sizes of one sample of a network.

    Args:
        spec: the experiment as its setting has it.
        features: inputs of a candle.
    """
    from coincast.models.forecaster import Axes

    return Axes(spec.samples.lookback, features, count_outputs(spec), spec.recipe().outputs)


def count_outputs(spec: Spec) -> int:
    """Steps that a network forecasts at once: one where it speaks of the whole horizon, or goes step by step."""
    if spec.samples.multi_step == "recursive":
        return 1
    return len(QUANTITIES[spec.samples.quantity].steps(spec.samples.horizon))


def outline_network(label: str, settings: Any, axes: Axes) -> Any:
    """The module that settings build, with shapes in place of its arrays: nothing is computed, no memory is taken.

    Args:
        label: the model's name, for an error.
        settings: a `Network`.
        axes: sizes of one sample.

    Raises:
        UsageError: it cannot be built, is no module, or so large that its shapes cannot be counted.
    """
    import equinox as eqx
    import jax

    try:
        module = eqx.filter_eval_shape(lambda key: settings.build(axes, key=key), jax.random.key(0))
    except OverflowError as error:
        raise UsageError(f"{label} is too large to be built ({error}); make it smaller") from None
    except CoincastError:
        raise
    except Exception as error:
        raise UsageError(
            f"{label} cannot be built: {_tell(error)}; its settings need a method build(axes, *, key), which gives a "
            "module"
        ) from None
    if not callable(module):
        raise UsageError(
            f"{label}: build gave {type(module).__name__}; it must give a module that can be called with one sample"
        )
    return module


def structure_of(module: Any) -> tuple[Any, ...]:
    """What must be equal where two modules are one program, as a key.

    Args:
        module: what `outline_network` gave.
    """
    import equinox as eqx
    import jax

    from coincast.training.lanes import Static

    arrays, static = eqx.partition(module, lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct))
    leaves, structure = jax.tree.flatten(arrays)
    return structure, tuple((leaf.shape, str(leaf.dtype)) for leaf in leaves), Static(static)


def refuse_too_large(label: str, module: Any) -> None:
    """Refuse a network whose training cannot fit into the memory of this machine, before anything of it is built.

    A lower bound is enough: weights, their gradients and Adam's moments of one run. More runs than fit side by side
    are trained one after the other.

    Args:
        label: the model's name, for the error.
        module: what `outline_network` gave.

    Raises:
        UsageError: more than the physical memory is needed.
    """
    from coincast.training.memory import physical_memory

    parameters = count_parameters(module)
    needed = parameters * BYTES_PER_PARAMETER
    memory = physical_memory()
    if memory is not None and needed > memory:
        raise UsageError(
            f"{label} has {parameters:,} parameters, and training it needs {needed / 1e9:,.0f} GB of memory at least; "
            f"allowed: the {memory / 1e9:,.0f} GB of this machine; make it smaller, for example with fewer units"
        )


def count_parameters(module: Any) -> int:
    """Trained numbers of a module, or of what `outline_network` gave."""
    import jax
    import jax.numpy as jnp

    from coincast.models.dropout import Constant

    leaves = jax.tree.leaves(module, is_leaf=lambda node: isinstance(node, Constant))
    return sum(leaf.size for leaf in leaves if hasattr(leaf, "size") and jnp.issubdtype(leaf.dtype, jnp.inexact))


def _check_output(label: str, module: Any, axes: Axes, recipe: Recipe) -> None:
    """Any other shape would be broadcast against the targets, and trained on without a word."""
    import equinox as eqx

    past = np.zeros((axes.lookback, axes.feature), dtype=np.float32)
    try:
        output = eqx.filter_eval_shape(lambda network, x: network(x), module, past)
    except CoincastError:
        raise
    except Exception as error:
        raise UsageError(
            f"{label}: its module fails when it is called with one sample of shape {past.shape}: {_tell(error)}"
        ) from None
    given = getattr(output, "shape", None)
    last = (axes.horizon, axes.output)
    every = (axes.lookback, *last)
    if recipe.loss_on == "every" and given == last:
        raise UsageError(
            f"training.loss_on is 'every', and {label} forecasts from the last candle alone; set for example "
            f'{label.partition("(")[0]}.every_step = true where it has that setting, or training.loss_on = "last"'
        )
    if given not in (last, every):
        raise UsageError(
            f"{label}: its module gives an output of shape {given}; it must give (horizon, output), here {last}"
        )
    if not np.issubdtype(output.dtype, np.floating):
        raise UsageError(
            f"{label}: its module gives an output of {output.dtype}, which cannot be learnt by gradient; it must give "
            "decimal numbers such as float32"
        )


def _check_penalties(label: str, module: Any, recipe: Recipe) -> None:
    """A penalty that reaches nothing would be passed over in silence."""
    from coincast.training.penalties import ACTIVITY_RATES, PENALTIES, penalised_leaves

    reached = penalised_leaves(module)
    for name, fields in PENALTIES.items():
        for rate in (f"l1_{name}", f"l2_{name}"):
            if getattr(recipe, rate) > 0 and not reached[name]:
                raise UsageError(
                    f"training.{rate} is {getattr(recipe, rate):g}, and {label} has no weights that it reaches: fields "
                    f"called {' or '.join(fields)}, outside the output layer; set it to 0"
                )
    strengths = [name for name in ACTIVITY_RATES if getattr(recipe, name) > 0]
    if strengths and not hasattr(module, "with_activity"):
        raise UsageError(
            f"training.{strengths[0]} is {getattr(recipe, strengths[0]):g}, and {label} tells no activity: its module "
            "has no method with_activity; set it to 0"
        )


def _tell(error: Exception) -> str:
    """An error of a user's own code in one line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].strip()}" if lines else type(error).__name__
