"""Models: the one that is asked, when the next is trained, and taking it over.

A training never holds the loop up: it runs in a process, its model is loaded in a thread, and until then the old model
is asked. What fails is said, and tried again later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from coincast.live.watch.journal import Journal
from coincast.live.watch.models import Loader, drop_old, list_models
from coincast.live.watch.plan import Plan
from coincast.live.watch.training import Training

if TYPE_CHECKING:
    from coincast.live.models import LiveModel

DAY = 86_400_000

LOOKED_AT = 50
"""Newest scores of a market that a drift is looked for in, and after how many further ones it is looked for again."""

Losses = Callable[[int], Mapping[str, np.ndarray]]
"""Since a time: market -> losses beside the naive ones, in order of their targets."""


class Nursery:
    """Holds the model of a plan, and has the next one trained when it is due.

    Args:
        plan: says when.
        folder: of its models.
        training: the process.
        loader: the thread.
        journal: the log.

    Attributes:
        model: the one that is asked; None: there is none yet.
        origin: until when it was trained, milliseconds since 1970.
        fault: why the last training, or its model, failed; None: it did not.
    """

    def __init__(self, plan: Plan, folder: Path, training: Training, loader: Loader, journal: Journal) -> None:
        self.model: LiveModel | None = None
        self.origin: int | None = None
        self.fault: str | None = None
        self._plan = plan
        self._folder = folder
        self._training = training
        self._loader = loader
        self._journal = journal
        self._candidates = list_models(folder)
        self._looked = 0

    def tend(self, origin: int, *, is_filled: bool, losses: Losses) -> bool:
        """Take over what is ready, and begin what is due.

        Args:
            origin: the newest close.
            is_filled: whether the candles are there.
            losses: of the live forecasts.

        Returns:
            Whether there is a new model.
        """
        self._finish_training()
        is_new = self._finish_loading()
        if self._loader.is_busy or self._training.is_running:
            return is_new
        if self.model is None and self._candidates:
            self._loader.start(self._candidates.pop(0))
        elif is_filled and origin > 0 and self._training.may_start and (reason := self._find_reason(origin, losses)):
            self._journal.say(f"training begins: {reason}")
            if failed := self._training.start(origin):
                self._fail(failed.words)
        return is_new

    def stop(self) -> None:
        """End a training that is under way."""
        self._training.stop()

    def describe(self) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        """Model and training, for the health file."""
        name = f"{self.origin:015d}" if self.origin is not None else None
        model = {"folder": f"{self._folder.name}/{name}", "trained_until": self.origin} if self.model else None
        training = {
            "running": self._training.is_running,
            "seconds": round(self._training.seconds, 1),
            "failed": self.fault,
        }
        return model, training

    def _finish_training(self) -> None:
        trained = self._training.poll()
        if trained is None:
            return
        if trained.folder is None:
            self._fail(trained.words)
            return
        self._journal.say(f"training took {trained.seconds:.0f} s")
        self._loader.start(trained.folder)

    def _finish_loading(self) -> bool:
        taken = self._loader.poll()
        if taken is None:
            return False
        if taken.model is None:
            self._training.fail(taken.words)
            self._fail(f"{taken.folder.name} cannot be used: {taken.words}")
            return False
        self.model, self.origin, self.fault = taken.model, int(taken.folder.name), None
        self._journal.well("training")
        self._journal.say(f"forecasts come from the model {taken.folder.name} now")
        drop_old(self._folder)
        return True

    def _fail(self, words: str) -> None:
        self.fault = words
        rest = "the model before it goes on" if self.model else "there is no model yet"
        self._journal.warn("training", f"the training failed: {words}; {rest}")

    def _find_reason(self, origin: int, losses: Losses) -> str | None:
        """Why a model is trained now; None where it is not."""
        if self.model is None or self.origin is None:
            return "there is no model yet"
        retrain, age = self._plan.retrain, origin - self.origin
        if retrain == "daily":
            return "the model is a day old" if age >= DAY else None
        if isinstance(retrain, int):
            return f"the model is {retrain:,} candles old" if age >= retrain * self._plan.length else None
        if retrain == "drift" and age >= LOOKED_AT * self._plan.length and origin != self._looked:
            self._looked = origin
            drifted = [market for market, own in losses(self.origin).items() if self._has_drifted(own)]
            return f"its losses have grown on {', '.join(drifted)}" if drifted else None
        return None

    def _has_drifted(self, losses: np.ndarray) -> bool:
        """Whether the newest losses beside the naive ones are beyond chance above those before them."""
        from coincast.experiments.fit import Losses as Grown

        count = len(losses)
        if count % LOOKED_AT:
            return False
        seen = Grown(known_at=[np.arange(count)], differences=[losses])
        return seen.have_grown(count, LOOKED_AT, overlapping=self._plan.spec.samples.horizon)
