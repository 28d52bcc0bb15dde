"""`audit`: does any value of an experiment, or of a user's own feature, know its future?"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coincast.errors import UsageError
from coincast.experiments.audit.coverage import affordable, choose_cuts, gap_moments, probe_rows, time_reading
from coincast.experiments.audit.futures import World, milliseconds
from coincast.experiments.audit.networks import probe_network
from coincast.experiments.audit.plants import Plant, choose_holes, plant_experiment, plant_functions, punch_holes
from coincast.experiments.audit.probes import Finding, Key, Subject, probe
from coincast.experiments.audit.report import Audit, Item, make_audit
from coincast.experiments.audit.subjects import (
    AUDIT_EPOCHS,
    FeatureFunction,
    audit_spec,
    column_subject,
    forecaster_subject,
    function_subject,
    make_fits,
    part_moments,
    sample_subject,
    single_markets,
)
from coincast.experiments.audit.warmup import column_warm_up, forecast_warm_up
from coincast.experiments.entries import is_network
from coincast.experiments.sections import SECTION_KEYS
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import choose_candles
from coincast.samples.features import FEATURES

OnStep = Callable[[str, int, int], None]
"""Told what is probed next, its number, and how many there are."""
HOLES_SEEN = 24
FEWEST_SLOW_CUTS = 8
"""Of samples and forecasts: the ends of the parts at least."""
OF_CANDLES = ("quote_volume", "trades", "market_cap")
"""Extra columns that belong to a candle itself, and are known when it closes."""


def audit(
    candles: Any,
    *,
    spec: Spec | str | Path | None = None,
    features: Mapping[str, FeatureFunction] | Sequence[str] | None = None,
    minutes: float = 2.0,
    on_step: OnStep | None = None,
    **settings: Any,
) -> Audit:
    """Change the future at many rows, and report every value that changes before it.

    Each column, window, target, statistic of scaling, training sample, parameter and forecast of an experiment is
    computed from the true candles and from candles that are the same up to a cut and others after it (noise, its
    mirror image, reversed, missing, with holes); what may know nothing after the cut must be equal to the bit. Known
    leaks are planted in the same run: where one is missed the report is void.

    Args:
        candles: a candle table, a pandas or polars frame, a file, or a list of them.
        spec: a spec or the path of one; without it the keywords make one.
        features: your own functions by name, each from the candles of one market (a polars frame in order of time,
            with the columns of `data.outside`) to one value per candle. With nothing else given but what concerns the
            data, only they are audited.
            Names of features instead are the spec's.
        minutes: what the cuts may take, about; fitting networks comes on top. More minutes, more coverage.
        on_step: told of the progress.
        **settings: any keyword of `compare`.

    Raises:
        UsageError: a function that fails or gives other than one value per candle, or a wrong spec.
        DataError: candles that cannot be read or do not suffice.

    Example:
        >>> import coincast as cc
        >>> candles = cc.simulate("walk", candles=80, seed=1)
        >>> report = audit(candles, features={"tomorrow": lambda frame: frame["close"].shift(-1)}, minutes=0.1)
        >>> report.leaks.select("item", "horizon").rows()
        [('tomorrow', 1)]
    """
    if features is not None and not isinstance(features, Mapping):
        settings["features"], features = list(features), None
    if spec is not None and settings:
        raise UsageError(f"audit takes a spec or keywords, not both; given with the spec: {', '.join(settings)}")
    if not minutes > 0:
        raise UsageError(f"minutes is {minutes}; allowed: a number above 0, such as 2")
    whole = spec is not None or not features or not set(settings) <= set(SECTION_KEYS["data"])
    if not isinstance(spec, Spec):
        spec = Spec.from_keywords(**settings) if spec is None else Spec.from_toml(spec)
    world = _make_world(candles, spec)
    return _Inspection(spec, world, dict(features or {}), whole, minutes * 60, on_step).run()


def _make_world(candles: Any, spec: Spec) -> World:
    from coincast.experiments.compare import as_candles
    from coincast.sources.outside import find_outside

    outside = {series.name: series.table for series in map(find_outside, spec.data.outside)}
    return World(choose_candles(as_candles(candles), spec.data), outside)


@dataclass
class _Inspection:
    """One audit under way."""

    spec: Spec
    world: World
    functions: dict[str, FeatureFunction]
    whole: bool
    seconds: float
    on_step: OnStep | None
    items: list[Item] = field(default_factory=list)
    caught: dict[str, Finding] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    step: int = 0

    def run(self) -> Audit:
        began = time.perf_counter()
        self.spec = audit_spec(self.spec)
        self.markets = single_markets(self.world, self.spec)
        first = next(iter(self.markets))
        columns = [
            (column_subject(name, market), ("column", name, market), market)
            for market in self.markets
            for name in (self.spec.samples.features if self.whole else ())
        ] + [
            (_guarded(name, market, function), ("column", name, market), market)
            for market in self.markets
            for name, function in self.functions.items()
        ]
        plants = plant_functions(self.markets[first], first)
        self.steps = len(columns) + len(plants) + (1 + len(self.spec.models) if self.whole else 0)
        self.special = gap_moments(self.world.candles)
        if self.whole:
            tasks = make_fits(self.spec, self.world)
            self.special += part_moments(tasks)
            self.learnt_until = min(task.trained_until for task in tasks)
        for subject, key, market in columns:
            self._tell(f"column {key[1]} of {market}")
            self._probe_column(subject, key, self.markets[market])
        for plant in plants:
            self._tell(f"planted leak: {plant.name}")
            found = probe_rows(plant.subject, plant.world, seconds=self._share, special=self.special)
            self.caught[plant.name] = next(iter(found.values()))
        if self.whole:
            self._probe_experiment(first)
        self._note_given()
        return make_audit(self.items, self.caught, self.world, self.notes, time.perf_counter() - began)

    @property
    def _share(self) -> float:
        """Seconds for the cuts of one step."""
        return self.seconds / self.steps

    def _tell(self, what: str) -> None:
        self.step += 1
        if self.on_step is not None:
            self.on_step(what, self.step, self.steps)

    def _probe_column(self, subject: Subject, key: Key, world: World) -> None:
        """A column as it is, and once more where values are missing, which brings filling backwards to light."""
        finding = probe_rows(subject, world, seconds=0.9 * self._share, special=self.special)[key]
        if finding.is_steady and not finding.is_leak:
            holed = World(punch_holes(world.candles), world.outside)
            moments = milliseconds(world.candles["close_time"])[choose_holes(world.candles.height)].tolist()
            try:
                again = probe(subject, holed, moments[:HOLES_SEEN])[key]
            except Exception as error:
                self.notes.append(f"{key[1]} was not probed where values are missing: it fails there ({error})")
            else:
                if again.is_leak:
                    self.notes.append(f"{key[1]} knows its future only where values are missing: it fills backwards")
                again.at.clear()
                finding.merge(again)
        self.items.append(Item(key, finding, *column_warm_up(subject, key, world)))

    def _probe_experiment(self, first: str) -> None:
        subject = sample_subject(self.spec)
        self._tell("samples, targets and scales")
        for key, finding in self._probe_slow(subject).items():
            self.items.append(Item(key, finding))
        for plant in plant_experiment(self.world, self.spec, first):
            self._probe_plant(plant)
        for entry in self.spec.models:
            self._tell(f"model {entry.label}")
            if is_network(entry):
                findings, planted = probe_network(entry, self.spec, self.world, seed=0)
                self.caught[f"{entry.label} trained on the test rows"] = planted
            else:
                findings = self._probe_slow(forecaster_subject(entry, self.spec), since=self.learnt_until)
            warm_up = forecast_warm_up(entry, self.spec, self.world)
            for key, finding in findings.items():
                self.items.append(Item(key, finding, *(warm_up if key[0] == "forecast" else ())))
        if any(is_network(entry) for entry in self.spec.models):
            self.notes.append(
                f"networks were trained with one seed for {AUDIT_EPOCHS} epochs, and without the grid: whether a "
                "parameter knows its future does not depend on how long, or how often, it is trained"
            )

    def _probe_slow(self, subject: Subject, *, since: int = 0) -> dict[Key, Finding]:
        most = affordable(self._share, time_reading(subject, self.world), fewest=FEWEST_SLOW_CUTS)
        moments = self.world.moments
        cuts, marked = choose_cuts(moments[moments >= since], self.special, most=most)
        return probe(subject, self.world, cuts, marked=marked)

    def _probe_plant(self, plant: Plant) -> None:
        cuts, marked = choose_cuts(self.world.moments, self.special, most=FEWEST_SLOW_CUTS)
        self.caught[plant.name] = Finding(rows=0, columns=1)
        for finding in probe(plant.subject, plant.world, cuts, marked=marked).values():
            self.caught[plant.name].merge(finding)

    def _note_given(self) -> None:
        given = [
            name
            for name in (self.spec.samples.features if self.whole else ())
            if name not in (*FEATURES, *OF_CANDLES) and name in self.world.candles.columns
        ]
        for name in given:
            self.notes.append(
                f"column {name} came with the candles: when its values became known cannot be seen from here, and it "
                "counts as known at its candle's close; join outside series with data.outside"
            )


def _guarded(name: str, market: str, function: FeatureFunction) -> Subject:
    """A user's own function, whose failure on the true candles is told in one line."""
    subject = function_subject(name, market, function)

    def read(world: World) -> Any:
        try:
            return subject.read(world)
        except UsageError:
            raise
        except Exception as error:
            told = " ".join(str(error).split())
            raise UsageError(
                f"feature {name!r} failed on candles of {market}: {type(error).__name__}: {told}"
            ) from None

    return Subject(read)
