"""PyTorch, one run in a loop over batches, as tutorials write it; the windows lie in memory, ready to be indexed."""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch
from engine.jobs import FILTERS, KERNELS, STRIDES, Job
from engine.prices import SHAPES, make_windows
from torch import nn

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
LOSSES = {"mae": nn.L1Loss, "mse": nn.MSELoss}
OUTPUTS = {"linear": nn.Identity, "leaky_relu": lambda: nn.LeakyReLU(0.3), "tanh": nn.Tanh}
LAYERS = {"lstm": nn.LSTM, "gru": nn.GRU}
LEARNING_RATE = 0.001


class Recurrent(nn.Module):
    """Recurrent layers with dropout after each, and a linear layer on the last state."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        shape = SHAPES[job.data]
        self.layers = LAYERS[job.network](
            shape.features,
            job.units[0],
            num_layers=len(job.units),
            batch_first=True,
            dropout=job.dropout if len(job.units) > 1 else 0.0,
        )
        self.dropout, self.head = nn.Dropout(job.dropout), nn.Linear(job.units[-1], shape.horizon)
        self.output = OUTPUTS[job.output]()

    def forward(self, pasts: torch.Tensor) -> torch.Tensor:
        states, _ = self.layers(pasts)
        return self.output(self.head(self.dropout(states[:, -1])))


class Convolutions(nn.Module):
    """Article 2's CNN of two layers."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.first = nn.Conv1d(SHAPES[job.data].features, FILTERS[0], KERNELS[0], STRIDES[0])
        self.dropout = nn.Dropout(job.dropout)
        self.second = nn.Conv1d(FILTERS[0], FILTERS[1], KERNELS[1], STRIDES[1])

    def forward(self, pasts: torch.Tensor) -> torch.Tensor:
        return self.second(self.dropout(torch.relu(self.first(pasts.transpose(1, 2)))))[:, 0]


def build(job: Job) -> nn.Module:
    return (Convolutions(job) if job.network == "cnn" else Recurrent(job)).to(DEVICE)


def batches(windows: int, size: int, seed: int = 0) -> Iterator[torch.Tensor]:
    """Numbers of windows, epoch after epoch in a new order; the last batch of an epoch may be smaller."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        yield from torch.randperm(windows, generator=generator).split(size)


class Contestant:
    """One process trains one run."""

    def device(self) -> str:
        return DEVICE

    def prepare(self, job: Job) -> None:
        torch.manual_seed(0)
        windows = make_windows(job.data)
        self.pasts = torch.tensor(windows.pasts(windows.starts), device=DEVICE)
        self.targets = torch.tensor(windows.targets, dtype=torch.float32, device=DEVICE)
        self.begin(job)
        self.order = batches(len(self.pasts), job.batch)
        self.stretch(0.0, 0)

    def begin(self, job: Job) -> None:
        """A fresh network and optimiser."""
        self.module, self.loss = build(job), LOSSES[job.loss]()
        self.optimiser = torch.optim.Adam(self.module.parameters(), lr=LEARNING_RATE)

    def step(self, chosen: torch.Tensor) -> None:
        self.optimiser.zero_grad()
        loss = self.loss(self.module(self.pasts[chosen]), self.targets[chosen])
        loss.backward()
        self.optimiser.step()

    def stretch(self, seconds: float, threads: int) -> float:
        if threads:
            torch.set_num_threads(threads)
        steps = 0
        began = time.perf_counter()
        while time.perf_counter() - began < seconds or steps < 3:
            self.step(next(self.order))
            steps += 1
        finish()
        return (time.perf_counter() - began) / steps

    def whole_training(self, job: Job, epochs: int, seed: int) -> dict[str, list[float]]:
        """Train one seed to the end: seconds passed and validation loss after each epoch, validation not timed."""
        torch.set_num_threads(1)
        torch.manual_seed(seed)
        windows = make_windows(job.data)
        held = torch.tensor(windows.pasts(windows.validation_starts), device=DEVICE)
        truth = torch.tensor(windows.validation_targets, dtype=torch.float32, device=DEVICE)
        self.begin(job)
        order = batches(len(self.pasts), job.batch, seed)
        passed, seconds, losses = 0.0, [], []
        for _ in range(epochs):
            began = time.perf_counter()
            self.module.train()
            for _ in range(job.steps_per_epoch):
                self.step(next(order))
            finish()
            passed += time.perf_counter() - began
            self.module.eval()
            with torch.no_grad():
                losses.append(float(self.loss(self.module(held), truth)))
            seconds.append(passed)
        return {"seconds": seconds, "losses": losses}


def finish() -> None:
    """Wait for an accelerator, which works on while Python does."""
    if DEVICE != "cpu":
        torch.cuda.synchronize()
