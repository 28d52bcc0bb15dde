"""The test server is a package of its own, beside the tests."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from exchange_server.fixtures import exchange, start_exchange

__all__ = ["exchange", "start_exchange"]
