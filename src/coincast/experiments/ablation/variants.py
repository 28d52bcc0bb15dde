"""What is ablated: parts of the inputs, the variants with and without them, and the windows that all of them share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from coincast.errors import TooFewRowsError, UsageError
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import Task
from coincast.samples.features import find_feature
from coincast.samples.targets import fit_target_scale
from coincast.scores.finding import make_table

ALL = "all together"
NOTHING = "nothing"

WINDOW_COLUMNS: dict[str, pl.DataType] = {
    **{"market": pl.String(), "windows": pl.String()},
    **dict.fromkeys(("possible", "used", "left_out"), pl.Int64()),
}


@dataclass(frozen=True)
class Part:
    """An outside series or a group of features: its name, and the columns that are inputs with it."""

    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """A part, what else is an input on both sides, and the variants with and without the part."""

    part: str
    beside: str
    full: str
    bare: str


def refuse_nothing(spec: Spec, groups: Sequence[Any], training_rows: Sequence[int]) -> None:
    """Raise `UsageError` where there is nothing to ablate."""
    if not (spec.data.outside or any(groups) or training_rows):
        raise UsageError(
            "there is nothing to ablate; name an outside series (--outside FILE), features (--features volume) or "
            "numbers of training rows (--training-rows 250,500,1000)"
        )


def find_parts(
    spec: Spec, candles: pl.DataFrame, groups: Sequence[str | Sequence[str]]
) -> tuple[pl.DataFrame, list[Part], list[str]]:
    """Candles with the outside series joined, what is to be ablated, and what was told of the series."""
    from coincast.experiments.gather import add_outside

    parts, notes = [], []
    for given in spec.data.outside:
        joined = add_outside(candles, [given])
        columns = [name for name in joined.candles.columns if name not in candles.columns]
        named = [name for name in spec.samples.features if name in columns]
        parts.append(Part(str(joined.facts[0]["outside"]), tuple(named or columns)))
        candles = joined.candles
        notes += [line.strip() for line in joined.lines]
    for group in groups:
        features = [group] if isinstance(group, str) else list(group)
        for name in features:
            find_feature(name, candles)
        if features:
            parts.append(Part(" + ".join(features), tuple(features)))
    taken = [name for part in parts for name in part.columns]
    for name in taken:
        if taken.count(name) > 1:
            raise UsageError(f"{name!r} is in two parts that are to be ablated; name it once")
    return candles, parts, notes


def plan_variants(spec: Spec, parts: Sequence[Part]) -> tuple[dict[str, Spec], list[Comparison]]:
    """The specs of all variants, the bare one first and the full one last, and which are compared.

    Raises:
        UsageError: no input is left without the parts.
    """
    if not parts:
        return {"all inputs": spec}, []
    ablated = {name for part in parts for name in part.columns}
    base = [name for name in spec.samples.features if name not in ablated]
    if not base:
        other = "day_diff" if "log_return" in ablated else "log_return"
        raise UsageError(
            f"without {', '.join(part.name for part in parts)} no input is left; name a feature that stays on both "
            f'sides in samples.features, such as "{other}"'
        )
    every = frozenset(range(len(parts)))
    alone = [frozenset({place}) for place in sorted(every)]
    chosen = dict.fromkeys([frozenset[int](), *alone, *(every - one for one in alone), every])
    chosen[every] = chosen.pop(every)  # the full one last

    def name(places: Iterable[int]) -> str:
        return ", ".join(parts[place].name for place in sorted(places)) or NOTHING

    specs = {}
    for places in chosen:
        features = [*base, *(column for place in sorted(places) for column in parts[place].columns)]
        samples = spec.samples.model_copy(update={"features": features})
        specs[name(places)] = spec.model_copy(update={"samples": samples})
    comparisons = [Comparison(name(one), NOTHING, name(one), NOTHING) for one in alone]
    if len(parts) > 1:
        comparisons += [Comparison(name(one), name(every - one), name(every), name(every - one)) for one in alone]
        comparisons.append(Comparison(ALL, NOTHING, name(every), NOTHING))
    return specs, comparisons


def restrict(tasks: Sequence[Task], full: Sequence[Task]) -> list[Task]:
    """Tasks with the windows of the full ones only, so that all variants learn from and forecast the same ones."""
    restricted = []
    for task, one in zip(tasks, full, strict=True):
        samples = task.samples
        is_common = np.isin(samples.windows.starts, one.samples.windows.starts)
        samples = replace(samples, windows=samples.windows.select(is_common), known=samples.known[is_common])
        common = {
            part: getattr(task, part).select(np.isin(getattr(task, part).starts, samples.windows.starts))
            for part in ("training", "validation", "test")
        }
        if not len(common["training"]):
            raise TooFewRowsError(f"no training window of {task.market} has every input; ask for more training rows")
        scale = fit_target_scale(samples.target, samples.targets(common["training"]))
        restricted.append(replace(task, samples=samples, target_scale=scale, **common))
    return restricted


def count_windows(possible: Sequence[Task], used: Sequence[Task]) -> pl.DataFrame:
    rows = []
    for before, after in zip(possible, used, strict=True):
        for part in ("training", "validation", "test"):
            counts = len(getattr(before, part)), len(getattr(after, part))
            if counts[0]:
                figures = {"possible": counts[0], "used": counts[1], "left_out": counts[0] - counts[1]}
                rows.append({"market": before.market, "windows": part, **figures})
    return make_table(rows, WINDOW_COLUMNS)


def plan_curve(spec: Spec, variant: str, given: Sequence[int], tasks: Sequence[Task]) -> dict[str, Spec]:
    """Specs that learn from so many of the newest rows, in ascending order.

    Raises:
        UsageError: a number that is no whole number, or of more rows than there are.
    """
    least = min(tasks, key=lambda task: len(task.parts.train))
    most = len(least.parts.train)
    for count in given:
        if isinstance(count, bool) or not isinstance(count, int) or not 0 < count <= most:
            raise UsageError(
                f"training_rows holds {count!r}; allowed: whole numbers from 1 to {most:,}, the training rows of "
                f"{least.market}"
            )
    splits = (spec.split.model_copy(update={"window": count}) for count in sorted(set(given)))
    return {f"{variant}, {split.window:,} training rows": spec.model_copy(update={"split": split}) for split in splits}
