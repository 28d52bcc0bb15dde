"""The process that trains: `python -m coincast.live.watch.child REQUEST.json`, started by `training.py` alone."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from coincast.errors import CoincastError

LOWEST_PRIORITY = 19
ORPHANED = 3
"""Exit code of a process whose loop is gone."""


def main(arguments: list[str]) -> int:
    """Train as the request says; its exit code. What goes wrong is the last line that is printed."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(LOWEST_PRIORITY)
    try:
        train(json.loads(Path(arguments[0]).read_text(encoding="utf-8")))
    except CoincastError as error:
        print(error, file=sys.stderr, flush=True)
        return error.exit_code
    return 0


def train(request: dict[str, Any]) -> None:
    """Train a model on candles of the store and leave it in its folder.

    Args:
        request: the spec; markets and interval; times from which and until which candles are learnt from, in
            milliseconds since 1970; the folder.
    """
    import polars as pl

    from coincast.candles.store import read_stored
    from coincast.experiments.spec import Spec
    from coincast.live.models import train_live
    from coincast.sources.exchange.paging import to_time

    since, until = to_time(request["since"]), to_time(request["until"])
    tables = [read_stored(name, request["interval"], since=since, until=until) for name in request["markets"]]
    train_live(Spec.from_dict(request["spec"]), pl.concat(tables, how="diagonal"), Path(request["folder"]))


def _end_with_parent() -> None:
    """The pipe ends when the loop does, be it by SIGKILL."""
    sys.stdin.buffer.read()
    os._exit(ORPHANED)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
