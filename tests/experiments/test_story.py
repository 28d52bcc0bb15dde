"""What a report is given of a result and of a judgement."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from coincast.experiments.compare import compare
from coincast.experiments.judge import judge
from coincast.experiments.result import Result
from coincast.experiments.story import say, tell, tell_judgement
from coincast.reports.pictures_outlook import draw_outlook, outlook_text
from coincast.reports.reading_outlook import look_ahead
from coincast.scores.finding import Finding
from coincast.sources.simulated import simulate


@pytest.fixture(scope="module")
def result() -> Result:
    candles = simulate("walk", candles=300, seed=1)
    return compare(candles, models=["naive", "drift", "ar"], test=0.4, validation=0.2)


def with_findings(result: Result, findings: dict[str, Finding], **more: Any) -> Any:
    """A result that holds these findings and whatever else."""
    told = {name: getattr(result, name) for name in Result.__dataclass_fields__}
    return SimpleNamespace(**{**told, "further": findings, **more})


def test_findings_become_tables_and_notes(result: Result) -> None:
    table = pl.DataFrame({"market": [result.parts["market"][0]], "model": ["drift"]})
    findings = {
        "one": Finding(table, ("something is left out", "drift on its market is short")),
        "two": Finding(pl.DataFrame(), ("something is left out",)),
    }
    told = with_findings(result, findings, notes=("A note.", "something is left out"), trials=7)
    story = tell(told)
    assert story.further["one"].equals(table)
    assert story.further["two"].is_empty()
    assert story.trials == 7
    # Each note once, as a sentence; the name of a model stays as it is.
    assert story.notes == ("A note.", "Something is left out.", "drift on its market is short.")


def test_a_result_brings_its_forecasts_of_the_past_and_of_the_whole_span(result: Result) -> None:
    story = tell(result)
    assert story.calibration is not None
    assert story.calibration.height == result.calibration.height
    bare = tell(with_findings(result, {}, calibration=result.calibration.clear(), full_interval=pl.DataFrame()))
    assert bare.calibration is None
    assert bare.full_interval is None
    assert bare.further == {}


def test_a_judgement_is_told_with_its_findings(result: Result) -> None:
    judgement = judge(result.forecasts.filter(pl.col("model") == "ar"))
    story = tell_judgement(judgement)
    assert set(story.further) == set(judgement.further)
    assert story.further["lag"].equals(judgement.further["lag"].table)
    assert all(note.endswith(".") for note in story.notes)


@pytest.mark.parametrize(
    ("quantity", "naive", "unit"),
    [("price", None, "USD"), ("log_return", 0.0, "log return"), ("direction", 1.0, "%"), ("volatility", 0.04, "%")],
)
def test_every_quantity_has_its_outlook(result: Result, quantity: str, naive: float | None, unit: str) -> None:
    last = result.forecasts.filter(pl.col("model") == "ar").tail(1)
    told = {"quantity": pl.lit(quantity), "naive": pl.lit(naive, dtype=pl.Float64), "value": pl.lit(0.03)}
    told |= {} if quantity in ("direction", "volatility") else {"naive": pl.lit(None, dtype=pl.Float64)}
    rows = last.with_columns(**told)
    story = tell(with_findings(result, {}, outlook=rows, scores=result.scores.with_columns(quantity=pl.lit(quantity))))
    assert story.outlook is not None
    expected = last["last_close"][0] if quantity == "price" else naive
    assert story.outlook["naive"].to_list() == [expected]
    (section,) = story.sections()
    ahead, factor = look_ahead(section), 100 if unit == "%" else 1
    assert ahead is not None
    assert (ahead.value[-1], ahead.naive[-1]) == (factor * 0.03, factor * expected)
    # Closes stand beside prices only.
    assert (ahead.past.size > 0) == (quantity == "price")
    assert outlook_text(ahead, section).count(f" {unit}") >= 2
    assert draw_outlook(section) is not None


def test_naive_alone_is_said_in_the_words_of_its_quantity() -> None:
    row = {"verdict": None, "quantity": "volatility"}
    assert (
        say(pl.DataFrame(), row) == "Only the naive forecast, the usual estimate from past volatility (EWMA), was run."
    )
