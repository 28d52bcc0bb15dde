"""A forecast beyond the last candle, as a terminal shows it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

from coincast.cli.output import console

if TYPE_CHECKING:
    import polars as pl

WIDEST = ("q05", "q95")
"""The interval that is shown."""


def print_outlook(outlook: pl.DataFrame, horizons: Collection[int]) -> None:
    """A table for each market and model; where several horizons were asked for, a line for each of these."""
    from rich.table import Table

    from coincast.reports.quantities import ahead_name

    for (market, model), rows in outlook.group_by("market", "model", maintain_order=True):
        quantity = rows["quantity"][0]
        title = f"{market}, {model}" + ("" if quantity == "price" else f", {ahead_name(quantity, rows['step'][-1])}")
        table = Table(box=None, pad_edge=False, header_style="bold", title=title, title_justify="left")
        heads, spans = _heads(rows)
        for heading in heads:
            table.add_column(heading, justify="left" if heading.startswith("closes") else "right")
        for row in rows.iter_rows(named=True):
            if len(horizons) < 2 or row["step"] in horizons:
                table.add_row(*_cells(row, quantity, spans))
        console().print(table)


def _heads(rows: pl.DataFrame) -> tuple[list[str], list[tuple[str, str]]]:
    """Headings, and the columns of the two spans: calibrated intervals where there are any, else the runs."""
    has_own, has_naive = (rows[prefix + WIDEST[0]].null_count() < rows.height for prefix in ("", "naive_"))
    own = WIDEST if has_own else ("low", "high")
    heads = ["closes (UTC)", "forecast", "90 % interval" if has_own else "9 of 10 runs", "naive"]
    spans = [own]
    if has_naive:
        heads.append("naive's 90 %")
        spans.append((f"naive_{WIDEST[0]}", f"naive_{WIDEST[1]}"))
    return [*heads, "against naive"], spans


def _cells(row: Mapping[str, Any], quantity: str, spans: Sequence[tuple[str, str]]) -> list[str]:
    from coincast.reports.quantities import show_change, show_value

    told = [_span(row[low], row[high], quantity) for low, high in spans]
    value, naive = (show_value(row[name], quantity) for name in ("value", "naive"))
    change = show_change(row["value"], row["naive"], quantity)
    return [f"{row['target_time']:%Y-%m-%d %H:%M}", value, told[0], naive, *told[1:], change]


def _span(low: float | None, high: float | None, quantity: str) -> str:
    """An interval, where there is one."""
    return "-" if low is None or high is None else f"{_price(low, quantity)} to {_price(high, quantity)}"


def _price(value: float, quantity: str) -> str:
    """An end of an interval, which may be without end."""
    from coincast.reports.quantities import show_value

    return show_value(value, quantity) if isfinite(value) else "no end"
