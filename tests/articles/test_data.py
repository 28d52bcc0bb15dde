"""Where the candles of an article come from, and what is said where they cannot be had."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import coincast as cc
from coincast.articles.about import About
from coincast.articles.data import Given, gather_material
from coincast.articles.reproduce import ARTICLES, find_about
from coincast.candles.store import write_candles
from coincast.errors import CoincastError, NotStoredError, TooFewRowsError, UnreadableFileError, UsageError

PAIR = About(
    name="pair",
    title="Two coins",
    author="Nobody",
    published="2017-11-20",
    claim="A network sees tomorrow.",
    interval="1d",
    since="2020-01-10",
    until="2020-03-31",
    files={"bitcoin": ("a/btc.csv", "b/btc.csv"), "ethereum": ("a/eth.csv",)},
)
ONE = About(
    name="one",
    title="One coin",
    author="Nobody",
    published="2017-11-20",
    claim="A network sees the next hour.",
    interval="1d",
    since=None,
    until=None,
    files={"candles": ("a/btc.csv",)},
    alternatives=({"candles": ("a/eth.csv",)}, {"candles": ("a/none.csv",)}),
)


def write_days(path: Path, *, seed: int, candles: int = 120, start: str = "2020-01-01") -> Path:
    """A table of days of no known form."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = cc.simulate("walk", candles=candles, start=start, seed=seed)
    columns = (pl.col("open_time").dt.date().alias("date"), "open", "high", "low", "close", "volume")
    table.select(columns).write_csv(path)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of data with both coins."""
    place = tmp_path_factory.mktemp("data")
    write_days(place / "b" / "btc.csv", seed=1)
    write_days(place / "a" / "eth.csv", seed=2)
    write_days(place / "a" / "btc.csv", seed=1)
    write_days(place / "short" / "ltc.csv", seed=3, start="2020-02-01")
    return place


def markets(candles: pl.DataFrame) -> list[str]:
    return candles["market"].unique(maintain_order=True).to_list()


def test_a_folder_holds_what_is_not_named(folder: Path) -> None:
    [found] = gather_material(PAIR, Given({}, folder))
    assert markets(found.candles) == ["file:BTC/USD", "file:ETH/USD"]
    assert [fact["file"] for fact in found.facts] == ["btc.csv", "eth.csv"]
    assert found.candles.height == 2 * 82  # 22 days of January, 29 of February, 31 of March
    swapped = {"bitcoin": [str(folder / "a" / "eth.csv")], "ethereum": [str(folder / "b" / "btc.csv")]}
    [found] = gather_material(PAIR, Given(swapped, folder))
    assert markets(found.candles) == ["file:ETH/USD", "file:BTC/USD"]


def test_further_sets_are_studies_of_their_own(folder: Path) -> None:
    found = gather_material(ONE, Given({}, folder))
    assert [markets(one.candles) for one in found] == [["file:BTC/USD"], ["file:ETH/USD"]]
    assert [one.candles.height for one in found] == [120, 120]
    named = gather_material(ONE, Given({"candles": [str(folder / "b" / "btc.csv")]}, folder))
    assert [markets(one.candles) for one in named] == [["file:BTC/USD"]]


def test_the_first_file_that_is_there_is_taken(folder: Path, tmp_path: Path) -> None:
    for name in ("b/btc.csv", "a/eth.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    [found] = gather_material(PAIR, Given({}, tmp_path))
    assert len(found.facts) == 2


def test_one_file_may_hold_both_markets(tmp_path: Path) -> None:
    cc.simulate("walk", candles=120, coins=2, start="2020-01-01").write_csv(tmp_path / "walk.csv")
    [found] = gather_material(PAIR, Given({"candles": [str(tmp_path / "walk.csv")]}))
    assert markets(found.candles) == ["simulated:WALK1/USD", "simulated:WALK2/USD"]


def test_markets_of_the_store_come_in_the_order_in_which_they_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COINCAST_HOME", str(tmp_path))
    candles = cc.simulate("walk", candles=120, coins=2, start="2020-01-01", seed=9)
    names = ["kraken:BTC/USD", "kraken:ETH/USD"]
    renamed = candles.drop("oracle_log_return", "oracle_decay").with_columns(
        market=pl.col("market").replace(dict(zip(markets(candles), names, strict=True)))
    )
    write_candles(renamed, source="made up", on_conflict="refuse")
    for folder in (None, tmp_path):  # a folder adds what lies beside; it does not take the place of the store
        [found] = gather_material(PAIR, Given({}, markets=names[::-1], folder=folder))
        assert markets(found.candles) == names[::-1]
    with pytest.raises(NotStoredError, match="coincast download XMR/USD --exchange kraken --interval 1d"):
        gather_material(PAIR, Given({}, markets=[names[0], "kraken:XMR/USD"]))


@pytest.mark.parametrize(
    ("since", "until", "first", "days"),
    [
        (None, None, "2020-01-10", 82),
        ("2020-03-01", None, "2020-03-01", 31),
        (None, "2020-01-31", "2020-01-10", 22),
        ("2020-04-10", None, "2020-04-10", 20),  # the article ends before: to the end of the file
        (None, "2020-01-05", "2020-01-01", 5),  # it begins later: from the start of the file
        ("2020-01-01", "2020-01-02", "2020-01-01", 2),
    ],
)
def test_the_span(folder: Path, since: str | None, until: str | None, first: str, days: int) -> None:
    [found] = gather_material(PAIR, Given({}, folder, since=since, until=until))
    assert str(found.candles["open_time"].min()).startswith(first)
    assert found.candles.height == 2 * days


def test_candles_of_another_interval_are_told(tmp_path: Path) -> None:
    cc.simulate("walk", candles=400, interval="1h", start="2020-01-01").write_csv(tmp_path / "hours.csv")
    [found] = gather_material(ONE, Given({"candles": [str(tmp_path / "hours.csv")]}))
    [note] = found.notes
    assert note.startswith("one is about candles of 1 day, and these are of 1 hour:")
    [found] = gather_material(replace(ONE, interval="1h"), Given({"candles": [str(tmp_path / "hours.csv")]}))
    assert found.notes == ()


def test_markets_beyond_those_of_a_study_are_left_out_and_told(tmp_path: Path) -> None:
    cc.simulate("walk", candles=120, coins=3, start="2020-01-01").write_csv(tmp_path / "walk.csv")
    given = Given({"candles": [str(tmp_path / "walk.csv")]})
    [found] = gather_material(replace(PAIR, most=2), given)
    assert markets(found.candles) == ["simulated:WALK1/USD", "simulated:WALK2/USD"]
    assert found.notes == ("pair takes 2 markets; left out: simulated:WALK3/USD.",)
    [found] = gather_material(PAIR, given)
    assert (len(markets(found.candles)), found.notes) == (3, ())


def test_further_markets_follow_the_file_that_they_belong_to(folder: Path) -> None:
    about = replace(ONE, further={"a/btc.csv": ("short/ltc.csv", "a/none.csv")})
    first, second = gather_material(about, Given({}, folder))
    assert markets(first.candles) == ["file:BTC/USD", "file:LTC/USD"]
    assert markets(second.candles) == ["file:ETH/USD"]
    [named] = gather_material(about, Given({"candles": [str(folder / "a" / "btc.csv")]}, folder))
    assert markets(named.candles) == ["file:BTC/USD"]


def test_candles_of_other_intervals_lie_beside(folder: Path, tmp_path: Path) -> None:
    hours = cc.simulate("walk", candles=300, interval="1h", start="2020-02-01")
    hours.with_columns(market=pl.lit("made:BTC/USD")).write_parquet(tmp_path / "hours.parquet")
    write_days(tmp_path / "a" / "btc.csv", seed=1)
    about = replace(ONE, alternatives=(), beside={"1h": ("hours.parquet",)})
    [found] = gather_material(about, Given({}, tmp_path))
    assert found.beside is not None
    assert (found.beside.height, set(found.beside["interval"])) == (300, {"1h"})
    assert [fact["file"] for fact in found.facts] == ["btc.csv", "hours.parquet"]
    assert [one.beside for one in gather_material(about, Given({}, folder))] == [None]
    [named] = gather_material(about, Given({"candles": [str(tmp_path / "a" / "btc.csv")]}))
    assert named.beside is None


def lacking(error: type[CoincastError], about: About, **given: Any) -> str:
    with pytest.raises(error) as caught:
        gather_material(about, Given(**{"files": {}, **given}))
    message = str(caught.value)
    assert len(message.splitlines()) <= 2
    return message


def test_a_span_that_is_not_covered_is_told(folder: Path) -> None:
    named = {"ethereum": [str(folder / "short" / "ltc.csv")]}
    message = lacking(TooFewRowsError, PAIR, files=named, folder=folder)
    assert "file:LTC/USD has candles from 2020-02-01 to 2020-05-31" in message
    assert "--since 2020-02-01 --until 2020-05-30" in message
    [found] = gather_material(PAIR, Given(named, folder, since="2020-02-01"))
    assert found.candles.height == 2 * 60


def test_what_is_wanted_is_told() -> None:
    message = lacking(UsageError, PAIR)
    assert "--bitcoin FILE --ethereum FILE, or --market MARKET --market MARKET from the store" in message
    assert "--data DIR, a folder that holds a/btc.csv, a/eth.csv" in message


def test_a_file_that_is_not_there_is_told(folder: Path, tmp_path: Path) -> None:
    message = lacking(UnreadableFileError, PAIR, folder=tmp_path)
    assert f"{tmp_path} holds no a/btc.csv or b/btc.csv" in message
    assert "--bitcoin FILE" in message
    missing = {"bitcoin": ["nowhere.csv"]}
    assert "--bitcoin nowhere.csv: there is no such file" in lacking(
        UnreadableFileError, PAIR, files=missing, folder=folder
    )
    assert "there is no such folder" in lacking(UnreadableFileError, PAIR, folder=tmp_path / "none")


@pytest.mark.parametrize(
    ("about", "options", "words"),
    [
        (PAIR, ("bitcoin",), "pair lacks --ethereum"),
        (PAIR, ("bitcoin", "candles"), "name each file once"),
        (PAIR, ("candles",), "pair wants 2 markets, and 1 was given: file:BTC/USD"),
        (ONE, ("bitcoin",), "one takes no --bitcoin; give its candles: --candles FILE"),
    ],
)
def test_options_that_do_not_fit_are_refused(folder: Path, about: About, options: tuple[str, ...], words: str) -> None:
    files = {option: [str(folder / "a" / "btc.csv")] for option in options}
    assert words in lacking(UsageError, about, files=files)


@pytest.mark.parametrize("name", ARTICLES)
def test_every_article_finds_its_files(name: str, shared_data: Path) -> None:
    about = find_about(name)
    found = gather_material(about, Given({}, shared_data))
    assert len(found) == 1 + len(about.alternatives)
    assert all(len(markets(one.candles)) == len(about.files) for one in found)
    assert all(set(one.candles["interval"]) == {about.interval} for one in found)
