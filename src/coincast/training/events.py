"""Event files that TensorBoard reads: scalars by step.

The format in full: a file is a row of records (length, masked CRC-32C of the length, data, masked CRC-32C of the data),
and the data of each is a message `Event` in protocol buffers. Only what scalars need is written:

    Event    1: double wall_time, 2: int64 step, 3: string file_version (the first record), 5: Summary
    Summary  1: Value, repeated
    Value    1: string tag, 2: float simple_value
"""

from __future__ import annotations

import math
import os
import struct
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from coincast.tabular import expand_home, write_beside
from coincast.training.growing import append, read_so_far

FILE_VERSION = b"brain.Event:2"
CASTAGNOLI = 0x82F63B78
VARINT, DOUBLE, BYTES, FLOAT = 0, 1, 2, 5


class EventFile:
    """Scalars by step, for TensorBoard.

    As in a `HistoryFile`, what a killed training has left of a step that comes again is cut off first.

    Args:
        path: of the file; TensorBoard looks for `tfevents` in its name.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = expand_home(path)
        self._is_open = False

    def add(self, step: int, scalars: Mapping[str, float]) -> None:
        """Add the scalars of a step.

        Raises:
            UsageError: the file cannot be written.
        """
        record = frame_record(encode_scalars(step, scalars, time.time()))
        if self._is_open:
            append(self.path, record)
            return
        before = _records_before(self.path, step) or [_encode_version(time.time())]
        data = b"".join([*map(frame_record, before), record])
        write_beside(self.path, lambda target: Path(target).write_bytes(data))
        self._is_open = True


def _records_before(path: Path, step: int) -> list[bytes]:
    """Whole records of the steps before one."""
    return [record for record in _split_records(read_so_far(path)) if _step_of(record) < step]


def _split_records(data: bytes) -> Iterator[bytes]:
    """The data of every record up to the first that is torn or broken."""
    place = 0
    while place + 12 <= len(data):
        length, check = struct.unpack_from("<QI", data, place)
        end = place + 12 + length
        if check != mask(crc32c(data[place : place + 8])) or end + 4 > len(data):
            return
        record = data[place + 12 : end]
        if struct.unpack_from("<I", data, end)[0] != mask(crc32c(record)):
            return
        yield record
        place = end + 4


def _step_of(record: bytes) -> int:
    """The step of an event of ours: the time comes first, in nine bytes, and then the step; 0 where there is none."""
    if record[9:10] != bytes([2 << 3 | VARINT]):
        return 0
    step, shift = 0, 0
    for byte in record[10:]:
        step |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    return step


def encode_scalars(step: int, scalars: Mapping[str, float], wall_time: float) -> bytes:
    """An `Event` with scalars by tag.

    Args:
        step: 0 or more.
        scalars: what stands at that step; in the file they are float32.
        wall_time: seconds since 1970.
    """
    values = b"".join(
        _field(1, BYTES, _field(1, BYTES, tag.encode()) + _field(2, FLOAT, _float32(value)))
        for tag, value in scalars.items()
    )
    return _field(1, DOUBLE, struct.pack("<d", wall_time)) + _field(2, VARINT, _varint(step)) + _field(5, BYTES, values)


def _float32(value: float) -> bytes:
    try:
        return struct.pack("<f", value)
    except OverflowError:
        return struct.pack("<f", math.copysign(math.inf, value))


def _encode_version(wall_time: float) -> bytes:
    return _field(1, DOUBLE, struct.pack("<d", wall_time)) + _field(3, BYTES, FILE_VERSION)


def _field(number: int, kind: int, value: bytes) -> bytes:
    length = _varint(len(value)) if kind == BYTES else b""
    return bytes([number << 3 | kind]) + length + value


def _varint(number: int) -> bytes:
    """A whole number in groups of seven bits, the lowest first; all but the last group have the high bit set."""
    groups = bytearray()
    while number > 127:
        groups.append(number & 127 | 128)
        number >>= 7
    return bytes([*groups, number])


def frame_record(data: bytes) -> bytes:
    """Data as a record of the file."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", mask(crc32c(length))) + data + struct.pack("<I", mask(crc32c(data)))


def mask(crc: int) -> int:
    """A checksum as it stands in a record: rotated by 15 bits, and a constant added."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _make_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (CASTAGNOLI if byte & 1 else 0)
        table.append(byte)
    return tuple(table)


_TABLE = _make_table()


def crc32c(data: bytes) -> int:
    """The CRC of 32 bits with Castagnoli's polynomial (RFC 3720)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF
