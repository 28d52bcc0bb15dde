"""Shares seen in many markets, with their interval and the bound that they must keep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from coincast.scores.interval import wilson_interval


def share_row(
    count: int, markets: int, *, least: float | None = None, most: float | None = None, lenient: bool = False
) -> dict[str, Any]:
    """Columns `markets`, `count`, `share`, `low`, `high`, `least`, `most` and `passed` of one share.

    Args:
        count: markets in which something was seen.
        markets: independent markets looked at, at least one.
        least, most: what the share must keep; None where there is no such bound.
        lenient: whether a share fails only where its whole 95 % interval (Wilson) lies beyond a bound, as few markets
            make fair; otherwise the share itself must keep it.

    Returns:
        The columns; `passed` is None where there is no bound.
    """
    share = count / markets
    low, high = wilson_interval(share, markets)
    return {
        **{"markets": markets, "count": count, "share": share, "low": low, "high": high},
        **{"least": least, "most": most},
        "passed": keeps_bounds(share, low, high, least=least, most=most, lenient=lenient),
    }


def keeps_bounds(
    share: float, low: float, high: float, *, least: float | None, most: float | None, lenient: bool
) -> bool | None:
    """Whether a figure keeps its bounds; None where it has none."""
    if least is None and most is None:
        return None
    highest, lowest = (high, low) if lenient else (share, share)
    return (least is None or highest >= least) and (most is None or lowest <= most)


def share_table(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Rows of `share_row`, whatever else they hold, as a table; a column without a value keeps its type."""
    types = {"n": pl.Int64, "horizon": pl.Int64, "least": pl.Float64, "most": pl.Float64, "passed": pl.Boolean}
    return pl.DataFrame(rows, schema_overrides={name: kind for name, kind in types.items() if name in rows[0]})
