"""Buckets that fill at a steady rate."""

from __future__ import annotations

from coincast.web.security import rates
from coincast.web.security.rates import Buckets


def test_a_bucket_empties_and_fills_again() -> None:
    now = [0.0]
    buckets = Buckets(0.5, 3, now=lambda: now[0])
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 2]
    assert buckets.take("b") == 0
    now[0] = 1.9
    assert buckets.take("a") == 1
    now[0] = 2.0
    assert [buckets.take("a"), buckets.take("a")] == [0, 2]
    now[0] = 1000.0
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 2]


def test_looking_takes_nothing() -> None:
    buckets = Buckets(1, 1, now=lambda: 0.0)
    assert [buckets.look("a") for _ in range(3)] == [0, 0, 0]
    buckets.take("a")
    assert buckets.look("a") == 1


def test_ever_new_addresses_do_not_fill_the_memory() -> None:
    buckets = Buckets(1, 2, now=lambda: 0.0)
    for number in range(rates.MOST_ADDRESSES + 50):
        buckets.take(str(number))
    assert len(buckets._levels) == rates.MOST_ADDRESSES
