"""Coincast: many runs of one program."""

from __future__ import annotations

import math
import resource
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from engine.jobs import FILTERS, KERNELS, STRIDES, Job
from engine.prices import SHAPES, Windows, make_windows

from coincast.models.forecaster import Network
from coincast.samples.scaling import InputScale
from coincast.training.devices import available_cores
from coincast.training.recipe import Recipe
from coincast.training.runs import Lessons, Span, TrainingRun
from coincast.training.site import Progress
from coincast.training.trained import TrainedRuns
from coincast.training.trainer import train

SIDE = 2048
"""Of the large square matrices whose product is the measure of the machine."""


class Contestant:
    """Trains a job again and again; everything is compiled before the first measured stretch."""

    def __init__(self) -> None:
        factors = jax.random.normal(jax.random.key(0), (2, SIDE, SIDE), jnp.float32)
        self.left, self.right = (jax.device_put(factor, jax.devices()[0]) for factor in factors)
        self.product = jax.jit(jnp.matmul)
        jax.block_until_ready(self.product(self.left, self.right))

    def device(self) -> str:
        """What it runs on."""
        return str(jax.devices()[0].device_kind)

    def is_accelerator(self) -> bool:
        return bool(jax.default_backend() != "cpu")

    def prepare(self, job: Job) -> None:
        self.job = job
        timed_training(job, epochs=1)
        self.pace = timed_training(job, epochs=2)

    def stretch(self, seconds: float, threads: int) -> float:
        """Threads are ours to choose."""
        epochs = max(1, math.ceil(seconds / (self.pace * self.job.runs * self.job.steps_per_epoch)))
        self.pace = timed_training(self.job, epochs)
        return self.pace

    def whole_training(self, job: Job, epochs: int, learning_rate: float) -> dict[str, list[float]]:
        """Train all seeds to the end: seconds passed, set-up included, and median validation loss after each epoch."""
        runs = make_runs(job, validated=True, epochs=epochs, learning_rate=learning_rate)
        trained, watch, _ = watched_training(runs, SHAPES[job.data].lookback)
        assert trained.validation_losses is not None
        seconds = np.interp(np.arange(1, epochs + 1), watch.epochs, watch.seconds)
        return {"seconds": seconds.tolist(), "losses": np.median(trained.validation_losses, axis=0).tolist()}

    def matrix_rate(self, seconds: float) -> float:
        """Operations per second of a product of two float32 matrices of 2048 x 2048, the median of many."""
        taken: list[float] = []
        began = time.perf_counter()
        while time.perf_counter() - began < seconds or len(taken) < 5:
            before = time.perf_counter()
            jax.block_until_ready(self.product(self.left, self.right))
            taken.append(time.perf_counter() - before)
        return 2 * SIDE**3 / statistics.median(taken)


def network(job: Job) -> Network:
    """Our settings of a job's network."""
    from coincast.models.cnn import CNN
    from coincast.models.gru import GRU
    from coincast.models.lstm import LSTM

    if job.network == "cnn":
        return CNN(filters=FILTERS, kernels=KERNELS, strides=STRIDES, dropout=job.dropout, head="convolution")
    if job.network == "gru":  # the two biases that PyTorch and Keras have today
        return GRU(units=job.units, dropout=job.dropout, output_activation=job.output, reset_after=True)
    return LSTM(units=job.units, dropout=job.dropout, output_activation=job.output)


def make_runs(job: Job, *, validated: bool = False, **recipe: Any) -> list[TrainingRun]:
    """Runs of a job that differ in nothing but their seed; further keywords are of the recipe."""
    span = make_span(make_windows(job.data), validated=validated)
    chosen = Recipe(**{"batch_size": job.batch, "loss": job.loss, **recipe})
    return [TrainingRun(network(job), chosen, seed, (span,)) for seed in range(job.runs)]


def make_span(windows: Windows, *, validated: bool = False) -> Span:
    """Windows as our trainer takes them; all runs share them."""
    features = len(windows.relative)
    held = slice(None) if validated else slice(0, 0)
    return Span(
        inputs=windows.table,
        scale=InputScale(windows.relative, np.zeros(features), np.ones(features)),
        training=Lessons(windows.starts, windows.targets),
        validation=Lessons(windows.validation_starts[held], windows.validation_targets[held]),
    )


class Watch:
    """Remembers when which epoch was reached."""

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self.epochs: list[float] = []
        self.seconds: list[float] = []

    def __call__(self, progress: Progress) -> None:
        self.epochs.append(progress.epoch)
        self.seconds.append(time.perf_counter() - self.began)


def watched_training(
    runs: Sequence[TrainingRun], lookback: int, memory: int | None = None
) -> tuple[TrainedRuns, Watch, float]:
    """The trained runs, when which epoch was reached, and the seconds of it all, set-up included."""
    watch = Watch()
    trained = train(runs, lookback=lookback, memory=memory, on_progress=watch)
    return trained, watch, time.perf_counter() - watch.began


def timed_training(job: Job, epochs: int) -> float:
    """Seconds of one run and step, from the first dispatch that is done to the end of the training.

    When the first dispatch is told, every other core is about to be done with one of its own. These count as done
    before, so that nothing that was timed is left out, and nothing that was not timed is counted.
    """
    _, watch, total = watched_training(make_runs(job, epochs=epochs), SHAPES[job.data].lookback)
    since, left = watch.seconds[0], epochs - min(available_cores(), job.runs) * watch.epochs[0]
    if left < epochs / 2:  # a training of a few dispatches: its set-up counts
        since, left = 0.0, epochs
    return (total - since) / (left * job.steps_per_epoch * job.runs)


def peak_memory() -> int:
    """Most bytes that this process has held in memory."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) * (1 if sys.platform == "darwin" else 1024)
