"""What a network of a spec will be like, found out without computing a number: shapes, sizes, what cannot work."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from coincast.errors import UsageError
from coincast.experiments.entries import ModelEntry
from coincast.experiments.grid import MAY_VARY, Setting, expand_grid
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import Task
from coincast.samples.quantities import QUANTITIES

if TYPE_CHECKING:
    from coincast.models.forecaster import Axes
    from coincast.training.recipe import Recipe

BYTES_PER_PARAMETER = 16
"""Of a weight, its gradient and Adam's two moments."""


def check_network(entry: ModelEntry, spec: Spec, tasks: Sequence[Task]) -> list[Setting]:
    """The settings of a network, found to be such as one program can train.

    A grid may vary what keeps the shapes: all its networks must be one program, with one output per step.

    Raises:
        UsageError: a recipe, a grid or a network that cannot be trained.
    """
    import equinox as eqx
    import jax

    from coincast.models.forecaster import Axes

    settings = expand_grid(entry, spec)
    axes = Axes(spec.samples.lookback, tasks[0].samples.inputs.shape[1], count_outputs(spec))
    shapes = []
    for setting in settings:
        make_recipe(setting, spec)
        module = outline_network(setting.label, setting.settings, axes)
        refuse_too_large(setting.label, module, runs=len(settings) * len(tasks) * spec.training.seeds)
        _check_output(setting.label, module, axes)
        shapes.append(jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype) if hasattr(leaf, "shape") else leaf, module))
    for setting, shape in zip(settings, shapes, strict=True):
        if not eqx.tree_equal(shape, shapes[0]):
            raise UsageError(f"grid: {setting.label} and {settings[0].label} are two programs; {MAY_VARY}")
    return settings


def count_outputs(spec: Spec) -> int:
    """Outputs of a network: one per step, or one where it speaks of the whole horizon or goes step by step."""
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
        UsageError: it is no module, or so large that its shapes cannot be counted.
    """
    import equinox as eqx
    import jax

    try:
        module = eqx.filter_eval_shape(lambda key: settings.build(axes, key=key), jax.random.key(0))
    except OverflowError as error:
        raise UsageError(f"{label} is too large to be built ({error}); make it smaller") from None
    if not callable(module):
        raise UsageError(
            f"{label}: build gave {type(module).__name__}; it must give a module that can be called with one sample"
        )
    return module


def refuse_too_large(label: str, module: Any, *, runs: int = 1) -> None:
    """Refuse a network whose training cannot fit into the memory of this machine, before anything of it is built.

    A lower bound is enough: weights, their gradients and Adam's moments, in every lane of a program.

    Args:
        label: the model's name, for the error.
        module: what `outline_network` gave.
        runs: how many train side by side; the lanes of one block at least are there.

    Raises:
        UsageError: more than the physical memory is needed.
    """
    from coincast.training.lanes import FEWEST_DEVICES, LANES_PER_DEVICE

    parameters = count_parameters(module)
    needed = parameters * max(FEWEST_DEVICES * LANES_PER_DEVICE, runs) * BYTES_PER_PARAMETER
    memory = _physical_memory()
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


def _physical_memory() -> int | None:
    """Bytes of memory; None where the system does not say."""
    names = getattr(os, "sysconf_names", {})
    if not {"SC_PAGE_SIZE", "SC_PHYS_PAGES"} <= set(names):
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _check_output(label: str, module: Any, axes: Axes) -> None:
    """Any other shape would be broadcast against the targets, and trained on without a word."""
    import equinox as eqx

    past = np.zeros((axes.lookback, axes.feature), dtype=np.float32)
    given = getattr(eqx.filter_eval_shape(lambda network, x: network(x), module, past), "shape", None)
    if given != (axes.horizon, axes.output):
        raise UsageError(
            f"{label}: its module gives an output of shape {given}; it must give (horizon, output), here "
            f"{(axes.horizon, axes.output)}"
        )


def make_recipe(setting: Setting, spec: Spec) -> Recipe:
    """How a setting is trained."""
    from coincast.training.recipe import Recipe

    given = spec.training.model_dump(exclude={"seeds", "seed"})
    return Recipe(**{**given, "loss": spec.loss, **setting.recipe_changes})
