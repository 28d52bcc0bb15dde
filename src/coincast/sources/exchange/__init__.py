"""Candles from exchanges, through ccxt: paging, limits and failures in our own hands.

`download.py` is the main path. It asks `fill.py` for one market after the other: what is missing in the store is taken
from the archive and then page by page (`paging.py`) through a connection (`client.py`), which spaces its requests
(`limits.py`), bounds each of them in time (`web.py`) and says what a failure means (`failures.py`). `record.py`
remembers what an exchange does not have, so that it is not asked for it for ever. Why so:
docs/decisions/0008-exchanges.md.
"""
