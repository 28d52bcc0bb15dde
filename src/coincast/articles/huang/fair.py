"""The same question asked fairly: returns, a scaler from training rows, a validation part of its own, honest opponents.

A network reads 256 log returns and says the log return to each of the next 16 closes. Its scales are fitted on training
rows, its epoch is chosen on the validation part, and nothing is looked at on the test part before it is judged there,
where no candle is forecast twice.
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
    """What networks and opponents say of the test part of one split.

    Attributes:
        parts: the split.
        learnt: windows that each network learnt from; the autoregressions learn from all training rows.
        forecasts: a forecast table with the truth.
        validation: mean validation loss of the best epoch of each network, by which one of them is chosen.
        seconds: that their trainings took; where several splits were trained together, a split's share of them.
    """

    parts: Parts
    learnt: int
    forecasts: pl.DataFrame = field(repr=False)
    validation: dict[str, float]
    seconds: float

    @property
    def choice(self) -> str:
        """The network with the least validation loss of this split."""
        return min(self.validation, key=lambda label: self.validation[label])

    @property
    def is_whole(self) -> bool:
        """Whether every candle of the test part is forecast, but for fewer than 16 at its end: no gap cuts it."""
        forecast = self.forecasts.filter(pl.col("model") == "naive").height
        return len(self.parts.test) - forecast < HORIZON


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
    bench: Bench, name: str, samples: Samples, fits: Sequence[Fit], networks: dict[str, Any], plan: FairPlan
) -> list[Told]:
    """Train networks on every one of some splits, and forecast their test parts, beside the opponents.

    Args:
        bench: keeps what takes time.
        name: of its tables.
        samples: of `make_fair_samples`.
        fits: one or several splits, in order of time; each has runs of its own, which learn from its rows only.
        networks: by name.
        plan: how large, as for the fits.

    Returns:
        What is said of each split. Nothing of it follows from candles behind that split, its choice included.
    """
    parts = [fit.parts for fit in fits]
    made_of = {"parts": [(one.train.first, one.train.end, one.test.first, one.test.end) for one in parts], **vars(plan)}
    tables = {}
    for label, settings in networks.items():
        make = partial(_train, bench, f"{name}-{label}", label, settings, samples, fits, plan)
        tables[label] = bench.table(f"{name}-{label}", {"settings": repr(settings), **made_of}, make)
    seconds = sum(float(table["seconds"][0]) for table in tables.values()) / len(fits)
    return [_tell(samples, fit, tables, seconds) for fit in fits]


def _tell(samples: Samples, fit: Fit, tables: dict[str, pl.DataFrame], seconds: float) -> Told:
    """What is said of one split: of each network's table the rows that know its training and validation rows."""
    is_own = pl.col("trained_until").dt.epoch("ms") == fit.known_until
    own = {label: table.filter(is_own) for label, table in tables.items()}
    said = opponents(samples, fit.parts, fit.asked)
    forecasts = [table.drop("validation_loss", "seconds") for table in own.values()]
    forecasts += [forecast_rows(samples, label, 0, values, fit.asked, None) for label, values in said]
    validation = {label: float(table["validation_loss"].mean()) for label, table in own.items()}  # type: ignore[arg-type]
    return Told(fit.parts, len(fit.span.training), pl.concat(forecasts), validation, seconds)


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
    bench: Bench, name: str, label: str, settings: Any, samples: Samples, fits: Sequence[Fit], plan: FairPlan
) -> pl.DataFrame:
    """All seeds on all splits as one set of runs: a row for each forecast, with `validation_loss` and `seconds`.

    The loss is that of the row's run, at its best epoch; the seconds are those of the whole set.
    """
    of_runs = [fit for fit in fits for _ in range(plan.seeds)]
    trained = bench.train(name, [run for fit in fits for run in fit.runs(settings, plan)], lookback=LOOKBACK)
    outputs = trained.predict(
        [fit.span.inputs for fit in of_runs],
        [fit.span.scale for fit in of_runs],
        [fit.asked.starts for fit in of_runs],
    )
    losses, tables = trained.validation_losses, []
    assert losses is not None
    for number, (fit, output) in enumerate(zip(of_runs, outputs, strict=True)):
        windows = fit.asked
        scaled = fit.target_scale.unscale(trained.point(output))
        prices = samples.target.to_value(scaled, samples.last_close(windows), samples.first_close(windows))
        table = forecast_rows(samples, label, number % plan.seeds + 1, prices, windows, fit.known_until)
        tables.append(table.with_columns(validation_loss=pl.lit(float(np.nanmin(losses[number])))))
    return pl.concat(tables).with_columns(seconds=pl.lit(trained.seconds))


@dataclass(frozen=True)
class Fit:
    """A split made ready: what is learnt from it and what is forecast.

    Attributes:
        parts: the split.
        asked: windows of its test part, whose targets do not overlap.
        span: windows to learn from and to choose the epoch on, and the scale of their inputs.
        target_scale: of the returns to forecast.
        known_until: the last moment that was looked at, milliseconds since 1970.
    """

    parts: Parts
    asked: Windows = field(repr=False)
    span: Span = field(repr=False)
    target_scale: TargetScale
    known_until: int

    @classmethod
    def make(cls, samples: Samples, parts: Parts, plan: FairPlan) -> Fit:
        """Make a split ready.

        Raises:
            TooFewRowsError: a part without a window.
            ColumnError: the price never moves in the training rows.
        """
        from coincast.samples.scaling import fit_input_scale
        from coincast.samples.targets import fit_target_scale
        from coincast.training.runs import Lessons, Span

        training = spread_out(samples.windows_in(parts.train, reach_back=False), plan.windows)
        validation, asked = (
            every_sixteenth(samples.windows_in(part, reach_back=True)) for part in (parts.validation, parts.test)
        )
        if not len(training) or not len(validation) or not len(asked):
            raise TooFewRowsError(
                f"{samples.market}: no window of {LOOKBACK + HORIZON} candles without a gap fits into a training part "
                f"of {len(parts.train)}, a validation part of {len(parts.validation)} or a test part of "
                f"{len(parts.test)} candles; give more candles"
            )
        rows = slice(parts.train.first, parts.train.end)
        scale = fit_input_scale("training", samples.inputs[rows], samples.names, samples.is_level)
        target_scale = fit_target_scale(samples.target, samples.targets(training))
        learnt, held = (
            Lessons(each.starts, target_scale.scale(samples.targets(each))) for each in (training, validation)
        )
        known_until = int(samples.close_time[parts.validation.end - 1])
        return cls(parts, asked, Span(samples.inputs, scale, learnt, held), target_scale, known_until)

    def runs(self, settings: Any, plan: FairPlan) -> list[TrainingRun]:
        """One run for each seed."""
        from coincast.training.recipe import Recipe
        from coincast.training.runs import TrainingRun

        recipe = Recipe(epochs=plan.epochs, batch_size=plan.batch_size, loss="mae", patience=plan.patience)
        return [TrainingRun(settings, recipe, seed, (self.span,)) for seed in range(plan.seeds)]
