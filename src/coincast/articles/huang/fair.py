"""The same question asked fairly: returns, a scaler from training rows, a validation part of its own, honest opponents.

A network reads 256 log returns and says the log return to each of the next 16 closes. Its scales are fitted on training
rows, its epoch is chosen on the validation part, and nothing is looked at on the test part before it is judged there,
where every candle is forecast once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from coincast.articles.bench import Bench
from coincast.articles.huang.fair_forecasts import forecast_rows, opponents
from coincast.articles.huang.networks import SHAPES
from coincast.articles.huang.published import HORIZON, LOOKBACK
from coincast.errors import TooFewRowsError
from coincast.samples.samples import Samples, make_sample_sets
from coincast.samples.splits import Part, Parts
from coincast.samples.windows import Windows

if TYPE_CHECKING:
    from coincast.samples.targets import TargetScale
    from coincast.training.runs import Span, TrainingRun


@dataclass(frozen=True)
class FairPlan:
    """How large the fair part is.

    Attributes:
        seeds: runs of each network, whose mean is judged.
        epochs: at most.
        patience: epochs without a better validation loss after which a run stops.
        windows: training windows at most, evenly spaced.
        batch_size: windows of a step.
    """

    seeds: int = 5
    epochs: int = 40
    patience: int = 5
    windows: int = 1000
    batch_size: int = 32


@dataclass(frozen=True)
class Told:
    """What networks and opponents say of a test part.

    Attributes:
        forecasts: a forecast table with the truth.
        validation: mean validation loss of the best epoch of each network, by which one of them is chosen.
        choice: the network with the least of them.
        seconds: that their trainings took.
    """

    forecasts: pl.DataFrame = field(repr=False)
    validation: dict[str, float]
    choice: str
    seconds: float


def fair_networks() -> dict[str, Any]:
    """The article's three kinds, with what was in their way taken out.

    The output is linear, since a return has no floor at 0. The CNN ends in a layer that reads all positions, and its
    first kernel is 19 candles long instead of 20, so that none is left over at the end: every step sees the newest one.
    """
    from coincast.models.cnn import CNN
    from coincast.models.gru import GRU
    from coincast.models.lstm import LSTM

    shape = SHAPES[2] | {"filters": (8, 8), "kernels": (19, 16)}
    return {
        "cnn": CNN(**shape, activation="leaky_relu", dropout=0.5, head="dense"),
        "lstm": LSTM(units=50, dropout=0.2),
        "gru": GRU(units=50, dropout=0.2),
    }


def make_fair_samples(candles: pl.DataFrame, market: str) -> Samples:
    """Log returns of all markets as inputs, the return to each of the next 16 closes of one of them as target.

    No window straddles a gap.
    """
    markets = candles["market"].unique(maintain_order=True).to_list()
    sets = make_sample_sets(
        candles,
        markets=[market],
        inputs=markets,
        features=["log_return"],
        lookback=LOOKBACK,
        horizon=HORIZON,
        target="log_return",
    )
    return sets[0]


def split_fairly(rows: int, first_test: int) -> Parts:
    """Training, validation and test rows; the validation part is as long as the test part, at most a third of the rest.

    Args:
        rows: of the market.
        first_test: first row of the test part.
    """
    length = min(rows - first_test, first_test // 3)
    return Parts(Part(0, first_test - length), Part(first_test - length, first_test), Part(first_test, rows))


def tell_fairly(
    bench: Bench,
    name: str,
    samples: Samples,
    parts: Sequence[Parts],
    networks: dict[str, Any],
    plan: FairPlan,
) -> Told:
    """Train networks on every one of some splits, and forecast their test parts, beside the opponents.

    Every 16th window of a test part is forecast, so that every candle is forecast once.

    Args:
        bench: keeps what takes time.
        name: of its tables.
        samples: of `make_fair_samples`.
        parts: one or several splits, in order of time; each has runs of its own, which learn from its rows only.
        networks: by name.
        plan: how large.

    Raises:
        TooFewRowsError: a part without a window.
    """
    asked = [every_sixteenth(samples.windows_in(one.test, reach_back=True)) for one in parts]
    if min(map(len, asked)) == 0:
        raise TooFewRowsError(f"{samples.market} has no window in its test part; give more candles")
    made_of = {"parts": [(one.train.first, one.train.end, one.test.first, one.test.end) for one in parts], **vars(plan)}
    tables, validation, seconds = [], {}, 0.0
    for label, settings in networks.items():
        make = partial(_train, bench, f"{name}-{label}", label, settings, samples, parts, asked, plan)
        table = bench.table(f"{name}-{label}", {"settings": repr(settings), **made_of}, make)
        validation[label] = float(table["validation_loss"].mean())  # type: ignore[arg-type]
        seconds += table["seconds"][0]
        tables.append(table.drop("validation_loss", "seconds"))
    for one, windows in zip(parts, asked, strict=True):
        tables += [
            forecast_rows(samples, label, 0, said, windows, None) for label, said in opponents(samples, one, windows)
        ]
    choice = min(validation, key=lambda label: validation[label])
    return Told(pl.concat(tables), validation, choice, seconds)


def every_sixteenth(windows: Windows) -> Windows:
    """Windows whose targets do not overlap."""
    return windows.select(np.arange(len(windows)) % HORIZON == 0)


def spread_out(windows: Windows, most: int) -> Windows:
    """At most so many windows, evenly spaced, the newest among them."""
    if len(windows) <= most:
        return windows
    kept = np.unique(np.linspace(0, len(windows) - 1, most).round().astype(np.int64))
    return windows.select(np.isin(np.arange(len(windows)), kept))


def _train(
    bench: Bench,
    name: str,
    label: str,
    settings: Any,
    samples: Samples,
    parts: Sequence[Parts],
    asked: Sequence[Windows],
    plan: FairPlan,
) -> pl.DataFrame:
    """All seeds on all splits as one set of runs: a row for each forecast, with `validation_loss` and `seconds`.

    The loss is that of the row's run, at its best epoch; the seconds are those of the whole set.
    """
    fits = [_Fit.make(samples, one, plan) for one in parts]
    of_runs = [(fit, windows) for fit, windows in zip(fits, asked, strict=True) for _ in range(plan.seeds)]
    trained = bench.train(name, [run for fit in fits for run in fit.runs(settings, plan)], lookback=LOOKBACK)
    outputs = trained.predict(
        [fit.span.inputs for fit, _ in of_runs],
        [fit.span.scale for fit, _ in of_runs],
        [windows.starts for _, windows in of_runs],
    )
    losses, tables = trained.validation_losses, []
    assert losses is not None
    for number, ((fit, windows), output) in enumerate(zip(of_runs, outputs, strict=True)):
        scaled = fit.target_scale.unscale(trained.point(output))
        prices = samples.target.to_value(scaled, samples.last_close(windows), samples.first_close(windows))
        table = forecast_rows(samples, label, number % plan.seeds + 1, prices, windows, fit.known_until)
        tables.append(table.with_columns(validation_loss=pl.lit(float(np.nanmin(losses[number])))))
    return pl.concat(tables).with_columns(seconds=pl.lit(trained.seconds))


@dataclass(frozen=True)
class _Fit:
    """One split: what is learnt from it, how its targets are scaled, and the last moment that was looked at."""

    span: Span
    target_scale: TargetScale
    known_until: int

    @classmethod
    def make(cls, samples: Samples, parts: Parts, plan: FairPlan) -> _Fit:
        from coincast.samples.scaling import fit_input_scale
        from coincast.samples.targets import fit_target_scale
        from coincast.training.runs import Lessons, Span

        training = spread_out(samples.windows_in(parts.train, reach_back=False), plan.windows)
        validation = every_sixteenth(samples.windows_in(parts.validation, reach_back=True))
        if not len(training) or not len(validation):
            raise TooFewRowsError(
                f"{samples.market}: no window of {LOOKBACK + HORIZON} candles fits into a training part of "
                f"{len(parts.train)} and a validation part of {len(parts.validation)} candles; give more candles"
            )
        rows = slice(parts.train.first, parts.train.end)
        scale = fit_input_scale("training", samples.inputs[rows], samples.names, samples.is_level)
        target_scale = fit_target_scale(samples.target, samples.targets(training))
        learnt, held = (
            Lessons(each.starts, target_scale.scale(samples.targets(each))) for each in (training, validation)
        )
        known_until = int(samples.close_time[parts.validation.end - 1])
        return cls(Span(samples.inputs, scale, learnt, held), target_scale, known_until)

    def runs(self, settings: Any, plan: FairPlan) -> list[TrainingRun]:
        from coincast.training.recipe import Recipe
        from coincast.training.runs import TrainingRun

        recipe = Recipe(epochs=plan.epochs, batch_size=plan.batch_size, loss="mae", patience=plan.patience)
        return [TrainingRun(settings, recipe, seed, (self.span,)) for seed in range(plan.seeds)]
