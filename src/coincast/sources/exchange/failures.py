"""What a failed request means: try again, stop and say why, or a fault of ours.

The HTTP status decides before the kind of exception, since ccxt gives many kinds of answers the same kind of error (451
and 404 are "not available", like 502).
"""

from __future__ import annotations

import re

from coincast.errors import CoincastError, ExchangeError
from coincast.sources.replies import Reply, find_failure, find_refusal, in_maintenance, refused_country, too_many
from coincast.sources.retry import Stopped, TemporaryError

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
    if reply and (refusal := find_refusal(reply, venue, longest_pause=longest_pause)):
        return refusal
    if isinstance(error, ccxt.RestrictedLocation):
        return refused_country(venue, status)
    if isinstance(error, ccxt.RateLimitExceeded | ccxt.DDoSProtection):
        return too_many(venue, reply, longest_pause=longest_pause)
    if isinstance(error, ccxt.OnMaintenance):
        return in_maintenance(venue)
    if isinstance(error, ccxt.BadSymbol | ccxt.BadRequest | ccxt.NotSupported):
        return ExchangeError(f"{venue} refuses the request: {_quote(error, venue)}")
    if reply is None:
        late = isinstance(error, ccxt.RequestTimeout)
        return TemporaryError("no answer in time" if late else "a lost connection (is there a network?)")
    if failure := find_failure(reply):
        return failure
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


def _quote(error: Exception, venue: str) -> str:
    """The words of an error in one short line, without the name of the exchange that ccxt puts before them."""
    words = re.sub(r"\s+", " ", str(error)).strip().removeprefix(f"{venue} ") or type(error).__name__
    return words if len(words) <= LONGEST_QUOTE else words[: LONGEST_QUOTE - 3] + "..."
