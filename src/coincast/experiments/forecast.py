"""What comes after the last candle, beside naive and beside the verdict of the same settings."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from coincast.experiments.bands import learn_moves, tell_without_bands
from coincast.experiments.compare import as_candles, describe_run
from coincast.experiments.folder import FolderRun
from coincast.experiments.horizons import judge_horizons, read_horizons, refuse_horizons, say_horizons
from coincast.experiments.result import Result, sentences_html
from coincast.experiments.run import run_experiment
from coincast.experiments.sections import SplitSection
from coincast.experiments.spec import Spec
from coincast.experiments.story import outlook_table
from coincast.experiments.tasks import choose_candles
from coincast.tabular import to_pandas

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEFAULTS = {"name": "forecast", "models": ["lstm", "naive"], "lookback": 20, "epochs": 20, "learning_rate": 0.002}
QUICK = {"epochs": 10, "seeds": 5}
"""What a forecast has besides, unless said otherwise: less training than a comparison. It is asked for again and again,
and should be there in seconds."""
NEWEST = 6_000
"""Candles that it learns from and is judged on, unless said otherwise; those before them speak of other times."""
VALIDATION = 0.2
"""Share of the rows that intervals are calibrated on, where nothing else is said."""
USUAL_HORIZON = 7


@dataclass(frozen=True)
class Outlook:
    """Forecasts beyond the last candle.

    Attributes:
        result: the experiment behind it: the same settings judged on the latest test span.
        horizons: candles ahead that were asked for, ascending; the longest one was trained, and holds the others.
    """

    result: Result
    horizons: tuple[int, ...] = field(default=())

    @cached_property
    def table(self) -> pl.DataFrame:
        """One row for each market, model and candle ahead, no single runs.

        `market, interval, model, quantity, origin, step, target_time, value, low, high, naive` and, of a price, `q05`
        to `q95` with `naive_q05` to `naive_q95` beside. `low, high` hold nine of ten runs: how much the seeds differ,
        not a 90 % interval of the price, which is `q05` to `q95`.
        """
        return outlook_table(self.result)

    @cached_property
    def verdicts(self) -> pl.DataFrame:
        """The deciding rows for each horizon, Holm's adjustment over all of them (see `judge_horizons`)."""
        steps = self.result.spec.samples.horizon
        return judge_horizons(self.result.forecasts, self.horizons or (steps,))

    @property
    def verdict(self) -> str | None:
        """The word on the same settings on the latest test span, over the longest horizon."""
        return self.result.verdict

    @property
    def sentence(self) -> str:
        """That verdict as a sentence for a layman."""
        return self.result.sentence

    @property
    def sentences(self) -> tuple[str, ...]:
        """The same for every market that was forecast and, where several were asked for, every horizon."""
        if len(self.horizons) < 2:
            return self.result.sentences
        return tuple(say_horizons(self.verdicts, [(row["market"], row["model"]) for row in self.result.headlines]))

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know of the intervals beyond the last candle."""
        return tuple(tell_without_bands(self.result, learn_moves(self.result)))

    def plot(self) -> Figure:
        """The last candles, the forecast with its intervals, and naive with its own."""
        return self.result.plot("outlook")

    def save(self, folder: str | Path) -> Path:
        """Write the run folder with the report."""
        return self.result.save(folder)

    def to_pandas(self) -> Any:
        """`table` as a pandas frame."""
        return to_pandas(self.table)

    def _repr_html_(self) -> str:
        return f"{sentences_html(self.sentences)}{self.table._repr_html_()}"


def forecast(candles: Any, *, horizon: int | str | Sequence[int | str] = USUAL_HORIZON, **settings: Any) -> Outlook:
    """Train on everything up to the last candle and forecast the next ones.

    The same settings are trained without the latest test span and judged on it, in the same program. Prices have
    intervals that are calibrated on the validation part; `intervals="none"` leaves them out.

    Args:
        candles: a candle table, a pandas or polars frame, or a file.
        horizon: how many candles to forecast, or several such numbers: one training serves them all, and each is
            judged.
        **settings: any keyword of `compare`.

    Raises:
        UsageError: an unknown keyword, model, feature or value.
        DataError: candles that cannot be read or do not suffice.

    Example:
        >>> import coincast as cc
        >>> candles = cc.simulate("echo", candles=300, seed=1)
        >>> outlook = cc.forecast(candles, horizon=[1, 3], models=["ar"])
        >>> outlook.table["step"].to_list()
        [1, 2, 3]
    """
    horizons = read_horizons(horizon)
    spec = forecast_spec(horizon=horizons[-1], **settings)
    refuse_horizons(spec, horizons)
    table = as_candles(candles, spec.data.outside)
    return Outlook(run_experiment(with_newest(spec, table), table, beyond=True), horizons)


def forecast_spec(**settings: Any) -> Spec:
    """The settings of a forecast where the user names none."""
    said = {key for key, value in settings.items() if value is not None}
    return with_intervals(Spec.from_keywords(**{**DEFAULTS, **QUICK, **settings}), said)


def with_intervals(spec: Spec, said: Collection[str] = ()) -> Spec:
    """The same settings with intervals that are calibrated on a validation part, where prices are forecast.

    Args:
        spec: with intervals of its own it stays as it is.
        said: keys that a user has named, such as "intervals" or "judge.intervals": what was said, stands.
    """
    named = {key.rpartition(".")[2] for key in said}
    if spec.samples.quantity != "price" or spec.judge.intervals != "none" or "intervals" in named:
        return spec
    values = {**spec.to_dict(), "models": spec.models}
    if spec.split.validation in (0, 0.0):
        if "validation" in named:
            return spec
        values["split"] = {**values["split"], "validation": VALIDATION}
    values["judge"] = {**values["judge"], "intervals": "split"}
    return Spec.from_dict(values)


def with_newest(spec: Spec, candles: pl.DataFrame) -> Spec:
    """The same settings for the newest `NEWEST` candles of every market.

    Args:
        spec: of a forecast; as it is where it says since when, or where the test span begins.
        candles: a candle table.
    """
    if spec.data.since is not None or spec.split.test != SplitSection().test:
        return spec
    chosen = choose_candles(candles, spec.data)
    since = chosen.group_by("market").agg(pl.col("open_time").sort().tail(NEWEST).first())["open_time"].min()
    if since == chosen["open_time"].min():
        return spec
    values = {**spec.to_dict(), "models": spec.models}
    return Spec.from_dict({**values, "data": {**values["data"], "since": since}})


def describe_outlook(run: FolderRun, outlook: Outlook) -> dict[str, Any]:
    """What `coincast forecast --json` prints: the forecasts, and all that `compare` prints of the experiment behind.

    Args:
        run: the experiment in its folder.
        outlook: the same with its candles, and the horizons that were asked for.
    """
    told = describe_run(run)
    horizons = outlook.verdicts.to_dicts() if len(outlook.horizons) > 1 else []
    return {
        "forecasts": outlook.table.to_dicts(),
        **told,
        "horizons": horizons,
        "horizon_sentences": list(outlook.sentences) if horizons else [],
        "notes": [*told["notes"], *outlook.notes],
    }
