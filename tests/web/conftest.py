"""A store, a ledger and run folders of a test's own, and a client that speaks to the application without a network."""

from __future__ import annotations

import asyncio
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest

pytest.importorskip("fastapi")
httpx = pytest.importorskip("httpx")

from coincast.candles.store import write_candles  # noqa: E402
from coincast.live.ledger import Ledger, LiveForecast, LiveStep, append_forecast, append_outage, append_score  # noqa: E402
from coincast.live.places import live_places  # noqa: E402
from coincast.sources.simulated import simulate  # noqa: E402
from coincast.web import recent  # noqa: E402
from coincast.web.app import guard  # noqa: E402
from coincast.web.serve import listen, make_server  # noqa: E402
from coincast.web.settings import Limits, Settings  # noqa: E402
from coincast.web.site import Site, make_site  # noqa: E402

BASE = "http://127.0.0.1:8351"
MARKET, INTERVAL = "simulated:WALK1/USD", "1d"
DAY = 86_400_000
ROOMY = Limits(requests=100_000, burst=100_000, changes=100_000)


@dataclass
class Client:
    """Sends requests to an application, each as if from a connection of its own."""

    app: Any
    address: str = "127.0.0.1"
    headers: dict[str, str] | None = None

    def request(self, method: str, path: str, **options: Any) -> Any:
        async def send() -> Any:
            transport = httpx.ASGITransport(app=self.app, client=(self.address, 50_000), raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=BASE, headers=self.headers) as client:
                return await client.request(method, path, **options)

        return asyncio.run(send())

    def get(self, path: str, **options: Any) -> Any:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> Any:
        return self.request("POST", path, **options)

    def json(self, path: str, **options: Any) -> Any:
        """What an address of the interface answers; it must be 200."""
        answer = self.get(f"/api/v1/{path}", **options)
        assert answer.status_code == 200, (path, answer.text)
        return answer.json()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home of its own: no store, no ledger, no runs."""
    monkeypatch.setenv("COINCAST_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(recent, "FRESH_SECONDS", 0.0)
    return tmp_path / "home"


@pytest.fixture
def site(home: Path) -> Iterator[Site]:
    """The parts of a page for that home, with room for as many requests as a test likes."""
    made = make_site(Settings(runs=home / "runs", limits=ROOMY))
    yield made
    made.close()


@pytest.fixture
def client(site: Site) -> Client:
    """A reader of that page on this machine."""
    return Client(guard(site))


@pytest.fixture
def candles(home: Path) -> pl.DataFrame:
    """300 days of a random walk, in the store."""
    table = simulate("walk", candles=300, seed=3)
    write_candles(table, source="a test", on_conflict="replace")
    return table


@pytest.fixture(scope="session")
def write_ledger() -> Callable[..., Path]:
    """Writes a ledger of one model into the home of the moment: forecasts of the next close, scored when it comes."""
    return make_ledger


def make_ledger(prices: list[float], *, simulated: bool = False, value: float = 1.01, late: bool = False) -> Path:
    """Forecasts at every price but the last, of `value` times the last close with a 90 % interval of one percent.

    Args:
        prices: closes of successive days.
        simulated: whether the ledger is that of simulated time.
        value: the forecast, over the last close.
        late: whether one more forecast comes too late, and an outage is entered.
    """
    path = live_places(simulated=simulated).ledger
    with Ledger.open(path, write=True, now=0) as ledger:
        for day, (last, actual) in enumerate(pairwise(prices)):
            origin = (day + 1) * DAY
            append_forecast(ledger, forecast(origin, last, value), now=origin + 1000)
            append_score(ledger, MARKET, INTERVAL, origin + DAY, actual, origin + DAY + 60_000)
        if late:
            origin = (len(prices) + 1) * DAY
            append_outage(ledger, reason="network", words="no answer", since=origin - DAY, until=origin, now=origin)
            append_forecast(ledger, forecast(origin, prices[-1], value), now=origin + 3_600_000)
    return path


def forecast(origin: int, last: float, value: float) -> LiveForecast:
    quantiles = {"q05": 0.99 * value * last, "q50": value * last, "q95": 1.01 * value * last}
    naive = {"q05": 0.98 * last, "q50": last, "q95": float("inf")}
    step = LiveStep(1, origin + DAY, value * last, quantiles, naive)
    return LiveForecast(
        market=MARKET,
        interval=INTERVAL,
        model="lstm",
        origin=origin,
        allowance=300_000,
        trained_until=origin,
        last_close=last,
        steps=(step,),
        last_trade=last * 1.001,
        last_trade_at=origin + 900,
    )


@dataclass(frozen=True)
class Served:
    """A page that listens on a port."""

    site: Site
    port: int

    def speak(self, *parts: bytes, wait: float = 30.0) -> bytes:
        """Send bytes as they are, and read until the other side has nothing more to say.

        Several parts are sent one after the other, until the other side answers.
        """
        with socket.create_connection(("127.0.0.1", self.port), timeout=wait) as connection:
            for part in parts:
                connection.sendall(part)
                if part is not parts[-1] and select.select([connection], [], [], 0.03)[0]:
                    break
            said = b""
            while part := connection.recv(65_536):
                said += part
        return said


@pytest.fixture
def serve(home: Path) -> Iterator[Callable[..., Served]]:
    """Starts a real server on a port of its own, in a thread."""
    running: list[tuple[Any, threading.Thread, socket.socket]] = []

    def start(**settings: Any) -> Served:
        chosen = replace(Settings(runs=home / "runs", port=0), **settings)
        listening, site = listen(chosen), make_site(chosen)
        server = make_server(site)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        running.append((server, thread, listening))
        while not server.started:
            time.sleep(0.005)
        return Served(site, listening.getsockname()[1])

    yield start
    for server, thread, listening in running:
        server.handle_exit(2, None)
        thread.join(10)
        listening.close()
        assert not thread.is_alive()
