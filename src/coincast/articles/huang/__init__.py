"""Article 2: CNN, LSTM and GRU on five-minute candles of Bitcoin (Huang 2017), told again."""

from coincast.articles.huang.study import study

__all__ = ["study"]
