from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from coincast.errors import UsageError
from coincast.tabular import expand_home, home_folder, write_beside


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "new" / "table.parquet"
    assert write_beside(path, pl.DataFrame({"a": [1]}).write_parquet) == path
    write_beside(path, pl.DataFrame({"a": [2]}).write_parquet)
    assert pl.read_parquet(path)["a"].to_list() == [2]
    assert list(path.parent.iterdir()) == [path]


def test_the_name_that_is_written_to_keeps_its_ending(tmp_path: Path) -> None:
    seen: list[Path] = []

    def write(beside: Path) -> None:
        seen.append(beside)
        beside.write_text("x")

    write_beside(tmp_path / "figure.png", write)
    assert seen[0].suffix == ".png"
    assert seen[0].parent == tmp_path


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, ValueError])
def test_nothing_half_written_is_left(tmp_path: Path, interruption: type[BaseException]) -> None:
    path = tmp_path / "report.html"
    path.write_text("the old one")

    def write(beside: Path) -> None:
        beside.write_text("half")
        raise interruption

    with pytest.raises(interruption):
        write_beside(path, write)
    assert path.read_text() == "the old one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match=r"cannot write .*table\.csv: .*; choose another place") as caught:
        write_beside(tmp_path / "file" / "table.csv", pl.DataFrame({"a": [1]}).write_csv)
    assert caught.value.exit_code == 2


def test_a_home_of_nobody_is_refused() -> None:
    with pytest.raises(UsageError, match="there is no such user"):
        expand_home("~nobody-of-that-name/prices.csv")


def test_home_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COINCAST_HOME", str(tmp_path))
    assert home_folder() == tmp_path
    monkeypatch.delenv("COINCAST_HOME")
    assert home_folder().name == "coincast"
