"""Article 1: Fahimi, three layers of LSTM in Keras (2018)."""
