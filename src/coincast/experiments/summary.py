"""The further tests in a few lines, for the terminal; the report has them whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from coincast.scores.finding import Finding
from coincast.scores.words import percent, spoken_name


def summarise_further(further: Mapping[str, Finding]) -> list[str]:
    """A line on all markets together, and one on the single steps, where there are several.

    A test whose package is missing has a table without columns, and no line.
    """
    telling = {"pooled": _tell_pooled, "steps": _tell_steps}
    return [line for name, tell in telling.items() if further[name].table.width for line in tell(further[name].table)]


def list_further(further: Mapping[str, Finding]) -> dict[str, Any]:
    """The further tests as JSON can hold them; the path of the fluctuation test is left to its file."""
    return {
        name: {"rows": _as_json(finding.table).to_dicts(), "notes": list(finding.notes)}
        for name, finding in further.items()
        if name != "fluctuation_path"
    }


def _as_json(table: pl.DataFrame) -> pl.DataFrame:
    """Times as ISO 8601, numbers that are none as null."""
    times, floats = pl.selectors.datetime(time_zone="*"), pl.selectors.float()
    return table.with_columns(
        times.dt.strftime("%Y-%m-%dT%H:%M:%S%:z"), pl.when(floats.is_finite()).then(floats).name.keep()
    )


def _tell_pooled(pooled: pl.DataFrame) -> list[str]:
    """Every model over the markets together, those that are told from naive named."""
    lines = []
    tested = pooled.filter(pl.col("verdict") != "too few")
    for rows in tested.partition_by("interval", "quantity", maintain_order=True):
        names = [spoken_name(model).removeprefix("The ") for model in rows["model"]]
        told = [
            f"{name} is {row['verdict']} ({'+' if row['skill'] > 0 else '-'}{percent(row['skill'])})"
            for name, row in zip(names, rows.iter_rows(named=True), strict=True)
            if row["verdict"] != "not distinguishable"
        ]
        rest = rows.height - len(told)
        some = names[0] if rows.height == 1 else f"{rest} of {rows.height} models"
        silent = [f"{some} {'is' if rest == 1 else 'are'} not distinguishable from naive"]
        words = "; ".join([*told, *(silent if rest else [])])
        lines.append(f"Over {rows['markets'].to_list()[0]} markets together: {words}.")
    return lines


def _tell_steps(steps: pl.DataFrame) -> list[str]:
    judged = steps.filter(pl.col("verdict") != "too few")
    if judged.is_empty():
        return []
    first, last = int(judged["step"].to_numpy().min()), int(judged["step"].to_numpy().max())
    counts = {word: judged.filter(pl.col("verdict") == word).height for word in ("better", "worse")}
    return [
        f"Step by step ({first} to {last} ahead, {judged.height:,} tests together): "
        f"{counts['better']:,} better, {counts['worse']:,} worse."
    ]
