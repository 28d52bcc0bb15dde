"""What an ablation says: its tables, the answer for a layman, and what is left in a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from coincast.errors import UnknownNameError, UsageError
from coincast.experiments.ablation.losses import UNDECIDED
from coincast.experiments.ablation.variants import ALL, NOTHING
from coincast.experiments.spec import Spec
from coincast.experiments.trial import configurations
from coincast.experiments.trials import Trials, record_trials
from coincast.reports.numbers import percent_digits
from coincast.scores.significance import ALPHA, count_needed
from coincast.scores.words import spoken_name
from coincast.tabular import expand_home, to_pandas, write_beside

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FILE = "ablation.json"
TABLES = ("comparisons", "pooled", "learning", "learning_pooled", "windows", "skills", "forecasts")


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
        figures = self._draw()
        if picture not in figures:
            raise UnknownNameError("picture", picture, figures)
        figure = figures[picture]
        if figure is None:
            raise UsageError(f"this ablation has nothing to show in the picture {picture!r}; take the other one")
        return figure

    def _draw(self) -> dict[str, Figure | None]:
        """The pictures, pooled where there are several markets."""
        from coincast.reports.pictures_ablation import draw_differences, draw_learning

        compared = self.comparisons if self.pooled.is_empty() else self.pooled
        learning = self.learning if self.learning_pooled.is_empty() else self.learning_pooled
        return {"difference": draw_differences(name_inputs(compared)), "learning": draw_learning(learning)}

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
        for name, figure in self._draw().items():
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


def name_inputs(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of comparisons with a column `input`: a part, and what is beside it on both sides."""
    alone, both = pl.col("part"), pl.format("{} beside {}", "part", "beside")
    return rows.with_columns(input=pl.when(pl.col("beside") == NOTHING).then(alone).otherwise(both))


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
    ends = [percent_digits(row[name], signed=True, minus="-", is_end=True) for name in ("low", "high")]
    span = "" if row["low"] is None else f" ({' to '.join(ends)})"
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
