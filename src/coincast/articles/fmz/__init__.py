"""Article 3: FMZ, an LSTM on hourly Bitcoin (2019 and 2023)."""
