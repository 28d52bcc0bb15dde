"""Where the live state lies: simulated time apart from the real one."""

from __future__ import annotations

from pathlib import Path

import pytest

from coincast.live.places import live_places, shown_places


def test_simulated_lies_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COINCAST_HOME", str(tmp_path))
    real, simulated = live_places(), live_places(simulated=True)
    assert real.ledger == tmp_path / "live" / "ledger.sqlite"
    assert simulated.folder == tmp_path / "live" / "simulated"
    for places in (real, simulated):
        inside = (places.ledger, places.inbox, places.models, places.health, places.log, places.lock)
        assert {path.parent for path in inside} == {places.folder}
    assert not (tmp_path / "live").exists()
    elsewhere = live_places(ledger=tmp_path / "other" / "mine.sqlite")
    assert (elsewhere.ledger.name, elsewhere.inbox) == ("mine.sqlite", tmp_path / "other" / "inbox")


def test_the_real_ledger_is_shown_where_there_is_one(tmp_path: Path) -> None:
    assert not shown_places(tmp_path).is_simulated
    for simulated, shown in ((True, True), (False, False)):
        ledger = live_places(simulated=simulated, folder=tmp_path).ledger
        ledger.parent.mkdir(parents=True, exist_ok=True)
        ledger.touch()
        assert shown_places(tmp_path).is_simulated is shown
