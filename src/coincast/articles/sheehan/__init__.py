"""Article 0: Sheehan's LSTM on daily Bitcoin and Ethereum (2017)."""

from coincast.articles.sheehan.study import study

__all__ = ["study"]
