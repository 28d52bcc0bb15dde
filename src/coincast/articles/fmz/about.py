"""The FMZ tutorial of 2019, and what it wants."""

from __future__ import annotations

from coincast.articles.about import About

ABOUT = About(
    name="fmz",
    title="Bitcoin price prediction with an LSTM in PyTorch",
    author="FMZ Quant (Lydia)",
    published="2023-01-12",
    claim="An LSTM names the direction of Bitcoin's price in 81.4 % of 199 cases.",
    interval="1h",
    since="2018-05-06T17:00Z",
    until="2019-07-09T07:00Z",
    most=1,
    files={"candles": ("bitfinex/Bitfinex_BTCUSD_1h.csv",)},
)
