"""Jobs of ours that no peer does, each in a fresh process: compilations, memory, answers, whole trainings."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import numpy as np
from engine.coincast_runs import make_runs, make_span, network, peak_memory, timed_training, watched_training
from engine.jobs import Job
from engine.prices import SHAPES, Shape, make_shape, make_windows

from coincast.experiments.fitted.fit import fit
from coincast.models.cnn import CNN
from coincast.models.gru import GRU
from coincast.models.lstm import LSTM
from coincast.sources.simulated import simulate
from coincast.training.recipe import Recipe
from coincast.training.runs import TrainingRun

COMPILED = "/jax/core/compile/backend_compile_duration"
NETWORKS = (LSTM(units=20), GRU(units=20), CNN())
PENALTIES = ("kernel", "recurrent", "bias", "activity")
STRENGTHS = tuple((norm, 10.0**-power) for norm in ("l1", "l2") for power in range(1, 5))


@dataclass
class Compilations:
    """Seconds of every compilation."""

    seconds: list[float] = field(default_factory=list)


@contextmanager
def counted_compilations() -> Iterator[Compilations]:
    """What is compiled meanwhile, as JAX tells it."""
    counted = Compilations()

    def listen(event: str, seconds: float, **_: Any) -> None:
        if event == COMPILED:
            counted.seconds.append(seconds)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield counted
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


class Contestant:
    """Each method is one errand, and gives plain numbers."""

    def penalties(self, job: Job, seeds: int, epochs: int) -> dict[str, float]:
        """4 penalties x 8 strengths x seeds in one set, after a set of one run for each penalty.

        Returns:
            Seconds of the large set, and what was compiled for the small one and then for the large one.
        """
        span = make_span(make_windows(job.data))
        recipe = Recipe(batch_size=job.batch, loss=job.loss, epochs=epochs)
        runs = [
            TrainingRun(network(job), replace(recipe, **{f"{norm}_{on}": strength}), seed, (span,))
            for on in PENALTIES
            for norm, strength in STRENGTHS
            for seed in range(seeds)
        ]
        lookback = SHAPES[job.data].lookback
        with counted_compilations() as compiled:
            watched_training(runs[:: len(runs) // len(PENALTIES)], lookback)
        with counted_compilations() as further:
            _, _, seconds = watched_training(runs, lookback)
        return {
            "runs": len(runs),
            "seconds": seconds,
            "per_step": seconds / (len(runs) * epochs * job.steps_per_epoch),
            "compiling": sum(compiled.seconds),
            "further": len(further.seconds),
        }

    def wide_and_narrow(self, job: Job, runs: int, epochs: int, turns: int) -> dict[str, list[float]]:
        """Seconds of a run and step for the job's runs, and for many, in turns."""
        many = replace(job, runs=runs)
        shorter = max(epochs, epochs * runs // job.runs)
        timed_training(job, 1)
        timed_training(many, 1)
        pairs = [(timed_training(job, shorter), timed_training(many, epochs)) for _ in range(turns)]
        return {"few": [few for few, _ in pairs], "many": [many for _, many in pairs]}

    def memory_of_many(self, job: Job, runs: int, allowed: int) -> dict[str, float]:
        """Peak of this process for many runs under a limit, and before them."""
        timed_training(job, 1)
        before = peak_memory()
        watched_training(make_runs(replace(job, runs=runs), epochs=1), SHAPES[job.data].lookback, allowed)
        return {"before": before, "peak": peak_memory()}

    def memory_of_windows(self, lookback: int, windows: int) -> dict[str, float]:
        """Peak of this process for long windows, and before them."""
        span = make_span(make_shape(Shape(lookback, 1, 8, windows)))
        short = make_span(make_shape(Shape(2, 1, 8, 64)))
        # Small batches: what a step holds of its own windows is no part of the question.
        recipe = Recipe(epochs=1, batch_size=8)
        watched_training([TrainingRun(LSTM(units=8), recipe, 0, (short,))], 2)
        before = peak_memory()
        watched_training([TrainingRun(LSTM(units=8), recipe, seed, (span,)) for seed in range(8)], lookback)
        return {"before": before, "peak": peak_memory()}

    def minutes(self, path: str, lookback: int) -> dict[str, float]:
        """Fit eight runs to a file of many minutes, for one epoch: seconds, and the peak of this process."""
        began = time.perf_counter()
        model = fit(path, LSTM(units=8), recipe=Recipe(epochs=1, batch_size=2048), seeds=8, lookback=lookback)
        return {
            "candles": model.markets[0].candles,
            "seconds": time.perf_counter() - began,
            "peak": peak_memory(),
        }

    def shapes(self, lookbacks: list[int]) -> dict[str, float]:
        """Train and ask groups of shapes for the least there is: seconds, nearly all of them compiling."""
        with counted_compilations() as compiled:
            began = time.perf_counter()
            for settings in NETWORKS:
                for lookback in lookbacks:
                    windows = make_shape(Shape(lookback, 1, 8, 64, validation=16))
                    span = make_span(windows, validated=True)
                    runs = [TrainingRun(settings, Recipe(epochs=1), seed, (span,)) for seed in range(10)]
                    trained, _, _ = watched_training(runs, lookback)
                    trained.predict([span.inputs] * 10, [span.scale] * 10, [windows.validation_starts] * 10)
            seconds = time.perf_counter() - began
        return {"seconds": seconds, "compiling": sum(compiled.seconds)}

    def newest(self, runs: int, asked: int) -> dict[str, float]:
        """Milliseconds until runs have forecast from a newer candle table, everything compiled and loaded."""
        candles = simulate("walk", candles=1_000, seed=1)
        model = fit(candles.head(800), LSTM(units=20), seeds=runs, epochs=1)
        taken = []
        for number in range(asked):
            newer = candles.head(801 + number % 199)
            began = time.perf_counter()
            model.forecast(newer)
            taken.append(1e3 * (time.perf_counter() - began))
        return {"median": statistics.median(taken[5:]), "least": min(taken), "most": float(np.max(taken[5:]))}

    def retraining(self, runs: int) -> dict[str, float]:
        """Fit runs with the usual recipe to a year of hours, compiling included."""
        candles = simulate("walk", candles=8_760, interval="1h", seed=1)
        began = time.perf_counter()
        model = fit(candles, seeds=runs)
        return {"seconds": time.perf_counter() - began, "epochs": model.spec.training.epochs}
