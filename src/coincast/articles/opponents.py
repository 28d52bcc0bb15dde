"""Opponents that an experiment's spec does not name, fitted and judged as if it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from coincast.experiments.entries import ModelEntry
from coincast.experiments.result import Result
from coincast.experiments.tasks import choose_candles, make_tasks
from coincast.models.forecaster import Forecaster
from coincast.scores.verdict import score_forecasts


def add_opponents(result: Result, candles: pl.DataFrame, opponents: Mapping[str, Forecaster]) -> Result:
    """The same experiment with further opponents: the same training rows, the same origins, one family of tests.

    Nothing that was trained is trained again. The further tests of the result are left out.

    Args:
        result: of the experiment.
        candles: that it was made of.
        opponents: their settings by the names that they get.
    """
    from coincast.experiments.fit import fit_entry

    tasks = make_tasks(result.spec, choose_candles(candles, result.spec.data))
    entries = [ModelEntry(label, type(settings).__name__, settings) for label, settings in opponents.items()]
    fitted = [fit_entry(entry, result.spec, tasks, beside=False) for entry in entries]
    forecasts = pl.concat([result.forecasts, *(one.forecasts for one in fitted)])
    return replace(result, forecasts=forecasts, scores=score_forecasts(forecasts), found={})
