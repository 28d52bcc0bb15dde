"""A result as a story for the report: tables, sentences and facts."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from coincast.experiments.bands import add_bands
from coincast.reports.quantities import say_for
from coincast.reports.story import Story
from coincast.scores.verdict import count_tests
from coincast.scores.words import NAIVE_WORDS, UNNAMED, sentence

if TYPE_CHECKING:
    from coincast.experiments.judge import Judgement
    from coincast.experiments.result import Result
    from coincast.scores.finding import Finding


def say(scores: pl.DataFrame, row: Mapping[str, Any]) -> str:
    """A deciding row as a sentence for a layman; naive's own row says what it is."""
    if row["verdict"] is None:
        return say_for(row["quantity"], f"Only the naive forecast, {NAIVE_WORDS}, was run.")
    return say_for(row["quantity"], sentence(row, tests=count_tests(scores)))


def tell(result: Result, *, command: str = "") -> Story:
    """What the report shows of a result."""
    spec = result.spec
    markets = ", ".join(result.parts["market"].unique(maintain_order=True))
    interval = result.parts["interval"][0]
    return Story(
        title=f"{markets} · {interval}",
        command=command,
        scores=result.scores,
        forecasts=result.forecasts,
        candles=_candles_of(result),
        parts=result.parts,
        runs=result.runs,
        history=result.history,
        shift=result.shift,
        outlook=_outlook_of(result),
        intervals=getattr(result, "intervals", None),
        calibration=_rows_of(result, "calibration"),
        full_interval=_rows_of(result, "full_interval"),
        further=_take_further(result),
        trials=getattr(result, "trials", None),
        facts=_facts(result),
        spec_toml=spec.to_toml(),
        notes=_gather_notes(result),
    )


def _take_further(source: Result | Judgement) -> dict[str, pl.DataFrame]:
    """Tables of the further tests by name."""
    return {name: finding.table for name, finding in _findings(source).items()}


def _gather_notes(source: Result | Judgement) -> tuple[str, ...]:
    """What a reader should know, also of the further tests; each note once, as a sentence."""
    further = [note for finding in _findings(source).values() for note in finding.notes]
    models = set(source.scores["model"].unique().to_list())
    return tuple(dict.fromkeys(_as_sentence(note, models) for note in (*source.notes, *further)))


def _findings(source: Result | Judgement) -> Mapping[str, Finding]:
    return getattr(source, "further", None) or {}


def _as_sentence(note: str, models: set[str]) -> str:
    """A note with a full stop, and a capital unless it begins with the name of a model."""
    first = note.split(" ", 1)[0]
    begun = note if first in models else f"{note[:1].upper()}{note[1:]}"
    return begun if begun.endswith((".", "!", "?")) else f"{begun}."


def _rows_of(source: Result | Judgement, name: str) -> pl.DataFrame | None:
    table: pl.DataFrame | None = getattr(source, name, None)
    return None if table is None or table.is_empty() else table


def _outlook_of(result: Result) -> pl.DataFrame | None:
    table = outlook_table(result) if result.outlook.height else None
    return None if table is None or table.is_empty() else table


def _candles_of(result: Result) -> pl.DataFrame | None:
    """Candles of the markets that were forecast; a result that was read back from its folder has none."""
    if result.candles.is_empty():
        return None
    return result.candles.filter(pl.col("market").is_in(result.parts["market"].unique().to_list()))


def tell_judgement(judgement: Judgement, *, command: str = "") -> Story:
    """What the report shows of somebody else's forecasts."""
    from coincast.forecasts.combine import add_ensembles

    models = {model.model for model in judgement.models}
    return Story(
        title="Forecasts from outside" if len(models) > 1 or UNNAMED in models else models.pop(),
        command=command,
        scores=judgement.scores,
        forecasts=add_ensembles(judgement.forecasts),
        intervals=judgement.intervals,
        calibration=_rows_of(judgement, "calibration"),
        full_interval=_rows_of(judgement, "full_interval"),
        further=_take_further(judgement),
        trials=getattr(judgement, "trials", None),
        notes=_gather_notes(judgement),
        sentences={(model.market, model.model): model.sentence for model in judgement.models},
        dates_are_targets=True,
    )


def write_judgement(judgement: Judgement, out: Path | None = None, *, command: str = "") -> Path:
    """Write the report of a judgement, its pictures and its tables.

    Args:
        judgement: what `judge` gave.
        out: the folder; else one is made under `./coincast-runs/`.
        command: the command that makes this report again.

    Returns:
        The page.

    Raises:
        UsageError: the folder holds something else, or cannot be written; nothing of it is touched.
    """
    from coincast.experiments.fingerprint import hash_code, hash_table
    from coincast.experiments.places import choose_place, claim_place
    from coincast.forecasts.table import write_table
    from coincast.reports.figures import write_figures
    from coincast.reports.html import write_report

    # The scores, too: the same forecasts with other quantiles are another judgement.
    judged = hash_table(judgement.forecasts) + hash_table(judgement.scores)
    fingerprint = hashlib.sha256(judged + hash_code()).hexdigest()
    folder = choose_place(out, "judge", fingerprint)
    claim_place(folder, fingerprint)
    story = tell_judgement(judgement, command=command)
    write_table(judgement.forecasts, folder / "forecasts.parquet", kind="forecasts")
    write_table(judgement.scores, folder / "scores.parquet", kind="scores")
    if judgement.intervals is not None:
        write_table(judgement.intervals, folder / "intervals.parquet", kind="intervals")
    for name, table in story.further.items():
        if not table.is_empty():
            write_table(table, folder / "further" / f"{name}.parquet", kind="further")
    write_figures(story, folder / "figures")
    return write_report(story, folder / "report.html")


def outlook_table(result: Result) -> pl.DataFrame:
    """Forecasts beyond the last candle: market, model, quantity, target_time, value, low, high, naive, and quantiles.

    `low, high` hold nine of ten runs of a network (quantiles 5 % and 95 %): how much its seeds differ, not where the
    price will be with 90 % probability. Null for models without runs. `naive` is the last close for a price, 0 for a
    log return, and what the forecasts' own column `naive` tells for a direction and a volatility. Of a price `q05` to
    `q95` are its calibrated interval and `naive_q05` to `naive_q95` the naive one (`add_bands`).
    """
    from coincast.forecasts.combine import ENSEMBLE

    rows, quantity = result.outlook, pl.col("quantity")
    if "naive" not in rows.columns:
        rows = rows.with_columns(pl.lit(None, dtype=pl.Float64).alias("naive"))
    naive = pl.when(quantity == "price").then("last_close").when(quantity == "log_return").then(0.0).otherwise("naive")
    spread = (
        rows.filter(pl.col("run") > 0)
        .group_by("market", pl.col("model") + ENSEMBLE, "target_time")
        .agg(low=pl.col("value").quantile(0.05, "linear"), high=pl.col("value").quantile(0.95, "linear"))
    )
    single = rows.filter((pl.col("run") == 0) | (pl.col("run").n_unique().over("market", "model") == 1))
    table = (
        single.filter(pl.col("model") != "naive", pl.col("value").is_not_null())
        .join(spread, on=["market", "model", "target_time"], how="left")
        .with_columns(naive=naive)
        .select(
            *("market", "interval", "model", "quantity", "origin", "step", "target_time"),
            *("value", "low", "high", "naive"),
        )
        .sort("market", "model", "target_time", maintain_order=True)
    )
    return add_bands(table, result)


def _facts(result: Result) -> dict[str, str]:
    import coincast

    networks = result.runs.filter(pl.col("parameters") > 0)
    facts = {"fingerprint": result.fingerprint} if result.fingerprint else {}
    for file in result.files:
        kind, name = next(iter(file.items()))
        market = f" of {file['market']}" if "market" in file else ""
        facts[f"{kind} {name}"] = f"{file['rows']:,} rows{market}, sha256 {file['sha256']!s:.16}"
    if networks.height:
        runs = networks.select("market", "model", "run").n_unique()
        fits = f", {networks.height} fits in all" if networks.height > runs else ""
        facts["runs trained"] = f"{runs} with {max(networks['parameters'].to_list()):,} parameters each{fits}"
    facts["time"] = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in result.seconds.items())
    facts["versions"] = f"coincast {coincast.__version__}, Python {platform.python_version()}, polars {pl.__version__}"
    return facts
