"""What an audit says: a row per item, the planted leaks, the warm-up curves, and one sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from coincast.experiments.audit.futures import World, milliseconds
from coincast.experiments.audit.probes import Finding, Key
from coincast.experiments.audit.warmup import Curve
from coincast.tabular import to_pandas

CLEAN, LEAK, UNSTEADY = "clean", "leak", "not repeatable"
_TIME = pl.Datetime("ms", "UTC")

TABLE_COLUMNS: dict[str, Any] = {
    "kind": pl.String,
    "item": pl.String,
    "market": pl.String,
    "columns": pl.Int64,
    "rows": pl.Int64,
    "rows_probed": pl.Int64,
    "coverage": pl.Float64,
    "probes": pl.Int64,
    "compared": pl.Int64,
    "status": pl.String,
    "horizon": pl.Int64,
    "reach": pl.Int64,
    "first_row": pl.Int64,
    "first_time": _TIME,
    "size": pl.Float64,
    "futures": pl.String,
    "warm_up": pl.Int64,
}
PLANT_COLUMNS: dict[str, Any] = {"plant": pl.String, "caught": pl.Boolean, "horizon": pl.Int64, "size": pl.Float64}
CURVE_COLUMNS: dict[str, Any] = {
    "kind": pl.String,
    "item": pl.String,
    "market": pl.String,
    "history": pl.Int64,
    "change": pl.Float64,
}


@dataclass(frozen=True)
class Item:
    """One item of the audit: what was found, and the history that it needs."""

    key: Key
    finding: Finding
    warm_up: int | None = None
    curve: Curve | None = None


@dataclass(frozen=True)
class Audit:
    """The report of a leakage audit.

    Attributes:
        table: a row per item. `rows` have a future, `rows_probed` of them had a cut exactly behind them, which is their
            share `coverage`; `probes` changed futures, `compared` values. Of a leak: `horizon`, the fewest future
            candles whose change changes a value (null where it was not searched for); `reach`, the most that were felt;
            `first_row` and `first_time` (close) of the earliest value that knew its future; `size`, the largest
            relative change, infinite where a value came or went; `futures`, under which it showed. `warm_up`: candles
            of history, the own one included, that the value needs; null where it never settles or was not measured.
        plants: the planted leaks, and whether each was caught.
        warm_up: largest relative change of each item by the length of history.
        notes: what a reader should know.
        seconds: wall time.
    """

    table: pl.DataFrame
    plants: pl.DataFrame
    warm_up: pl.DataFrame
    notes: tuple[str, ...]
    seconds: float

    @property
    def leaks(self) -> pl.DataFrame:
        """The rows of items that know their future."""
        return self.table.filter(pl.col("status") == LEAK)

    @property
    def void(self) -> bool:
        """Whether a planted leak was missed, so that the report proves nothing."""
        return not self.plants["caught"].all()

    @property
    def passed(self) -> bool:
        """Whether every planted leak was caught and no item leaks or fails to repeat."""
        return not self.void and bool((self.table["status"] == CLEAN).all())

    @property
    def sentence(self) -> str:
        """The answer for a layman."""
        caught = f"{self.plants['caught'].sum()} of {self.plants.height} planted leaks caught"
        if self.void:
            missed = ", ".join(self.plants.filter(~pl.col("caught"))["plant"])
            return (
                f"This report is void: {caught}, missed: {missed}; whatever it says of the experiment proves nothing."
            )
        items, rows, probed = self.table.height, int(self.table["rows"].sum()), int(self.table["rows_probed"].sum())
        span = f"{items} items, {probed:,} {'' if probed == rows else f'of {rows:,} '}rows probed, {caught}."
        if not self.leaks.is_empty():
            told = "; ".join(_tell(row) for row in self.leaks.head(3).iter_rows(named=True))
            more = f"; and {self.leaks.height - 3} more" if self.leaks.height > 3 else ""
            know = "item knows its" if self.leaks.height == 1 else "items know their"
            return f"{self.leaks.height} {know} future: {told}{more}. {span}"
        unsteady = self.table.filter(pl.col("status") == UNSTEADY)
        if not unsteady.is_empty():
            return (
                f"{unsteady.height} of {items} items cannot be audited, for they come out otherwise every time: "
                f"{', '.join(unsteady['item'].unique(maintain_order=True))}; fix their seeds. {span}"
            )
        return f"No value in this experiment knows its future: {span}"

    def to_dict(self) -> dict[str, Any]:
        """All figures; NaN and infinity are for the printer of JSON to spell."""
        return {
            "sentence": self.sentence,
            "passed": self.passed,
            "void": self.void,
            "leaks": self.leaks.to_dicts(),
            "items": self.table.to_dicts(),
            "plants": self.plants.to_dicts(),
            "warm_up": self.warm_up.to_dicts(),
            "notes": list(self.notes),
            "seconds": self.seconds,
        }

    def to_pandas(self) -> Any:
        """`table` as a pandas frame."""
        return to_pandas(self.table)

    def _repr_html_(self) -> str:
        from html import escape

        return f"<p><b>{escape(self.sentence)}</b></p>{self.table._repr_html_()}"


def _tell(row: Mapping[str, Any]) -> str:
    """One leak in words."""
    candles = "candle" if row["horizon"] == 1 else "candles"
    ahead = f"sees {row['horizon']} {candles} ahead" if row["horizon"] else "sees what comes later"
    return f"{row['kind']} {row['item']} of {row['market']} {ahead}, first at {row['first_time']:%Y-%m-%d %H:%M} UTC"


def make_audit(
    items: Sequence[Item], caught: Mapping[str, Finding], world: World, notes: Sequence[str], seconds: float
) -> Audit:
    """Put findings into tables."""
    closes = {
        str(market): milliseconds(own["close_time"])
        for (market,), own in world.candles.group_by("market", maintain_order=True)
    }
    plants = [
        {"plant": name, "caught": finding.is_leak, "horizon": finding.horizon, "size": finding.size}
        for name, finding in caught.items()
    ]
    curves = [
        {"kind": item.key[0], "item": item.key[1], "market": item.key[2], "history": length, "change": change}
        for item in items
        for length, change in item.curve or ()
    ]
    return Audit(
        table=pl.DataFrame([_row(item, closes[item.key[2]]) for item in items], schema=TABLE_COLUMNS),
        plants=pl.DataFrame(plants, schema=PLANT_COLUMNS),
        warm_up=pl.DataFrame(curves, schema=CURVE_COLUMNS),
        notes=tuple(dict.fromkeys(notes)),
        seconds=seconds,
    )


def _row(item: Item, closes: np.ndarray) -> dict[str, Any]:
    finding = item.finding
    status = UNSTEADY if not finding.is_steady else LEAK if finding.is_leak else CLEAN
    first = finding.first if status == LEAK else None
    is_leak = first is not None
    rows, probed = finding.rows * finding.columns, len(finding.at) * finding.columns
    return {
        "kind": item.key[0],
        "item": item.key[1],
        "market": item.key[2],
        "columns": finding.columns,
        "rows": rows,
        "rows_probed": probed,
        "coverage": probed / rows if rows else None,
        "probes": finding.probes,
        "compared": finding.compared,
        "status": status,
        "horizon": finding.horizon if is_leak else None,
        "reach": finding.reach if is_leak else None,
        "first_row": None if first is None else int(np.searchsorted(closes, first)),
        "first_time": None if first is None else datetime.fromtimestamp(first / 1000, UTC),
        "size": finding.size if is_leak else None,
        "futures": ", ".join(sorted(finding.futures)) if is_leak else None,
        "warm_up": item.warm_up,
    }


def spell_size(size: float | None) -> str:
    """The size of a leak as a person reads it."""
    if size is None:
        return ""
    return "known or not" if math.isinf(size) else f"{100 * size:.3g} %"
