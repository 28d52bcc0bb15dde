"""All that is trained for the study, each thing once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from coincast.articles.bench import Bench
from coincast.articles.sheehan import published
from coincast.articles.sheehan.comparison import Comparison, compare_runs
from coincast.articles.sheehan.fair import refuse_unfit, run_fair
from coincast.articles.sheehan.ground import Ground
from coincast.articles.sheehan.losses import try_losses
from coincast.articles.sheehan.singles import Singles, train_singles
from coincast.experiments.result import Result
from coincast.experiments.run import Stopwatch
from coincast.scores.finding import Options
from coincast.scores.lag import lag_table
from coincast.scores.series import keep_ensembles

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
        """The fair experiment as the reports tell it, by market, with that further test which a picture here shows."""
        from coincast.experiments.story import tell

        if self.fair is None:
            return {}
        lag = lag_table(keep_ensembles(self.fair.forecasts), self.fair.scores, Options())
        told = replace(self.fair, candles=self.ground.candles, found={"lag": lag})
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


def do_work(bench: Bench, ground: Ground, watch: Stopwatch) -> Work:
    """Train everything but the open questions.

    Raises:
        DataError: the candles do not suffice for the fair way; before anything is trained.
    """
    faithful = fair = None
    if bench.fair:
        refuse_unfit(bench, ground)
    if bench.faithful:
        every = [published.SEED, *published.SEEDS]
        one = train_singles(bench, ground, 1, seeds=bench.pick(every[:1], every[:1], every))
        five = train_singles(bench, ground, published.STEPS, seeds=every[: bench.pick(2, 13)])
        watch.lap("single models")
        comparison = compare_runs(bench, ground)
        watch.lap("many runs, and every opponent")
        faithful = Faithful(one, five, comparison, try_losses(bench, ground, comparison))
        watch.lap("other losses")
    if bench.fair:
        fair = run_fair(bench, ground)
        watch.lap("the fair way")
    return Work(bench, ground, faithful, fair)
