"""Rows that cannot be true, and what becomes of them.

A fault is fatal: with one, a series is refused unless the user says what shall be done. The kinds:

    no time                no readable time
    no close               no close
    impossible price       open, high, low or close not above zero, or not finite
    high below low         by more than rounding
    impossible volume      negative or not finite
    conflicting duplicate  rows of one time that differ; every one of them

A row that repeats another in all its values is no fault. The rules are those by which `check_candles` refuses.
"""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from coincast.candles.table import PRICES, impossible_rules
from coincast.errors import CandleError, ColumnError, UnknownNameError

POLICIES = {
    "refuse": "nothing is taken while one row has a fault",
    "drop": "rows with a fault are left out, of conflicting duplicates all",
    "keep": "a candle stays where its close can stand, without impossible values; of conflicting duplicates the last",
}
"""What may be done about faults."""

FAULTS = {"row": pl.Int64(), "time": pl.Datetime("ms", "UTC"), "kind": pl.String(), "detail": pl.String()}
"""Columns of a table of faults."""

_KEPT = {
    "impossible price": "made unknown",
    "high below low": "high and low made unknown",
    "impossible volume": "made unknown",
    "conflicting duplicate": "kept, the last of its time",
}
"""What is done about a fault of a row that stays."""

_NAMED = 5
"""Rows that a refusal names."""


def find_faults(frame: pl.DataFrame) -> pl.DataFrame:
    """Find the rows that cannot be true.

    Args:
        frame: the columns of one market, or a candle table: `open_time`, or else `close_time`, and `close`; then
            whatever is known of `open`, `high`, `low`, `volume` and further numbers. Times in UTC, unknown = null.

    Returns:
        One row for each row and kind of fault, in the order of the rows: `row` (position in the frame), `time` (as
        given), `kind`, and `detail`, the values at fault.
    """
    time = _time_column(frame.columns)
    frame = _without_nan(frame)
    found = [
        _faults_at(frame, time, kind, detail, frame.select(rule.fill_null(False).arg_true()).to_series())
        for kind, (rule, detail) in _fault_rules(frame.columns, time).items()
    ]
    differs = pl.format("close {}, and another row of that time differs", "close")
    found.append(_faults_at(frame, time, "conflicting duplicate", differs, _find_conflicts(frame, time)))
    return pl.concat(found).sort("row", maintain_order=True)


def clear_faults(
    frame: pl.DataFrame, policy: str, *, rows: pl.Series | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Do about faults what the user says.

    Args:
        frame: as for `find_faults`.
        policy: a name in `POLICIES`. With `keep`, impossible values other than a close become null (unknown), and so
            do high and low where high is below low; a row without a time or a possible close is left out even then.
        rows: position of each row in its file, counted from 0; default: its position in the frame.

    Returns:
        The frame without faults, its rows in the same order; and what was done, one row for each row and kind of
        fault: `row` (position in the file), `time`, `kind`, `detail`, `done`.

    Raises:
        CandleError: there are faults, and the policy is `refuse`.
        UnknownNameError: no such policy.
    """
    if policy not in POLICIES:
        raise UnknownNameError("policy for rows that cannot be true", policy, POLICIES)
    faults = find_faults(frame)
    if faults.is_empty():
        return frame, faults.with_columns(pl.lit(None, pl.String).alias("done"))
    if policy == "refuse":
        raise CandleError(_complain(_number(faults, rows)))
    frame = _without_nan(frame)
    gone = faults["row"].unique() if policy == "drop" else _find_hopeless(frame, faults)
    kept = pl.col("kind").replace_strict(_KEPT, default=None)
    is_gone = pl.col("row").is_in(gone.implode())
    done = faults.with_columns(pl.when(is_gone).then(pl.lit("left out")).otherwise(kept).alias("done"))
    cleared = _hide_impossible(frame).filter(~pl.int_range(pl.len()).is_in(gone.implode()))
    return cleared, _number(done, rows)


def _time_column(columns: Collection[str]) -> str:
    time = next((name for name in ("open_time", "close_time") if name in columns), None)
    if time is None or "close" not in columns:
        raise ColumnError(f"candles need open_time (or close_time) and close; given: {', '.join(columns)}")
    return time


def _key_columns(columns: Collection[str]) -> list[str]:
    """What tells one candle from another."""
    return [name for name in ("market", "interval") if name in columns] + [_time_column(columns)]


def _without_nan(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col(pl.Float64, pl.Float32).fill_nan(None))


def _fault_rules(columns: Collection[str], time: str) -> dict[str, tuple[pl.Expr, pl.Expr]]:
    """Kind -> which rows have it, and what to say of one; conflicting duplicates apart."""
    rules = impossible_rules(columns)
    wrong = {name: rules[f"impossible {name}"] for name in PRICES if name in columns}
    named = [pl.when(rule).then(pl.format(name + " {}", name)) for name, rule in wrong.items()]
    kinds = {
        "no time": (pl.col(time).is_null(), pl.lit("no readable time")),
        "no close": (rules["no close"], pl.lit("no close")),
        "impossible price": (
            pl.any_horizontal(wrong.values()),
            pl.concat_str(named, separator=", ", ignore_nulls=True),
        ),
    }
    if "high below low" in rules:
        kinds["high below low"] = (rules["high below low"], pl.format("high {} below low {}", "high", "low"))
    if "impossible volume" in rules:
        kinds["impossible volume"] = (rules["impossible volume"], pl.format("volume {}", "volume"))
    return kinds


def _faults_at(frame: pl.DataFrame, time: str, kind: str, detail: pl.Expr, rows: pl.Series) -> pl.DataFrame:
    said = {"row": pl.lit(rows), "time": pl.col(time), "kind": pl.lit(kind), "detail": detail}
    return frame[rows].select(said[name].cast(kind_of).alias(name) for name, kind_of in FAULTS.items())


def _find_conflicts(frame: pl.DataFrame, time: str) -> pl.Series:
    """Rows that share market, interval and time with a row of other values."""
    times = frame[time].drop_nulls().sort()
    doubled = times.filter(times.to_physical().diff() == 0)
    rows = frame.select(pl.col(time).is_in(doubled.unique().implode()).fill_null(False).arg_true()).to_series()
    together, keys = frame[rows], _key_columns(frame.columns)
    different = together.unique().filter(pl.struct(keys).is_duplicated()).select(keys)
    places = together.select(*keys, pl.lit(rows).alias("row"))
    return places.join(different, on=keys, how="semi", maintain_order="left")["row"]


def _find_hopeless(frame: pl.DataFrame, faults: pl.DataFrame) -> pl.Series:
    """Rows that cannot stay under `keep`."""
    keys, rules = _key_columns(frame.columns), impossible_rules(frame.columns)
    without = pl.col(keys[-1]).is_null() | rules["no close"] | rules["impossible close"]
    gone = frame.select(without.fill_null(False).arg_true()).to_series().cast(pl.Int64)
    rivals = faults.filter(kind="conflicting duplicate")["row"]
    rivals = rivals.filter(~rivals.is_in(gone.implode()))
    last = frame[rivals].select(*keys, pl.lit(rivals).alias("row")).group_by(keys).agg(pl.col("row").max())["row"]
    return pl.concat([gone, rivals.filter(~rivals.is_in(last.implode()))])


def _hide_impossible(frame: pl.DataFrame) -> pl.DataFrame:
    """Impossible values made null."""
    rules = impossible_rules(frame.columns)
    hidden = {name: rules[f"impossible {name}"] for name in (*PRICES, "volume") if f"impossible {name}" in rules}
    for name in ("high", "low") if "high below low" in rules else ():
        hidden[name] |= rules["high below low"]
    return frame.with_columns(pl.when(~rule.fill_null(False)).then(name).alias(name) for name, rule in hidden.items())


def _number(faults: pl.DataFrame, rows: pl.Series | None) -> pl.DataFrame:
    """Positions in the file for positions in the frame."""
    return faults if rows is None else faults.with_columns(rows[faults["row"]].cast(pl.Int64).alias("row"))


def _complain(faults: pl.DataFrame) -> str:
    by_row = faults.group_by("row", maintain_order=True).agg(pl.first("time"), pl.col("detail").str.join("; "))
    named = ", ".join(
        f"row {row + 1} ({_moment(time)}{detail})" for row, time, detail in by_row.head(_NAMED).iter_rows()
    )
    more = f", and {by_row.height - _NAMED:,} more" if by_row.height > _NAMED else ""
    count = "1 row cannot be true" if by_row.height == 1 else f"{by_row.height:,} rows cannot be true"
    return f"{count}: {named}{more}\nleave such rows out with --on-bad drop, or keep what can stand with --on-bad keep"


def _moment(time: object) -> str:
    return f"{time:%Y-%m-%d %H:%M}: ".replace(" 00:00", "") if time else ""
