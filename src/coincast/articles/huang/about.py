"""What is known of article 2 before anything is read."""

from __future__ import annotations

from coincast.articles.about import About

FILES = ("poloniex/USDT_BTC-5m-2017.csv", "binance/BTC_USDT-5m-2023.feather")
"""Of Bitcoin; each is a study of its own."""
OTHERS = ("LTC", "ETH", "XMR")
"""Coins whose returns the repository's walk-forward reads beside those of Bitcoin."""

ABOUT = About(
    name="huang",
    title="Predicting cryptocurrency price with TensorFlow and Keras",
    author="Kung-Hsiang Huang (khuangaf)",
    published="2017-12-31",
    claim="An LSTM with tanh and LeakyReLU forecasts the next 80 minutes of Bitcoin best, and beats the lag baseline.",
    interval="5m",
    since=None,
    until=None,
    files={"candles": (FILES[0],)},
    alternatives=({"candles": (FILES[1],)},),
    further={place: tuple(place.replace("BTC", coin) for coin in OTHERS) for place in FILES},
)
"""The article's own candles, Poloniex from 2015-02-19 to 2017-12-29, can no longer be had."""
