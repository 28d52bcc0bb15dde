"""What column names mean."""

from __future__ import annotations

import pytest

from coincast.errors import ColumnError, UnknownNameError
from coincast.forecasts.columns import find_columns, find_models, read_level


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["target_time", "actual", "predicted"], {"target_time": 0, "actual": 1, "predicted": 2}),
        (["Date", "Close", "Prediction"], {"target_time": 0, "actual": 1, "predicted": 2}),
        (["ds", "y", "yhat"], {"target_time": 0, "actual": 1, "predicted": 2}),
        (["ds", "y", "y_hat", "cutoff"], {"target_time": 0, "actual": 1, "predicted": 2, "origin": 3}),
        (["timestamp", "y true", "y-pred"], {"target_time": 0, "actual": 1, "predicted": 2}),
        (["date", "close", "forecast", "last_close"], {"target_time": 0, "actual": 1, "predicted": 2, "last_close": 3}),
        (
            ["date", "y", "forecast", "h", "symbol"],
            {"target_time": 0, "actual": 1, "predicted": 2, "step": 3, "market": 4},
        ),
    ],
)
def test_names_are_found_leniently(names: list[str], expected: dict[str, int]) -> None:
    assert find_columns(names) == {role: names[i] for role, i in expected.items()}


@pytest.mark.parametrize("quantity", ["direction", "volatility"])
def test_naive_is_the_naive_forecast_where_a_table_has_to_tell_it(quantity: str) -> None:
    names = ["ds", "y", "y_hat", "naive"]
    assert find_columns(names, quantity=quantity)["naive"] == "naive"
    assert find_columns([*names, "naive_forecast"], quantity=quantity)["naive"] == "naive_forecast"
    assert find_columns([*names, "mine"], {"naive": "mine"}, quantity=quantity)["naive"] == "mine"


@pytest.mark.parametrize("quantity", ["price", "log_return"])
def test_naive_may_be_a_model_beside_what_needs_none(quantity: str) -> None:
    names = ["ds", "y", "cutoff", "naive"]
    found = find_columns(names, quantity=quantity)
    assert "naive" not in found
    assert list(find_models(names, found)) == ["naive"]


def test_what_the_user_says_comes_first() -> None:
    found = find_columns(["date", "close", "price", "forecast"], {"predicted": "close"})
    assert found == {"target_time": "date", "actual": "price", "predicted": "close"}


def test_a_wrong_mapping_says_what_is_known() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'predicted'"):
        find_columns(["a"], {"predictd": "a"})
    with pytest.raises(ColumnError, match="column 'b' for predicted is not there; the table has a"):
        find_columns(["a"], {"predicted": "b"})
    with pytest.raises(ColumnError, match=r"'q10' and 'p10' are both the 0\.1 quantile"):
        find_columns(["q10", "p10"])


@pytest.mark.parametrize(
    ("name", "level"),
    [
        *(("q05", 0.05), ("q5", 0.05), ("q10", 0.1), ("q975", 0.975), ("q0.1", 0.1), ("q_0.25", 0.25), ("Q95", 0.95)),
        *(("0.1", 0.1), (".9", 0.9), ("p90", 0.9), ("P5", 0.05), ("p97.5", 0.975), ("quantile_0.9", 0.9)),
        *(("predicted_q10", 0.1), ("yhat-p10", 0.1), ("percentile 10", 0.1)),
        *(("q", None), ("price", None), ("q0", None), ("1", None), ("model2", None), ("0.0", None), ("sq10", None)),
    ],
)
def test_levels(name: str, level: float | None) -> None:
    assert read_level(name) == level


def test_models_of_a_nixtla_frame() -> None:
    names = [
        "unique_id",
        "ds",
        "cutoff",
        "y",
        "index",
        "LSTM",
        "LSTM-lo-80",
        "LSTM-hi-80",
        "NHITS-median",
        "NHITS-lo-90",
    ]
    models = find_models(names, find_columns(names))
    assert models == {
        "LSTM": {"predicted": "LSTM", "q10": "LSTM-lo-80", "q90": "LSTM-hi-80"},
        "NHITS": {"predicted": "NHITS-median", "q05": "NHITS-lo-90"},
    }


def test_a_table_of_candles_holds_no_models() -> None:
    names = ["date", "open", "high", "low", "close"]
    assert find_models(names, find_columns(names)) == {}
