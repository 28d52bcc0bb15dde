"""What may be asked for: markets of the store by id, models and articles by name, small whole numbers; nothing else.

An order becomes a command line of this library and, for a comparison, a spec that is written here. No text of a request
is part of either: names are looked up, and what is written is the one that was found.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tomlkit
from pydantic import BaseModel, ConfigDict, Field

from coincast.experiments.places import write_text
from coincast.web.faults import Refusal
from coincast.web.ids import ID_PATTERN
from coincast.web.jobs.choices import ArticleChoice, ChoicesShape
from coincast.web.jobs.ranges import MOST_MARKETS, MOST_MODELS, RANGES
from coincast.web.store import Inventory, StoredMarket

SPECS = "specs"
"""Folder beside the run folders where the specs of comparisons lie, so that they can be run again."""


def _number(name: str, words: str) -> Any:
    allowed = RANGES[name]
    return Field(default=allowed.default, ge=allowed.least, le=allowed.most, description=words)


MarketIds = Annotated[
    list[Annotated[str, Field(pattern=ID_PATTERN)]],
    Field(min_length=1, max_length=MOST_MARKETS, description="ids of markets of one interval"),
]
ModelName = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[a-z_]+$")]


class ComparisonOrder(BaseModel):
    """Train models on stored markets, and judge them beside naive."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"kind": "comparison", "market_ids": ["m3f0c9a7be21d4416"], "models": ["lstm"]}},
    )

    kind: Literal["comparison"]
    market_ids: MarketIds
    models: list[ModelName] = Field(
        default=["lstm"], min_length=1, max_length=MOST_MODELS, description="names of `choices`; naive is always added"
    )
    epochs: int = _number("epochs", "passes over the training windows")
    seeds: int = _number("seeds", "runs of every network")
    lookback: int = _number("lookback", "past candles that a model sees")
    horizon: int = _number("horizon", "candles ahead")


class ReproductionOrder(BaseModel):
    """Repeat an article on stored markets."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["reproduction"]
    market_ids: MarketIds
    article: Annotated[str, Field(pattern=r"^[a-z]+$", max_length=40, description="a name of `choices`")]
    size: Literal["quick", "usual"] = "quick"


Order = Annotated[ComparisonOrder | ReproductionOrder, Field(discriminator="kind")]


@dataclass(frozen=True)
class Command:
    """A command line of this library, in the folder of run folders.

    Attributes:
        arguments: behind `coincast`.
        folder: name of the run folder that it works in.
        title: what it does, in words.
    """

    arguments: tuple[str, ...]
    folder: str
    title: str

    @property
    def line(self) -> list[str]:
        """The whole command, with this interpreter."""
        return [sys.executable, "-m", "coincast", *self.arguments]


def make_command(
    order: ComparisonOrder | ReproductionOrder, listed: Inventory, choices: ChoicesShape, root: Path, number: str
) -> Command:
    """The command of an order.

    Args:
        order: what was asked for.
        listed: what is in the store.
        choices: models and articles that there are.
        root: the folder of run folders.
        number: tells the run folder apart from others.

    Raises:
        Refusal: a market, model or article that is not there, or that do not go together.
    """
    markets = [listed.find(given) for given in order.market_ids]
    if len({stored.id for stored in markets}) < len(markets):
        raise Refusal(422, "a market is named twice; name it once")
    if len({stored.interval for stored in markets}) > 1:
        raise Refusal(422, "the markets are of different intervals; choose markets of one")
    folder = f"{order.kind}-{number}"
    told = f"{', '.join(stored.market for stored in markets)}, {markets[0].interval}"
    if isinstance(order, ComparisonOrder):
        models = choose_models(order.models, choices)
        spec = Path(SPECS, f"{folder}.toml")
        write_text(root / spec, tomlkit.dumps(_make_spec(order, markets, models)))
        comparing = ("compare", spec.as_posix(), "--out", folder)
        return Command(comparing, folder, f"{', '.join(models)} on {told}")
    article = _find_article(order.article, choices, len(markets))
    named = [text for stored in markets for text in ("--market", stored.market)]
    size = ["--quick"] if order.size == "quick" else []
    arguments = ("reproduce", article.name, *named, "--interval", markets[0].interval, *size, "--out", folder)
    return Command(arguments, folder, f"{article.name} on {told}")


def choose_models(names: Sequence[str], choices: ChoicesShape) -> list[str]:
    """The models of an order, as the registry spells them.

    Raises:
        Refusal: the registry has no such model, or it stands there twice.
    """
    known = {model.name: model.name for model in choices.models}
    for name in names:
        if name not in known:
            raise Refusal(422, f"there is no such model; known: {', '.join(known)}")
    if len(set(names)) < len(names):
        raise Refusal(422, "a model is named twice; name it once")
    return [known[name] for name in names]


def _make_spec(order: ComparisonOrder, markets: Sequence[StoredMarket], models: Sequence[str]) -> dict[str, Any]:
    return {
        "name": "-".join(models)[:40],
        "data": {"markets": [stored.market for stored in markets], "interval": markets[0].interval},
        "samples": {"lookback": order.lookback, "horizon": order.horizon},
        "training": {"epochs": order.epochs, "seeds": order.seeds},
        "models": [{"name": name} for name in models],
    }


def _find_article(name: str, choices: ChoicesShape, markets: int) -> ArticleChoice:
    known = {article.name: article for article in choices.articles}
    if name not in known:
        raise Refusal(422, f"there is no such article; known: {', '.join(known)}")
    if markets < known[name].markets:
        raise Refusal(422, f"{name} needs {known[name].markets} markets, and {markets} is given; choose one more")
    return known[name]
