"""What a spec of the loop may say, and what follows from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from coincast.errors import CoincastError, UnreadableFileError, UsageError
from coincast.live.watch.plan import list_simulated, make_plan
from coincast.live.watch.run import run_watch
from coincast.live.watch.section import read_watch_spec, split_watch

DATA = {"markets": ["binance:BTC/USDT", "binance:ETH/USDT"], "interval": "1m"}


def plan(watch: dict[str, Any] | None = None, *, simulated: bool = False, **sections: Any) -> Any:
    values = {"data": DATA, "models": ["naive"], **sections, **({"watch": watch} if watch else {})}
    return make_plan(split_watch(values), simulated=simulated)


@pytest.mark.parametrize(
    ("interval", "grace", "allowance", "settle"),
    [
        ("1m", 750, 3000, 30_000),
        ("15m", 10_000, 45_000, 30_000),
        ("1h", 10_000, 180_000, 30_000),
        ("1d", 10_000, 300_000, 30_000),
    ],
)
def test_times_follow_from_the_interval(interval: str, grace: int, allowance: int, settle: int) -> None:
    found = plan(data={**DATA, "interval": interval})
    assert (found.grace, found.allowance, found.settle) == (grace, allowance, settle)


def test_times_that_are_said_count() -> None:
    found = plan({"grace": 1.5, "allowance": 20, "settle": 5})
    assert (found.grace, found.allowance, found.settle) == (1500, 20_000, 5000)


@pytest.mark.parametrize(
    ("watch", "words"),
    [
        ({"grase": 2.0}, "unknown key watch.grase; did you mean watch.grace?"),
        ({"grace": -1}, "watch.grace is -1; allowed: a number of seconds above 0"),
        ({"retrain": "weekly"}, "watch.retrain is 'weekly'; allowed: 'daily', 'drift', 'never' or a whole number"),
        ({"retrain": 0}, "watch.retrain is 0"),
        ({"grace": 4.0}, "grace must be shorter than the allowance"),
        ({"allowance": 60.0}, "and that shorter than the candle"),
        ({"settle": 0.5}, "it must not lie before watch.grace"),
        ({"simulated": ["jump"]}, "watch.simulated is ['jump']; allowed: a list of 'walk' and 'echo'"),
    ],
)
def test_what_is_not_allowed(watch: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        plan(watch)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"data": {"interval": "1m"}}, "data.markets is empty"),
        ({"data": {"markets": ["binance:BTC/USDT", "kraken:BTC/USD"]}}, "one watch asks one exchange"),
        ({"data": {**DATA, "interval": "1w"}}, "a day and shorter"),
        ({"data": {**DATA, "outside": ["fear_greed"]}}, "candles from the exchange alone"),
        ({"samples": {"quantity": "direction"}}, "forecasts of the price"),
    ],
)
def test_what_cannot_be_watched(sections: dict[str, Any], words: str) -> None:
    with pytest.raises(CoincastError) as caught:
        plan(**sections)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"models": ["drift"]}, "watch trains networks, and models are drift, naive; add one"),
        (
            {"models": ["linear"], "grid": {"training.learning_rate": [0.1, 0.2]}},
            "grid has training.learning_rate; choose",
        ),
    ],
)
def test_what_no_training_would_make_a_model_of(
    sections: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said when the loop begins, and not by one training after the other."""
    monkeypatch.setattr("coincast.live.watch.run._alone", lambda places: pytest.fail("it went on"))
    with pytest.raises(UsageError) as caught:
        run_watch(split_watch({"data": DATA, **sections}))
    assert words in str(caught.value)


def test_simulated_markets_have_names_that_nobody_takes_for_coins() -> None:
    given = split_watch({"data": DATA, "samples": {"targets": ["binance:ETH/USDT"]}, "models": ["naive"]})
    found = make_plan(given, simulated=True)
    assert [market.name for market in found.markets] == ["simulated:SIMBTC/USDT", "simulated:SIMETH/USDT"]
    assert [market.symbol for market in found.markets] == ["SIMBTC/USDT", "SIMETH/USDT"]
    assert found.spec.data.markets == ["simulated:SIMBTC/USDT", "simulated:SIMETH/USDT"]
    assert found.spec.samples.targets == ["simulated:SIMETH/USDT"]
    assert [market.kind for market in list_simulated(given, found)] == ["walk", "walk"]


def test_changes_of_the_command_line_reach_both_parts(tmp_path: Path) -> None:
    path = tmp_path / "live.toml"
    path.write_text('[data]\nmarkets = ["binance:BTC/USDT"]\n[watch]\nhistory = 500\n', encoding="utf-8")
    found = read_watch_spec(path, ["watch.retrain=24", "watch.grace=0.5", "samples.lookback=6", "data.interval=5m"])
    assert (found.watch.history, found.watch.retrain, found.watch.grace) == (500, 24, 0.5)
    assert (found.spec.samples.lookback, found.spec.data.interval, found.spec.name) == (6, "5m", "live")


def test_another_spec_has_models_of_its_own() -> None:
    assert plan().digest == plan({"grace": 1.0}).digest
    assert len({plan().digest, plan({"history": 500}).digest, plan(samples={"lookback": 5}).digest}) == 3


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"examples/live\.toml"):
        read_watch_spec(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("[data", encoding="utf-8")
    with pytest.raises(UnreadableFileError, match="cannot be read as a spec"):
        read_watch_spec(tmp_path / "bad.toml")


def test_the_example_is_allowed_and_says_what_its_comment_says(project: Path) -> None:
    found = make_plan(read_watch_spec(project / "examples" / "live.toml"), simulated=True)
    assert (found.interval, found.grace, found.allowance) == ("15m", 3000, 45_000)
    assert len(found.markets) == 3
