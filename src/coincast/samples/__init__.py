"""Samples: candles -> arrays a model can take, and back to prices."""
