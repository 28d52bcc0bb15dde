"""A result in memory: pictures, pages, pandas."""

from __future__ import annotations

import pandas as pd
import pytest
from matplotlib.figure import Figure

from coincast.errors import UnknownNameError, UsageError
from coincast.experiments.result import Result


@pytest.mark.parametrize("picture", ["forecast", "skill", "errors", "seeds", "training", "price", "split", "shift"])
def test_pictures_are_figures(result: Result, picture: str) -> None:
    assert isinstance(result.plot(picture), Figure)


def test_the_forecast_is_drawn_unless_said(result: Result) -> None:
    assert isinstance(result.plot(), Figure)


def test_pictures_that_cannot_be_drawn_are_refused(result: Result) -> None:
    with pytest.raises(UnknownNameError, match="unknown picture 'forecst'; did you mean 'forecast'"):
        result.plot("forecst")
    with pytest.raises(UsageError, match="nothing to show in the picture 'outlook'"):
        result.plot("outlook")


def test_a_notebook_shows_sentences_and_leaderboard(result: Result, two_results: Result) -> None:
    assert "The LSTM ensemble" in result._repr_html_()
    assert "<table" in result._repr_html_()
    page = two_results._repr_html_()
    assert "simulated:WALK1/USD: The LSTM" in page
    assert "simulated:ECHO1/USD: The LSTM" in page
    assert '"the price' not in page  # quotes are escaped


def test_pandas_gets_the_leaderboard(result: Result) -> None:
    frame = result.to_pandas()
    assert isinstance(frame, pd.DataFrame)
    assert frame["model"].tolist() == result.leaderboard["model"].to_list()


def test_a_result_prints_short(result: Result) -> None:
    assert len(repr(result)) < 4000


def test_the_headline_is_the_first_model_of_the_spec(result: Result) -> None:
    assert result.headline["model"] == "lstm.ensemble"
    assert result.headline["metric"] == "abs_log_error"
    assert result.verdict == result.headline["verdict"]
