"""Files by epoch, of trainings in this program and of epochs made up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from coincast.errors import UnreadableFileError, UsageError
from coincast.training.arrays import write_arrays
from coincast.training.block import Epoch
from coincast.training.checkpoint import EpochFiles, checkpoint_name, parse_checkpoint_name, read_checkpoint
from coincast.training.history import read_history
from coincast.training.trainer import train

NAME = "bitcoin2015to2017_close_CNN_2_relu"


def make_epoch(
    number: int,
    losses: Sequence[float] = (0.5,),
    validation: Sequence[float] | None = None,
    *,
    runs: Sequence[int] | None = None,
    improved: bool = True,
) -> Epoch:
    return Epoch(
        epoch=number,
        runs=range(len(losses)) if runs is None else runs,
        losses=np.array(losses),
        validation_losses=None if validation is None else np.array(validation),
        improved=np.full(len(losses), improved),
        weights=lambda run: {"kernel": np.array([number, run]), "head": [np.zeros(1, dtype=np.float32)]},
    )


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# ---------------------------------------------------------------- names


def test_names_are_those_that_articles_use() -> None:
    """Article 2 calls its files `bitcoin2015to2017_close_CNN_2_relu-44-0.00030.hdf5`."""
    assert checkpoint_name(NAME, 44, 0.000304) == f"{NAME}-44-0.00030.safetensors"
    assert parse_checkpoint_name(f"weights/{NAME}-44-0.00030.safetensors") == (NAME, 44, 0.0003)


@pytest.mark.parametrize("name", ["a", "a-07", "x-1-0.5", "é.b"])
@pytest.mark.parametrize("epoch", [1, 99, 12_345])
@pytest.mark.parametrize("loss", [0.0, 1.25, -0.5, 123_456.0, float("inf"), float("-inf")])
def test_names_are_parsed_back(name: str, epoch: int, loss: float) -> None:
    assert parse_checkpoint_name(checkpoint_name(name, epoch, loss)) == (name, epoch, loss)


def test_a_loss_that_is_no_number() -> None:
    assert np.isnan(parse_checkpoint_name(checkpoint_name("a", 1, float("nan"))).loss)


@pytest.mark.parametrize("file", ["lstm.safetensors", "lstm-7-0.5.safetensors", "lstm-07-0.50000.hdf5", "-07-0.50000"])
def test_other_names_are_refused(file: str) -> None:
    with pytest.raises(UsageError, match=r"for example lstm-07-0\.01234\.safetensors"):
        parse_checkpoint_name(file)


# ---------------------------------------------------------------- epochs made up


def test_every_epoch(tmp_path: Path) -> None:
    files = EpochFiles(tmp_path, "cnn", every="all")
    files(make_epoch(1, [0.5], [0.25]))
    files(make_epoch(2, [0.4], [0.125], improved=False))
    assert names(tmp_path) == ["cnn-01-0.25000.safetensors", "cnn-02-0.12500.safetensors", "cnn.csv"]
    found = read_checkpoint(tmp_path / "cnn-02-0.12500.safetensors")
    assert (found.name, found.run, found.epoch, found.loss, found.val_loss) == ("cnn", 1, 2, 0.4, 0.125)
    like = {"kernel": np.zeros(2, dtype=np.int64), "head": [np.ones(1, dtype=np.float32)]}
    assert found.weights(like)["kernel"].tolist() == [2, 0]
    with pytest.raises(UnreadableFileError, match="the checkpoint of cnn lacks the array 'bias'"):
        found.weights({"bias": np.zeros(1)})


@pytest.mark.parametrize(
    "change",
    [{"name": None}, {"more": 1}, {"epoch": "1"}, {"epoch": True}, {"loss": None}, {"val_loss": "a"}, {"arrays": {}}],
)
def test_a_file_with_other_facts_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    facts = {"name": "cnn", "run": 1, "epoch": 1, "loss": 0.5, "val_loss": None}
    path = tmp_path / "x.safetensors"
    write_arrays(path, {"kernel": np.zeros(2)}, kind="checkpoint", facts=facts)
    assert read_checkpoint(path).loss == 0.5
    write_arrays(path, {"kernel": np.zeros(2)}, kind="checkpoint", facts={**facts, **change})
    with pytest.raises(UnreadableFileError, match="does not say what a checkpoint says; give one"):
        read_checkpoint(path)
    write_arrays(path, {"kernel": np.zeros(2)}, kind="checkpoint", facts={})
    with pytest.raises(UnreadableFileError, match="does not say what a checkpoint says"):
        read_checkpoint(path)


def test_the_best_epoch_only(tmp_path: Path) -> None:
    files = EpochFiles(tmp_path, "cnn")
    (tmp_path / "cnn2-01-0.10000.safetensors").touch()
    for number, loss, improved in ((1, 0.5, True), (2, 0.25, True), (3, 0.75, False)):
        files(make_epoch(number, [loss], improved=improved))
    assert names(tmp_path) == ["cnn-02-0.25000.safetensors", "cnn.csv", "cnn2-01-0.10000.safetensors"]
    assert read_history(tmp_path / "cnn.csv")["val_loss"].null_count() == 3


def test_no_weights_and_no_history(tmp_path: Path) -> None:
    EpochFiles(tmp_path, "cnn", every="none", history=False)(make_epoch(1))
    assert names(tmp_path) == []


def test_several_runs_have_folders_of_their_own(tmp_path: Path) -> None:
    """Also where they are told of block after block, and where one has stopped."""
    files = EpochFiles(tmp_path, "cnn", runs=3, every="all", tensorboard=True)
    files(make_epoch(1, [0.5, 0.25], [0.5, np.nan], runs=[0, 1]))
    files(make_epoch(1, [0.125], [0.5], runs=[2]))
    files(make_epoch(2, [0.0625], [0.5], runs=[1]))
    assert [name for name in names(tmp_path) if name.endswith(".safetensors")] == [
        "run-1/cnn-01-0.50000.safetensors",
        "run-2/cnn-01-0.25000.safetensors",
        "run-2/cnn-02-0.50000.safetensors",
        "run-3/cnn-01-0.50000.safetensors",
    ]
    assert read_history(tmp_path / "run-2" / "cnn.csv").rows() == [(1, 0.25, None), (2, 0.0625, 0.5)]
    assert (tmp_path / "run-3" / "events.out.tfevents.cnn").is_file()
    assert read_checkpoint(tmp_path / "run-2" / "cnn-02-0.50000.safetensors").arrays["kernel"].tolist() == [2, 1]


@pytest.mark.parametrize("every", ["all", "best"])
def test_a_training_that_goes_on_leaves_what_the_whole_one_leaves(tmp_path: Path, every: Any) -> None:
    def go(folder: Path, first: int, last: int) -> None:
        files = EpochFiles(folder, "cnn", every=every)
        for number in range(first, last + 1):
            files(make_epoch(number, [1 / number], improved=number in (1, 4)))

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    go(whole, 1, 6)
    go(killed, 1, 5)
    (killed / ".cnn-06-0.16667.0123abcd.safetensors").write_bytes(b"half")
    (killed / ".cnn.0123abcd.csv").write_bytes(b"half")
    (killed / ".other-06-0.16667.0123abcd.safetensors").write_bytes(b"half")
    go(killed, 3, 6)
    (killed / ".other-06-0.16667.0123abcd.safetensors").unlink()
    assert names(killed) == names(whole)
    for name in names(whole):
        assert (killed / name).read_bytes() == (whole / name).read_bytes()


def test_a_training_from_the_start_replaces_an_older_one(tmp_path: Path) -> None:
    EpochFiles(tmp_path, "cnn", every="all")(make_epoch(7, [0.5]))
    EpochFiles(tmp_path, "cnn", every="all")(make_epoch(1, [0.75]))
    assert names(tmp_path) == ["cnn-01-0.75000.safetensors", "cnn.csv"]


@pytest.mark.parametrize("name", ["", "a/b", "a b", ".a", "..", "a" * 101, "a\n"])
def test_names_that_no_file_may_have_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="its name begins the names of files"):
        EpochFiles(tmp_path, name)


def test_another_word_for_every_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="every is 'last'; allowed: best, all, none"):
        EpochFiles(tmp_path, "cnn", every="last")


# ---------------------------------------------------------------- epochs of a training


def test_what_a_training_leaves(tmp_path: Path, make_run: Callable[..., Any]) -> None:
    runs = [make_run(seed, validation=5) for seed in range(3)]
    trained = train(runs, lookback=3, on_epoch=EpochFiles(tmp_path, "line", runs=3, every="all"))
    for run in range(3):
        folder = tmp_path / f"run-{run + 1}"
        history = read_history(folder / "line.csv")
        assert history["loss"].to_list() == trained.losses[run].tolist()
        assert history["val_loss"].to_list() == trained.validation_losses[run].tolist()
        files = sorted(folder.glob("*.safetensors"), key=lambda path: parse_checkpoint_name(path).epoch)
        told = [parse_checkpoint_name(path) for path in files]
        assert [one.epoch for one in told] == [1, 2, 3]
        assert [one.loss for one in told] == pytest.approx(trained.validation_losses[run], abs=5e-6)
        last = read_checkpoint(files[-1]).weights(trained.weights(run))
        for leaf, wanted in zip(jax.tree.leaves(last), jax.tree.leaves(trained.weights(run)), strict=True):
            np.testing.assert_array_equal(leaf, wanted)
