"""Forecasts that other people made, in the forms in which they come."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from coincast.errors import ColumnError, DataError, ForecastError, UsageError
from coincast.forecasts.outside import read_outside

N = 30
DAYS = pl.date_range(date(2020, 1, 1), date(2020, 1, N), eager=True)
PRICES = 100 * np.exp(np.cumsum(0.05 * np.random.default_rng(0).standard_normal(N)))


def make_table(**changes: object) -> pl.DataFrame:
    return pl.DataFrame({"date": DAYS, "actual": PRICES, "predicted": PRICES + 1, **changes})


def test_without_an_origin_the_row_before_is_the_last_known_price() -> None:
    read = read_outside(make_table())
    table = read.forecasts
    assert table["last_close"].to_list() == [None, *PRICES[:-1]]
    assert set(table["step"]) == {1}
    before = pl.date_range(date(2019, 12, 31), date(2020, 1, N - 1), eager=True)
    assert table["origin"].dt.date().to_list() == before.to_list()
    assert table["trained_until"].equals(table["origin"].alias("trained_until"))
    assert set(table["interval"]) == {"1d"}
    assert read.notes == (
        "times without a zone are read as UTC",
        "no origin and no step are given: every forecast is taken to be one step ahead",
        "no last_close is given: the last known price is the actual price of the row at the origin",
    )


def test_a_gap_gives_no_last_price() -> None:
    table = read_outside(make_table().filter(pl.col("date") != date(2020, 1, 11))).forecasts
    unknown = table.filter(pl.col("last_close").is_null())["target_time"].to_list()
    assert unknown == [datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 12, tzinfo=UTC)]


@pytest.mark.parametrize("kind", ["csv", "semicolon", "parquet", "pandas", "pandas index", "shuffled", "newest first"])
def test_every_form_gives_the_same_forecasts(kind: str, tmp_path: Path) -> None:
    table = make_table()
    expected = read_outside(table).forecasts
    if kind == "csv":
        source = tmp_path / "f.csv"
        table.write_csv(source)
    elif kind == "semicolon":
        source = tmp_path / "f.csv"
        table.write_csv(source, separator=";")
    elif kind == "parquet":
        source = tmp_path / "f.parquet"
        table.write_parquet(source)
    elif kind == "pandas":
        source = pd.DataFrame({"date": pd.to_datetime(DAYS.to_list()), "actual": PRICES, "predicted": PRICES + 1})
    elif kind == "pandas index":
        source = pd.DataFrame({"actual": PRICES, "predicted": PRICES + 1}, index=pd.to_datetime(DAYS.to_list()))
    else:
        source = table.sample(fraction=1, shuffle=True, seed=0) if kind == "shuffled" else table.reverse()
    assert read_outside(source).forecasts.equals(expected)


def test_a_zone_moves_times_without_one() -> None:
    read = read_outside(make_table(), zone="Asia/Tokyo")
    assert read.forecasts["target_time"][0] == datetime(2019, 12, 31, 15, tzinfo=UTC)
    assert read.notes[0] == "times without a zone are read as Asia/Tokyo"


def test_days_across_a_change_of_clocks_are_neighbours() -> None:
    days = pl.date_range(date(2020, 3, 20), date(2020, 4, 18), eager=True)
    table = read_outside(make_table(date=days), zone="Europe/Berlin").forecasts
    assert table["last_close"].null_count() == 1


def test_months_are_neighbours() -> None:
    ends = pl.date_range(date(2018, 1, 1), date(2020, 6, 1), "1mo", eager=True).dt.month_end()
    table = read_outside(make_table(date=ends)).forecasts
    assert set(table["interval"]) == {"1M"}
    assert table["last_close"].to_list() == [None, *PRICES[:-1]]


def test_given_origins_tell_the_steps_and_the_last_price() -> None:
    rows = [(origin, step) for origin in range(N - 3) for step in (1, 2, 3)]
    frame = pl.DataFrame(
        {
            "ds": [DAYS[o + s] for o, s in rows],
            "cutoff": [DAYS[o] for o, _ in rows],
            "y": [PRICES[o + s] for o, s in rows],
            "yhat": [1.0 * s for _, s in rows],
        }
    )
    table = read_outside(frame).forecasts
    assert table["step"].to_list() == [s for _, s in rows]
    assert table["value"].to_list() == [s for _, s in rows]
    assert table["last_close"].to_list() == [None] * 3 + [PRICES[o] for o, _ in rows[3:]]
    both = read_outside(frame.with_columns(step=table["step"])).forecasts
    assert both.equals(table)


def test_a_given_step_tells_the_origin() -> None:
    known = np.append(np.full(7, 90.0), PRICES[:-7])
    table = read_outside(make_table(step=7, last_close=known)).forecasts
    assert set(table["target_time"] - table["origin"]) == {pd.Timedelta(days=7)}
    assert table["last_close"].to_list() == known.tolist()


def test_a_horizon_stands_for_origin_and_step() -> None:
    read = read_outside(make_table(), horizon=24)
    assert set(read.forecasts["step"]) == {24}
    assert read.forecasts["last_close"].to_list() == [None] * 24 + PRICES[: N - 24].tolist()
    with pytest.raises(UsageError, match="leave one of them out"):
        read_outside(make_table(step=1), horizon=24)
    with pytest.raises(UsageError, match="horizon is 0"):
        read_outside(make_table(), horizon=0)


def test_nixtla_long_frame(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "unique_id": ["BTC"] * N + ["ETH"] * N,
            "ds": [*DAYS, *DAYS],
            "y": [*PRICES, *(2 * PRICES)],
            "LSTM": [*(PRICES + 1), *(PRICES + 2)],
            "LSTM-lo-80": [*(PRICES - 5), *(PRICES - 5)],
            "LSTM-hi-80": [*(PRICES + 5), *(PRICES + 5)],
            "naive": [*PRICES, *PRICES],
        }
    )
    frame.write_csv(tmp_path / "long.csv")
    read = read_outside(tmp_path / "long.csv")
    table = read.forecasts
    assert table.select("market", "model").unique(maintain_order=True).rows() == [
        ("BTC", "LSTM"),
        ("BTC", "naive (given)"),
        ("ETH", "LSTM"),
        ("ETH", "naive (given)"),
    ]
    assert any("'naive (given)'" in note for note in read.notes)
    assert table.filter(market="ETH", model="LSTM")["value"].to_list() == (PRICES + 2).tolist()
    assert set(read.intervals["model"]) == {"LSTM"}
    assert read.intervals.filter(market="BTC")["q10"].to_list() == (PRICES - 5).tolist()
    assert read.intervals.columns[-2:] == ["q10", "q90"]


def test_quantiles_become_a_table_of_their_own_and_the_median_stands_in() -> None:
    frame = make_table(**{"p5": PRICES - 9, "0.5": PRICES + 1, "q95": PRICES + 9}).drop("predicted")
    read = read_outside(frame)
    assert read.intervals.columns[-3:] == ["q05", "q50", "q95"]
    assert read.forecasts["value"].to_list() == (PRICES + 1).tolist()
    assert read_outside(make_table()).intervals is None


def test_names_and_keys_can_be_said() -> None:
    frame = make_table().rename({"date": "when", "actual": "real thing", "predicted": "mine"})
    read = read_outside(
        frame,
        columns={"target_time": "when", "actual": "real thing", "predicted": "mine"},
        market="file:BTC/USD",
        interval="1d",
    )
    assert set(read.forecasts["market"]) == {"file:BTC/USD"}
    assert read.forecasts["value"].to_list() == (PRICES + 1).tolist()


def test_rows_that_repeat_are_dropped_and_counted() -> None:
    twice = pl.concat([make_table(), make_table()[:3]])
    read = read_outside(twice)
    assert read.forecasts.equals(read_outside(make_table()).forecasts)
    assert read.notes[-1] == "3 rows repeat another row and are left out"


def test_a_missing_forecast_stays_a_row_without_a_value() -> None:
    values = [None, float("nan"), *PRICES[2:]]
    assert read_outside(make_table(predicted=values)).forecasts["value"].null_count() == 2


@pytest.mark.parametrize(
    ("frame", "error", "message"),
    [
        (
            make_table(actual=[0.0, *PRICES[1:]]),
            ForecastError,
            "prices are at or below zero, first 0 at 2020-01-01",
        ),
        (pl.concat([make_table(), make_table(predicted=1.0)[:1]]), ForecastError, "2 rows give different forecasts"),
        (
            pl.concat([make_table(), make_table(actual=1.0)[:1]]),
            ForecastError,
            "two different actual prices, first 1",
        ),
        (make_table(date=[None, *DAYS[1:]]), ForecastError, "date is empty in 1 rows"),
        (make_table(predicted="dear"), ColumnError, "'predicted', row 1: 'dear'"),
        (make_table(step=1.5), ColumnError, "'step' must hold whole numbers"),
        (make_table().drop("predicted"), ColumnError, r"no column for predicted in date, actual; name it: columns="),
        (make_table().drop("actual"), ColumnError, "no column for actual"),
        (make_table()[:1], DataError, "do not tell the interval; say it: --interval 1d"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_a_line_or_two(
    frame: pl.DataFrame, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        read_outside(frame)
    assert len(str(caught.value).splitlines()) <= 2


def test_a_log_return_may_be_negative_and_needs_no_price() -> None:
    moves = np.diff(np.log(PRICES), prepend=np.log(100))
    table = read_outside(make_table(actual=moves, predicted=0.01), quantity="log_return").forecasts
    assert table["actual"].to_list() == moves.tolist()
    assert set(table["quantity"]) == {"log_return"}
    assert table["last_close"].null_count() == N


def test_the_price_of_the_hours_after_the_origin_is_not_known() -> None:
    """Made at 18:05 of day i for the close of day i + 2: the last known close is that of day i."""
    made = pl.datetime_range(datetime(2020, 1, 1, 18, 5), datetime(2020, 1, N - 2, 18, 5), "1d", eager=True)
    table = read_outside(make_table()[2:].with_columns(made_at=made)).forecasts
    assert set(table["step"]) == {2}
    assert table["last_close"].to_list() == [None, None, *PRICES[2:-2]]
    assert set(read_outside(make_table()[2:].with_columns(made_at=made + timedelta(days=1))).forecasts["step"]) == {1}


def test_days_are_no_weeks() -> None:
    with pytest.raises(ForecastError, match=r"2020-01-0. 00:00 of outside are closer than 1w; give the interval of"):
        read_outside(make_table(), interval="1w")


@pytest.mark.parametrize("column", [PRICES, 1.0])
def test_a_last_close_that_the_table_denies_is_refused(column: object) -> None:
    with pytest.raises(
        ForecastError, match=r"29 of 29 last closes differ .* first .* and 100\.\d+ at 2020-01-01 00:00"
    ):
        read_outside(make_table(last_close=column))


def test_one_last_close_of_many_that_differs_is_noted() -> None:
    days = pl.date_range(date(2015, 1, 1), date(2016, 1, 1), eager=True)
    prices = np.linspace(100, 200, days.len())
    known = np.append(np.nan, prices[:-1])
    known[9] = 50.0
    frame = pl.DataFrame({"date": days, "actual": prices, "predicted": prices, "last_close": known})
    read = read_outside(frame)
    assert read.forecasts["last_close"][9] == 50
    assert read.notes[-1].startswith("1 of 365 last closes differ from the actual price at their origin, first 50 and")


def test_the_price_of_a_ticker_is_no_last_close() -> None:
    assert read_outside(make_table(last=PRICES)).forecasts["last_close"].to_list() == [None, *PRICES[:-1]]


def test_a_lone_run_is_no_run_and_a_gap_in_one_of_several_leaves_its_origin_out() -> None:
    gap = [None, *PRICES[1:]]
    lone = read_outside(make_table(run=3, predicted=gap)).forecasts
    assert set(lone["run"]) == {0}
    read = read_outside(pl.concat([make_table(run=1, predicted=gap), make_table(run=2)]))
    assert read.forecasts.group_by("run", maintain_order=True).len().rows() == [(1, N - 1), (2, N - 1)]
    assert "forecast on outside: some of its runs have no forecast at 1 origins, left out" in read.notes
    silent = pl.lit(None, dtype=pl.Float64)
    failed = read_outside(pl.concat([make_table(run=1).with_columns(predicted=silent), make_table(run=2)]))
    assert failed.forecasts.height == 2 * N


@pytest.mark.parametrize(
    ("frame", "options", "error", "message"),
    [
        (make_table(), {"horizon": 10**12}, ForecastError, "steps of 1d are more than a hundred years ahead"),
        (make_table(step=1e15), {}, ColumnError, "'step' must hold whole numbers in every row, 1 or more"),
        (make_table(step=1e300), {}, ColumnError, "'step' must hold whole numbers in every row, 1 or more"),
        (make_table(run=-1), {}, ColumnError, "'run' must hold whole numbers in every row, 0 or more"),
        (make_table(step=10**8), {}, ForecastError, "more than a hundred years ahead"),
        (make_table(model=[["a"]] * N), {}, ColumnError, r"'model' holds List\(String\), and names are needed"),
        (make_table(quantity=["price", "log_return"] * (N // 2)), {}, ForecastError, "judge one quantity at a time"),
        (make_table().drop("predicted"), {}, ColumnError, "on the command line --column predicted="),
    ],
)
def test_absurd_tables_are_refused(frame: pl.DataFrame, options: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        read_outside(frame, **options)


def test_an_oracle_from_outside_is_not_ours() -> None:
    assert set(read_outside(make_table(model="oracle")).forecasts["model"]) == {"oracle (given)"}


def test_names_cannot_steer_a_terminal() -> None:
    read = read_outside(make_table(model="\x1b]0;owned\x07 a\nb\u202e", market="\x9bM"))
    assert read.forecasts.select("model", "market").row(0) == ("]0;owned a b", "M")


def test_columns_of_candles_are_nobodys_forecasts() -> None:
    frame = pl.DataFrame({"unique_id": "BTC", "ds": DAYS, "y": PRICES, "LSTM": PRICES, "volume": 1e9})
    read = read_outside(frame)
    assert set(read.forecasts["model"]) == {"LSTM"}
    assert "each of these columns is read as the forecasts of a model: LSTM" in read.notes
    assert "columns left out, for they hold candles and no forecasts: volume" in read.notes
