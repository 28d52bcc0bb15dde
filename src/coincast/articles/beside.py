"""Candles of other intervals beside those of an article: minutes and hours of its coins, where a folder has them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from coincast.articles.about import About
from coincast.errors import CoincastError
from coincast.experiments.gather import Gathered, gather_candles
from coincast.experiments.sections import DataSection
from coincast.reports.numbers import base_currency
from coincast.tabular import expand_home


def read_beside(about: About, folder: Path, markets: Sequence[str]) -> Gathered:
    """Read one file for each interval of `about.beside` and each coin of a study, the first that is there.

    They are read whole: what is cut, and where, is the study's own business. A file that cannot be read is left out,
    and told.

    Args:
        about: the article.
        folder: of data.
        markets: of the study; only candles of the same coins count, whatever they are traded for.
    """
    coins = {base_currency(market) for market in markets}
    tables: dict[tuple[str, str], pl.DataFrame] = {}
    facts: list[dict[str, Any]] = []
    lines: list[str] = []
    for interval, places in about.beside.items():
        for path in (expand_home(folder) / place for place in places):
            if not path.is_file():
                continue
            try:
                found = gather_candles(DataSection(), [str(path)], interval=interval)
            except CoincastError as error:
                lines.append(f"{path.name}: left out, {error}")
                continue
            key = (interval, base_currency(found.candles["market"][0]))
            if key[1] in coins and key not in tables:
                tables[key] = found.candles
                facts += found.facts
                lines += found.lines
    candles = pl.concat(tables.values(), how="diagonal") if tables else pl.DataFrame()
    return Gathered(candles, tuple(facts), tuple(lines))
