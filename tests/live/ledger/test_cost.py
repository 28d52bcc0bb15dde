"""What a forecast and a score cost does not grow with the ledger: counted in SQLite's own steps, not in seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from coincast.live.ledger import Ledger, append_forecast, append_score, due, forecast_table, newest_forecasts


def test_steps_do_not_grow(path: Path, maker: Any) -> None:
    with Ledger.open(path, write=True, now=maker.begun) as ledger:
        ledger.query("PRAGMA synchronous = OFF")
        counted: list[dict[str, int]] = []
        for number in range(400):
            now = maker.origin(number) + 1000
            target = maker.origin(number)
            work: dict[str, Callable[[], Any]] = {
                "due": lambda now=now: due(ledger, now, 500),
                "score": lambda now=now, target=target: append_score(
                    ledger, maker.market, "1h", target, maker.close(0) + target % 7, now
                ),
                "forecast": lambda now=now, number=number: append_forecast(
                    ledger, maker.forecast(number, steps=2), now
                ),
                "newest": lambda: newest_forecasts(ledger),
                "recent": lambda number=number: forecast_table(ledger, since=maker.origin(number - 2)),
                "entry": lambda: ledger.entry(3),
                "page": lambda: list(ledger.entries(ledger.head().count - 5)),
            }
            if number in (40, 399):
                counted.append({name: count_steps(ledger, call) for name, call in work.items()})
            else:
                work["score"]()
                work["forecast"]()
    early, late = counted
    assert all(late[name] <= 1.3 * early[name] + 20 for name in early), (early, late)


def count_steps(ledger: Ledger, call: Callable[[], Any]) -> int:
    """Instructions of SQLite's machine, in tens."""
    steps = 0

    def tick() -> int:
        nonlocal steps
        steps += 1
        return 0

    ledger._connection.set_progress_handler(tick, 10)
    try:
        call()
    finally:
        ledger._connection.set_progress_handler(None, 0)
    return steps
