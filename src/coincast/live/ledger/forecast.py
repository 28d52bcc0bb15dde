"""A forecast on its way into the ledger, and what must hold of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from coincast.candles.table import INTERVALS, check_interval, next_close_times, parse_market
from coincast.errors import ForecastError
from coincast.forecasts.table import is_quantile_name, quantile_level, quantile_name
from coincast.live.ledger.entry import Entry
from coincast.tabular import quote_cell

OWN = "coincast"
"""Source of forecasts that this library made."""
OUTSIDE = "outside:"
"""Begins the source of forecasts that were made elsewhere; their models end in `GIVEN`."""
GIVEN = " (given)"
"""Ends the name of every model from elsewhere, so that none can take the place of one of ours."""

ALLOWANCE_SHARE = 0.05
LONGEST_ALLOWANCE = 5 * 60_000
MOST_STEPS = 1_000
MOST_QUANTILES = 99
"""Of one step."""
LONGEST_QUANTILE = 7
"""Letters of its name: a level has six decimals at most."""
LONGEST_NAME = 120
FORMULA = ("=", "+", "-", "@")
"""What a spreadsheet takes for the beginning of a formula; no name may begin so, for names stand in exported files."""
END_OF_TIME = 221_845_392_000_000
"""The year 9000: the last target of an origin before it has a date that can be written."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAIVE = "naive_"
"""Begins the names of the naive interval's quantiles in a body."""


@dataclass(frozen=True)
class LiveStep:
    """What a forecast says of one candle. Prices are in the quote currency.

    Attributes:
        step: candles ahead.
        target_time: when that candle closes, milliseconds since 1970.
        value: the forecast of its close.
        quantiles: by column name (`q05` ... `q95`); an infinite one has no bound. None where there are none.
        naive_quantiles: of the naive interval, frozen at the origin.
    """

    step: int
    target_time: int
    value: float
    quantiles: Mapping[str, float] | None = None
    naive_quantiles: Mapping[str, float] | None = None


@dataclass(frozen=True)
class LiveForecast:
    """One forecast of one model at one origin; times are milliseconds since 1970 UTC.

    Attributes:
        market, interval, model: what is forecast, and by whom.
        origin: close of the last candle that it was allowed to see.
        allowance: how long after the origin it counts as on time.
        trained_until: close of the last candle that was learnt from.
        last_close: the naive forecast: the close at the origin.
        steps: what it says, of one or several candles.
        source: `coincast`, or `outside:` and a name.
        fingerprints: hashes of data, model and code, as far as they are known.
        last_trade, last_trade_at: the second naive: price and time of the last trade when the forecast was made.
    """

    market: str
    interval: str
    model: str
    origin: int
    allowance: int
    trained_until: int
    last_close: float
    steps: tuple[LiveStep, ...]
    source: str = OWN
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    last_trade: float | None = None
    last_trade_at: int | None = None


@dataclass(frozen=True)
class Entered:
    """What became of something that was handed to the ledger.

    Attributes:
        entry: where it stands.
        is_new: whether this call added it; False where it was there before.
        words: what to tell.
    """

    entry: Entry
    is_new: bool
    words: str


def default_allowance(interval: str) -> int:
    """Milliseconds after the origin within which a forecast is on time: 5 % of the interval, at most 5 minutes."""
    return min(int(ALLOWANCE_SHARE * INTERVALS[check_interval(interval)]), LONGEST_ALLOWANCE)


def target_times(origin: int, interval: str, most: int) -> list[int]:
    """Closes of the next `most` candles after the one that closes at `origin`; months follow the calendar."""
    if interval != "1M":
        return [origin + (i + 1) * INTERVALS[check_interval(interval)] for i in range(most)]
    closes = next_close_times(_EPOCH + timedelta(milliseconds=origin), interval, most)
    return [(close - _EPOCH) // timedelta(milliseconds=1) for close in closes]


def tell_time(milliseconds: int) -> str:
    """A time as people read it: 2026-11-21 05:00:03 UTC."""
    try:
        moment = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return f"{milliseconds} ms"
    return f"{moment:%Y-%m-%d %H:%M:%S}".removesuffix(":00") + " UTC"


def is_late(made_at: int, origin: int, allowance: int, first_target: int) -> bool:
    """Whether a forecast does not count: made more than the allowance after its origin, or when a target was known."""
    return made_at - origin > allowance or made_at >= first_target


def forecast_body(forecast: LiveForecast, made_at: int) -> dict[str, Any]:
    """What the ledger keeps of a forecast that is entered at a time.

    Args:
        forecast: one that `check_forecast` lets pass.
        made_at: milliseconds since 1970.
    """
    late = is_late(made_at, forecast.origin, forecast.allowance, forecast.steps[0].target_time)
    return {
        "market": forecast.market,
        "interval": forecast.interval,
        "model": forecast.model,
        "origin": int(forecast.origin),
        "allowance": int(forecast.allowance),
        "late": late,
        "trained_until": int(forecast.trained_until),
        "source": forecast.source,
        "fingerprints": dict(forecast.fingerprints),
        "quantity": "price",
        "last_close": float(forecast.last_close),
        "last_trade": None if forecast.last_trade is None else float(forecast.last_trade),
        "last_trade_at": None if forecast.last_trade_at is None else int(forecast.last_trade_at),
        "steps": [
            {
                "step": int(one.step),
                "target_time": int(one.target_time),
                "value": float(one.value),
                **_plain_quantiles(one.quantiles, ""),
                **_plain_quantiles(one.naive_quantiles, NAIVE),
            }
            for one in forecast.steps
        ],
    }


def _plain_quantiles(quantiles: Mapping[str, float] | None, prefix: str) -> dict[str, float | None]:
    """Quantiles as JSON can hold them: null stands for an infinite one."""
    named = (quantiles or {}).items()
    return {f"{prefix}{name}": float(value) if math.isfinite(value) else None for name, value in named}


def quantiles_of(step: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """The quantiles in a step of a body, without end where the body says null.

    Args:
        step: of a body.
        prefix: "naive_" for those of the naive interval.
    """
    found = {name.removeprefix(prefix): value for name, value in step.items() if name.startswith(prefix)}
    return {
        name: math.copysign(math.inf, quantile_level(name) - 0.5) if value is None else value
        for name, value in found.items()
        if is_quantile_name(name)
    }


def check_forecast(forecast: LiveForecast) -> None:
    """Refuse what can be no forecast.

    Raises:
        UsageError: a market or interval that does not exist.
        ForecastError: anything else; the message says what.
    """
    parse_market(forecast.market)
    check_interval(forecast.interval)
    for fault in _find_faults(forecast):
        raise ForecastError(f"{quote_cell(forecast.model)} on {forecast.market}: {fault}")


def _find_faults(forecast: LiveForecast) -> Iterator[str]:
    """What is wrong with a forecast, the first thing first."""
    name, is_given = forecast.model, forecast.model.endswith(GIVEN)
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or name.startswith(FORMULA):
        yield f"the name of a model has 1 to {LONGEST_NAME} printable letters, the first none of {' '.join(FORMULA)}"
    if is_given != forecast.source.startswith(OUTSIDE) or (not is_given and forecast.source != OWN):
        yield f"models from elsewhere, source {OUTSIDE}NAME, end in {GIVEN!r}, and no others do"
    if not 0 <= forecast.origin < END_OF_TIME:
        yield f"the origin is {forecast.origin} ms after 1970; it must be a time"
        return
    length = INTERVALS[forecast.interval]
    if not 0 <= forecast.allowance < length:
        yield f"the allowance is {forecast.allowance / 1000:g} s; it must be shorter than the interval"
    if forecast.trained_until > forecast.origin:
        yield "trained_until lies after the origin: it has seen the future"
    for what, price in (("the last close", forecast.last_close), ("the last trade", forecast.last_trade)):
        if price is not None and not (math.isfinite(price) and price > 0):
            yield f"{what} is {price:g}; a price is above zero and finite"
    yield from _find_step_faults(forecast.origin, forecast.interval, forecast.steps)


def check_steps(model: str, market: str, interval: str, origin: int, steps: Sequence[LiveStep]) -> None:
    """Refuse steps that can be no forecast from an origin, before anything is worked out for them.

    Raises:
        ForecastError: the message says what is wrong.
    """
    for fault in _find_step_faults(origin, interval, steps):
        raise ForecastError(f"{quote_cell(model)} on {market}: {fault}")


def _find_step_faults(origin: int, interval: str, steps: Sequence[LiveStep]) -> Iterator[str]:
    numbers = [one.step for one in steps]
    if not numbers or numbers != sorted(set(numbers)) or numbers[0] < 1 or numbers[-1] > MOST_STEPS:
        yield f"its steps are {numbers[:5]}; they are whole numbers from 1 to {MOST_STEPS:,}, ascending, each once"
        return
    closes = target_times(origin, interval, numbers[-1])
    for one in steps:
        if one.target_time != closes[one.step - 1]:
            yield (
                f"step {one.step} from {tell_time(origin)} ends at {tell_time(closes[one.step - 1])}, "
                f"and its target_time is {tell_time(one.target_time)}"
            )
        if not math.isfinite(one.value):
            yield f"the forecast of step {one.step} is {one.value}; it must be a number"
        for quantiles in (one.quantiles or {}, one.naive_quantiles or {}):
            yield from (f"step {one.step}: {fault}" for fault in _find_quantile_faults(quantiles))


def _find_quantile_faults(quantiles: Mapping[str, float]) -> Iterator[str]:
    if len(quantiles) > MOST_QUANTILES:
        yield f"it has {len(quantiles):,} quantiles; allowed: {MOST_QUANTILES}"
    for name, value in quantiles.items():
        is_name = len(name) <= LONGEST_QUANTILE and is_quantile_name(name)
        if not is_name or quantile_name(quantile_level(name)) != name or math.isnan(value):
            yield f"the quantile {quote_cell(name)} is {value}; names are q05, q95, values numbers"
