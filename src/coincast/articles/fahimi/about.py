"""Fahimi's tutorial of 2018, and what it wants."""

from __future__ import annotations

from coincast.articles.about import About

ABOUT = About(
    name="fahimi",
    title="How to build an RNN-LSTM in Keras that predicts cryptocurrency prices",
    author="Siavash Fahimi",
    published="2018-02-26",
    claim="Three LSTM layers of 512 units follow the price of Bitcoin and Ethereum with a mean error of 0.05.",
    interval="1d",
    since="2016-01-01",
    until="2018-03-12",
    most=2,
    files={"bitcoin": ("cmc/coin_Bitcoin.csv",), "ethereum": ("cmc/coin_Ethereum.csv",)},
)
