"""Throughput of the many-run trainer beside a plain PyTorch loop, on the first article's job.

    make bench        or        python benchmarks/lstm_throughput.py

LSTM(20), ten candles of eight inputs, batch 1, Adam, mean absolute error, 507 windows an epoch. Both train the same
network on the same windows, scaled beforehand for PyTorch; ours gathers and scales them inside the step. The two take
turns in one process, an epoch of 25 runs against a stretch of the loop, because absolute times drift on shared
machines; the figure is the median of the ratios. PyTorch runs with one thread and with two, and the faster of the two
counts.
"""

from __future__ import annotations

import statistics
import time

from coincast.training.devices import use_every_core

use_every_core()

import numpy as np  # noqa: E402
import torch  # noqa: E402

from coincast.models.lstm import LSTM  # noqa: E402
from coincast.samples.scaling import fit_input_scale, scale_window  # noqa: E402
from coincast.training.recipe import Recipe  # noqa: E402
from coincast.training.trainer import Progress, TrainingRun, train  # noqa: E402

RUNS, ROUNDS, LOOKBACK, UNITS, DROPOUT = 25, 12, 10, 20, 0.25
TORCH_STEPS = 400
WINDOWS = 507


def make_data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows like the article's: two coins with close, volume and two ratios; starts and targets of 507 windows."""
    rng = np.random.default_rng(0)
    rows = WINDOWS + LOOKBACK
    coins = [
        np.column_stack(
            [
                100 * np.exp(np.cumsum(rng.normal(0, 0.03, rows))),
                rng.lognormal(18, 1, rows),
                rng.uniform(-1, 1, rows),
                rng.lognormal(-3, 1, rows),
            ]
        )
        for _ in range(2)
    ]
    inputs = np.column_stack(coins)
    starts = np.arange(WINDOWS)
    return inputs, starts, (inputs[starts + LOOKBACK, 0] / inputs[starts, 0] - 1)[:, None]


class TorchLoop:
    """A training loop as tutorials write it."""

    def __init__(self, pasts: np.ndarray, targets: np.ndarray) -> None:
        torch.manual_seed(0)
        self.pasts, self.targets = torch.tensor(pasts, dtype=torch.float32), torch.tensor(targets, dtype=torch.float32)
        self.lstm = torch.nn.LSTM(pasts.shape[2], UNITS, batch_first=True)
        self.dropout, self.head = torch.nn.Dropout(DROPOUT), torch.nn.Linear(UNITS, 1)
        self.optimiser = torch.optim.Adam([*self.lstm.parameters(), *self.head.parameters()], lr=0.001)
        self.loss = torch.nn.L1Loss()

    def step(self, number: int) -> None:
        self.optimiser.zero_grad()
        states, _ = self.lstm(self.pasts[number : number + 1])
        loss = self.loss(self.head(self.dropout(states[:, -1])), self.targets[number : number + 1])
        loss.backward()
        self.optimiser.step()

    def seconds_per_step(self) -> float:
        began = time.perf_counter()
        for number in np.random.default_rng(0).integers(0, WINDOWS, TORCH_STEPS):
            self.step(int(number))
        return (time.perf_counter() - began) / TORCH_STEPS


def main() -> None:
    inputs, starts, targets = make_data()
    scale = fit_input_scale("window", inputs, tuple("abcdefgh"), (True, True, False, False) * 2)
    pasts = scale_window(inputs[starts[:, None] + np.arange(LOOKBACK)], scale.relative, scale.centre, scale.spread)
    loop = TorchLoop(pasts, targets)
    ratios: list[float] = []
    ours: list[float] = []
    theirs: list[float] = []
    mark = [time.perf_counter()]

    def take_turns(progress: Progress) -> None:
        """After each whole epoch of ours: time it, then let PyTorch have its turn, with one and with two threads."""
        if not float(progress.epoch).is_integer():
            return
        mine = (time.perf_counter() - mark[0]) / (RUNS * WINDOWS)
        its = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            its.append(loop.seconds_per_step())
        if progress.epoch > 1:
            ours.append(mine)
            theirs.append(min(its))
            ratios.append(min(its) / mine)
        mark[0] = time.perf_counter()

    empty = np.empty((0, 1))
    runs = [
        TrainingRun(
            LSTM(UNITS, DROPOUT),
            Recipe(epochs=ROUNDS + 1, batch_size=1),
            seed,
            inputs,
            scale,
            starts,
            targets,
            starts[:0],
            empty,
        )
        for seed in range(RUNS)
    ]
    train(runs, lookback=LOOKBACK, on_progress=take_turns)
    print(f"microseconds per run and step, median of {len(ratios)} turns ({RUNS} runs of ours in one program):")
    print(f"  coincast {1e6 * statistics.median(ours):8.2f}   ({1e6 * min(ours):.2f} to {1e6 * max(ours):.2f})")
    print(f"  PyTorch  {1e6 * statistics.median(theirs):8.1f}   ({1e6 * min(theirs):.1f} to {1e6 * max(theirs):.1f})")
    print(f"  ratio    {statistics.median(ratios):8.1f}   ({min(ratios):.1f} to {max(ratios):.1f})")


if __name__ == "__main__":
    main()
