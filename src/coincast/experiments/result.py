"""What an experiment leaves, in memory; nothing is written unless `save` is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from coincast.reports.tables import leaderboard, leaderboard_html
from coincast.scores.finding import Finding
from coincast.scores.further import examine_further
from coincast.scores.verdict import deciding_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from coincast.experiments.spec import Spec


@dataclass(frozen=True)
class Result:
    """An experiment after it ran.

    Attributes:
        spec: what was asked.
        candles: the candles that were used.
        parts: rows and windows of each part: `market, interval, part, first, last, rows, windows`.
        inputs: `market, input, train_sum, train_mean, train_deviation` of every input over the training rows, unscaled.
        forecasts: the forecast table, ensembles and naive included.
        scores: the score table.
        runs: the table of runs.
        history: `market, interval, model, run, fit, epoch, loss, validation_loss`.
        shift: share of test inputs outside the range seen in training.
        outlook: forecasts beyond the last candle, as a forecast table; empty unless asked for.
        calibration: forecasts of the validation part, by the first fit of each model; empty where there is none.
        full_interval: forecasts of the whole test span from its first origin, by the models that can go so far.
        intervals: quantile forecasts, None unless asked for.
        seconds: wall time of each stage.
        files: what is known of the files that the candles came from.
        notes: sentences that a reader should know.
        fingerprint: of spec, candles and code.
        trials: configurations that were judged on the test span so far, where they are counted (see
            `coincast.experiments.trials`): in a run folder.
        found: what the further tests found, where they were made before.
    """

    spec: Spec
    candles: pl.DataFrame = field(repr=False)
    parts: pl.DataFrame = field(repr=False)
    inputs: pl.DataFrame = field(repr=False)
    forecasts: pl.DataFrame = field(repr=False)
    scores: pl.DataFrame = field(repr=False)
    runs: pl.DataFrame = field(repr=False)
    history: pl.DataFrame = field(repr=False)
    shift: pl.DataFrame = field(repr=False)
    outlook: pl.DataFrame = field(repr=False)
    calibration: pl.DataFrame = field(repr=False)
    full_interval: pl.DataFrame = field(repr=False)
    intervals: pl.DataFrame | None = field(repr=False)
    seconds: Mapping[str, float]
    files: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    fingerprint: str = ""
    trials: int | None = None
    found: Mapping[str, Finding] | None = field(default=None, repr=False)

    @cached_property
    def further(self) -> Mapping[str, Finding]:
        """What the further tests found, by name (`coincast.scores.further.FURTHER`); made when first asked for."""
        if self.found is not None:
            return self.found
        return examine_further(self.forecasts, self.scores, options=self.spec.judge.as_options())

    @property
    def leaderboard(self) -> pl.DataFrame:
        """One row per market and model, best skill first within a market."""
        return leaderboard(self.scores)

    @property
    def headlines(self) -> list[dict[str, Any]]:
        """For each market that was forecast the deciding row of the first model of the spec that is not naive."""
        return [self._headline(market) for market in self.parts["market"].unique(maintain_order=True)]

    def _headline(self, market: str) -> dict[str, Any]:
        from coincast.forecasts.combine import ENSEMBLE

        deciding = deciding_rows(self.scores)
        for entry in self.spec.models:
            names = deciding["model"].str.strip_suffix(ENSEMBLE)
            found = deciding.filter(
                (names == entry.label) | names.str.starts_with(f"{entry.label}("), pl.col("market") == market
            )
            if entry.name != "naive" and found.height:
                return found.row(0, named=True)
        return deciding.filter(pl.col("market") == market).row(0, named=True)

    @property
    def headline(self) -> dict[str, Any]:
        """The first of `headlines`."""
        return self.headlines[0]

    @property
    def verdict(self) -> str | None:
        """The word of `headline`: better, not distinguishable, worse or too few; None where only naive ran."""
        return self.headline["verdict"]  # type: ignore[no-any-return]

    @property
    def sentence(self) -> str:
        """The verdict of `headline` as a sentence for a layman."""
        from coincast.experiments.story import say

        return say(self.scores, self.headline)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The verdict on every market that was forecast; each names its market where there are several."""
        from coincast.experiments.story import say

        rows = self.headlines
        return tuple(f"{row['market']}: " * (len(rows) > 1) + say(self.scores, row) for row in rows)

    def plot(self, picture: str = "forecast") -> Figure:
        """A matplotlib figure by name; see `coincast.reports.figures.FIGURES`."""
        from coincast.errors import UnknownNameError, UsageError
        from coincast.experiments.story import tell
        from coincast.reports.figures import FIGURES

        if picture not in FIGURES:
            raise UnknownNameError("picture", picture, FIGURES)
        figure = FIGURES[picture](tell(self).sections()[0])
        if figure is None:
            raise UsageError(f"this result has nothing to show in the picture {picture!r}; take another one")
        return figure

    def save(self, folder: str | Path) -> Path:
        """Write the run folder: tables, figures and the report.

        Raises:
            UsageError: the folder holds another run, or something else.
        """
        from coincast.experiments.folder import save_result

        return save_result(self, Path(folder))

    def to_pandas(self) -> Any:
        """The leaderboard as a pandas frame."""
        from coincast.tabular import to_pandas

        return to_pandas(self.leaderboard)

    def _repr_html_(self) -> str:
        return f"{sentences_html(self.sentences)}{leaderboard_html(self.scores)}"


def sentences_html(sentences: Sequence[str]) -> str:
    """Sentences as paragraphs for a notebook."""
    return "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
