"""What live forecasts are worth so far, as answers show it."""

from __future__ import annotations

from pydantic import Field

from coincast.live.ledger import Ledger, Running, running
from coincast.web.api.boards import BoardRow, Word
from coincast.web.api.shapes import Number, Shape

Place = tuple[str, str, str]
"""Market, interval and model."""


class VerdictShape(Shape):
    """What the scored forecasts of a model on a market are worth beside naive."""

    word: Word | None = Field(description="null for naive itself")
    sentence: str | None
    skill: Number
    low: Number
    high: Number
    p: Number
    n: int = Field(description="origins judged")
    coverage80: Number = Field(description="share of the prices inside the 80 % interval")


def verdicts_of(ledger: Ledger) -> dict[Place, VerdictShape]:
    """The verdict of now on every model and market."""
    return {(one.market, one.interval, one.model): _show(one) for one in running(ledger)}


def live_rows(ledger: Ledger) -> list[BoardRow]:
    """The verdicts of now as rows of the leaderboard."""
    return [_row(one) for one in running(ledger) if one.n]


def _show(one: Running) -> VerdictShape:
    told = {name: getattr(one, name) for name in ("sentence", "skill", "low", "high", "p", "n", "coverage80")}
    return VerdictShape(word=one.verdict, **told)


def _row(one: Running) -> BoardRow:
    names = ("market", "interval", "model", "skill", "low", "high", "verdict", "sentence", "naive", "p", "p_holm", "n")
    return BoardRow(
        source="ledger",
        run_id=None,
        run=None,
        quantity="price",
        metric="abs_log_error",
        value=one.loss,
        detectable=one.detectable,
        runs=None,
        runs_better=None,
        **{name: getattr(one, name) for name in names},
    )
