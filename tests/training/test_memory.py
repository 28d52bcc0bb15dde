"""How many blocks fit into a budget."""

from __future__ import annotations

import numpy as np
import pytest

from coincast.errors import UsageError
from coincast.training import memory
from coincast.training.memory import SHARE, UNKNOWN, Budget, physical_memory, size_of

BLOCK = (({"w": np.zeros((8, 5), np.float32)}, {"m": np.zeros((8, 5), np.float32)}), None, {"n": np.zeros(8, np.int32)})


def test_sizes_are_those_of_the_arrays() -> None:
    assert size_of(BLOCK) == 160 + 160 + 32
    assert size_of({"a": np.zeros(3), "b": None, "c": [np.zeros((2, 2), bool)]}) == 24 + 4


def test_what_is_held_beside_the_newest_weights_counts() -> None:
    def block(**beside: bool) -> int:
        return Budget.of(1, np.zeros(2), BLOCK, 7, **{"restores": False, "keeps": False, **beside}).block

    assert block() == 352
    assert block(restores=True) == 352 + 160
    assert block(keeps=True) == 352 + 320
    assert block(restores=True, keeps=True) == 352 + 160 + 320


def test_a_training_takes_half_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def allowed() -> int:
        return Budget.of(None, np.zeros(2), BLOCK, 7, restores=False, keeps=False).bytes

    monkeypatch.setattr(memory, "physical_memory", lambda: 10**9)
    assert allowed() == SHARE * 10**9 == 5 * 10**8
    monkeypatch.setattr(memory, "physical_memory", lambda: None)
    assert allowed() == SHARE * UNKNOWN


def test_the_machine_has_memory() -> None:
    held = physical_memory()
    assert held is None or 2**28 < held < 2**50


@pytest.mark.parametrize(
    ("left", "workers", "expected"),
    [
        (130, 1, (1, 1)),
        (229, 2, (1, 1)),
        (230, 2, (2, 1)),  # two blocks that take turns: two programs at once would need 260
        (259, 2, (2, 1)),
        (260, 2, (2, 2)),
        (1060, 2, (10, 2)),
        (1060, 64, (8, 8)),
    ],
)
def test_blocks_of_100_and_programs_of_30(left: int, workers: int, expected: tuple[int, int]) -> None:
    """Whatever comes out, `open x block + running x temporary` fits."""
    blocks, running = Budget(1000 + left, 1000, 100, 30).blocks_at_once(workers)
    assert (blocks, running) == expected
    assert blocks * 100 + running * 30 <= left
    assert running <= blocks


def test_too_little_is_refused_with_what_is_needed() -> None:
    budget = Budget(bytes=2 * 10**9, shared=10**9, block=10**9, temporary=5 * 10**8)
    with pytest.raises(UsageError, match=r"needs 2\.5 GB of memory, and 2 GB are allowed; allow more \(--memory\)"):
        budget.blocks_at_once(2)
    with pytest.raises(UsageError, match=r"needs 2\.5 GB of memory, and 0\.5 GB are allowed"):
        Budget(5 * 10**8, 10**9, 10**9, 5 * 10**8).blocks_at_once(2)
