"""Fixtures of the test server, to be imported by a `conftest.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from exchange_server.server import ExchangeServer
from exchange_server.world import World

StartServer = Callable[..., ExchangeServer]


@pytest.fixture
def start_exchange() -> Iterator[StartServer]:
    """Starts any number of exchanges that end with the test: `start_exchange("kraken", skew=3_600_000)`."""
    with ExitStack() as stack:

        def start(venue: str = "binance", world: World | None = None, **settings: object) -> ExchangeServer:
            server = ExchangeServer(venue, world)
            for name, value in settings.items():
                setattr(server.world, name, value)
            return stack.enter_context(server)

        yield start


@pytest.fixture
def exchange(start_exchange: StartServer) -> ExchangeServer:
    """Binance with its usual markets, at noon of 1 March 2024."""
    return start_exchange("binance")
