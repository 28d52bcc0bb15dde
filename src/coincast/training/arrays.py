"""Files of named arrays: safetensors, with facts in JSON and a checksum of every byte.

Nothing in a file is ever run: there is no pickle, and no name in a file is imported. A file is written beside its place
and renamed, so that it is whole or not there. The header's metadata has one field, `coincast`, a JSON list: the SHA-256
of the whole file, taken with zeros in its own place, and a JSON text with the format's version, the kind of file and
its facts.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from coincast.errors import UnreadableFileError
from coincast.tabular import expand_home, write_beside

ARRAYS_VERSION = 1
SUFFIX = ".safetensors"
DTYPES = ("BOOL", "I8", "I16", "I32", "I64", "U8", "U16", "U32", "U64", "F16", "F32", "F64")
"""What arrays may hold, in the words of the format."""

MARK = "coincast"
UNKNOWN = "0" * 64
_STRAY = re.compile(r"\.(?P<stem>.+)\.[0-9a-f]{8}(?P<suffix>\.[^.]*)?")
"""How `write_beside` calls a file until it is whole."""
LONGEST_HEADER = 100_000_000


@dataclass(frozen=True)
class ArrayFile:
    """What a file holds.

    Attributes:
        arrays: by name.
        facts: plain values beside them.
        sha256: checksum of the file.
    """

    arrays: dict[str, np.ndarray]
    facts: dict[str, Any]
    sha256: str


def write_arrays(
    path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray], *, kind: str, facts: Mapping[str, Any]
) -> str:
    """Write arrays into a file, whole or not at all; the same arrays and facts always give the same checksum.

    Args:
        path: where the file shall stand; an old one is replaced.
        arrays: by name; numbers or truth values.
        kind: what the file is for; a reader asks for the same.
        facts: plain values, as JSON takes them.

    Returns:
        The checksum that stands in the file.

    Raises:
        UsageError: the place cannot be written.
    """
    from safetensors.numpy import save

    about = json.dumps({"version": ARRAYS_VERSION, "kind": kind, "facts": dict(facts)}, sort_keys=True)
    given = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    # In one field: safetensors writes several in an order that is another one every time.
    data = memoryview(save(given, metadata={MARK: json.dumps([UNKNOWN, about])}))
    sha256, place = hashlib.sha256(data).hexdigest(), bytes(data[:4096]).index(UNKNOWN.encode())

    def write(target: Path) -> None:
        # Not by safetensors' own `save_file`: a process that is killed in it leaves a file of another name.
        with open(target, "wb") as file:
            file.write(data[:place])
            file.write(sha256.encode())
            file.write(data[place + len(sha256) :])

    write_beside(path, write)
    return sha256


def read_arrays(path: str | os.PathLike[str], *, kind: str) -> ArrayFile:
    """Read a file that `write_arrays` wrote.

    Raises:
        UnreadableFileError: no such file; not ours; of another kind; from a newer Coincast; cut or changed, in
            whatever byte.
    """
    path = expand_home(path)
    data = _read_bytes(path)
    header, entries = _read_header(path, data)
    sha256, about = _read_about(path, header)
    _check_version(path, about.get("version"))
    if about.get("kind") != kind:
        raise UnreadableFileError(f"{path} holds a {about.get('kind')}, and a {kind} is needed; give another file")
    _check_sum(path, data, sha256)
    facts = about.get("facts")
    if not isinstance(facts, dict):
        raise _changed(path)
    return ArrayFile(_read_data(path, data, entries), facts, sha256)


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UnreadableFileError(f"no such file: {path}; check the name, or give the whole path") from None
    except OSError as error:
        raise UnreadableFileError(f"{path} cannot be read: {error.strerror or error}; give another file") from None


def _read_header(path: Path, data: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header's metadata and its description of the arrays."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 10 or not 2 <= length <= LONGEST_HEADER or data[8:9] != b"{":
        raise _foreign(path)
    if 8 + length > len(data):
        raise UnreadableFileError(f"{path} is cut off: {len(data):,} bytes; take it from where it came again")
    try:
        entries = json.loads(data[8 : 8 + length])
    except (ValueError, RecursionError):
        raise _changed(path) from None
    header = entries.pop("__metadata__", None)
    if not isinstance(header, dict) or MARK not in header:
        raise _foreign(path)
    return header, entries


def _read_about(path: Path, header: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The checksum that a file should have, and what it says about itself."""
    try:
        sha256, text = json.loads(header[MARK])
        about = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        raise _changed(path) from None
    if not isinstance(about, dict) or not isinstance(sha256, str) or not re.fullmatch("[0-9a-f]{64}", sha256):
        raise _changed(path)
    return sha256, about


def _check_version(path: Path, version: Any) -> None:
    if isinstance(version, int) and version > ARRAYS_VERSION:
        raise UnreadableFileError(
            f"{path} was written by a newer Coincast (format {version}, here {ARRAYS_VERSION}); update Coincast"
        )
    if version != ARRAYS_VERSION or isinstance(version, bool):
        raise _changed(path)


def _check_sum(path: Path, data: bytes, sha256: str) -> None:
    place = data.find(sha256.encode())
    if place < 0:
        raise _changed(path)
    digest = hashlib.sha256(data[:place] + UNKNOWN.encode())
    digest.update(memoryview(data)[place + len(UNKNOWN) :])
    if digest.hexdigest() != sha256:
        raise _changed(path)


def _read_data(path: Path, data: bytes, entries: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The arrays, which a good checksum says are those that were written; nothing is taken on trust all the same."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        dtypes = [entry["dtype"] for entry in entries.values()]
        arrays = load(data) if set(dtypes) <= set(DTYPES) else {}
    except (SafetensorError, ValueError, LookupError, TypeError):
        raise _changed(path) from None
    if len(arrays) < len(dtypes):
        unknown = next(dtype for dtype in dtypes if dtype not in DTYPES)
        raise UnreadableFileError(f"{path} holds numbers of kind {unknown}; allowed: {', '.join(DTYPES)}")
    return {name: arrays[name] for name in sorted(arrays)}


def _foreign(path: Path) -> UnreadableFileError:
    return UnreadableFileError(f"{path} is no file of arrays that Coincast wrote; give one that it saved")


def _changed(path: Path) -> UnreadableFileError:
    return UnreadableFileError(
        f"{path} is cut or was changed since it was written, and is not used; take it from where it came again"
    )


def remove_strays(folder: Path, is_ours: Callable[[str], bool]) -> None:
    """Delete what a killed process left half written in a folder.

    Args:
        folder: it need not be there.
        is_ours: says of the name of a file that was to be written whether nobody else writes it now.
    """
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            found = _STRAY.fullmatch(path.name)
            if found and is_ours(found["stem"] + (found["suffix"] or "")):
                path.unlink(missing_ok=True)


# ---------------------------------------------------------------- trees of arrays


def flatten_tree(tree: Any) -> dict[str, np.ndarray]:
    """The arrays of a pytree by the path to each: `kernel`, `layers/0/bias`; a None has none."""
    import jax

    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {name: np.asarray(leaf) for name, (_, leaf) in zip(_names(leaves), leaves, strict=True)}


def unflatten_tree(arrays: Mapping[str, np.ndarray], like: Any, *, source: str) -> Any:
    """The pytree that `flatten_tree` took apart.

    Args:
        arrays: by name.
        like: a tree of the same structure, whose leaves have the shapes and dtypes wanted.
        source: where the arrays come from, for an error.

    Raises:
        UnreadableFileError: other names, shapes or dtypes than those of `like`.
    """
    import jax

    leaves, structure = jax.tree_util.tree_flatten_with_path(like)
    names = _names(leaves)
    for name in sorted({*names, *arrays}):
        if name not in arrays or name not in names:
            word = "lacks" if name in names else "holds"
            raise UnreadableFileError(f"{source} {word} the array {name!r}, so it is of another network; {_ADVICE}")
    for name, (_, leaf) in zip(names, leaves, strict=True):
        given, wanted = _describe(arrays[name]), _describe(leaf)
        if given != wanted:
            raise UnreadableFileError(f"{source}: {name!r} is {given}, and the network has {wanted}; {_ADVICE}")
    return jax.tree_util.tree_unflatten(structure, [arrays[name] for name in names])


_ADVICE = "give the settings that it was saved with"


def _names(leaves: list[tuple[Any, Any]]) -> list[str]:
    from jax.tree_util import keystr

    names = [keystr(path, simple=True, separator="/") or "value" for path, _ in leaves]
    return names if len(set(names)) == len(names) else [keystr(path) for path, _ in leaves]


def _describe(array: Any) -> str:
    return f"{np.dtype(array.dtype)} {list(array.shape)}"
