"""A week of hours goes through in one piece and does not grow; `proofs/watch_week.py` does it with real models."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable

import pytest

from coincast.live.watch.loop import open_watch
from exchange_server.watching import START, Scene
from exchange_server.world import HOUR


@pytest.mark.long
def test_a_week_of_hours_with_flat_memory(make_scene: Callable[..., Scene]) -> None:
    scene = make_scene()
    open_watch(scene.watch)
    scene.run_until(START + 24 * HOUR + HOUR // 2)
    gc.collect()
    tracemalloc.start()
    scene.run_until(START + 36 * HOUR + HOUR // 2)
    gc.collect()
    before, _ = tracemalloc.get_traced_memory()
    scene.run_until(START + 168 * HOUR + HOUR // 2)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert scene.origins() == list(range(1, 169))
    assert len(scene.entries("score")) == 2 * 167
    assert after - before < 3_000_000
