"""Many runs in one program: the whole training is one pure function of a run, mapped over runs.

The unit of work is a set of runs: seeds x settings x (market, training span). They share the shapes of their network
and their recipe; everything else (windows, targets, scales, rates, keys) is an array of its own per run. The data lie
on the device once, and windows are gathered by row inside a step. A program trains a stretch of an epoch of a block of
runs (`Lanes`); threads keep every core or device busy (`Workers`); between two stretches Python is awake, which is
where progress is told, losses are kept, training is stopped early, and Ctrl-C is heard.
"""

from __future__ import annotations

import heapq
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from coincast.errors import UsageError
from coincast.training.block import Arrays, Block, Epoch, join_runs
from coincast.training.devices import use_compile_cache
from coincast.training.lanes import Lanes, split_module
from coincast.training.memory import Budget
from coincast.training.programs import Programs, compile_programs, describe_program, parts_needed
from coincast.training.recipe import Recipe
from coincast.training.runs import Data, TrainingRun, axes_of, lay_out
from coincast.training.steps import VALIDATION_BATCH, start_moments
from coincast.training.trained import TrainedRuns
from coincast.training.workers import Workers

Kind = tuple[bool, ...]
"""Which parts of a program a run needs."""


@dataclass(frozen=True)
class Progress:
    """What a progress bar wants to know after each dispatch."""

    runs: int
    epoch: float
    epochs: int
    loss: float
    steps_per_second: float


@runtime_checkable
class Keeper(Protocol):
    """Keeps an unfinished training, so that it can go on."""

    def resume(self) -> tuple[Arrays, dict[str, Any]] | None:
        """What was kept last; None where nothing was."""
        ...

    def is_due(self) -> bool:
        """Whether it is time to keep what there is."""
        ...

    def keep(self, arrays: Arrays, facts: dict[str, Any]) -> None:
        """Keep this, in place of what was kept before."""
        ...


def train(
    runs: Sequence[TrainingRun],
    *,
    lookback: int,
    starts: Sequence[Any] | None = None,
    memory: int | None = None,
    keeper: Keeper | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> TrainedRuns:
    """Train a set of runs in one program.

    Args:
        runs: at least one; see `TrainingRun` for what they must share.
        lookback: past candles of a window.
        starts: the weights that each run begins from (`TrainedRuns.weights`); else those that its settings draw.
        memory: bytes that the training may take; default: half of the machine's. Sets that need more are trained block
            after block, with the same result.
        keeper: keeps the training while it goes on, and hands over what it kept of an interrupted one.
        on_epoch: called after each epoch of each block of runs.
        on_progress: called after each dispatch.

    Returns:
        The trained runs, in the same order.

    Raises:
        UsageError: recipes that differ in more than their rates, early stopping without validation windows, or a single
            block of runs that does not fit into the memory.
        StuckError: a device does not answer.
    """
    use_compile_cache()
    began = time.perf_counter()
    recipe = _one_recipe(runs)
    parts = [split_module(run.settings.build(axes_of(run, lookback), key=_weight_key(run))) for run in runs]
    if starts is not None:
        parts = [(start, fixed, static) for start, (_, fixed, static) in zip(starts, parts, strict=True)]
    parameters = sum(leaf.size for leaf in jax.tree.leaves(parts[0][0]))
    kinds = _kinds(runs)
    lanes = Lanes.arrange(max(map(len, kinds.values())), parameters, recipe.batch_size)
    described = {
        kind: describe_program(runs[places[0]].recipe, parts[0][2], lookback, parameters)
        for kind, places in kinds.items()
    }
    shared, per_run = lay_out(runs, with_no_change=any(program.with_no_change for program in described.values()))
    blocks: list[Block] = []
    for kind, places in kinds.items():
        for own in lanes.blocks(len(places)):
            blocks.append(Block(len(blocks), places[own], [runs[place] for place in places[own]], kind))
    if keeper is not None:
        _resume(blocks, keeper.resume(), parts[0][0])

    def lay_block_out(block: Block) -> None:
        trained = lanes.stack([parts[run][0] for run in block.runs])
        moments = start_moments(parts[0][0], recipe, lanes.width)
        fixed = lanes.stack([parts[run][1] for run in block.runs])
        block.open((trained, moments), fixed, lanes.stack([per_run[run] for run in block.runs]), lanes.width)

    waiting = [block for block in blocks if not block.is_done]
    if waiting:
        lay_block_out(waiting[0])
        with Workers(len(waiting)) as workers:
            first = waiting[0]
            arguments = (first.state, first.fixed, first.data)
            validates = any(run.validation_windows for run in runs)

            def compile_for(kind: Kind, device: Any, *_: Any) -> Programs:
                return compile_programs(described[kind], arguments, shared, device, validates=validates)

            programs = {
                (kind, device): workers.ask(partial(compile_for, kind, device))
                for kind in dict.fromkeys(block.kind for block in waiting)
                for device in set(workers.devices)
            }
            temporary = max(one.temporary_bytes for one in programs.values())
            budget = Budget.of(memory, shared, arguments, temporary, restores=first.restores, keeps=keeper is not None)
            most = budget.blocks_at_once(len(workers.devices))
            site = _Site(workers, programs, shared, *most, keeps=keeper is not None)
            for block in site.train(waiting, lay_block_out, _Teller(on_progress, blocks, recipe, len(runs), began)):
                if on_epoch is not None:
                    on_epoch(block.newest())
                if keeper is not None and keeper.is_due():
                    keeper.keep(*_snapshot(blocks))
    back = np.argsort([run for block in blocks for run in block.runs])
    validation_losses = _validation_of(blocks)
    return TrainedRuns(
        axes=axes_of(runs[0], lookback),
        static=parts[0][2],
        recipe=recipe,
        trained=jax.tree.map(lambda leaf: leaf[back], join_runs([block.weights for block in blocks])),
        fixed=jax.tree.map(
            lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *(part[1] for part in parts)
        ),
        losses=np.concatenate([block.losses for block in blocks])[back],
        validation_losses=None if validation_losses is None else validation_losses[back],
        epochs=np.concatenate([block.epochs for block in blocks])[back],
        best_epochs=np.concatenate([block.best_epochs for block in blocks])[back],
        parameters=parameters,
        seconds=time.perf_counter() - began,
    )


class _Site:
    """Where blocks are trained.

    Args:
        workers: who trains them.
        programs: with what, by kind and device.
        shared: the arrays of all runs.
        most_open: blocks that may be open at once.
        most_running: workers that may be busy at once.
        keeps: whether snapshots of the blocks are taken.
    """

    def __init__(
        self,
        workers: Workers,
        programs: dict[tuple[Kind, Any], Programs],
        shared: Data,
        most_open: int,
        most_running: int,
        *,
        keeps: bool,
    ) -> None:
        self.workers, self.programs = workers, programs
        self.shared = {device: jax.device_put(shared, device) for _, device in programs}
        self.most_open, self.most_running, self.keeps = most_open, most_running, keeps

    def train(
        self, waiting: Sequence[Block], lay_out: Callable[[Block], None], tell: Callable[[Block, np.ndarray, int], None]
    ) -> Iterator[Block]:
        """Train all blocks to their end; yields one whenever an epoch of it is over.

        The blocks that are behind come first, so that no worker is idle while there is something to do.
        """
        heard = self.workers.listen()
        behind: list[tuple[int, int, Block]] = []
        idle = list(range(self.most_running))
        unopened = list(waiting)
        is_open = 0
        while unopened or is_open:
            while unopened and is_open < self.most_open:
                block = unopened.pop(0)
                if block.state is None:
                    lay_out(block)
                if self.keeps:
                    block.settle()
                heapq.heappush(behind, (block.epoch, block.number, block))
                is_open += 1
            while idle and behind:
                self.workers.give(idle.pop(), partial(self._train_epoch, heapq.heappop(behind)[2]))
            worker, is_done, what = next(heard)
            if not is_done:
                tell(*what)
                continue
            idle.append(worker)
            block, sums, validation = what
            improved = block.take_stock(sums, validation)
            if block.restores:
                block.best_weights = self.programs[block.kind, self.workers.devices[worker]].keep(
                    block.best_weights, block.state[0], block.lanes(improved, len(sums))
                )
            if self.keeps:
                block.settle()
            yield block
            if block.is_done:
                block.close()
                is_open -= 1
            else:
                heapq.heappush(behind, (block.epoch, block.number, block))

    def _train_epoch(self, block: Block, worker: int, device: Any) -> tuple[Block, np.ndarray, np.ndarray | None]:
        """In a worker: the sums of the losses of each lane in an epoch, and the validation losses after it."""
        programs, shared = self.programs[block.kind, device], self.shared[device]
        block.move_to(device)
        if self.keeps:  # a program takes the memory of the state that it is given
            block.state = jax.tree.map(jnp.copy, block.state)
        most, epoch = programs.steps, np.int32(block.epoch)
        sums = np.zeros(len(block.learning_lanes))
        for first in range(0, block.steps, most):
            steps = min(most, block.steps - first)
            block.state, part = programs.advance(
                block.state,
                block.fixed,
                block.data,
                block.learning_lanes,
                shared,
                epoch,
                np.int32(first),
                np.int32(steps),
            )
            sums += np.asarray(part)
            self.workers.tell(worker, (block, sums.copy(), first + steps))
        if not block.validation_counts.any():
            return block, sums, None
        chunks = np.int32(-(-block.validation_counts.max() // VALIDATION_BATCH))
        losses = programs.validate(block.state[0], block.fixed, block.data, shared, chunks)
        return block, sums, np.asarray(losses, dtype=np.float64)


class _Teller:
    """Tells how far a set is."""

    def __init__(
        self,
        on_progress: Callable[[Progress], None] | None,
        blocks: Sequence[Block],
        recipe: Recipe,
        runs: int,
        began: float,
    ) -> None:
        self.on_progress, self.blocks, self.recipe, self.runs, self.began = on_progress, blocks, recipe, runs, began
        self.stretch = {block.number: 0.0 for block in blocks}
        self.steps = 0

    def __call__(self, block: Block, sums: Float[np.ndarray, "lane"], steps: int) -> None:
        if self.on_progress is None:
            return
        count = len(block.counts)
        share = steps / block.steps
        self.steps += round((share - self.stretch[block.number]) * block.steps) * count
        self.stretch[block.number] = share % 1
        done = np.mean(
            [other.epoch + (share if other is block else self.stretch[other.number]) for other in self.blocks]
        )
        seen = np.minimum(steps * self.recipe.batch_size, block.counts)
        rate = self.steps / (time.perf_counter() - self.began)
        loss = float(np.mean((sums[:count] / seen)[block.is_learning]))
        self.on_progress(Progress(self.runs, float(done), self.recipe.epochs, loss, rate))


def _kinds(runs: Sequence[TrainingRun]) -> dict[Kind, list[int]]:
    """Runs that are trained by the same program, by the parts that they need of it."""
    kinds: dict[Kind, list[int]] = {}
    for place, run in enumerate(runs):
        kinds.setdefault(tuple(parts_needed(run.recipe).values()), []).append(place)
    return kinds


def _one_recipe(runs: Sequence[TrainingRun]) -> Recipe:
    recipe = runs[0].recipe
    if any(run.recipe.static() != recipe.static() for run in runs):
        raise UsageError("runs of one set share their recipe but for its rates; train other recipes on their own")
    if recipe.patience and not all(run.validation_windows for run in runs):
        raise UsageError(
            f"training.patience is {recipe.patience}, and nothing is held back to validate on; set for example "
            "split.validation = 0.2, or training.patience = 0"
        )
    return recipe


def _weight_key(run: TrainingRun) -> Any:
    return jax.random.split(jax.random.key(run.seed))[0]


def _validation_of(blocks: Sequence[Block]) -> Float[np.ndarray, "run epoch"] | None:
    losses = np.concatenate([block.validation_losses for block in blocks])
    return losses if any(block.validation_counts.any() for block in blocks) else None


def _snapshot(blocks: Sequence[Block]) -> tuple[Arrays, dict[str, Any]]:
    """All blocks that were begun, so that each can go on from where it is."""
    arrays: Arrays = {}
    facts: dict[str, Any] = {}
    for block in blocks:
        if block.is_begun:
            own, told = block.snapshot()
            arrays |= {f"{block.number}/{name}": array for name, array in own.items()}
            facts[str(block.number)] = told
    return arrays, facts


def _resume(blocks: Sequence[Block], kept: tuple[Arrays, dict[str, Any]] | None, like: Any) -> None:
    if kept is None:
        return
    arrays, facts = kept
    ours = {str(block.number): block.runs for block in blocks}
    if any(told.get("runs") != ours.get(number) for number, told in facts.items()):
        warnings.warn("the training starts afresh: it was kept on a machine that divides it otherwise", stacklevel=3)
        return
    for block in blocks:
        if str(block.number) in facts:
            prefix = f"{block.number}/"
            own = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
            block.resume(own, facts[str(block.number)], like)
