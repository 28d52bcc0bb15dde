"""Run one exchange in a process of its own: `python tests/exchange_server --venue kraken --script faults.json`.

The first line on stdout is its address. It ends when its standard input ends or on SIGINT or SIGTERM.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from exchange_server.faults import read_faults
from exchange_server.server import ExchangeServer
from exchange_server.venues import VENUES
from exchange_server.world import Listing, World, moment


def read_world(venue: str, settings: dict[str, Any]) -> World:
    """A world from JSON: fields of `World`, times as text, `now` "machine" for the clock of this machine."""
    settings = dict(settings)
    if "listings" in settings:
        settings["listings"] = tuple(_listing(entry) for entry in settings["listings"])
    if "now" in settings:
        settings["now"] = None if settings["now"] == "machine" else _time(settings["now"])
    if "outages" in settings:
        settings["outages"] = tuple((_time(since), _time(until)) for since, until in settings["outages"])
    if "revisions" in settings:
        settings["revisions"] = {(name, each, _time(at)): cents for name, each, at, cents in settings["revisions"]}
    return VENUES[venue].world(**settings)


def _listing(entry: dict[str, Any]) -> Listing:
    entry = dict(entry)
    if "since" in entry:
        entry["since"] = _time(entry["since"])
    entry["holes"] = tuple((_time(since), _time(until)) for since, until in entry.get("holes", ()))
    return Listing(**entry)


def _time(value: str | int) -> int:
    return value if isinstance(value, int) else moment(value)


def main() -> None:
    parser = argparse.ArgumentParser(prog="exchange_server", description="an exchange on 127.0.0.1, for tests")
    parser.add_argument("--venue", choices=sorted(VENUES), default="binance")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--world", type=Path, help="JSON: fields of World; default: its usual markets")
    parser.add_argument("--now", help="time at the exchange, such as 2024-03-01T12:00, or machine")
    parser.add_argument("--skew", type=int, default=0, help="milliseconds added to it")
    parser.add_argument("--script", type=Path, help="JSON: a list of faults, each with the fields of Fault")
    options = parser.parse_args()
    settings = json.loads(options.world.read_text(encoding="utf-8")) if options.world else {}
    settings |= ({"now": options.now} if options.now else {}) | ({"skew": options.skew} if options.skew else {})
    with ExchangeServer(options.venue, read_world(options.venue, settings), port=options.port) as server:
        if options.script:
            server.plan(*read_faults(json.loads(options.script.read_text(encoding="utf-8"))))
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        print(server.url, flush=True)
        try:
            sys.stdin.read()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
