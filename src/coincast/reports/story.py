"""Everything a report needs, as tables: what was done, what was forecast, what it was worth.

The same `Story` serves a training run, a forecast beyond the last candle and a judgement of somebody else's forecasts.
Whatever a run does not have is `None`, and the report leaves that part out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

SECTION_KEYS = ("market", "interval", "quantity")
TABLES = (
    *("candles", "parts", "forecasts", "scores", "runs", "history", "shift", "outlook"),
    *("intervals", "calibration", "full_interval"),
)


@dataclass(frozen=True)
class Story:
    """The tables and words of one report.

    Attributes:
        title: what was done, in a few words ("ETH daily, 25 seeds").
        command: the command that makes this report again.
        scores: the score table (docs/architecture.md); every figure of a report is a row of it.
        forecasts: the forecast table with ensembles, baselines and naive; `first_close` may be there.
        candles: the candle table.
        parts: `market, part` (train, validation, test)`, first, last, rows, windows`; `first` is an open time, `last` a
            close time.
        runs: the table of runs.
        history: `market, model, run, epoch, loss, validation_loss`, and `fit` where runs were fitted several times.
        shift: `market, input, train_low, train_high, share_below, share_above, share_outside`.
        outlook: `market, model, origin, target_time, value, low, high, naive`: the forecast beyond the last candle;
            `low, high` hold 90 % of the runs, null for a model without runs.
        intervals: the table of intervals.
        calibration: forecasts of the validation part, which tell the prices before the first origin.
        full_interval: forecasts of the whole test span from its first origin.
        further: tables of the further tests by name (`coincast.scores.further`); empty ones may lack their columns.
        trials: how many configurations were judged on this test span so far; `None` where nobody counted.
        facts: what the end of the report lists: fingerprint, settings, versions, files.
        spec_toml: the spec as it was run.
        notes: sentences a reader should know, such as assumptions made while reading.
        headline: the first sentence, where the report should not make its own.
        reasons: sentences below it, where the report should not make its own; over several markets each has to name its
            own.
        sentences: (market, model) to what is said of that model there, used in place of the report's own sentence.
        dates_are_targets: whether dates stand as the target times are written, as readers of their own table expect it;
            otherwise a daily candle stands at the day that it covers.
    """

    title: str
    command: str
    scores: pl.DataFrame
    forecasts: pl.DataFrame | None = None
    candles: pl.DataFrame | None = None
    parts: pl.DataFrame | None = None
    runs: pl.DataFrame | None = None
    history: pl.DataFrame | None = None
    shift: pl.DataFrame | None = None
    outlook: pl.DataFrame | None = None
    intervals: pl.DataFrame | None = None
    calibration: pl.DataFrame | None = None
    full_interval: pl.DataFrame | None = None
    further: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    trials: int | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    spec_toml: str = ""
    notes: tuple[str, ...] = ()
    headline: str | None = None
    reasons: tuple[str, ...] = ()
    sentences: Mapping[tuple[str, str], str] = field(default_factory=dict)
    dates_are_targets: bool = False

    def sections(self) -> list[Story]:
        """Return one story for each market, interval and quantity, in the order of the scores, else of the candles.

        A given sentence does not tell interval and quantity: where a market has several, the report makes its own.
        """
        for table in (self.scores, self.forecasts, self.candles, self.outlook):
            if table is not None and not table.is_empty():
                names = [name for name in SECTION_KEYS if name in table.columns]
                keys = table.select(names).unique(maintain_order=True)
                alone = keys.filter(pl.col("market").is_unique())["market"].to_list()
                told = {key: text for key, text in self.sentences.items() if key[0] in alone}
                return [replace(self._only(**key), sentences=told) for key in keys.to_dicts()]
        return []

    @property
    def market(self) -> str:
        """The market of a section; empty where the tables are."""
        return self._key("market")

    @property
    def interval(self) -> str:
        """The candles' interval of a section; empty where no table names it."""
        return self._key("interval")

    @property
    def quantity(self) -> str:
        """What is forecast in a section: price where no table tells."""
        return self._key("quantity") or "price"

    def found(self, test: str, **conditions: Any) -> pl.DataFrame:
        """Return the rows of a further test that meet the conditions; an empty table where it was not made."""
        table = self.further.get(test)
        if table is None or table.is_empty():
            return pl.DataFrame()
        return table.filter(*(pl.col(name) == value for name, value in conditions.items()))

    def _only(self, **key: str) -> Story:
        kept: dict[str, Any] = {name: _filtered(getattr(self, name), key) for name in TABLES}
        # A test without a market speaks of several: it belongs above the sections.
        own = {name: table for name, table in self.further.items() if "market" in table.columns}
        further = {
            name: table.filter(*(pl.col(column) == value for column, value in key.items() if column in table.columns))
            for name, table in own.items()
        }
        return replace(self, **kept, further=further)

    def _key(self, name: str) -> str:
        for table in (self.scores, self.forecasts, self.candles, self.outlook):
            if table is not None and name in table.columns and not table.is_empty():
                return str(table[name][0])
        return ""


def _filtered(table: pl.DataFrame | None, key: Mapping[str, str]) -> pl.DataFrame | None:
    if table is None:
        return None
    return table.filter(*(pl.col(name) == value for name, value in key.items() if name in table.columns))
