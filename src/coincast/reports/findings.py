"""What pictures and pages read from the further tests of one market: beside the verdict, never instead of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.reports.numbers import percent, things
from coincast.reports.reading import drawn_time, row_of, subject_row
from coincast.reports.story import Story
from coincast.scores.lag import lag_profile
from coincast.scores.point import DECIDING
from coincast.scores.verdict import NAIVE, deciding_rows

Floats = NDArray[np.float64]

MOST_LAGS = 60
VIEWS = {
    "every_origin": "every origin",
    "segments": "segments that do not overlap",
    "full_interval": "the whole span from one origin",
}
"""The three views of forecasts of several steps."""


@dataclass(frozen=True)
class StepErrors:
    """The error that decides at each step ahead.

    Attributes:
        model: whose.
        steps: steps ahead, ascending.
        value, naive: its error and naive's.
        words: the verdict of each step, empty where there was no test.
    """

    model: str
    steps: NDArray[np.int64]
    value: Floats
    naive: Floats
    words: tuple[str, ...]

    @property
    def summary(self) -> str:
        """How many steps got which word."""
        told = [word for word in self.words if word]
        counts = [f"{told.count(word)} {word}" for word in dict.fromkeys(told)]
        return f"Of {things(len(told), 'step')}: {', '.join(counts)}." if told else ""


def step_errors(section: Story) -> StepErrors | None:
    """Collect the errors of the headline's model by step; `None` where it has one step."""
    row = subject_row(section)
    if row is None:
        return None
    same = [pl.col(name) == row[name] for name in ("model", "metric", "level", "view")]
    rows = section.scores.filter(*same, pl.col("subset") == "all", pl.col("step") > 0).sort("step")
    rows = rows.filter(pl.col("value").is_not_null(), pl.col("naive").is_not_null())
    if rows.height < 2:
        return None
    verdicts = section.found("steps", model=row["model"])
    words = {} if verdicts.is_empty() else dict(verdicts.select("step", "verdict").rows())
    return StepErrors(
        model=row["model"],
        steps=rows["step"].to_numpy(),
        value=rows["value"].to_numpy(),
        naive=rows["naive"].to_numpy(),
        words=tuple(words.get(step) or "" for step in rows["step"]),
    )


@dataclass(frozen=True)
class Fluctuations:
    """Skill over time, window by window.

    Attributes:
        model: whose.
        time: the middle of every window, as it is drawn.
        skill: skill of every window.
        band: a skill beyond plus or minus this rejects "as good as naive at every time" at 5 %; NaN where unknown.
        text: what the test found, as sentences.
    """

    model: str
    time: NDArray[np.datetime64]
    skill: Floats
    band: Floats
    text: str


def fluctuations(section: Story) -> Fluctuations | None:
    """Collect skill over time for the headline's model; `None` where the test was not made."""
    row = subject_row(section)
    model = "" if row is None else row["model"]
    path, whole = section.found("fluctuation_path", model=model), section.found("fluctuation", model=model)
    if path.height < 2 or whole.is_empty():
        return None
    path = path.sort("time").filter(pl.col("skill").is_not_null())
    found = whole.row(0, named=True)
    skill = path["skill"].to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        naive = -path["difference"].to_numpy() / skill
    known = np.isfinite(naive)
    if known.sum() < 2:
        return None
    places = np.arange(naive.size)
    naive = np.interp(places, places[known], naive[known])
    band = found["critical"] * found["error"] / np.sqrt(found["window"]) / naive
    return Fluctuations(model, drawn_time(path["time"], section), skill, band, _fluctuation_text(found))


def _fluctuation_text(row: dict[str, Any]) -> str:
    window = f"Skill in windows of {things(row['window'], 'forecast')}, each drawn at its middle."
    if not row["rejects"]:
        said = "It never leaves the band: no sign that the model was better or worse than naive at any time."
    elif row["time"] is None:
        said = "The difference never varies."
    else:
        side = "better" if row["statistic"] < 0 else "worse"
        said = f"It leaves the band, farthest around {row['time']:%Y-%m-%d}, when the model was {side} than naive."
    return f"{window} {said} Band: 5 %, two-sided, over all windows together (Giacomini and Rossi 2010)."


def candles_known(section: Story, until: datetime) -> int | None:
    """Count the candles that were there for a fit that ended at a time; `None` where they are not known."""
    if section.candles is None or section.candles.is_empty():
        return None
    return section.candles.filter(pl.col("close_time") <= until).height


@dataclass(frozen=True)
class LagLine:
    """How far a line lies from the prices of each lag.

    Attributes:
        model: whose.
        step: steps ahead; the last known price stands at this lag.
        lags: candles back from the target.
        distance: mean |ln| from the price so many candles back.
        naive: the same of the naive forecast.
        text: what the line is, for a layman.
    """

    model: str
    step: int
    lags: NDArray[np.int64]
    distance: Floats
    naive: Floats
    text: str

    @property
    def best(self) -> int:
        """The place of the smallest distance."""
        return int(np.argmin(self.distance))


def lag_line(section: Story) -> LagLine | None:
    """Collect the lag diagnosis of the headline's model; `None` where it was not made."""
    row = subject_row(section)
    found = pl.DataFrame() if row is None else section.found("lag", model=row["model"])
    if row is None or found.is_empty() or section.forecasts is None:
        return None
    own = section.forecasts.filter(pl.col("model") == row["model"])
    if own.is_empty() or "last_close" not in own.columns:
        return None
    naive = own.with_columns(model=pl.lit(NAIVE), value=pl.col("last_close"))
    lines = [lag_profile(table).head(MOST_LAGS) for table in (own, naive)]
    if lines[0].is_empty() or lines[0].height != lines[1].height:
        return None
    line, base = lines
    return LagLine(
        model=row["model"],
        step=int(line["step"][0]),
        lags=line["lag"].to_numpy(),
        distance=line["distance"].to_numpy(),
        naive=base["distance"].to_numpy(),
        text=str(found["sentence"][0]),
    )


@dataclass(frozen=True)
class SpanPath:
    """The whole test span as it was forecast from its first origin.

    Attributes:
        model: whose.
        time: dates as they are drawn.
        actual, value, naive: what came (NaN where unknown), what was said, the naive forecast.
        text: what it is, and how far it missed.
    """

    model: str
    time: NDArray[np.datetime64]
    actual: Floats
    value: Floats
    naive: Floats
    text: str


def span_path(section: Story) -> SpanPath | None:
    """Collect the forecast of the whole span, of the headline's model or of the best that went so far."""
    table = section.full_interval
    if table is None or table.is_empty() or section.quantity not in ("price", "log_return"):
        return None
    there = table["model"].unique().to_list()
    row = subject_row(section)
    names = [] if row is None else [row["model"]]
    names += deciding_rows(section.scores).sort("skill", descending=True, nulls_last=True)["model"].to_list()
    model = next((name for name in names if name in there and name != NAIVE), None)
    if model is None:
        return None
    own = table.filter(pl.col("model") == model).sort("step")
    if own.height < 2 or own["origin"].n_unique() > 1:
        return None
    naive = pl.col("last_close") if section.quantity == "price" else pl.lit(0.0)
    own = own.select("target_time", "value", "actual", naive=naive).filter(pl.col("value").is_finite())
    values = {name: own[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in ("actual", "value", "naive")}
    text = f"{things(own.height, 'step')} from one origin: each rests on those before it, so that errors add up."
    metric = DECIDING[section.quantity]
    scored = row_of(section.scores, model, view="full_interval", metric=metric, level="ensemble")
    if scored is not None and scored["skill"] is not None:
        text += f" Skill {percent(scored['skill'], signed=True)}; one origin is no sample, so there is no verdict."
    return SpanPath(model, drawn_time(own["target_time"], section), text=text, **values)
