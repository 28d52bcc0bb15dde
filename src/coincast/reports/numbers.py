"""How figures, dates and names are written, the same in every report."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from coincast.forecasts.combine import ENSEMBLE
from coincast.scores.words import ACRONYMS

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"
DAILY = ("1d", "3d", "1w", "1M")
SIMULATED = "simulated:"
"""How the name of a market begins that was made by us, where an oracle is known."""
ORACLE = "oracle"


def percent(
    value: float | None, *, signed: bool = False, digits: int = 1, minus: str = MINUS, is_end: bool = False
) -> str:
    """Write a share as a percentage: 0.0912 is "9.1 %"; a dash where there is none."""
    text = percent_digits(value, signed=signed, digits=digits, minus=minus, is_end=is_end)
    return f"{text} %" if is_finite(value) else NOTHING


def percent_digits(
    value: float | None, *, signed: bool = False, digits: int = 1, minus: str = MINUS, is_end: bool = False
) -> str:
    """Write a share in percent without the sign, for a column headed by it.

    An end of an interval keeps its sign where it rounds to zero, so that it is seen on which side of zero it lies.
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    size = abs(value)
    text = f"{100 * size:,.{digits if size < 10 else 0}f}" if size < 1e5 else _scientific(size, digits=1, shift=2)
    if float(text.replace(",", "")) == 0 and not (is_end and value):
        return text
    return (minus if value < 0 else "+" if signed else "") + text


def share_shown(value: float | None, *, digits: bool = False) -> str:
    """Write the skill that a sample could have shown, which is never so small that it reads as none."""
    write = percent_digits if digits else percent
    return write(value, digits=2 if value is not None and 0 < value < 0.0095 else 1)


def skill_span(low: float | None, high: float | None, *, minus: str = MINUS) -> str:
    """Write both ends of an interval of a skill in percent: "−0.0 to +3.2" begins below zero, and so holds it."""
    ends = (percent_digits(end, signed=True, minus=minus, is_end=True) for end in (low, capped(high)))
    return " to ".join(ends)


def capped(skill: float | None) -> float | None:
    """Cut the upper end of an interval at 1: no error is smaller than none."""
    return None if skill is None else min(skill, 1.0)


def tick_digits(step: float, *, most: int = 6) -> int:
    """Return how many decimals ticks in percent need so that each reads as what it is, given their distance."""
    for digits in range(0 if step >= 1 else most):
        scaled = step * 100 * 10**digits
        if abs(scaled - round(scaled)) < 1e-6 * max(scaled, 1e-12) and round(scaled) > 0:
            return digits
    return 0 if step >= 1 else most


def amount(value: float | None, unit: str = "") -> str:
    """Write a price or an error with four significant digits or more, and its unit."""
    if value is None or not math.isfinite(value):
        return NOTHING
    size = abs(value)
    decimals = 2 if 10 <= size < 10_000 or size == 0 else 0 if size >= 10_000 else 3 - math.floor(math.log10(size))
    text = f"{size:,.{decimals}f}" if size == 0 or 1e-10 <= size < 1e10 else _scientific(size, digits=3)
    return f"{'' if value >= 0 else MINUS}{text} {unit}".rstrip()


def error(value: float | None, metric: str) -> str:
    """Write the error that decides: that of a price and a share of misses in percent, any other in its own unit."""
    if metric == "miss":
        return percent(value)
    return percent(value, digits=2) if metric == "abs_log_error" else amount(value)


def count(value: int | None) -> str:
    """Write a number of things, thousands set apart."""
    return NOTHING if value is None else f"{value:,}"


def things(number: int, noun: str) -> str:
    """Write a number with what it counts: "1 forecast", "2,000 forecasts"."""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def is_finite(value: float | None) -> bool:
    """Tell whether there is a number at all."""
    return value is not None and math.isfinite(value)


def is_daily(interval: str) -> bool:
    """Tell whether candles of this interval last a day or longer."""
    return interval in DAILY


def interval_name(interval: str) -> str:
    """Write an interval in words: `1d` is "1 day", `15m` "15 minutes"; anything else as it is."""
    found = re.fullmatch(r"(\d+)([mhdwM])", interval)
    if found is None:
        return interval
    units = {"m": "minute", "h": "hour", "d": "day", "w": "week", "M": "month"}
    return things(int(found[1]), units[found[2]])


def base_currency(market: str) -> str:
    """Return what is traded in a market: `binance:BTC/USDT` is BTC; empty where the name does not tell."""
    return market.split(":", 1)[-1].split("/")[0] if "/" in market else ""


def quote_currency(market: str) -> str:
    """Return what prices are counted in: `binance:BTC/USDT:USDT` is USDT; empty where the name does not tell."""
    return market.split("/", 1)[1].split(":")[0] if "/" in market else ""


def is_oracle(model: str, market: str) -> bool:
    """Tell whether a forecast knows how its market was made; on a real market nobody's does, whatever its name."""
    return model == ORACLE and market.startswith(SIMULATED)


def model_name(model: str, market: str = "") -> str:
    """Write a model's name for readers: `lstm.ensemble` is "LSTM ensemble", `random_walk` "random walk"."""
    if is_oracle(model, market):
        return "oracle (the best anyone could do)"
    base, bracket, settings = model.removesuffix(ENSEMBLE).partition("(")
    words = [word.upper() if word in ACRONYMS else word for word in base.split("_")]
    name = f"{' '.join(words)}{bracket}{settings}"
    return f"{name} ensemble" if model.endswith(ENSEMBLE) else name


def glued(text: str) -> str:
    """Keep each figure and its percent sign, and each date, on one line of a page."""
    whole = re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", text)
    return re.sub(r"(\d{4})-(\d\d)-(\d\d)", "\\1-\N{WORD JOINER}\\2-\N{WORD JOINER}\\3", whole)


def file_stem(market: str) -> str:
    """Spell a market so that it can be part of a file's name on any system."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", market).strip("-.") or "market"


def file_stems(names: Iterable[str]) -> list[str]:
    """Spell several names so that no two are the same file, not even where letters have no case."""
    stems: list[str] = []
    for name in names:
        stem, number = file_stem(name), 1
        while stem.lower() in {taken.lower() for taken in stems}:
            number += 1
            stem = f"{file_stem(name)}-{number}"
        stems.append(stem)
    return stems


def _scientific(size: float, *, digits: int, shift: int = 0) -> str:
    """Write a number beyond reading as 1.2e+15, its power raised by a shift."""
    number, power = f"{size:.{digits}e}".split("e")
    return f"{number}e{int(power) + shift:+03d}"
