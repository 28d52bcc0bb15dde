"""What all addresses share."""

from __future__ import annotations

from dataclasses import dataclass, field

from coincast.web.answers import Answers
from coincast.web.heavy import Heavy
from coincast.web.hub import Hub
from coincast.web.jobs.choices import Choices
from coincast.web.jobs.queue import JobQueue
from coincast.web.live_state import LiveState
from coincast.web.runs.folders import RunFolders
from coincast.web.runs.reading import RunReader
from coincast.web.settings import Settings
from coincast.web.shelf import Shelf
from coincast.web.store import Store
from coincast.web.workshop import Workshop


@dataclass(frozen=True)
class Site:
    """The parts that handlers hand their questions to.

    Attributes:
        settings: who may come in, and how much is allowed.
        store: the candles.
        live: ledger and watch loop, as far as there are any.
        runs: run folders.
        shelf: saved models.
        jobs: what was started from the page.
        hub: tells readers what changes.
        heavy: where slow answers wait for their turn.
        workshop: a child process for what needs the library's networks.
        choices: models and articles that can be asked for.
        answers: those that are kept.
        reader: reads what stands in run folders, and keeps it.
    """

    settings: Settings
    store: Store
    live: LiveState
    runs: RunFolders
    shelf: Shelf
    jobs: JobQueue
    hub: Hub
    heavy: Heavy
    workshop: Workshop
    choices: Choices
    answers: Answers = field(default_factory=Answers)
    reader: RunReader = field(default_factory=RunReader)

    def close(self) -> None:
        """End what runs, and close what is open."""
        self.hub.close()
        self.jobs.close()
        self.heavy.close()
        self.workshop.close()
        self.live.close()


def make_site(settings: Settings) -> Site:
    """The parts for some settings; nothing is started and nothing is read yet."""
    live, workshop = LiveState(), Workshop()
    hub, runs = Hub(settings.limits.readers), RunFolders(settings.runs)
    return Site(
        settings=settings,
        store=Store(),
        live=live,
        shelf=Shelf(live),
        runs=runs,
        jobs=JobQueue(runs, settings.limits, tell=lambda job: hub.publish("job", job)),
        hub=hub,
        heavy=Heavy(settings.limits.heavy),
        workshop=workshop,
        choices=Choices(workshop),
    )
