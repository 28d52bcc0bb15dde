"""Where the blocks of a set are trained: which of them goes next, by which worker, and what is told meanwhile."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from coincast.training.block import Block
from coincast.training.programs import Programs
from coincast.training.run_set import Kind, RunSet
from coincast.training.runs import Data
from coincast.training.steps import VALIDATION_BATCH
from coincast.training.workers import Workers


@dataclass(frozen=True)
class Progress:
    """What a progress bar wants to know after each dispatch."""

    runs: int
    epoch: float
    epochs: int
    loss: float
    steps_per_second: float


class Site:
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
        programs: Mapping[tuple[Kind, Any], Programs],
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


class Teller:
    """Tells how far a set is."""

    def __init__(self, on_progress: Callable[[Progress], None] | None, run_set: RunSet, began: float) -> None:
        self.on_progress, self.run_set, self.began = on_progress, run_set, began
        self.stretch = {block.number: 0.0 for block in run_set.blocks}
        self.epochs = float(sum(block.epoch for block in run_set.blocks))
        self.steps = 0

    def __call__(self, block: Block, sums: Float[np.ndarray, "lane"], steps: int) -> None:
        if self.on_progress is None:
            return
        count = len(block.counts)
        share = steps / block.steps
        further = share - self.stretch[block.number]
        self.steps += round(further * block.steps) * count
        self.epochs += further
        self.stretch[block.number] = share % 1
        done = round(self.epochs / len(self.stretch), 9)  # a sum of many shares is whole but for its last digits
        recipe = self.run_set.recipe
        seen = np.minimum(steps * recipe.batch_size, block.counts)
        rate = self.steps / (time.perf_counter() - self.began)
        loss = float(np.mean((sums[:count] / seen)[block.is_learning]))
        self.on_progress(Progress(len(self.run_set.runs), done, recipe.epochs, loss, rate))
