"""What comes after the last candle, beside naive and beside the verdict of the same settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from coincast.experiments.compare import as_candles, describe_run
from coincast.experiments.folder import FolderRun
from coincast.experiments.result import Result, sentences_html
from coincast.experiments.run import run_experiment
from coincast.experiments.spec import Spec
from coincast.experiments.story import outlook_table
from coincast.tabular import to_pandas

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEFAULTS = {"name": "forecast", "models": ["lstm", "naive"], "lookback": 20, "epochs": 20, "learning_rate": 0.002}


@dataclass(frozen=True)
class Outlook:
    """Forecasts beyond the last candle.

    Attributes:
        result: the experiment behind it: the same settings judged on the latest test span.
    """

    result: Result

    @property
    def table(self) -> pl.DataFrame:
        """`market, interval, model, quantity, origin, step, target_time, value, low, high, naive`; no single runs.

        `low, high` hold nine of ten runs: how much the seeds differ, not a 90 % interval of the price.
        """
        return outlook_table(self.result)

    @property
    def verdict(self) -> str | None:
        """The word on the same settings on the latest test span."""
        return self.result.verdict

    @property
    def sentence(self) -> str:
        """That verdict as a sentence for a layman."""
        return self.result.sentence

    @property
    def sentences(self) -> tuple[str, ...]:
        """The same for every market that was forecast."""
        return self.result.sentences

    def plot(self) -> Figure:
        """The last candles, the forecast and naive."""
        return self.result.plot("outlook")

    def save(self, folder: str | Path) -> Path:
        """Write the run folder with the report."""
        return self.result.save(folder)

    def to_pandas(self) -> Any:
        """`table` as a pandas frame."""
        return to_pandas(self.table)

    def _repr_html_(self) -> str:
        return f"{sentences_html(self.sentences)}{self.table._repr_html_()}"


def forecast(candles: Any, *, horizon: int = 7, **settings: Any) -> Outlook:
    """Train on everything up to the last candle and forecast the next ones.

    The same settings are trained without the latest test span and judged on it, in the same program.

    Args:
        candles: a candle table, a pandas or polars frame, or a file.
        horizon: how many candles to forecast.
        **settings: any keyword of `compare`.

    Raises:
        UsageError: an unknown keyword, model, feature or value.
        DataError: candles that cannot be read or do not suffice.
    """
    spec = forecast_spec(horizon=horizon, **settings)
    return Outlook(run_experiment(spec, as_candles(candles, spec.data.outside), beyond=True))


def forecast_spec(**settings: Any) -> Spec:
    """The settings of a forecast where the user names none."""
    return Spec.from_keywords(**{**DEFAULTS, **settings})


def describe_outlook(run: FolderRun) -> dict[str, Any]:
    """What `coincast forecast --json` prints: the forecasts, and all that `compare` prints of the experiment behind."""
    return {"forecasts": outlook_table(run.result).to_dicts(), **describe_run(run)}
