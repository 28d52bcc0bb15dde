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

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from scipy.special import stdtr

from coincast.errors import TooFewRowsError, UnknownNameError, UsageError
from coincast.experiments.account import failure_notes
from coincast.experiments.entries import is_network
from coincast.experiments.fit import OnProgress, fit_entry
from coincast.experiments.spec import Spec
from coincast.experiments.tasks import Task, choose_candles, make_tasks
from coincast.experiments.trials import Trials, configurations, record_trials
from coincast.forecasts.combine import ENSEMBLE, MODEL_KEYS, add_ensembles
from coincast.samples.features import find_feature
from coincast.samples.targets import fit_target_scale
from coincast.scores.finding import add_words, make_table, tell_lost
from coincast.scores.panel import make_panels
from coincast.scores.point import metrics_of
from coincast.scores.series import LossSeries, deciding_series, keep_common
from coincast.scores.significance import ALPHA, compare_losses, count_needed
from coincast.scores.verdict import NAIVE, losses_per_origin
from coincast.scores.words import spoken_name
from coincast.tabular import expand_home, to_pandas, write_beside

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from coincast.experiments.progress import Fitting
    from coincast.training.trainer import Progress

Losses = dict[tuple[str, str], LossSeries]
"""Deciding losses by market and model."""
RunLosses = dict[tuple[str, str], dict[int, float]]
"""Mean deciding losses of single runs, by market and ensemble."""

ALL = "all together"
NOTHING = "nothing"
FILE = "ablation.json"
TABLES = ("comparisons", "pooled", "learning", "learning_pooled", "windows", "skills", "forecasts")
ACROSS, PANEL, GAP = 3, 3.4, 0.8
"""Panels side by side, the height of each, and what is between two of them, in inches."""
MOST_LETTERS = 44
UNDECIDED = "not distinguishable"
WORDS = {"better": "helps", "worse": "hurts"}
"""Words of the decisive test as those of an ablation; the others stay."""

FIGURES = ("low", "high", "statistic", "p", "detectable")


def _columns(texts: str, numbers: str, counts: str) -> dict[str, pl.DataType]:
    kinds = ((texts, pl.String()), (numbers, pl.Float64()), (counts, pl.Int64()))
    return {name: kind for names, kind in kinds for name in names.split()}


_DIFFERENCE = f"skill_without skill_with difference {' '.join(FIGURES)} p_runs"
_SKILL = f"skill {' '.join(FIGURES)}"
COMPARED_COLUMNS = _columns("part beside market interval quantity model", _DIFFERENCE, "n overlap runs runs_helped")
POOLED_COLUMNS = _columns("part beside interval quantity model", _DIFFERENCE, "n overlap markets runs runs_helped")
LEARNING_COLUMNS = _columns("market interval quantity model", _SKILL, "training_rows training_windows n overlap")
POOLED_LEARNING_COLUMNS = _columns("interval quantity model", _SKILL, "training_rows n overlap markets")
SKILL_COLUMNS = _columns("variant market interval quantity model", "loss naive skill low high", "n")
FOR_WORDS = {**_columns("", "loss naive run_difference", ""), "is_too_few": pl.Boolean()}
FEWEST_RUNS = 2
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


@dataclass(frozen=True)
class Ablation:
    """What parts of the inputs are worth.

    Attributes:
        comparisons: a row per `part`, what is `beside` it on both sides, market and model: `skill_without`,
            `skill_with`, their `difference` with its 95 % interval `low, high`, `statistic, p, p_holm, detectable` of
            the decisive test, `n` origins, `verdict` ("helps", "not distinguishable", "hurts", "too few"); of networks
            how many `runs` there are, in how many of them the loss is smaller than without (`runs_helped`), and
            `p_runs` that single runs differ no less by luck, without which below 0.05 there is no word; it is 1 where
            they differ in the other direction than their ensembles.
        pooled: the same on losses averaged over `markets`, where there are several; a family of tests of its own.
        learning: skill beside naive by market, model and `training_rows`, in which `training_windows` have every input.
        learning_pooled: the same on losses averaged over markets, where there are several.
        windows: windows that the bare inputs would have (`possible`), those `used` on all sides, and `left_out`.
        skills: of every `variant`, market and model beside naive, without a word.
        forecasts: the forecast tables of every `variant`.
        specs: the spec of each variant.
        notes: what a reader should know.
        seconds: wall time.
    """

    comparisons: pl.DataFrame
    pooled: pl.DataFrame
    learning: pl.DataFrame
    learning_pooled: pl.DataFrame
    windows: pl.DataFrame
    skills: pl.DataFrame
    forecasts: pl.DataFrame = field(repr=False)
    specs: Mapping[str, Spec] = field(repr=False)
    notes: tuple[str, ...]
    seconds: float

    @property
    def sentences(self) -> tuple[str, ...]:
        """The answer for a layman, one for each part alone and model; over all markets where there are several."""
        rows = self.comparisons if self.pooled.is_empty() else self.pooled
        alone = rows.filter(pl.col("beside") == NOTHING, pl.col("part") != ALL)
        return tuple(_say(row) for row in alone.iter_rows(named=True))

    @property
    def sentence(self) -> str:
        """All that in lines; of an ablation by training rows alone, how far the curve goes."""
        return "\n".join(self.sentences) or _say_curve(self.learning)

    def to_dict(self) -> dict[str, Any]:
        """All figures but the single forecasts."""
        tables = {name: getattr(self, name).to_dicts() for name in TABLES if name != "forecasts"}
        return {"sentence": self.sentence, **tables, "notes": list(self.notes), "seconds": self.seconds}

    def to_pandas(self) -> Any:
        """`comparisons` as a pandas frame; of an ablation by training rows alone `learning`."""
        return to_pandas(self.learning if self.comparisons.is_empty() else self.comparisons)

    def plot(self, picture: str = "difference") -> Figure:
        """A matplotlib figure: "difference", or "learning" for skill by training rows.

        Raises:
            UnknownNameError: no such picture.
            UsageError: there is nothing to draw in it.
        """
        draw = {"difference": draw_differences, "learning": draw_learning}
        if picture not in draw:
            raise UnknownNameError("picture", picture, draw)
        figure = draw[picture](self)
        if figure is None:
            raise UsageError(f"this ablation has nothing to show in the picture {picture!r}; take the other one")
        return figure

    def save(self, folder: str | Path) -> Path:
        """Write the tables (Parquet), all figures (JSON) and the pictures (PNG) into a folder.

        Raises:
            UsageError: it holds something else, or cannot be written.
        """
        folder = claim_folder(folder)
        text = json.dumps(self.to_dict(), indent=2, allow_nan=False, default=str) + "\n"
        write_beside(folder / FILE, lambda path: path.write_text(text, encoding="utf-8"))
        for name in TABLES:
            path, table = folder / f"{name}.parquet", getattr(self, name)
            if table.height:
                write_beside(path, table.write_parquet)
            else:
                path.unlink(missing_ok=True)
        for name, figure in (("difference", draw_differences(self)), ("learning", draw_learning(self))):
            if figure is None:
                (folder / f"{name}.png").unlink(missing_ok=True)
            else:
                write_beside(folder / f"{name}.png", figure.savefig)
        return folder

    def record_trials(self, *, home: Path | None = None) -> Trials:
        """Count every variant as configurations judged on its test span, and keep those that are new."""
        made_by: dict[str, str] = {}
        for variant, spec in self.specs.items():
            own = self.forecasts.filter(pl.col("variant") == variant)
            made_by |= {f"{variant}: {model}": made for model, made in configurations(spec, own).items()}
        named = self.forecasts.with_columns(pl.concat_str("variant", pl.lit(": "), "model").alias("model"))
        return record_trials(named.drop("variant"), made_by=made_by, home=home)

    def _repr_html_(self) -> str:
        from html import escape

        lines = "".join(f"<p>{escape(line)}</p>" for line in self.sentence.splitlines())
        tables = (self.pooled, self.comparisons, self.learning_pooled, self.learning)
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return f"{lines}{''.join(table._repr_html_() for table in tables if table.height)}<ul>{notes}</ul>"


def claim_folder(folder: str | Path) -> Path:
    """The folder for the files of an ablation, which may hold an earlier one and nothing else.

    Raises:
        UsageError: it is no folder, cannot be read, or holds other files.
    """
    folder = expand_home(folder)
    try:
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"--out {folder} is a file; name a folder that is empty or not there yet")
        is_taken = folder.is_dir() and any(folder.iterdir()) and not (folder / FILE).is_file()
    except OSError as error:
        raise UsageError(f"--out {folder} cannot be used: {error.strerror or error}; name another folder") from None
    if is_taken:
        raise UsageError(f"--out {folder} holds other files and no earlier ablation; name a folder of its own")
    return folder


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
    joined, parts, notes = _find_parts(spec, as_candles(candles), groups)
    variants, comparisons = plan_variants(spec, parts)
    chosen = choose_candles(joined, spec.data)
    tasks = {name: make_tasks(own, chosen) for name, own in variants.items()}
    bare, full = next(iter(tasks)), list(tasks)[-1]
    windows = _count_windows(tasks[bare], tasks[full])
    common = {name: _restrict(own, tasks[full]) for name, own in tasks.items()}
    curve = _plan_curve(variants[full], full, training_rows, common[full])
    for name, own in curve.items():
        common[name] = _restrict(make_tasks(own, chosen), tasks[full])

    forecasts, blind = _forecast_variants(variants, common, on_progress)
    forecasts |= {name: _forecast(own, common[name], name, on_progress) for name, own in curve.items()}
    losses = {name: _losses(own) for name, own in forecasts.items()}
    runs = {name: _run_losses(own) for name, own in forecasts.items()}
    seeing = {name: {key: one for key, one in losses[name].items() if key[1] not in blind} for name in variants}
    table, pooled, lost = _compare_all(comparisons, seeing, runs)
    if parts and table.is_empty():
        raise TooFewRowsError(
            "no model has forecasts with and without the ablated inputs that can be judged; try a smaller "
            "training.learning_rate, or other models"
        )
    learning, learning_pooled = _learn({own.split.window: (losses[name], common[name]) for name, own in curve.items()})
    return Ablation(
        comparisons=table,
        pooled=pooled,
        learning=learning,
        learning_pooled=learning_pooled,
        windows=windows,
        skills=_list_skills(losses),
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


# ---------------------------------------------------------------- parts and variants


def refuse_nothing(spec: Spec, groups: Sequence[Any], training_rows: Sequence[int]) -> None:
    """Raise `UsageError` where there is nothing to ablate."""
    if not (spec.data.outside or any(groups) or training_rows):
        raise UsageError(
            "there is nothing to ablate; name an outside series (--outside FILE), features (--features volume) or "
            "numbers of training rows (--training-rows 250,500,1000)"
        )


def _find_parts(
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


def _restrict(tasks: Sequence[Task], full: Sequence[Task]) -> list[Task]:
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


def _count_windows(possible: Sequence[Task], used: Sequence[Task]) -> pl.DataFrame:
    rows = []
    for before, after in zip(possible, used, strict=True):
        for part in ("training", "validation", "test"):
            counts = len(getattr(before, part)), len(getattr(after, part))
            if counts[0]:
                figures = {"possible": counts[0], "used": counts[1], "left_out": counts[0] - counts[1]}
                rows.append({"market": before.market, "windows": part, **figures})
    return make_table(rows, WINDOW_COLUMNS)


def _plan_curve(spec: Spec, variant: str, given: Sequence[int], tasks: Sequence[Task]) -> dict[str, Spec]:
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
        blind = _find_blind(forecasts[bare], forecasts[full])
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


def _find_blind(bare: pl.DataFrame, full: pl.DataFrame) -> list[str]:
    """Models whose forecasts are the same with and without all that is ablated: they look at prices only."""
    keys = [*MODEL_KEYS, "run", "origin", "step"]
    both = bare.join(full.select(*keys, other="value"), on=keys, how="full", coalesce=True)
    is_same = pl.col("value").eq_missing(pl.col("other")).all()
    return both.group_by("model").agg(is_same.alias("same")).filter("same")["model"].sort().to_list()


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


# ---------------------------------------------------------------- what the losses say


def _losses(forecasts: pl.DataFrame) -> Losses:
    return {(one.panel.market, one.panel.model): one for one in deciding_series(forecasts) if not one.is_own_naive}


def _list_skills(losses: Mapping[str, Losses]) -> pl.DataFrame:
    """The skill of every variant on every market."""
    names = ("loss", "naive", "skill", "low", "high", "n")
    rows = []
    for variant, own in losses.items():
        for series in own.values():
            compared = series.compare()
            rows.append({"variant": variant, **series.keys, **{name: getattr(compared, name) for name in names}})
    return make_table(rows, SKILL_COLUMNS)


def _run_losses(forecasts: pl.DataFrame) -> RunLosses:
    """Mean deciding loss of every single run, by market and the name of its ensemble."""
    found: RunLosses = {}
    for panel in make_panels(forecasts):
        if panel.level == "run" and panel.origins.size:
            losses, _ = losses_per_origin(panel, metrics_of(panel.quantity)[0])
            found.setdefault((panel.market, panel.model + ENSEMBLE), {})[panel.run] = float(losses.mean())
    return found


def _compare_all(
    comparisons: Sequence[Comparison], losses: Mapping[str, Losses], runs: Mapping[str, RunLosses]
) -> tuple[pl.DataFrame, pl.DataFrame, tuple[str, ...]]:
    """Every comparison on every market, the same pooled where there are several, and what pooling left out."""
    rows, pooled = [], []
    losing: dict[tuple[int, int], list[str]] = {}
    for one in comparisons:
        bare, full = losses[one.bare], losses[one.full]
        pairs: dict[str, list[tuple[LossSeries, LossSeries]]] = {}
        for key, without in bare.items():
            if key in full:
                luck = _compare_runs([runs[one.bare].get(key, {})], [runs[one.full].get(key, {})])
                rows += [row | luck for row in _compare(one, [(without, full[key])])]
                pairs.setdefault(key[1], []).append((without, full[key]))
        for model, several in pairs.items():
            if len(several) > 1:
                keys = [(without.panel.market, model) for without, _ in several]
                luck = _compare_runs(*([runs[side].get(key, {}) for key in keys] for side in (one.bare, one.full)))
                pooled += [row | luck for row in _compare(one, several)]
                common, lost = keep_common([series for pair in several for series in pair])
                names = losing.setdefault((lost, lost + common[0].origins.size), [])
                names += [model] if model not in names else []
    tables = (_give_words(rows, COMPARED_COLUMNS, WORDS), _give_words(pooled, POOLED_COLUMNS, WORDS))
    return *tables, tell_lost("the mean over markets", losing, "market")


def _compare(one: Comparison, pairs: Sequence[tuple[LossSeries, LossSeries]]) -> list[dict[str, Any]]:
    """A row on the losses without and with a part, averaged over markets, at the origins that all have.

    The decisive test compares naive's losses plus the difference with naive's losses: its skill is the difference in
    skill, its interval that of the difference, and its p says whether the losses with and without differ.
    """
    common, _ = keep_common([series for pair in pairs for series in pair])
    if not common[0].origins.size:
        return []
    without, having = _mean(common[::2]), _mean(common[1::2])
    compared = compare_losses(
        having.naive + having.losses - without.losses, having.naive, overlapping=having.overlapping
    )
    before, after = (
        None if compared.skill is None else 1 - one.losses.mean() / one.naive.mean() for one in (without, having)
    )
    figures = {name: getattr(compared, name) for name in (*FIGURES, "n", "loss", "naive", "is_too_few")}
    skills = {"skill_without": before, "skill_with": after, "difference": compared.skill}
    places = {"part": one.part, "beside": one.beside, "markets": len(pairs), **having.keys}
    return [{**places, **skills, **figures, "overlap": having.overlapping}]


def _compare_runs(without: Sequence[Mapping[int, float]], having: Sequence[Mapping[int, float]]) -> dict[str, Any]:
    """Whether the losses of single runs differ, averaged over markets: Welch's t test; nothing for less than two runs.

    Runs with and without a part are independent draws, for their first layers differ in shape.
    """
    common = sorted(set.intersection(*(set(one) for one in (*without, *having))))
    if len(common) < FEWEST_RUNS:
        return {}
    before, after = (np.array([np.mean([one[run] for one in side]) for run in common]) for side in (without, having))
    difference = float(after.mean() - before.mean())
    variances = np.array([before.var(ddof=1), after.var(ddof=1)]) / len(common)
    error = float(np.sqrt(variances.sum()))
    degrees = (len(common) - 1) * error**4 / float((variances**2).sum()) if error > 0 else 1.0
    p = float(2 * stdtr(degrees, -abs(difference) / error)) if error > 0 else float(difference == 0)
    return {"runs": len(common), "runs_helped": int((after < before).sum()), "p_runs": p, "run_difference": difference}


def _learn(learnt: Mapping[int, tuple[Losses, Sequence[Task]]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Skill beside naive by training rows, on every market and pooled over markets where there are several."""
    rows, pooled = [], []
    for count, (losses, tasks) in learnt.items():
        by_model: dict[str, list[LossSeries]] = {}
        windows = {task.market: len(task.training) for task in tasks}
        for series in losses.values():
            rows += [row | {"training_windows": windows[series.panel.market]} for row in _judge(count, [series])]
            by_model.setdefault(series.panel.model, []).append(series)
        pooled += [row for several in by_model.values() if len(several) > 1 for row in _judge(count, several)]
    order = ("model", "training_rows")
    return (
        _give_words(rows, LEARNING_COLUMNS).sort("market", *order),
        _give_words(pooled, POOLED_LEARNING_COLUMNS).sort(order),
    )


def _judge(count: int, markets: list[LossSeries]) -> list[dict[str, Any]]:
    common, _ = keep_common(markets)
    if not common[0].origins.size:
        return []
    mean = _mean(common)
    compared = mean.compare()
    figures = {name: getattr(compared, name) for name in (*FIGURES, "skill", "n", "loss", "naive", "is_too_few")}
    return [{"training_rows": count, "markets": len(markets), **mean.keys, "overlap": mean.overlapping, **figures}]


def _mean(markets: Sequence[LossSeries]) -> LossSeries:
    """Losses averaged over markets with the same origins, under the name of the first one."""
    first = markets[0]
    targets = np.max([one.panel.targets for one in markets], axis=0)
    losses, naive = (np.mean([getattr(one, name) for one in markets], axis=0) for name in ("losses", "naive"))
    return LossSeries(replace(first.panel, targets=targets), losses, naive)


def _give_words(
    rows: Sequence[Mapping[str, Any]], columns: Mapping[str, pl.DataType], words: Mapping[str, str] | None = None
) -> pl.DataFrame:
    """Rows as a table with Holm's adjustment over all of them, and their words."""
    table = add_words(make_table(rows, {**columns, **FOR_WORDS}))
    if "p_runs" in columns:
        turned = (pl.col("run_difference") > 0) != (pl.col("loss") > pl.col("naive"))
        p_runs = pl.when(turned).then(1.0).otherwise(pl.col("p_runs"))
        is_luck = (p_runs >= ALPHA) & pl.col("verdict").is_in(list(WORDS))
        table = table.with_columns(
            p_runs=p_runs, verdict=pl.when(is_luck).then(pl.lit(UNDECIDED)).otherwise(pl.col("verdict"))
        )
    return table.with_columns(pl.col("verdict").replace(dict(words or {}))).select(*columns, "p_holm", "verdict")


# ---------------------------------------------------------------- words and pictures


def name_part(row: Mapping[str, Any]) -> str:
    """What is compared in a row: a part, and what is beside it on both sides."""
    return str(row["part"]) if row["beside"] == NOTHING else f"{row['part']} beside {row['beside']}"


def _say(row: Mapping[str, Any]) -> str:
    """A row of a comparison in words."""
    where = f"{row['market']}: " if "market" in row else f"Mean of {row['markets']} markets: "
    who = f"{where}{spoken_name(row['model'])} with {row['part']}"
    if row["verdict"] == "too few":
        needed = count_needed(row["overlap"])
        return f"{who} cannot be judged yet: {row['n']:,} forecasts, and it needs at least {needed:,}: too few."
    if row["difference"] is None:
        return f"{who}: naive never errs, so there is no skill to compare: {row['verdict']}."
    skills = f"skill {_percent(row['skill_with'])}, without {_percent(row['skill_without'])}"
    span = "" if row["low"] is None else f" ({_points(row['low'])} to {_points(row['high'])})"
    passes = row["p_holm"] is not None and row["p_holm"] < ALPHA and row["verdict"] == UNDECIDED
    luck = "; single runs differ as much among themselves" if passes else ""
    return f"{who}: {skills}, a difference of {_points(row['difference'])}{span} points{luck}: {row['verdict']}."


def _say_curve(learning: pl.DataFrame) -> str:
    lines = []
    for (market, model), rows in learning.group_by("market", "model", maintain_order=True):
        ends = [
            f"{_percent(row['skill'])} from {row['training_rows']:,}"
            for row in (rows.row(0, named=True), rows.row(-1, named=True))
        ]
        lines.append(
            f"{market}: {spoken_name(str(model))} has a skill of {' and '.join(dict.fromkeys(ends))} training rows."
        )
    return "\n".join(lines)


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{round(100 * share, 1) + 0.0:.1f} %"


def _points(share: float) -> str:
    return f"{round(100 * share, 1) + 0.0:+.1f}"


def _name_markets(table: pl.DataFrame) -> str:
    """The market of a picture, or how many it shows."""
    if "markets" in table.columns:
        return f"mean of {table['markets'][0]} markets"
    markets = table["market"].unique(maintain_order=True)
    return str(markets[0]) if len(markets) == 1 else f"{len(markets)} markets"


def draw_differences(ablation: Ablation) -> Figure | None:
    """Draw the difference in skill that each part makes, with its interval; pooled where there are several markets."""
    from coincast.reports.canvas import BODY, add_axes, name_axes, new_figure, percent_axis, write
    from coincast.reports.numbers import model_name, things
    from coincast.reports.palette import LIGHT

    table = ablation.comparisons if ablation.pooled.is_empty() else ablation.pooled
    rows = table.filter(pl.col("difference").is_not_null()).to_dicts()
    if not rows:
        return None
    over, is_mixed = _name_markets(table), "market" in table.columns and table["market"].n_unique() > 1
    subtitle = (
        f"{over}, {things(rows[0]['n'], 'forecast')}. Difference in skill of the same model with and without an input, "
        "on the same windows. Mark: difference; line: 95 % interval of the test that gives the word."
    )
    figure = new_figure("What the inputs are worth", subtitle, theme=LIGHT, height=2.0 + 0.42 * len(rows))
    axes = add_axes(figure, LIGHT, left=3.3, right=1.75, top=1.15, bottom=0.65)
    axes.axvline(0, color=LIGHT.naive, linewidth=1.2, dashes=(4, 2))
    ends = [row[name] for row in rows for name in ("low", "difference", "high") if row[name] is not None]
    reach = max(1.1 * max(map(abs, ends)), 1e-4)
    axes.set(xlim=(-reach, reach), ylim=(len(rows) - 0.4, -0.6), yticks=[])
    axes.grid(axis="x", color=LIGHT.rule, linewidth=0.8)
    place = axes.get_yaxis_transform()
    for number, row in enumerate(rows):
        color = {"helps": LIGHT.better, "hurts": LIGHT.worse}.get(row["verdict"], LIGHT.undecided)
        if row["low"] is not None:
            axes.hlines(number, row["low"], row["high"], color=color, linewidth=2.2)
        axes.plot(row["difference"], number, marker="o", markersize=6, color=color)
        part = name_part(row)
        short = part if len(part) <= MOST_LETTERS else f"{part[: MOST_LETTERS - 1]}\N{HORIZONTAL ELLIPSIS}"
        write(axes, -0.02, number - 0.08, short, size=BODY, color=LIGHT.ink, ha="right", transform=place)
        model = model_name(row["model"]) + (f", {row['market']}" if is_mixed else "")
        write(axes, -0.02, number + 0.32, model, color=LIGHT.muted, ha="right", transform=place)
        write(axes, 1.02, number, row["verdict"], size=BODY, color=color, va="center", transform=place)
    percent_axis(axes.xaxis, zero="none", signed=True)
    name_axes(axes, LIGHT, x="difference in skill: the input helps to the right")
    return figure


def draw_learning(ablation: Ablation) -> Figure | None:
    """Draw skill by training rows with its interval and naive at zero, a panel for each model and market."""
    from coincast.reports.canvas import HEAD, LEFT, WIDTH, add_axes, name_axes, new_figure, percent_axis, write
    from coincast.reports.numbers import count, model_name, things
    from coincast.reports.palette import LIGHT

    table = ablation.learning if ablation.learning_pooled.is_empty() else ablation.learning_pooled
    table = table.filter(pl.col("skill").is_not_null())
    if table.is_empty():
        return None
    first = table.row(0, named=True)
    is_mixed = "market" in table.columns and table["market"].n_unique() > 1
    over = _name_markets(table)
    subtitle = (
        f"{over}, the same {things(first['n'], 'forecast')} each time: skill beside naive when only the newest rows "
        "are learnt from. Mark: skill; line: 95 % interval; dashes: naive. Every panel has a scale of its own."
    )
    panels = table.partition_by([name for name in ("market", "model") if name in table.columns], maintain_order=True)
    lines, across = -(-len(panels) // ACROSS), min(ACROSS, len(panels))
    height = HEAD + 0.2 + PANEL * lines
    figure = new_figure("Skill by training rows", subtitle, theme=LIGHT, height=height)
    width = (WIDTH - LEFT - 0.35 - GAP * (across - 1)) / across
    for number, rows in enumerate(panels):
        line, column = divmod(number, across)
        left, top = LEFT + column * (width + GAP), HEAD + 0.45 + line * PANEL
        box = {"top": top, "bottom": height - top - PANEL + 0.9, "left": left, "right": WIDTH - left - width}
        axes = add_axes(figure, LIGHT, **box)
        axes.axhline(0, color=LIGHT.naive, linewidth=1.2, dashes=(4, 2))
        known, ticks = rows.drop_nulls("low"), rows["training_rows"].to_list()
        axes.vlines(known["training_rows"], known["low"], known["high"], color=LIGHT.model, linewidth=1.6)
        axes.plot(ticks, rows["skill"], marker="o", markersize=5, linewidth=1.2, color=LIGHT.model)
        ends = [0.0, *(end for name in ("low", "skill", "high") for end in rows[name].drop_nulls())]
        margin = 0.08 * max(max(ends) - min(ends), 1e-3)
        axes.set(xscale="log", ylim=(min(ends) - margin, max(ends) + margin), xlim=(0.8 * ticks[0], 1.25 * ticks[-1]))
        axes.set_xticks(ticks, [count(tick) for tick in ticks])
        axes.set_xticks([], minor=True)
        percent_axis(axes.yaxis, zero="naive", signed=True)
        name_axes(axes, LIGHT, x="training rows")
        title = model_name(rows["model"][0]) + (f", {rows['market'][0]}" if is_mixed else "")
        write(axes, 0, 1.04, title, color=LIGHT.ink, weight="bold", transform=axes.transAxes)
    return figure
