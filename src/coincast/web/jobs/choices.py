"""What may be asked for: the models and articles that the library knows, and how large numbers may be."""

from __future__ import annotations

import threading
from typing import Literal

from pydantic import Field

from coincast.web.api.shapes import Shape
from coincast.web.jobs.ranges import MOST_MARKETS, MOST_MODELS, RANGES
from coincast.web.workshop import Work, Workshop


class ModelChoice(Shape):
    """A model that can be asked for."""

    name: str = Field(examples=["lstm"])
    words: str = Field(description="what it is")


class ArticleChoice(Shape):
    """An article that can be asked for."""

    name: str = Field(examples=["sheehan"])
    title: str
    author: str
    markets: int = Field(description="how many markets it needs at least")
    interval: str = Field(description="of its candles")


class RangeShape(Shape):
    """What a number may be."""

    least: int
    most: int
    default: int


class ChoicesShape(Shape):
    """All that may be asked for."""

    models: list[ModelChoice]
    articles: list[ArticleChoice]
    sizes: list[Literal["quick", "usual"]]
    ranges: dict[str, RangeShape]
    most_models: int
    most_markets: int


CHOICES = Work("choices", ChoicesShape)


class Choices:
    """The choices, asked of the workshop once; from any thread.

    Args:
        workshop: where the library's networks are.
    """

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._lock = threading.Lock()
        self._made: ChoicesShape | None = None

    def get(self) -> ChoicesShape:
        """All that may be asked for."""
        with self._lock:
            if self._made is None:
                self._made = self._workshop.ask(CHOICES)
            return self._made


def make_choices() -> ChoicesShape:
    """All that may be asked for, out of the library's registries; called in the server's workshop."""
    from coincast.articles.reproduce import ARTICLES, find_about
    from coincast.experiments.entries import models_of
    from coincast.models import MODELS

    models = [
        ModelChoice(name=name, words=(MODELS[name].__doc__ or name).strip().partition("\n")[0])
        for name in models_of("price")
        if name != "naive"
    ]
    articles = [
        ArticleChoice(
            name=name, title=about.title, author=about.author, markets=len(about.files), interval=about.interval
        )
        for name in ARTICLES
        for about in [find_about(name)]
    ]
    return ChoicesShape(
        models=models,
        articles=articles,
        sizes=["quick", "usual"],
        ranges={name: RangeShape(**vars(allowed)) for name, allowed in RANGES.items()},
        most_models=MOST_MODELS,
        most_markets=MOST_MARKETS,
    )
