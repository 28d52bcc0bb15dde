"""A network that has learnt from all candles, kept to be asked about the next ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from jaxtyping import Bool, Float

from coincast.errors import UnknownNameError, UsageError
from coincast.experiments.entries import ModelEntry
from coincast.experiments.fitted.answer import Answer, FittedForecast, tabulate
from coincast.experiments.fitted.evidence import Evidence
from coincast.experiments.fitted.market import FittedMarket
from coincast.experiments.fitted.newest import Newest, find_newest
from coincast.experiments.spec import Spec
from coincast.samples.features import FEATURES
from coincast.samples.quantities import QUANTITIES, to_quantity
from coincast.samples.recursion import Table, forecast_recursively, unknown_inputs
from coincast.samples.targets import Close, Prices, Values
from coincast.samples.windows import Rows, Windows

if TYPE_CHECKING:
    from coincast.experiments.fitted.plain import PlainRuns
    from coincast.training.trained import Predictor, TrainedRuns

SEEN = " These candles end before those: it has seen what it forecasts here."
"""Said where a model is asked about a time that it learnt from."""


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
        evidence: what the same settings were worth where they could be judged, and how far their errors reached; None
            where nobody looked.
    """

    spec: Spec
    entry: ModelEntry
    interval: str
    inputs: tuple[str, ...]
    markets: tuple[FittedMarket, ...]
    trained: TrainedRuns | PlainRuns
    newest: tuple[Newest, ...]
    evidence: Evidence | None = None

    def forecast(
        self, newer: Any = None, *, horizon: int | None = None, markets: Sequence[str] | None = None
    ) -> FittedForecast:
        """Forecast the candles after the last one.

        Nothing is learnt. Of `newer` only its newest rows are looked at: as many as the lookback, and one more where a
        feature is a change from the candle before; where a feature tells of all candles so far (`volume_change`), all
        since the last gap.

        Args:
            newer: candles, as `compare` takes them, of the same markets and interval; default: those that the model was
                fitted on. A candle table is answered fastest.
            horizon: candles to forecast; default: as many as the model was fitted for. For more of them its forecasts
                are its next inputs, so that these must be such as a close tells.
            markets: to forecast; default: all that it was fitted for.

        Raises:
            DataError: candles that cannot be read; another market or interval; a gap in the newest window.
            UsageError: a horizon that the model has no forecasts for.
        """
        places = self._places(markets)
        candles = None if newer is None else self._with_outside(newer)
        found = [self.newest[place] if candles is None else self.find(candles, place) for place in places]
        return self.tell(dict(zip(places, found, strict=True)), horizon=horizon)

    def tell(self, newest: Mapping[int, Newest], *, horizon: int | None = None) -> FittedForecast:
        """What it says of newest windows, by the numbers of their markets; see `forecast`."""
        steps, places = self._check_horizon(horizon), list(newest)
        values = self._values(list(newest.values()), places, steps)
        answers = [self._answer(*each) for each in zip(places, newest.values(), values, strict=True)]
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
        from coincast.experiments.fitted.learning import tabulate_runs

        return tabulate_runs(self)

    @property
    def history(self) -> pl.DataFrame:
        """Losses by epoch: `market, interval, model, run, fit, epoch, loss, validation_loss`."""
        from coincast.experiments.fitted.learning import tabulate_history

        return tabulate_history(self)

    @property
    def sentence(self) -> str:
        """What was learnt, and what is known of its worth."""
        names = [f"{one.candles:,} candles of {one.market} up to {_moment(one.trained_until)}" for one in self.markets]
        runs = self.spec.training.seeds
        return (
            f"{self.label}, {runs} {'run' if runs == 1 else 'runs'} of {self.parameters:,} parameters, learnt from "
            f"{', '.join(names)}. {self._worth}"
        )

    @property
    def _worth(self) -> str:
        if self.evidence is None:
            return "Nothing was held back to judge it: compare, with the same settings, says what it is worth."
        told = [f"{one.market}: {one.sentence}" for one in self.evidence.verdicts]
        return f"The same settings without the newest candles, judged on these: {' '.join(told)}"

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

    def find(self, candles: pl.DataFrame, place: int) -> Newest:
        """The newest window of a market, by its number; see `find_newest`."""
        market = self.markets[place].market
        inputs = self.inputs_of(market)
        return find_newest(candles, spec=self.spec, market=market, inputs=inputs, interval=self.interval)

    def _with_outside(self, newer: Any) -> pl.DataFrame:
        """Candles as a table; outside series are joined where their columns are not there."""
        wanted = [name for name in self.spec.samples.features if name not in FEATURES]
        if isinstance(newer, pl.DataFrame) and set(wanted) <= set(newer.columns):
            return newer
        from coincast.experiments.compare import as_candles

        return as_candles(newer, self.spec.data.outside)

    def _places(self, markets: Sequence[str] | None) -> list[int]:
        """The numbers of some markets."""
        names = [one.market for one in self.markets]
        for market in markets or ():
            if market not in names:
                raise UnknownNameError("market of this model", market, names)
        return [place for place, name in enumerate(names) if markets is None or name in markets]

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

    def _predict(self, places: Sequence[int], tables: Sequence[Table], starts: Sequence[Rows]) -> list[Values]:
        """Point forecasts of all runs of some markets, in the unit of the scaled target."""
        from coincast.experiments.fitted.plain import PlainRuns

        scales = [self.markets[place].input_scale for place in places]
        if isinstance(self.trained, PlainRuns):
            return self.trained.predict(places, tables, starts, scales)
        key = tuple(places)
        if key not in self._predictors:
            from coincast.training.trained import Predictor

            seeds = self.spec.training.seeds
            lanes = [lane for place in places for lane in range(place * seeds, (place + 1) * seeds)]
            of_runs = [scale for scale in scales for _ in range(seeds)]
            self._predictors[key] = Predictor(self.trained.select(lanes), of_runs)
        return [self.trained.point(outputs) for outputs in self._predictors[key].predict(tables, starts)]

    @cached_property
    def _predictors(self) -> dict[tuple[int, ...], Predictor]:
        """By the markets that were asked about: their weights stay on the device."""
        return {}

    @cached_property
    def is_sound(self) -> Bool[np.ndarray, "run"]:
        """Whether the last loss that each run had is finite."""
        last = self.trained.epochs - 1
        return np.asarray(np.isfinite(self.trained.losses[np.arange(len(last)), last]))

    def _values(
        self, newest: Sequence[Newest], places: Sequence[int], steps: int
    ) -> list[Float[np.ndarray, "run step"]]:
        """What the runs of each market say of the quantity that is forecast."""
        seeds = self.spec.training.seeds
        asked = [one.samples for one in newest for _ in range(seeds)]
        if self.spec.samples.multi_step == "recursive" or steps > self.spec.samples.horizon:
            paths = forecast_recursively(
                asked,
                [samples.windows for samples in asked],
                steps=steps,
                to_price=[
                    _price_of(samples, self.markets[places[lane // seeds]]) for lane, samples in enumerate(asked)
                ],
                predict=partial(self._predict, places),
            )
            stacked = [np.concatenate(paths[first : first + seeds]) for first in range(0, len(paths), seeds)]
            convert = QUANTITIES[asked[0].quantity].from_price
            assert convert is not None  # a spec that asks for another quantity is refused
            return [
                convert(path, np.repeat(one.samples.close[-1:], seeds))
                for path, one in zip(stacked, newest, strict=True)
            ]
        tables, starts = [samples.inputs for samples in asked], [samples.windows.starts for samples in asked]
        outputs = self._predict(places, tables, starts)
        told = []
        for number, (one, place) in enumerate(zip(newest, places, strict=True)):
            market = self.markets[place]
            output = np.concatenate(outputs[number * seeds : (number + 1) * seeds])
            windows = Windows(
                np.zeros(seeds, dtype=np.int64), one.samples.windows.lookback, one.samples.windows.horizon
            )
            told.append(to_quantity(one.samples, market.target_scale.unscale(output), windows)[:, :steps])
        return told

    def _answer(self, place: int, newest: Newest, values: Float[np.ndarray, "run step"]) -> Answer:
        market = self.markets[place]
        sound = self.is_sound.reshape(len(self.markets), -1)[place]
        majority = np.full(values.shape[1], np.nan)
        known = market.majority[: len(majority)]
        majority[: len(known)] = known
        kept = np.where(sound[:, None], values, np.nan)
        return Answer(market.market, self.label, newest, kept, market.trained_until, majority)


def _price_of(samples: Samples, market: FittedMarket) -> Callable[[Values, Close, Close], Prices]:
    """What turns outputs into prices."""
    return lambda output, last, first: samples.target.to_value(market.target_scale.unscale(output), last, first)


def _moment(time: int) -> str:
    return f"{datetime.fromtimestamp(time / 1000, UTC):%Y-%m-%d %H:%M} UTC"
