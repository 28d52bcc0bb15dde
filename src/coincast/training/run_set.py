"""A set of runs, arranged for its programs: which runs share one, in which lanes and blocks, and with which arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from coincast.errors import UsageError
from coincast.training.block import Block, join_runs
from coincast.training.lanes import Lanes, split_module
from coincast.training.programs import describe_program, parts_needed
from coincast.training.recipe import Recipe
from coincast.training.runs import TrainingRun, axes_of, lay_out
from coincast.training.steps import Program, start_moments
from coincast.training.trained import TrainedRuns

Kind = tuple[str, *tuple[bool, ...]]
"""The loss of a run, and which parts of a program it needs."""


class RunSet:
    """Runs that are trained together.

    Args:
        runs: see `coincast.training.runs.TrainingRun` for what they must share.
        lookback: past candles of a window.
        starts: the weights that each run begins from; else those that its settings draw.

    Attributes:
        runs: as given.
        recipe: of the first run; rates and loss are a run's own.
        parameters: of one run.
        lanes: of every program.
        described: the program of each kind of run.
        shared: the arrays of all runs.
        blocks: the runs of each call of a program.

    Raises:
        UsageError: recipes that differ in more than rates and loss, or early stopping without validation windows.
    """

    def __init__(self, runs: Sequence[TrainingRun], lookback: int, starts: Sequence[Any] | None) -> None:
        self.runs, self.recipe, self.axes = runs, _one_recipe(runs), axes_of(runs[0], lookback)
        parts = _build(runs, lookback)
        self.starts = [start for start, _, _ in parts] if starts is None else list(starts)
        self.fixed = [fixed for _, fixed, _ in parts]
        self.static = parts[0][2]
        self.parameters = sum(leaf.size for leaf in jax.tree.leaves(self.starts[0]))
        kinds = _kinds(runs)
        most = max(map(len, kinds.values()))
        self.lanes = Lanes.arrange(most, self.parameters, self.recipe.batch_size, lookback)
        self.described: dict[Kind, Program] = {
            kind: describe_program(runs[places[0]].recipe, self.static, lookback, self.parameters)
            for kind, places in kinds.items()
        }
        with_no_change = any(program.with_no_change for program in self.described.values())
        self.shared, self.per_run = lay_out(runs, with_no_change=with_no_change)
        self.blocks: list[Block] = []
        for kind, places in kinds.items():
            for own in self.lanes.blocks(len(places)):
                self.blocks.append(Block(len(self.blocks), places[own], [runs[place] for place in places[own]], kind))

    @property
    def validates(self) -> bool:
        """Whether any run has windows to validate on."""
        return any(run.validation_windows for run in self.runs)

    def open(self, block: Block) -> None:
        """Give a block the arrays of its runs."""

        def stack(per_run: Sequence[Any]) -> Any:
            return self.lanes.stack([per_run[run] for run in block.runs])

        moments = start_moments(self.starts[0], self.recipe, self.lanes.width)
        block.open((stack(self.starts), moments), stack(self.fixed), stack(self.per_run), self.lanes.width)

    def collect(self, seconds: float) -> TrainedRuns:
        """What was learnt, in the order of the runs, once every block is done."""
        back = np.argsort([run for block in self.blocks for run in block.runs])

        def gather(name: str) -> Any:
            return np.concatenate([getattr(block, name) for block in self.blocks])[back]

        validates = any(block.validation_counts.any() for block in self.blocks)
        weights = join_runs([block.weights for block in self.blocks])
        return TrainedRuns(
            axes=self.axes,
            static=self.static,
            recipe=self.recipe,
            trained=jax.tree.map(lambda leaf: leaf[back], weights),
            fixed=jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *self.fixed),
            losses=gather("losses"),
            validation_losses=gather("validation_losses") if validates else None,
            epochs=gather("epochs"),
            best_epochs=gather("best_epochs"),
            parameters=self.parameters,
            seconds=seconds,
        )


def _build(runs: Sequence[TrainingRun], lookback: int) -> list[tuple[Any, Any, Any]]:
    """The network of each run before it has learnt, split; runs of the same settings and seed share one.

    To draw orthogonal weights takes a tenth of a second for fifty units, and a set may hold a run for each penalty,
    market and refit of the same few seeds.
    """
    built: dict[Any, tuple[Any, Any, Any]] = {}
    keys = [(id(run.settings), run.seed, axes_of(run, lookback)) for run in runs]
    for key, run in zip(keys, runs, strict=True):
        if key not in built:
            built[key] = split_module(run.settings.build(key[-1], key=_weight_key(run)))
    return [built[key] for key in keys]


def _kinds(runs: Sequence[TrainingRun]) -> dict[Kind, list[int]]:
    """Runs that are trained by the same program, by their loss and the parts that they need of it."""
    kinds: dict[Kind, list[int]] = {}
    for place, run in enumerate(runs):
        kinds.setdefault((run.recipe.loss, *parts_needed(run.recipe).values()), []).append(place)
    return kinds


def _one_recipe(runs: Sequence[TrainingRun]) -> Recipe:
    recipe = runs[0].recipe
    if any(run.recipe.of_set() != recipe.of_set() for run in runs):
        raise UsageError(
            "runs of one set share their recipe but for its rates, and a loss of the same head; train other recipes on "
            "their own"
        )
    if recipe.patience and not all(run.validation_windows for run in runs):
        raise UsageError(
            f"training.patience is {recipe.patience}, and nothing is held back to validate on; set for example "
            "split.validation = 0.2, or training.patience = 0"
        )
    return recipe


def _weight_key(run: TrainingRun) -> Any:
    return jax.random.split(jax.random.key(run.seed))[0]
