"""The leaderboard: one order, the same words and colours, in the terminal and on pages."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from coincast.forecasts.combine import ENSEMBLE
from coincast.reports.numbers import model_name, percent_digits, share_shown, skill_span
from coincast.reports.palette import TERMINAL
from coincast.reports.wording import would_pass_alone
from coincast.scores.verdict import NAIVE, count_tests, deciding_rows, summarise_runs

if TYPE_CHECKING:
    from rich.table import Table

WIDTH = 100
COLUMNS = (
    "market",
    "interval",
    "quantity",
    "model",
    "skill",
    "low",
    "high",
    "verdict",
    "metric",
    "value",
    "naive",
    "p",
    "p_holm",
    "n",
    "detectable",
    "runs",
    "runs_better",
)


def leaderboard(scores: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each market, quantity and model, best skill first, naive among them at zero.

    Args:
        scores: the score table.

    Returns:
        `market, interval, quantity, model, skill, low, high, verdict, metric, value, naive, p, p_holm, n, detectable,
        runs, runs_better`. `value` is the error that decides, `naive` that of the naive forecast on the same targets;
        `runs` counts the single runs behind a model, `runs_better` those among them with a skill above zero, both null
        for a model without runs of its own.
    """
    rows = deciding_rows(scores)
    rows = pl.concat([rows, _missing_naive(rows)], how="diagonal_relaxed")
    keys = ["market", "interval", "quantity"]
    naive = (pl.col("model") == NAIVE) & pl.col("verdict").is_null()
    rows = rows.with_columns(
        stem=pl.col("model").str.strip_suffix(ENSEMBLE), skill=pl.when(naive).then(0.0).otherwise(pl.col("skill"))
    )
    runs = summarise_runs(scores).select(*keys, "metric", "runs", stem="model", runs_better="better")
    rows = rows.join(runs, on=[*keys, "stem", "metric"], how="left")
    order = scores.select(keys).unique(maintain_order=True).with_row_index("place")
    rows = rows.join(order, on=keys, how="left")
    return rows.sort("place", "skill", descending=[False, True], nulls_last=True, maintain_order=True).select(COLUMNS)


def leaderboard_table(scores: pl.DataFrame) -> Table:
    """Lay the leaderboard out for a terminal of 100 columns.

    Example:
        >>> from rich.console import Console
        >>> Console().print(leaderboard_table(scores))  # doctest: +SKIP
    """
    from rich.table import Table

    board = leaderboard(scores)
    table = Table(box=None, padding=(0, 1), collapse_padding=True, pad_edge=False, header_style="bold")
    table.caption_justify = "left"
    table.caption = _footnote(board, count_tests(scores))
    table.add_column("model", overflow="fold", max_width=27)
    for heading in ("skill\n%", "95 %\ninterval"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    quantities = board["quantity"].unique().to_list()
    for heading in (_error_heading(quantities), "could\nshow %", "runs\nbetter", "n"):
        table.add_column(heading, justify="right", no_wrap=True)
    several = board.select("market", "interval", "quantity").n_unique() > 1
    sections = board.group_by("market", "interval", "quantity", maintain_order=True)
    for number, ((market, interval, quantity), section) in enumerate(sections):
        if several:
            named = f" {quantity}".replace("_", " ") if len(quantities) > 1 else ""
            table.add_row(_heading(f"{market} {interval}{named}", first=number == 0))
        for row in section.iter_rows(named=True):
            table.add_row(*_cells(row, with_unit=len(quantities) > 1))
    return table


def leaderboard_text(scores: pl.DataFrame, *, width: int = WIDTH) -> str:
    """Return the leaderboard as plain text, for a file, a pipe or a terminal without colours."""
    from rich.console import Console

    console = Console(file=io.StringIO(), width=width, no_color=True, force_terminal=False, legacy_windows=False)
    console.print(leaderboard_table(scores))
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in text.splitlines())


def leaderboard_html(scores: pl.DataFrame) -> str:
    """Return the leaderboard as an HTML table with its own colours, for a notebook."""
    from coincast.reports.html import render_leaderboard

    return render_leaderboard(leaderboard(scores))


def is_naive(row: Mapping[str, Any]) -> bool:
    """Tell whether a row is that of our own naive forecast; an outside model of that name carries a verdict."""
    return row["model"] == NAIVE and row["verdict"] is None


def _missing_naive(rows: pl.DataFrame) -> pl.DataFrame:
    """Make naive's row, from the error every other row holds beside its own, where the table has none."""
    keys = ["market", "interval", "quantity", "metric"]
    there = rows.filter(pl.col("model") == NAIVE).select(keys)
    lacking = rows.join(there, on=keys, how="anti").sort("n", descending=True, nulls_last=True)
    lacking = lacking.unique(keys, keep="first", maintain_order=True)
    return lacking.select(*keys, "naive", "n", model=pl.lit(NAIVE), value=pl.col("naive"))


def _footnote(board: pl.DataFrame, tests: int) -> str | None:
    if not any(would_pass_alone(row) for row in board.iter_rows(named=True)):
        return None
    return f"* alone it would pass; it is one of {tests}"


def _heading(text: str, *, first: bool) -> Any:
    from rich.text import Text

    return Text(text if first else f"\n{text}", style="bold")


def _error_heading(quantities: list[str]) -> str:
    """Name the unit of the errors, unless rows of several quantities each name their own."""
    if len(quantities) > 1:
        return "error\n(naive)"
    heads = {"log_return": "log-return\nerror", "direction": "missed\n%", "volatility": "QLIKE\nloss"}
    return f"{heads.get(''.join(quantities), 'error %')}\n(naive)"


def _cells(row: dict[str, Any], *, with_unit: bool) -> list[Any]:
    from rich.text import Text

    verdict = "" if row["verdict"] is None else str(row["verdict"])
    style = TERMINAL.get(verdict, "")
    span = "" if row["low"] is None and row["high"] is None else skill_span(row["low"], row["high"], minus="-")
    own, naive = (_error(row[name], row["metric"], with_unit=with_unit) for name in ("value", "naive"))
    naive_row = is_naive(row)
    word = "the yardstick" if naive_row else f"{verdict}*" if would_pass_alone(row) else verdict
    return [
        Text(model_name(row["model"], row["market"]), style="dim" if naive_row else ""),
        Text("0.0" if naive_row else percent_digits(row["skill"], signed=True, minus="-"), style=style),
        Text("" if naive_row else span),
        Text(word, style="dim" if naive_row else f"bold {style}".strip()),
        Text(own if naive_row else f"{own} ({naive})"),
        Text("" if row["detectable"] is None else share_shown(row["detectable"], digits=True)),
        Text("" if (row["runs"] or 0) < 2 else f"{row['runs_better']} of {row['runs']}"),
        Text("" if row["n"] is None else f"{row['n']:,}"),
    ]


def _error(value: float | None, metric: str, *, with_unit: bool) -> str:
    """Write an error for a terminal; that of a price and misses in percent."""
    if value is None:
        return "-"
    digits = {"abs_log_error": 2, "miss": 1}.get(metric)
    if digits is None:
        return f"{value:.4g}"
    return percent_digits(value, digits=digits, minus="-") + (" %" if with_unit else "")
