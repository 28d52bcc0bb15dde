"""Does the leakage audit catch every leak, and does it ever cry wolf? Run: python proofs/audit_pipelines.py

50 random pipelines hold one leak each: of 1 to 20 candles, in all rows or in one of a hundred, as large as the value
itself or a millionth of it, in a feature or in a model. 200 hold none. A pipeline of features is two or three random
columns, each a chain of steps that look backwards; the leak is one more step in one of them. A pipeline with a model is
a random spec. Every leak must be found, with its horizon where it has a single one, and nothing else.

What is planted here is written apart from what the audit plants by itself.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl

import coincast as cc
from coincast.experiments.audit.audit import audit
from coincast.experiments.entries import models_of

Step = Callable[[pl.Expr], pl.Expr]
Pipeline = Callable[[pl.DataFrame], pl.DataFrame]
SOURCES = {
    "close": pl.col("close"),
    "return": (pl.col("close") / pl.col("close").shift(1)).log(),
    "range": (pl.col("high") / pl.col("low")).log(),
    "volume": pl.col("volume"),
    "body": (pl.col("close") - pl.col("open")) / pl.col("open"),
    "extra": pl.col("trades"),
}


def clean_step(rng: np.random.Generator) -> Step:
    """A step that looks at the row and at rows before it."""
    k = int(rng.integers(1, 21))
    steps: list[Step] = [
        lambda x: x.shift(k),
        lambda x: x - x.shift(k),
        lambda x: x.rolling_mean(k + 1),
        lambda x: x.rolling_std(k + 2, min_samples=2),
        lambda x: x.rolling_max(k + 1, min_samples=1),
        lambda x: x.rolling_median(k + 1),
        lambda x: x.rolling_quantile(0.3, window_size=k + 2),
        lambda x: x.fill_null(0.0).ewm_mean(span=k + 1),
        lambda x: x.cum_sum() / pl.int_range(1, pl.len() + 1),
        lambda x: x / (x.abs().cum_max() + 1e-9),
        lambda x: (x > x.rolling_mean(k + 2)).cast(pl.Float64),
        lambda x: x.fill_null(strategy="forward"),
        lambda x: x.rolling_rank(k + 2),
        lambda x: (x.abs() + 1).log(),
        lambda x: pl.when(x.shift(1) > x).then(x).otherwise(x.shift(k)),
    ]
    return steps[int(rng.integers(len(steps)))]


def rare(seed: int) -> pl.Expr:
    """One row of a hundred, by a number made of its open time; the thirtieth row at least, so that none has none."""
    day = pl.col("open_time").dt.epoch("d")
    return (((day * 7919 + seed) % 100) == 0) | (pl.int_range(pl.len()) == 30)


@dataclass(frozen=True)
class Leak:
    """A step that knows later rows: how far the nearest that it needs lies, None where that is not one number."""

    name: str
    step: Step
    horizon: int | None


def leak_step(number: int, rng: np.random.Generator) -> Leak:
    """Every kind in turn, the horizons at random."""
    h, seed = int(rng.integers(1, 21)), int(rng.integers(100))

    def later(x: pl.Expr, by: int = h) -> pl.Expr:
        return x.shift(-by).fill_null(0.0)

    leaks = [
        Leak(f"shift by -{h}", lambda x: x.shift(-h), h),
        Leak(f"shift by -{h} in 1 % of the rows", lambda x: pl.when(rare(seed)).then(later(x)).otherwise(x), h),
        Leak(f"a millionth of the row {h} later", lambda x: x + 1e-6 * later(x), h),
        Leak("shift by -1 in 1 % of the rows", lambda x: pl.when(rare(seed)).then(later(x, 1)).otherwise(x), 1),
        Leak(f"centred window of {2 * h + 1}", lambda x: x.rolling_mean(2 * h + 1, center=True, min_samples=1), 1),
        Leak(f"largest of the next {h}", lambda x: x.shift(-h).rolling_max(h, min_samples=1), None),
        Leak("z-score over all rows", lambda x: (x - x.mean()) / x.std(), 1),
        Leak("scaled to the extremes of all rows", lambda x: (x - x.min()) / (x.max() - x.min()), None),
        Leak("backfill", lambda x: pl.when(~rare(seed)).then(x).fill_null(strategy="backward"), 1),
        Leak("interpolation", lambda x: pl.when(~rare(seed)).then(x).interpolate(), 1),
        Leak("above the median of all rows", lambda x: (x > x.median()).cast(pl.Float64), None),
        Leak("mean of its group", lambda x: x.mean().over(pl.int_range(pl.len()) % 5), None),
        Leak(f"sign of the move to the row {h} later", lambda x: (later(x) - x).sign(), None),
        Leak("rank among all rows", lambda x: x.rank(), None),
        Leak("exponential mean from the end", lambda x: x.fill_null(0.0).reverse().ewm_mean(span=5).reverse(), None),
    ]
    return leaks[number % len(leaks)]


def draw_pipeline(rng: np.random.Generator, columns: int, leak: Leak | None = None) -> Pipeline:
    """Columns of one to three steps; a leak comes first in one of them, so that what follows may blur it."""
    expressions = []
    leaking = int(rng.integers(columns))
    for number in range(columns):
        source = list(SOURCES)[int(rng.integers(len(SOURCES)))]
        expression = SOURCES[source]
        if leak is not None and number == leaking:
            # On a column that no two rows share, so that a threshold or a sign can move.
            expression = leak.step(SOURCES["range"] if rng.random() < 0.5 else SOURCES["close"])
        else:
            for _ in range(int(rng.integers(1, 4))):
                expression = clean_step(rng)(expression)
        expressions.append(expression.cast(pl.Float64).alias(f"{number} {source}"))
    return lambda candles: candles.select(expressions)


def draw_candles(seed: int, rows: int) -> pl.DataFrame:
    """A simulated market with gaps, unknown volumes and an extra column."""
    rng = np.random.default_rng(seed)
    candles = cc.simulate("walk" if seed % 2 else "echo", candles=rows, seed=seed)
    unknown = pl.Series(rng.random(rows) < 0.03)
    candles = candles.with_columns(
        volume=pl.when(~unknown).then("volume"), trades=pl.Series(rng.poisson(40, rows).astype(float))
    )
    gone = rng.choice(np.arange(rows // 3, rows - 5), 2, replace=False)
    return candles.filter(~pl.int_range(pl.len()).is_in(gone)) if seed % 3 == 0 else candles


def run_features(
    leaking: int, clean: int, *, seed: int, rows: int = 240, columns: int = 3
) -> tuple[list[str], list[str]]:
    """Audit pipelines of features on one market.

    Returns:
        Leaks that were missed or found with another horizon, and false alarms.
    """
    rng = np.random.default_rng(seed)
    leaks = [leak_step(seed * leaking + number, rng) for number in range(leaking)]
    names = [f"{number}: {leak.name}" for number, leak in enumerate(leaks)]
    functions = {name: draw_pipeline(rng, columns, leak) for name, leak in zip(names, leaks, strict=True)}
    functions |= {f"clean {number}": draw_pipeline(rng, columns) for number in range(clean)}
    report = audit(draw_candles(seed, rows), features=functions, minutes=float(len(functions) + 6))
    assert not report.void, report.sentence
    assert (report.table["coverage"] == 1).all()
    found = {row["item"]: row for row in report.table.iter_rows(named=True)}
    missed = [
        f"missed {name}: {found[name]['status']}, horizon {found[name]['horizon']}"
        for name, leak in zip(names, leaks, strict=True)
        if found[name]["status"] != "leak" or leak.horizon not in (None, found[name]["horizon"])
    ]
    alarms = [f"{name}: {row['status']}" for name, row in found.items() if "clean" in name and row["status"] != "clean"]
    return missed, alarms


@dataclass(frozen=True)
class Peeking:
    """The last close, moved a little towards the close some candles later: at every origin or at one of a hundred."""

    ahead: int = 1
    every: int = 1
    learns: ClassVar[bool] = False

    def forecast(self, samples: Any, *, training: Any, origins: np.ndarray, seed: int) -> np.ndarray:
        later = samples.close[np.minimum(origins + self.ahead, len(samples.close) - 1)]
        touched = np.arange(len(origins)) % self.every == len(origins) // 2 % self.every
        share = np.where(touched, 1e-3, 0.0)
        mixed = samples.close[origins] * (1 - share) + later * share
        return np.repeat(mixed[:, None], samples.windows.horizon, axis=1)


@dataclass(frozen=True)
class Overfitted:
    """A level learnt from training rows and from some of the rows after them."""

    beyond: int = 1
    learns: ClassVar[bool] = True

    def forecast(self, samples: Any, *, training: Any, origins: np.ndarray, seed: int) -> np.ndarray:
        level = float(np.log(samples.close[: training.end + self.beyond]).mean())
        mixed = 0.9 * np.log(samples.close[origins]) + 0.1 * level
        return np.repeat(np.exp(mixed)[:, None], samples.windows.horizon, axis=1)


def draw_spec(rng: np.random.Generator) -> dict[str, Any]:
    """Keywords of a random experiment."""
    features = ["log_return", "close", "volume_change", "volatility", "day_diff", "log_range", "close_off_high"]
    return {
        "features": rng.choice(features, int(rng.integers(1, 4)), replace=False).tolist(),
        "lookback": int(rng.integers(2, 12)),
        "horizon": int(rng.integers(1, 6)),
        "target": ["log_return", "window_change", "price"][int(rng.integers(3))],
        "scaling": ["training", "window", "none"][int(rng.integers(3))],
        "test": 0.3,
        "validation": [0, 0.15][int(rng.integers(2))],
        "gap": int(rng.integers(0, 4)),
        "reach_back": bool(rng.integers(2)),
    }


def catch_models(pipelines: int, *, seed: int = 2, rows: int = 240) -> list[str]:
    """Experiments with a model that leaks, and were not caught or caught elsewhere."""
    rng, faults = np.random.default_rng(seed), []
    for number in range(pipelines):
        h = int(rng.integers(1, 21))
        model = [Peeking(h), Overfitted(h), Peeking(h, every=100)][number % 3]
        report = audit(draw_candles(seed + number, rows), models=[model], minutes=0.6, **draw_spec(rng))
        caught = set(report.leaks["item"]) if not report.void else set()
        if caught != {type(model).__name__.lower()}:
            faults.append(f"{model}: {report.sentence}")
    return faults


def alarm_models(pipelines: int, *, networks: int = 0, seed: int = 3, rows: int = 240) -> list[str]:
    """False alarms among experiments with the models that are shipped."""
    rng, faults = np.random.default_rng(seed), []
    for number in range(pipelines):
        models: list[Any] = ["naive", "drift", "ar", "average", "random_walk", "oracle"]
        if number < networks:
            models.append(cc.LSTM(units=3, dropout=0.2))
        report = audit(draw_candles(seed + number, rows), models=models, minutes=0.1, **draw_spec(rng))
        if not report.passed:
            faults.append(f"experiment {number}: {report.sentence}")
    return faults


REFITS = {"price": "every", "log_return": "drift", "direction": "warm", "volatility": "every"}
"""Every quantity, and between them every way to refit."""


def alarm_every_model(*, rows: int = 320, minutes: float = 1.0) -> list[str]:
    """False alarms among all models of the registry, for every quantity, refitted on the way."""
    faults = []
    for quantity, refit in REFITS.items():
        models: list[Any] = [cc.LSTM(units=3, dropout=0.2), *(name for name in models_of(quantity) if name != "lstm")]
        # The price says what every other model of prices learns; its relatives need only some.
        models = models if quantity in ("price", "volatility") else models[:4]
        report = audit(
            draw_candles(7, rows),
            models=models,
            quantity=quantity,
            horizon=3,
            lookback=10,
            test=60,
            refit=refit,
            every=20,
            minutes=minutes,
        )
        print(f"{quantity}, refit {refit}, {len(models)} models: {report.sentence}", flush=True)
        faults += [] if report.passed else [f"{quantity}: {report.sentence}"]
    return faults


def alarm_examples() -> list[str]:
    """False alarms in the shipped examples, where the candles that they speak of are at hand."""
    project = Path(__file__).resolve().parents[1]
    data = Path(os.environ.get("COINCAST_SHARED_DATA") or project.parent / "shared" / "data")
    coins = [data / "cmc" / "kaggle2018" / name for name in ("bitcoin_price.csv", "ethereum_price.csv")]
    # Of the long ones a part is enough: a leak does not wait for the last year.
    files: dict[str, tuple[list[Path], dict[str, Any]]] = {
        "btc-daily.toml": (coins, {}),
        "eth-daily.toml": (coins, {}),
        "hourly-volatility.toml": ([data / "binance" / "BTC_USDT-1h-2020-2025.feather"], {"since": "2025-08-01"}),
        "twenty-coins.toml": ([data / "binance" / "multi_1d" / "BTC_USDT-1d.feather"], {"since": "2023-06-01"}),
    }
    faults = []
    for path in sorted((project / "examples").glob("*.toml")):
        paths, changes = files[path.name]
        if not all(file.is_file() for file in paths):
            print(f"{path.name}: not audited, its candles are not here")
            continue
        spec = cc.Spec.from_toml(path, changes=[f"data.{key}={value}" for key, value in changes.items()])
        report = audit([str(file) for file in paths], spec=spec, minutes=1)
        print(f"{path.name}: {report.sentence}", flush=True)
        faults += [] if report.passed else [f"{path.name}: {report.sentence}"]
    return faults


def main() -> int:
    """Print what was missed and what was a false alarm; 1 where there is any."""
    began = time.perf_counter()
    batches = [run_features(4, 18, seed=seed) for seed in range(10)]
    missed = [fault for each, _ in batches for fault in each] + catch_models(10)
    alarms = [fault for _, each in batches for fault in each] + alarm_models(20, networks=4)
    print(f"50 pipelines that leak: {len(missed)} not caught as they should be")
    print(f"200 clean pipelines: {len(alarms)} false alarms")
    alarms += alarm_every_model() + alarm_examples()
    print("\n".join([*missed, *alarms, f"{time.perf_counter() - began:.0f} s"]))
    return 1 if missed or alarms else 0


if __name__ == "__main__":
    sys.exit(main())
