"""What a calibration says: shares beside their bounds, and one sentence."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from coincast.errors import UsageError
from coincast.tabular import expand_home, to_pandas, write_beside

FILE = "calibration.json"


@dataclass(frozen=True)
class Calibration:
    """The error rates of the judge; shares of independent simulated markets, with 95 % intervals (Wilson).

    Attributes:
        nulls: two-sided rejections of a true null, by `horizon`, origins `n` and `persistence` of the forecast error.
        models: `better` of one model on walks, alone, by `horizon` and `model`; `worse` stands beside.
        tables: tables of one walk with any `better` after Holm, by `n` and `horizon`; the last row is of all.
        power: echoes found (`better` after Holm) by `planted` oracle skill, `n` and `model`; `skill` is the mean seen.
        found: the bounds on the power of the LSTM ensemble; `what` is bounded.
        seed: of the calibration.
        is_quick: whether it was shortened.
        seconds: wall time of each part.
    """

    nulls: pl.DataFrame
    models: pl.DataFrame
    tables: pl.DataFrame
    power: pl.DataFrame
    found: pl.DataFrame
    seed: int
    is_quick: bool
    seconds: Mapping[str, float]

    @property
    def checks(self) -> pl.DataFrame:
        """Every figure that has a bound: `what` it is, `share`, `low`, `high`, `least`, `most` and `passed`."""
        rows = [
            {"what": what, **{name: row.get(name) for name in ("share", "low", "high", "least", "most", "passed")}}
            for table, spell in (
                (self.nulls, _spell_null),
                (self.models, _spell_model),
                (self.tables, _spell_table),
                (self.found, _spell_found),
            )
            for row in table.iter_rows(named=True)
            for what in (spell(row),)
        ]
        return pl.DataFrame(rows, schema_overrides={"least": pl.Float64, "most": pl.Float64})

    @property
    def passed(self) -> bool:
        """Whether every figure keeps its bound."""
        return bool(self.checks["passed"].all())

    @property
    def sentence(self) -> str:
        """The answer for a layman."""
        checks = self.checks
        failed = checks.filter(~pl.col("passed"))
        if not failed.is_empty():
            told = "; ".join(
                f"{row['what']}: {100 * row['share']:.1f} %" for row in failed.head(3).iter_rows(named=True)
            )
            more = f"; and {failed.height - 3} more" if failed.height > 3 else ""
            return f"{failed.height} of {checks.height} figures break their bounds: {told}{more}."
        lowest, highest = (100 * float(figure) for figure in (self.nulls["share"].min(), self.nulls["share"].max()))  # type: ignore[arg-type]
        wrong, power = (100 * table["share"][place] for table, place in ((self.tables, -1), (self.found, 0)))
        return (
            f"All {checks.height} figures keep their bounds: a true null is rejected in {lowest:.1f} to {highest:.1f} "
            f"% of the markets, {wrong:.1f} % of the tables of walks hold a false 'better', and an LSTM ensemble with "
            f"a skill of {100 * self.found['planted'][0]:.0f} % to learn is found in {power:.1f} % of the markets."
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know."""
        if not self.is_quick:
            return ()
        return (
            "shortened: with so few markets a figure fails only where its whole 95 % interval lies beyond its bound",
        )

    def to_dict(self) -> dict[str, Any]:
        """All figures."""
        return {
            "sentence": self.sentence,
            "passed": self.passed,
            "checks": self.checks.to_dicts(),
            **{name: getattr(self, name).to_dicts() for name in ("nulls", "models", "tables", "power", "found")},
            "seed": self.seed,
            "quick": self.is_quick,
            "notes": list(self.notes),
            "seconds": dict(self.seconds),
        }

    def to_pandas(self) -> Any:
        """`checks` as a pandas frame."""
        return to_pandas(self.checks)

    def save(self, folder: str | Path) -> Path:
        """Write the tables (Parquet), all figures (JSON) and the pictures (PNG) into a folder.

        Returns:
            The folder.

        Raises:
            UsageError: it holds something else.
        """
        from coincast.reports.pictures_calibration import draw_power, draw_size

        folder = claim_folder(folder)
        for name in ("nulls", "models", "tables", "power", "found"):
            write_beside(folder / f"{name}.parquet", getattr(self, name).write_parquet)
        write_beside(folder / "size.png", draw_size(self.nulls).savefig)
        write_beside(folder / "power.png", draw_power(self.power).savefig)
        document = json.dumps(self.to_dict(), indent=2, allow_nan=False)
        write_beside(folder / FILE, lambda path: path.write_text(document + "\n", encoding="utf-8"))
        return folder


def claim_folder(folder: str | Path) -> Path:
    """The folder for the files of a calibration, which may hold an earlier one and nothing else.

    Raises:
        UsageError: it is no folder, or holds other files.
    """
    folder = expand_home(folder)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; give --out a folder")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / FILE).is_file():
        raise UsageError(f"{folder} holds other files and no earlier calibration; give --out a folder of its own")
    return folder


def _spell_null(row: Mapping[str, Any]) -> str:
    return f"true null, horizon {row['horizon']}, {row['n']:,} origins, persistence {row['persistence']:g}"


def _spell_model(row: Mapping[str, Any]) -> str:
    return f"'better' on walks, horizon {row['horizon']}, {row['model']}"


def _spell_table(row: Mapping[str, Any]) -> str:
    where = "all" if row["n"] is None else f"horizon {row['horizon']}, {row['n']:,} origins"
    return f"tables of walks with any 'better', {where}"


def _spell_found(row: Mapping[str, Any]) -> str:
    power = "power" if row["what"] == "power" else "share of the oracle's power"
    return f"{power} of {row['model']} at a skill of {100 * row['planted']:g} %, {row['n']:,} origins"


def spell_bound(least: float | None, most: float | None) -> str:
    """A bound as a person reads it."""
    if least is not None and most is not None:
        return f"{100 * least:g} to {100 * most:g} %"
    return f"at most {100 * most:g} %" if most is not None else f"at least {100 * (least or math.nan):g} %"
