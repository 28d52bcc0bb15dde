"""A network that has learnt from all candles, kept to be asked about the next ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from jaxtyping import Bool, Float

from coincast.errors import UsageError
from coincast.experiments.compare import as_candles
from coincast.experiments.entries import ModelEntry
from coincast.experiments.fitted.answer import Answer, FittedForecast, tabulate
from coincast.experiments.fitted.newest import Newest, find_newest
from coincast.experiments.rows import HISTORY_COLUMNS
from coincast.experiments.spec import Spec
from coincast.forecasts.table import RUN_COLUMNS
from coincast.samples.features import FEATURES
from coincast.samples.quantities import QUANTITIES, to_quantity
from coincast.samples.recursion import Table, forecast_recursively, unknown_inputs
from coincast.samples.scaling import InputScale
from coincast.samples.targets import Close, Prices, TargetScale, Values
from coincast.samples.windows import Rows, Windows

if TYPE_CHECKING:
    from coincast.training.trained import Predictor, TrainedRuns

SEEN = " These candles end before those: it has seen what it forecasts here."
"""Said where a model is asked about a time that it learnt from."""


@dataclass(frozen=True)
class FittedMarket:
    """What was learnt of one market, beside the weights.

    Attributes:
        market: its name.
        input_scale, target_scale: fitted on its training rows.
        candles: how many there were; the ones that chose the epoch, where training stops early, are among them.
        trained_until: close of the last one that was learnt from or that chose the epoch, milliseconds since 1970.
        majority: 1 where most changes over as many candles were rises in the training rows, else 0; one for each step,
            none where one value speaks of the whole horizon.
    """

    market: str
    input_scale: InputScale
    target_scale: TargetScale
    candles: int
    trained_until: int
    majority: tuple[float, ...]


@dataclass(frozen=True, eq=False, repr=False)
class FittedModel:
    """The runs of a network after training, ready to be asked. Made by `fit` and `load`.

    Attributes:
        spec: the settings that it was made with.
        entry: the network.
        interval: of its candles.
        inputs: markets whose features are the inputs of every market; empty where each has its own.
        markets: what was learnt of each market that it forecasts.
        trained: the runs, market after market, the seeds of each in order.
        newest: the last window of each market in the candles that it was fitted on.
    """

    spec: Spec
    entry: ModelEntry
    interval: str
    inputs: tuple[str, ...]
    markets: tuple[FittedMarket, ...]
    trained: TrainedRuns
    newest: tuple[Newest, ...]

    def forecast(self, newer: Any = None, *, horizon: int | None = None) -> FittedForecast:
        """Forecast the candles after the last one.

        Nothing is learnt. Of `newer` only its newest rows are looked at: as many as the lookback, and one more where a
        feature is a change from the candle before; where a feature tells of all candles so far (`volume_change`), all
        since the last gap.

        Args:
            newer: candles, as `compare` takes them, of the same markets and interval; default: those that the model was
                fitted on. A candle table is answered fastest.
            horizon: candles to forecast; default: as many as the model was fitted for. For more of them its forecasts
                are its next inputs, so that these must be such as a close tells.

        Raises:
            DataError: candles that cannot be read; another market or interval; a gap in the newest window.
            UsageError: a horizon that the model has no forecasts for.
        """
        newest = self.newest if newer is None else self._find(newer)
        steps = self._check_horizon(horizon)
        values = self._values(newest, steps)
        answers = [self._answer(place, *pair) for place, pair in enumerate(zip(newest, values, strict=True))]
        is_old = any(one.trained_until > one.newest.samples.close_time[-1] for one in answers)
        return FittedForecast(tabulate(answers, steps), self.sentence + SEEN * is_old)

    @property
    def label(self) -> str:
        """The model's name in tables."""
        return self.entry.label

    @property
    def parameters(self) -> int:
        """Trained numbers of one run."""
        return self.trained.parameters

    @property
    def seeds(self) -> list[int]:
        """The key of each run of a market."""
        first = self.spec.training.seed
        return list(range(first, first + self.spec.training.seeds))

    @property
    def runs(self) -> pl.DataFrame:
        """The table of runs: one row for each seed and market."""
        sound, trained = self._is_sound, self.trained
        best_epochs = trained.best_epochs if trained.recipe.patience else trained.epochs
        rows = [
            {
                **keys,
                "fit": 1,
                "seed": self.seeds[keys["run"] - 1],
                "parameters": self.parameters,
                "epochs": int(self.trained.epochs[lane]),
                "best_epoch": int(best_epochs[lane]),
                "seconds": self.trained.seconds / len(self.trained.losses),
                "status": "done" if sound[lane] else "failed",
            }
            for lane, keys in enumerate(self._keys())
        ]
        return pl.DataFrame(rows, schema=RUN_COLUMNS)

    @property
    def history(self) -> pl.DataFrame:
        """Losses by epoch: `market, interval, model, run, fit, epoch, loss, validation_loss`."""
        validation = self.trained.validation_losses
        tables = [pl.DataFrame(schema=HISTORY_COLUMNS)]
        for lane, keys in enumerate(self._keys()):
            epochs = int(self.trained.epochs[lane])
            losses = {"epoch": np.arange(1, epochs + 1), "loss": self.trained.losses[lane, :epochs]}
            told = np.full(epochs, np.nan) if validation is None else validation[lane, :epochs]
            frame = pl.DataFrame({**losses, "validation_loss": told}).with_columns(
                pl.lit(value).alias(name) for name, value in {**keys, "fit": 1}.items()
            )
            tables.append(frame.select(pl.col(name).cast(kind) for name, kind in HISTORY_COLUMNS.items()))
        return pl.concat(tables).with_columns(pl.col("loss", "validation_loss").fill_nan(None))

    @property
    def sentence(self) -> str:
        """What was learnt, and that nothing is known of its worth."""
        names = [f"{one.candles:,} candles of {one.market} up to {_moment(one.trained_until)}" for one in self.markets]
        runs = self.spec.training.seeds
        return (
            f"{self.label}, {runs} {'run' if runs == 1 else 'runs'} of {self.parameters:,} parameters, learnt from "
            f"{', '.join(names)}. Nothing was held back to judge it: compare, with the same settings, says what it is "
            "worth."
        )

    def save(self, folder: str | Path) -> Path:
        """Write `model.json` and `weights.safetensors` into a folder, for `load`; a model that is there is replaced.

        Raises:
            UsageError: the folder cannot be written.
        """
        from coincast.experiments.fitted.saving import save_model

        return save_model(self, folder)

    def __repr__(self) -> str:
        return f"FittedModel({self.sentence})"

    # ---------------------------------------------------------------- asking

    def inputs_of(self, market: str) -> tuple[str, ...]:
        """Markets whose features are the inputs of a market."""
        return self.inputs or (market,)

    def _find(self, newer: Any) -> tuple[Newest, ...]:
        """The newest window of each market; outside series are joined where their columns are not there."""
        outside = self.spec.data.outside
        wanted = [name for name in self.spec.samples.features if name not in FEATURES]
        is_table = isinstance(newer, pl.DataFrame) and set(wanted) <= set(newer.columns)
        candles = newer if is_table else as_candles(newer, outside)
        return tuple(
            find_newest(
                candles,
                spec=self.spec,
                market=one.market,
                inputs=self.inputs_of(one.market),
                interval=self.interval,
            )
            for one in self.markets
        )

    def _check_horizon(self, horizon: int | None) -> int:
        own, samples = self.spec.samples.horizon, self.newest[0].samples
        if horizon is None or horizon == own:
            return own
        if isinstance(horizon, bool) or not isinstance(horizon, int) or horizon < 1:
            raise UsageError(f"horizon is {horizon!r}; allowed: a whole number of candles from 1, for example {own}")
        if QUANTITIES[samples.quantity].is_whole:
            raise UsageError(
                f"horizon is {horizon}, and the model speaks of the next {own} candles as a whole; leave it out, or "
                f"fit another one with horizon={horizon}"
            )
        if horizon > own and (samples.target.quantity != "price" or unknown_inputs(samples)):
            raise UsageError(
                f"horizon is {horizon}, and the model forecasts {own} at most, for a forecast close does not tell all "
                f"that it needs to go on; fit another one with horizon={horizon}"
            )
        return horizon

    @cached_property
    def _predictor(self) -> Predictor:
        from coincast.training.trained import Predictor

        seeds = self.spec.training.seeds
        return Predictor(self.trained, [one.input_scale for one in self.markets for _ in range(seeds)])

    def _predict(self, tables: Sequence[Table], starts: Sequence[Rows]) -> list[Values]:
        """Point forecasts of all runs, in the unit of the scaled target."""
        return [self.trained.point(outputs) for outputs in self._predictor.predict(tables, starts)]

    @cached_property
    def _is_sound(self) -> Bool[np.ndarray, "run"]:
        """Whether the last loss that each run had is finite."""
        last = self.trained.epochs - 1
        return np.asarray(np.isfinite(self.trained.losses[np.arange(len(last)), last]))

    def _keys(self) -> list[dict[str, Any]]:
        return [
            {"market": one.market, "interval": self.interval, "model": self.label, "run": run}
            for one in self.markets
            for run in range(1, self.spec.training.seeds + 1)
        ]

    def _values(self, newest: tuple[Newest, ...], steps: int) -> list[Float[np.ndarray, "run step"]]:
        """What the runs of each market say of the quantity that is forecast."""
        seeds = self.spec.training.seeds
        asked = [one.samples for one in newest for _ in range(seeds)]
        if self.spec.samples.multi_step == "recursive" or steps > self.spec.samples.horizon:
            paths = forecast_recursively(
                asked,
                [samples.windows for samples in asked],
                steps=steps,
                to_price=[_price_of(samples, self.markets[lane // seeds]) for lane, samples in enumerate(asked)],
                predict=self._predict,
            )
            stacked = [np.concatenate(paths[first : first + seeds]) for first in range(0, len(paths), seeds)]
            convert = QUANTITIES[asked[0].quantity].from_price
            assert convert is not None  # a spec that asks for another quantity is refused
            return [
                convert(path, np.repeat(one.samples.close[-1:], seeds))
                for path, one in zip(stacked, newest, strict=True)
            ]
        outputs = self._predict([samples.inputs for samples in asked], [samples.windows.starts for samples in asked])
        told = []
        for place, (one, market) in enumerate(zip(newest, self.markets, strict=True)):
            output = np.concatenate(outputs[place * seeds : (place + 1) * seeds])
            windows = Windows(
                np.zeros(seeds, dtype=np.int64), one.samples.windows.lookback, one.samples.windows.horizon
            )
            told.append(to_quantity(one.samples, market.target_scale.unscale(output), windows)[:, :steps])
        return told

    def _answer(self, place: int, newest: Newest, values: Float[np.ndarray, "run step"]) -> Answer:
        market = self.markets[place]
        is_sound = self._is_sound.reshape(len(self.markets), -1)[place]
        majority = np.full(values.shape[1], np.nan)
        known = market.majority[: len(majority)]
        majority[: len(known)] = known
        kept = np.where(is_sound[:, None], values, np.nan)
        return Answer(market.market, self.label, newest, kept, market.trained_until, majority)


def _price_of(samples: Samples, market: FittedMarket) -> Callable[[Values, Close, Close], Prices]:
    """What turns outputs into prices."""
    return lambda output, last, first: samples.target.to_value(market.target_scale.unscale(output), last, first)


def _moment(time: int) -> str:
    return f"{datetime.fromtimestamp(time / 1000, UTC):%Y-%m-%d %H:%M} UTC"
