"""The walks of a stored market, and what is counted over many: the work of the server's workshop."""

from __future__ import annotations

from functools import cache
from typing import Any

from coincast.articles.sheehan import published
from coincast.articles.sheehan.walks import walk_for_seed
from coincast.models.random_walk import change_law
from coincast.reports.numbers import quote_currency
from coincast.web.store import Store, StoredMarket
from coincast.web.walking.article import name_market
from coincast.web.walking.ground import lay_walk_ground
from coincast.web.walking.odds import ALIKE, count_odds
from coincast.web.walking.shapes import CountShape, EndsShape, ErrorsShape, OddsShape, SliderShape, WalkShape


def draw_walk(market_id: str, seed: int) -> WalkShape:
    """The walk of a seed on a market, as the slider of article 0 draws it.

    Raises:
        Refusal: no market has the id, or its candles do not suffice.
    """
    stored = _find_stored(market_id)
    ground = lay_walk_ground(stored)
    samples, parts = ground.coin.task.samples, ground.coin.task.parts
    walk = walk_for_seed(samples, training=parts.train, span=parts.test, seed=seed)
    rows, before = slice(parts.test.first, parts.test.end), slice(parts.test.first - 1, parts.test.end - 1)
    actual, last = samples.close[rows], samples.close[before]
    mean, deviation = change_law(samples, parts.train)
    lines = {"single_point": walk.single_point, "naive_single": last, "full_interval": walk.full_interval}
    errors = {name: float(abs(line - actual).mean()) for name, line in lines.items()}
    slider = published.SLIDER
    return WalkShape(
        **name_market(stored),
        seed=seed,
        is_article=ground.is_article,
        slider=SliderShape(first=slider[0], last=slider[-1], start=published.SLIDER_START),
        steps=len(parts.test),
        training_rows=len(parts.train),
        mean=mean,
        deviation=deviation,
        close_time=samples.close_time[rows].tolist(),
        actual=actual.tolist(),
        **{name: line.tolist() for name, line in lines.items()},
        naive_full=float(last[0]),
        end=float(walk.full_interval[-1]),
        errors=ErrorsShape(**errors, naive_full=float(abs(last[0] - actual).mean())),
        unit=quote_currency(stored.market),
    )


def draw_many(market_id: str, walks: int) -> OddsShape:
    """How often the walks of the seeds from 0 on look like a forecast of a market.

    Raises:
        Refusal: no market has the id, or its candles do not suffice.
    """
    stored = _find_stored(market_id)
    odds = count_odds(lay_walk_ground(stored), range(walks))
    words = {
        "looks_alike": f"full walks correlate with the price by more than {ALIKE:g}",
        "beats_flat": "full walks have a smaller mean error than a flat line from the last known price",
        "close_fit": f"step-by-step lines correlate with the price by more than {ALIKE:g}",
        "beats_naive": "step-by-step lines have a smaller mean error than the price of the candle before",
        "judged_better": "step-by-step lines are called better than naive by the judge",
    }
    counts: dict[str, Any] = {
        name: CountShape(count=count, share=count / odds.walks, words=f"{count} of {odds.walks} {words[name]}")
        for name in words
        for count in [getattr(odds, name)]
    }
    return OddsShape(
        **name_market(stored),
        walks=odds.walks,
        steps=odds.steps,
        **counts,
        ends=EndsShape(**dict(zip(("q05", "q25", "q50", "q75", "q95"), odds.ends, strict=True)), actual=odds.actual),
        sentence=odds.sentence,
    )


def _find_stored(market_id: str) -> StoredMarket:
    """A market of the store by its id.

    Raises:
        Refusal: no market has it.
    """
    return _store().refresh().find(market_id)


@cache
def _store() -> Store:
    return Store()
