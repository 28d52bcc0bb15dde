"""Models that are asked at every close, several markets at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import polars as pl

from coincast.errors import DataError, TooFewRowsError, UnknownNameError, UsageError
from coincast.experiments.bands import MEMORY, LookBack, look_back
from coincast.experiments.fingerprint import hash_code
from coincast.experiments.fitted.evidence import Verdict
from coincast.experiments.fitted.model import FittedModel
from coincast.experiments.fitted.newest import Newest, count_rows
from coincast.live.models.answer import LiveAnswer, tabulate_answer
from coincast.samples.features import FEATURES

OLD = "it is asked about candles from before the end of its training: it has seen what it forecasts here"


@dataclass(frozen=True, eq=False)
class LiveModel:
    """Fitted networks that forecast the same markets. Made by `train_live` and `load_live`.

    Attributes:
        models: each with its evidence.
        model_fingerprint: hash of all their files.
        data_fingerprint: hash of the candles that they were trained on; empty where it is not known.
        folder: where they are kept.
    """

    models: tuple[FittedModel, ...]
    model_fingerprint: str
    data_fingerprint: str
    folder: Path

    def forecast(
        self, candles: pl.DataFrame, market: str | Sequence[str] | None = None, *, horizon: int | None = None
    ) -> LiveAnswer:
        """Forecast what comes after the last candle of each market, from its newest candles only.

        Args:
            candles: a candle table of one or several markets, such as the newest rows of the store. Outside series
                that the model was trained with are joined from the store, where their columns are not there.
            market: one or several; default: all of its markets that the candles hold.
            horizon: candles ahead; default: as many as it was trained for.

        Returns:
            The answer. Where several markets are asked for, those that cannot be forecast now stand in `missing`.

        Raises:
            UsageError: a market that it does not know, or a horizon that it cannot tell.
            DataError: no market can be forecast: missing candles, a gap in the newest window, an unknown input.
        """
        tables = self._cut(candles)
        names = self._choose(tables, market)
        found, missing = self._find(tables, names)
        if not found:
            raise TooFewRowsError("; ".join(dict.fromkeys(missing.values())))
        said = [
            (model, model.tell({model_places[name]: newest[number] for name, newest in found.items()}, horizon=horizon))
            for number, (model, model_places) in enumerate(zip(self.models, self._places, strict=True))
        ]
        steps = said[0][1].table["step"].unique().sort().to_list()
        backs = {name: look_back(tables[name], steps) for name in found} if self._is_price else dict[str, LookBack]()
        told = tabulate_answer([(model, one.table) for model, one in said], backs)
        lost = {name: "every run of its network failed" for name in found if name not in set(told["outlook"]["market"])}
        return LiveAnswer(
            **told,
            missing=missing | lost,
            verdicts=tuple(one for one in self.verdicts if one.market in found),
            fingerprints=self.fingerprints | {"data": _hash_tables(tables[name] for name in sorted(found))},
            notes=(OLD,) if any(self._has_seen(name, newest[0]) for name, newest in found.items()) else (),
        )

    @property
    def markets(self) -> tuple[str, ...]:
        """That it forecasts."""
        return tuple(one.market for one in self.models[0].markets)

    @property
    def needed_markets(self) -> tuple[str, ...]:
        """Whose candles it needs: its own markets, and those that are inputs of them."""
        return self.needed_for(self.markets)

    def needed_for(self, markets: Iterable[str]) -> tuple[str, ...]:
        """Whose candles a forecast of some markets needs: theirs first, then those that are inputs of them."""
        return tuple(dict.fromkeys([*markets, *(name for one in self.models for name in one.inputs)]))

    @property
    def interval(self) -> str:
        """Of its candles."""
        return self.models[0].interval

    @property
    def horizon(self) -> int:
        """Candles ahead that it was trained for."""
        return self.models[0].spec.samples.horizon

    @property
    def outside(self) -> tuple[str, ...]:
        """Stored outside series that are its inputs."""
        return tuple(dict.fromkeys(name for one in self.models for name in one.spec.data.outside))

    @property
    def rows(self) -> int | None:
        """Newest candles of each market that tell all that an answer says; None: all since the last gap."""
        counts = [count_rows(one.spec) for one in self.models]
        if None in counts:
            return None
        return max(MEMORY + 2 * self.horizon, *(count for count in counts if count is not None))

    @property
    def trained_until(self) -> int:
        """Close of the last candle that any of them knows, milliseconds since 1970."""
        return max(one.trained_until for model in self.models for one in model.markets)

    @property
    def fingerprints(self) -> dict[str, str]:
        """Hashes of the candles that it was trained on, of the models' files, and of the code that asks them."""
        return {"data": self.data_fingerprint, "model": self.model_fingerprint, "code": _code()}

    @property
    def fingerprint(self) -> str:
        """That of the model."""
        return self.model_fingerprint

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """What the same settings were worth, market by market and model by model."""
        return tuple(one for model in self.models if model.evidence for one in model.evidence.verdicts)

    @property
    def verdict(self) -> str | None:
        """The word on the first model and market."""
        return self.verdicts[0].verdict if self.verdicts else None

    @property
    def sentence(self) -> str:
        """What was learnt, and what is known of its worth."""
        return self.models[0].sentence

    # ---------------------------------------------------------------- finding

    @cached_property
    def _places(self) -> list[dict[str, int]]:
        """For each model the numbers of its markets."""
        return [{one.market: place for place, one in enumerate(model.markets)} for model in self.models]

    @property
    def _is_price(self) -> bool:
        return self.models[0].spec.samples.quantity == "price"

    def _cut(self, candles: pl.DataFrame) -> dict[str, pl.DataFrame]:
        """The newest candles of each market, in order of time, with the columns of outside series."""
        own = candles.filter(pl.col("interval") == self.interval) if "interval" in candles.columns else candles
        if own.is_empty():
            raise DataError(f"the model needs candles of {self.interval}, and there are none; give the newest ones")
        parts = own.partition_by("market", as_dict=True)
        tables = {str(name): table.sort("open_time") for (name,), table in parts.items()}
        if self.rows is not None:
            tables = {name: table.tail(self.rows) for name, table in tables.items()}
        return {name: self._with_outside(table) for name, table in tables.items()}

    def _with_outside(self, candles: pl.DataFrame) -> pl.DataFrame:
        """What was known of outside series when each candle closed, where the columns of the inputs are not there."""
        inputs = {name for one in self.models for name in one.spec.samples.features if name not in FEATURES}
        if not self.outside or inputs <= set(candles.columns):
            return candles
        from coincast.experiments.gather import add_outside

        return add_outside(candles, self.outside).candles

    def _choose(self, tables: Mapping[str, pl.DataFrame], market: str | Sequence[str] | None) -> list[str]:
        if market is None:
            names = [name for name in self.markets if name in tables]
            if not names:
                there = ", ".join(sorted(tables))
                raise DataError(f"the model forecasts {', '.join(self.markets)}, and the candles are of {there}")
            return names
        names = [market] if isinstance(market, str) else list(market)
        for name in names:
            if name not in self.markets:
                raise UnknownNameError("market of this model", name, self.markets)
        return names

    def _find(
        self, tables: Mapping[str, pl.DataFrame], names: Sequence[str]
    ) -> tuple[dict[str, list[Newest]], dict[str, str]]:
        """The newest window of each market, for every model; and why others have none."""
        found: dict[str, list[Newest]] = {}
        missing: dict[str, str] = {}
        for name in names:
            try:
                found[name] = [
                    model.find(_together(tables, name, model), places[name])
                    for model, places in zip(self.models, self._places, strict=True)
                ]
            except (DataError, UsageError) as error:
                missing[name] = str(error)
        return found, missing

    def _has_seen(self, name: str, newest: Newest) -> bool:
        market = self.models[0].markets[self._places[0][name]]
        return market.trained_until > int(newest.samples.close_time[-1])


def _together(tables: Mapping[str, pl.DataFrame], name: str, model: FittedModel) -> pl.DataFrame:
    """The candles that a market is forecast from, with those of other markets where these are its inputs."""
    wanted = dict.fromkeys([name, *model.inputs_of(name)])
    absent = [one for one in wanted if one not in tables]
    if absent:
        raise DataError(f"the model needs candles of {absent[0]}, and there are none; bring the data up to date")
    parts = [tables[one] for one in wanted]
    return parts[0] if len(parts) == 1 else pl.concat(parts, how="diagonal")


def _hash_tables(tables: Iterable[pl.DataFrame]) -> str:
    """A hash of keys and numbers; quicker than that of whole tables, since it is taken at every close."""
    digest = hashlib.sha256()
    for table in tables:
        digest.update(" ".join(table.select("market", "interval").row(0)).encode())
        for column in table.drop("market", "interval"):
            digest.update(column.name.encode() + column.to_physical().to_numpy().tobytes())
    return digest.hexdigest()


@cache
def _code() -> str:
    return hash_code().hex()
