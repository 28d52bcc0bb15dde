"""Which market a table speaks of: what its content says, its file's name, its folder, and the user."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from coincast.candles.table import Market, parse_market
from coincast.errors import UnknownNameError, UsageError
from coincast.sources.coins import MONEY, Pair, find_coin, find_pair, read_symbol
from coincast.sources.formats import Format
from coincast.tabular import list_names

EXCHANGES = (
    *("binance", "binanceus", "bitfinex", "bitflyer", "bithumb", "bitmex", "bitstamp", "bittrex", "bybit", "cexio"),
    *("coinbase", "cryptocom", "deribit", "exmo", "ftx", "gateio", "gemini", "hitbtc", "htx", "huobi", "itbit"),
    *("kraken", "kucoin", "mexc", "okcoin", "okex", "okx", "poloniex", "upbit", "whitebit"),
)
"""Exchanges whose name in a file's name or folder is believed, where a form of several exchanges has none inside."""

Symbols = dict[str, Pair | None]
"""Cell of a column `symbol` -> the coin or pair that it names; None where it names none."""


def read_symbols(columns: pl.DataFrame) -> Symbols:
    """What each different cell of the column `symbol` names."""
    if "symbol" not in columns.columns:
        return {}
    return {symbol: read_symbol(symbol) for symbol in columns["symbol"].drop_nulls().unique().sort()}


def decide_markets(form: Format, symbols: Symbols, path: Path | None, said: str | None) -> dict[Market, str]:
    """The markets of a table, and for each a sentence that says where its name comes from.

    Raises:
        UsageError: nothing tells the coin, or `said` contradicts the form.
        UnknownNameError: `said` is none of several coins in the table.
    """
    known = f"{form.name} form" if form.name != "table" else "no known form"
    if said is not None:
        market = _check_said(form, symbols, said)
        return {market: f"read as {market}: {known}, market as given"}
    by_name = _find_by_name(form, path.stem) if path else None
    source, where = _decide_source(form, path)
    named = sorted(_pairs_of(symbols), key=str)
    pairs = named or ([by_name] if by_name else [])
    if not pairs:
        example = f"{source}:BTC/{form.quote or 'USD'}"
        given = path.name if path else "the frame"
        raise UsageError(
            f"{given} does not tell its coin, neither by a column nor by the file's name; "
            f"say it: --candles {example}={path or 'FILE'} "
            f"(with import --market {example}, in Python market={example!r})"
        )
    origin = "coin from its content" if named else "coin from its name"
    if named and (others := [symbol for symbol, pair in symbols.items() if pair is None]):
        origin += f", rows of symbols that name no coin left out: {list_names(others)}"
    markets = {}
    for pair in pairs:
        quote = form.quote or pair.quote or (by_name.quote if by_name else None)
        market = Market(source, pair.base, quote or "USD")
        markets[market] = f"read as {market}: {known}{where}, {origin}" + ("" if quote else ", quote USD assumed")
    return markets


def only_market(markets: Sequence[Market]) -> Market:
    """The one market, or an error that lists them."""
    if len(markets) > 1:
        listed = ", ".join(market.base for market in markets[:8]) + (", ..." if len(markets) > 8 else "")
        raise UsageError(
            f"this table holds {len(markets)} coins or pairs ({listed}); "
            f"choose one: --candles {markets[0]}=FILE (with import --market {markets[0]}, in Python market=...)"
        )
    return markets[0]


def rows_of_market(columns: pl.DataFrame, symbols: Symbols, market: Market) -> pl.DataFrame:
    """Rows of the market's coin, where the column `symbol` names several, or one and something else beside it."""
    pairs = _pairs_of(symbols)
    if len(pairs) > 1:
        columns = columns.filter(pl.col("symbol").is_in(_own_symbols(symbols, market)))
    elif pairs:
        others = [symbol for symbol, pair in symbols.items() if pair is None]
        columns = columns.filter(~pl.col("symbol").is_in(others).fill_null(False))
    return columns.drop("symbol", strict=False)


def _find_by_name(form: Format, name: str) -> Pair | None:
    """The coin in a file's name; an unknown ticker is believed only where the form says that there is one."""
    return find_coin(name) or (find_pair(name) if form.name != "table" else None)


def _pairs_of(symbols: Symbols) -> set[Pair]:
    return {pair for pair in symbols.values() if pair is not None}


def _own_symbols(symbols: Symbols, market: Market) -> list[str]:
    named = {symbol: pair for symbol, pair in symbols.items() if pair is not None}
    return [s for s, pair in named.items() if pair.base == market.base and pair.quote in (None, market.quote)]


def _check_said(form: Format, symbols: Symbols, said: str) -> Market:
    market = parse_market(said)
    contradicts = not form.tells_exchange and form.name != "table" and market.source != form.source
    if contradicts or (form.quote and market.quote != form.quote):
        fixed = f"source {form.source}" + (f" and quote {form.quote}" if form.quote else "")
        raise UsageError(
            f"market {said} contradicts the form {form.name}, which fixes {fixed}; "
            f"say {form.source}:{market.base}/{form.quote or market.quote}, or format='table'"
        )
    pairs = _pairs_of(symbols)
    if len(pairs) > 1 and not _own_symbols(symbols, market):
        known = {f"{pair.base}/{pair.quote}" if pair.quote else pair.base for pair in pairs}
        raise UnknownNameError("coin in this table", f"{market.base}/{market.quote}", known)
    return market


def _decide_source(form: Format, path: Path | None) -> tuple[str, str]:
    """The source, and where it comes from where that is the name of the file or of a folder above it."""
    if not form.tells_exchange or path is None:
        return form.source, ""
    for part in (path.stem, *(folder.name for folder in path.absolute().parents)):
        words = [_without_money(word) for word in re.findall(r"[a-z]+", part.lower())]
        found = next((word for word in words if word in EXCHANGES), None)
        if found:
            return found, f", exchange from the name {part}"
    return form.source, ""


def _without_money(word: str) -> str:
    """`bitstampusd`, as Kaggle's files are called, is Bitstamp."""
    return next((word.removesuffix(quote.lower()) for quote in MONEY if word.endswith(quote.lower())), word)
