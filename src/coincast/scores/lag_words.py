"""The shifted curve in words: what a line is, for a layman."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coincast.scores.lag import Hold, Lag

SCARCELY = 0.01
"""Below this share of its distance from the truth a line's distance from an old price is not worth a word."""
NO_MOVE = 1e-12
"""Moves smaller than this on average are those of a copy."""


def lag_sentence(lag: Lag | None, hold: Hold, interval: str, *, is_better: bool = False) -> str:
    """What a line is, for a layman.

    Args:
        lag: the lag at which it fits best, None where that is not known.
        hold: how much of it is the last known price.
        interval: of the candles.
        is_better: whether its verdict is `better`: then it is more than the old price that it lies near.

    Returns:
        One or two sentences, such as: This line is yesterday's price, moved a little. Its own moves are 12 % as large
        as the real ones (correlation 0.02, where 0 is chance and 1 is perfect).
    """
    if hold.own_move <= NO_MOVE:
        return (
            "This line is the last known price itself, drawn at a later time: it hugs the real line because prices "
            "move little at a time, not because anything is foreseen."
        )
    return f"{_lag_words(lag, interval, is_better=is_better)} {_hold_words(hold, is_better=is_better)}".lstrip()


def _lag_words(lag: Lag | None, interval: str, *, is_better: bool) -> str:
    if lag is None:
        return ""
    if is_better and lag.candles == lag.step:
        return "This line lies near the last known price, as every good forecast does."
    old = name_old_price(lag.candles, interval)
    if lag.is_old_price and not is_better:
        is_exact = lag.distance <= SCARCELY * lag.from_truth
        return f"This line is {old}{'' if is_exact else ', moved a little'}."
    if lag.candles == 0:
        return "This line lies nearest to what happened."
    if lag.candles < lag.step:
        unit = "day" if interval == "1d" else "candle"
        before = f"the price of {lag.candles} {unit}{'' if lag.candles == 1 else 's'} before"
        return f"This line lies nearest to {before}, which nobody knew when it was drawn."
    return f"This line lies nearer to {old} than to what happened."


def _hold_words(hold: Hold, *, is_better: bool) -> str:
    if hold.boldness is None:
        return "The price never moved."
    words = f"Its own moves are {100 * hold.boldness:.0f} % as large as the real ones"
    if hold.agreement is not None:
        words += f" (correlation {round(hold.agreement, 2) + 0.0:.2f}, where 0 is chance and 1 is perfect)"
    if hold.from_last is None or hold.real_from_last is None:
        return f"{words}."
    ending = "" if is_better else ": that it looks near says nothing"
    return (
        f"{words}; {100 * hold.from_last:.1f} % of its ups and downs are those of the last known price, as are "
        f"{100 * hold.real_from_last:.1f} % of the real ones{ending}."
    )


def name_old_price(candles: int, interval: str) -> str:
    """The price of some candles ago in words: "yesterday's price", "the price of 2 days ago"."""
    if interval == "1d":
        return "yesterday's price" if candles == 1 else f"the price of {candles} days ago"
    return f"the price of {candles} candle{'' if candles == 1 else 's'} ago"
