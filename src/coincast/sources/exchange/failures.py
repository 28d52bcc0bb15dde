"""What a failed request means: try again, stop and say why, or a fault of ours.

The HTTP status decides before the kind of exception, since ccxt gives many kinds of answers the same kind of error (451
and 404 are "not available", like 502).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from coincast.errors import CoincastError, ExchangeError, MaintenanceError, RefusedError
from coincast.sources.exchange.web import Reply
from coincast.sources.retry import Stopped, TemporaryError, parse_retry_after

BANNED, CROWDED, UNAVAILABLE = 418, 429, 503
WORTH_ANOTHER = (408, 425)
LONGEST_QUOTE = 120


def explain(error: Exception, reply: Reply | None, venue: str, *, longest_pause: float) -> Exception:
    """The exception that a failed request shall end in.

    Args:
        error: what ccxt raised, or whatever fell out of its parsers.
        reply: the last answer, where there was one.
        venue: name of the exchange.
        longest_pause: seconds of `Retry-After` that are waited for.

    Returns:
        `TemporaryError` where another attempt is worth it, else an `ExchangeError` to be raised.
    """
    import ccxt

    if isinstance(error, Stopped | CoincastError | TemporaryError):
        return error
    status = reply.status if reply else 0
    if status in (403, 451) or isinstance(error, ccxt.RestrictedLocation):
        return refused_country(venue, status)
    if status in (BANNED, CROWDED) or isinstance(error, ccxt.RateLimitExceeded | ccxt.DDoSProtection):
        return _too_many(venue, status, reply, longest_pause)
    if _is_maintenance(error, reply):
        return MaintenanceError(f"{venue} is closed for maintenance; try again later, or take another with --exchange")
    if isinstance(error, ccxt.BadSymbol | ccxt.BadRequest | ccxt.NotSupported):
        return ExchangeError(f"{venue} refuses the request: {_quote(error, venue)}")
    if reply is None:
        late = isinstance(error, ccxt.RequestTimeout)
        return TemporaryError("no answer in time" if late else "a lost connection (is there a network?)")
    if status >= 500 or status in WORTH_ANOTHER:
        return TemporaryError(f"HTTP {status}", closed=status == UNAVAILABLE)
    if not reply.body:
        late = isinstance(error, ccxt.RequestTimeout)
        return TemporaryError("an answer that did not come to its end" if late else "an answer that was cut off")
    if not reply.is_json:
        page = b"<html" in reply.body[:1000].lower()
        return TemporaryError("a web page and no candles" if page else "something that is no candles")
    if not isinstance(error, ccxt.BaseError):
        return TemporaryError(f"something that is no candles ({_quote(error, venue)})")
    if status < 400 and isinstance(error, ccxt.OperationFailed):
        return TemporaryError(_quote(error, venue), closed=isinstance(error, ccxt.ExchangeNotAvailable))
    return ExchangeError(f"{venue} refuses the request: {_quote(error, venue)}")


def give_up(error: TemporaryError, venue: str) -> ExchangeError:
    """What a user reads when all attempts have failed."""
    if error.crowded:
        return RefusedError(f"{venue} says that too much is asked from this address; try again in some minutes")
    if error.closed:
        return MaintenanceError(f"{venue} says that it does not serve now ({error}); try again later")
    return ExchangeError(f"{venue} did not answer as it should; the last answer was {error}; try again later")


def refused_country(venue: str, status: int) -> RefusedError:
    """Geo-block."""
    code = f" (HTTP {status})" if status >= 400 else ""
    return RefusedError(
        f"{venue}: the exchange refuses your server's country{code}; take another one with --exchange, "
        "or read files with coincast import"
    )


def _too_many(venue: str, status: int, reply: Reply | None, longest_pause: float) -> Exception:
    now = (reply and reply.date) or datetime.now(UTC)
    seconds = parse_retry_after(reply.retry_after if reply else None, now)
    if seconds is None and status == BANNED:
        return RefusedError(f"{venue} has banned this address for a while (HTTP {status}) and does not say how long")
    if seconds is not None and seconds > longest_pause:
        until = f"{now + timedelta(seconds=seconds):%Y-%m-%d %H:%M} UTC"
        done = "has banned this address" if status == BANNED else "takes no more requests from this address"
        return RefusedError(f"{venue} {done} until {until} (HTTP {status}); go on with the same command after that")
    return TemporaryError("too many requests", after=seconds, crowded=True)


def _is_maintenance(error: Exception, reply: Reply | None) -> bool:
    import ccxt

    said = reply is not None and reply.status >= 500 and b"maintenance" in reply.body[:2000].lower()
    return said or isinstance(error, ccxt.OnMaintenance)


def _quote(error: Exception, venue: str) -> str:
    """The words of an error in one short line, without the name of the exchange that ccxt puts before them."""
    words = re.sub(r"\s+", " ", str(error)).strip().removeprefix(f"{venue} ") or type(error).__name__
    return words if len(words) <= LONGEST_QUOTE else words[: LONGEST_QUOTE - 3] + "..."
