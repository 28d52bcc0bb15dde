"""How the runs of a network are put into programs: grids, pools, early stopping, quantiles, going on after a stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
import polars as pl
import pytest

import coincast as cc
from coincast.errors import UsageError
from coincast.experiments import trained as module
from coincast.experiments.desk import Desk
from coincast.experiments.fingerprint import take_fingerprint
from coincast.experiments.fit import fit_entry
from coincast.experiments.folder import run_in_folder
from coincast.experiments.run import run_experiment
from coincast.experiments.sections import TrainingSection
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import make_tasks, vary_tasks
from coincast.forecasts.residuals import quantile_names
from coincast.models.dropout import Dropout
from coincast.models.forecaster import Axes
from coincast.training.checkpoint import read_checkpoint
from coincast.training.resume import ResumeFile

Make = Callable[..., Spec]


class TinyModule(eqx.Module):
    kernel: jax.Array
    dropout: Dropout
    horizon: int = eqx.field(static=True)

    def __call__(self, past: jax.Array, *, key: Any = None) -> jax.Array:
        return (self.dropout(past.reshape(-1), key=key) @ self.kernel).reshape(self.horizon, -1)


@dataclass(frozen=True)
class Tiny:
    """A linear layer: what it costs is the program around it."""

    dropout: float = 0.0

    def build(self, axes: Axes, *, key: Any) -> TinyModule:
        shape = (axes.lookback * axes.feature, axes.horizon * axes.output)
        return TinyModule(0.1 * jax.random.normal(key, shape), Dropout.at(self.dropout), axes.horizon)


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many runs each call of `train` was given."""
    counted: list[int] = []
    train = module.train

    def count(runs: Any, **settings: Any) -> Any:
        counted.append(len(runs))
        return train(runs, **settings)

    monkeypatch.setattr(module, "train", count)
    return counted


@pytest.mark.long
def test_288_runs_are_one_program(echo: pl.DataFrame, programs: list[int]) -> None:
    """Four penalties of eight strengths, nine seeds each: article 2's table of regularisers."""
    strengths = [0.0, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1.0, 10.0]
    grid = {"training.l2_kernel": strengths, "training.noise": [0.0, 0.1], "tiny.dropout": [0.0, 0.5]}
    spec = Spec.from_keywords(models=[Tiny()], lookback=3, epochs=1, seeds=9, batch_size=64, grid=grid)
    fitted = fit_entry(spec.models[0], spec, make_tasks(spec, echo), beside=False)
    assert programs == [288]
    assert fitted.runs.height == 288
    assert fitted.runs["model"].n_unique() == 32


@pytest.mark.long
def test_other_shapes_and_recipes_are_programs_of_their_own(echo: pl.DataFrame, programs: list[int]) -> None:
    grid = {
        "samples.features": [["log_return"], ["close"], ["log_return", "close"]],
        "samples.scaling": ["training", "none"],
        "training.optimiser": ["adam", "sgd"],
    }
    told: list[Any] = []
    spec = Spec.from_keywords(models=[Tiny()], lookback=4, epochs=1, seeds=2, batch_size=64, test=0.3, grid=grid)
    tasks = make_tasks(spec, echo)
    result = fit_entry(
        spec.models[0], spec, tasks, beside=False, on_progress=lambda label, progress: told.append(progress)
    )
    # Numbers of features x optimisers; both tables of one feature and both scalings share a program.
    assert sorted(programs) == [4, 4, 8, 8]
    assert (told[-1].runs, told[-1].epoch, told[-1].epochs) == (24, 4, 4)
    name = "tiny(features=[close],scaling=none,optimiser=sgd)"
    runs = result.runs.filter(model=name)
    assert runs.select("features", "optimiser").row(0) == ("[close]", "sgd")
    assert runs["parameters"].to_list() == [4, 4]
    plain = spec.vary({"samples.features": ["close"], "samples.scaling": "none", "training.optimiser": "sgd"})
    alone = fit_entry(plain.models[0], plain, make_tasks(plain, echo)).forecasts["value"].to_numpy()
    np.testing.assert_allclose(result.forecasts.filter(model=name)["value"].to_numpy(), alone, rtol=1e-6)


def test_all_settings_are_judged_on_the_same_origins(echo: pl.DataFrame) -> None:
    holed = echo.filter(~pl.int_range(pl.len()).is_in([130]))
    grid = {"samples.lookback": [2, 8], "samples.target": ["log_return", "price"]}
    result = cc.compare(holed, models=[Tiny(), "drift"], lookback=5, epochs=1, seeds=1, test=0.3, grid=grid)
    origins = {
        str(model): set(rows["origin"]) for (model,), rows in result.forecasts.group_by("model") if model != "naive"
    }
    assert all(own <= origins["drift"] for own in origins.values())
    assert origins["tiny(lookback=2,target=price)"] == origins["drift"]


def test_samples_that_are_the_same_are_shared(echo: pl.DataFrame, small: Make) -> None:
    spec = small(validation=0.2)
    tasks = make_tasks(spec, echo, beyond=True)
    assert vary_tasks(tasks, spec.vary({"training.epochs": 3}), of=spec) == tasks
    other = vary_tasks(tasks, spec.vary({"samples.target": "price", "samples.scaling": "none"}), of=spec)
    assert other[0].samples.inputs is tasks[0].samples.inputs
    assert other[0].target_scale != tasks[0].target_scale
    stopping = vary_tasks(tasks, spec.vary({"training.patience": 2}), of=spec)
    assert stopping[0] is tasks[0]


def test_early_stopping_beyond_the_last_candle_holds_back_as_large_a_share(echo: pl.DataFrame, small: Make) -> None:
    spec = small(validation=0.2, patience=2, gap=3)
    tested, live = make_tasks(spec, echo, beyond=True)
    rows = echo.height
    share = len(tested.parts.validation) / tested.parts.validation.end
    assert len(live.parts.validation) == round(share * rows)
    assert live.parts.validation.end == rows
    assert live.parts.train.end == live.parts.validation.first - 3
    assert len(live.validation) > 0
    plain = make_tasks(small(validation=0.2), echo, beyond=True)[1]
    assert (plain.parts.train.end, len(plain.validation)) == (rows, 0)


def test_a_run_stops_early_and_has_its_best_weights(echo: pl.DataFrame, small: Make) -> None:
    spec = small(models=[Tiny()], validation=0.2, epochs=60, patience=2, learning_rate=0.1, seeds=3)
    result = run_experiment(spec, echo, beyond=True)
    runs = result.runs.filter(model="tiny").sort("run")
    assert runs["epochs"].max() < 60
    assert (runs["epochs"] - runs["best_epoch"]).to_list() == [2, 2, 2]
    assert runs["status"].to_list() == ["done"] * 3
    for row in runs.iter_rows(named=True):
        losses = result.history.filter(model="tiny", run=row["run"]).sort("epoch")["validation_loss"]
        assert len(losses) == row["epochs"]
        assert losses.arg_min() == row["best_epoch"] - 1
    assert result.outlook.filter(model="tiny.ensemble").height == 1


def test_a_pool_learns_from_all_markets_and_forecasts_each(
    two_markets: pl.DataFrame, small: Make, programs: list[int]
) -> None:
    spec = small(models=[Tiny()], pool=True, refit="every", every=24)
    result = run_experiment(spec, two_markets, beyond=True)
    # Two refits and the one beyond the last candle, two seeds each; the markets share them.
    assert programs == [2 * 3]
    runs = result.runs.filter(model="tiny")
    assert runs.height == 2 * 2 * 2
    by_market = [runs.filter(market=market)["seconds"].to_list() for market in runs["market"].unique()]
    assert by_market[0] == by_market[1]
    history = result.history.filter(run=1, fit=1).sort("market", "epoch")
    losses = history.partition_by("market")
    assert losses[0]["loss"].to_list() == losses[1]["loss"].to_list()
    alone = run_experiment(small(models=[Tiny()], refit="every", every=24), two_markets)
    first = alone.history.filter(run=1, fit=1).sort("market", "epoch")
    assert first["loss"].to_list() != history["loss"].to_list()
    assert result.outlook.filter(model="tiny.ensemble")["market"].n_unique() == 2


def test_a_pool_that_would_tell_the_future_is_refused(two_markets: pl.DataFrame, small: Make) -> None:
    late = two_markets["market"].unique(maintain_order=True)[0]
    shifted = two_markets.filter((pl.col("market") == late) | (pl.int_range(pl.len()).over("market") < 110))
    with pytest.raises(UsageError, match=r"training.pool: .* is learnt beyond the first forecast of .*the same for"):
        run_experiment(small(models=[Tiny()], pool=True), shifted)
    assert run_experiment(small(models=[Tiny()], pool=True, test="2015-04-01"), shifted).runs.height


def test_a_pool_that_stops_early_by_the_future_of_a_market_is_refused(two_markets: pl.DataFrame, small: Make) -> None:
    """Training ends on the same day for both, and validation goes on where the other is judged already."""
    late = two_markets["market"].unique(maintain_order=True)[0]
    shifted = two_markets.filter((pl.col("market") == late) | (pl.int_range(pl.len()).over("market") < 130))
    settings = {"models": [Tiny()], "pool": True, "validation": "2015-03-01"}
    assert run_experiment(small(**settings), shifted).runs.height
    for refit in ("never", "every"):
        with pytest.raises(UsageError, match="is learnt beyond the first forecast of"):
            run_experiment(small(**settings, patience=2, refit=refit, every=10), shifted)
    result = run_experiment(small(**settings, patience=2, test="2015-04-01"), shifted)
    last_validated = shifted.filter(pl.col("open_time") < pl.datetime(2015, 4, 1, time_zone="UTC"))["close_time"].max()
    assert set(result.forecasts.filter(model="tiny")["trained_until"]) == {last_validated}


def test_early_stopping_is_known_of_up_to_the_last_validation_row(echo: pl.DataFrame, small: Make) -> None:
    settings = {"models": [Tiny()], "validation": 0.2, "gap": 3}
    plain, stopping = (small(**settings, patience=patience) for patience in (0, 2))
    task = make_tasks(plain, echo)[0]
    ends = {0: task.parts.train.end, 2: task.parts.validation.end}
    for spec in (plain, stopping):
        result = run_experiment(spec, echo)
        until = echo["close_time"][ends[spec.training.patience] - 1]
        forecasts = result.forecasts.filter(model="tiny")
        assert set(forecasts["trained_until"]) == {until}
        assert (forecasts["trained_until"] <= forecasts["origin"]).all()
        past = result.calibration.filter(model="tiny")
        assert set(past["trained_until"]) == {echo["close_time"][task.parts.train.end - 1]}


@pytest.mark.parametrize("loss", ["quantile", pytest.param("gaussian", marks=pytest.mark.long)])
def test_a_networks_own_quantiles_are_the_intervals_of_its_ensemble(loss: str, echo: pl.DataFrame, small: Make) -> None:
    """The mean of the runs' quantiles, in price, around the ensemble's median."""
    keywords: dict[str, Any] = {"models": [Tiny(), "drift"], "loss": loss, "validation": 0.2, "epochs": 4}
    result = run_experiment(small(**keywords, intervals="network"), echo)
    assert result.intervals is not None
    assert result.intervals["model"].unique().to_list() == ["tiny.ensemble"]
    told = [note for note in result.notes if note.startswith("no intervals for")]
    assert told == ["no intervals for drift, naive: they forecast no quantiles themselves"]
    values = result.intervals.select(quantile_names(result.intervals)).to_numpy()
    assert (np.diff(values, axis=1) >= 0).all()
    point = result.forecasts.filter(model="tiny.ensemble").sort("origin")["value"].to_numpy()
    np.testing.assert_allclose(result.intervals.sort("origin")["q50"].to_numpy(), point, rtol=1e-9)
    calibrated = run_experiment(small(**keywords, intervals="cqr"), echo)
    assert calibrated.intervals is not None
    assert calibrated.intervals["model"].unique().to_list() == ["tiny.ensemble"]
    widths = [(one["q95"] / one["q05"]).log().to_numpy() for one in (result.intervals, calibrated.intervals)]
    assert np.isfinite(widths[1]).any()
    assert not np.allclose(widths[0], widths[1])


@dataclass(frozen=True)
class Squashed(Tiny):
    """Its forecast is a probability, whatever it is asked for."""

    output_activation: str = "sigmoid"


def test_targets_out_of_reach_are_told(echo: pl.DataFrame, small: Make) -> None:
    spec = small(models=[Squashed()], grid={"training.l2_kernel": [0.05, 0.1]})
    [note] = [one for one in run_experiment(spec, echo).notes if "activation" in one]
    [task] = make_tasks(spec, echo)
    returns = np.log(task.samples.future_close(task.training) / task.samples.last_close(task.training)[:, None])
    below = int((returns < 0).sum() + (returns / np.sqrt(np.mean(returns**2)) > 1).sum())
    assert note.startswith("The output activation 'sigmoid' of squashed(l2_kernel=0.05) gives 0 to 1, and ")
    assert f" {below} of {returns.size} scaled training targets of simulated:ECHO1/USD lie outside" in note
    direction = run_experiment(small(models=[Squashed()], quantity="direction"), echo)
    assert not [one for one in direction.notes if "activation" in one]


def test_what_a_module_cannot_tell_is_refused(echo: pl.DataFrame, small: Make) -> None:
    with pytest.raises(UsageError, match=r"training.loss_on is 'every', and tiny forecasts from the last candle alone"):
        run_experiment(small(models=[Tiny()], loss_on="every"), echo)
    with pytest.raises(UsageError, match=r"training.l2_activity is 0.1, and tiny tells no activity"):
        run_experiment(small(models=[Tiny()], l2_activity=0.1), echo)
    every = cc.LSTM(units=2, every_step=True)
    assert run_experiment(small(models=[every], loss_on="every", l2_activity=0.1), echo).runs.height


class Interrupt(Exception):
    pass


def test_a_training_that_was_killed_goes_on_where_it_was(
    echo: pl.DataFrame, small: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped after every third epoch; the tables are those of the uninterrupted run, bit for bit."""
    spec = small(models=[Tiny()], epochs=8, seeds=2, grid={"samples.lookback": [2, 4]})
    whole = run_experiment(spec, echo)
    keeps = 0

    class Stopping(ResumeFile):
        def __init__(self, *args: Any, **settings: Any) -> None:
            super().__init__(*args, **{**settings, "every_seconds": 0.0})

        def keep(self, *args: Any) -> None:
            nonlocal keeps
            super().keep(*args)
            keeps += 1
            if keeps % 3 == 0:
                raise Interrupt

    monkeypatch.setattr("coincast.training.resume.ResumeFile", Stopping)
    stops = 0
    while True:
        try:
            run = run_in_folder(spec, echo, out=tmp_path / "run")
            break
        except Interrupt:
            stops += 1
            assert list((tmp_path / "run" / "finished" / "tiny").glob("training-*"))
    assert stops == 5  # 16 epochs in all
    for table in ("forecasts", "history"):
        assert getattr(run.result, table).equals(getattr(whole, table)), table
    assert not (tmp_path / "run" / "finished").exists()
    assert run.result.notes == whole.notes


def test_a_damaged_state_is_told_and_trained_anew(echo: pl.DataFrame, small: Make, tmp_path: Path) -> None:
    desk = Desk(tmp_path, tmp_path / "checkpoints", "mine", TrainingSection())
    desk.keeper(1).path.write_bytes(b"broken")
    keeper = desk.keeper(1)
    assert keeper.resume() is None
    assert desk.notes[-1].startswith("The training starts afresh: ")
    assert desk.epoch_files([("tiny", "x")], 2) is None


@pytest.mark.long
def test_weights_and_events_by_epoch_lie_in_the_run_folder(
    two_markets: pl.DataFrame, small: Make, tmp_path: Path
) -> None:
    spec = small(models=[Tiny(), "drift"], epochs=3, checkpoints="all", tensorboard=True)
    run = run_in_folder(spec, two_markets, out=tmp_path / "run")
    markets = list((tmp_path / "run" / "checkpoints" / "tiny").iterdir())
    assert len(markets) == 2
    [first] = [path for path in markets if "echo" in path.name.lower()]
    names = sorted(path.name for path in (first / "run-2").iterdir())
    assert [name[:8] for name in names if name.endswith(".safetensors")] == ["tiny-01-", "tiny-02-", "tiny-03-"]
    assert "tiny.csv" in names
    assert "events.out.tfevents.tiny" in names
    history = run.result.history.filter(pl.col("market").str.contains("ECHO"), pl.col("run") == 2)
    told = pl.read_csv(first / "run-2" / "tiny.csv")["loss"].to_numpy()
    np.testing.assert_allclose(told, history["loss"].to_numpy(), rtol=1e-6)
    checkpoint = read_checkpoint(first / "run-2" / next(name for name in names if name.startswith("tiny-03")))
    assert (checkpoint.run, checkpoint.epoch) == (2, 3)
    for changes, is_same in (({"training.memory": 2.0}, True), ({"training.seeds": 3}, False)):
        other = take_fingerprint(spec.vary(changes), two_markets, beyond=False)
        assert (other == run.result.fingerprint) == is_same


def test_less_memory_changes_no_number(echo: pl.DataFrame, small: Make) -> None:
    plain = run_experiment(small(models=[Tiny()], seeds=20), echo)
    tight = run_experiment(small(models=[Tiny()], seeds=20, memory=0.5), echo)
    assert plain.forecasts.equals(tight.forecasts)
    with pytest.raises(UsageError, match="GB"):
        run_experiment(small(models=[Tiny()], seeds=20, memory=1e-9), echo)
