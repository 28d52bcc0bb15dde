"""Candles: the table that every source ends in, and what can be asked of it."""
