"""What a trial is: one configuration that was judged on one test span.

A test span is the truth that forecasts were judged on: market, interval, quantity, and every target time with its
actual value. A configuration is what made the forecasts; where that is not known, it is the forecasts themselves. The
naive forecast and its copies are no trials, nor are runs that failed. Simulated markets are not counted: there is
always a fresh one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.experiments.entries import is_network
from coincast.forecasts.combine import ENSEMBLE
from coincast.scores.series import LossSeries, deciding_series
from coincast.sources.simulated import SOURCE

if TYPE_CHECKING:
    from coincast.experiments.spec import Spec

DIGITS = 24
"""Hexadecimal digits of a hash in a file name."""
FIGURES = 9
"""Significant figures in which numbers count as the same."""
SAMPLE_KEYS = ("inputs", "features", "lookback", "horizon", "quantity", "multi_step", "scaling")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


@dataclass(frozen=True)
class Trial:
    """One configuration that was judged on one test span; what its file holds.

    Attributes:
        market, interval, quantity: what was forecast.
        span: hash of the test span.
        first, last: its first and last target time, milliseconds since 1970.
        model: name of the model, for a person.
        configuration: hash of what made the forecasts.
        values: hash of the forecasts. Two trials with the same forecasts are one, however they were made.
    """

    market: str
    interval: str
    quantity: str
    span: str
    first: int
    last: int
    model: str
    configuration: str
    values: str

    @property
    def series(self) -> str:
        """Hash of what overlapping spans have in common."""
        return _hash("series", self.market, self.interval, self.quantity)

    @property
    def folder(self) -> str:
        return f"{self.series}-{self.span}"


KEPT_OUT = {"memory", "checkpoints", "tensorboard"}
"""Keys of `[training]` that change no forecast."""


def configurations(spec: Spec, forecasts: pl.DataFrame) -> dict[str, str]:
    """What made the forecasts of each model of an experiment, as a hash.

    It holds the model's settings and all of the spec that changes forecasts on a given test span: inputs and windows,
    the past that is learnt from, refits, and for networks the training with its seeds. Labels and places of files are
    not in it. A user's own model is not among them, for its code may change: its forecasts tell it apart.

    Args:
        spec: the experiment.
        forecasts: its forecast table.
    """
    from coincast.models import MODELS

    samples = {name: getattr(spec.samples, name) for name in SAMPLE_KEYS} | {"target": spec.target}
    past = spec.split.model_dump(exclude={"test"}) | {"since": spec.data.since, "outside": _names(spec.data.outside)}
    past["markets"] = spec.data.markets if spec.samples.inputs == "all" else []
    found = {}
    for model in forecasts["model"].unique().sort().to_list():
        stem = model.removesuffix(ENSEMBLE)
        entries = [one for one in spec.models if stem == one.label or stem.startswith(f"{one.label}(")]
        entry = max(entries, key=lambda one: len(one.label), default=None)
        if entry is None or entry.name not in MODELS:
            continue
        learnt = spec.training.model_dump(exclude=KEPT_OUT) | {"loss": spec.loss}
        training = learnt if is_network(entry) else spec.training.seed
        of_grid = stem.removeprefix(entry.label)
        settings = _ADDRESS.sub("", repr(entry.settings))
        facts = [entry.name, settings, of_grid, samples, past, training]
        found[model] = _hash("configuration", json.dumps(facts, sort_keys=True, default=str))
    return found


def find_trials(forecasts: pl.DataFrame, *, made_by: Mapping[str, str] | None = None) -> list[Trial]:
    """The trials that a table of forecasts holds: every model but the naive one and its copies, on every market.

    Args:
        forecasts: a table of forecasts; ensembles are added where a model has several runs, whose single runs are no
            trials.
        made_by: the hash of each model's configuration (`configurations`); without one the forecasts stand for it.
    """
    markets: dict[tuple[str, str, str], list[LossSeries]] = {}
    for series in deciding_series(forecasts):
        panel = series.panel
        if panel.market.partition(":")[0] != SOURCE:
            markets.setdefault((panel.market, panel.interval, panel.quantity), []).append(series)
    trials = []
    for (market, interval, quantity), every in markets.items():
        span, first, last = _hash_span(every)
        for series in every:
            if not series.is_copy:
                values = _hash_values(series)
                made = (made_by or {}).get(series.panel.model, values)
                own = (series.panel.model, made, values)
                trials.append(Trial(market, interval, quantity, span, first, last, *own))
    return trials


def _hash_span(every: Sequence[LossSeries]) -> tuple[str, int, int]:
    """Hash, first and last target time of all that was judged on one market, whichever model was judged on it."""
    kinds = {(series.origins.tobytes(), series.steps): series.panel for series in every}
    pairs = pl.DataFrame(
        {
            "target": np.concatenate([panel.targets.ravel() for panel in kinds.values()]),
            "actual": np.concatenate([panel.actual.ravel() for panel in kinds.values()]),
        }
    )
    pairs = pairs.with_columns(pl.col("actual").round_sig_figs(FIGURES) + 0.0).unique().sort("target", "actual")
    span = _hash("span", pairs["target"].to_numpy(), pairs["actual"].to_numpy())
    return span, int(pairs["target"][0]), int(pairs["target"][-1])


def _hash_values(series: LossSeries) -> str:
    panel = series.panel
    values = pl.Series(panel.value.ravel()).round_sig_figs(FIGURES) + 0.0
    return _hash("values", panel.origins, panel.steps, values.to_numpy())


def _hash(*parts: str | NDArray[Any]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else np.ascontiguousarray(part).tobytes()
        digest.update(f"{len(content)} ".encode() + content)
    return digest.hexdigest()[:DIGITS]


def _names(outside: Sequence[str]) -> list[str]:
    """Outside series without the folders that their files lie in."""
    return [Path(given.partition("=")[2] or given).name for given in outside]
