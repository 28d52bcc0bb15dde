"""Networks and forecasters of a user's own, grids, and runs that end badly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

import coincast as cc
from coincast.errors import TooFewRowsError, UnknownNameError, UsageError
from coincast.experiments.folder import FinishedModels
from coincast.experiments.forecast import Outlook
from coincast.experiments.grid import expand_grid
from coincast.experiments.outline import count_parameters, outline_network, refuse_too_large
from coincast.experiments.run import run_experiment
from coincast.experiments.spec import Spec
from coincast.models.forecaster import Axes


class LinearModule(eqx.Module):
    weight: jax.Array
    horizon: int = eqx.field(static=True)

    def __call__(self, past: jax.Array, *, key: Any = None) -> jax.Array:
        return (past.reshape(-1) @ self.weight).reshape(self.horizon, 1)


@dataclass(frozen=True)
class Linear:
    """Ten lines: a network of a user's own."""

    size: float = 0.1

    def build(self, axes: Axes, *, key: Any) -> LinearModule:
        weight = self.size * jax.random.normal(key, (axes.lookback * axes.feature, axes.horizon))
        return LinearModule(weight, axes.horizon)


@dataclass(frozen=True)
class Brittle:
    """Starts from weights that are not finite in a share of its runs."""

    share: float = 0.5

    def build(self, axes: Axes, *, key: Any) -> LinearModule:
        fails = jax.random.uniform(key) < self.share
        weight = jnp.full((axes.lookback * axes.feature, axes.horizon), jnp.where(fails, jnp.nan, 0.1))
        return LinearModule(weight, axes.horizon)


@dataclass(frozen=True)
class Fixed:
    """A forecaster of a user's own: the last close and a little more."""

    more: float = 0.01
    learns: ClassVar[bool] = False

    def forecast(self, samples: Any, *, training: Any, origins: Any, seed: int) -> np.ndarray:
        return np.repeat(samples.close[origins][:, None] * (1 + self.more), samples.windows.horizon, axis=1)


class Unsaid:
    """No dataclass, no `learns`; gives what it was told to."""

    def __init__(self, shape: tuple[int, ...] | None = None) -> None:
        self.shape = shape

    def forecast(self, samples: Any, *, training: Any, origins: Any, seed: int) -> np.ndarray:
        return np.ones(self.shape or (len(origins), samples.windows.horizon))


@dataclass(frozen=True)
class Holed:
    """A forecaster that knows no price for some origins."""

    every: int = 20
    learns: ClassVar[bool] = False

    def forecast(self, samples: Any, *, training: Any, origins: Any, seed: int) -> np.ndarray:
        prices = np.where(origins % self.every == 0, np.inf, samples.close[origins])
        return np.repeat(prices[:, None], samples.windows.horizon, axis=1)


def test_a_network_of_a_users_own_is_compared(echo: pl.DataFrame) -> None:
    result = cc.compare(echo, models=[Linear(), Linear(size=0.5)], lookback=3, epochs=2, seeds=2)
    assert result.leaderboard["model"].sort().to_list() == ["linear(size=0.5).ensemble", "linear.ensemble", "naive"]
    assert result.runs.filter(run=1)["parameters"].to_list() == [3, 3]
    assert result.history["loss"].is_finite().all()


def test_a_forecaster_of_a_users_own_is_compared(echo: pl.DataFrame) -> None:
    result = cc.compare(echo, models=[Fixed(more=0.5), "drift"], lookback=3, horizon=2)
    rows = result.forecasts.filter(model="fixed")
    assert rows["value"].to_list() == pytest.approx((1.5 * rows["last_close"]).to_list())
    assert rows["trained_until"].equals(rows["origin"])
    assert result.headline["model"] == "fixed"
    assert result.verdict in ("worse", "too few")


def test_a_forecaster_that_does_not_say_counts_as_one_that_learns(echo: pl.DataFrame) -> None:
    rows = cc.compare(echo, models=[Unsaid()], lookback=3).forecasts.filter(model="unsaid")
    assert rows["trained_until"].n_unique() == 1


def test_a_forecast_of_a_wrong_shape_is_refused(echo: pl.DataFrame) -> None:
    with pytest.raises(UsageError, match=r"unsaid: forecast gave an array of shape \(3,\); .* here \(32, 1\)"):
        cc.compare(echo, models=[Unsaid(shape=(3,))], lookback=3)


@dataclass(frozen=True)
class Misshapen:
    """Its module forgets the axis of outputs, or is no module."""

    is_module: bool = True

    def build(self, axes: Axes, *, key: Any) -> Any:
        return (lambda past, *, key=None: past.sum(axis=0)) if self.is_module else 3.0


def test_a_network_of_a_wrong_shape_is_refused(echo: pl.DataFrame) -> None:
    with pytest.raises(UsageError, match=r"misshapen: its module gives an output of shape \(1,\); .* here \(1, 1\)"):
        cc.compare(echo, models=[Misshapen()], lookback=3)
    with pytest.raises(UsageError, match=r"misshapen: build gave .*; it must give a module"):
        cc.compare(echo, models=[Misshapen(is_module=False)], lookback=3)


@pytest.fixture(scope="module")
def brittle(echo: pl.DataFrame) -> Outlook:
    return cc.forecast(echo, horizon=1, models=[Brittle()], lookback=3, epochs=1, seeds=8)


def test_runs_that_fail_are_marked_told_and_left_out(brittle: Outlook) -> None:
    result = brittle.result
    failed = result.runs.filter(status="failed")["run"].to_list()
    assert 0 < len(failed) < 8
    rows = result.forecasts.filter(model="brittle")
    assert rows.filter(pl.col("value").is_null())["run"].unique().sort().to_list() == failed
    sound = rows.filter(pl.col("value").is_not_null()).group_by("origin").agg(pl.col("value").mean()).sort("origin")
    ensemble = result.forecasts.filter(model="brittle.ensemble").sort("origin")
    np.testing.assert_allclose(ensemble["value"].to_numpy(), sound["value"].to_numpy(), rtol=1e-12)
    told = [f"Run {run} of brittle on simulated:ECHO1/USD failed: its numbers are not finite." for run in failed]
    assert [note.partition(" It is left out")[0] for note in result.notes[: len(told)]] == told
    assert result.scores.filter(model="brittle")["run"].unique().to_list() == [
        r for r in range(1, 9) if r not in failed
    ]


def test_an_outlook_leaves_failed_runs_out(brittle: Outlook) -> None:
    assert brittle.table["model"].to_list() == ["brittle.ensemble"]
    assert brittle.table["value"].is_finite().all()


def test_a_network_whose_runs_all_fail_is_an_error(echo: pl.DataFrame) -> None:
    with pytest.raises(TooFewRowsError, match=r"every run of brittle .* try a smaller training.learning_rate"):
        cc.compare(echo, models=[Brittle(share=1.0)], lookback=3, epochs=1, seeds=2)


@pytest.mark.filterwarnings("error")
def test_a_setting_that_diverges_leaves_the_others_alone(echo: pl.DataFrame) -> None:
    settings = {"lookback": 5, "optimiser": "sgd", "loss": "mse", "epochs": 30, "seeds": 2}
    result = cc.compare(echo, models=["linear"], grid={"training.learning_rate": [0.99, 0.001]}, **settings)
    failed, done = "linear(learning_rate=0.99)", "linear(learning_rate=0.001)"
    assert result.runs.filter(model=failed)["status"].to_list() == ["failed"] * 2
    assert result.runs.filter(model=done)["status"].to_list() == ["done"] * 2
    assert [note.partition(" on ")[0] for note in result.notes] == [f"Run {run} of {failed}" for run in (1, 2)]
    assert set(result.leaderboard["model"]) == {f"{done}.ensemble", "naive"}
    with pytest.raises(TooFewRowsError, match=r"every run of .*=0.99\) .* a smaller training.learning_rate than 0.99"):
        cc.compare(echo, models=["linear"], grid={"training.learning_rate": [0.99, 0.98]}, **settings)
    directions = cc.compare(
        echo, models=["linear"], quantity="direction", grid={"training.learning_rate": [0.99, 0.001]}, **settings
    )
    assert [note.partition(" on ")[0] for note in directions.notes] == [f"Run {run} of {failed}" for run in (1, 2)]


def test_prices_of_a_forecaster_that_are_not_finite_are_told(echo: pl.DataFrame) -> None:
    result = cc.forecast(echo, horizon=1, models=[Holed()], lookback=3, test=48).result
    rows = result.forecasts.filter(model="holed")
    assert rows["value"].null_count() == 2  # rows 120 and 140 of the origins 111 to 158
    assert result.scores.filter(model="holed", metric="abs_log_error", subset="all")["n"].unique().to_list() == [46]
    assert result.runs.filter(model="holed")["status"].to_list() == ["failed"]
    told = "2 of 49 forecasts of holed on simulated:ECHO1/USD are not finite. They are left out of its scores."
    assert result.notes[0] == told
    assert result.notes[1].startswith("2 of 96 intervals could not be made")  # the same two, of 48 origins and 2 models


def test_a_market_without_a_finite_forecast_is_an_error(echo: pl.DataFrame) -> None:
    says = r"every run of holed on simulated:ECHO1/USD ended .*; correct its method forecast, or leave it out"
    with pytest.raises(TooFewRowsError, match=says):
        cc.compare(echo, models=[Holed(every=1)], lookback=3)
    with pytest.raises(TooFewRowsError, match=says):  # the last candle is row 159, the one origin beyond the test span
        cc.forecast(echo, horizon=1, models=[Holed(every=159)], lookback=3)


def expand(model: Any, **grid: list[Any]) -> list[str]:
    spec = Spec.from_keywords(models=[model], grid={key.replace("__", "."): values for key, values in grid.items()})
    return [setting.label for setting in expand_grid(spec.models[0], spec)]


def test_a_grid_names_its_combinations() -> None:
    assert expand("lstm") == ["lstm"]
    assert expand("lstm", lstm__dropout=[0.1]) == ["lstm(dropout=0.1)"]
    assert expand("lstm", lstm__dropout=[0, 0.5], training__learning_rate=[0.1]) == [
        "lstm(dropout=0,learning_rate=0.1)",
        "lstm(dropout=0.5,learning_rate=0.1)",
    ]
    assert expand({"name": "lstm", "label": "mine"}, mine__dropout=[0.1]) == ["mine(dropout=0.1)"]


def test_a_grid_concerns_only_the_network_that_it_names() -> None:
    spec = Spec.from_keywords(models=["lstm", Linear()], grid={"linear.size": [0.1, 0.2]})
    assert [s.label for s in expand_grid(spec.models[0], spec)] == ["lstm"]
    assert [s.settings.size for s in expand_grid(spec.models[1], spec)] == [0.1, 0.2]


def test_a_grid_finds_a_label_with_dots() -> None:
    dotted = {"name": "lstm", "label": "my.lstm"}
    spec = Spec.from_keywords(models=[dotted], grid={"my.lstm.dropout": [0.1, 0.2]})
    assert [s.label for s in expand_grid(spec.models[0], spec)] == ["my.lstm(dropout=0.1)", "my.lstm(dropout=0.2)"]
    spec = Spec.from_keywords(models=["lstm", cc.LSTM(dropout=0.5)], grid={"lstm(dropout=0.5).dropout": [0.1, 0.2]})
    assert [s.settings.dropout for s in expand_grid(spec.models[0], spec)] == [0]
    assert [s.settings.dropout for s in expand_grid(spec.models[1], spec)] == [0.1, 0.2]


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("data.interval", "all models of an experiment see the same candles"),
        ("split.validation", "are tested on the same candles"),
        ("samples.horizon", "forecast the same"),
        ("samples.quantity", "forecast the same"),
        ("training.seed", "it holds for the whole experiment"),
        ("training.seeds", "it holds for the whole experiment"),
        ("training.memory", "it holds for the whole experiment"),
        ("training.pool", "it holds for the whole experiment"),
        ("judge.cost", "are judged alike"),
        ("ar.order", "ar is no network; give each of its settings as one of"),
    ],
)
def test_a_grid_key_that_cannot_vary_is_refused(key: str, why: str, echo: pl.DataFrame) -> None:
    with pytest.raises(UsageError, match=f"grid.{key} cannot vary: .*{why}.*; allowed: how networks") as refused:
        cc.compare(echo, models=["lstm", "ar"], lookback=3, grid={key: [1, 2]})
    assert "\n" not in str(refused.value)


def test_lists_name_sizes_of_layers() -> None:
    assert expand("lstm", lstm__units=[20, [50, 20]]) == ["lstm(units=20)", "lstm(units=[50,20])"]
    spec = Spec.from_keywords(models=[{"name": "lstm", "units": [50, 20]}])
    assert spec.models[0].settings == cc.LSTM(units=(50, 20))
    assert Spec.from_dict(spec.to_dict()) == spec
    with pytest.raises(UsageError, match=r"grid.lstm.dropout is \[0.1\]; allowed: a number"):
        expand("lstm", lstm__dropout=[[0.1], [0.2]])


def test_values_of_a_grid_are_checked_like_those_of_a_section() -> None:
    for key, value, says in (
        ("training.l2_kernel", -1, "training.l2_kernel is -1.*; allowed: 0 or more"),
        ("training.loss", "mes", "unknown loss 'mes'; did you mean 'mse'"),
        ("training.loss", "qlike", "training.loss is 'qlike', which compares variances"),
        ("training.patience", 3, "training.patience is 3.*split.validation is 0"),
        ("samples.scaling", "big", "unknown scaling 'big'"),
        ("samples.lookback", 0, "samples.lookback is 0; allowed"),
        ("training.optimizer", "sgd", "unknown grid key 'training.optimizer'; did you mean 'training.optimiser'"),
    ):
        with pytest.raises(UsageError, match=says):
            expand("lstm", **{key.replace(".", "__"): [value]})


@dataclass(frozen=True)
class MyNet:
    """Its settings have names that other things have."""

    seed: int = 0
    learning_rate: float = 0.5

    def build(self, axes: Axes, *, key: Any) -> LinearModule:
        weight = jnp.full((axes.lookback * axes.feature, axes.horizon), 0.01 * self.seed * self.learning_rate)
        return LinearModule(weight, axes.horizon)


def test_a_varied_setting_takes_no_column_of_another(echo: pl.DataFrame) -> None:
    grid = {"my_net.seed": [1, 2], "my_net.learning_rate": [0.25, 0.75], "training.learning_rate": [0.01, 0.02]}
    runs = cc.compare(echo, models=[MyNet()], lookback=3, epochs=1, seeds=1, seed=9, grid=grid).runs
    runs = runs.filter(pl.col("parameters") > 0)
    assert runs["seed"].to_list() == [9] * 8
    assert runs["my_net.seed"].to_list() == [1, 1, 1, 1, 2, 2, 2, 2]
    assert runs["my_net.learning_rate"].to_list() == [0.25, 0.25, 0.75, 0.75] * 2
    assert runs["training.learning_rate"].to_list() == [0.01, 0.02] * 4
    assert runs["model"][0] == "my_net(seed=1,my_net.learning_rate=0.25,training.learning_rate=0.01)"


def test_a_network_beyond_all_memory_is_refused_before_it_is_built(echo: pl.DataFrame) -> None:
    # (4 x 200000) gates x (1 input + 200000 states + 1 bias) and a linear layer of 200000 + 1
    says = r"lstm has 160,001,800,001 parameters, .* GB of memory at least; allowed: the .* GB of this machine; make it"
    with pytest.raises(UsageError, match=says):
        cc.compare(echo, models=[cc.LSTM(units=200_000)], lookback=3)
    with pytest.raises(UsageError, match=r"lstm is too large to be built"):
        cc.compare(echo, models=[cc.LSTM(units=10**20)], lookback=3)


class Odd(eqx.Module):
    """What a module of a user's own may be like."""

    matrix: jax.Array | None
    horizon: int = eqx.field(static=True)
    kind: Any = eqx.field(static=True)

    def __call__(self, past: jax.Array, *, key: Any = None) -> jax.Array:
        if self.kind == "fails":
            return past @ jnp.zeros((1_000, 1))
        return jnp.zeros((self.horizon, 1), dtype=jnp.int32 if self.kind == "whole" else past.dtype)


@dataclass(frozen=True)
class OddNet:
    kind: str = "plain"

    def build(self, axes: Axes, *, key: Any) -> Odd:
        if self.kind == "raises":
            raise KeyError("two\nlines")
        return Odd(None if self.kind == "bare" else jnp.ones(2), axes.horizon, self.kind)


@dataclass(frozen=True)
class NoKey:
    def build(self, axes: Axes) -> Odd:
        return Odd(None, axes.horizon, "plain")


@pytest.mark.parametrize(
    ("network", "training", "words"),
    [
        (
            OddNet(),
            {"l1_kernel": 0.1},
            "l1_kernel is 0.1, and odd_net has no weights .* fields called kernel,",
        ),
        (OddNet("bare"), {"l1_kernel": 0.1}, "odd_net has no weights that it reaches"),
        (OddNet(), {"l2_bias": 0.1}, "fields called bias or recurrent_bias, outside the output layer; set it to 0"),
        ("dense", {"l2_recurrent": 0.1}, "dense has no weights that it reaches: fields called recurrent_kernel"),
        (OddNet("raises"), {}, r"odd_net cannot be built: KeyError: 'two\\nlines'; its settings need a method build"),
        (NoKey(), {}, "no_key cannot be built: TypeError: .*'key'; its settings need a method build"),
        (OddNet("fails"), {}, r"odd_net: its module fails when it is called with one sample of shape \(3, 1\): Type"),
        (OddNet("whole"), {}, "odd_net: its module gives an output of int32, which cannot be learnt"),
    ],
)
def test_a_network_that_cannot_be_trained_as_asked_is_refused(
    network: Any, training: dict[str, Any], words: str, echo: pl.DataFrame
) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        cc.compare(echo, models=[network], lookback=3, epochs=1, seeds=1, **training)
    assert "\n" not in str(refused.value)


def test_a_penalty_that_reaches_one_setting_of_a_grid_alone_is_refused(echo: pl.DataFrame) -> None:
    with pytest.raises(UsageError, match="has no weights that it reaches"):
        cc.compare(echo, models=["dense"], lookback=3, epochs=1, grid={"training.l1_recurrent": [0.0, 0.1]})


def test_memory_below_a_byte_is_not_the_usual_share(echo: pl.DataFrame) -> None:
    with pytest.raises(UsageError, match=r"training needs .* GB of memory, and .* GB are allowed"):
        cc.compare(echo, models=["linear"], lookback=3, epochs=1, seeds=1, memory=1e-10)


def test_parameters_are_counted_without_building() -> None:
    module = outline_network("lstm", cc.LSTM(units=2_000), Axes(3, 1, 1))
    built = cc.LSTM(units=3).build(Axes(3, 1, 1), key=jax.random.key(0))
    assert count_parameters(built) == 4 * 3 * (1 + 3 + 1) + 3 + 1
    assert count_parameters(module) == 4 * 2_000 * (1 + 2_000 + 1) + 2_000 + 1
    refuse_too_large("lstm", module)


def test_unknown_grid_keys_name_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean 'lstm.dropout'"):
        expand("lstm", lstm__dropuot=[0.1])
    with pytest.raises(UsageError, match=r"grid.lstm.dropout is 'high'; allowed: a number"):
        expand("lstm", lstm__dropout=["high"])
    with pytest.raises(UsageError, match=r"dropout is 2.5"):
        expand("lstm", lstm__dropout=[2.5])


def test_finished_models_come_back_as_they_were(echo: pl.DataFrame, small: Callable[..., Spec], tmp_path: Any) -> None:
    """A shelf that holds a model is believed: it is not trained again."""
    spec, shelf = small(), FinishedModels(tmp_path)
    told: list[str] = []
    first = run_experiment(spec, echo, shelf=shelf, on_progress=lambda label, _: told.append(label))
    assert "lstm" in told
    told.clear()
    second = run_experiment(spec, echo, shelf=shelf, on_progress=lambda label, _: told.append(label))
    assert told == []
    for table in ("forecasts", "scores", "runs", "history", "outlook"):
        assert getattr(first, table).equals(getattr(second, table)), table
