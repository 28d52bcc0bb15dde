"""Which column of somebody else's table means what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from coincast.errors import ColumnError, UnknownNameError
from coincast.forecasts.table import is_quantile_name, quantile_level, quantile_name

ROLES: dict[str, tuple[str, ...]] = {
    "target_time": ("target_time", "target_date", "ds", "date", "datetime", "timestamp", "time", "day", "close_time"),
    "actual": ("actual", "actuals", "y", "y_true", "truth", "true", "observed", "real", "close", "price"),
    "predicted": (
        *("predicted", "prediction", "predictions", "pred", "y_hat", "yhat", "y_pred", "forecast", "forecasts"),
        *("predicted_price", "predicted_close", "value"),
    ),
    "origin": ("origin", "cutoff", "made_at", "as_of", "asof", "issued", "origin_time"),
    "last_close": ("last_close", "last_price", "previous_close", "prev_close"),
    "first_close": ("first_close",),
    "naive": ("naive_forecast",),
    "step": ("step", "steps", "horizon", "lead", "h"),
    "model": ("model", "model_name"),
    "run": ("run",),
    "market": ("market", "unique_id", "symbol", "ticker", "coin"),
    "interval": ("interval",),
    "quantity": ("quantity",),
}
"""What a column may mean, and the names that say so, the surest first; case, blanks and `-` do not matter."""

REQUIRED = ("target_time", "actual", "predicted")
NEED_NAIVE = ("direction", "volatility")
"""Quantities whose naive forecast a table has to tell."""

EXOGENOUS = frozenset(
    {"open", "high", "low", "close", "price", "volume", "vol", "quote_volume", "market_cap", "trades"}
)
"""Columns of candles that stand in some tables of forecasts, and are nobody's forecast."""

_QUANTILE = re.compile(r"(?:(?:predicted|prediction|forecast|yhat|y_hat)_)?(q|p|quantile|percentile)_?(\d+(?:\.\d+)?)")
_BARE_LEVEL = re.compile(r"0?\.\d+")
_NIXTLA_BAND = re.compile(r"(?P<model>.+)-(?P<side>lo|hi)-(?P<level>\d+(?:\.\d+)?)")
_NUMBERING = re.compile(r"|index|column_\d+|unnamed.*|level_\d+")


def find_columns(
    names: Iterable[str], given: Mapping[str, str] | None = None, *, quantity: str = "price"
) -> dict[str, str]:
    """Find the meaning of columns by their names.

    Args:
        names: columns of the table.
        given: meaning to column, as the user says it; the rest is found.
        quantity: what is forecast. A column `naive` is the naive forecast of a direction and of a volatility; beside
            prices and log returns, which need none, it may be a model's.

    Returns:
        Meaning (a key of `ROLES`, or a quantile such as `q05`) to column.

    Raises:
        UnknownNameError: a meaning that does not exist.
        ColumnError: a given column is not there, or two columns are the same quantile.
    """
    names, given = list(names), dict(given or {})
    for role, name in given.items():
        if role not in ROLES and not is_quantile_name(role):
            raise UnknownNameError("meaning of a column", role, [*ROLES, "q05", "q95"])
        if name not in names:
            raise ColumnError(f"column {name!r} for {role} is not there; the table has {', '.join(names)}")
    free = {_plain(name): name for name in names if name not in given.values()}
    found = dict(given)
    for role, aliases in ROLES.items():
        known = (*aliases, "naive") if role == "naive" and quantity in NEED_NAIVE else aliases
        told = [free[alias] for alias in known if alias in free]
        if role not in found and told:
            found[role] = told[0]
    for name in free.values():
        level = read_level(name)
        if level is None:
            continue
        if found.setdefault(quantile_name(level), name) != name:
            raise ColumnError(f"columns {found[quantile_name(level)]!r} and {name!r} are both the {level:g} quantile")
    return found


def read_level(name: str) -> float | None:
    """The level that a column name says: `q05`, `p90`, `0.1`, `quantile_0.975`; None for other names."""
    text = _plain(name).removesuffix("%")
    if _BARE_LEVEL.fullmatch(text):
        return float(text) or None
    match = _QUANTILE.fullmatch(text)
    if match is None:
        return None
    kind, digits = match.groups()
    if "." in digits and kind in ("q", "quantile"):
        level = float(digits)
    elif len(digits) > 2 and "." not in digits:
        level = float(f"0.{digits}")
    else:
        level = float(digits) / 100
    return round(level, 6) if 0 < level < 1 else None


def find_models(names: Iterable[str], found: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Models of a Nixtla long frame: one column each, and their bands `Model-lo-80`, `Model-hi-80`.

    Where a model has a mean and a median (`Model-median`), the mean is its forecast.

    Args:
        names: columns of the table.
        found: what `find_columns` found.

    Returns:
        Model to its columns by meaning (`predicted`, `q10`, ...); empty where the table is no such frame.
    """
    names = list(names)
    plain = {_plain(name) for name in names}
    if "predicted" in found or not plain & {"unique_id", "cutoff", "ds"}:
        return {}
    ignored = {*found.values(), *find_exogenous(names, found)}
    free = [name for name in names if name not in ignored and not _NUMBERING.fullmatch(_plain(name))]
    bands = [(match, name) for name in free if (match := _NIXTLA_BAND.fullmatch(name))]
    models: dict[str, dict[str, str]] = {}
    for name in sorted(free, key=len):
        if all(name != band for _, band in bands):
            models.setdefault(name.removesuffix("-median"), {"predicted": name})
    for match, name in bands:
        tail = (1 - float(match["level"]) / 100) / 2
        level = round(tail if match["side"] == "lo" else 1 - tail, 6)
        if match["model"] in models and 0 < level < 1:
            models[match["model"]][quantile_name(level)] = name
    return models


def find_exogenous(names: Iterable[str], found: Mapping[str, str]) -> list[str]:
    """Columns of candles among those without a meaning."""
    return [name for name in names if name not in found.values() and _plain(name) in EXOGENOUS]


def median_name(found: Mapping[str, str]) -> str | None:
    """The column of the median among quantiles, if it is there."""
    return next((name for role, name in found.items() if is_quantile_name(role) and quantile_level(role) == 0.5), None)


def _plain(name: str) -> str:
    return re.sub(r"[\s\-]+", "_", name.strip().lower())
