"""Where an article is worked on: its candles, its folder, how large it is, and how far it is.

Whatever takes time is done under a name and kept in the folder, so that an article that was interrupted goes on where
it was: an experiment as a run folder of its own, a table as a file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from coincast.errors import UnreadableFileError
from coincast.experiments.fingerprint import hash_candles, hash_code, take_fingerprint
from coincast.experiments.fit import OnProgress
from coincast.experiments.folder import run_in_folder
from coincast.experiments.result import Result
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import choose_candles
from coincast.forecasts.table import load_table, write_table

if TYPE_CHECKING:
    from coincast.training.block import Epoch
    from coincast.training.resume import ResumeFile
    from coincast.training.runs import TrainingRun
    from coincast.training.trained import TrainedRuns

Size = Literal["quick", "usual", "long"]
SECONDS_BETWEEN_STATES = 60.0
"""Of a training that goes on; a state of ten networks of five million weights is 600 MB."""
UNFINISHED = "unfinished"


@dataclass(frozen=True)
class Bench:
    """What a chapter of an article works with.

    Attributes:
        candles: all markets that were asked for, cut to the span.
        folder: where everything is kept; made where it is missing.
        size: `quick` takes few epochs, seeds and repeats, and cuts large files for the trainings; `long` leaves nothing
            out.
        faithful, fair: which ways of working were asked for.
        say: tells in a few words what is being done.
        on_progress: how far a training is.
        files: what is known of the files that the candles came from.
        beside: candles of other intervals of the same coins, uncut; None where there are none.
    """

    candles: pl.DataFrame = field(repr=False)
    folder: Path
    size: Size = "usual"
    faithful: bool = True
    fair: bool = True
    say: Callable[[str], None] = lambda words: None
    on_progress: OnProgress | None = None
    files: tuple[Mapping[str, Any], ...] = ()
    beside: pl.DataFrame | None = field(default=None, repr=False)
    _states: list[ResumeFile] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def is_quick(self) -> bool:
        """Whether this is a first look."""
        return self.size == "quick"

    @cached_property
    def _made_of(self) -> bytes:
        """What everything here follows from: the candles, and the code as it was at the start."""
        return hash_all(self.candles, self.beside) + hash_code()

    def pick(self, quick: Any, usual: Any, long: Any = None) -> Any:
        """What the size says; `long` is the usual one where nothing else is given."""
        return {"quick": quick, "usual": usual, "long": usual if long is None else long}[self.size]

    def experiment(self, name: str, spec: Spec, candles: pl.DataFrame | None = None) -> Result:
        """Run a spec, or read back what it left; interrupted, it goes on.

        Args:
            name: of the experiment, one for each spec.
            spec: what to run.
            candles: other candles than those of the article.
        """
        self.say(name)
        given = self.candles if candles is None else candles
        fingerprint = take_fingerprint(spec, choose_candles(given, spec.data), beyond=False)
        place = self.folder / "runs" / f"{name}-{fingerprint[:12]}"
        run = run_in_folder(spec, given, files=self.files, out=place, with_pages=False, on_progress=self.on_progress)
        return run.result

    def table(self, name: str, made_of: Any, make: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        """A table that takes time to make: made once, and read back afterwards.

        Args:
            name: of its file.
            made_of: all that it follows from but the candles and the code, as JSON values.
            make: makes it; what it trains with `train` can be gone on with until the table is written.
        """
        told = json.dumps(made_of, sort_keys=True).encode()
        digest = _digest(told, self._made_of)
        path = self.folder / "tables" / f"{name}-{digest[:12]}.parquet"
        if path.is_file():
            try:
                return load_table(path, kind="article")
            except UnreadableFileError:
                pass  # it is made again
        self.say(name)
        before = len(self._states)
        made = make()
        write_table(made, path, kind="article")
        while len(self._states) > before:
            self._states.pop().forget()
        return made

    def train(
        self,
        name: str,
        runs: Sequence[TrainingRun],
        *,
        lookback: int,
        on_epoch: Callable[[Epoch], None] | None = None,
    ) -> TrainedRuns:
        """Train runs that no spec describes, as a part of making a `table`; interrupted, they go on where they were.

        The state stays until the table is written, so that nothing is lost in between.

        Args:
            name: of the training, one for each set of runs.
            runs, lookback, on_epoch: as for `coincast.training.trainer.train`.
        """
        from coincast.training.resume import ResumeFile
        from coincast.training.trainer import train

        told = repr([(run.settings, run.recipe, run.seed, run.windows, lookback) for run in runs]).encode()
        fingerprint = _digest(told, self._made_of)
        path = self.folder / UNFINISHED / f"{name}.safetensors"
        keeper = ResumeFile(path, fingerprint=fingerprint, every_seconds=SECONDS_BETWEEN_STATES)
        path.parent.mkdir(parents=True, exist_ok=True)
        tell = None if self.on_progress is None else partial(self.on_progress, name)
        self._states.append(keeper)
        return train(runs, lookback=lookback, keeper=keeper, on_epoch=on_epoch, on_progress=tell)


def hash_all(candles: pl.DataFrame, beside: pl.DataFrame | None) -> bytes:
    """A hash of the candles of a study, and of those of other intervals where there are such."""
    return hash_candles(candles) + (b"" if beside is None else hash_candles(beside))


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()
