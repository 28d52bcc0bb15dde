"""Tables of a study: the same decimals in a column, verdicts in their colours, everything in the files."""

from __future__ import annotations

import io
import math
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from coincast.reports.study import Outcome, Sheet
from coincast.reports.study_tables import outcome_table, page_table, spell_alike, spell_figures, write_sheets


@pytest.mark.parametrize(
    ("values", "written"),
    [
        ([0.0531, 0.0417, None], ["0.0531", "0.0417", "–"]),
        ([15_363.6, 10_200.0], ["15,364", "10,200"]),
        ([6e-6, 0.03217], ["0.000006", "0.032170"]),
        ([-0.5, 0.25, math.nan, math.inf], ["−0.500", "0.250", "–", "–"]),
        ([1.0, 2000.0], ["1", "2,000"]),
        ([0.0, 0.0], ["0", "0"]),
        ([], []),
        ([1e-12, 1.0], ["1.000e-12", "1.000"]),
    ],
)
def test_numbers_that_stand_together(values: list[float | None], written: list[str]) -> None:
    assert spell_alike(values) == written


def test_prices_keep_their_cents() -> None:
    assert spell_alike([951.777, 420.59], cents=True) == ["951.78", "420.59"]


def test_shares_are_percentages() -> None:
    assert spell_figures(0.814, 175 / 199, None, unit="share") == ["81.4 %", "87.9 %", "–"]
    assert spell_figures(81.4, 87.94, unit="%") == ["81.4 %", "87.9 %"]


def sheet(table: pl.DataFrame, **changes: str) -> Sheet:
    return Sheet("scores", "Scores", "In USD.", table, **changes)  # type: ignore[arg-type]


def test_cells_are_written_by_their_kind() -> None:
    table = pl.DataFrame(
        {
            "model": ["LSTM", None],
            "year": [2017, 2018],
            "rows": [10_287, -1],
            "day": [date(2017, 6, 1), None],
            "time": [datetime(2017, 6, 1, tzinfo=UTC), datetime(2017, 6, 1, 17, tzinfo=UTC)],
            "is best": [True, False],
            "verdict": ["worse", "not distinguishable"],
        }
    )
    first, second = page_table(sheet(table), "scores.csv").lines
    assert [cell.text for cell in first.cells] == ["LSTM", "2017", "10,287", "2017-06-01", "2017-06-01", "yes", "worse"]
    assert [cell.text for cell in second.cells][:4] == ["–", "2018", "−1", "–"]
    assert second.cells[4].text == "2017-06-01 17:00"
    assert [cell.role for cell in (first.cells[-1], second.cells[-1])] == ["worse", "undecided"]
    assert [cell.number for cell in first.cells] == [False, True, True, False, False, False, False]


def test_long_tables_are_cut_on_the_page_and_whole_in_their_files(tmp_path: Path) -> None:
    long = sheet(pl.DataFrame({"seed": range(1080)}))
    shown = page_table(long, "huang/tables/scores.csv")
    assert len(shown.lines) == 120
    assert "The first 120 of 1,080 rows; all stand in huang/tables/scores.csv." in shown.caption
    [path] = write_sheets([long], tmp_path)
    assert pl.read_csv(path).height == 1080


def test_only_short_published_tables_are_open() -> None:
    table = pl.DataFrame({"x": [1.0]})
    assert page_table(sheet(table, repeats="results table"), "scores.csv").is_open
    assert not page_table(sheet(table), "scores.csv").is_open
    assert not page_table(sheet(pl.DataFrame({"x": range(50)}), repeats="results table"), "scores.csv").is_open
    assert page_table(sheet(pl.DataFrame()), "scores.csv").lines == ()


def test_the_terminal_table_fits_100_columns() -> None:
    from rich.console import Console

    given = ("MAE of the ten-day change over the test span, in words that no column can hold", "USD²")
    found = Outcome(
        "sheehan",
        "coinmarketcap:BTC/USD",
        *given,
        12_356_304.0,
        None,
        10_200.0,
        114_308.0,
        9,
        "not distinguishable",
        1.0,
    )
    row = asdict(found)
    other = row | {"article": "fmz", "fair_metric": "directions right at every candle", "fair_naive": 527.0}
    screen = Console(file=io.StringIO(), width=100)
    screen.print(outcome_table([row, row | {"verdict": None}, other]))
    lines = screen.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert max(map(len, lines)) <= 100
    assert sum("12,356,304" in line and "10,200" in line for line in lines) == 3
    assert sum("not distinguishable" in line for line in lines) == 2
    assert sum("naive 527" in line for line in lines) == 1
    assert any("fair: directions" in line for line in lines)


def test_two_tables_of_one_name_are_refused(tmp_path: Path) -> None:
    table = sheet(pl.DataFrame({"x": [1.0]}))
    with pytest.raises(ValueError, match="exhibits of a study are called scores;"):
        write_sheets([table, table], tmp_path)
    assert not list(tmp_path.iterdir())
