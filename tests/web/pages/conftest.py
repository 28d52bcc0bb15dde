"""A real browser, and real servers: one that has something of everything, and one whose store and ledger are empty."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

pytest.importorskip("fastapi")
playwright = pytest.importorskip("playwright.sync_api")

from coincast.candles.store import write_candles  # noqa: E402
from coincast.live.ledger import Ledger, LiveForecast, LiveStep, append_forecast, append_outage, append_score  # noqa: E402
from coincast.live.places import live_places  # noqa: E402
from coincast.sources.simulated import simulate  # noqa: E402
from coincast.web.serve import listen, make_server  # noqa: E402
from coincast.web.settings import Limits, Settings  # noqa: E402
from coincast.web.site import make_site  # noqa: E402

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PATIENCE = 30_000
"""Milliseconds that a page may take on a machine that does much else."""
WINDOWS: dict[str, dict[str, Any]] = {  # paper: A4 without its margins, at 96 dots to the inch
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
    "desktop": {"viewport": {"width": 1280, "height": 900}},
    "paper": {"viewport": {"width": 695, "height": 1000}},
}
HOUR = 3_600_000
ORIGINS, STEPS = 120, 3
MODEL = "lstm.ensemble"


@dataclass
class Live:
    """A simulated market whose candles close one after the other, and the ledger of its forecasts."""

    candles: pl.DataFrame = field(default_factory=lambda: simulate("walk", candles=400, interval="1h", seed=5))
    next: int = 300
    ledger: Path = field(default_factory=lambda: live_places(simulated=True).ledger)

    def origin(self, row: int) -> int:
        return int(self.candles["close_time"].to_physical()[row])

    def close_candle(self) -> float:
        """The next candle closes: it is stored, what spoke of it is scored, and a forecast is made; its first value."""
        row = self.next
        self.next += 1
        write_candles(self.candles.slice(row, 1), source="a test", on_conflict="replace")
        with Ledger.open(self.ledger, write=True, now=0) as ledger:
            return self.enter(ledger, row)

    def enter(self, ledger: Ledger, row: int) -> float:
        """Score the candle of a row, and forecast from its close."""
        market, origin, last = self.candles["market"][row], self.origin(row), float(self.candles["close"][row])
        append_score(ledger, market, "1h", origin, last, origin + 500)
        value = last * (1.002 if row % 2 else 0.9985)
        steps = tuple(
            LiveStep(
                step, origin + step * HOUR, value, spread(value, 0.004 * step**0.5), spread(last, 0.0045 * step**0.5)
            )
            for step in range(1, STEPS + 1)
        )
        made = LiveForecast(market, "1h", MODEL, origin, 180_000, origin, last, steps, last_trade=last)
        append_forecast(ledger, made, origin + 1000)
        return value

    def forecasts_of_another(self, error: float) -> str:
        """A table that misses every close by a share of it, as somebody else would hand it to the judge."""
        closes = self.candles["close"].to_list()[:120]
        dates = (f"2024-{1 + day // 28:02}-{1 + day % 28:02}" for day in range(len(closes)))
        rows = (f"{date},{close},{close * (1 + error)}" for date, close in zip(dates, closes, strict=True))
        return "\n".join(["target_time,actual,predicted", *rows])


def spread(middle: float, size: float) -> dict[str, float]:
    """Quantiles around a value."""
    sizes = {"q05": -1.6, "q10": -1.3, "q25": -0.6, "q50": 0.0, "q75": 0.6, "q90": 1.3, "q95": 1.6}
    return {name: middle * (1 + part * size) for name, part in sizes.items()}


@dataclass
class SavedModel:
    """A model of the loop that says the last close again, one percent higher."""

    market: str
    interval: str = "1h"
    horizon: int = STEPS
    trained_until: int = 0
    verdict: str = "worse"
    sentence: str = "It repeats the last close, one percent higher: worse."
    fingerprint: str = "f" * 64
    rows: int = 50
    models: tuple[Any, ...] = ()

    @property
    def markets(self) -> tuple[str, ...]:
        return (self.market,)

    def forecast(self, candles: pl.DataFrame, market: str) -> Any:
        """An answer as `LiveModel.forecast` gives it."""
        last = candles.tail(1).select(origin="close_time", value=1.01 * pl.col("close"), naive="close")
        steps = pl.DataFrame({"step": range(1, STEPS + 1)}).with_columns(model=pl.lit(MODEL))
        told = last.join(steps, how="cross").with_columns(
            target_time=pl.col("origin").dt.offset_by("1h"), q10=0.99 * pl.col("value"), q90=1.01 * pl.col("value")
        )
        notes = (f"asked about {market}",)
        return SimpleNamespace(outlook=told, trained_until=0, verdict=self.verdict, sentence=self.sentence, notes=notes)


@dataclass
class Pages:
    """A server and what it serves."""

    address: str
    live: Live | None = None


@contextmanager
def serving(home: Path) -> Iterator[str]:
    """Serve a home in a thread; gives the address."""
    roomy = Limits(requests=100_000, burst=100_000, changes=100_000)
    settings = Settings(runs=home / "runs", port=0, limits=roomy)
    listening, site = listen(settings), make_site(settings)
    server = make_server(site)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.handle_exit(2, None)
    thread.join(20)
    listening.close()
    assert not thread.is_alive()


@contextmanager
def at_home(folder: Path) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COINCAST_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def names() -> tuple[str, ...]:
    """Every page, by the name that stands in its address."""
    return ("now", "track-record", "leaderboard", "runs", "judge", "fool-yourself", "data")


@pytest.fixture
def serve_home(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Serves a home of a test's own, after it was filled."""

    @contextmanager
    def serve(fill: Callable[[Path], None]) -> Iterator[Pages]:
        with at_home(tmp_path_factory.mktemp("own")) as home:
            fill(home)
            with serving(home) as address:
                yield Pages(address)

    return serve


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """Pages without anything to show."""
    with at_home(tmp_path_factory.mktemp("empty")) as home, serving(home) as address:
        yield Pages(address)


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a store, a live market, and a finished run; every module takes a copy of it."""
    with at_home(tmp_path_factory.mktemp("template")) as home:
        fill_live()
        fill_runs(home / "runs")
    return home


@pytest.fixture(scope="module")
def pages(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """Pages with something of everything."""
    copied = shutil.copytree(filled, tmp_path_factory.mktemp("filled"), dirs_exist_ok=True)
    with at_home(copied) as home, pytest.MonkeyPatch.context() as patch:
        live = Live()
        save_model(live, patch)
        with serving(home) as address:
            yield Pages(address, live)


def fill_live() -> None:
    """Candles with a gap, forecasts that were scored, a late one, and an outage."""
    live = Live()
    stored = live.candles.head(live.next).with_row_index().filter(~pl.col("index").is_between(40, 45)).drop("index")
    write_candles(stored, source="a test", on_conflict="replace")
    with Ledger.open(live.ledger, write=True, now=0) as ledger:
        first = live.next - ORIGINS
        for row in range(first, live.next):
            live.enter(ledger, row)
            if row == first + 60:
                since = live.origin(row) + HOUR // 2
                append_outage(ledger, reason="network", words="no answer", since=since, until=since + HOUR, now=since)
    write_health(live)


def write_health(live: Live) -> None:
    """What a loop writes that is at work, as long as the tests take."""
    now, last = live.origin(live.next - 1), round(1000 * time.time())
    facts = {"now": now + 1000, "next_close": now + HOUR, "simulated": 60.0, "markets": []}
    told = {"state": "running", "words": "1 market, next close 13:00 UTC", "written_at": last + HOUR, **facts}
    live_places(simulated=True).health.write_text(json.dumps(told), encoding="utf-8")


def save_model(live: Live, patch: pytest.MonkeyPatch) -> None:
    """A saved model, where the loop would have left it."""
    folder = live_places(simulated=True).models / "plan" / "20260101000000"
    folder.mkdir(parents=True)
    (folder / "live.json").write_text("{}", encoding="utf-8")
    model = SavedModel(live.candles["market"][0])
    patch.setattr("coincast.live.models.load_live", lambda _: model, raising=False)


def fill_runs(folder: Path) -> None:
    """The run folder of a comparison that needs no training."""
    import coincast as cc
    from coincast.experiments.folder import write_result
    from coincast.experiments.places import claim_place

    echo = cc.simulate("echo", skill=0.1, candles=300, seed=1)
    result = cc.compare(echo, models=["ar", "drift", "average"], test=0.5)
    claim_place(folder / "simple-models", "f" * 64)
    write_result(result, folder / "simple-models", command="", with_pages=False)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium of the system: Playwright's own download is not needed."""
    if CHROMIUM is None:
        assert "CI" not in os.environ, "CI installs Chromium"
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


DROP = """([texts, name, place]) => {
  const moved = new DataTransfer();
  for (const text of texts) moved.items.add(new File([text], name, { type: "text/csv" }));
  const drop = new DragEvent("drop", { dataTransfer: moved, bubbles: true, cancelable: true });
  return !document.querySelector(place).dispatchEvent(drop);
}"""


class Reader:
    """A reader with a window of his own, who notes all that goes wrong."""

    def __init__(self, browser: Any, address: str, *, window: str = "desktop", **options: Any) -> None:
        self.context = browser.new_context(**WINDOWS[window], **options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.address, self.faults = address, list[str]()
        self.page.on("console", lambda said: said.type in ("error", "warning") and self.faults.append(said.text))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", self._note_request)

    def _note_request(self, request: Any) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.faults.append(f"asked another host: {request.url}")

    def drop(self, *texts: str, name: str = "mine.csv", place: str = ".drop") -> bool:
        """Drop files on a place of the page; whether it took them, so that the browser does not open them itself."""
        return bool(self.page.evaluate(DROP, [texts, name, place]))

    def open(self, name: str) -> Any:
        """Open a page and wait until it has its data; the panel that it is drawn in."""
        self.page.goto(f"{self.address}/#{name}")
        panel = self.page.locator(f"#panel-{name.split('/')[0]}")
        self.page.wait_for_selector(f"#panel-{name.split('/')[0]}[data-ready]")
        return panel


@pytest.fixture
def read(browser: Any) -> Iterator[Callable[..., Reader]]:
    """Opens readers, and closes their windows at the end."""
    readers: list[Reader] = []

    def open_reader(pages: Pages, **options: Any) -> Reader:
        readers.append(Reader(browser, pages.address, **options))
        return readers[-1]

    yield open_reader
    for reader in readers:
        reader.context.close()
