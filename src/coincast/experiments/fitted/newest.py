"""The newest window of a market, from no more rows than it takes, so that a question is answered at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from jaxtyping import Float, Int

from coincast.candles.join import join_markets
from coincast.candles.table import CANDLE_COLUMNS, PRICES, check_candles
from coincast.errors import ColumnError, DataError, TooFewRowsError
from coincast.forecasts.table import TIME
from coincast.samples.features import FEATURES, compute_feature, find_feature
from coincast.samples.samples import Samples, short_names
from coincast.samples.targets import TARGETS
from coincast.samples.volatility import naive_volatility
from coincast.samples.windows import Windows, find_stretches

if TYPE_CHECKING:
    from coincast.experiments.spec import Spec

ROWS_BEFORE = {
    **dict.fromkeys(("open", "high", "low", "close", "volume", "close_off_high", "volatility", "day_diff"), 0),
    **{"log_range": 0, "log_return": 1, "abs_log_return": 1},
}
"""Rows that a feature needs before the first one of a window. One that is not here, such as `volume_change` with its
mean of all volumes so far, needs every row since the last gap; a column of the candles needs none."""

ROWS_OF_NAIVE = 1024
"""Rows that tell the naive volatility: those before them weigh 0.94^1024 together, nothing beside a rounding."""


@dataclass(frozen=True)
class Newest:
    """The newest window of a market.

    Attributes:
        samples: with the rows of that window and nothing else.
        volatility: the naive forecast of a volatility, which takes more rows; None where something else is forecast, or
            no return is known.
    """

    samples: Samples
    volatility: float | None


def find_newest(candles: pl.DataFrame, *, spec: Spec, market: str, inputs: Sequence[str], interval: str) -> Newest:
    """The window that ends with the last candle of a market.

    Args:
        candles: candle table; of a long one that is in order of time and holds one market only the end is looked at.
        spec: says features, lookback, horizon, target and quantity.
        market: whose future is asked for.
        inputs: markets whose features are the inputs.
        interval: of the candles.

    Raises:
        DataError: another market or interval, a column that is missing, a gap or an unknown input in the window.
    """
    lookback, features = spec.samples.lookback, spec.samples.features
    _refuse_missing(candles, features)
    tables = _newest_tables(candles, dict.fromkeys([market, *inputs]), interval, count_rows(spec))
    first, end = find_stretches(*_times(tables[market]))[-1]
    _refuse_short(tables[market], first, lookback)
    tables = {name: table[first:] for name, table in tables.items()}
    columns = name_inputs(inputs, features)
    series = [compute_feature(name, tables[source], [(0, end - first)]) for source, name in columns.values()]
    rows = np.column_stack([one.to_numpy() for one in series])
    past, own = rows[-lookback:], tables[market]
    _refuse_unknown(past, tuple(columns), own)
    opened, closed = _times(own)
    is_level = tuple(find_feature(name, tables[source]).is_level for source, name in columns.values())
    close = own["close"].to_numpy()
    keys: dict[str, Any] = {"market": market, "interval": interval, "names": tuple(columns), "is_level": is_level}
    window = one_window(
        spec, **keys, inputs=past, close=close[-lookback:], open_time=opened[-lookback:], close_time=closed[-lookback:]
    )
    if spec.samples.quantity != "volatility":
        return Newest(window, None)
    whole = one_window(spec, **keys, inputs=rows, close=close, open_time=opened, close_time=closed)
    volatility = float(naive_volatility(whole, np.array([len(close) - 1]))[0, 0])
    return Newest(window, volatility if np.isfinite(volatility) else None)


def name_inputs(inputs: Sequence[str], features: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Market and feature of each input by its name, in order: "BTC close" where inputs come from several markets."""
    short = dict(zip(inputs, short_names(list(inputs)), strict=True))
    return {
        (f"{short[source]} {name}" if len(inputs) > 1 else name): (source, name)
        for source in inputs
        for name in features
    }


def one_window(spec: Spec, **values: Any) -> Samples:
    """Samples whose only window begins with their first row."""
    return Samples(
        **values,
        candles=pl.DataFrame(),
        windows=Windows(np.zeros(1, dtype=np.int64), spec.samples.lookback, spec.samples.horizon),
        known=np.zeros(1, dtype=bool),
        target=TARGETS[spec.target],
        quantity=spec.samples.quantity,
    )


def count_rows(spec: Spec) -> int | None:
    """Rows at the end of a market that its newest window takes; None: all since its last gap."""
    before = [ROWS_BEFORE.get(name) if name in FEATURES else 0 for name in spec.samples.features]
    if None in before:
        return None
    rows = spec.samples.lookback + max(count for count in before if count is not None)
    return max(rows, ROWS_OF_NAIVE) if spec.samples.quantity == "volatility" else rows


# ---------------------------------------------------------------- rows at the end


def _newest_tables(
    candles: pl.DataFrame, markets: Sequence[str] | dict[str, None], interval: str, rows: int | None
) -> dict[str, pl.DataFrame]:
    """The newest candles that all markets have."""
    tables = {market: _newest_rows(candles, market, interval, rows) for market in markets}
    first = next(iter(tables.values()))
    if all(table["close_time"].equals(first["close_time"]) for table in tables.values()):
        return tables
    whole = [_rows_of(candles, market, interval) for market in tables]
    last = max(table["close_time"][-1] for table in whole)
    late = [market for market, table in zip(tables, whole, strict=True) if table["close_time"][-1] < last]
    if late:
        raise TooFewRowsError(
            f"{late[0]} has no candle that closes at {last:%Y-%m-%d %H:%M} UTC, and the model needs the same candles "
            f"of {', '.join(tables)}; bring the data up to date"
        )
    joined = join_markets(pl.concat(whole), list(tables))
    return {market: _last(table, rows) for market, table in zip(tables, joined, strict=True)}


def _last(table: pl.DataFrame, rows: int | None) -> pl.DataFrame:
    return table if rows is None else table.tail(rows)


def _newest_rows(candles: pl.DataFrame, market: str, interval: str, rows: int | None) -> pl.DataFrame:
    """The end of the table where that is all it takes, else the newest rows of the market wherever they are."""
    end = _last(candles, rows)
    is_whole = set(CANDLE_COLUMNS) <= set(end.columns) and end.height > 0
    if is_whole and _is_sound(end, market, interval) and candles["open_time"].max() == end["open_time"][-1]:
        return end
    return _last(_rows_of(candles, market, interval), rows)


def _is_sound(end: pl.DataFrame, market: str, interval: str) -> bool:
    """Whether `check_candles` would find nothing to do or to refuse in candles of this market without a gap."""
    types = [end.schema[name] for name in ("open_time", "close_time", *PRICES, "volume")]
    if types != [TIME, TIME, *[pl.Float64()] * 5]:
        return False
    opened, closed = _times(end)
    prices = np.column_stack([end[name].to_numpy() for name in PRICES])
    return bool(
        end["market"].min() == end["market"].max() == market
        and end["interval"].min() == end["interval"].max() == interval
        and (opened[1:] == closed[:-1]).all()
        and np.isfinite(prices[:, 3]).all()
        and not ((prices <= 0) | np.isinf(prices)).any()
        and not (prices[:, 1] < prices[:, 2]).any()
        and not (end["volume"].to_numpy() < 0).any()
    )


def _rows_of(candles: pl.DataFrame, market: str, interval: str) -> pl.DataFrame:
    """All candles of a market, checked and in order."""
    if not {"market", "interval"} <= set(candles.columns):
        candles = check_candles(candles)  # says what is missing
    own = candles.filter(pl.col("market") == market)
    for what, wanted, found in (("candles of", market, candles["market"]), ("candles in", interval, own["interval"])):
        if wanted not in set(found):
            names = ", ".join(sorted(set(found))) or "none"
            raise DataError(f"the model needs {what} {wanted}, and those that were given are {names}; give the others")
    return check_candles(own.filter(pl.col("interval") == interval))


def _times(table: pl.DataFrame) -> tuple[Int[np.ndarray, "row"], Int[np.ndarray, "row"]]:
    opened, closed = (table[name].to_numpy().astype(np.int64) for name in ("open_time", "close_time"))
    return opened, closed


# ---------------------------------------------------------------- what cannot be forecast from


def _refuse_missing(candles: pl.DataFrame, features: Sequence[str]) -> None:
    for name in features:
        if name not in FEATURES and name not in candles.columns:
            raise ColumnError(
                f"the model needs the column {name!r}, and these candles have {', '.join(candles.columns)}; join it "
                "first"
            )


def _refuse_short(own: pl.DataFrame, first: int, lookback: int) -> None:
    rows = own.height - first
    if rows >= lookback:
        return
    if first == 0:
        raise TooFewRowsError(
            f"{own['market'][0]} has {rows} candles, and the model looks at the newest {lookback}; give more of them"
        )
    raise TooFewRowsError(
        f"{own['market'][0]} has a gap before the candle that opens {own['open_time'][first]:%Y-%m-%d %H:%M} UTC, and "
        f"the model looks at the newest {lookback} candles, which may have none; bring the data up to date"
    )


def _refuse_unknown(past: Float[np.ndarray, "row feature"], names: Sequence[str], own: pl.DataFrame) -> None:
    rows, columns = np.nonzero(~np.isfinite(past))
    if len(rows):
        opened = own["open_time"][int(rows[0]) - len(past)]
        raise TooFewRowsError(
            f"input {names[columns[0]]!r} of {own['market'][0]} is unknown in the candle that opens "
            f"{opened:%Y-%m-%d %H:%M} UTC, one of the newest {len(past)} that the model looks at; give complete "
            "candles, and some before these"
        )
