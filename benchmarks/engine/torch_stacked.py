"""PyTorch with all runs stacked by hand: batched products over runs, one Adam over the stacked parameters.

PyTorch can neither map its recurrent layers over sets of weights nor stack them, so that they are written out here,
with the input's product before the loop over time. The gates stand in PyTorch's order, i f g o and r z n. Convolutions
of all runs are one grouped convolution.
"""

from __future__ import annotations

import time
from itertools import pairwise

import torch
from engine.jobs import FILTERS, GATES, KERNELS, STRIDES, Job
from engine.prices import SHAPES, make_windows
from engine.torch_loop import DEVICE, LEARNING_RATE, batches, finish
from torch import nn
from torch.nn.functional import dropout, leaky_relu

OUTPUTS = {"linear": lambda x: x, "leaky_relu": lambda x: leaky_relu(x, 0.3), "tanh": torch.tanh}


class StackedRecurrent(nn.Module):
    """Recurrent layers of all runs; every weight has a leading run axis."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job, shape = job, SHAPES[job.data]

        def weight(*size: int, fan: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(job.runs, *size).uniform_(-(fan**-0.5), fan**-0.5))

        gates = GATES[job.network]
        self.kernels, self.recurrent, self.biases, self.recurrent_biases = (nn.ParameterList() for _ in range(4))
        for inputs, units in pairwise((shape.features, *job.units)):
            self.kernels.append(weight(inputs, gates * units, fan=units))
            self.recurrent.append(weight(units, gates * units, fan=units))
            self.biases.append(weight(1, gates * units, fan=units))
            self.recurrent_biases.append(weight(1, gates * units, fan=units))
        self.head = weight(job.units[-1], shape.horizon, fan=job.units[-1])
        self.head_bias = weight(1, shape.horizon, fan=job.units[-1])

    def forward(self, pasts: torch.Tensor) -> torch.Tensor:
        """Forecasts (run, batch, horizon) of pasts (run, batch, lookback, feature)."""
        run = lstm_states if self.job.network == "lstm" else gru_states
        layers = list(zip(self.kernels, self.recurrent, self.biases, self.recurrent_biases, strict=True))
        x = pasts
        for weights in layers[:-1]:
            x = dropout(torch.stack(run(x, *weights), dim=2), self.job.dropout, self.training)
        last = dropout(run(x, *layers[-1])[-1], self.job.dropout, self.training)
        return OUTPUTS[self.job.output](torch.baddbmm(self.head_bias, last, self.head))


def drive_of(x: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """The input's part of all gates, (lookback, run, batch, gates)."""
    runs, batch, lookback, features = x.shape
    drive = torch.baddbmm(bias, x.reshape(runs, batch * lookback, features), kernel)
    return drive.reshape(runs, batch, lookback, -1).permute(2, 0, 1, 3)


def lstm_states(
    x: torch.Tensor, kernel: torch.Tensor, recurrent: torch.Tensor, bias: torch.Tensor, recurrent_bias: torch.Tensor
) -> list[torch.Tensor]:
    """The state (run, batch, units) of an LSTM after each step."""
    h = c = x.new_zeros(*x.shape[:2], recurrent.shape[1])
    states = []
    for drive in drive_of(x, kernel, bias + recurrent_bias).unbind():
        i, f, g, o = torch.baddbmm(drive, h, recurrent).chunk(4, dim=2)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        states.append(h)
    return states


def gru_states(
    x: torch.Tensor, kernel: torch.Tensor, recurrent: torch.Tensor, bias: torch.Tensor, recurrent_bias: torch.Tensor
) -> list[torch.Tensor]:
    """The state (run, batch, units) after each step of a GRU whose reset gate acts on the product."""
    h = x.new_zeros(*x.shape[:2], recurrent.shape[1])
    states = []
    for drive in drive_of(x, kernel, bias).unbind():
        r, z, n = drive.chunk(3, dim=2)
        r_h, z_h, n_h = torch.baddbmm(recurrent_bias, h, recurrent).chunk(3, dim=2)
        z = torch.sigmoid(z + z_h)
        h = (1 - z) * torch.tanh(n + torch.sigmoid(r + r_h) * n_h) + z * h
        states.append(h)
    return states


class StackedConvolutions(nn.Module):
    """The CNN of all runs as grouped convolutions, one group for each run."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job
        inputs = SHAPES[job.data].features
        self.first = nn.Conv1d(job.runs * inputs, job.runs * FILTERS[0], KERNELS[0], STRIDES[0], groups=job.runs)
        self.second = nn.Conv1d(job.runs * FILTERS[0], job.runs * FILTERS[1], KERNELS[1], STRIDES[1], groups=job.runs)

    def forward(self, pasts: torch.Tensor) -> torch.Tensor:
        runs, batch, lookback, features = pasts.shape
        x = pasts.permute(1, 0, 3, 2).reshape(batch, runs * features, lookback)
        x = dropout(torch.relu(self.first(x)), self.job.dropout, self.training)
        return self.second(x).transpose(0, 1)


def build(job: Job) -> nn.Module:
    return (StackedConvolutions(job) if job.network == "cnn" else StackedRecurrent(job)).to(DEVICE)


def mean_loss(job: Job, forecasts: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The sum over runs of their mean losses, so that each has the gradient that it has alone."""
    errors = forecasts - targets
    losses = errors.abs() if job.loss == "mae" else errors.square()
    return losses.mean(dim=(1, 2)).sum()


class Contestant:
    """One process trains all runs side by side, each on its own batches."""

    def device(self) -> str:
        return DEVICE

    def prepare(self, job: Job) -> None:
        torch.manual_seed(0)
        windows = make_windows(job.data)
        self.job, self.module = job, build(job)
        self.pasts = torch.tensor(windows.pasts(windows.starts), device=DEVICE)
        self.targets = torch.tensor(windows.targets, dtype=torch.float32, device=DEVICE)
        self.optimiser = torch.optim.Adam(self.module.parameters(), lr=LEARNING_RATE)
        self.order = batches(len(self.pasts), job.batch)
        self.stretch(0.0, 0)

    def step(self) -> None:
        first = next(self.order)
        # Every run has an order of its own: here the same one, turned.
        turns = torch.arange(self.job.runs)[:, None]
        chosen = (first[None] + turns) % len(self.pasts)
        self.optimiser.zero_grad()
        mean_loss(self.job, self.module(self.pasts[chosen]), self.targets[chosen]).backward()
        self.optimiser.step()

    def stretch(self, seconds: float, threads: int) -> float:
        if threads:
            torch.set_num_threads(threads)
        steps = 0
        began = time.perf_counter()
        while time.perf_counter() - began < seconds or steps < 3:
            self.step()
            steps += 1
        finish()
        return (time.perf_counter() - began) / (steps * self.job.runs)
