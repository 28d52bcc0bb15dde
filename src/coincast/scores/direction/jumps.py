"""What the formula of article 3 makes of a copy of the last price on a random walk, in closed form."""

from __future__ import annotations

import math

from coincast.errors import UsageError


def jump_hit_rate(jump: int, *, error: float = 0.0) -> float:
    """Share of directions that `article_direction` finds right where windows jump, on a driftless random walk.

    The formula asks for the sign of the sum of `jump` moves, of which all but the last one are known; the forecast
    names the sign of those, made worse by an independent normal error. For two normal numbers of correlation r the
    signs agree with probability 1 - arccos(r) / pi, and here r = (s - 1) / sqrt(s (s - 1 + error^2)).

    Args:
        jump: candles from one window to the next, 1 or more.
        error: standard deviation of the forecast's error beyond a copy, in standard deviations of a move.

    Raises:
        UsageError: a jump below 1, or an error below 0.

    Example:
        >>> round(jump_hit_rate(10), 3), round(jump_hit_rate(10, error=1.6), 3)
        (0.898, 0.816)
    """
    if jump < 1 or not error >= 0:
        raise UsageError(f"a jump of {jump} candles and an error of {error} were given; allowed: 1 or more, 0 or more")
    known = jump - 1
    if known == 0:
        return 0.5
    return 1 - math.acos(known / math.sqrt(jump * (known + error**2))) / math.pi
