"""What the loop says of itself: the health file and the log."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from coincast.errors import ExchangeError
from coincast.live.watch import health, journal
from coincast.live.watch.health import STALE_AFTER, find_fault
from coincast.live.watch.journal import Journal
from coincast.live.watch.loop import open_watch
from coincast.live.watch.report import Reporter, describe_state
from exchange_server.watching import START, Scene
from exchange_server.world import HOUR

MakeScene = Callable[..., Scene]


def test_the_health_file_tells_how_it_is(make_scene: MakeScene, tmp_path: Path) -> None:
    scene, path = make_scene(), tmp_path / "health.json"
    reporter = Reporter(scene.watch, path)
    open_watch(scene.watch)
    scene.run_until(START + 2 * HOUR + HOUR // 2)
    reporter.report()
    told = json.loads(path.read_text(encoding="utf-8"))
    assert (told["state"], told["words"]) == ("running", "2 markets, next close 2024-03-01 15:00 UTC")
    assert (told["is_connected"], told["next_close"], told["form"]) == (True, START + 3 * HOUR, 1)
    assert told["made"] == {"forecasts": 4, "late": 0, "scores": 2, "outages": 0}
    assert told["ledger"] == {"count": scene.ledger.head().count, "head": scene.ledger.head().hash}
    first = told["markets"][0]
    assert (first["market"], first["last_origin"], first["late"]) == ("binance:BTC/USDT", START + 2 * HOUR, False)
    assert find_fault(path, told["written_at"] / 1000 + STALE_AFTER - 1) is None
    for away in (STALE_AFTER + 20, -STALE_AFTER - 20):  # dead, or dead before the clock was set back
        assert find_fault(path, told["written_at"] / 1000 + away) == "the loop has said nothing for 200 s"
    reporter.end("stopped")
    assert find_fault(path, told["written_at"] / 1000 + 1) == "stopped"


def test_the_states(make_scene: MakeScene) -> None:
    scene = make_scene(model=False)
    open_watch(scene.watch)
    scene.run_until(START + HOUR // 2)
    assert describe_state(scene.watch)[0] == "starting"
    scene.watch.nursery.fault = "too few candles"  # type: ignore[assignment]
    assert describe_state(scene.watch) == ("troubled", "there is no model: too few candles")


def test_a_close_without_a_forecast_is_trouble_once_its_time_is_over(make_scene: MakeScene) -> None:
    scene = make_scene()
    open_watch(scene.watch)
    scene.run_until(START + HOUR + HOUR // 2)
    scene.feed.hidden.add(("BTC/USDT", START + HOUR))
    scene.run_until(START + 2 * HOUR + 30_000)
    assert describe_state(scene.watch)[0] == "running"
    scene.run_until(START + 2 * HOUR + 120_000)
    state, words = describe_state(scene.watch)
    assert state == "troubled"
    assert words.startswith("binance:BTC/USDT: the exchange had no candle that closed at 2024-03-01 14:00 UTC")
    scene.feed.error = ExchangeError("binance answers with HTTP 500")
    scene.run_until(START + 3 * HOUR + 300_000)
    assert describe_state(scene.watch) == ("troubled", "binance answers with HTTP 500")


@pytest.mark.parametrize(
    ("text", "words"), [(None, "no loop has been started here"), ("{", "cannot be read"), ("[]", "cannot be read")]
)
def test_a_health_file_that_says_nothing(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "health.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert words in str(find_fault(path, 0.0))


def test_the_health_check_of_a_container(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "health.json"
    path.write_text('{"written_at": 5000, "state": "running"}', encoding="utf-8")
    monkeypatch.setattr("coincast.live.watch.health.time.time", lambda: 10.0)
    assert health.main([str(path)]) == 0
    assert health.main([str(tmp_path / "none.json")]) == 1
    assert capsys.readouterr().out.splitlines()[0] == "well"


def test_the_log_is_cut_off_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "LARGEST", 2000)
    log = Journal(tmp_path / "logs" / "watch.log", quiet=True)
    for number in range(200):
        log.say(f"line {number}")
    log.close()
    names = sorted(path.name for path in (tmp_path / "logs").iterdir())
    assert names == ["watch.log", "watch.log.1", "watch.log.2", "watch.log.3"]
    assert all(path.stat().st_size <= 2000 for path in (tmp_path / "logs").iterdir())
    assert (tmp_path / "logs" / "watch.log").read_text(encoding="utf-8").splitlines()[-1].endswith("INFO    line 199")


def test_what_is_said_again_and_again_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    diary = Journal(tmp_path / "watch.log", wall=lambda: 0.0)
    for _ in range(3):
        diary.warn("exchange", "no answer\x1b[2J\nagain")
    diary.well("exchange", "it answers")
    diary.well("exchange", "it answers")
    diary.warn("exchange", "no answer\x1b[2J\nagain")
    diary.close()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" ", 2)[2].split()[0] for line in lines] == ["WARNING", "INFO", "WARNING"]
    assert lines[0] == "1970-01-01 00:00:00 WARNING no answer [2J again"
    assert not logging.getLogger("coincast.watch").handlers


def test_a_health_file_that_cannot_be_written_ends_nothing(
    make_scene: MakeScene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As where another program holds it open, on Windows."""
    (tmp_path / "file").touch()
    scene = make_scene()
    open_watch(scene.watch)
    reporter = Reporter(scene.watch, tmp_path / "file" / "health.json")
    reporter.report()
    reporter.end("stopped")
    lines = capsys.readouterr().err.splitlines()
    assert [f"cannot write {tmp_path / 'file' / 'health.json'}" in line for line in lines] == [True]


def test_a_log_that_cannot_be_written_is_no_reason_for_tracebacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "watch.log").mkdir()
    log = Journal(tmp_path / "watch.log")
    log.say("a line")
    log.close()
    lines = capsys.readouterr().err.splitlines()
    assert [line.endswith("INFO    a line") for line in lines] == [True]
