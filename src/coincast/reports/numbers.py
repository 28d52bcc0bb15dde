"""How figures, dates and names are written, the same in every report."""

from __future__ import annotations

import math
import re

from coincast.forecasts.combine import ENSEMBLE
from coincast.scores.words import ACRONYMS

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"
DAILY = ("1d", "3d", "1w", "1M")


def percent(value: float | None, *, signed: bool = False, digits: int = 1, minus: str = MINUS) -> str:
    """Write a share as a percentage: 0.0912 is "9.1 %"; a dash where there is none."""
    return NOTHING if not is_finite(value) else f"{percent_digits(value, signed=signed, digits=digits, minus=minus)} %"


def percent_digits(value: float | None, *, signed: bool = False, digits: int = 1, minus: str = MINUS) -> str:
    """Write a share in percent without the sign, for a column headed by it."""
    if value is None or not math.isfinite(value):
        return NOTHING
    text = f"{abs(value) * 100:,.{digits}f}"
    if float(text.replace(",", "")) == 0:
        return text
    return (minus if value < 0 else "+" if signed else "") + text


def amount(value: float | None, unit: str = "") -> str:
    """Write a price or an error with four significant digits or more, and its unit."""
    if value is None or not math.isfinite(value):
        return NOTHING
    size = abs(value)
    decimals = 2 if 10 <= size < 10_000 or size == 0 else 0 if size >= 10_000 else 3 - math.floor(math.log10(size))
    return f"{'' if value >= 0 else MINUS}{size:,.{decimals}f} {unit}".rstrip()


def count(value: int | None) -> str:
    """Write a number of things, thousands set apart."""
    return NOTHING if value is None else f"{value:,}"


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
    number, unit = int(found[1]), units[found[2]]
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def base_currency(market: str) -> str:
    """Return what is traded in a market: `binance:BTC/USDT` is BTC; empty where the name does not tell."""
    return market.split(":", 1)[-1].split("/")[0] if "/" in market else ""


def quote_currency(market: str) -> str:
    """Return what prices are counted in: `binance:BTC/USDT:USDT` is USDT; empty where the name does not tell."""
    return market.split("/", 1)[1].split(":")[0] if "/" in market else ""


def model_name(model: str) -> str:
    """Write a model's name for readers: `lstm.ensemble` is "LSTM ensemble", `random_walk` "random walk"."""
    base, bracket, settings = model.removesuffix(ENSEMBLE).partition("(")
    base = base.upper() if base in ACRONYMS else base.replace("_", " ")
    name = "oracle (the best anyone could do)" if model == "oracle" else f"{base}{bracket}{settings}"
    return f"{name} ensemble" if model.endswith(ENSEMBLE) else name


def glued(text: str) -> str:
    """Keep each figure and its percent sign, and each date, on one line of a page."""
    whole = re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", text)
    return re.sub(r"(\d{4})-(\d\d)-(\d\d)", "\\1-\N{WORD JOINER}\\2-\N{WORD JOINER}\\3", whole)


def file_stem(market: str) -> str:
    """Spell a market so that it can be part of a file's name on any system."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", market).strip("-.") or "market"
