"""The file forms that are known. A new one is one file here and one line below."""

from collections.abc import Mapping

from coincast.sources.formats import (
    binance,
    bitmex,
    bitstamp,
    coingecko,
    coinmarketcap_2018,
    coinmarketcap_2021,
    coinmarketcap_download,
    coinmarketcap_long,
    cryptodatadownload,
    freqtrade,
    freqtrade_json,
    investing,
    kaggle_minutes,
    kraken,
    poloniex,
    poloniex_dataset,
    table,
    yahoo,
)
from coincast.sources.formats.form import Format, Reading, ReadOptions

FORMATS: Mapping[str, Format] = {
    "coinmarketcap_2018": coinmarketcap_2018.FORM,
    "coinmarketcap_2021": coinmarketcap_2021.FORM,
    "coinmarketcap_download": coinmarketcap_download.FORM,
    "coinmarketcap_long": coinmarketcap_long.FORM,
    "coingecko": coingecko.FORM,
    "yahoo": yahoo.FORM,
    "investing": investing.FORM,
    "binance": binance.FORM,
    "bitmex": bitmex.FORM,
    "bitstamp": bitstamp.FORM,
    "cryptodatadownload": cryptodatadownload.FORM,
    "freqtrade": freqtrade.FORM,
    "freqtrade_json": freqtrade_json.FORM,
    "kaggle_minutes": kaggle_minutes.FORM,
    "kraken": kraken.FORM,
    "poloniex": poloniex.FORM,
    "poloniex_dataset": poloniex_dataset.FORM,
    "table": table.FORM,  # takes any table, so it comes last
}
"""Name -> form, in the order in which they are tried."""

__all__ = ["FORMATS", "Format", "ReadOptions", "Reading"]
