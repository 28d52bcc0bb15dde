"""Event files, read by another reader of the format than the one that cuts them off."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coincast.errors import UsageError
from coincast.training.events import EventFile, crc32c, mask


def slow_crc32c(data: bytes) -> int:
    """The remainder of a division of polynomials, bit after bit, without tables or reflection of the whole."""
    bits = [byte >> place & 1 for byte in data for place in range(8)] + [0] * 32
    for place in range(32):
        bits[place] ^= 1
    divisor = [int(bit) for bit in f"{0x11EDC6F41:033b}"]
    for place in range(len(bits) - 32):
        if bits[place]:
            for step, bit in enumerate(divisor):
                bits[place + step] ^= bit
    return sum((bit ^ 1) << place for place, bit in enumerate(bits[-32:]))


@pytest.mark.parametrize(
    ("data", "known"),
    [
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(reversed(range(32))), 0x113FDB5C),
    ],
)
def test_the_checksum_is_that_of_the_standard(data: bytes, known: int) -> None:
    """The examples of RFC 3720, and the check value of the catalogue."""
    assert crc32c(data) == slow_crc32c(data) == known


def test_the_checksum_equals_a_long_division() -> None:
    rng = np.random.default_rng(0)
    for length in range(1, 20):
        data = rng.bytes(length)
        assert crc32c(data) == slow_crc32c(data)


def varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[place] & 127) << shift
        shift += 7
        place += 1
        if data[place - 1] < 128:
            return value, place


def fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Numbers and values of the fields of a message."""
    place = 0
    while place < len(data):
        tag, place = varint(data, place)
        kind = tag & 7
        if kind == 0:
            value, place = varint(data, place)
        elif kind == 2:
            length, place = varint(data, place)
            value, place = data[place : place + length], place + length
        else:
            form = {1: "<d", 5: "<f"}[kind]
            value, place = struct.unpack_from(form, data, place)[0], place + struct.calcsize(form)
        yield tag >> 3, value


def read(path: Path) -> list[dict[str, Any]]:
    """Every event as step and scalars; a wrong checksum fails the test."""
    data, place, events = path.read_bytes(), 0, []
    while place < len(data):
        length, check = struct.unpack_from("<QI", data, place)
        record = data[place + 12 : place + 12 + length]
        assert check == mask(slow_crc32c(data[place : place + 8]))
        assert struct.unpack_from("<I", data, place + 12 + length)[0] == mask(slow_crc32c(record))
        event = dict(fields(record))
        assert 1.7e9 < event[1] < 1e11
        values = [dict(fields(value)) for _, value in fields(event.get(5, b""))]
        scalars = {value[1].decode(): value[2] for value in values}
        events.append({"step": event.get(2, 0), "version": event.get(3), "scalars": scalars})
        place += 16 + length
    return events


def test_scalars_by_step(tmp_path: Path) -> None:
    path = tmp_path / "run-1" / "events.out.tfevents.lstm"
    events = EventFile(path)
    for step in (1, 127, 128, 100_000):
        events.add(step, {"loss": 1 / step, "val_loss": -2.5})
    first, *others = read(path)
    assert first == {"step": 0, "version": b"brain.Event:2", "scalars": {}}
    assert [event["step"] for event in others] == [1, 127, 128, 100_000]
    assert others[2]["scalars"] == {"loss": np.float32(1 / 128), "val_loss": -2.5}


def test_numbers_that_no_float32_holds(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.lstm"
    EventFile(path).add(1, {"huge": 1e300, "low": -1e300, "nan": math.nan})
    scalars = read(path)[1]["scalars"]
    assert (scalars["huge"], scalars["low"]) == (math.inf, -math.inf)
    assert math.isnan(scalars["nan"])


@pytest.mark.parametrize("cut", [0, 1, 7, 20, 40])
def test_a_training_goes_on_without_a_doubled_or_torn_record(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "events.out.tfevents.lstm"
    events = EventFile(path)
    for step in range(1, 400):
        events.add(step, {"loss": float(step)})
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - cut])
    again = EventFile(path)
    for step in (150, 151):
        again.add(step, {"loss": 0.5})
    steps = [(event["step"], event["scalars"].get("loss")) for event in read(path)]
    assert steps == [(0, None), *((step, step) for step in range(1, 150)), (150, 0.5), (151, 0.5)]


def test_a_file_of_something_else_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.lstm"
    path.write_bytes(b"nothing of the kind, and long enough to hold a length")
    EventFile(path).add(3, {"loss": 1.0})
    assert [event["step"] for event in read(path)] == [0, 3]
    with pytest.raises(UsageError, match="cannot write"):
        EventFile(path / "below").add(1, {"loss": 1.0})
