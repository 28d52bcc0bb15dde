"""The candles that a live model needs for its next answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from coincast.experiments.gather import Gathered, gather_candles
from coincast.experiments.sections import DataSection
from coincast.experiments.tasks import choose_candles
from coincast.live.models.model import LiveModel


def gather_for(
    model: LiveModel,
    markets: Sequence[str],
    files: Sequence[str] | None = None,
    *,
    outside: Sequence[str] | None = None,
    until: str | None = None,
    **reading: Any,
) -> Gathered:
    """Read the candles of some markets of a model, from files or else from the store.

    Args:
        model: that is asked.
        markets: that are asked about.
        files: each `FILE` or `MARKET=FILE`.
        outside: outside series to join; else the stored ones that it was trained with.
        until: last open time.
        **reading: as of `gather_candles`.

    Raises:
        NotStoredError: a market is not in the store; its message holds the line that fetches it.
        DataError: a file cannot be read.
    """
    data = DataSection(
        markets=list(model.needed_for(markets)),
        interval=model.interval,
        outside=list(outside or model.outside),
        until=until,
    )
    gathered = gather_candles(data, files or (), interval=model.interval, **reading)
    return Gathered(choose_candles(gathered.candles, data), gathered.facts, gathered.lines)
