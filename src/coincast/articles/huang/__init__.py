"""Article 2: CNN, LSTM and GRU on five-minute candles of Bitcoin (Huang 2017), told again."""
