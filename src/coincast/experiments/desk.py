"""What a training leaves in a run folder while it goes on: where it stands, and the files of its epochs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coincast.experiments.places import plain_name, safe_name

if TYPE_CHECKING:
    from coincast.experiments.sections import TrainingSection
    from coincast.training.block import Epoch
    from coincast.training.checkpoint import EpochFiles
    from coincast.training.resume import ResumeFile

STATE = "training-"
"""What the names of unfinished trainings begin with."""


@dataclass
class Desk:
    """Where the trainings of one model keep what they are about.

    Attributes:
        unfinished: folder of the states that an interrupted training goes on from.
        checkpoints: folder of the files of epochs.
        fingerprint: of the run: states of another one are not gone on from.
        training: says which files are wanted.
        files: the states that were handed out.
    """

    unfinished: Path
    checkpoints: Path
    fingerprint: str
    training: TrainingSection
    files: list[ResumeFile] = field(default_factory=list)

    def keeper(self, number: int) -> ResumeFile:
        """What keeps the state of one program of the model, counted from 1: they come in the same order every time."""
        from coincast.training.resume import ResumeFile

        path = self.unfinished / f"{STATE}{number}.safetensors"
        self.files.append(ResumeFile(path, fingerprint=f"{self.fingerprint} {number}"))
        return self.files[-1]

    @property
    def notes(self) -> list[str]:
        """Why states that were there could not be gone on from."""
        return [file.note for file in self.files if file.note is not None]

    def epoch_files(self, places: Sequence[tuple[str, ...]], seeds: int) -> Callable[[Epoch], None] | None:
        """What writes the files of the epochs of one program; None where none are wanted.

        Args:
            places: for each network of the program the folders from its model down; its seeds train side by side.
            seeds: how many.
        """
        if self.training.checkpoints == "none" and not self.training.tensorboard:
            return None
        from coincast.training.checkpoint import EpochFiles

        routes = [
            EpochFiles(
                self.checkpoints.joinpath(*map(safe_name, names)),
                plain_name(names[0]),
                runs=seeds,
                every=self.training.checkpoints,
                tensorboard=self.training.tensorboard,
            )
            for names in places
        ]
        return lambda epoch: _share_out(epoch, routes, seeds)


def _share_out(epoch: Epoch, routes: Sequence[EpochFiles], seeds: int) -> None:
    """Hand each network the part of an epoch that concerns it, its runs counted from 0."""
    from dataclasses import replace

    for number in sorted({run // seeds for run in epoch.runs}):
        own = [place for place, run in enumerate(epoch.runs) if run // seeds == number]
        first = number * seeds

        def weights(run: int, first: int = first) -> Any:
            return epoch.weights(first + run)

        routes[number](
            replace(
                epoch,
                runs=[epoch.runs[place] - first for place in own],
                losses=epoch.losses[own],
                validation_losses=None if epoch.validation_losses is None else epoch.validation_losses[own],
                improved=epoch.improved[own],
                weights=weights,
            )
        )
