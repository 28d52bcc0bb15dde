"""Runs that train side by side, how far they are, and when each of them stops."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jaxtyping import Bool, Float

from coincast.training.runs import TrainingRun

Arrays = dict[str, np.ndarray]
BOOKS = ("losses", "validation_losses", "epochs", "best_epochs", "best", "is_learning")


@dataclass(frozen=True)
class Epoch:
    """What is known after an epoch of some runs.

    Attributes:
        epoch: from 1.
        runs: which runs of the set, in order; those that had stopped before are left out.
        losses, validation_losses: of each of them; no validation losses where nothing is validated.
        improved: whether its validation loss, or else its loss, is the least so far.
        weights: trained arrays of one of `runs`; to be asked only before the callback returns, since the training goes
            on in the same memory.
    """

    epoch: int
    runs: Sequence[int]
    losses: Float[np.ndarray, "run"]
    validation_losses: Float[np.ndarray, "run"] | None
    improved: Bool[np.ndarray, "run"]
    weights: Callable[[int], Any]


class Block:
    """Some runs of a set, in the lanes of one program.

    Attributes:
        number: of the block in its set.
        runs: which runs of the set.
        kind: of program that trains them.
        epoch: epochs that are over.
        losses, validation_losses: (run, epoch), NaN from where a run stopped on; no validation losses where no run of
            the block validates.
        epochs, best_epochs: of each run, from 1: the last one that it learnt in, and the one with the best weights.
        is_learning: whether a run goes on.
        state: trained arrays and moments of all lanes, on a device.
        settled: the same as of the last epoch that is over, where they are kept (see `settle`).
        best_weights: trained arrays after the best epoch of each lane, where these are restored.
        weights: of the runs, once the block is done.
    """

    def __init__(self, number: int, places: Sequence[int], runs: Sequence[TrainingRun], kind: Any = None) -> None:
        recipe, count = runs[0].recipe, len(runs)
        self.number, self.runs, self.recipe, self.kind = number, list(places), recipe, kind
        self.counts = np.array([run.windows for run in runs])
        self.validation_counts = np.array([run.validation_windows for run in runs])
        self.min_delta = np.array([run.recipe.min_delta for run in runs])
        self.epoch = 0
        self.losses = np.full((count, recipe.epochs), np.nan)
        self.validation_losses = np.full((count, recipe.epochs), np.nan)
        self.epochs, self.best_epochs = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
        self.best = np.full(count, np.inf)
        self.is_learning = np.ones(count, dtype=bool)
        self.state: Any = None
        self.settled: Any = None
        self.best_weights: Any = None
        self.fixed: Any = None
        self.data: Any = None
        self.weights: Any = None
        self.resumed: Arrays = {}

    @property
    def steps(self) -> int:
        """Steps of an epoch of the run with the most windows."""
        return -(-int(self.counts.max()) // self.recipe.batch_size)

    @property
    def is_done(self) -> bool:
        return self.epoch == self.recipe.epochs or not self.is_learning.any()

    @property
    def is_begun(self) -> bool:
        """Whether there is something to go on from."""
        return self.settled is not None or self.weights is not None or bool(self.resumed)

    @property
    def restores(self) -> bool:
        return self.recipe.patience > 0 and self.recipe.restore_best

    def open(self, state: tuple[Any, Any], fixed: Any, data: Any, width: int) -> None:
        """Lay out the arrays of all lanes, as they were when the training was interrupted if it was."""
        self.fixed, self.data = fixed, data
        best = state[0] if self.restores else None
        self.state, self.best_weights = self._filled("state", state, width), self._filled("best", best, width)
        self.resumed = {}

    @property
    def learning_lanes(self) -> Bool[np.ndarray, "lane"]:
        """Whether each lane goes on; the spare ones do as the first run does."""
        return self.lanes(self.is_learning, len(self.data["count"]))

    def settle(self) -> None:
        """Hold on to the state between two epochs, for a snapshot while the next one is under way."""
        self.settled = self.state

    def move_to(self, device: Any) -> None:
        """Have its arrays on a device."""
        arrays = (self.state, self.fixed, self.data, self.best_weights)
        self.state, self.fixed, self.data, self.best_weights = jax.device_put(arrays, device)

    def newest(self) -> Epoch:
        """The epoch that was booked last."""
        own = np.flatnonzero(self.epochs == self.epoch)
        last, trained = self.epoch - 1, self.state[0]

        def weights(run: int) -> Any:
            return jax.tree.map(lambda leaf: np.asarray(leaf[self.runs.index(run)]), trained)

        return Epoch(
            epoch=self.epoch,
            runs=[self.runs[run] for run in own],
            losses=self.losses[own, last],
            validation_losses=self.validation_losses[own, last] if self.validation_counts.any() else None,
            improved=self.best_epochs[own] == self.epoch,
            weights=weights,
        )

    def lanes(self, values: np.ndarray, width: int) -> np.ndarray:
        """Values of the runs, and for the spare lanes those of the first run."""
        filled: np.ndarray = np.concatenate([values, np.repeat(values[:1], width - len(values), axis=0)])
        return filled

    def take_stock(self, sums: Float[np.ndarray, "lane"], validation: Float[np.ndarray, "lane"] | None) -> np.ndarray:
        """Book an epoch that is over.

        Args:
            sums: of the losses of each lane.
            validation: validation loss of each lane; None where none validates.

        Returns:
            Which runs improved: those whose validation loss (their loss, where they do not validate) is the least yet.
        """
        learnt, count = self.is_learning.copy(), len(self.counts)
        losses = sums[:count] / self.counts
        judged = losses
        self.losses[learnt, self.epoch] = losses[learnt]
        if validation is not None:
            judged = np.where(self.validation_counts > 0, validation[:count], losses)
            self.validation_losses[learnt, self.epoch] = validation[:count][learnt]
        improved: np.ndarray = learnt & (judged < self.best - self.min_delta)
        self.epoch += 1
        self.best[improved], self.best_epochs[improved] = judged[improved], self.epoch
        self.epochs[learnt] = self.epoch
        out_of_patience = (self.recipe.patience > 0) & (self.epoch - self.best_epochs >= self.recipe.patience)
        self.is_learning &= ~out_of_patience & np.isfinite(losses)
        return improved

    def close(self) -> None:
        """Take the weights of the runs, and let go of the rest."""
        kept = self.best_weights if self.restores else self.state[0]
        self.weights = jax.tree.map(lambda leaf: np.asarray(leaf)[: len(self.counts)], kept)
        self.state = self.settled = self.best_weights = self.fixed = self.data = None

    def snapshot(self) -> tuple[Arrays, dict[str, Any]]:
        """All that it takes to go on from the last epoch that is over."""
        if self.resumed:
            return self.resumed, self._facts()
        arrays = {name: getattr(self, name).copy() for name in BOOKS}
        is_closed = self.weights is not None
        parts = {"weights": self.weights} if is_closed else {"state": self.settled, "best": self.best_weights}
        for part, tree in parts.items():
            for place, leaf in enumerate(jax.tree.leaves(tree)):
                arrays[f"{part}/{place}"] = np.asarray(leaf)[: len(self.counts)]
        return arrays, self._facts()

    def _facts(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "runs": self.runs}

    def resume(self, arrays: Arrays, facts: Mapping[str, Any], structure: Any) -> None:
        """Go on from a snapshot.

        Args:
            arrays, facts: the snapshot.
            structure: a pytree like the trained arrays of one run.
        """
        for name in BOOKS:
            setattr(self, name, arrays[name].copy())
        self.epoch = facts["epoch"]
        self.resumed = arrays
        if self.is_done:
            part = "weights" if "weights/0" in arrays else "best" if self.restores else "state"
            leaves = [arrays[f"{part}/{place}"] for place in range(len(jax.tree.leaves(structure)))]
            self.weights = jax.tree.unflatten(jax.tree.structure(structure), leaves)

    def _filled(self, part: str, tree: Any, width: int) -> Any:
        if not self.resumed:
            return tree
        leaves, structure = jax.tree.flatten(tree)
        return jax.tree.unflatten(
            structure, [self.lanes(self.resumed[f"{part}/{i}"], width) for i in range(len(leaves))]
        )


def join_runs(trees: Sequence[Any]) -> Any:
    """Arrays of all blocks as one stack."""
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *trees)
