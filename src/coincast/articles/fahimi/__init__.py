"""Article 1: Fahimi, three layers of LSTM in Keras (2018)."""

from coincast.articles.fahimi.study import study

__all__ = ["study"]
