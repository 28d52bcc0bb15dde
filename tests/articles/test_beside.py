"""Candles of other intervals that lie in a folder of data beside those of an article.

Rows of the real files are those that their README tells.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from coincast.articles.beside import read_beside
from coincast.articles.sheehan.about import ABOUT
from coincast.sources.simulated import simulate

MARKETS = ["coinmarketcap:BTC/USD", "coinmarketcap:ETH/USD"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files of Bitcoin hours, and one of Monero hours."""
    for name, market in (("first", "here:BTC/USDT"), ("second", "there:BTC/USD"), ("other", "here:XMR/USDT")):
        hours = simulate("walk", candles=50, interval="1h", start="2018-01-01")
        hours.with_columns(market=pl.lit(market)).write_csv(tmp_path / f"{name}.csv")
    return tmp_path


def test_the_first_file_of_a_coin_counts_and_other_coins_do_not(folder: Path) -> None:
    about = replace(ABOUT, beside={"1h": ("none.csv", "first.csv", "second.csv", "other.csv"), "1m": ("none.csv",)})
    found = read_beside(about, folder, MARKETS)
    assert found.candles["market"].unique().to_list() == ["here:BTC/USDT"]
    assert found.candles["interval"].unique().to_list() == ["1h"]
    assert found.candles.height == 50
    assert [fact["file"] for fact in found.facts] == ["first.csv"]
    assert read_beside(about, folder, ["file:LTC/USD"]).candles.is_empty()


def test_a_file_that_cannot_be_read_is_left_out_and_told(folder: Path) -> None:
    (folder / "broken.csv").write_text("open,close\n1,2\n", encoding="utf-8")
    about = replace(ABOUT, beside={"1h": ("broken.csv", "first.csv")})
    found = read_beside(about, folder, MARKETS)
    assert found.candles.height == 50
    assert found.lines[0].startswith("broken.csv: left out, ")


def test_the_folder_of_real_files_has_hours_of_both_coins(shared_data: Path) -> None:
    candles = read_beside(ABOUT, shared_data, MARKETS).candles
    kinds = candles.group_by("market", "interval").len().sort("interval", "market").rows()
    assert kinds == [
        ("binance:BTC/USDT", "1h", 50_693),
        ("binance:ETH/USDT", "1h", 43_803),
        ("binance:BTC/USDT", "1m", 130_708),
    ]
