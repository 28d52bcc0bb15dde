"""What must hold inside the entries of an honest ledger, whatever their hashes say.

Whoever rebuilds a chain can make any hash right. These rules find what such a rebuilder overlooks: a late forecast that
calls itself on time, an error that is smaller than it was, a forecast left out of its score. An anchor finds the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from coincast.live.ledger.book import Due
from coincast.live.ledger.entry import FORECAST, FORMAT, GENESIS, MALFORMED, SCORE, Entry
from coincast.live.ledger.forecast import is_late
from coincast.live.ledger.ledger import Ledger
from coincast.live.ledger.measures import is_same_measure, measure
from coincast.live.ledger.scoring import forecasts_of


class Rules:
    """The rules along one walk through a ledger.

    Args:
        ledger: the forecasts of a score are looked up there.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._spans: dict[tuple[str, str], int] = {}

    def find_breaches(self, entry: Entry) -> Iterator[str]:
        """What an entry says against the rules, in words.

        Args:
            entry: the next one whose hash is right.
        """
        try:
            if (entry.kind == GENESIS) != (entry.number == 1):
                yield "the first entry, and no other, is of the kind genesis"
            elif entry.kind == GENESIS and entry.body["format"] != FORMAT:
                yield f"it begins a ledger of format {entry.body['format']}, and this Coincast knows {FORMAT}"
            elif entry.kind == FORECAST:
                self._note_span(entry.body)
                yield from _check_forecast(entry)
            elif entry.kind == SCORE:
                yield from self._check_score(entry)
        except MALFORMED as error:
            yield f"its body is not that of a {entry.kind} ({type(error).__name__}: {error})"

    def _note_span(self, body: Mapping[str, Any]) -> None:
        place = body["market"], body["interval"]
        self._spans[place] = max(self._spans.get(place, 0), body["steps"][-1]["target_time"] - body["origin"])

    def _check_score(self, entry: Entry) -> Iterator[str]:
        body = entry.body
        if entry.made_at < body["target_time"]:
            yield "it scores a candle that had not closed"
        told: dict[int, Mapping[str, Any]] = {one["number"]: one for one in body["forecasts"]}
        if len(told) < len(body["forecasts"]):
            yield "it scores a forecast twice"
        candle = Due(body["market"], body["interval"], body["target_time"])
        span = self._spans.get((candle.market, candle.interval), 0)
        spoken = forecasts_of(self._ledger, candle, span=span, before=entry.number)
        for forecast in spoken:
            if forecast.number not in told:
                yield f"it leaves out forecast {forecast.number:,}"
            elif not is_same_measure(told[forecast.number], measure(forecast, candle.target_time, body["actual"])):
                yield f"what it says of forecast {forecast.number:,} is not what follows from that forecast"
        for number in told.keys() - {forecast.number for forecast in spoken}:
            yield f"it scores forecast {number:,}, which is no forecast on time of that candle"


def _check_forecast(entry: Entry) -> Iterator[str]:
    body = entry.body
    late = is_late(entry.made_at, body["origin"], body["allowance"], body["steps"][0]["target_time"])
    if body["late"] is not late:
        yield f"it says late = {body['late']}, and it was made {(entry.made_at - body['origin']) / 1000:,g} s after"
    if body["trained_until"] > body["origin"]:
        yield "it was trained on what came after its origin"
