"""A stored market as article 0 takes its candles: its span where it is there, its split, its windows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

import polars as pl

from coincast.articles.bench import Bench
from coincast.articles.sheehan import published
from coincast.articles.sheehan.ground import Coin, lay_ground
from coincast.errors import DataError
from coincast.web.faults import Refusal
from coincast.web.store import StoredMarket, read_newest, read_span
from coincast.web.walking.article import SINCE, UNTIL, has_article

MOST_CANDLES = 2000
"""Newest candles that are taken where the article's own span is not there."""


@dataclass(frozen=True)
class WalkGround:
    """What walks of one market are drawn on.

    Attributes:
        stored: the market.
        coin: its candles, cut into the article's parts.
        is_article: whether coin, span and split are the article's own.
    """

    stored: StoredMarket
    coin: Coin = field(repr=False)
    is_article: bool


@lru_cache(maxsize=4)
def lay_walk_ground(stored: StoredMarket) -> WalkGround:
    """Cut a market's candles as the article does; once for each state of the store.

    Raises:
        Refusal: they do not suffice.
    """
    try:
        ground = lay_ground(Bench(_choose_candles(stored), Path()))
    except DataError as error:
        raise Refusal(422, f"no walk can be drawn on {stored.market}: {error}") from None
    is_article = has_article(stored) and ground.rows == published.ROWS and ground.border == published.TEST_FROM
    return WalkGround(stored, ground.coins[0], is_article)


def _choose_candles(stored: StoredMarket) -> pl.DataFrame:
    """The article's span where a coin of the article has it; else the newest candles."""
    if has_article(stored):
        return read_span(stored, SINCE, UNTIL + timedelta(days=1))
    return read_newest(stored, MOST_CANDLES)
