"""`ablate`: do outside series, and features, help? The same models with and without them, on the same windows.

An ablation part is an outside series or a group of features. Each is added alone to the bare inputs and, where there
are several, taken alone out of the full ones. All variants forecast the same origins and learn from the same windows:
those in which every input of every variant is known. The difference in skill is tested as any skill is, by the decisive
test on the losses with beside the losses without.

That test knows the luck of the test span, not that of training: two sets of runs of one network differ, too. So a
network gets a word only where the losses of its single runs differ as well (Welch's t test over the runs). What is said
is said of the models as they were trained: a useless input costs a little, for something is fitted to it, so that a
false "helps" is rarer than a false "hurts".
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from coincast.errors import TooFewRowsError, UsageError
from coincast.experiments.ablation.losses import (
    FEWEST_RUNS,
    compare_all,
    deciding_losses,
    learn,
    list_skills,
    run_losses,
)
from coincast.experiments.ablation.report import Ablation
from coincast.experiments.ablation.variants import (
    Part,
    count_windows,
    find_parts,
    plan_curve,
    plan_variants,
    refuse_nothing,
    restrict,
)
from coincast.experiments.account import failure_notes
from coincast.experiments.entries import is_network
from coincast.experiments.fit import OnProgress, fit_entry
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import Task, choose_candles, make_tasks
from coincast.forecasts.combine import ENSEMBLE, MODEL_KEYS, add_ensembles
from coincast.scores.verdict import NAIVE

if TYPE_CHECKING:
    from coincast.experiments.progress import Fitting
    from coincast.training.site import Progress

LOOKING = ("ridge", "lightgbm")
"""Names of opponents that look at inputs, as every network does."""


def ablate(
    candles: Any,
    *,
    spec: Spec | str | Path | None = None,
    groups: Sequence[str | Sequence[str]] = (),
    training_rows: Sequence[int] = (),
    on_progress: OnProgress | None = None,
    **settings: Any,
) -> Ablation:
    """Run the same models with and without each outside series and each group of features.

    Columns of an outside series that `samples.features` names are its inputs; where it names none of a series, all of
    them are. Features of a group are inputs with it and not without it, whether `samples.features` names them or not.

    Args:
        candles: whatever `compare` takes.
        spec: a spec or the path of one; without it the keywords make one.
        groups: features, or lists of features that go together, to be ablated as the outside series are.
        training_rows: also the skill of the full inputs when only so many of the newest rows are learnt from.
        on_progress: told the label with its variant, and the progress, of every training.
        **settings: as for `compare`; `outside` names the series.

    Returns:
        The ablation, in memory.

    Raises:
        UsageError: nothing to ablate, a feature that is not there, or no model that looks at inputs.
        DataError: candles or series that cannot be read or do not suffice.

    Example:
        >>> import coincast as cc
        >>> candles = cc.simulate("echo", skill=0.1, candles=600, seed=1)
        >>> done = ablate(candles, models=["ridge"], features=["day_diff"], groups=["volume_change"], test=0.5)
        >>> done.comparisons["verdict"].to_list()
        ['not distinguishable']
    """
    from coincast.experiments.compare import as_candles

    began = time.perf_counter()
    if spec is not None and settings:
        raise UsageError(f"ablate takes a spec or keywords, not both; given with the spec: {', '.join(settings)}")
    if spec is None:
        spec = Spec.from_keywords(**settings)
    elif not isinstance(spec, Spec):
        spec = Spec.from_toml(spec)
    refuse_nothing(spec, groups, training_rows)
    joined, parts, notes = find_parts(spec, as_candles(candles), groups)
    variants, comparisons = plan_variants(spec, parts)
    chosen = choose_candles(joined, spec.data)
    tasks = {name: make_tasks(own, chosen) for name, own in variants.items()}
    bare, full = next(iter(tasks)), list(tasks)[-1]
    windows = count_windows(tasks[bare], tasks[full])
    common = {name: restrict(own, tasks[full]) for name, own in tasks.items()}
    curve = plan_curve(variants[full], full, training_rows, common[full])
    for name, own in curve.items():
        common[name] = restrict(make_tasks(own, chosen), tasks[full])

    forecasts, blind = _forecast_variants(variants, common, on_progress)
    forecasts |= {name: _forecast(own, common[name], name, on_progress) for name, own in curve.items()}
    losses = {name: deciding_losses(own) for name, own in forecasts.items()}
    runs = {name: run_losses(own) for name, own in forecasts.items()}
    seeing = {name: {key: one for key, one in losses[name].items() if key[1] not in blind} for name in variants}
    table, pooled, lost = compare_all(comparisons, seeing, runs)
    if parts and table.is_empty():
        raise TooFewRowsError(
            "no model has forecasts with and without the ablated inputs that can be judged; try a smaller "
            "training.learning_rate, or other models"
        )
    learning, learning_pooled = learn({own.split.window: (losses[name], common[name]) for name, own in curve.items()})
    return Ablation(
        comparisons=table,
        pooled=pooled,
        learning=learning,
        learning_pooled=learning_pooled,
        windows=windows,
        skills=list_skills(losses),
        forecasts=pl.concat(own.select(pl.lit(name).alias("variant"), pl.all()) for name, own in forecasts.items()),
        specs=variants | curve,
        notes=(
            *notes,
            *_tell_blind(blind),
            *(_tell_windows(windows) if parts else ()),
            *lost,
            *_tell_single(spec, parts),
            *_tell_curve(spec, curve),
            *_tell_failed(forecasts),
        ),
        seconds=time.perf_counter() - began,
    )


def _forecast_variants(
    variants: Mapping[str, Spec], tasks: Mapping[str, Sequence[Task]], on_progress: OnProgress | None
) -> tuple[dict[str, pl.DataFrame], list[str]]:
    """What all models say of the test spans in each variant, and the models that look at no ablated input.

    Those are found in the bare and in the full variant, and not asked again.

    Raises:
        UsageError: all models are such.
    """
    bare, full = next(iter(variants)), list(variants)[-1]
    blind: list[str] = []
    forecasts = {
        name: _forecast(variants[name], tasks[name], name, on_progress) for name in dict.fromkeys((bare, full))
    }
    if bare != full:
        blind = _find_blind(variants[bare], forecasts[bare], forecasts[full])
        models = [entry for entry in variants[bare].models if entry.label not in blind or entry.name == NAIVE]
        if all(entry.label in blind for entry in models):
            raise UsageError(
                f"no model looks at the ablated inputs: {', '.join(blind)}; name one that does, such as lstm or ridge"
            )
        for name in list(variants)[1:-1]:
            own = variants[name].model_copy(update={"models": models})
            forecasts[name] = _forecast(own, tasks[name], name, on_progress)
    return {name: forecasts[name] for name in variants}, blind


def _forecast(spec: Spec, tasks: Sequence[Task], variant: str, on_progress: OnProgress | None) -> pl.DataFrame:
    """What all models say of the test spans."""

    def tell(label: str, progress: Progress | Fitting) -> None:
        if on_progress is not None:
            on_progress(f"{label}, with {variant}", progress)

    opponents_first = sorted(spec.models, key=is_network)
    fitted = [fit_entry(entry, spec, tasks, on_progress=tell if on_progress else None) for entry in opponents_first]
    return add_ensembles(pl.concat([one.forecasts for one in fitted]))


def _find_blind(spec: Spec, bare: pl.DataFrame, full: pl.DataFrame) -> list[str]:
    """Models whose forecasts are the same with and without all that is ablated: they look at prices only.

    Signs are often the same by chance, so that equal directions prove nothing; what is known to look is never blind.
    """
    from coincast.models import MODELS

    may_look = [entry for entry in spec.models if is_network(entry) or entry.name in LOOKING]
    if spec.samples.quantity == "direction":
        may_look += [entry for entry in spec.models if entry.name not in MODELS]
    seeing = [entry.label for entry in may_look]
    keys = [*MODEL_KEYS, "run", "origin", "step"]
    both = bare.join(full.select(*keys, other="value"), on=keys, how="full", coalesce=True)
    is_same = pl.col("value").eq_missing(pl.col("other")).all()
    same = both.group_by("model").agg(is_same.alias("same")).filter("same")["model"].sort().to_list()
    return [
        model
        for model in same
        if not any(model.removesuffix(ENSEMBLE) == one or model.startswith(f"{one}(") for one in seeing)
    ]


def _tell_blind(blind: Sequence[str]) -> list[str]:
    others = [name for name in blind if name != NAIVE]
    if not others:
        return []
    verbs = ("looks", "is") if len(others) == 1 else ("look", "are")
    return [f"{', '.join(others)} {verbs[0]} at none of the ablated inputs and {verbs[1]} not compared"]


def _tell_single(spec: Spec, parts: Sequence[Part]) -> list[str]:
    if not parts or spec.training.seeds >= FEWEST_RUNS or not any(is_network(entry) for entry in spec.models):
        return []
    return ["with one run of a network the luck of its training cannot be told from the inputs; ask for more seeds"]


def _tell_curve(spec: Spec, curve: Mapping[str, Spec]) -> list[str]:
    if not curve or not any(is_network(entry) for entry in spec.models):
        return []
    return [
        f"with fewer training rows a network also makes fewer steps: it trains {spec.training.epochs} epochs each time"
    ]


def _tell_windows(windows: pl.DataFrame) -> list[str]:
    """How many windows were lost so that all variants have the same."""
    lost = [
        f"{row['left_out']:,} of {row['possible']:,} {row['windows']} windows of {row['market']} left out on all "
        "sides: an input is unknown there"
        for row in windows.filter(pl.col("left_out") > 0).iter_rows(named=True)
    ]
    return lost or ["every input is known in every window, so none is left out"]


def _tell_failed(forecasts: Mapping[str, pl.DataFrame]) -> list[str]:
    return [f"with {variant}: {note}" for variant, own in forecasts.items() for note in failure_notes(own)]
