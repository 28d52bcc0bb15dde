"""Files that a training leaves as it goes: weights by epoch, the history of its losses, event files for TensorBoard.

    FOLDER/NAME-07-0.01234.safetensors      weights after epoch 7, whose validation loss was 0.01234
    FOLDER/NAME.csv                         epoch, loss, val_loss
    FOLDER/events.out.tfevents.NAME         the same for TensorBoard

Where several runs train together, each has a folder of its own, `FOLDER/run-1`, `FOLDER/run-2` and so on.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from coincast.errors import UnreadableFileError, UsageError
from coincast.tabular import expand_home
from coincast.training.arrays import SUFFIX, flatten_tree, read_arrays, remove_strays, unflatten_tree, write_arrays
from coincast.training.block import Epoch
from coincast.training.events import EventFile
from coincast.training.history import HistoryFile

KIND = "checkpoint"
FACTS = {"name": str, "run": int, "epoch": int, "loss": float}
"""What stands beside the weights, and `val_loss`."""
EVERY = ("best", "all", "none")
_NAME = re.compile(r"[\w=.+-]{1,100}")
_FILE = re.compile(rf"(?P<name>.+)-(?P<epoch>\d{{2,}})-(?P<loss>-?(?:\d+\.\d{{5}}|inf|nan)){re.escape(SUFFIX)}")


class CheckpointName(NamedTuple):
    """What the name of a checkpoint says; `loss` is the validation loss where there is one."""

    name: str
    epoch: int
    loss: float


def checkpoint_name(name: str, epoch: int, loss: float) -> str:
    """The name of a checkpoint's file: `<name>-<epoch, two digits at least>-<loss, five decimals>.safetensors`."""
    return f"{name}-{epoch:02d}-{loss:.5f}{SUFFIX}"


def parse_checkpoint_name(file: str | os.PathLike[str]) -> CheckpointName:
    """The name of a checkpoint, taken apart again; folders before it are left aside.

    Raises:
        UsageError: it is not named like a checkpoint.
    """
    found = _FILE.fullmatch(Path(file).name)
    if found is None:
        raise UsageError(
            f"{Path(file).name!r} is not named like a checkpoint; allowed: <name>-<epoch>-<loss>{SUFFIX}, for example "
            f"{checkpoint_name('lstm', 7, 0.01234)}"
        )
    return CheckpointName(found["name"], int(found["epoch"]), float(found["loss"]))


@dataclass(frozen=True)
class Checkpoint:
    """The weights of a run after an epoch.

    Attributes:
        name: of the training.
        run: its number in its set, counted from 1.
        epoch: counted from 1.
        loss, val_loss: after that epoch; no `val_loss` where nothing was validated.
        arrays: the trained arrays by the path to each.
    """

    name: str
    run: int
    epoch: int
    loss: float
    val_loss: float | None
    arrays: dict[str, np.ndarray]

    def weights(self, like: Any) -> Any:
        """The trained arrays as a pytree of the structure of `like`.

        Raises:
            UnreadableFileError: they are of another network.
        """
        return unflatten_tree(self.arrays, like, source=f"the checkpoint of {self.name}")


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a file that `EpochFiles` wrote.

    Raises:
        UnreadableFileError: no such file, no checkpoint, from a newer Coincast, cut or changed.
    """
    found = read_arrays(path, kind=KIND)
    kinds = {name: type(value) for name, value in found.facts.items()}
    if kinds not in ({**FACTS, "val_loss": float}, {**FACTS, "val_loss": type(None)}):
        raise UnreadableFileError(f"{path} does not say what a checkpoint says; give one that a training left")
    return Checkpoint(**found.facts, arrays=found.arrays)


class EpochFiles:
    """Writes the files of a training, epoch by epoch: hand it over as what is told after every epoch.

    A training that goes on after it was killed, and one that is started anew under the same name in the same folder,
    replaces what is there from its first epoch on: nothing stands twice, and nothing of an older training stays.

    Args:
        folder: where the files stand; made where it is missing.
        name: what their names begin with.
        runs: how many runs the whole set has.
        every: which weights are kept: "best", those of the best epoch so far, in place of the ones before; "all", those
            of every epoch; "none".
        history: whether the losses are written as CSV.
        tensorboard: whether they are written for TensorBoard, too.

    Raises:
        UsageError: another word for `every`, or a name that no file may have.

    Example:
        >>> from coincast.training.checkpoint import EpochFiles
        >>> files = EpochFiles("checkpoints", "btc_close_lstm", runs=25, every="all")
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        name: str,
        *,
        runs: int = 1,
        every: str = "best",
        history: bool = True,
        tensorboard: bool = False,
    ) -> None:
        if every not in EVERY:
            raise UsageError(f"every is {every!r}; allowed: {', '.join(EVERY)}")
        if not _NAME.fullmatch(name) or name.startswith("."):
            raise UsageError(
                f"a training is called {name!r}; its name begins the names of files: up to 100 letters, digits and "
                "_ - = + . without spaces, for example btc_close_lstm"
            )
        self.folder, self.name, self.runs = expand_home(folder), name, runs
        self.every, self.history, self.tensorboard = every, history, tensorboard
        self._open: dict[int, _RunFiles] = {}

    def __call__(self, epoch: Epoch) -> None:
        """Write what an epoch leaves.

        Raises:
            UsageError: a file cannot be written.
        """
        for place, run in enumerate(epoch.runs):
            if run not in self._open:
                self._open[run] = _RunFiles(self, run, epoch.epoch)
            val_loss = math.nan if epoch.validation_losses is None else float(epoch.validation_losses[place])
            self._open[run].add(
                epoch,
                run,
                loss=float(epoch.losses[place]),
                val_loss=None if math.isnan(val_loss) else val_loss,
                improved=bool(epoch.improved[place]),
            )


class _RunFiles:
    """The files of one run."""

    def __init__(self, files: EpochFiles, run: int, first_epoch: int) -> None:
        self.name, self.every = files.name, files.every
        self.folder = files.folder / f"run-{run + 1}" if files.runs > 1 else files.folder
        self.history = HistoryFile(self.folder / f"{self.name}.csv") if files.history else None
        events = self.folder / f"events.out.tfevents.{self.name}"
        self.events = EventFile(events) if files.tensorboard else None
        remove_strays(self.folder, self._is_ours)
        if self.every == "all":
            self._remove([path for path, epoch in self._checkpoints() if epoch >= first_epoch])

    def add(self, epoch: Epoch, run: int, *, loss: float, val_loss: float | None, improved: bool) -> None:
        if self.every == "all" or (self.every == "best" and improved):
            number, told = epoch.epoch, loss if val_loss is None else val_loss
            path = self.folder / checkpoint_name(self.name, number, told)
            facts = {"name": self.name, "run": run + 1, "epoch": number, "loss": loss, "val_loss": val_loss}
            write_arrays(path, flatten_tree(epoch.weights(run)), kind=KIND, facts=facts)
            if self.every == "best":
                self._remove([other for other, _ in self._checkpoints() if other != path])
        if self.history is not None:
            self.history.add(epoch.epoch, loss, val_loss)
        if self.events is not None:
            scalars = {"loss": loss} if val_loss is None else {"loss": loss, "val_loss": val_loss}
            self.events.add(epoch.epoch, scalars)

    def _is_ours(self, file: str) -> bool:
        match = _FILE.fullmatch(file)
        return match["name"] == self.name if match else file in (f"{self.name}.csv", f"events.out.tfevents.{self.name}")

    def _checkpoints(self) -> list[tuple[Path, int]]:
        """Checkpoints of this run that are there, with their epochs."""
        if not self.folder.is_dir():
            return []
        found = [(path, _FILE.fullmatch(path.name)) for path in self.folder.iterdir()]
        return [(path, int(match["epoch"])) for path, match in found if match and match["name"] == self.name]

    def _remove(self, paths: Sequence[Path]) -> None:
        for path in paths:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
