"""Markets whose truth is known: `walk`, where nothing can be forecast, and `echo`, with a planted dependence.

Both draw the same kind of shocks: symmetric about zero, fat-tailed, clustered. In `walk` a shock is the log return; in
`echo` a share of the last log return comes back: return[t+1] = decay x return[t] + shock[t+1]. How large that share is
follows from the oracle skill asked for. Given the past, the shocks to come are symmetric (their size hangs on squares
only), so what comes back is the median of what comes. Proof: docs/decisions/0003-simulated-markets.md.

Everything in row t depends on draws up to t only, and every series has its own generator: more candles or more coins
extend a market and never change it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import accumulate

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.candles.table import add_intervals, interval_milliseconds, make_candles
from coincast.errors import ColumnError, UnknownNameError, UsageError
from coincast.tabular import read_moment

Series = NDArray[np.float64]

SOURCE = "simulated"
QUOTE = "USD"
ORACLE_COLUMNS = ("oracle_log_return", "oracle_decay")

INITIAL_PRICE = 100.0
DAILY_VOLATILITY = 0.035
DAILY_VOLUME = 10_000.0
DEFAULT_SKILL = 0.05

# Together they give the shocks a kurtosis of 6 (Student t) x 2.2 (clustering) = 13.
DEGREES_OF_FREEDOM = 6.0
SHOCK_WEIGHT = 0.08
MEMORY = 0.89
COIN_CORRELATION = 0.6
VOLUME_MEMORY = 0.95
VOLUME_SPREAD = 0.4
BURN_IN = 500
DAY_MILLISECONDS = 86_400_000
MOST_CANDLES = 10_000_000
"""Candles of all coins together."""
LAST_MOMENT = datetime(9999, 12, 1, tzinfo=UTC)


def simulate(
    kind: str,
    *,
    skill: float | None = None,
    candles: int = 2000,
    coins: int = 1,
    interval: str = "1d",
    start: str | date | datetime = "2015-01-01",
    seed: int = 0,
) -> pl.DataFrame:
    """Draw the candles of markets whose truth is known.

    The same arguments give the same candles. Asking for more candles or more coins leaves the first ones as they are.
    Two extra columns hold what the oracle knows at a candle's close: `oracle_log_return`, the conditional median of the
    next log return, and `oracle_decay`; the median of the log return over k candles is
    oracle_log_return x (1 + decay + ... + decay^(k-1)).

    Args:
        kind: a key of `SIMULATIONS`.
        skill: of the oracle, one candle ahead, as a fraction: `1 - E|shock| / E|log return|`. For `echo` above 0 and
            below 0.5, by default 0.05; for `walk` nothing or 0.
        candles: how many per coin, at least 2.
        coins: how many markets, `simulated:ECHO1/USD`, `simulated:ECHO2/USD`, ...; their shocks correlate at 0.6.
        interval: length of a candle; volatility (3.5 % a day) grows with its square root, volume in proportion.
        start: the first candle is the first one that opens then or later; UTC where it names no zone.
        seed: at least 0.

    Returns:
        One candle table, the coins one after the other.

    Raises:
        UnknownNameError: no such kind.
        UsageError: an argument outside its range.

    Example:
        >>> simulate("echo", skill=0.05, candles=3)["market"].to_list()
        ['simulated:ECHO1/USD', 'simulated:ECHO1/USD', 'simulated:ECHO1/USD']
    """
    if kind not in SIMULATIONS:
        raise UnknownNameError("simulated market", str(kind), SIMULATIONS)
    decay = SIMULATIONS[kind](skill)
    for name, value, least in (("candles", candles, 2), ("coins", coins, 1), ("seed", seed, 0)):
        _check_whole(name, value, least)
    if candles * coins > MOST_CANDLES:
        raise UsageError(
            f"{candles:,} candles of {coins:,} coins are {candles * coins:,} rows; at most {MOST_CANDLES:,} are drawn: "
            "ask for fewer candles or coins"
        )
    open_time = _open_times(start, interval, candles)
    days = interval_milliseconds(interval) / DAY_MILLISECONDS
    shared = _shared_draws(kind, seed, BURN_IN + candles)
    markets = []
    for coin in range(1, coins + 1):
        market = f"{SOURCE}:{kind.upper()}{coin}/{QUOTE}"
        columns = _draw_market(market, shared, decay=decay, days=days, seed=seed)
        _check_range(columns, market)
        markets.append(
            make_candles(pl.DataFrame({"open_time": open_time, **columns}), market=market, interval=interval)
        )
    return pl.concat(markets)


def oracle_path(candles: pl.DataFrame, horizon: int) -> Series:
    """Conditional median of the next `horizon` closes at every row of a simulated candle table, `[rows, horizon]`.

    No other forecast made of past candles has a smaller expected absolute log error, at any step.

    Raises:
        ColumnError: the candles are not simulated ones.
        UsageError: the horizon is below 1.
    """
    missing = [name for name in ORACLE_COLUMNS if name not in candles.columns]
    if missing:
        raise ColumnError(
            f"the candles have no column {' or '.join(map(repr, missing))}: "
            f"the oracle exists on simulated markets only;\nleave it out, or simulate {' or '.join(SIMULATIONS)}"
        )
    _check_whole("horizon", horizon, 1)
    close, next_return, decay = (candles[name].to_numpy()[:, None] for name in ("close", *ORACLE_COLUMNS))
    growth: Series = np.cumsum(decay ** np.arange(horizon), axis=1)
    path: Series = close * np.exp(next_return * growth)
    return path


def walk_decay(skill: float | None = None) -> float:
    """Decay of `walk`: zero, since no forecast of it has any skill.

    Raises:
        UsageError: a skill was asked for.
    """
    if skill is not None and skill != 0:
        raise UsageError(
            f"skill {skill} was asked of 'walk', where nobody can have any; leave skill out or give 0, or take 'echo'"
        )
    return 0.0


def echo_decay(skill: float | None = None) -> float:
    """Decay at which the oracle of `echo` has this skill, one candle ahead.

    With r a log return, r' the one before and s the shock, r = decay x r' + s and skill = 1 - E|s| / E|r|. Given
    everything before, s is symmetric, so E|r| = E max(|decay x r'|, |s|), which grows with the decay. Both expectations
    are means over a fixed sample of shocks; bisection finds the decay.

    Raises:
        UsageError: the skill is not above 0 and below 0.5.
    """
    wanted = DEFAULT_SKILL if skill is None else skill
    if not _is_number(wanted) or not 0 < wanted < 0.5:
        raise UsageError(
            f"skill {wanted} cannot be planted in 'echo'; "
            "give a fraction above 0 and below 0.5 (0.05 is 5 %), or take 'walk'"
        )
    return _decay_of_skill(float(wanted))


# Kind -> decay at the oracle skill asked for.
SIMULATIONS: dict[str, Callable[[float | None], float]] = {"walk": walk_decay, "echo": echo_decay}


@lru_cache
def _decay_of_skill(skill: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(16):
        middle = (low + high) / 2
        low, high = (middle, high) if _oracle_skill(middle) < skill else (low, middle)
    return (low + high) / 2


def _oracle_skill(decay: float) -> float:
    """Oracle skill at this decay, over the fixed sample: its columns are stretches, warmed up for 112 rows."""
    absolute_shock = absolute_return = 0.0
    sample = _sample_of_shocks()
    returns = np.zeros(sample.shape[1])
    for row, shock in enumerate(sample):
        echo = decay * returns
        returns = echo + shock
        if row >= 112:
            absolute_shock += float(np.abs(shock).sum())
            absolute_return += float(np.maximum(np.abs(echo), np.abs(shock)).sum())
    return 1 - absolute_shock / absolute_return


@lru_cache
def _sample_of_shocks() -> Series:
    """A million shocks in a row, cut into 2,048 stretches of 512, `[row, stretch]`."""
    rows, stretches = 512, 2048
    mixing = _mixing(_generator(0, "sample", "mixing"), rows * stretches)
    normal = _generator(0, "sample", "normal").standard_normal(rows * stretches)
    shocks = np.sqrt(_clustered_variance(normal, mixing)) * normal
    return np.ascontiguousarray(shocks.reshape(stretches, rows).T)


def _draw_market(
    market: str, shared: tuple[Series, Series], *, decay: float, days: float, seed: int
) -> dict[str, Series]:
    """Price, volume and oracle columns of one market; the burn-in is drawn, used and cut off."""
    shared_normal, mixing = shared
    rows = len(mixing)
    own_normal = _generator(seed, market, "normal").standard_normal(rows)
    normal = math.sqrt(COIN_CORRELATION) * shared_normal + math.sqrt(1 - COIN_CORRELATION) * own_normal
    variance = _clustered_variance(normal, mixing)
    # Returns of either kind get the same one-candle volatility: an AR(1) widens its shocks by 1 / (1 - decay^2).
    scale = DAILY_VOLATILITY * math.sqrt(days * (1 - decay**2))
    shocks = scale * np.sqrt(variance) * normal
    log_return = _running(shocks, decay)[BURN_IN:]
    above, below = _extremes(log_return, scale**2 * variance[BURN_IN:], seed=seed, market=market)
    with np.errstate(over="ignore", under="ignore"):
        price = INITIAL_PRICE * np.exp(np.cumsum(np.concatenate([[0.0], log_return])))
        open_, close = price[:-1], price[1:]
        # Rounding must not put an open or a close outside its candle.
        high = np.maximum(open_ * np.exp(above), np.maximum(open_, close))
        low = np.minimum(open_ * np.exp(below), np.minimum(open_, close))
    return {
        "open": open_,
        "high": high,
        "low": low,
        "close": close,
        "volume": days * _volume_per_day(variance, seed=seed, market=market)[BURN_IN:],
        "oracle_log_return": decay * log_return + 0.0,  # no minus zeros
        "oracle_decay": np.full(len(close), decay),
    }


def _shared_draws(kind: str, seed: int, rows: int) -> tuple[Series, Series]:
    """What all coins of a kind share: a normal factor, and the mixing variable (they are wild on the same days)."""
    normal = _generator(seed, kind, "normal").standard_normal(rows)
    return normal, _mixing(_generator(seed, kind, "mixing"), rows)


def _mixing(generator: np.random.Generator, rows: int) -> Series:
    """Factor m of mean 1 that makes `sqrt(m) x normal` a Student t of variance 1: (f - 2) / chi-square of f degrees."""
    shape = DEGREES_OF_FREEDOM / 2
    mixing: Series = (shape - 1) / generator.standard_gamma(shape, rows)
    return mixing


def _clustered_variance(normal: Series, mixing: Series) -> Series:
    """Variance v of each candle's shock `sqrt(v) x normal`, mean 1: mixing x a GARCH(1,1) driven by squared shocks.

    h[t+1] = (1 - a - b) + a x shock[t]^2 + b x h[t], with shock[t]^2 = h[t] x mixing[t] x normal[t]^2. Source:
    Bollerslev (1987), GARCH with Student t errors.
    """
    floor = 1 - SHOCK_WEIGHT - MEMORY
    gains = MEMORY + SHOCK_WEIGHT * mixing * normal**2
    expected = accumulate(gains[:-1].tolist(), lambda last, gain: floor + gain * last, initial=1.0)
    return np.fromiter(expected, np.float64, len(gains)) * mixing


def _running(shocks: Series, memory: float) -> Series:
    """Solution of x[t] = memory x x[t-1] + shock[t], from x = 0 before the first."""
    return np.fromiter(accumulate(shocks.tolist(), lambda last, shock: memory * last + shock), np.float64, len(shocks))


def _extremes(log_return: Series, variance: Series, *, seed: int, market: str) -> tuple[Series, Series]:
    """Highest and lowest log price inside each candle, relative to its open.

    Given its end a, the way from 0 is a Brownian bridge: P(max > m) = exp(-2 m (m - a) / v), so with U uniform
    max = (a + sqrt(a^2 - 2 v ln U)) / 2, and min likewise with a minus. -ln U is drawn as an exponential.
    """
    high, low = (_generator(seed, market, side).standard_exponential(len(variance)) for side in ("high", "low"))
    above = (log_return + np.sqrt(log_return**2 + 2 * variance * high)) / 2
    below = (log_return - np.sqrt(log_return**2 + 2 * variance * low)) / 2
    return above, below


def _volume_per_day(variance: Series, *, seed: int, market: str) -> Series:
    """Volume in base units: in proportion to the candle's volatility, times a persistent lognormal.

    News moves price and volume alike (Clark 1973), so volume and the size of the return rise together.
    """
    noise = _generator(seed, market, "volume").standard_normal(len(variance))
    activity = _running(VOLUME_SPREAD * math.sqrt(1 - VOLUME_MEMORY**2) * noise, VOLUME_MEMORY)
    volume: Series = DAILY_VOLUME * np.sqrt(variance) * np.exp(activity)
    return volume


def _generator(seed: int, *words: str) -> np.random.Generator:
    """Generator of one series: same seed and words, same draws; other words, independent ones."""
    key = tuple(int.from_bytes(word.encode(), "big") for word in words)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


def _open_times(start: str | date | datetime, interval: str, candles: int) -> pl.Series:
    """Open times of the candles, from the first boundary of the interval at `start` or later."""
    earliest = read_moment("start", start)
    if earliest.timestamp() * 1000 + (candles + 1) * interval_milliseconds(interval) > LAST_MOMENT.timestamp() * 1000:
        raise UsageError(
            f"{candles:,} candles of {interval} from {earliest:%Y-%m-%d} on go beyond the year 9999; "
            "ask for fewer candles or a shorter interval"
        )
    moment = pl.lit(earliest)
    boundary = moment.dt.truncate("1mo" if interval == "1M" else interval)
    first = pl.when(boundary == moment).then(boundary).otherwise(add_intervals(boundary, interval, 1))
    return pl.select(add_intervals(first, interval, pl.int_range(candles))).to_series()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _check_whole(name: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise UsageError(f"{name} {value!r} is not possible; give a whole number, at least {least}")


def _check_range(columns: dict[str, Series], market: str) -> None:
    lost = (columns["low"] < np.finfo(np.float64).tiny) | ~np.isfinite(columns["high"])
    if lost.any():
        raise UsageError(
            f"the price of {market} leaves the range of numbers after {int(lost.argmax()):,} candles; "
            "ask for fewer candles, a shorter interval or less skill"
        )
