"""Forecasts beyond the last candle: written down before anybody can know, and scored when the candle closes.

places.py      where the live state lies
ledger/        every forecast, score and outage, hash-chained; what follows from them
models/        what is asked for a forecast at a close
watch/         the loop
simulation/    an exchange of our own in fast time
"""
