"""Article 0: Sheehan's LSTM on daily Bitcoin and Ethereum (2017)."""
