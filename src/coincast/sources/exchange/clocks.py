"""What time it is at an exchange: whom to believe where its clock, its web server and this machine differ.

Times are milliseconds since 1970.
"""

from __future__ import annotations

from coincast.errors import ExchangeError
from coincast.sources.exchange.paging import DAY, to_time

FAR_APART = 3 * DAY
"""Clocks may be wrong by hours, or by the day of a wrong zone; more is no clock."""


def choose_clock(told: int | None, dated: int | None, own: int, *, venue: str) -> tuple[int, str | None]:
    """The time of an exchange.

    What the exchange tells counts, as long as its answers are dated alike or this machine's clock is near; else the
    date of its answers. A time far ahead of this machine's is never believed: by it, candles would have closed that are
    still growing. One far behind costs the latest candles only, so there two of the exchange's own clocks are enough.

    Args:
        told: by the time endpoint; None: it has none, or does not answer.
        dated: by the header `Date` of its last answer.
        own: by this machine.
        venue: name of the exchange.

    Returns:
        The time, and what a user should know of the choice.

    Raises:
        ExchangeError: none of its clocks can be right.
    """
    if told is None and dated is None:
        return own, None
    if told is not None and told - own <= FAR_APART and (_is_near(told, own) or _is_near(told, dated)):
        return told, None
    if dated is not None and dated - own <= FAR_APART and (told is None or _is_near(dated, own)):
        note = f"{venue} says that it is {_tell(told)}, which cannot be; the date of its answers counts"
        return dated, None if told is None else note
    said = told if told is not None else dated
    raise ExchangeError(
        f"{venue} says that it is {_tell(said)}, and this machine that it is {_tell(own)}; which candles have closed "
        "is not known before the wrong one of these clocks is set right"
    )


def _is_near(time: int, other: int | None) -> bool:
    return other is not None and abs(time - other) <= FAR_APART


def _tell(time: int | None) -> str:
    try:
        return f"{to_time(time or 0):%Y-%m-%d %H:%M} UTC"
    except OverflowError:
        return "a time beyond all calendars"
