"""The data file of article 2: seven named arrays, the same after they were read again."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path

import h5py
import numpy as np
import pytest

from coincast.errors import ColumnError, MissingPackageError, UnreadableFileError, UsageError
from coincast.samples.hdf5 import SampleFile, make_samples_file, min_max, read_samples_file, write_samples_file
from coincast.samples.sampler import sample_windows

# articles.md 2.2 names them.
NAMES = [
    *("inputs", "outputs", "input_times", "output_times"),
    *("original_inputs", "original_outputs", "original_datas"),
]


def make_file(rows: int = 60, channels: int = 1) -> SampleFile:
    rng = np.random.default_rng(1)
    values = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, (rows, channels)), axis=0))
    open_time = 1_500_000_000_000 + 300_000 * np.arange(rows)
    return make_samples_file(values, open_time, sample_windows(rows, lookback=8, horizon=4))


@pytest.mark.parametrize("channels", [1, 3])
def test_written_and_read_again(tmp_path: Path, channels: int) -> None:
    made = make_file(channels=channels)
    path = write_samples_file(made, tmp_path / "new" / "btc_close.h5")
    read = read_samples_file(path)
    for field in fields(SampleFile):
        before, after = getattr(made, field.name), getattr(read, field.name)
        assert after.dtype == before.dtype
        assert np.array_equal(before, after), field.name
    with h5py.File(path) as file:
        assert sorted(file) == sorted(NAMES)
    assert [one.name for one in path.parent.iterdir()] == ["btc_close.h5"]


def test_the_arrays_are_those_of_the_article() -> None:
    made = make_file()
    assert made.inputs.shape == made.original_inputs.shape == made.input_times.shape == (5, 8, 1)
    assert made.outputs.shape == made.output_times.shape == (5, 4, 1)
    assert made.input_times[0, 0, 0] == 1_500_000_000
    assert np.array_equal(np.diff(made.input_times[0, :, 0]), np.full(7, 300))
    assert made.output_times[0, 0, 0] - made.input_times[0, -1, 0] == 300
    # Scaled by the least and the largest of all rows, those of no block included.
    close = made.original_datas[:, 0]
    expected = (made.original_inputs - close.min()) / (close.max() - close.min())
    assert np.allclose(made.inputs, expected, rtol=0, atol=1e-12)


def test_the_scale_follows_from_the_file(tmp_path: Path) -> None:
    read = read_samples_file(write_samples_file(make_file(), tmp_path / "a.h5"))
    assert np.allclose(read.unscale(read.outputs), read.original_outputs, rtol=1e-12)
    low, reach = read.fit_range()
    assert (low[0], low[0] + reach[0]) == pytest.approx((read.original_datas.min(), read.original_datas.max()))


def test_an_old_file_is_replaced(tmp_path: Path) -> None:
    write_samples_file(make_file(90), tmp_path / "a.h5")
    write_samples_file(make_file(60), tmp_path / "a.h5")
    assert len(read_samples_file(tmp_path / "a.h5").inputs) == 5


def test_a_channel_that_never_changes_has_no_scale() -> None:
    with pytest.raises(ColumnError, match="never changes"):
        min_max(np.ones((10, 1)))
    with pytest.raises(ColumnError, match="no number"):
        min_max(np.array([[1.0], [np.nan], [2.0]]))


def test_what_is_no_such_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="no such file"):
        read_samples_file(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("inputs", encoding="utf-8")
    with pytest.raises(UnreadableFileError, match="no HDF5 file"):
        read_samples_file(tmp_path / "text.h5")
    with h5py.File(tmp_path / "few.h5", "w") as file:
        file["inputs"] = np.zeros((2, 3, 1))
    with pytest.raises(UnreadableFileError, match=r"lacks outputs, input_times"):
        read_samples_file(tmp_path / "few.h5")


@pytest.mark.parametrize("name", NAMES)
def test_arrays_that_do_not_belong_together_are_refused(tmp_path: Path, name: str) -> None:
    path = write_samples_file(make_file(), tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        cut = file[name][:][..., np.newaxis]
        del file[name]
        file[name] = cut
    with pytest.raises(UnreadableFileError, match="does not go with"):
        read_samples_file(path)


def test_text_for_numbers_is_refused(tmp_path: Path) -> None:
    path = write_samples_file(make_file(), tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        shape = file["outputs"].shape
        del file["outputs"]
        file["outputs"] = np.full(shape, b"x")
    with pytest.raises(UnreadableFileError, match="outputs is"):
        read_samples_file(path)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="cannot write"):
        write_samples_file(make_file(), tmp_path / "file" / "a.h5")


def test_without_h5py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    for use in (
        lambda: write_samples_file(make_file(), tmp_path / "a.h5"),
        lambda: read_samples_file(tmp_path / "a.h5"),
    ):
        with pytest.raises(MissingPackageError, match=r"pip install 'coincast\[hdf5\]'"):
            use()
