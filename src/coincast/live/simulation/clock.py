"""Time that runs faster, for a simulated exchange and all who ask it; it goes on after a restart.

A small file says what time it was there, when that was written, and what the prices are drawn from. While nothing
runs, simulated time goes on at the same speed, as an exchange does, but for `LONGEST_ABSENCE` at most: after a night a
simulation of a minute a second would else have slept through months.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from coincast.errors import UnreadableFileError, UsageError
from coincast.sources.retry import Clock
from coincast.tabular import write_beside

BEGINNING = 1_704_067_200_000
"""2024-01-01, where simulated time begins: nobody shall take it for today."""

LONGEST_ABSENCE = 120.0
"""Seconds of real time for which simulated time goes on while nothing runs."""

FASTEST = 36_000.0
"""Ten hours a second; beyond that a request takes longer than a candle."""

FORM = 1


class FastClock(Clock):
    """A clock that shows `start + speed x elapsed`, for both its times; waiting is as much shorter.

    Args:
        start: seconds since 1970 that it shows now.
        speed: simulated seconds in one real second.
    """

    def __init__(self, start: float, speed: float) -> None:
        super().__init__()
        self.speed = speed
        self._start = start
        self._begun = time.monotonic()

    def wall(self) -> float:
        """Simulated seconds since 1970."""
        return self._start + self.speed * (time.monotonic() - self._begun)

    def monotonic(self) -> float:
        """The same: nobody sets this clock."""
        return self.wall()

    def sleep(self, seconds: float) -> None:
        """Wait so many simulated seconds, or raise `Stopped` as soon as `stop` is called."""
        super().sleep(seconds / self.speed)


@dataclass(frozen=True)
class KeptTime:
    """What a simulation goes on from.

    Attributes:
        now: simulated time, milliseconds since 1970.
        written: real time then, milliseconds since 1970.
        drawn: name -> value of what the prices are drawn from.
    """

    now: int
    written: int
    drawn: Mapping[str, Any]

    def resumed(self, speed: float, real: int) -> int:
        """What time it is there now; never before what was written."""
        absence = min(max(0, real - self.written), round(1000 * LONGEST_ABSENCE))
        return self.now + round(speed * absence)


def check_speed(speed: float) -> float:
    """Refuse a speed that is not above 0, or too fast to be asked anything, with `UsageError`."""
    if not 0 < speed <= FASTEST:
        raise UsageError(
            f"--simulate {speed:g} is no speed; give simulated seconds per second, such as 60, at most {FASTEST:,.0f}"
        )
    return speed


def read_kept(path: Path) -> KeptTime | None:
    """What was kept; None where there is nothing yet.

    Raises:
        UnreadableFileError: the file is not whole, or not ours.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _unreadable(path) from error
    if not isinstance(values, dict) or values.pop("form", None) != FORM:
        raise _unreadable(path)
    kinds = {"now": int, "written": int, "drawn": dict}
    if set(values) != set(kinds) or not all(isinstance(values[name], kind) for name, kind in kinds.items()):
        raise _unreadable(path)
    return KeptTime(**values)


def refuse_other(kept: KeptTime, drawn: Mapping[str, Any], path: Path) -> None:
    """Refuse to go on with other prices in the same markets, with `UsageError`; further markets are welcome."""
    for name, value in drawn.items():
        if name in kept.drawn and kept.drawn[name] != value:
            raise UsageError(
                f"the simulation in {path.parent} has {name} {kept.drawn[name]!r}, and now {value!r} is asked for; set "
                "it back, or move that folder and the simulated markets of the store away"
            )


def write_kept(path: Path, kept: KeptTime) -> None:
    """Keep the time, whole or not at all."""
    text = json.dumps({"form": FORM, **asdict(kept)})
    write_beside(path, lambda beside: beside.write_text(text, encoding="utf-8"))


def _unreadable(path: Path) -> UnreadableFileError:
    return UnreadableFileError(
        f"{path} cannot be read as the time of a simulation; move the folder {path.parent} away to begin a new one"
    )
