"""Keras 3 on its JAX backend: `model.fit`, one model at a time."""

from __future__ import annotations

import math
import time

import keras
from engine.jobs import FILTERS, KERNELS, STRIDES, Job
from engine.prices import SHAPES, make_windows

LAYERS = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}
OUTPUTS = {
    "linear": None,
    "leaky_relu": lambda: keras.layers.LeakyReLU(0.3),
    "tanh": lambda: keras.layers.Activation("tanh"),
}


def build(job: Job) -> keras.Model:
    """The network as the articles wrote it."""
    shape = SHAPES[job.data]
    layers: list[keras.layers.Layer] = [keras.Input((shape.lookback, shape.features))]
    if job.network == "cnn":
        layers += [
            keras.layers.Conv1D(FILTERS[0], KERNELS[0], strides=STRIDES[0], activation="relu"),
            keras.layers.Dropout(job.dropout),
            keras.layers.Conv1D(FILTERS[1], KERNELS[1], strides=STRIDES[1]),
        ]
        return keras.Sequential(layers)
    for number, units in enumerate(job.units, start=1):
        layers.append(LAYERS[job.network](units, return_sequences=number < len(job.units)))
        layers.append(keras.layers.Dropout(job.dropout))
    layers.append(keras.layers.Dense(shape.horizon))
    output = OUTPUTS[job.output]
    return keras.Sequential([*layers, *([output()] if output else [])])


class EpochTimes(keras.callbacks.Callback):
    """When each epoch ended."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[float] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.ends.append(time.perf_counter())


class Contestant:
    """One process trains one model."""

    def prepare(self, job: Job) -> None:
        keras.utils.set_random_seed(0)
        windows = make_windows(job.data)
        self.job, self.pasts = job, windows.pasts(windows.starts)
        self.targets = windows.targets[..., None] if job.network == "cnn" else windows.targets
        self.model = build(job)
        self.model.compile(optimizer=keras.optimizers.Adam(0.001), loss=job.loss)
        self.pace = 1.0
        self.pace = self.stretch(0.0, 0)

    def stretch(self, seconds: float, threads: int) -> float:
        """The first epoch is left out: it compiles, and afterwards it still sets up."""
        epochs = 1 + max(1, math.ceil(seconds / (self.pace * self.job.steps_per_epoch)))
        times = EpochTimes()
        self.model.fit(self.pasts, self.targets, batch_size=self.job.batch, epochs=epochs, verbose=0, callbacks=[times])
        return (times.ends[-1] - times.ends[0]) / ((epochs - 1) * self.job.steps_per_epoch)
