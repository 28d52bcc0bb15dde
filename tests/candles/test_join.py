from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from coincast.candles.join import join_markets
from coincast.candles.table import make_candles
from coincast.errors import CandleError, UnknownNameError
from coincast.sources.files import read_candle_files

BTC, ETH, LTC = "file:BTC/USD", "file:ETH/USD", "file:LTC/USD"


def series(market: str, numbers: list[int], interval: str = "1d", step: timedelta = timedelta(days=1)) -> pl.DataFrame:
    times = [datetime(2017, 1, 1, tzinfo=UTC) + step * number for number in numbers]
    frame = pl.DataFrame({"open_time": times, "close": [number + 1.0 for number in numbers]})
    return make_candles(frame, market=market, interval=interval)


def test_markets_are_cut_to_their_common_candles_in_order_of_time() -> None:
    candles = pl.concat([series(BTC, [0, 1, 2, 3, 5]), series(ETH, [1, 2, 3, 4, 5]), series(LTC, [5, 1, 2, 9])])
    eth, btc, ltc = join_markets(candles.sample(fraction=1, shuffle=True, seed=2), [ETH, BTC, LTC])
    assert eth["market"].unique().to_list() == [ETH]
    for table in (eth, btc, ltc):
        assert table["close"].to_list() == [2.0, 3.0, 6.0]
        assert table["close_time"].equals(eth["close_time"])
    assert join_markets(candles, [BTC])[0].height == 5


def test_an_unknown_market() -> None:
    with pytest.raises(UnknownNameError, match="unknown market 'file:ETC/USD'; known: file:BTC/USD") as caught:
        join_markets(series(BTC, [0, 1]), ["file:ETC/USD"])
    assert caught.value.exit_code == 2


def test_markets_without_a_common_day() -> None:
    candles = pl.concat([series(BTC, [0, 1]), series(ETH, [5, 9])])
    with pytest.raises(CandleError) as caught:
        join_markets(candles, [BTC, ETH])
    assert str(caught.value) == (
        "file:BTC/USD and file:ETH/USD have no candle in common: file:BTC/USD covers 2017-01-01 to 2017-01-02, "
        "file:ETH/USD covers 2017-01-06 to 2017-01-10; give markets whose times overlap"
    )
    assert caught.value.exit_code == 3


def test_different_intervals() -> None:
    candles = pl.concat([series(BTC, [0, 1]), series(ETH, [0, 1], "1h", timedelta(hours=1))])
    with pytest.raises(CandleError, match="file:BTC/USD is 1d, file:ETH/USD is 1h; give candles of one interval"):
        join_markets(candles, [BTC, ETH])


def test_the_two_coins_of_article_0(shared_data: Path) -> None:
    folder = shared_data / "cmc" / "kaggle2018"
    candles, _ = read_candle_files([folder / "bitcoin_price.csv", folder / "ethereum_price.csv"])
    span = pl.col("open_time").is_between(datetime(2016, 1, 1, tzinfo=UTC), datetime(2017, 11, 21, tzinfo=UTC))
    btc, eth = join_markets(candles.filter(span), ["coinmarketcap:BTC/USD", "coinmarketcap:ETH/USD"])
    assert btc.height == eth.height == 691
