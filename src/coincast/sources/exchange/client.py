"""One exchange through ccxt: its markets, its clock, and pages of candles with every failure told apart.

ccxt is imported here and nowhere else, when the first exchange is opened. Its own pacing is replaced by one limiter for
all threads, its session by one with a deadline; its `paginate` is never used.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit, urlunsplit

from coincast.candles.table import INTERVALS
from coincast.errors import ExchangeError, MaintenanceError, MissingPackageError, RefusedError, UsageError
from coincast.sources.exchange.clocks import FAR_APART, choose_clock
from coincast.sources.exchange.limits import Limiter
from coincast.sources.exchange.paging import GENESIS, Mended, Pages, Row, mend, move, to_milliseconds
from coincast.sources.replies import give_up
from coincast.sources.retry import PATIENCE, Clock, Patience, TemporaryError, try_again

T = TypeVar("T")

GRACE = 10_000
"""Milliseconds after its end for which a candle is usually not yet taken: exchanges still amend it."""

USUAL_LIMIT = 500
NEWEST_TRADES = 10
"""Trades that are asked for to learn the last one: some exchanges answer a limit of 1 with an error."""
SMALLEST_LIMIT = 10
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def import_ccxt() -> Any:
    """ccxt, or `MissingPackageError`."""
    try:
        import ccxt
    except ImportError:
        raise MissingPackageError("ccxt", "download from an exchange", "coincast[exchange]") from None
    return ccxt


def find_base_url(venue: str, base_url: str | None) -> str | None:
    """Where an exchange is asked: the address given, else `COINCAST_<EXCHANGE>_URL`, else None for its own.

    Raises:
        UsageError: no address of the web.
    """
    name = f"COINCAST_{venue.upper()}_URL"
    found = base_url or os.environ.get(name) or None
    if found is not None and (urlsplit(found).scheme not in ("http", "https") or not urlsplit(found).hostname):
        given = "--base-url" if base_url else name
        raise UsageError(f"{given} {found!r} is no address; write one like https://api.example.com")
    return found


def rewrite_urls(urls: Any, base_url: str) -> Any:
    """Scheme and host of every address in nested dictionaries replaced; the paths stay, behind that of the base."""
    if isinstance(urls, dict):
        return {name: rewrite_urls(value, base_url) for name, value in urls.items()}
    if not isinstance(urls, str) or "://" not in urls:
        return urls
    base, own = urlsplit(base_url), urlsplit(urls)
    return urlunsplit((base.scheme, base.netloc, base.path.rstrip("/") + own.path, own.query, own.fragment))


class LastTrade(NamedTuple):
    """The newest trade of a market: its price, and its time in milliseconds since 1970."""

    price: float
    time: int


class Exchange:
    """A connection to one exchange that several threads may share.

    Args:
        venue: its name in ccxt.
        base_url: where it is asked instead of at its own addresses.
        patience: with a request.
        clock: of this machine.
        contracts: whether futures are listed, too.
        grace: milliseconds after its end for which a candle is not yet taken.

    Attributes:
        venue: its name in ccxt.
        grace: as given.
        markets: symbol -> what ccxt knows of it.
        notes: what a user should know of this connection.
    """

    def __init__(
        self,
        venue: str,
        *,
        base_url: str | None = None,
        patience: Patience = PATIENCE,
        clock: Clock | None = None,
        contracts: bool = False,
        grace: int = GRACE,
    ) -> None:
        self.venue = venue
        self.grace = grace
        self._base_url = base_url
        self._patience = patience
        self._clock = clock or Clock()
        self._contracts = contracts
        self._refusal: ExchangeError | None = None
        self._ahead = 0.0
        self.notes: list[str] = []
        self._limiter = Limiter(0.0, self._clock)
        self._main = self._make()
        self._limiter = Limiter(self._main.rateLimit / 1000, self._clock)
        self.markets: Mapping[str, Any] = {}

    def connect(self) -> None:
        """Load the markets and read the exchange's clock.

        Raises:
            ExchangeError: it does not answer, or refuses to, or does not know what time it is.
        """
        self.markets = self.call(self._main, self._load_markets)
        self._set_clock(self._ask_time())

    def read_clock(self) -> int:
        """Read the exchange's clock again: after this machine has slept, or its own clock was set.

        Returns:
            Milliseconds by which the exchange is ahead of what was believed.

        Raises:
            ExchangeError: it does not answer, or does not know what time it is.
        """
        told = self._ask_time()
        if told is None and self._main.session.reply is None:
            raise ExchangeError(f"{self.venue} does not say what time it is; is there a network?")
        return self._set_clock(told)

    def _set_clock(self, told: int | None) -> int:
        reply = self._main.session.reply
        dated = reply and reply.date and to_milliseconds(reply.date) + int(1000 * (time.monotonic() - reply.at))
        now, note = choose_clock(told, dated, int(1000 * self._clock.wall()), venue=self.venue)
        self.notes += [note] if note and note not in self.notes else []
        believed = self.now()
        self._ahead = now / 1000 - self._clock.monotonic()
        return now - believed

    def now(self) -> int:
        """The exchange's time, in milliseconds since 1970."""
        return int(1000 * (self._clock.monotonic() + self._ahead))

    @property
    def intervals(self) -> list[str]:
        """Intervals of candles that it has and that are known here."""
        return [name for name in INTERVALS if name in (self._main.timeframes or {})]

    def check_interval(self, interval: str) -> None:
        """Refuse an interval that it does not have, with `UsageError`."""
        if interval not in self.intervals:
            raise UsageError(
                f"{self.venue} has no candles of {interval}; it has {' '.join(self.intervals)}; "
                "longer ones can be made from shorter ones with coincast.resample"
            )

    def line(self) -> Any:
        """A connection for one thread, to be handed to `pages` and `last_trade`, which else make one each time."""
        return self._make().set_markets_from_exchange(self._main)

    def pages(
        self,
        symbol: str,
        interval: str,
        doubtful: dict[int, str],
        on_note: Callable[[str], None],
        *,
        line: Any = None,
        on_growing: Callable[[int], None] = lambda _: None,
    ) -> Pages:
        """How candles of one market that have closed are asked for, by one thread.

        Args:
            symbol: of a market of `markets`.
            interval: of the candles.
            doubtful: takes the open times of candles that even a second answer left doubtful, and why; those that a
                later answer clears up are taken out again.
            on_note: told what was odd.
            line: one that is kept open from call to call.
            on_growing: told the open time of every candle that came and has not closed.
        """
        client = line or self.line()
        limit = max(SMALLEST_LIMIT, self._page_limit(symbol))

        def fetch(start: int, end: int) -> list[Row]:
            answer = self._fetch(client, symbol, interval, start, end, limit)
            rows = answer.rows
            if answer.doubtful:
                on_note("the exchange answered with doubtful candles and was asked again")
                again = self._fetch(client, symbol, interval, start, end, limit)
                kept = {row.open_time: row for row in (*rows, *again.rows)}
                rows, answer = [kept[time] for time in sorted(kept) if time not in again.doubtful], again
            if answer.odd:
                on_note("candles at times at which none of the interval can open were left out")
            for row in rows:
                doubtful.pop(row.open_time, None)
            doubtful.update(answer.doubtful)
            if not self._takes_until and len(rows) >= limit - 1 and self._is_latest(rows, start, interval):
                on_note(f"{self.venue} gives the latest {limit} candles only; older ones cannot come from it")
            closed = self.now() - self.grace
            is_closed = [move(row.open_time, interval, 1) <= closed for row in rows]
            for row in (row for row, is_done in zip(rows, is_closed, strict=True) if not is_done):
                on_growing(row.open_time)
            return [row for row, is_done in zip(rows, is_closed, strict=True) if is_done]

        return Pages(fetch, interval, limit, bounded=self._takes_until)

    def last_trade(self, symbol: str, *, line: Any = None) -> LastTrade | None:
        """The newest trade of a market; None where the exchange does not tell it.

        Raises:
            ExchangeError: it does not answer.
        """
        client = line or self.line()
        if not client.has.get("fetchTrades"):
            return None

        def once() -> LastTrade | None:
            answer = client.fetch_trades(symbol, None, NEWEST_TRADES)
            trades = [LastTrade(float(one["price"]), int(one["timestamp"])) for one in answer]
            newest = max(trades, key=lambda trade: trade.time, default=None)
            if newest is not None and not 0 < newest.price < float("inf"):
                raise ValueError("a trade at a price that cannot be")
            return newest

        return self.call(client, once)

    def _is_latest(self, rows: list[Row], start: int, interval: str) -> bool:
        """Whether an answer ends now, though it should have begun at `start`."""
        ends_now = move(rows[-1].open_time, interval, 2) > self.now()
        return ends_now and rows[0].open_time > move(start, interval, 1)

    def call(self, client: Any, function: Callable[[], T], *, patience: Patience | None = None) -> T:
        """Call a method of a client, again where that helps, with what is wrong said in our words.

        Raises:
            ExchangeError: it failed for good; once refused, every later call fails in the same way.
        """
        from coincast.sources.exchange.failures import explain

        patience = patience or self._patience

        def once() -> T:
            if self._refusal:
                raise self._refusal
            try:
                return function()
            except Exception as error:
                meaning = explain(error, client.session.reply, self.venue, longest_pause=patience.longest_pause)
                if isinstance(meaning, RefusedError | MaintenanceError):
                    self._refusal = meaning
                if meaning is error:
                    raise
                raise meaning from error

        try:
            return try_again(once, patience=patience, clock=self._clock, wait=self._wait)
        except TemporaryError as error:
            raise give_up(error, self.venue) from error

    def _wait(self, error: TemporaryError, seconds: float) -> None:
        """Too much was asked: all pause. Anything else is waited out alone."""
        if error.crowded:
            self._limiter.pause(seconds)
        else:
            self._clock.sleep(seconds)

    def _fetch(self, client: Any, symbol: str, interval: str, start: int, end: int, limit: int) -> Mended:
        # Always the whole limit: some exchanges answer small ones with an error.
        until = {"until": end - 1} if self._takes_until else {}

        def once() -> Mended:
            return mend(client.fetch_ohlcv(symbol, interval, start, limit, until), interval)

        return self.call(client, once)

    def _make(self) -> Any:
        from coincast.sources.exchange.web import Session

        client = getattr(import_ccxt(), self.venue)()
        client.session = Session(self._patience.deadline)
        client.parse_ohlcv = self._check_times(client.parse_ohlcv)
        client.throttle = lambda cost=None: self._limiter.wait(1.0 if cost is None else float(cost))
        if self._base_url:
            client.urls["api"] = rewrite_urls(client.urls["api"], self._base_url)
        client.session.trust_env = urlsplit(self._base_url or "").hostname not in LOOPBACK
        kinds, coins = (client.options.get(name) for name in ("fetchMarkets", "fetchCurrencies"))
        if isinstance(coins, dict) and "webApiEnable" in coins:
            coins["webApiEnable"] = False  # reads names of coins from web pages for people
        if isinstance(kinds, dict) and "spot" in kinds.get("types", ()) and not self._contracts:
            kinds["types"] = ["spot"]
        return client

    def _load_markets(self) -> Mapping[str, Any]:
        markets: Mapping[str, Any] = self._main.load_markets()
        if not markets:
            raise ValueError("an empty list of markets")
        return markets

    def _ask_time(self) -> int | None:
        """What the exchange says that it is; None where it has no such address or does not answer."""
        if not self._main.has.get("fetchTime"):
            return None
        try:
            told = self.call(self._main, self._main.fetch_time)
        except ExchangeError:
            self._refusal = None
            return None
        return told if isinstance(told, int) else None

    def _check_times(self, parse: Callable[..., Any]) -> Callable[..., Any]:
        """A parser of candles that refuses impossible times; ccxt leaves such candles out, as if there were a gap."""

        def parse_checked(candle: Any, market: Any = None) -> Any:
            row = parse(candle, market)
            if not isinstance(row[0], int) or not GENESIS <= row[0] <= self.now() + FAR_APART:
                raise ValueError("a candle without a time, or at one that cannot be")
            return row

        return parse_checked

    @property
    def _takes_until(self) -> bool:
        """ccxt tells in the description of a method which parameters an exchange takes."""
        return "params.until" in (self._main.fetch_ohlcv.__doc__ or "")

    def _page_limit(self, symbol: str) -> int:
        market = self.markets[symbol]
        features: Any = self._main.features or {}
        for name in ("spot",) if market.get("spot") else ("swap", "linear" if market.get("linear") else "inverse"):
            features = features.get(name) or {}
        return int((features.get("fetchOHLCV") or {}).get("limit") or USUAL_LIMIT)
