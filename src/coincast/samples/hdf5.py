"""Samples in one HDF5 file of seven named arrays, as article 2 keeps them.

inputs, outputs                      scaled, (sample, step, channel)
input_times, output_times            when each candle opens, seconds since 1970 (UTC), (sample, step, channel)
original_inputs, original_outputs    unscaled
original_datas                       the whole unscaled series, (row, channel): the scale follows from it
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from coincast.errors import ColumnError, MissingPackageError, UnreadableFileError
from coincast.samples.sampler import cut_samples
from coincast.samples.windows import Windows
from coincast.tabular import expand_home, write_beside

Past = Float[np.ndarray, "sample lookback channel"]
Future = Float[np.ndarray, "sample horizon channel"]
PastTimes = Int[np.ndarray, "sample lookback 1"]
FutureTimes = Int[np.ndarray, "sample horizon 1"]
Series = Float[np.ndarray, "row channel"]


@dataclass(frozen=True)
class SampleFile:
    """The seven arrays of a file; see the top of this module."""

    inputs: Past
    outputs: Future
    input_times: PastTimes
    output_times: FutureTimes
    original_inputs: Past
    original_outputs: Future
    original_datas: Series

    def fit_range(self) -> tuple[Float[np.ndarray, "channel"], Float[np.ndarray, "channel"]]:
        """Least value and range of each channel over all rows: the scale, fitted again."""
        return min_max(self.original_datas)

    def unscale(self, scaled: Float[np.ndarray, "*samples channel"]) -> Float[np.ndarray, "*samples channel"]:
        """Scaled values in the unit of the series."""
        low, reach = self.fit_range()
        return np.asarray(scaled * reach + low)


def min_max(values: Series) -> tuple[Float[np.ndarray, "channel"], Float[np.ndarray, "channel"]]:
    """Least value of each channel, and how far the largest is above it: `scaled = (value - low) / reach`.

    Whoever hands over all rows lets the future decide how the past is scaled.

    Raises:
        ColumnError: a channel that never changes, or holds what is no number.
    """
    low, reach = values.min(axis=0), np.ptp(values, axis=0)
    if not (np.isfinite(low).all() and np.isfinite(reach).all() and (reach > 0).all()):
        raise ColumnError("a channel never changes or holds what is no number, so it cannot be scaled; leave it out")
    return low, reach


def make_samples_file(values: Series, open_time: Int[np.ndarray, "row"], windows: Windows) -> SampleFile:
    """The seven arrays, scaled to 0 ... 1 over all rows, as the article did (with its look ahead).

    Args:
        values: unscaled, such as closes.
        open_time: of each row, milliseconds since 1970.
        windows: as `sample_windows` cuts them.

    Raises:
        ColumnError: a channel that never changes.
    """
    low, reach = min_max(values)
    past, future = cut_samples(values, windows)
    times = cut_samples(open_time[:, None] // 1000, windows)
    return SampleFile((past - low) / reach, (future - low) / reach, *times, past, future, values)


def write_samples_file(samples: SampleFile, path: str | os.PathLike[str]) -> Path:
    """Write the seven arrays, compressed without loss; an old file is replaced whole.

    Raises:
        MissingPackageError: h5py is not installed.
        UsageError: the place cannot be written.
    """
    h5py = _load_h5py()

    def write(target: Path) -> None:
        with h5py.File(target, "w") as file:
            for field in fields(samples):
                file.create_dataset(field.name, data=getattr(samples, field.name), compression="gzip")

    return write_beside(path, write)


def read_samples_file(path: str | os.PathLike[str]) -> SampleFile:
    """Read what `write_samples_file` wrote, or any file with these seven arrays.

    Raises:
        MissingPackageError: h5py is not installed.
        UnreadableFileError: no such file, a broken one, or one without these arrays.
    """
    h5py = _load_h5py()
    path = expand_home(path)
    names = [field.name for field in fields(SampleFile)]
    try:
        with h5py.File(path, "r") as file:
            missing = [name for name in names if not isinstance(file.get(name), h5py.Dataset)]
            if missing:
                raise UnreadableFileError(f"{path} lacks {', '.join(missing)}; it needs {', '.join(names)}")
            arrays = {name: np.asarray(file[name]) for name in names}
    except FileNotFoundError:
        raise UnreadableFileError(f"no such file: {path}; check the name, or give the whole path") from None
    except (OSError, RuntimeError, KeyError) as error:
        raise UnreadableFileError(f"{path} is no HDF5 file that can be read; write it again") from error
    _check_shapes(path, arrays)
    kinds = {name: np.int64 if name.endswith("times") else np.float64 for name in names}
    return SampleFile(**{name: array.astype(kinds[name]) for name, array in arrays.items()})


def _check_shapes(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Refuse arrays that cannot belong together."""
    past, future = arrays["inputs"].shape, arrays["outputs"].shape
    channels = past[2:]
    expected = {
        "inputs": past,
        "outputs": (*past[:1], *future[1:2], *channels),
        "input_times": (*past[:2], 1),
        "output_times": (*past[:1], *future[1:2], 1),
        "original_inputs": past,
        "original_outputs": future,
        "original_datas": (*arrays["original_datas"].shape[:1], *channels),
    }
    for name, array in arrays.items():
        if len(past) != 3 or array.shape != expected[name] or array.dtype.kind not in "iuf":
            raise UnreadableFileError(
                f"{path}: {name} is {array.dtype} of shape {array.shape}, which does not go with inputs of shape "
                f"{past} and outputs of shape {future}; write the file again"
            )


def _load_h5py() -> Any:
    try:
        import h5py
    except ImportError:
        raise MissingPackageError("h5py", "an HDF5 file of samples", "coincast[hdf5]") from None
    return h5py
