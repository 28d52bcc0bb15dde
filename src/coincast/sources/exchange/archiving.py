"""Which months of a market are taken from Binance's archive of files.

Times are milliseconds since 1970, spans half-open pairs of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from coincast.candles.table import INTERVALS
from coincast.sources.archive import ARCHIVE_INTERVALS, SOURCE
from coincast.sources.exchange.paging import DAY, Span, count_candles, intersect, merge, move, to_milliseconds, to_time
from coincast.sources.exchange.task import Task


def may_use_archive(task: Task) -> bool:
    """Whether the archive has such candles, and is wanted."""
    return (
        task.market.source == SOURCE
        and not task.market.settle
        and task.archive is not False
        and task.interval in ARCHIVE_INTERVALS
    )


def choose_months(
    task: Task, missing: Sequence[Span], *, begun: Span | None, page_limit: int | None, now: int
) -> list[Span]:
    """The months that are taken from the archive: those in which something is missing, where it takes fewer requests.

    Args:
        task: what is wanted.
        missing: what of it is not there, in order.
        begun: what an earlier download began to take from the archive; it is finished from there.
        page_limit: candles of one answer of the exchange; None: it cannot be asked.
        now: the exchange's time.
    """
    if begun is not None:
        return _months_of(intersect(missing, [begun]))
    months = _months_of(missing)
    files = sum(_count_files(span, now) for span in months)
    is_quick = page_limit is not None and count_candles(missing, task.interval) <= page_limit * files
    return months if task.archive or not is_quick else []


def _months_of(spans: Sequence[Span]) -> list[Span]:
    """The months in which spans lie, cut at the beginning of the first and the end of the last span."""
    whole = merge((_month(start), move(_month(end - 1), "1M", 1)) for start, end in spans)
    return intersect(whole, [(spans[0][0], spans[-1][1])]) if whole else []


def _month(time: int) -> int:
    """The beginning of its month."""
    return to_milliseconds(to_time(time).replace(day=1, hour=0, minute=0, second=0, microsecond=0))


def _count_files(span: Span, now: int) -> int:
    """About how many requests the archive takes: one file and its checksum a month, and a day of this month."""
    this_month = _month(now)
    months = max(0, this_month - span[0]) / INTERVALS["1M"]
    days = max(0, span[1] - max(span[0], this_month)) / DAY
    return 2 * (math.ceil(months) + math.ceil(days))
