"""The history of losses as CSV."""

from __future__ import annotations

import math
from pathlib import Path

import polars as pl
import pytest

from coincast.errors import UnreadableFileError, UsageError
from coincast.training.history import HistoryFile, read_history


def write(path: Path, first: int, last: int, shift: float = 0.0) -> None:
    """Epochs as a training would tell them that goes on with `first`."""
    history = HistoryFile(path)
    for epoch in range(first, last + 1):
        history.add(epoch, shift + 1 / epoch, shift + 2 / epoch)


def test_lines_are_appended_and_read_exactly(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lstm.csv"
    write(path, 1, 3)
    assert path.read_bytes() == b"epoch,loss,val_loss\n1,1.0,2.0\n2,0.5,1.0\n3,0.3333333333333333,0.6666666666666666\n"
    table = read_history(path)
    assert table.rows() == [(1, 1.0, 2.0), (2, 0.5, 1.0), (3, 1 / 3, 2 / 3)]
    assert table.schema == {"epoch": pl.Int64, "loss": pl.Float64, "val_loss": pl.Float64}


def test_every_line_is_there_at_once(tmp_path: Path) -> None:
    history = HistoryFile(tmp_path / "lstm.csv")
    for epoch in (1, 2, 3):
        history.add(epoch, 0.5, None)
        assert read_history(history.path)["epoch"].to_list() == list(range(1, epoch + 1))


def test_what_is_not_known_or_not_finite(tmp_path: Path) -> None:
    history = HistoryFile(tmp_path / "lstm.csv")
    history.add(1, math.nan, None)
    history.add(2, math.inf, math.nan)
    table = read_history(history.path)
    assert table["val_loss"].is_null().to_list() == [True, False]
    assert math.isnan(table["loss"][0])
    assert table["loss"][1] == math.inf


@pytest.mark.parametrize("torn", [b"", b"6", b"6,0.1", b"6,0.1,0.", b"6,0.16666666666666666,0.3333333333333333"])
def test_a_training_goes_on_without_a_doubled_or_torn_line(tmp_path: Path, torn: bytes) -> None:
    whole, path = tmp_path / "whole.csv", tmp_path / "lstm.csv"
    write(whole, 1, 8)
    write(path, 1, 5)
    with open(path, "ab") as file:
        file.write(torn)
    assert read_history(path)["epoch"].to_list() == [1, 2, 3, 4, 5]
    write(path, 4, 8)
    assert path.read_bytes() == whole.read_bytes()


def test_a_training_from_the_start_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / "lstm.csv"
    write(path, 1, 5)
    write(path, 1, 2, shift=1.0)
    assert read_history(path).rows() == [(1, 2.0, 3.0), (2, 1.5, 2.0)]


def test_a_file_that_was_deleted_begins_where_the_training_is(tmp_path: Path) -> None:
    path = tmp_path / "lstm.csv"
    write(path, 5, 6)
    write(path, 6, 7)
    assert read_history(path)["epoch"].to_list() == [5, 6, 7]


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    with pytest.raises(UnreadableFileError, match="cannot be read"):
        read_history(path)
    path.write_text("date,close\n1,2\n")
    with pytest.raises(UnreadableFileError, match="first line must be epoch,loss,val_loss"):
        read_history(path)
    path.write_text("epoch,loss,val_loss\none,2,3\n")
    with pytest.raises(UnreadableFileError, match="lines that are none"):
        read_history(path)
    with pytest.raises(UsageError, match="cannot write"):
        HistoryFile(path / "below.csv").add(1, 0.5, None)
