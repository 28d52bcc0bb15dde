"""Made-up tables for reports: two markets, an LSTM with several runs, and its opponents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from coincast.forecasts.combine import add_ensembles
from coincast.forecasts.intervals import make_intervals
from coincast.reports.story import Story
from coincast.scores.finding import Options
from coincast.scores.further import examine_further
from coincast.scores.interval import score_intervals
from coincast.scores.verdict import score_forecasts, score_full_interval

ETH, BTC = "coinmarketcap:ETH/USD", "coinmarketcap:BTC/USD"
DAY = timedelta(days=1)
START = datetime(2016, 1, 1, tzinfo=UTC)
ERRORS = {"drift": 0.002, "ar": 0.008, "average": 0.025, "random_walk": 0.06}


def make_candles(market: str, rows: int, seed: int, *, start_price: float = 300.0) -> pl.DataFrame:
    """Daily candles of a fat-tailed walk."""
    rng = np.random.default_rng(seed)
    close = start_price * np.exp(np.cumsum(0.035 * rng.standard_t(4, rows) / np.sqrt(2)))
    opened = [START + index * DAY for index in range(rows)]
    return pl.DataFrame(
        {
            "market": [market] * rows,
            "interval": ["1d"] * rows,
            "open_time": opened,
            "close_time": [time + DAY for time in opened],
            "open": np.r_[start_price, close[:-1]],
            "high": close * 1.02,
            "low": close * 0.98,
            "close": close,
            "volume": rng.lognormal(13, 0.7, rows),
        },
        schema_overrides={name: pl.Datetime("ms", "UTC") for name in ("open_time", "close_time")},
    )


def make_forecasts(candles: pl.DataFrame, first: int, *, seeds: int, edge: float, seed: int = 1) -> pl.DataFrame:
    """Forecast rows over the candles from row `first` on: naive, a network's runs and ensemble, four opponents.

    `edge` is the share of the next change that the network sees; below zero it only adds noise.
    """
    rng = np.random.default_rng(seed)
    known, actual = candles["close"].to_numpy()[first - 1 : -1], candles["close"].to_numpy()[first:]
    change, rows = np.log(actual / known), actual.size
    seen = max(edge, 0.0) * change + (-edge if edge < 0 else 0.0) * 0.035 * rng.standard_normal(rows)
    said = {("naive", 0): known}
    runs = [
        known * np.exp(seen + 0.004 * rng.standard_normal() + 0.01 * rng.standard_normal(rows)) for _ in range(seeds)
    ]
    said |= {("lstm", number): values for number, values in enumerate(runs, start=1)}
    for model, spread in ERRORS.items():
        said[(model, 0)] = known * np.exp(spread * rng.standard_normal(rows))
    shared = {
        "market": candles["market"][first:],
        "interval": candles["interval"][first:],
        "quantity": pl.repeat("price", rows, eager=True),
        "trained_until": pl.repeat(candles["close_time"][first - 1], rows, dtype=pl.Datetime("ms", "UTC"), eager=True),
        "origin": candles["close_time"][first - 1 : -1],
        "target_time": candles["close_time"][first:],
        "actual": actual,
        "last_close": known,
    }
    frames = [
        pl.DataFrame(shared).with_columns(
            model=pl.lit(model), run=pl.lit(run, pl.Int64), step=pl.lit(1, pl.Int64), value=pl.Series(values)
        )
        for (model, run), values in said.items()
    ]
    return add_ensembles(pl.concat(frames))


def make_history(market: str, seeds: int, epochs: int) -> pl.DataFrame:
    """Falling losses, one curve for each run."""
    rng = np.random.default_rng(3)
    curves = 0.06 + 0.1 * np.exp(-np.arange(epochs) / 6.0) + 0.004 * rng.standard_normal((seeds, epochs))
    return pl.DataFrame(
        {
            "market": [market] * seeds * epochs,
            "model": ["lstm"] * seeds * epochs,
            "run": np.repeat(np.arange(1, seeds + 1), epochs),
            "epoch": np.tile(np.arange(1, epochs + 1), seeds),
            "loss": curves.ravel(),
            "validation_loss": (curves + 0.01).ravel(),
        }
    )


def make_parts(candles: pl.DataFrame, train: int, first: int) -> pl.DataFrame:
    """The two parts of a split."""
    rows = []
    for part, start, stop, windows in (
        ("train", 0, train, train - 10),
        ("test", train, candles.height, candles.height - first),
    ):
        span = {"first": candles["open_time"][start], "last": candles["close_time"][stop - 1]}
        rows.append({"market": candles["market"][0], "part": part, **span, "rows": stop - start, "windows": windows})
    return pl.DataFrame(rows, schema_overrides={name: pl.Datetime("ms", "UTC") for name in ("first", "last")})


def make_shift(market: str) -> pl.DataFrame:
    """Eight inputs, some of them far outside what training saw."""
    names = [
        f"{coin} {name}" for coin in ("BTC", "ETH") for name in ("close", "volume", "close_off_high", "volatility")
    ]
    below = np.array([0.0, 0.01, 0.0, 0.0, 0.05, 0.0, 0.0, 0.02])
    above = np.array([0.32, 0.18, 0.0, 0.01, 0.12, 0.4, 0.0, 0.03])
    columns = {"market": [market] * 8, "input": names, "train_low": [0.0] * 8, "train_high": [1.0] * 8}
    return pl.DataFrame(columns | {"share_below": below, "share_above": above, "share_outside": below + above})


def make_outlook(candles: pl.DataFrame, steps: int = 7) -> pl.DataFrame:
    """Seven days beyond the last candle."""
    last, end = candles["close"][-1], candles["close_time"][-1]
    value = last * np.exp(0.01 * np.arange(1, steps + 1))
    width = 0.05 * np.sqrt(np.arange(1, steps + 1))
    columns = {
        "market": [candles["market"][0]] * steps,
        "model": ["lstm.ensemble"] * steps,
        "target_time": [end + index * DAY for index in range(1, steps + 1)],
        "value": value,
        "low": value * (1 - width),
        "high": value * (1 + width),
        "naive": np.full(steps, last),
    }
    return pl.DataFrame(columns, schema_overrides={"target_time": pl.Datetime("ms", "UTC")})


def build_story(
    markets: tuple[str, ...] = (ETH, BTC),
    *,
    rows: int = 691,
    train: int = 517,
    seeds: int = 25,
    edges: tuple[float, ...] = (-0.5, 0.12),
    outlook: bool = True,
) -> Story:
    """A whole story: by default article 0's shape on two made-up markets, worse on the first, better on the second."""
    candles = [
        make_candles(name, rows, seed=7 + index, start_price=300.0 if index == 0 else 4000.0)
        for index, name in enumerate(markets)
    ]
    forecasts = pl.concat(
        make_forecasts(table, train + 10, seeds=seeds, edge=edge) for table, edge in zip(candles, edges, strict=False)
    )
    return Story(
        title="ETH and BTC, daily: LSTM against naive",
        command="coincast compare examples/eth-daily.toml --candles ethereum_price.csv",
        scores=score_forecasts(forecasts),
        forecasts=forecasts,
        candles=pl.concat(candles),
        parts=pl.concat(make_parts(table, train, train + 10) for table in candles),
        history=pl.concat(make_history(name, seeds, 50) for name in markets),
        shift=pl.concat(make_shift(name) for name in markets),
        outlook=pl.concat(make_outlook(table) for table in candles) if outlook else None,
        facts={"fingerprint": "3f9ac2d1", "coincast": "0.1.0", "ethereum_price.csv": "sha256 1b2c"},
        spec_toml='[data]\nfirst = "2016-01-01"\n\n[[models]]\nname = "lstm"\nunits = 20\n',
        notes=("Volume is unknown on 3 days.",),
    )


@pytest.fixture(scope="session")
def story() -> Story:
    """Two markets with everything a report can show."""
    return build_story()


@pytest.fixture(scope="session")
def section(story: Story) -> Story:
    """The market of `story` on which the network is worse."""
    return next(section for section in story.sections() if section.market == ETH)


@pytest.fixture(scope="session")
def judged() -> Story:
    """A judgement of one outside forecast: no candles, no runs, no history."""
    candles = make_candles("file:ETH/USD", 190, seed=5)
    known = make_forecasts(candles, 20, seeds=1, edge=0.0)
    mine = known.filter(pl.col("model").is_in(["naive", "drift"])).with_columns(
        model=pl.col("model").replace({"drift": "mine"})
    )
    return Story(
        title="forecasts.csv",
        command="coincast judge forecasts.csv",
        scores=score_forecasts(mine),
        forecasts=mine,
        notes=("Without origin and last_close, one step is assumed and the actual price of the row before is taken.",),
        headline="This line is yesterday's price: not distinguishable from it.",
        reasons=("The forecast fits best when it is moved back by one day.",),
    )


@pytest.fixture(scope="session")
def make_story() -> Callable[..., Story]:
    """Build other stories."""
    return build_story


@pytest.fixture(scope="session")
def rivalry() -> Story:
    """A judgement on a table from outside: a network of several runs, and a plain model that is better."""
    candles = make_candles("file:ETH/USD", 200, seed=5)
    known = make_forecasts(candles, 20, seeds=4, edge=-0.3)
    best = known.filter(pl.col("model") == "drift").with_columns(
        model=pl.lit("insider"), value=(pl.col("actual") * pl.col("last_close")).sqrt()
    )
    table = pl.concat([known.filter(pl.col("model").is_in(["naive", "lstm", "lstm.ensemble"])), best])
    return Story(title="runs.csv", command="", scores=score_forecasts(table), forecasts=table, dates_are_targets=True)


@pytest.fixture(scope="session")
def two_quantities() -> Story:
    """One market whose prices and log returns are forecast by one model."""
    candles = make_candles("file:ETH/USD", 200, seed=5)
    price = make_forecasts(candles, 20, seeds=1, edge=0.0).filter(pl.col("model").is_in(["naive", "ar"]))
    change = pl.col("value", "actual").truediv(pl.col("last_close")).log()
    returns = price.filter(pl.col("model") == "ar").with_columns(change, quantity=pl.lit("log_return"))
    table = pl.concat([price, returns])
    return Story(title="both.csv", command="", scores=score_forecasts(table), forecasts=table)


def make_steps(candles: pl.DataFrame, *, models: dict[str, float], steps: int = 2, seeds: int = 3) -> pl.DataFrame:
    """Forecasts of several steps at every origin from row 60 on: naive, models with noise of a size, an LSTM's runs."""
    rng = np.random.default_rng(8)
    close, last = candles["close"].to_numpy(), candles.height - steps
    rows = np.arange(60, last)
    said = {("naive", 0): 0.0} | {("lstm", run): 0.006 for run in range(1, seeds + 1)}
    said |= {(model, 0): size for model, size in models.items()}
    frames = []
    for (model, run), size in said.items():
        for step in range(1, steps + 1):
            columns = {
                "market": candles["market"].gather(rows),
                "interval": candles["interval"].gather(rows),
                "origin": candles["close_time"].gather(rows),
                "target_time": candles["close_time"].gather(rows + step),
                "value": close[rows] * np.exp(size * rng.standard_normal(rows.size)),
                "actual": close[rows + step],
                "last_close": close[rows],
            }
            keys = {"model": model, "run": run, "quantity": "price", "step": step}
            frames.append(pl.DataFrame(columns).with_columns(pl.lit(value).alias(name) for name, value in keys.items()))
    table = pl.concat(frames).with_columns(pl.col("run", "step").cast(pl.Int64))
    # Fitted anew in the middle of the test span.
    middle = candles["close_time"][200]
    fitted = pl.when(pl.col("origin") >= middle).then(middle).otherwise(candles["close_time"][60])
    return table.with_columns(trained_until=fitted.cast(pl.Datetime("ms", "UTC")))


def examine(forecasts: pl.DataFrame, calibration: pl.DataFrame | None = None, **changes: object) -> Story:
    """A story of forecasts that were judged in every way."""
    table, past = add_ensembles(forecasts), None if calibration is None else add_ensembles(calibration)
    scores, intervals = score_forecasts(table), None
    if past is not None:
        intervals = make_intervals(table, past, method="split").table
        scores = pl.concat([scores, score_intervals(table, intervals, calibration=past)])
    further = examine_further(table, scores, options=Options(repetitions=100))
    told = {"title": "examined", "command": "coincast compare", "scores": scores, "forecasts": table, "trials": 14}
    told |= {"intervals": intervals, "calibration": past}
    told |= {"further": {name: finding.table for name, finding in further.items()}}
    return Story(**(told | changes))  # type: ignore[arg-type]


def build_examined(models: dict[str, float], markets: tuple[str, ...] = (ETH, BTC)) -> Story:
    """Markets of 2 steps, with intervals, a whole span from one origin, and every further test."""
    candles = [make_candles(market, 320, seed=21 + number) for number, market in enumerate(markets)]
    table = pl.concat(make_steps(one, models=models) for one in candles)
    border = candles[0]["close_time"][140]
    spans = [_whole_span(one) for one in candles]
    story = examine(table.filter(pl.col("origin") >= border), table.filter(pl.col("target_time") < border))
    whole = add_ensembles(pl.concat(spans))
    scores = pl.concat([story.scores, score_full_interval(whole)])
    return replace(story, candles=pl.concat(candles), full_interval=whole, scores=scores)


def _whole_span(candles: pl.DataFrame) -> pl.DataFrame:
    """Naive and an LSTM that drifts, from one origin over 100 candles."""
    rows = np.arange(141, 241)
    close, origin = candles["close"].to_numpy(), candles["close_time"][140]
    shared = {
        "market": candles["market"].gather(rows),
        "interval": candles["interval"].gather(rows),
        "target_time": candles["close_time"].gather(rows),
        "step": np.arange(1, 101),
        "actual": close[rows],
    }
    moment = pl.lit(origin).cast(pl.Datetime("ms", "UTC"))
    frames = []
    for model, run, drift in (("naive", 0, 0.0), ("lstm", 1, 0.002), ("lstm", 2, 0.003)):
        value = close[140] * np.exp(drift * np.arange(1, 101))
        keys = [pl.lit(model).alias("model"), pl.lit(run, pl.Int64).alias("run"), pl.lit("price").alias("quantity")]
        known = [moment.alias("origin"), moment.alias("trained_until"), pl.lit(close[140]).alias("last_close")]
        frames.append(pl.DataFrame(shared).with_columns(*keys, *known, value=pl.Series(value)))
    return pl.concat(frames)


@pytest.fixture(scope="session")
def examined() -> Story:
    """Two markets that were judged in every way."""
    return build_examined({"ar": 0.003, "drift": 0.001})


@pytest.fixture(scope="session")
def examined_section(examined: Story) -> Story:
    """The first market of `examined`."""
    return next(section for section in examined.sections() if section.market == ETH)


@pytest.fixture(scope="session")
def volatility() -> Story:
    """Forecasts of a volatility over five candles, beside the EWMA."""
    rng, rows = np.random.default_rng(4), 260
    truth = 0.05 * np.exp(0.4 * rng.standard_normal(rows))
    said = {
        "har": truth * np.exp(0.2 * rng.standard_normal(rows)),
        "ewma_volatility": np.full(rows, 0.05),
        "naive": np.full(rows, 0.05),
    }
    return examine(_other_quantity("volatility", said, truth, np.full(rows, 0.05), step=5))


@pytest.fixture(scope="session")
def direction() -> Story:
    """Forecasts of a direction, beside the commoner side of the training rows; two ties among them."""
    rng, rows = np.random.default_rng(5), 260
    rises = (rng.random(rows) < 0.5).astype(float)
    said = {"lstm": np.clip(0.5 + 0.3 * (rises - 0.5) + 0.2 * rng.standard_normal(rows), 0, 1), "naive": np.ones(rows)}
    truth = np.where(np.isin(np.arange(rows), [50, 120]), np.nan, rises)
    return examine(_other_quantity("direction", said, truth, np.ones(rows), step=1))


def _other_quantity(
    quantity: str, said: dict[str, np.ndarray], truth: np.ndarray, naive: np.ndarray, *, step: int
) -> pl.DataFrame:
    origins = [START + index * DAY for index in range(truth.size)]
    shared = {
        "market": ["made:UP/USD"] * truth.size,
        "interval": ["1d"] * truth.size,
        "quantity": [quantity] * truth.size,
        "origin": origins,
        "trained_until": [START] * truth.size,
        "target_time": [origin + step * DAY for origin in origins],
        "step": [step] * truth.size,
        "actual": truth,
        "naive": naive,
        "last_close": 100 * np.exp(0.01 * np.arange(truth.size)),
    }
    times = {name: pl.Datetime("ms", "UTC") for name in ("origin", "trained_until", "target_time")}
    frame = pl.DataFrame(shared, schema_overrides=times).with_columns(pl.col("actual").fill_nan(None))
    return pl.concat(
        frame.with_columns(model=pl.lit(model), run=pl.lit(0, pl.Int64), value=pl.Series(values))
        for model, values in said.items()
    )


@pytest.fixture(scope="session")
def make_examined() -> Callable[..., Story]:
    """Build other examined stories."""
    return build_examined
