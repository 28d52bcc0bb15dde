"""What an answer over HTTP means, whoever gave it: ask again, or stop and say why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message

from coincast.errors import ExchangeError, MaintenanceError, RefusedError
from coincast.sources.retry import TemporaryError, parse_retry_after, read_date

BLOCKED, BANNED, CROWDED, UNAVAILABLE = (403, 451), 418, 429, 503
WORTH_ANOTHER = (408, 425)


@dataclass(frozen=True)
class Reply:
    """What came back.

    Attributes:
        status: of HTTP.
        date: the other side's clock, where it tells it.
        retry_after: the header as it came.
        body: empty while it has not come whole.
        at: `time.monotonic()` when it began to come.
    """

    status: int
    date: datetime | None
    retry_after: str | None
    body: bytes = b""
    at: float = 0.0

    @property
    def is_json(self) -> bool:
        try:
            json.loads(self.body)
        except (ValueError, RecursionError):
            return False
        return True


def read_reply(
    status: int, headers: Mapping[str, str] | Message[str, str], body: bytes = b"", *, at: float = 0.0
) -> Reply:
    """A reply from its status and headers."""
    return Reply(status, read_date(headers.get("Date")), headers.get("Retry-After"), body, at)


def find_refusal(reply: Reply, who: str, *, longest_pause: float) -> Exception | None:
    """Why somebody does not serve us, where the answer says so.

    Args:
        reply: the answer.
        who: name of the exchange or host.
        longest_pause: seconds of `Retry-After` that are waited for.

    Returns:
        An `ExchangeError` to be raised, `TemporaryError` where a pause helps, else None.
    """
    if reply.status in BLOCKED:
        return refused_country(who, reply.status)
    if reply.status in (BANNED, CROWDED):
        return too_many(who, reply, longest_pause=longest_pause)
    if reply.status >= 500 and b"maintenance" in reply.body[:2000].lower():
        return in_maintenance(who)
    if 300 <= reply.status < 400:
        return ExchangeError(
            f"{who} sends the request on to another address (HTTP {reply.status}), which is not followed; "
            "name the right one with --base-url"
        )
    return None


def find_failure(reply: Reply) -> TemporaryError | None:
    """The failure of an answer that says nothing more than that."""
    if reply.status >= 500 or reply.status in WORTH_ANOTHER:
        return TemporaryError(f"HTTP {reply.status}", closed=reply.status == UNAVAILABLE)
    return None


def give_up(error: TemporaryError, who: str, failed: str = "did not answer as it should") -> ExchangeError:
    """What a user reads when all attempts have failed."""
    if error.crowded:
        return RefusedError(f"{who} says that too much is asked from this address; try again in some minutes")
    if error.closed:
        return MaintenanceError(f"{who} says that it does not serve now ({error}); try again later")
    return ExchangeError(f"{who} {failed}; the last answer was {error}; try again later")


def refused_country(who: str, status: int) -> RefusedError:
    """Geo-block."""
    code = f" (HTTP {status})" if status >= 400 else ""
    return RefusedError(
        f"{who}: the exchange refuses your server's country{code}; take another one with --exchange, "
        "or read files with coincast import"
    )


def in_maintenance(who: str) -> MaintenanceError:
    """Closed for a while."""
    return MaintenanceError(f"{who} is closed for maintenance; try again later, or take another with --exchange")


def too_many(who: str, reply: Reply | None, *, longest_pause: float) -> RefusedError | TemporaryError:
    """Too many requests: a pause, or a ban."""
    status = reply.status if reply else 0
    # A date in `Retry-After` is meant by the clock of the one who sent it.
    now = (reply and reply.date) or datetime.now(UTC)
    seconds = parse_retry_after(reply.retry_after if reply else None, now)
    if seconds is None and status == BANNED:
        return RefusedError(f"{who} has banned this address for a while (HTTP {status}) and does not say how long")
    if seconds is not None and seconds > longest_pause:
        done = "has banned this address" if status == BANNED else "takes no more requests from this address"
        return RefusedError(f"{who} {done} {_tell_end(now, seconds)} (HTTP {status}); go on with the same command then")
    return TemporaryError("too many requests", after=seconds, crowded=True)


def _tell_end(now: datetime, seconds: float) -> str:
    try:
        return f"until {now + timedelta(seconds=seconds):%Y-%m-%d %H:%M} UTC"
    except OverflowError:
        return "for good"
