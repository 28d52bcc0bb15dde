"""Experiments: a spec and candles in; forecasts, verdicts and a report out."""
