"""A training that is killed at random moments and resumed each time. Run: python proofs/kill_training.py [--kills 50]

40 runs of an LSTM, of which each stops early by itself, are trained once in peace. The same training, as a process of
its own, is then killed with SIGKILL at random moments and started again, until it has been killed often enough and is
let through. Weights, losses and the epochs of every run must be the same to the bit.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

RUNS, LOOKBACK = 40, 12
BEGUN = "training"


def main() -> int:
    """Print a line for every tenth kill; 1 where anything differs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train is not None:
        train_into(options.train, options.epochs)
        return 0
    luck, began, killed, finished = random.Random(options.seed), time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory() as scratch:
        peaceful, shaken = Path(scratch) / "peaceful", Path(scratch) / "shaken"
        run(peaceful, options.epochs, None)
        trained_in = seconds_of_training(peaceful)
        differences = 0
        while killed < options.kills:
            if run(shaken, options.epochs, luck.uniform(0, 2.5 * trained_in / options.kills)):
                killed += 1
                if killed % 10 == 0:
                    print(f"{killed} kills, {kept_epochs(shaken)} epochs are kept", flush=True)
                continue
            finished += 1
            differences += compare(peaceful, shaken)
            for path in shaken.iterdir():
                path.unlink()
        run(shaken, options.epochs, None)
        differences += compare(peaceful, shaken)
    print(
        f"{killed} kills of {finished + 1} trainings of {RUNS} runs: {differences} arrays differ from those of the "
        f"uninterrupted one; {time.monotonic() - began:.0f} s"
    )
    return 1 if differences else 0


def run(folder: Path, epochs: int, seconds: float | None) -> bool:
    """Train in a process of its own; kill it so many seconds after its training began, unless it is done by then."""
    command = [sys.executable, __file__, "--train", str(folder), "--epochs", str(epochs)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    if process.stdout.readline().strip() != BEGUN:
        raise RuntimeError(f"the training did not begin: exit code {process.wait()}")
    try:
        code = process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
    if code != 0:
        raise RuntimeError(f"the training ended with exit code {code}")
    return False


def train_into(folder: Path, epochs: int) -> None:
    """Train, go on from what an earlier process kept, and write the result."""
    import jax

    from coincast.models.lstm import LSTM
    from coincast.samples.scaling import InputScale
    from coincast.sources.simulated import simulate
    from coincast.training.recipe import Recipe
    from coincast.training.resume import ResumeFile
    from coincast.training.runs import Lessons, Span, TrainingRun
    from coincast.training.site import Progress
    from coincast.training.trainer import train

    folder.mkdir(exist_ok=True)
    changes = 50 * np.diff(np.log(simulate("echo", skill=0.3, candles=700, seed=1)["close"].to_numpy()))[:, None]
    starts = np.arange(len(changes) - LOOKBACK)
    targets = changes[starts + LOOKBACK]
    scale = InputScale(np.zeros(1, dtype=bool), np.zeros(1), np.ones(1))
    spans = (Span(changes, scale, Lessons(starts[:450], targets[:450]), Lessons(starts[450:], targets[450:])),)
    rates = np.geomspace(0.0003, 0.01, RUNS)
    runs = [
        TrainingRun(
            LSTM(units=8, dropout=0.1),
            Recipe(epochs=epochs, batch_size=8, learning_rate=float(rate), patience=40, l2_kernel=1e-5),
            seed,
            spans,
        )
        for seed, rate in enumerate(rates)
    ]
    began: list[float] = []

    def tell(_: Progress) -> None:
        if not began:
            began.append(time.monotonic())
            print(BEGUN, flush=True)

    keeper = ResumeFile(folder / "resume", fingerprint="kills", every_seconds=0)
    trained = train(runs, lookback=LOOKBACK, keeper=keeper, on_progress=tell)
    if not began:
        print(BEGUN, flush=True)
    weights = {str(place): np.asarray(leaf) for place, leaf in enumerate(jax.tree.leaves(trained.trained))}
    assert trained.validation_losses is not None
    np.savez(
        folder / "result.npz",
        **weights,
        losses=trained.losses,
        validation_losses=trained.validation_losses,
        epochs=trained.epochs,
        best_epochs=trained.best_epochs,
        seconds=time.monotonic() - (began or [time.monotonic()])[0],
    )


def seconds_of_training(folder: Path) -> float:
    with np.load(folder / "result.npz") as result:
        return float(result["seconds"])


def kept_epochs(folder: Path) -> str:
    """What the newest file says, in epochs of the blocks of runs."""
    from coincast.training.resume import ResumeFile

    kept = ResumeFile(folder / "resume", fingerprint="kills").resume()
    return "no" if kept is None else ", ".join(str(facts["epoch"]) for facts in kept[1]["blocks"].values())


def compare(peaceful: Path, shaken: Path) -> int:
    """How many arrays differ."""
    with np.load(peaceful / "result.npz") as right, np.load(shaken / "result.npz") as other:
        names = set(right.files) - {"seconds"}
        return sum(right[name].tobytes() != other[name].tobytes() for name in names)


if __name__ == "__main__":
    sys.exit(main())
