"""`health.json`: whether the loop lives, what it last did, and what troubles it. Its members stand in docs/watch.md.

    python -m coincast.live.watch.health [FILE]      0: alive and not in trouble; 1: not, with the reason

The file is written beside and renamed, so that a reader finds it whole. No secret is in it.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from coincast.tabular import write_beside

FORM = 1

STALE_AFTER = 180.0
"""Seconds after which a loop that has written nothing is taken for dead: it writes every second, but while it waits for
an exchange that says nothing, which takes three attempts of half a minute."""

HEALTHY = ("starting", "running")


@dataclass(frozen=True)
class MarketHealth:
    """How it stands with one market. Times are milliseconds since 1970; None: not yet.

    Attributes:
        last_close: close time of the newest candle that was stored.
        last_origin: of the newest forecast.
        made_at: when that was made.
        late: whether it was late.
        trouble: why there is no forecast for the newest close, in words.
    """

    market: str
    interval: str
    last_close: int | None = None
    last_origin: int | None = None
    made_at: int | None = None
    late: bool | None = None
    trouble: str | None = None


@dataclass(frozen=True)
class Health:
    """What the file holds.

    Attributes:
        state: "starting" (no model yet), "running", "troubled" (no forecast for the newest close, though there is a
            model), "stopped".
        words: that in a sentence.
        pid: of the process.
        written_at: by the clock of this machine.
        now: by the clock of the exchange.
        next_close: when the next candle closes.
        simulated: how many times faster time runs; None: it is real.
        venue: the exchange.
        is_connected: whether it answered last.
        markets: one by one.
        model: `folder`, `trained_until`; None: none yet.
        training: `running`, `seconds`, and what the last one `failed` with.
        ledger: `count` and `head`.
        made: forecasts, late ones among them, scores and outages since the start.
    """

    state: str
    words: str
    pid: int
    written_at: int
    now: int
    next_close: int
    simulated: float | None
    venue: str
    is_connected: bool
    markets: tuple[MarketHealth, ...]
    model: dict[str, Any] | None
    training: dict[str, Any]
    ledger: dict[str, Any]
    made: dict[str, int]
    form: int = FORM


def write_health(path: Path, health: Health) -> None:
    """Write the file, whole or not at all."""
    text = json.dumps(asdict(health), allow_nan=False)
    write_beside(path, lambda beside: beside.write_text(text, encoding="utf-8"))


def find_fault(path: Path, now: float) -> str | None:
    """What is wrong with the loop that writes there; None where nothing is.

    Args:
        path: the file.
        now: seconds since 1970, by the clock of this machine.
    """
    try:
        health = json.loads(path.read_text(encoding="utf-8"))
        age, state = now - health["written_at"] / 1000, str(health["state"])
    except FileNotFoundError:
        return f"there is no {path}; no loop has been started here"
    except (OSError, ValueError, KeyError, TypeError):
        return f"{path} cannot be read"
    if abs(age) > STALE_AFTER:  # a date in the future is that of a clock that was set back since
        return f"the loop has said nothing for {abs(age):,.0f} s"
    return None if state in HEALTHY else str(health.get("words", state))


def main(arguments: list[str]) -> int:
    """Say whether the loop is well; 1 where it is not."""
    from coincast.live.places import shown_places

    fault = find_fault(Path(arguments[0]) if arguments else shown_places().health, time.time())
    print(fault or "well")
    return 1 if fault else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
