"""Walks as answers show them."""

from __future__ import annotations

from pydantic import Field

from coincast.web.api.shapes import Milliseconds, Number, Shape
from coincast.web.workshop import Work


class SliderShape(Shape):
    """The article's slider."""

    first: int
    last: int
    start: int


class ErrorsShape(Shape):
    """Mean absolute errors, in the quote currency."""

    single_point: Number
    naive_single: Number
    full_interval: Number
    naive_full: Number


class WalkShape(Shape):
    """Both walks of article 0 for a seed, beside what came and beside naive."""

    market: str
    market_id: str
    interval: str
    seed: int
    is_article: bool = Field(description="whether these are article 0's candles and span")
    slider: SliderShape
    steps: int
    training_rows: int
    mean: float = Field(description="of the drawn changes")
    deviation: float = Field(description="of the drawn changes")
    close_time: list[Milliseconds]
    actual: list[Number]
    single_point: list[Number] = Field(description="each from the true close before it")
    full_interval: list[Number] = Field(description="each from the drawn one before it")
    naive_single: list[Number] = Field(description="the close before")
    naive_full: float = Field(description="the last close before the span")
    end: float = Field(description="of the full interval", examples=[951.78])
    errors: ErrorsShape
    unit: str = Field(examples=["USD"])


class CountShape(Shape):
    """How many of the walks do something."""

    count: int
    share: float
    words: str


class EndsShape(Shape):
    """Where the full walks end."""

    q05: float
    q25: float
    q50: float
    q75: float
    q95: float
    actual: float


class OddsShape(Shape):
    """How often a random walk looks like a forecast, and how often it is one."""

    market: str
    market_id: str
    interval: str
    walks: int
    steps: int
    looks_alike: CountShape
    beats_flat: CountShape
    close_fit: CountShape
    beats_naive: CountShape
    judged_better: CountShape
    ends: EndsShape
    sentence: str


WALK = Work("walk", WalkShape)
ODDS = Work("odds", OddsShape)
