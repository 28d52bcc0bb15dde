"""One look at the disk serves many readers, and keeps none of them waiting."""

from __future__ import annotations

import threading

import pytest

from coincast.web import recent
from coincast.web.recent import Recent


def test_what_was_seen_a_moment_ago_is_not_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = iter(range(10))
    seen = Recent(lambda: next(numbers))
    assert [seen.get(), seen.get(), seen.renew(), seen.get()] == [0, 0, 1, 1]
    monkeypatch.setattr(recent, "FRESH_SECONDS", 0.0)
    assert seen.get() == 2


def test_nobody_waits_while_another_one_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "FRESH_SECONDS", 0.0)
    looking, enough = threading.Event(), threading.Event()

    def look_slowly() -> str:
        looking.set()
        assert enough.wait(30)
        return "new"

    looks = iter([lambda: "old", look_slowly])
    seen = Recent(lambda: next(looks)())
    assert seen.get() == "old"
    other = threading.Thread(target=seen.renew)
    other.start()
    assert looking.wait(30)
    assert seen.get() == "old"
    enough.set()
    other.join(30)
    monkeypatch.setattr(recent, "FRESH_SECONDS", 60.0)
    assert seen.get() == "new"
