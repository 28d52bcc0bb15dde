"""All that is trained for the study, each thing once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from coincast.articles.bench import Bench
from coincast.articles.sheehan import published
from coincast.articles.sheehan.comparison import Comparison, compare_runs
from coincast.articles.sheehan.fair import run_fair
from coincast.articles.sheehan.ground import Ground
from coincast.articles.sheehan.losses import try_losses
from coincast.articles.sheehan.singles import Singles, train_singles
from coincast.experiments.result import Result

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import Figure

    from coincast.reports.palette import Palette
    from coincast.reports.story import Story


@dataclass(frozen=True)
class Faithful:
    """What was done in the article's way.

    Attributes:
        one, five: its single models of one step and of five.
        comparison: its 25 runs.
        losses: what becomes of them under other losses.
    """

    one: Singles
    five: Singles
    comparison: Comparison
    losses: pl.DataFrame = field(repr=False)


@dataclass(frozen=True)
class Work:
    """What the chapters are made of; None for a way that was not asked for."""

    bench: Bench
    ground: Ground
    faithful: Faithful | None
    fair: Result | None

    @cached_property
    def stories(self) -> dict[str, Story]:
        """The fair experiment as the reports tell it, by market."""
        from coincast.experiments.story import tell

        if self.fair is None:
            return {}
        told = self.fair if self.fair.candles.height else replace(self.fair, candles=self.ground.candles)
        return {story.market: story for story in tell(told).sections()}

    def figure(self, market: str, name: str) -> Callable[[Palette], Figure] | None:
        """A usual picture of the fair experiment; None where there is nothing to show."""
        from coincast.reports.figures import FIGURES
        from coincast.reports.palette import LIGHT

        story, drawing = self.stories[market], FIGURES[name]
        if drawing(story, theme=LIGHT) is None:
            return None

        def draw(theme: Palette) -> Figure:
            figure = drawing(story, theme=theme)
            assert figure is not None  # there is something to show in every theme
            return figure

        return draw


def do_work(bench: Bench, ground: Ground) -> Work:
    """Train everything but the open questions."""
    faithful = None
    if bench.faithful:
        comparison = compare_runs(bench, ground)
        many, every = bench.pick(2, 13), [published.SEED, *published.SEEDS]
        faithful = Faithful(
            one=train_singles(bench, ground, 1, seeds=bench.pick([published.SEED], [published.SEED], every)),
            five=train_singles(bench, ground, published.STEPS, seeds=every[:many]),
            comparison=comparison,
            losses=try_losses(bench, ground, comparison),
        )
    return Work(bench, ground, faithful, run_fair(bench, ground) if bench.fair else None)
