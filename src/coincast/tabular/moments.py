"""Moments and spans as a person gives them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from coincast.errors import UsageError

Moment = date | datetime | str


def read_moment(name: str, value: Moment) -> datetime:
    """A date or time in UTC; what names no zone is taken as UTC.

    Args:
        name: what it is called in the message.

    Raises:
        UsageError: no date or time.
    """
    try:
        moment = datetime.fromisoformat(str(value))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{name} is {str(value)!r}; allowed: a date or time such as 2017-06-01 or 2017-06-01T12:00Z"
        ) from None


def read_span(
    since: Moment | None, until: Moment | None, *, prefix: str = ""
) -> tuple[datetime | None, datetime | None]:
    """First moment of a span and the first moment after it; None where it has no border.

    `until` is the last moment within, and a bare date as `until` includes that day.
    """
    first = None if since is None else read_moment(f"{prefix}since", since)
    if until is None:
        return first, None
    last = read_moment(f"{prefix}until", until)
    return first, last + (timedelta(days=1) if _is_day(until) else timedelta(milliseconds=1))


def _is_day(value: Moment) -> bool:
    return len(value) == 10 if isinstance(value, str) else not isinstance(value, datetime)
