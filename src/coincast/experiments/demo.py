"""The demo: the main job on two simulated markets whose truth is known, offline."""

from __future__ import annotations

import polars as pl

from coincast.experiments.spec import Spec
from coincast.sources.simulated import simulate

CANDLES = 3_000
TEST_CANDLES = 1_000
ECHO_SKILL = 0.09


def demo_candles(seed: int = 0) -> pl.DataFrame:
    """One `walk`, where nothing can beat naive, and one `echo`, where the best possible skill is 9 %."""
    walk = simulate("walk", candles=CANDLES, seed=seed)
    echo = simulate("echo", skill=ECHO_SKILL, candles=CANDLES, seed=seed)
    return pl.concat([walk, echo], how="diagonal")


def demo_spec(seed: int = 0) -> Spec:
    """LSTM runs against every opponent on both markets; the runs of both are one program."""
    return Spec.from_keywords(
        name="demo",
        models=["lstm", "oracle", "ar", "drift", "average", "random_walk", "naive"],
        features=["log_return"],
        lookback=10,
        horizon=1,
        test=TEST_CANDLES,
        epochs=12,
        batch_size=32,
        learning_rate=0.003,
        seeds=8,
        seed=seed,
    )
