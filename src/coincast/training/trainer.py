"""Many runs in one program: a step of the training is one pure function of a run, mapped over runs.

The unit of work is a set of runs: seeds x settings x (market, training span). They share the shapes of their network
and their recipe; everything else (windows, targets, scales, rates, keys) is an array of its own per run. The data lie
on the device once, and windows are gathered by row inside a step. A program trains a stretch of an epoch of a block of
runs (`Lanes`); threads keep every core or device busy (`Workers`); between two stretches Python is awake, which is
where progress is told, losses are kept, training is stopped early, and Ctrl-C is heard.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, runtime_checkable

from coincast.training.block import Arrays, Block, Epoch
from coincast.training.devices import use_compile_cache
from coincast.training.memory import Budget
from coincast.training.programs import Programs, compile_programs
from coincast.training.run_set import Kind, RunSet
from coincast.training.runs import TrainingRun
from coincast.training.site import Progress, Site, Teller
from coincast.training.trained import TrainedRuns
from coincast.training.workers import Workers


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
        UsageError: recipes that differ in more than rates and loss, early stopping without validation windows, or a
            single block of runs that does not fit into the memory.
        StuckError: a device does not answer.
    """
    use_compile_cache()
    began = time.perf_counter()
    run_set = RunSet(runs, lookback, starts)
    earlier = 0.0 if keeper is None else _resume(run_set, keeper.resume())
    waiting = [block for block in run_set.blocks if not block.is_done]
    if waiting:
        first, keeps = waiting[0], keeper is not None
        run_set.open(first)
        with Workers(len(waiting)) as workers:
            programs = _compile(run_set, waiting, workers)
            temporary = max(one.temporary_bytes for one in programs.values())
            arguments = (first.state, first.fixed, first.data)
            budget = Budget.of(memory, run_set.shared, arguments, temporary, restores=first.restores, keeps=keeps)
            most = budget.blocks_at_once(len(workers.devices))
            site = Site(workers, programs, run_set.shared, *most, keeps=keeps)
            for block in site.train(waiting, run_set.open, Teller(on_progress, run_set, began)):
                if on_epoch is not None:
                    on_epoch(block.newest())
                if keeper is not None and keeper.is_due():
                    keeper.keep(*_snapshot(run_set.blocks, earlier + time.perf_counter() - began))
    return run_set.collect(earlier + time.perf_counter() - began)


def _compile(run_set: RunSet, waiting: Sequence[Block], workers: Workers) -> Mapping[tuple[Kind, Any], Programs]:
    """The programs of every kind that has something to train, on every device; the first block is open."""
    arguments = (waiting[0].state, waiting[0].fixed, waiting[0].data)

    def compile_for(kind: Kind, device: Any, *_: Any) -> Programs:
        program, validates = run_set.described[kind], run_set.validates
        return compile_programs(program, arguments, run_set.shared, device, validates=validates)

    return {
        (kind, device): workers.ask(partial(compile_for, kind, device))
        for kind in dict.fromkeys(block.kind for block in waiting)
        for device in set(workers.devices)
    }


def _snapshot(blocks: Sequence[Block], seconds: float) -> tuple[Arrays, dict[str, Any]]:
    """All blocks that were begun, so that each can go on from where it is, and how long it took to get there."""
    arrays: Arrays = {}
    facts: dict[str, Any] = {}
    for block in blocks:
        if block.is_begun:
            own, told = block.snapshot()
            arrays |= {f"{block.number}/{name}": array for name, array in own.items()}
            facts[str(block.number)] = told
    return arrays, {"blocks": facts, "seconds": seconds}


def _resume(run_set: RunSet, kept: tuple[Arrays, dict[str, Any]] | None) -> float:
    """Put blocks where they were; the seconds that were spent on it before."""
    if kept is None:
        return 0.0
    arrays, facts = kept[0], kept[1]["blocks"]
    ours = {str(block.number): block.runs for block in run_set.blocks}
    if any(told.get("runs") != ours.get(number) for number, told in facts.items()):
        warnings.warn("the training starts afresh: it was kept on a machine that divides it otherwise", stacklevel=3)
        return 0.0
    for block in run_set.blocks:
        if str(block.number) in facts:
            prefix = f"{block.number}/"
            own = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
            block.resume(own, facts[str(block.number)], run_set.starts[0])
    return float(kept[1]["seconds"])
