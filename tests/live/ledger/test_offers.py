"""Forecasts made elsewhere: the same door, whoever holds it open."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import coincast as cc
from coincast.candles.store import read_stored, write_candles
from coincast.errors import CoincastError, ForecastError, UnreadableFileError, UsageError
from coincast.forecasts.prices import CandleClock, PricePath
from coincast.live.ledger import (
    Ledger,
    LiveStep,
    Offer,
    forecast_table,
    hand_over,
    read_offers,
    running,
    submission,
    take_inbox,
    verify,
)
from coincast.live.ledger.offers import enter_offer, read_past
from coincast.live.ledger.submission import submit
from coincast.live.places import LivePlaces, live_places
from coincast.scores.naive_interval import naive_quantiles

MARKET = "simulated:WALK1/USD"
DAY = 86_400_000


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "candles"
    write_candles(cc.simulate("walk", candles=120, seed=3), source="simulated", on_conflict="refuse", folder=folder)
    return folder


@pytest.fixture
def origin(store: Path) -> int:
    return int(read_stored(MARKET, "1d", folder=store)["close_time"].dt.epoch("ms")[-1])


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with Ledger.open(path, write=True, now=0) as opened:
        yield opened


def day(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M}"


def write_csv(folder: Path, origin: int, lines: int = 1, **columns: Any) -> Path:
    """A table of somebody who says of each day what the next close will be."""
    times = [origin + (i + 1 - lines) * DAY for i in range(lines)]
    table = {"origin": list(map(day, times)), "target_time": [day(time + DAY) for time in times]}
    frame = pl.DataFrame({**table, "predicted": [100.0 + i for i in range(lines)], **columns})
    path = folder / "theirs.csv"
    frame.write_csv(path)
    return path


def read(path: Path, **options: Any) -> Any:
    return read_offers(path, **{"name": "alice", "market": MARKET, "interval": "1d", **options})


def test_naive_comes_from_the_store(ledger: Ledger, tmp_path: Path, store: Path, origin: int) -> None:
    """Not from the file, whatever it says; the naive interval is that of the judge on the stored closes."""
    path = write_csv(tmp_path, origin, last_close=[1.0], actual=[7.0], q05=[90.0], q95=[120.0])
    offers = read(path)
    [offer] = offers.offers
    assert (offer.model, offer.source, offer.origin) == ("alice (given)", "outside:alice", origin)
    assert enter_offer(ledger, offer, origin + 200, store=store, last_trade=lambda _: (55.0, origin + 9)) == "on time"
    candles = read_stored(MARKET, "1d", folder=store)
    [row] = forecast_table(ledger, quantiles=True).to_dicts()
    assert (row["value"], row["last_close"], row["last_trade"]) == (100.0, candles["close"][-1], 55.0)
    clock = CandleClock.of(candles["close_time"], "1d")
    prices = PricePath(clock, clock.number(candles["close_time"]), candles["close"].to_numpy())
    expected = naive_quantiles(prices, prices.candles[-1:], 1, [0.05, 0.95])[0] * row["last_close"]
    np.testing.assert_allclose((row["naive_q05"], row["naive_q95"]), expected)
    assert verify(ledger.path).ok


def test_what_comes_late_is_late(ledger: Ledger, tmp_path: Path, store: Path, origin: int) -> None:
    offers = read(write_csv(tmp_path, origin, 3))
    fates = [enter_offer(ledger, offer, origin + 1000, store=store) for offer in offers.offers]
    assert fates == ["late", "late", "on time"]
    assert [enter_offer(ledger, offer, origin + 1000, store=store) for offer in offers.offers] == ["known"] * 3
    assert [one.late for one in running(ledger)] == [2]


def test_models_of_a_file_have_their_own_names(tmp_path: Path, origin: int) -> None:
    path = write_csv(tmp_path, origin, 4, model=["lstm", "naive", "lstm.ensemble", "alice"])
    models = {offer.model for offer in read(path).offers}
    assert models == {"alice: lstm (given)", "alice: naive (given)", "alice: lstm.ensemble (given)", "alice (given)"}


def test_a_table_without_origins_is_one_step_ahead(tmp_path: Path, origin: int) -> None:
    path = tmp_path / "short.csv"
    path.write_text(f"ds,yhat\n{day(origin + DAY)},101\n")
    offers = read(path)
    assert [offer.origin for offer in offers.offers] == [origin]
    assert any("one step ahead" in note for note in offers.notes)
    path.write_text("".join(f"{row}\n" for row in ["ds,yhat", *(f"{day(origin + k * DAY)},101" for k in range(1, 4))]))
    assert [offer.origin for offer in read(path, interval=None).offers] == [origin + k * DAY for k in range(3)]


@pytest.mark.parametrize(
    ("content", "options", "error", "words"),
    [
        ("a,b\n1,2\n", {}, CoincastError, "no column for target_time"),
        ("target_time,predicted\n2031-01-02,1\n", {"market": None}, UsageError, "--market"),
        ("target_time,predicted\n2031-01-02,1\n", {"market": "BTC"}, UsageError, "not spelled"),
        ("target_time,predicted\n2031-01-02,1\n", {"interval": None}, CoincastError, "--interval"),
        ("target_time,predicted,run\n2031-01-02,1,1\n2031-01-02,2,2\n", {}, ForecastError, "several runs"),
        ("target_time,predicted\n2031-01-02,1\n", {"name": " "}, UsageError, "letters"),
        ("target_time,predicted\n2031-01-02,1\n", {"name": "x" * 41}, UsageError, "letters"),
        ("target_time,predicted\n2031-01-02,1\n", {"name": "a\nb"}, UsageError, "printable"),
        ("target_time,predicted\n2031-01-02,1\n", {"name": "=1+1"}, UsageError, "the first none of = "),
        ("target_time,predicted\n" + "2031-01-02,1\n" * 500_000, {}, UnreadableFileError, "larger than 5 MB"),
        ("target_time,predicted\n" + "2031-01-02,1\n" * 60_000, {}, UnreadableFileError, "60,000 rows"),
        ("target_time,predicted,quantity\n2031-01-02,0.1,log_return\n", {}, CoincastError, "price"),
    ],
)
def test_files_that_are_refused(
    tmp_path: Path, content: str, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    path = tmp_path / "theirs.csv"
    path.write_text(content)
    with pytest.raises(error, match=words):
        read(path, **options)


def test_without_its_candle_it_waits_and_is_then_refused(
    ledger: Ledger, tmp_path: Path, store: Path, origin: int
) -> None:
    offers = read(write_csv(tmp_path, origin + DAY))
    inbox = tmp_path / "inbox"
    hand_over(offers, inbox, origin)
    [taken] = take_inbox(ledger, inbox, origin + DAY + 5, store=store)
    assert (taken.is_waiting, taken.entered, taken.refused) == (True, 0, ())
    candles = cc.simulate("walk", candles=121, seed=3)
    write_candles(candles, source="simulated", on_conflict="replace", folder=store)
    [taken] = take_inbox(ledger, inbox, origin + DAY + 9, store=store)
    assert (taken.is_waiting, taken.entered, taken.late) == (False, 1, 0)
    assert list(inbox.glob("*.json")) == []
    for now in (4, 6):
        hand_over(read(write_csv(tmp_path, origin + 5 * DAY)), inbox, origin)
        [taken] = take_inbox(ledger, inbox, origin + now * DAY, store=store)
        assert "coincast download" in taken.refused[0]


def test_what_is_taken_twice_stands_once(ledger: Ledger, tmp_path: Path, store: Path, origin: int) -> None:
    """As where the writer was killed after the entry and before the file was gone; a long file comes in parts."""
    offers, inbox = read(write_csv(tmp_path, origin, 7)), tmp_path / "inbox"
    file = hand_over(offers, inbox, origin)
    copy = file.read_bytes()
    taken = [take_inbox(ledger, inbox, origin + 100 + i, store=store, most=3)[0] for i in range(3)]
    assert [(one.entered, one.known, one.is_waiting) for one in taken] == [(3, 0, True), (3, 3, True), (1, 6, False)]
    file.write_bytes(copy)
    [again] = take_inbox(ledger, inbox, origin + 200, store=store)
    assert (again.entered, again.known) == (0, 7)
    assert take_inbox(ledger, inbox, origin + 300, store=store) == []
    assert forecast_table(ledger).height == 7


def test_whatever_lies_in_the_inbox_harms_nobody(ledger: Ledger, tmp_path: Path, store: Path, origin: int) -> None:
    inbox = tmp_path / "inbox"
    good = hand_over(read(write_csv(tmp_path, origin)), inbox, origin)
    document = json.loads(good.read_text())
    good.unlink()
    first = document["offers"][0]
    step = first["steps"][0]
    bad: list[Any] = [
        {**document, "coincast_inbox": 2},
        {**document, "name": "bob"},
        {**document, "name": 5},
        {**document, "offers": 5},
        *(
            {**document, "offers": [{**first, **one}]}
            for one in (
                {"model": "lstm"},
                {"model": "alicia (given)"},
                {"market": "../../etc"},
                {"market": "x" * 100_000},
                {"origin": 10**30},
                {"origin": float("inf")},
                {"interval": "7m"},
                {"steps": [{"step": 1}]},
                {"steps": [{**step, "step": 10**12}]},
                {"steps": [{**step, "quantiles": [1]}]},
                {"steps": [{**step, "quantiles": {"low": 1.0}}]},
                {"steps": [{**step, "quantiles": {"q" + "1" * 5000: 1.0}}]},
            )
        ),
        [],
    ]
    for number, one in enumerate(bad):
        (inbox / f"{number}.json").write_text(json.dumps(one))
    (inbox / "x.json").write_text("[" * 200_000)
    (inbox / "y.json").write_bytes(b"\xff\xfe")
    (inbox / "link.json").symlink_to(tmp_path / "theirs.csv")
    (inbox / ".half.json").write_text("{")
    taken = take_inbox(ledger, inbox, origin + 10, store=store)
    assert len(taken) == len(bad) + 2
    assert all(one.refused and not one.entered for one in taken)
    assert ledger.head().count == 1
    aside = inbox / "refused"
    assert len(list(aside.glob("*.json"))) == len(list(aside.glob("*.txt"))) == len(bad) + 2
    assert all(path.stat().st_size < 1000 for path in aside.glob("*.txt"))
    assert (tmp_path / "theirs.csv").is_file()


def test_what_is_too_large_for_the_inbox_is_told_at_once(
    tmp_path: Path, origin: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not by the process that would have to refuse it."""
    monkeypatch.setattr("coincast.live.ledger.inbox.LARGEST_HANDED", 100)
    with pytest.raises(UsageError, match="give the newest only"):
        hand_over(read(write_csv(tmp_path, origin)), tmp_path / "inbox", origin)


def test_the_naive_interval_of_a_far_step_has_its_candles(
    store: Path, origin: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as the loop gives to its own."""
    monkeypatch.setattr("coincast.experiments.bands.MEMORY", 10)
    offer = Offer(MARKET, "1d", "alice (given)", "outside:alice", origin, (LiveStep(20, origin + 20 * DAY, 1.0),))
    past = read_past(offer, store)
    assert past is not None
    assert past.height == 10 + 2 * 20


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LivePlaces:
    """Those of a home with a store; a writer that does not end is not waited for."""
    monkeypatch.setenv("COINCAST_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(submission, "PATIENCE_SECONDS", 0.0)
    write_candles(cc.simulate("walk", candles=120, seed=3), source="simulated", on_conflict="refuse")
    return live_places()


def test_straight_in_or_handed_over(tmp_path: Path, origin: int, places: LivePlaces) -> None:
    offers = read(write_csv(tmp_path, origin, 2))
    done = submit(offers, places, clock=lambda: origin + 50)
    assert (done.entered, done.late, done.refused) == (2, 1, ())
    entered = "2 forecasts entered, 1 on time, 1 late and not scored"
    assert done.words == f"{entered}; a new ledger was begun: {places.ledger}"
    assert submit(offers, places, clock=lambda: origin + 50).known == 2
    with Ledger.open(places.ledger, write=True) as ledger:
        later = read(write_csv(tmp_path, origin), name="bob")
        told = submit(later, places, clock=lambda: origin + 60)
        assert told.words.startswith("1 forecast handed to the process that writes")
        assert [one.entered for one in take_inbox(ledger, places.inbox, origin + 70)] == [1]
    behind = submit(read(write_csv(tmp_path, origin), name="carol"), places, clock=lambda: origin - 9_950)
    assert behind.words.endswith("this clock stands 10 s behind the newest entry, whose time counts")
    early = submit(read(write_csv(tmp_path, origin + DAY), name="eve"), places, clock=lambda: origin + DAY)
    assert (early.entered, early.exit_code) == (0, 3)


def test_two_that_add_at_once(tmp_path: Path, origin: int, places: LivePlaces, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was handed to a writer that is no loop, and ends, does not lie in an inbox that nobody empties."""
    other = Ledger.open(places.ledger, write=True, now=origin)
    monkeypatch.setattr("time.sleep", lambda _: other.close())
    done = submit(read(write_csv(tmp_path, origin)), places, clock=lambda: origin + 60)
    assert (done.entered, done.late, done.handed_over) == (1, 0, 0)
    assert list(places.inbox.iterdir()) == []


def test_simulated_time_is_told_by_its_loop_alone(tmp_path: Path, origin: int, places: LivePlaces) -> None:
    """The clock of this machine is years ahead, and time in a ledger never goes back."""
    simulated = live_places(simulated=True)
    offers = read(write_csv(tmp_path, origin))
    with pytest.raises(UsageError, match="no loop runs in simulated time"):
        submit(offers, simulated)
    assert not simulated.ledger.exists()
    with Ledger.open(simulated.ledger, write=True, now=origin) as ledger:
        assert submit(offers, simulated).handed_over == 1
        assert ledger.head().made_at == origin
