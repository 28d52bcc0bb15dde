"""Before anything is downloaded: which exchange, is it there, and what does it call the markets?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from coincast.candles.table import Market, parse_market
from coincast.errors import (
    CoincastError,
    ExchangeError,
    MaintenanceError,
    MissingPackageError,
    RefusedError,
    UsageError,
)
from coincast.sources.archive import SOURCE as ARCHIVE_VENUE
from coincast.sources.exchange.client import Exchange, find_base_url, import_ccxt
from coincast.sources.exchange.symbols import FAMOUS, USUAL_QUOTES, Wish, check_venue, find_symbol
from coincast.sources.retry import Clock, Patience

ATTEMPTS = 2
LONGEST_PAUSE = 5.0
"""Patience with an exchange that may as well be another one."""


@dataclass(frozen=True)
class Visit:
    """A market, and through what it is fetched.

    Attributes:
        market: its full name.
        exchange: the connection; None where there is none.
        failure: why there is none; None also where ccxt is missing, which is no failure of the market.
        in_archive: whether the archive alone may be tried then.
        archive_url: where the archive is, if not at its own address.
    """

    market: Market
    exchange: Exchange | None = None
    failure: CoincastError | None = None
    in_archive: bool = False
    archive_url: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether anything can be fetched."""
        return self.exchange is not None or self.in_archive


@dataclass(frozen=True)
class Lobby:
    """Finds exchanges and markets.

    Attributes:
        interval: that the exchanges must have.
        base_url: given instead of their own address.
        patience, clock: for the connections.
        archive: whether the archive may be used.
    """

    interval: str
    base_url: str | None
    patience: Patience
    clock: Clock
    archive: bool

    def visit(self, wishes: Sequence[Wish]) -> tuple[list[Visit], list[str]]:
        """Connect to every exchange that is needed, and look all markets up before anything is fetched.

        Returns:
            One visit for each market, and what a user should know of the choice.

        Raises:
            UsageError: an exchange, market or interval that is not there.
            MissingPackageError: ccxt is missing, and the archive does not do.
            ExchangeError: no exchange answers.
        """
        notes: list[str] = []
        open_to_all = [wish for wish in wishes if wish.venue is None]
        if open_to_all and self.base_url:
            raise UsageError("--base-url needs --exchange, the exchange that answers there")
        found: dict[Wish, Visit] = {}
        if open_to_all:
            found |= self._choose(open_to_all, notes)
        for venue in dict.fromkeys(wish.venue for wish in wishes if wish.venue):
            found |= self._visit(venue, [wish for wish in wishes if wish.venue == venue], notes)
        visits = list({found[wish].market: found[wish] for wish in wishes}.values())
        if not any(visit.is_open for visit in visits):
            raise next(visit.failure for visit in visits if visit.failure)
        return visits, notes

    def _visit(self, venue: str, wishes: Sequence[Wish], notes: list[str]) -> dict[Wish, Visit]:
        try:
            exchange = self._open(venue, wishes, self.patience)
        except MissingPackageError:
            if venue != ARCHIVE_VENUE or not self.archive:
                raise
            notes.append(
                "ccxt is not installed, so the archive of binance serves alone; it ends a day or two ago, "
                "and the last days come with: pip install 'coincast[exchange]'"
            )
            return {wish: self._in_archive(wish, None) for wish in wishes}
        except ExchangeError as error:
            if venue == ARCHIVE_VENUE and self.archive and isinstance(error, RefusedError | MaintenanceError):
                return {wish: self._in_archive(wish, error) for wish in wishes}
            return {wish: Visit(_name_market(venue, wish.symbol), failure=error) for wish in wishes}
        notes += exchange.notes
        return self._look_up(exchange, wishes)

    def _choose(self, wishes: Sequence[Wish], notes: list[str]) -> dict[Wish, Visit]:
        """The first exchange that answers and has everything."""
        failures: list[str] = []
        lacking: UsageError | None = None
        for venue in FAMOUS:
            try:
                exchange = self._open(
                    venue, wishes, replace(self.patience, attempts=ATTEMPTS, longest_pause=LONGEST_PAUSE)
                )
                found = self._look_up(exchange, wishes)
            except MissingPackageError:
                notes.append(f"no exchange was named; {ARCHIVE_VENUE} was taken")
                return self._visit(ARCHIVE_VENUE, wishes, notes)
            except ExchangeError as error:
                failures.append(str(error))
            except UsageError as error:
                lacking = lacking or error
            else:
                notes += [*failures, *exchange.notes]
                notes.append(f"no exchange was named; {venue} was taken")
                return found
        if lacking:
            raise lacking
        raise ExchangeError(f"no exchange answers; {failures[0]}")

    def _open(self, venue: str, wishes: Sequence[Wish], patience: Patience) -> Exchange:
        check_venue(venue, import_ccxt().exchanges)
        exchange = Exchange(
            venue,
            base_url=find_base_url(venue, self.base_url),
            patience=patience,
            clock=self.clock,
            contracts=any(":" in wish.symbol for wish in wishes),
        )
        exchange.check_interval(self.interval)
        exchange.connect()
        return exchange

    def _look_up(self, exchange: Exchange, wishes: Sequence[Wish]) -> dict[Wish, Visit]:
        names = {wish: find_symbol(wish.symbol, exchange.markets, exchange.venue) for wish in wishes}
        url = self._archive_url(exchange.venue)
        return {
            wish: Visit(_name_market(exchange.venue, name), exchange, archive_url=url) for wish, name in names.items()
        }

    def _in_archive(self, wish: Wish, failure: ExchangeError | None) -> Visit:
        """A market that only the archive may have; whether it does will be seen."""
        market = _name_market(ARCHIVE_VENUE, wish.symbol.upper())
        return Visit(market, None, failure, market.settle is None, self._archive_url(ARCHIVE_VENUE))

    def _archive_url(self, venue: str) -> str | None:
        return find_base_url(f"{venue}_archive", None) or find_base_url(venue, self.base_url)


def _name_market(venue: str, symbol: str) -> Market:
    """The full name of a market; a base alone is against the first of the usual quotes."""
    return parse_market(f"{venue}:{symbol if '/' in symbol else f'{symbol}/{USUAL_QUOTES[0]}'}")
