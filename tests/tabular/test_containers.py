"""What a file holds, and what is too much of it."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from pathlib import Path

import polars as pl
import pytest

from coincast.errors import UnreadableFileError
from coincast.tabular import containers, read_members, read_table


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if 4,000 bytes were all that fits."""
    monkeypatch.setattr(containers, "MOST_BYTES", 4000)


def pack(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_the_members_of_an_archive_are_bounded_together(tmp_path: Path, small: None) -> None:
    bomb = gzip.compress(bytes(3000))
    assert len(read_members(pack(tmp_path / "one.zip", {"a.gz": bomb}))[0].data) == 3000
    with pytest.raises(UnreadableFileError, match=r"b\.gz unpacks to more than"):
        read_members(pack(tmp_path / "two.zip", {"a.gz": bomb, "b.gz": bomb}))
    with pytest.raises(UnreadableFileError, match=r"three\.zip holds more than"):
        read_members(pack(tmp_path / "three.zip", {"a": bytes(3000), "b": bytes(3000)}))


def test_a_gzip_file_and_a_plain_one_are_bounded(tmp_path: Path, small: None) -> None:
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(bytes(10_000)))
    (tmp_path / "long.csv").write_bytes(b"1" * 10_000)
    with pytest.raises(UnreadableFileError, match="unpacks to more than"):
        read_members(tmp_path / "bomb.gz")
    with pytest.raises(UnreadableFileError, match=r"long\.csv has more than"):
        read_members(tmp_path / "long.csv")


@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_a_small_file_of_a_large_table_is_refused_by_its_description(tmp_path: Path, small: None, ending: str) -> None:
    table = pl.DataFrame({"x": [1.0] * 1000})
    buffer = io.BytesIO()
    if ending == "parquet":
        table.write_parquet(buffer)
    else:
        table.write_ipc(buffer, compression="zstd")
    assert len(buffer.getvalue()) < 4000
    (tmp_path / f"bomb.{ending}").write_bytes(buffer.getvalue())
    with pytest.raises(UnreadableFileError, match="holds 1,000 cells, more than"):
        read_table(tmp_path / f"bomb.{ending}")


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(UnreadableFileError, match="is a device or a pipe; give a file"):
            read_members(path)


def test_a_name_in_an_archive_cannot_speak_to_the_terminal(tmp_path: Path) -> None:
    path = pack(tmp_path / "x.zip", {"a\x1b]0;owned\x07.csv": b"date,close\n2031-01-01,1\n"})
    assert read_members(path)[0].name == f"{path}/a?]0;owned?.csv"
