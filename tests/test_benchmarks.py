"""The benchmark of the engine is fair: peers train the same network on the same windows, and ratios are of turns."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from coincast.samples.scaling import scale_window

NO_TORCH = "PyTorch is not installed; it comes with the extra `bench`"


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    monkeypatch.syspath_prepend(str(project / "benchmarks"))


def job(name: str) -> Any:
    from engine.jobs import RACES

    return RACES[name].job


# ---------------------------------------------------------------- what is counted


@pytest.mark.parametrize(
    ("name", "multiplications"),
    [
        ("lstm20", 10 * 4 * 20 * (8 + 20) + 20),
        ("lstm50", 256 * 4 * 50 * (1 + 50) + 50 * 16),
        ("gru50", 256 * 3 * 50 * (1 + 50) + 50 * 16),
        ("cnn", 79 * 8 * 20 * 1 + 16 * 1 * 16 * 8),
        ("lstm512", 7 * 4 * 512 * ((4 + 512) + 2 * (512 + 512)) + 512),
    ],
)
def test_the_work_of_a_step_is_that_of_its_products(name: str, multiplications: int) -> None:
    from engine.jobs import forward_operations

    assert forward_operations(job(name)) == 2 * multiplications


def test_the_work_of_a_step_is_a_mean_over_the_last_smaller_batch() -> None:
    from engine.jobs import forward_operations

    deep = job("lstm512")
    assert deep.steps_per_epoch == 5  # 4 batches of 128 and one of 122 windows
    assert deep.operations == pytest.approx(3 * forward_operations(deep) * 634 / 5)


# ---------------------------------------------------------------- the same network, the same windows


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("lstm20", 2_341), ("lstm50", 11_216), ("gru50", 8_766), ("cnn", 297), ("lstm512", 5_257_729)],
)
def test_networks_are_those_of_the_articles(name: str, parameters: int) -> None:
    from engine.coincast_runs import network
    from engine.prices import SHAPES

    from coincast.models.forecaster import Axes

    shape = SHAPES[job(name).data]
    axes = Axes(shape.lookback, shape.features, shape.horizon)
    module = jax.eval_shape(lambda key: network(job(name)).build(axes, key=key), jax.random.key(0))
    assert sum(leaf.size for leaf in jax.tree.leaves(module) if leaf.ndim) == parameters  # rates have no axis


@pytest.mark.parametrize("name", ["lstm20", "lstm50", "gru50", "cnn", "lstm512"])
def test_pytorch_has_the_same_parameters_but_for_its_second_bias(name: str) -> None:
    pytest.importorskip("torch", reason=NO_TORCH)
    from engine.torch_loop import build

    own = {"lstm20": 2_341, "lstm50": 11_216, "gru50": 8_766, "cnn": 297, "lstm512": 5_257_729}[name]
    second = {"lstm20": 80, "lstm50": 200, "lstm512": 3 * 2_048}.get(name, 0)
    assert sum(weight.numel() for weight in build(job(name)).parameters()) == own + second


@pytest.mark.parametrize("name", ["article-0", "article-1", "article-2"])
def test_peers_hold_the_windows_that_we_gather(name: str) -> None:
    from engine.coincast_runs import make_span
    from engine.prices import make_windows

    windows = make_windows(name)
    span = make_span(windows)
    rows = windows.starts[:, None] + np.arange(windows.shape.lookback)
    ours = scale_window(span.inputs[rows], span.scale.relative, span.scale.centre, span.scale.spread)
    np.testing.assert_allclose(windows.pasts(windows.starts), ours, rtol=1e-5, atol=1e-6)
    assert len(span.training) == windows.shape.windows
    assert len(span.validation) == 0
    held = make_span(windows, validated=True).validation
    assert len(held) == windows.shape.validation
    assert np.isfinite(windows.targets).all()
    assert np.isfinite(windows.pasts(windows.starts)).all()


@pytest.mark.parametrize("name", ["lstm20", "lstm50-8", "gru50-8", "cnn-26", "lstm512"])
def test_stacked_runs_are_the_loops_runs(name: str) -> None:
    """The same weights give the same forecasts, and the gradient that each run has alone."""
    torch = pytest.importorskip("torch", reason=NO_TORCH)
    from engine.prices import make_windows
    from engine.torch_loop import LOSSES, build
    from engine.torch_stacked import build as build_stacked
    from engine.torch_stacked import mean_loss

    few = replace(job(name), runs=2, dropout=0.0, units=tuple(min(units, 16) for units in job(name).units))
    torch.manual_seed(0)
    loops, stacked = [build(few) for _ in range(2)], build_stacked(few)
    copy_weights(few, loops, stacked)
    windows = make_windows(few.data)
    pasts = torch.tensor(windows.pasts(windows.starts[:6]))
    targets = torch.tensor(windows.targets[:6], dtype=torch.float32)
    both = torch.stack([pasts[:3], pasts[3:]])
    forecasts = stacked(both)
    alone = [loop(past) for loop, past in zip(loops, both, strict=True)]
    for own, other in zip(alone, forecasts, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-5)
    mean_loss(few, forecasts, torch.stack([targets[:3], targets[3:]])).backward()
    for number, loop in enumerate(loops):
        LOSSES[few.loss]()(alone[number], targets[3 * number : 3 * number + 3]).backward()
        ours = first_gradient(few, stacked)[number]
        torch.testing.assert_close(ours, first_gradient_of_loop(few, loop), rtol=1e-3, atol=1e-6)


def copy_weights(job: Any, loops: list[Any], stacked: Any) -> None:
    import torch

    with torch.no_grad():
        if job.network == "cnn":
            for name in ("first", "second"):
                own = getattr(stacked, name)
                own.weight.copy_(torch.cat([getattr(loop, name).weight for loop in loops]))
                own.bias.copy_(torch.cat([getattr(loop, name).bias for loop in loops]))
            return
        for number, loop in enumerate(loops):
            for layer in range(len(job.units)):
                stacked.kernels[layer][number] = getattr(loop.layers, f"weight_ih_l{layer}").T
                stacked.recurrent[layer][number] = getattr(loop.layers, f"weight_hh_l{layer}").T
                stacked.biases[layer][number, 0] = getattr(loop.layers, f"bias_ih_l{layer}")
                stacked.recurrent_biases[layer][number, 0] = getattr(loop.layers, f"bias_hh_l{layer}")
            stacked.head[number], stacked.head_bias[number, 0] = loop.head.weight.T, loop.head.bias


def first_gradient(job: Any, stacked: Any) -> Any:
    if job.network == "cnn":
        return stacked.first.weight.grad.chunk(2)
    return [gradient.T for gradient in stacked.recurrent[0].grad]


def first_gradient_of_loop(job: Any, loop: Any) -> Any:
    return loop.first.weight.grad if job.network == "cnn" else loop.layers.weight_hh_l0.grad


# ---------------------------------------------------------------- turns and ratios


class Member:
    """A contestant that answers at once, and writes down what it was asked."""

    def __init__(self, name: str, seconds: float, asked: list[str]) -> None:
        self.name, self.seconds, self.asked = name, seconds, asked

    def send(self, call: str, **_: Any) -> None:
        if self.name == "keras":
            from engine.crew import MissingError

            raise MissingError("keras")
        if call == "stretch":
            self.asked.append(self.name)
        self.call = call

    def receive(self) -> Any:
        return {"stretch": self.seconds, "matrix_rate": 1e9}.get(self.call, False)

    def ask(self, call: str, **given: Any) -> Any:
        self.send(call, **given)
        return self.receive()


class StandIns:
    """A crew without processes: ours takes 2 microseconds, PyTorch 100, stacked 10."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def member(self, name: str, number: int = 0) -> Member:
        seconds = {"coincast": 2e-6, "torch": 1e-4, "stacked": 1e-5}.get(name, 1.0)
        return Member(name, seconds, self.asked)


def test_ours_goes_before_each_peer_and_ratios_are_of_turns() -> None:
    from engine.jobs import RACES
    from engine.races import CORES, run_race

    crew, said = StandIns(), list[str]()
    race = replace(RACES["lstm20"], wanted={"torch": 120, "stacked": 4}, share=0.5)
    lines = run_race("lstm20", race, crew, turns=3, seconds=0.1, say=said.append)  # type: ignore[arg-type]
    per_turn = crew.asked[: len(crew.asked) // 3]
    assert crew.asked == per_turn * 3
    peers = [name for name in per_turn if name != "coincast"]
    assert peers == ["torch"] * (2 + CORES) + ["stacked"] * 2 + ["neuralforecast"] * 2
    assert any("keras" in words and "not installed" in words for words in said)
    ours, torch, stacked, neural = lines
    # The processes side by side are the best way: together they train as many runs at once.
    assert torch.who == f"PyTorch loop, {CORES} processes"
    assert torch.microseconds == pytest.approx(100 / CORES)
    assert (torch.is_met, stacked.is_met, neural.is_met) == (False, True, None)
    assert stacked.figure == "5 x (5 to 5)"
    assert ours.microseconds == pytest.approx(2)
    assert ours.share == pytest.approx(race.job.operations / 2e-6 / 1e9)


def test_one_run_is_not_shared_by_processes() -> None:
    from engine.races import PEERS

    ways = PEERS["torch"].ways_for(job("lstm50"), on_accelerator=False)
    assert [way.processes for way in ways] == [1, 1]
    assert PEERS["stacked"].ways_for(job("lstm50"), on_accelerator=False) == ()
    assert PEERS["neuralforecast"].ways_for(job("cnn"), on_accelerator=False) == ()


def test_the_table_names_a_job_once_and_says_what_falls_short() -> None:
    from engine.table import Line, format_table

    told = format_table(
        [
            Line("a job", "Coincast", microseconds=4.123, share=0.0123),
            Line("a job", "a peer", microseconds=1234.5, figure="299 x", wanted="400 x", is_met=False),
            Line("another", "seconds", figure="3 s", wanted="at most 5 s", is_met=True),
        ]
    ).splitlines()
    assert len(told) == 5
    assert "4.12" in told[2]
    assert told[2].endswith("1.2%")
    assert not told[3].startswith("a job")
    assert "1,234" in told[3]
    assert told[3].endswith("short")
    assert told[4].startswith("another")


def test_a_row_that_is_not_there_is_named(project: Path) -> None:
    command = [sys.executable, str(project / "benchmarks" / "engine"), "--rows", "lstm21"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no row is called 'lstm21'" in done.stderr
