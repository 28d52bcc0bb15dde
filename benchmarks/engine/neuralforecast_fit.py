"""neuralforecast, trained for a number of steps, with the smallest decoder that it has.

Its networks are not quite the same: no dropout after a single layer, and of several steps each is read off the state
of its own candle, the last ones of the window. The recurrent work, which is nearly all, is the same. Its batches are
windows drawn from one series; the inputs but for the first are exogenous ones.
"""

from __future__ import annotations

import logging
import math
import time
import warnings

import numpy as np
import pandas as pd
import torch
from engine.jobs import Job
from engine.prices import SHAPES, make_windows
from neuralforecast import NeuralForecast
from neuralforecast.losses.pytorch import MAE, MSE
from neuralforecast.models import GRU, LSTM
from pytorch_lightning.callbacks import Callback

MODELS = {"lstm": LSTM, "gru": GRU}
LOSSES = {"mae": MAE, "mse": MSE}
WARM_UP = 5
"""First steps of a fit that are not counted."""


class StepTimes(Callback):
    """When each step ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_train_batch_end(self, *_: object, **__: object) -> None:
        self.ends.append(time.perf_counter())

    def __deepcopy__(self, memo: dict[int, object]) -> StepTimes:
        """The same one: neuralforecast trains a copy of the model that it is given, and of all that belongs to it."""
        return self


class Contestant:
    """One process trains one model."""

    def prepare(self, job: Job) -> None:
        logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
        warnings.simplefilter("ignore")
        table = make_windows(job.data).table
        self.job, self.inputs = job, [f"x{number}" for number in range(1, table.shape[1])]
        columns = dict(zip(["y", *self.inputs], table.T.astype(np.float32), strict=True))
        days = pd.date_range("2015-01-01", periods=len(table), freq="h")
        self.frame = pd.DataFrame({"unique_id": "made-up", "ds": days, **columns})
        self.pace = 1.0
        self.pace = self.stretch(0.0, 1)

    def stretch(self, seconds: float, threads: int) -> float:
        if threads:
            torch.set_num_threads(threads)
        job, shape, times = self.job, SHAPES[self.job.data], StepTimes()
        steps = max(10, math.ceil(seconds / self.pace))
        model = MODELS[job.network](
            h=shape.horizon,
            input_size=shape.lookback,
            encoder_n_layers=len(job.units),
            encoder_hidden_size=job.units[0],
            decoder_layers=1,
            hist_exog_list=self.inputs or None,
            loss=LOSSES[job.loss](),
            max_steps=steps + WARM_UP,
            batch_size=1,
            windows_batch_size=job.batch,
            step_size=shape.stride,
            scaler_type="identity",
            accelerator="auto",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[times],
        )
        NeuralForecast(models=[model], freq="h").fit(self.frame)
        return (times.ends[-1] - times.ends[WARM_UP - 1]) / steps
