"""Sources: from the outside world to candles. The only place that touches files of others and the network."""
