"""Forecasts as tables: their form, other people's forecasts, means over runs."""
