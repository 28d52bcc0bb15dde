"""The trainer against plain loops, and runs of a set against the same runs alone, to the bit."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
import pytest

from coincast.errors import UsageError
from coincast.samples.scaling import InputScale, scale_window
from coincast.training import memory, programs, trainer, workers
from coincast.training.block import Epoch
from coincast.training.memory import Budget
from coincast.training.runs import Span, TrainingRun, axes_of
from coincast.training.site import Progress
from coincast.training.trained import TrainedRuns
from coincast.training.trainer import train

Make = Callable[..., TrainingRun]
MakeSpan = Callable[..., Span]
Weights = Callable[..., np.ndarray]
LOOKBACK = 3
needs_cpu = pytest.mark.skipif(jax.default_backend() != "cpu", reason="an accelerator takes all runs at once")

# ---------------------------------------------------------------- a plain loop gives the same


def design_of(span: Span) -> np.ndarray:
    """Scaled windows (window, lookback x feature), and a column of ones."""
    scale = span.scale
    pasts = [
        scale_window(span.inputs[start : start + LOOKBACK], scale.relative, scale.centre, scale.spread).ravel()
        for start in span.training.starts
    ]
    return np.column_stack([np.stack(pasts), np.ones(len(pasts))])


def train_in_numpy(run: TrainingRun) -> tuple[np.ndarray, list[float]]:
    """Kingma and Ba's algorithm 1 for the linear network, in float64, windows in order; weights and losses by epoch."""
    module = run.settings.build(axes_of(run, LOOKBACK), key=jax.random.split(jax.random.key(run.seed))[0])
    theta = np.vstack([np.float64(module.weight), np.float64(module.constant)])
    design = np.concatenate([design_of(span) for span in run.spans])
    targets = np.concatenate([span.training.targets for span in run.spans])
    mean, square, time, losses = np.zeros_like(theta), np.zeros_like(theta), 0, []
    for _ in range(run.recipe.epochs):
        total = 0.0
        for first in range(0, len(design), run.recipe.batch_size):
            x, y = (array[first : first + run.recipe.batch_size] for array in (design, targets))
            error = x @ theta - y
            total += np.mean(error**2 if run.recipe.loss == "mse" else np.abs(error), axis=1).sum()
            slope = 2 * error if run.recipe.loss == "mse" else np.sign(error)
            gradient = x.T @ slope / error.size
            time += 1
            mean = 0.9 * mean + 0.1 * gradient
            square = 0.999 * square + 0.001 * gradient**2
            step = (mean / (1 - 0.9**time)) / (np.sqrt(square / (1 - 0.999**time)) + 1e-7)
            theta -= run.recipe.learning_rate * step
        losses.append(total / len(design))
    return np.concatenate([theta[:-1].ravel(), theta[-1]]), losses


def test_runs_of_the_same_settings_and_seed_are_built_once(
    make_run: Make, weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_run(seed=1, epochs=2)
    runs = [
        first,
        dataclasses.replace(first, recipe=dataclasses.replace(first.recipe, learning_rate=0.02)),
        dataclasses.replace(first, seed=2),
    ]
    alone = [weights(train([run], lookback=LOOKBACK)) for run in runs]
    builds, build = [], type(first.settings).build
    monkeypatch.setattr(type(first.settings), "build", lambda *given, key: builds.append(key) or build(*given, key=key))
    trained = train(runs, lookback=LOOKBACK)
    assert len(builds) == 2
    for place, expected in enumerate(alone):
        np.testing.assert_array_equal(weights(trained, place), expected)


def test_losses_that_read_outputs_alike_train_side_by_side(make_run: Make, weights: Weights) -> None:
    """Each run of the set is that run alone, to the last bit, though a loss beside it looks at prices."""
    runs = [make_run(seed, epochs=2, loss=loss) for seed, loss in enumerate(("mse", "trading", "huber", "mse"))]
    trained = train(runs, lookback=LOOKBACK)
    for place, run in enumerate(runs):
        alone = train([run], lookback=LOOKBACK)
        np.testing.assert_array_equal(weights(trained, place), weights(alone))
        np.testing.assert_array_equal(trained.losses[place], alone.losses[0])


@pytest.mark.parametrize("loss", ["mse", "mae"])
def test_a_loop_in_numpy_gives_the_same(make_run: Make, weights: Weights, loss: str) -> None:
    """Adam, the smaller last batch (21 windows in batches of 4), and the loss of an epoch as Keras reports it."""
    run = make_run(loss=loss, shuffle=False, epochs=4)
    trained = train([run], lookback=LOOKBACK)
    expected, losses = train_in_numpy(run)
    np.testing.assert_allclose(weights(trained), expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(trained.losses[0], losses, rtol=1e-5)
    assert trained.losses.shape == (1, 4)
    assert trained.validation_losses is None
    assert trained.parameters == 3 * 2 * 2 + 2
    assert trained.epochs.tolist() == [4]


def test_a_run_learns_from_several_markets(make_run: Make, make_span: MakeSpan, weights: Weights) -> None:
    """Pooled: tables and scales of their own, and batches that reach from one market into the next."""
    table = 5 + np.random.default_rng(4).normal(size=(70, 2))
    scale = InputScale(np.array([True, False]), np.array([0.5, 4.0]), np.array([2.0, 3.0]))
    spans = (make_span(9, 5), make_span(12, 30, table=table, scale=scale), make_span(3, first=50))
    run = make_run(spans=spans, shuffle=False)
    trained = train([dataclasses.replace(run, seed=7), run], lookback=LOOKBACK)
    expected, losses = train_in_numpy(run)
    np.testing.assert_allclose(weights(trained, 1), expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(trained.losses[1], losses, rtol=1e-5)
    outputs = [
        trained.select([1]).predict([span.inputs], [span.scale], [span.validation.starts])[0] for span in spans[:2]
    ]
    errors = [output[..., 0] - span.validation.targets for output, span in zip(outputs, spans, strict=False)]
    assert trained.validation_losses is not None
    assert trained.validation_losses[1, -1] == pytest.approx(np.mean(np.concatenate(errors) ** 2), rel=1e-5)


def test_the_validation_loss_is_that_of_its_predictions(make_run: Make) -> None:
    runs = [make_run(1, validation=300), make_run(2, validation=7), make_run(3)]
    trained = train(runs, lookback=LOOKBACK)
    assert trained.validation_losses is not None
    assert trained.validation_losses.shape == (3, 3)
    spans = [run.spans[0] for run in runs[:2]]
    outputs = trained.select([0, 1]).predict(
        [span.inputs for span in spans], [span.scale for span in spans], [span.validation.starts for span in spans]
    )
    for number, (span, output) in enumerate(zip(spans, outputs, strict=True)):
        expected = np.mean((output[..., 0] - span.validation.targets) ** 2)
        assert trained.validation_losses[number, -1] == pytest.approx(expected, rel=1e-5)
    assert np.isnan(trained.validation_losses[2]).all()


# ---------------------------------------------------------------- a run is the same in every company


@pytest.fixture(scope="module")
def mixed(make_run: Make, make_loop: Callable[..., Any]) -> list[TrainingRun]:
    """Eleven runs of a network with dropout: plain ones, and some with rates of their own."""
    own: list[dict[str, Any]] = [
        {},
        {"learning_rate": 0.3},
        {"l1_kernel": 0.02, "l2_recurrent": 0.01},
        {"windows": 50},
        {"clip_norm": 0.1},
        {"noise": 0.2},
        {"copy_penalty": 0.3},
        {"l2_activity": 0.1},
        {"validation": 30},
        {"windows": 5, "beta_1": 0.5},
        {},
    ]
    return [make_run(seed, settings=make_loop(dropout=0.4), **rates) for seed, rates in enumerate(own)]


@pytest.fixture(scope="module")
def together(mixed: list[TrainingRun]) -> TrainedRuns:
    return train(mixed, lookback=LOOKBACK)


def assert_same(one: TrainedRuns, other: TrainedRuns) -> None:
    """To the bit."""
    for attribute in ("losses", "validation_losses", "epochs", "best_epochs"):
        assert_bits(getattr(one, attribute), getattr(other, attribute))
    for leaf, counterpart in zip(jax.tree.leaves(one.trained), jax.tree.leaves(other.trained), strict=True):
        assert_bits(leaf, counterpart)


def assert_bits(one: Any, other: Any) -> None:
    assert (one is None) == (other is None)
    if one is not None:
        assert one.shape == other.shape
        assert np.asarray(one).tobytes() == np.asarray(other).tobytes()


@needs_cpu
@pytest.mark.parametrize("number", [0, 2, 4, 5, 6, 7, 8, 9, 10])
def test_a_run_of_a_set_is_the_run_alone(
    mixed: list[TrainingRun], together: TrainedRuns, weights: Weights, number: int
) -> None:
    """Whatever the rates, windows and validation of the others."""
    alone = train([mixed[number]], lookback=LOOKBACK)
    assert_bits(weights(together, number), weights(alone))
    assert_bits(together.losses[number], alone.losses[0])
    if alone.validation_losses is not None:
        assert together.validation_losses is not None
        assert_bits(together.validation_losses[number], alone.validation_losses[0])


def test_a_seed_decides(mixed: list[TrainingRun], together: TrainedRuns, weights: Weights) -> None:
    assert_same(train(mixed, lookback=LOOKBACK), together)
    assert (weights(together, 0) != weights(together, 10)).all()


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_the_number_of_cores_changes_nothing(
    mixed: list[TrainingRun], together: TrainedRuns, monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    monkeypatch.setattr(workers, "available_cores", lambda: cores)
    assert_same(train(mixed, lookback=LOOKBACK), together)


@needs_cpu
def test_blocks_are_trained_one_after_the_other_where_memory_is_small(
    mixed: list[TrainingRun], together: TrainedRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    budgets: list[Budget] = []
    count = Budget.blocks_at_once
    monkeypatch.setattr(Budget, "blocks_at_once", lambda self, most: budgets.append(self) or count(self, most))
    train(mixed, lookback=LOOKBACK, memory=10**9)
    least = budgets[0].shared + budgets[0].block + budgets[0].temporary
    told: list[Epoch] = []
    assert_same(train(mixed, lookback=LOOKBACK, memory=least, on_epoch=told.append), together)
    assert [one.epoch for one in told] == [1, 2, 3] * (len(told) // 3)
    assert all(told[place].runs == told[place + 2].runs for place in range(0, len(told), 3))
    with pytest.raises(UsageError, match=r"training needs .* GB of memory, and .* GB are allowed"):
        train(mixed, lookback=LOOKBACK, memory=least - 1)


def test_how_long_a_dispatch_is_changes_no_weight(
    mixed: list[TrainingRun], together: TrainedRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Losses are summed up dispatch by dispatch, and may differ in their last bit."""
    compile_programs = trainer.compile_programs

    def compile_short(*arguments: Any, **options: Any) -> programs.Programs:
        return dataclasses.replace(compile_programs(*arguments, **options), steps=2)

    monkeypatch.setattr(trainer, "compile_programs", compile_short)
    told: list[Progress] = []
    short = train(mixed, lookback=LOOKBACK, on_progress=told.append)
    assert len(told) > 2 * 3 * 3
    for leaf, counterpart in zip(jax.tree.leaves(short.trained), jax.tree.leaves(together.trained), strict=True):
        assert_bits(leaf, counterpart)
    np.testing.assert_allclose(short.losses, together.losses, rtol=1e-5)


@needs_cpu
@pytest.mark.parametrize("size", [1, 8, 9, 33])
def test_the_number_of_blocks_changes_nothing(make_run: Make, weights: Weights, size: int) -> None:
    expected = train([make_run(0)], lookback=LOOKBACK)
    trained = train([make_run(seed) for seed in [*range(1, size), 0]], lookback=LOOKBACK)
    assert_bits(weights(trained, size - 1), weights(expected))
    assert_bits(trained.losses[-1], expected.losses[0])


def test_rows_after_the_last_training_row_change_nothing(make_run: Make, weights: Weights) -> None:
    run = make_run(1)
    noisy = run.spans[0].inputs.copy()
    noisy[21 + LOOKBACK + 2 :] = 1e6 * np.random.default_rng(9).normal(size=noisy[21 + LOOKBACK + 2 :].shape)
    assert_same(train([make_run(1, table=noisy)], lookback=LOOKBACK), train([run], lookback=LOOKBACK))


# ---------------------------------------------------------------- runs that stop


def validated(make_run: Make, **recipe: Any) -> list[TrainingRun]:
    """Ten runs that soon learn noise by heart, some quickly and some slowly, in two blocks."""
    rates = (0.3, 0.001, 0.05, 0.1, 0.003, 0.03, 0.2, 0.01, 0.1, 0.02)
    return [
        make_run(seed, validation=30, learning_rate=rate, windows=(21, 50)[seed % 2], **{"epochs": 12, **recipe})
        for seed, rate in enumerate(rates)
    ]


@pytest.fixture(scope="module")
def every_epoch(make_run: Make, weights: Weights) -> list[tuple[list[float], list[np.ndarray]]]:
    """Validation losses and weights of each run after each epoch, trained alone and to the end."""

    def follow(run: TrainingRun) -> tuple[list[float], list[np.ndarray]]:
        losses, states = [], []

        def note(epoch: Epoch) -> None:
            assert epoch.validation_losses is not None
            losses.append(float(epoch.validation_losses[0]))
            states.append(weights(epoch.weights(0)))

        train([run], lookback=LOOKBACK, on_epoch=note)
        return losses, states

    return [follow(run) for run in validated(make_run)]


def stop_early(losses: list[float], patience: int, min_delta: float) -> tuple[int, int]:
    """A plain loop: the epoch that was the last one, and the best one."""
    best, best_epoch = float("inf"), 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < best - min_delta:
            best, best_epoch = loss, epoch
        if epoch - best_epoch >= patience:
            return epoch, best_epoch
    return len(losses), best_epoch


@pytest.mark.parametrize("restores", [True, False])
@pytest.mark.parametrize("patience", [1, 2, 4])
@pytest.mark.parametrize("min_deltas", [(0.0,), (0.0, 0.05, 0.3)])
def test_every_run_stops_where_a_plain_loop_stops(
    make_run: Make,
    weights: Weights,
    every_epoch: list[tuple[list[float], list[np.ndarray]]],
    patience: int,
    restores: bool,
    min_deltas: tuple[float, ...],
) -> None:
    """With the weights, to the bit, of the epoch that the loop finds best, or of its last one."""
    deltas = list(itertools.islice(itertools.cycle(min_deltas), 10))
    runs = [
        dataclasses.replace(run, recipe=dataclasses.replace(run.recipe, min_delta=delta))
        for run, delta in zip(validated(make_run, patience=patience, restore_best=restores), deltas, strict=True)
    ]
    trained = train(runs, lookback=LOOKBACK)
    assert trained.validation_losses is not None
    expected = [stop_early(losses, patience, delta) for (losses, _), delta in zip(every_epoch, deltas, strict=True)]
    assert list(zip(trained.epochs, trained.best_epochs, strict=True)) == expected
    assert len({last for last, _ in expected}) > 2
    for number, ((losses, states), (last, best)) in enumerate(zip(every_epoch, expected, strict=True)):
        assert_bits(weights(trained, number), states[(best if restores else last) - 1])
        assert trained.validation_losses[number, :last].tolist() == losses[:last]
        assert np.isnan(trained.validation_losses[number, last:]).all()
        assert np.isnan(trained.losses[number, last:]).all()
        assert np.isfinite(trained.losses[number, :last]).all()


@needs_cpu
def test_a_run_that_fails_is_stopped_and_marked_and_disturbs_nobody(make_run: Make, weights: Weights) -> None:
    """One at once, and one that runs away."""
    whole = make_run(3)
    (span,) = whole.spans
    lost = dataclasses.replace(span.training, targets=np.full_like(span.training.targets, np.nan))
    broken = dataclasses.replace(whole, spans=(dataclasses.replace(span, training=lost),))
    recipe = {"optimiser": "sgd", "epochs": 12, "learning_rate": 0.01}
    change = dataclasses.replace
    broken = change(broken, recipe=make_run(**recipe).recipe)
    away = make_run(4, table=40 * span.inputs, **{**recipe, "learning_rate": 0.5})
    runs = [make_run(1, **recipe), broken, away, make_run(2, windows=50, **recipe)]
    trained = train(runs, lookback=LOOKBACK)
    for number in (0, 3):
        assert_bits(weights(trained, number), weights(train([runs[number]], lookback=LOOKBACK)))
        assert np.isfinite(trained.losses[number]).all()
    assert trained.epochs.tolist()[:2] == [12, 1]
    assert trained.best_epochs[1] == 0
    assert np.isnan(trained.losses[1]).all()
    last = trained.epochs[2]
    assert 1 < last < 12
    assert np.isfinite(trained.losses[2, : last - 1]).all()
    assert not np.isfinite(trained.losses[2, last - 1 :]).any()


def test_of_a_run_that_fails_the_best_weights_are_left(make_run: Make, weights: Weights) -> None:
    recipe = {"optimiser": "sgd", "epochs": 12, "learning_rate": 0.5, "patience": 12, "validation": 20}
    table = 40 * make_run().spans[0].inputs
    told: list[np.ndarray] = []
    trained = train(
        [make_run(4, table=table, **recipe)],
        lookback=LOOKBACK,
        on_epoch=lambda epoch: told.append(weights(epoch.weights(0))),
    )
    assert trained.best_epochs[0] >= 1
    assert_bits(weights(trained), told[trained.best_epochs[0] - 1])
    assert np.isfinite(weights(trained)).all()


# ---------------------------------------------------------------- what is told, and what is kept


def test_every_epoch_of_every_run_is_told_once_with_its_weights(make_run: Make, weights: Weights) -> None:
    runs = validated(make_run, patience=2)
    told: list[tuple[int, int, np.ndarray, float, float, bool]] = []

    def note(epoch: Epoch) -> None:
        assert epoch.validation_losses is not None
        facts = zip(epoch.runs, epoch.losses, epoch.validation_losses, epoch.improved, strict=True)
        told.extend((run, epoch.epoch, weights(epoch.weights(run)), *own) for run, *own in facts)

    trained = train(runs, lookback=LOOKBACK, on_epoch=note)
    assert trained.validation_losses is not None
    for number in range(len(runs)):
        own = [one for one in told if one[0] == number]
        last, best = trained.epochs[number], trained.best_epochs[number]
        assert [one[1] for one in own] == list(range(1, last + 1))
        assert [one[3] for one in own] == trained.losses[number, :last].tolist()
        assert [one[4] for one in own] == trained.validation_losses[number, :last].tolist()
        assert max(one[1] for one in own if one[5]) == best
        assert_bits(own[best - 1][2], weights(trained, number))
    assert len({(one[0], one[1]) for one in told}) == len(told)


def test_an_epoch_ends_where_a_training_of_so_many_ends(make_run: Make, weights: Weights) -> None:
    told: list[np.ndarray] = []
    train([make_run(1, epochs=3)], lookback=LOOKBACK, on_epoch=lambda epoch: told.append(weights(epoch.weights(0))))
    for epochs in (1, 2, 3):
        assert_bits(told[epochs - 1], weights(train([make_run(1, epochs=epochs)], lookback=LOOKBACK)))


def test_a_training_goes_on_from_given_weights(make_run: Make, weights: Weights) -> None:
    """The weights of other runs, not those that a seed draws; the optimiser begins afresh."""
    runs = [make_run(1, optimiser="sgd"), make_run(2, optimiser="sgd")]
    first = train(runs, lookback=LOOKBACK)
    still = [dataclasses.replace(run, recipe=dataclasses.replace(run.recipe, learning_rate=1e-30)) for run in runs]
    again = train(still, lookback=LOOKBACK, starts=[first.weights(1), first.weights(0)])
    assert_bits(weights(again, 0), weights(first, 1))
    assert_bits(weights(again, 1), weights(first, 0))


def test_progress_is_told_to_the_end(make_run: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where an epoch takes several dispatches."""
    monkeypatch.setattr(programs, "SECONDS_PER_DISPATCH", 2.4e-4)
    told: list[Progress] = []
    trained = train([make_run(1), make_run(2)], lookback=LOOKBACK, on_progress=told.append)
    assert len(told) == 3 * 3
    assert [one.epoch for one in told[2::3]] == pytest.approx([1, 2, 3])
    assert all(one.epoch < other.epoch for one, other in itertools.pairwise(told))
    assert all((one.runs, one.epochs) == (2, 3) and one.steps_per_second > 0 for one in told)
    for epoch in range(3):
        assert told[3 * epoch + 2].loss == pytest.approx(trained.losses[:, epoch].mean(), rel=1e-6)


class Interrupted(Exception):
    """Where a test ends a training."""


class Memory:
    """Keeps copies of what a training hands over, and ends it after as many."""

    def __init__(self, most: int, kept: Any = None) -> None:
        self.most, self.kept, self.told = most, kept, 0

    def resume(self) -> Any:
        return self.kept

    def is_due(self) -> bool:
        return True

    def keep(self, arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
        self.kept = ({name: array.copy() for name, array in arrays.items()}, dict(facts))
        self.told += 1
        if self.told == self.most:
            raise Interrupted


@pytest.fixture(scope="module", autouse=True)
def eight_lanes() -> Iterator[None]:
    """Several blocks of few runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("coincast.training.lanes.MANY_LANES", 8)
        yield


@pytest.fixture(scope="module")
def interruptible(make_run: Make) -> list[list[TrainingRun]]:
    """Three blocks that never stop early, and two whose runs do."""
    return [[make_run(seed) for seed in range(17)], validated(make_run, patience=2, epochs=6)]


@needs_cpu
@pytest.mark.parametrize(
    ("which", "cores"), [(0, 1), (1, 3), *(pytest.param(*one, marks=pytest.mark.long) for one in [(1, 1), (0, 3)])]
)
def test_an_interrupted_training_goes_on_as_if_nothing_had_been(
    interruptible: list[list[TrainingRun]], monkeypatch: pytest.MonkeyPatch, which: int, cores: int
) -> None:
    """After any number of epochs of its blocks, which are not all at the same one."""
    monkeypatch.setattr(workers, "available_cores", lambda: cores)
    runs = interruptible[which]
    whole = train(runs, lookback=LOOKBACK)
    epochs = sum(int(whole.epochs[first : first + 8].max()) for first in range(0, len(runs), 8))
    seen = set()
    for most in range(1, epochs + 1):
        keeper = Memory(most)
        with pytest.raises(Interrupted):
            train(runs, lookback=LOOKBACK, keeper=keeper)
        seen.add(tuple(told["epoch"] for told in keeper.kept[1]["blocks"].values()))
        told: list[Epoch] = []
        again = train(runs, lookback=LOOKBACK, keeper=Memory(-1, keeper.kept), on_epoch=told.append)
        assert_same(again, whole)
        assert len(told) == epochs - most
    assert any(len(set(at)) > 1 for at in seen)


@needs_cpu
def test_a_training_that_is_interrupted_again_and_again_ends(interruptible: list[list[TrainingRun]]) -> None:
    """An epoch at a time, and with memory for one block, so that the others wait with what was kept of them."""
    runs = interruptible[0]
    whole, kept, rounds = train(runs, lookback=LOOKBACK), None, 0
    while True:
        keeper = Memory(1, kept)
        try:
            trained = train(runs, lookback=LOOKBACK, keeper=keeper)
        except Interrupted:
            kept, rounds = keeper.kept, rounds + 1
            continue
        break
    assert rounds == 9
    assert_same(trained, whole)
    assert kept is not None
    assert trained.seconds > kept[1]["seconds"] > 0  # all rounds together


@needs_cpu
def test_what_other_lanes_kept_is_left_alone(
    interruptible: list[list[TrainingRun]], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, keeper = interruptible[0], Memory(4)
    with pytest.raises(Interrupted):
        train(runs, lookback=LOOKBACK, keeper=keeper)
    monkeypatch.setattr("coincast.training.lanes.MANY_LANES", 5)
    with pytest.warns(UserWarning, match="starts afresh"):
        again = train(runs, lookback=LOOKBACK, keeper=Memory(-1, keeper.kept))
    np.testing.assert_allclose(again.losses, train(runs, lookback=LOOKBACK).losses)


def test_a_finished_training_is_there_at_once(make_run: Make) -> None:
    runs = [make_run(1), make_run(2)]
    keeper = Memory(-1)
    whole = train(runs, lookback=LOOKBACK, keeper=keeper)
    told: list[Epoch] = []
    assert_same(train(runs, lookback=LOOKBACK, keeper=Memory(-1, keeper.kept), on_epoch=told.append), whole)
    assert not told


# ---------------------------------------------------------------- what is refused, and what is shared


def test_what_cannot_be_one_set_is_refused(make_run: Make) -> None:
    with pytest.raises(UsageError, match="share their recipe but for its rates"):
        train([make_run(1), make_run(2, batch_size=8)], lookback=LOOKBACK)
    with pytest.raises(UsageError, match="a loss of the same head"):
        train([make_run(1), make_run(2, loss="gaussian")], lookback=LOOKBACK)
    with pytest.raises(UsageError, match=r"training.patience is 3, and nothing is held back to validate on"):
        train([make_run(1, patience=3, validation=9), make_run(2, patience=3)], lookback=LOOKBACK)


def test_too_little_memory_is_one_line(make_run: Make) -> None:
    with pytest.raises(UsageError, match=r"training needs \S+ GB of memory, and \S+ GB are allowed"):
        train([make_run(1)], lookback=LOOKBACK, memory=100)


def test_equal_sets_share_a_program(make_run: Make) -> None:
    """Other rates, seeds, epochs, patience and numbers of runs need no compilation."""
    spans = make_run().spans
    train([make_run(1, spans=spans, l1_kernel=0.1)], lookback=LOOKBACK)
    before = programs._compile.cache_info().misses
    changes = {"l1_kernel": 0.2, "learning_rate": 0.1, "epochs": 2}
    train([make_run(seed, spans=spans, **changes) for seed in range(9)], lookback=LOOKBACK)
    assert programs._compile.cache_info().misses == before


@pytest.fixture
def half_of_little(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(memory, "physical_memory", lambda: 1000)
    return


@pytest.mark.usefixtures("half_of_little")
def test_without_a_limit_half_of_the_machine_is_allowed(make_run: Make) -> None:
    with pytest.raises(UsageError, match=r"5e-07 GB are allowed"):
        train([make_run(1)], lookback=LOOKBACK)
