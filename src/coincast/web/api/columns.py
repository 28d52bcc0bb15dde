"""What the columns of the leaderboard, the track record and the store mean, for those who hover."""

from __future__ import annotations

from typing import NamedTuple

from coincast.reports.cells import HINTS


class Column(NamedTuple):
    """A column: its name in answers, its heading, its unit, and what it means."""

    name: str
    title: str
    unit: str
    words: str


BOARD = (
    Column("market", "market", "", "where the price was made, and of what: source:BASE/QUOTE"),
    Column("interval", "interval", "", "length of a candle: m minutes, h hours, d days, w weeks, M months"),
    Column("quantity", "quantity", "", "what was forecast: a price, a log return, a direction or a volatility"),
    Column("model", "model", "", "who forecast; an ensemble is the mean of all runs of a network"),
    Column("skill", "skill", "share", HINTS["skill"]),
    Column("low", "95 % interval, low", "share", HINTS["95 % interval"]),
    Column("high", "95 % interval, high", "share", HINTS["95 % interval"]),
    Column("verdict", "verdict", "", HINTS["verdict"]),
    Column(
        "metric", "kind of error", "", "the kind of error that decides: for prices the mean of |ln(forecast / price)|"
    ),
    Column("value", "error", "of the metric", HINTS["error"]),
    Column("naive", "naive's", "of the metric", HINTS["naive's"]),
    Column("p", "p", "probability", HINTS["p"]),
    Column("p_holm", "p (Holm)", "probability", HINTS["p (Holm)"]),
    Column("n", "n", "forecasts", HINTS["n"]),
    Column("detectable", "could show", "share", HINTS["could show"]),
    Column("runs", "runs", "trainings", "single trainings behind a network's ensemble"),
    Column("runs_better", "runs better", "trainings", HINTS["runs better"]),
    Column("source", "from", "", "ledger: forecasts made live, before anybody could know; run: a test on past candles"),
)
"""Columns of the leaderboard, in their order."""

COLUMNS = (
    *BOARD,
    Column("origin", "origin", "time", "close of the last candle that the forecast was allowed to see"),
    Column("target_time", "target", "time", "close of the candle that is forecast"),
    Column("made_at", "made at", "time", "when the forecast was written into the ledger"),
    Column("is_late", "late", "", "written later than the allowance after its origin, and therefore never scored"),
    Column(
        "coverage", "coverage", "share", "share of the prices that lay inside the forecast's intervals of that size"
    ),
    Column("misses", "misses", "", "prices that lay outside the 90 % interval: one in ten is what it promises"),
    Column("outages", "outages", "", "times for which there are no forecasts, and why"),
    Column("last_close", "naive", "quote currency", "the last close at the origin, which the naive forecast repeats"),
    Column("last_trade", "last trade", "quote currency", "the newest price when the forecast was made: a second naive"),
    Column("rows", "candles", "candles", "candles that are stored"),
    Column("gaps", "gaps", "", "places where candles are missing"),
    Column("missing", "missing", "candles", "candles that would fill the gaps"),
    Column("sources", "sources", "", "exchanges and files that the candles came from"),
    Column("updated_at", "last update", "time", "when the store was last written to"),
)
"""Those, and what else stands in the ledger, the track record and the store."""

VERDICTS = {
    "better": "its error is smaller than naive's by more than luck: p (Holm) below 0.05",
    "not distinguishable": "its error and naive's differ by no more than luck would make them",
    "worse": "its error is larger than naive's by more than luck: p (Holm) below 0.05",
    "too few": "too few forecasts for a test: 20 whose targets do not overlap are the least",
}
"""What the words of the judge mean."""
