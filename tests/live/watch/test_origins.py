"""Closes are accounted for in order: a forecast or an outage, and every one once."""

from __future__ import annotations

import random

from coincast.live.watch.origins import MOST_GATHERED, Account, Reason

NETWORK, ASLEEP = Reason("network", "a lost connection"), Reason("asleep", "slept")


def cover(account: Account, market: str, origin: int, reason: Reason) -> None:
    """A forecast from a close, with what the loop does before it and after."""
    account.end_gap(market, origin, reason)
    account.cover(market, origin)


def told(account: Account, *, all_of_them: bool = False) -> list[tuple[str | None, int, int, int, str]]:
    found = account.take(all_of_them=all_of_them)
    return [(one.market, one.first, one.last, one.count, one.reason.word) for one in found]


def test_missed_closes_become_one_outage_when_the_next_forecast_is_made() -> None:
    account = Account({"a": 0, "b": 0}, 10)
    account.miss("a", 10, NETWORK)
    account.miss("a", 20, NETWORK)
    assert told(account) == []
    cover(account, "a", 30, NETWORK)
    assert told(account) == [("a", 10, 20, 2, "network")]
    assert told(account, all_of_them=True) == []


def test_another_reason_is_another_outage() -> None:
    account = Account({"a": 0, "b": 0}, 10)
    account.miss("a", 20, NETWORK)
    account.miss("a", 40, ASLEEP)
    cover(account, "a", 50, ASLEEP)
    assert told(account) == [("a", 10, 20, 2, "network"), ("a", 30, 40, 2, "asleep")]


def test_what_hits_all_markets_alike_is_one_entry() -> None:
    account = Account({"a": 0, "b": 0}, 10)
    for market in ("a", "b"):
        cover(account, market, 30, NETWORK)
    assert told(account) == [(None, 10, 20, 2, "network")]


def test_a_single_market_keeps_its_name() -> None:
    account = Account({"a": 0}, 10)
    cover(account, "a", 20, NETWORK)
    assert told(account) == [("a", 10, 10, 1, "network")]


def test_an_outage_without_an_end_is_written_in_parts() -> None:
    account = Account({"a": 0}, 10)
    for close in range(10, 10 * (MOST_GATHERED + 2), 10):
        account.miss("a", close, NETWORK)
    assert told(account) == [("a", 10, 10 * MOST_GATHERED, MOST_GATHERED, "network")]
    assert told(account, all_of_them=True) == [("a", 1010, 1010, 1, "network")]


def test_whatever_happens_every_close_is_told_once() -> None:
    luck = random.Random(3)
    for _ in range(200):
        account, covered, close = Account({"a": 0, "b": 0}, 10), {"a": [], "b": []}, 0
        missed: dict[str, list[int]] = {"a": [], "b": []}
        for _ in range(30):
            close += 10 * luck.randint(1, 4)
            for market in ("a", "b"):
                reason = luck.choice((NETWORK, ASLEEP))
                if luck.random() < 0.5:
                    cover(account, market, close, reason)
                    covered[market].append(close)
                elif luck.random() < 0.7:
                    account.miss(market, close, reason)
            for one in account.take(all_of_them=luck.random() < 0.1):
                for market in ("a", "b") if one.market is None else (one.market,):
                    missed[market] += range(one.first, one.last + 1, 10)
        for market in ("a", "b"):
            account.miss(market, close, NETWORK)
        for one in account.take(all_of_them=True):
            for market in ("a", "b") if one.market is None else (one.market,):
                missed[market] += range(one.first, one.last + 1, 10)
        for market in ("a", "b"):
            assert sorted(missed[market] + covered[market]) == list(range(10, close + 1, 10))
