"""Where the live state lies: `COINCAST_HOME/live/`, and that of simulated time in a folder of its own.

live/ledger.sqlite      every forecast, score and outage; beside it -wal and -shm while it is open, .lock and .writer
live/inbox/             forecasts made elsewhere, on their way into the ledger; those that it refused in refused/
live/models/            what is asked for forecasts
live/health.json        how the loop is
live/watch.log          what it did
live/watch.lock         held by the loop
live/simulated/         the same in simulated time: a real track record is never mixed with a simulated one
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from coincast.tabular import expand_home, home_folder


@dataclass(frozen=True)
class LivePlaces:
    """The files of one live state.

    Attributes:
        folder: that they lie in.
        is_simulated: whether its time and its prices are made by us.
        ledger: file of the ledger.
    """

    folder: Path
    is_simulated: bool
    ledger: Path

    @property
    def inbox(self) -> Path:
        """Folder of forecasts made elsewhere."""
        return self.folder / "inbox"

    @property
    def models(self) -> Path:
        """Folder of models."""
        return self.folder / "models"

    @property
    def health(self) -> Path:
        """How the loop is."""
        return self.folder / "health.json"

    @property
    def log(self) -> Path:
        """What the loop did."""
        return self.folder / "watch.log"

    @property
    def lock(self) -> Path:
        """Held by the loop."""
        return self.folder / "watch.lock"


def live_places(*, simulated: bool = False, folder: Path | None = None, ledger: Path | str | None = None) -> LivePlaces:
    """The places of the live state; nothing is made.

    Args:
        simulated: those of simulated time.
        folder: instead of `COINCAST_HOME/live`.
        ledger: file of a ledger that lies elsewhere; all else lies beside it, then.
    """
    if ledger is not None:
        file = expand_home(ledger)
        return LivePlaces(file.parent, simulated, file)
    root = home_folder() / "live" if folder is None else Path(folder)
    root = root / "simulated" if simulated else root
    return LivePlaces(root, simulated, root / "ledger.sqlite")


def shown_places(folder: Path | None = None) -> LivePlaces:
    """The live state that a reader is shown: the real one where there is a ledger, else the simulated one if any."""
    real, simulated = live_places(folder=folder), live_places(simulated=True, folder=folder)
    return simulated if simulated.ledger.is_file() and not real.ledger.is_file() else real
