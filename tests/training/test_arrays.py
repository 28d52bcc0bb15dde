"""Files of arrays: what is written is read, and nothing else is."""

from __future__ import annotations

import hashlib
import io
import json
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from coincast.errors import UnreadableFileError, UsageError
from coincast.training.arrays import flatten_tree, read_arrays, remove_strays, unflatten_tree, write_arrays

ARRAYS = {
    "kernel": np.array([[1.5, -0.0], [np.nan, np.inf]], dtype=np.float32),
    "tiny": np.array([5e-324, 1 / 3]),
    "scalar": np.array(7, dtype=np.int64),
    "key": np.array([1, 2**32 - 1], dtype=np.uint32),
    "mask": np.array([True, False]),
    "empty": np.zeros((0, 3), dtype=np.float16),
    "turned": np.arange(6.0).reshape(2, 3).T,
}
FACTS = {"epoch": 3, "name": "é", "list": [1, None, 0.1], "zeros": "0" * 64}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    target = tmp_path / "one.safetensors"
    write_arrays(target, ARRAYS, kind="test", facts=FACTS)
    return target


def test_what_is_written_is_read_to_the_bit(path: Path) -> None:
    found = read_arrays(path, kind="test")
    assert found.facts == FACTS
    assert sorted(found.arrays) == sorted(ARRAYS)
    for name, array in ARRAYS.items():
        assert (found.arrays[name].dtype, found.arrays[name].shape) == (array.dtype, array.shape)
        assert found.arrays[name].tobytes() == array.tobytes()


def test_the_same_content_has_the_same_bytes(path: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.safetensors"
    told = write_arrays(again, dict(reversed(ARRAYS.items())), kind="test", facts=dict(reversed(FACTS.items())))
    assert again.read_bytes() == path.read_bytes()
    assert told == read_arrays(path, kind="test").sha256


def test_any_reader_of_safetensors_reads_it(path: Path) -> None:
    with safe_open(path, "numpy") as file:
        assert set(file.keys()) == set(ARRAYS)
        np.testing.assert_array_equal(file.get_tensor("turned"), ARRAYS["turned"])
        told, about = json.loads(file.metadata()["coincast"])
    assert json.loads(about) == {"version": 1, "kind": "test", "facts": FACTS}
    blank = path.read_bytes().replace(told.encode(), b"0" * 64, 1)
    assert hashlib.sha256(blank).hexdigest() == told


def test_a_change_of_any_byte_is_found(tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    write_arrays(path, {"a": np.arange(3.0)}, kind="test", facts={"epoch": 3})
    good = path.read_bytes()
    for place in range(len(good)):
        bad = bytearray(good)
        bad[place] ^= 1 << place % 8
        path.write_bytes(bad)
        with pytest.raises(UnreadableFileError, match=r"one\.safetensors"):
            read_arrays(path, kind="test")


def test_a_file_that_is_cut_or_longer_is_found(path: Path) -> None:
    good = path.read_bytes()
    for bad in (*(good[:length] for length in range(0, len(good), 7)), good[:-1], good + b"\0"):
        path.write_bytes(bad)
        with pytest.raises(UnreadableFileError):
            read_arrays(path, kind="test")


def rewrite(path: Path, about: dict[str, Any]) -> None:
    """A file that says something else about itself, under a checksum that is right."""
    text = json.dumps(["0" * 64, json.dumps(about)])
    save_file({"a": np.zeros(2)}, path, metadata={"coincast": text})
    data = path.read_bytes()
    path.write_bytes(data.replace(b"0" * 64, hashlib.sha256(data).hexdigest().encode(), 1))


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"version": 2, "kind": "test", "facts": {}}, "was written by a newer Coincast .format 2, here 1.; update"),
        ({"version": 1, "kind": "other", "facts": {}}, "holds a other, and a test is needed"),
        ({"version": 1, "kind": "test", "facts": 3}, "was changed"),
        ({"version": True, "kind": "test", "facts": {}}, "was changed"),
        ({"kind": "test", "facts": {}}, "was changed"),
    ],
)
def test_other_files_of_ours_are_refused(path: Path, about: dict[str, Any], words: str) -> None:
    rewrite(path, {"version": 1, "kind": "test", "facts": {}})
    assert read_arrays(path, kind="test").arrays["a"].tolist() == [0, 0]
    rewrite(path, about)
    with pytest.raises(UnreadableFileError, match=words) as caught:
        read_arrays(path, kind="test")
    assert "\n" not in str(caught.value)


TRAP = b"cpytest\nfail\n(S'code of a file was run'\ntR."
"""Bytes that fail the test where anything unpickles them."""


def foreign_files() -> dict[str, bytes]:
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("data.pkl", TRAP)
    numpy_file = io.BytesIO()
    np.lib.format.write_array_header_1_0(numpy_file, {"descr": "|O", "fortran_order": False, "shape": (2,)})
    numpy_file.write(TRAP)
    return {
        "nothing": b"",
        "text": b"epoch,loss\n1,0.5\n",
        "pickle": TRAP,
        "zip": zipped.getvalue(),
        "npy": numpy_file.getvalue(),
        "long header": (2**63).to_bytes(8, "little") + b"{}",
        "deep header": (200_008).to_bytes(8, "little") + b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"} ",
    }


@pytest.mark.parametrize("name", foreign_files())
def test_foreign_bytes_are_refused_and_never_run(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(foreign_files()[name])
    with pytest.raises(UnreadableFileError, match=r"x\.safetensors"):
        read_arrays(path, kind="test")


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_a_file_of_another_program_is_refused(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    path = tmp_path / "x.safetensors"
    save_file({"a": np.zeros(2)}, path, metadata=metadata)
    with pytest.raises(UnreadableFileError, match="is no file of arrays that Coincast wrote"):
        read_arrays(path, kind="test")


def test_no_file_and_no_place(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="no such file"):
        read_arrays(tmp_path / "none.safetensors", kind="test")
    with pytest.raises(UnreadableFileError, match="cannot be read"):
        read_arrays(tmp_path, kind="test")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot write"):
        write_arrays(tmp_path / "file" / "x.safetensors", ARRAYS, kind="test", facts={})


WRITER = """
import sys, numpy as np
from coincast.training.arrays import write_arrays
number = 0
while True:
    number += 1
    write_arrays(sys.argv[1], {"a": np.full(200_000, number)}, kind="test", facts={"number": number})
    print(number, flush=True)
"""


def test_a_writer_that_is_killed_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    for moment in (0.0, 0.013, 0.029, 0.051):
        command = [sys.executable, "-c", WRITER, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(moment)
            child.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
        found = read_arrays(path, kind="test")
        assert (found.arrays["a"] == found.facts["number"]).all()
        remove_strays(tmp_path, lambda name: name == path.name)
        assert [other.name for other in tmp_path.iterdir()] == [path.name]


STOPPED = """
import resource, signal, sys, numpy as np
from coincast.training.arrays import write_arrays
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # ends the process when the file has so many bytes
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
write_arrays(sys.argv[1], {"a": np.zeros(200_000)}, kind="test", facts={})
"""


def test_a_writer_that_is_killed_in_the_midst_leaves_nothing_unknown(tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="limits of a process are of POSIX")
    done = subprocess.run([sys.executable, "-c", STOPPED, str(tmp_path / "state.safetensors")], check=False)
    assert done.returncode == -signal.SIGXFSZ
    assert len(list(tmp_path.iterdir())) == 1
    remove_strays(tmp_path, lambda name: name == "state.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_a_checksum_that_is_written_otherwise_is_refused(path: Path) -> None:
    data = path.read_bytes()
    sha256 = read_arrays(path, kind="test").sha256.encode()
    length = int.from_bytes(data[:8], "little")
    escaped = data[8 : 8 + length].replace(sha256, b"\\\\u%04x" % sha256[0] + sha256[1:])
    path.write_bytes(len(escaped).to_bytes(8, "little") + escaped + data[8 + length :])
    with pytest.raises(UnreadableFileError, match="is cut or was changed"):
        read_arrays(path, kind="test")


def test_only_own_strays_are_removed(tmp_path: Path) -> None:
    names = [".a.0123abcd.safetensors", ".b.0123abcd.safetensors", ".a.safetensors", "a.safetensors", ".a.0123abcd"]
    for name in names:
        (tmp_path / name).touch()
    remove_strays(tmp_path, lambda name: name == "a.safetensors")
    assert sorted(other.name for other in tmp_path.iterdir()) == sorted(names[1:])
    remove_strays(tmp_path / "none", lambda name: True)


# ---------------------------------------------------------------- trees


class Pair(NamedTuple):
    left: Any
    right: Any


TREE = {
    "layers": [Pair(np.zeros(2), None), Pair(np.ones((1, 3), dtype=np.float32), np.arange(2))],
    "head": np.zeros(()),
}


def test_a_tree_is_taken_apart_and_put_together() -> None:
    flat = flatten_tree(TREE)
    assert sorted(flat) == ["head", "layers/0/left", "layers/1/left", "layers/1/right"]
    again = unflatten_tree(flat, TREE, source="it")
    assert again["layers"][0].right is None
    assert again["layers"][1].left is flat["layers/1/left"]


def test_names_that_would_be_one_are_kept_apart() -> None:
    tree = {"a": {"b": np.zeros(1)}, "a/b": np.ones(1)}
    assert len(flatten_tree(tree)) == 2
    np.testing.assert_array_equal(unflatten_tree(flatten_tree(tree), tree, source="it")["a/b"], [1])


def test_a_bare_array_is_a_tree() -> None:
    assert flatten_tree(np.ones(2)).keys() == {"value"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"head": None}, "it lacks the array 'head'"),
        ({"tail": np.zeros(1)}, "it holds the array 'tail'"),
        ({"layers/0/left": np.zeros(3)}, r"it: 'layers/0/left' is float64 \[3\], and the network has float64 \[2\]"),
        ({"layers/0/left": np.zeros(2, dtype=np.float32)}, r"is float32 \[2\], and the network has float64 \[2\]"),
    ],
)
def test_another_network_is_refused(change: dict[str, Any], words: str) -> None:
    flat = {name: array for name, array in (flatten_tree(TREE) | change).items() if array is not None}
    with pytest.raises(UnreadableFileError, match=words):
        unflatten_tree(flat, TREE, source="it")
