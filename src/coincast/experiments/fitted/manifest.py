"""What `model.json` says of a model, checked before anything is made of it: its checksum keeps no attacker out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from coincast.candles.table import INTERVALS
from coincast.experiments.fitted.layout import BESIDE, WINDOW, Arrays
from coincast.experiments.fitted.newest import name_inputs
from coincast.experiments.spec import Spec
from coincast.forecasts.intervals import INTERVALS as METHODS
from coincast.samples.quantities import QUANTITIES

FIRST_TIME, LAST_TIME = -(10**13), 2 * 10**13
"""Milliseconds since 1970: the years 1653 to 2603."""

Name = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\r\n]+$")]
Number = Annotated[float, Field(allow_inf_nan=False)]
Whole = Annotated[int, Field(ge=0, lt=2**63)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class WeightsPart(_Part):
    """The file of the weights."""

    sha256: str


class NetworkPart(_Part):
    """The network; `name` is None where it is a user's own."""

    label: Name
    name: Name | None
    kind: Name = Field(alias="class")
    settings: dict[Name, Any]


class AxesPart(_Part):
    """As `coincast.models.forecaster.Axes`, which is not imported here: it brings JAX along."""

    lookback: int
    feature: int
    horizon: int
    output: int


class TrainingPart(_Part):
    """What was counted in training; a `validation_losses` of None stands here, others are an array."""

    parameters: Whole
    seconds: Number
    validation_losses: None = None


class InputScalePart(_Part):
    """As in `InputScale`."""

    relative: list[bool]
    centre: list[Number]
    spread: list[Number]


class TargetScalePart(_Part):
    """As in `TargetScale`."""

    centre: Number
    spread: Number


class MarketPart(_Part):
    """What was learnt of a market, and of its newest window what is no array."""

    market: Name
    candles: Whole
    trained_until: int = Field(ge=FIRST_TIME, le=LAST_TIME)
    majority: list[Number]
    input_scale: InputScalePart
    target_scale: TargetScalePart
    volatility: Number | None
    names: list[str]


class VerdictPart(_Part):
    """As in `Verdict`."""

    market: Name
    model: Name
    verdict: Name | None
    skill: Number | None
    low: Number | None
    high: Number | None
    p_holm: Number | None
    n: Whole
    first: int = Field(ge=FIRST_TIME, le=LAST_TIME)
    last: int = Field(ge=FIRST_TIME, le=LAST_TIME)
    coverage: dict[str, Number]
    sentence: str


class MovesPart(_Part):
    """As in `Moves`; a move that is null reaches without end."""

    method: str
    levels: list[Annotated[float, Field(gt=0, lt=1)]]
    steps: list[Whole]
    moves: list[list[Number | None]]
    errors: Whole


class EvidencePart(_Part):
    """As in `Evidence`."""

    verdicts: list[VerdictPart]
    moves: dict[str, MovesPart]
    made: dict[str, Any]


class Manifest(_Part):
    """All that `model.json` says."""

    package: Name
    weights: WeightsPart
    network: NetworkPart
    axes: AxesPart
    recipe: dict[str, Any]
    runs: Whole
    seeds: list[int]
    training: TrainingPart
    interval: Name
    inputs: list[str]
    is_level: list[bool]
    markets: list[MarketPart] = Field(min_length=1)
    spec: dict[str, Any]
    evidence: EvidencePart | None = None


def find_contradiction(manifest: Manifest, spec: Spec, arrays: Arrays, axes: AxesPart) -> str | None:
    """The first thing that a manifest says and that something else does not; None where all agree.

    Args:
        manifest: what it says.
        spec: its settings.
        arrays: beside it.
        axes: that follow from the settings.
    """
    for name, given, wanted in _compare(manifest, spec, arrays, axes):
        if given != wanted:
            return name
    return None


def _compare(manifest: Manifest, spec: Spec, arrays: Arrays, axes: AxesPart) -> Iterator[tuple[str, Any, Any]]:
    """(what is compared, what is said, what follows from the rest), the cheap first."""
    samples, seeds, markets = spec.samples, manifest.seeds, [one.market for one in manifest.markets]
    features = len(samples.features) * (len(manifest.inputs) or 1)
    yield "interval", manifest.interval in INTERVALS, True
    yield "inputs", bool(manifest.inputs), samples.inputs == "all"
    yield "axes", manifest.axes, axes
    yield "axes", (axes.lookback, axes.feature), (samples.lookback, features)
    yield "is_level", len(manifest.is_level), features
    yield "seeds", len(seeds), spec.training.seeds
    yield "seeds", seeds, list(range(spec.training.seed, spec.training.seed + len(seeds)))
    yield "runs", manifest.runs, len(seeds) * len(markets)
    yield "markets", len(set(markets)), len(markets)
    steps = 0 if QUANTITIES[samples.quantity].is_whole else samples.horizon
    for place, one in enumerate(manifest.markets):
        where, scale = f"markets.{place}", one.input_scale
        yield f"{where}.names", one.names, list(name_inputs(manifest.inputs or [one.market], samples.features))
        yield f"{where}.majority", len(one.majority), steps
        yield f"{where}.input_scale", [len(scale.relative), len(scale.centre), len(scale.spread)], [features] * 3
        yield f"{where}.input_scale", 0.0 in scale.spread, False
        yield f"{where}.target_scale", one.target_scale.spread > 0, True
    yield from _compare_evidence(manifest, samples.horizon, markets)
    yield from _compare_arrays(manifest, features, arrays)


def _compare_evidence(manifest: Manifest, horizon: int, markets: list[str]) -> Iterator[tuple[str, Any, Any]]:
    if manifest.evidence is None:
        return
    yield "evidence.verdicts", {one.market for one in manifest.evidence.verdicts} <= set(markets), True
    yield "evidence.moves", set(manifest.evidence.moves) <= set(markets), True
    for market, one in manifest.evidence.moves.items():
        where, levels = f"evidence.moves.{market}", one.levels
        mirrored = [round(1 - level, 6) for level in reversed(levels)]
        yield where, one.method in METHODS, True
        yield where, [round(level, 6) for level in levels], mirrored
        yield where, sorted(set(levels)), levels
        yield where, one.steps, list(range(1, horizon + 1))
        yield where, [len(row) for row in one.moves], [len(levels)] * len(one.steps)


def _compare_arrays(manifest: Manifest, features: int, arrays: Arrays) -> Iterator[tuple[str, Any, Any]]:
    lookback, epochs = manifest.axes.lookback, arrays["losses"].shape[-1:]
    shapes: dict[str, tuple[Any, ...]] = {
        "losses": (np.float64, manifest.runs, *epochs),
        "epochs": (np.int64, manifest.runs),
        "best_epochs": (np.int64, manifest.runs),
    }
    if manifest.training.validation_losses is None and "validation_losses" in arrays:
        shapes["validation_losses"] = shapes["losses"]
    for place in range(len(manifest.markets)):
        shapes |= {f"newest/{place}/{name}": (np.int64, lookback) for name in WINDOW if name.endswith("time")}
        shapes |= {f"newest/{place}/close": (np.float64, lookback)}
        shapes |= {f"newest/{place}/inputs": (np.float64, lookback, features)}
    own = {name: array for name, array in arrays.items() if name.partition("/")[0] not in BESIDE}
    yield "the names of the arrays", sorted(own), sorted(shapes)
    for name, array in own.items():
        yield name, (array.dtype, *array.shape), shapes[name]
        yield name, _is_sensible(name.rpartition("/")[2], array, own), True


def _is_sensible(name: str, array: np.ndarray, arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether numbers lie where they can; a loss may be anything."""
    least, most = {
        "epochs": (1, arrays["losses"].shape[1]),
        "best_epochs": (0, arrays["epochs"]),
        "open_time": (FIRST_TIME, LAST_TIME),
        "close_time": (FIRST_TIME, LAST_TIME),
        "inputs": (-np.finfo(np.float64).max, np.finfo(np.float64).max),
        "close": (np.finfo(np.float64).tiny, np.finfo(np.float64).max),
    }.get(name, (None, None))
    return least is None or bool(((array >= least) & (array <= most)).all())
