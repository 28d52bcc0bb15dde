"""What is known of article 0 before anything is read."""

from coincast.articles.about import About
from coincast.articles.sheehan import published

ABOUT = About(
    name="sheehan",
    title="Predicting Cryptocurrency Prices With Deep Learning",
    author="David Sheehan (dashee87)",
    published="2017-11-20",
    claim="An LSTM forecasts tomorrow's price of Bitcoin and Ethereum three to four times better than a random walk.",
    interval="1d",
    since=published.SINCE,
    until=published.UNTIL,
    files={
        "bitcoin": ("cmc/kaggle2018/bitcoin_price.csv", "cmc/coin_Bitcoin.csv"),
        "ethereum": ("cmc/kaggle2018/ethereum_price.csv", "cmc/coin_Ethereum.csv"),
    },
    beside={
        "1m": ("binance/BTC_USDT-1m-2025.feather", "binance/ETH_USDT-1m-2025.feather"),
        "1h": (
            "binance/BTC_USDT-1h-2020-2025.feather",
            "binance/ETH_USDT-1h-2020-2025.feather",
            "binance/multi_1h/LTC_USDT-1h.feather",
        ),
    },
    packages=("statsforecast", "prophet"),
)
