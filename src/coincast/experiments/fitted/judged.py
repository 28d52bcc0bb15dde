"""Train networks on all candles, and judge the same settings without the newest ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from coincast.errors import UsageError
from coincast.experiments.bands import learn_moves
from coincast.experiments.entries import ModelEntry, is_network
from coincast.experiments.fingerprint import hash_candles, hash_code
from coincast.experiments.fitted.evidence import Evidence, Verdict
from coincast.experiments.fitted.fit import fit_spec
from coincast.experiments.fitted.model import FittedModel
from coincast.experiments.forecast import with_intervals
from coincast.experiments.run import run_experiment
from coincast.experiments.spec import Spec
from coincast.experiments.story import say
from coincast.forecasts.combine import ENSEMBLE
from coincast.scores.verdict import deciding_rows

if TYPE_CHECKING:
    from coincast.experiments.fit import OnProgress
    from coincast.experiments.result import Result


def fit_judged(spec: Spec, candles: pl.DataFrame, *, on_progress: OnProgress | None = None) -> list[FittedModel]:
    """Train every network of a spec on all candles; each carries the verdict and the moves of the same settings.

    Two trainings: one as `compare` does it, which is judged on the test span of the spec and tells how far errors
    reach, and one that knows every candle. Only a network that stops early holds validation rows back in the second.

    Args:
        spec: one setting of each model.
        candles: what `choose_candles` gave.
        on_progress: told the label and the progress of every training.

    Raises:
        UsageError: no network in the spec.
        DataError: the candles do not suffice.
    """
    networks = [entry for entry in spec.models if is_network(entry)]
    if not networks:
        labels = ", ".join(entry.label for entry in spec.models)
        raise UsageError(f"only networks are kept, and the spec has {labels}; add one, such as lstm")
    spec = with_intervals(spec)
    result = run_experiment(spec, candles, on_progress=on_progress)
    made = _tell_making(candles)
    fitted = [fit_spec(_alone(spec, entry), candles, on_progress=on_progress) for entry in networks]
    return [replace(one, evidence=gather_evidence(result, one.label, made)) for one in fitted]


def gather_evidence(result: Result, label: str, made: dict[str, Any]) -> Evidence:
    """What an experiment says of one of its models.

    Args:
        result: the experiment.
        label: of the model.
        made: plain facts of how the fitted model was made.
    """
    names = (label, label + ENSEMBLE)
    rows = deciding_rows(result.scores).filter(pl.col("model").is_in(names), pl.col("verdict").is_not_null())
    moves = {market: one for (market, model), one in learn_moves(result).items() if model in names}
    return Evidence(tuple(_verdict_of(result, row) for row in rows.iter_rows(named=True)), moves, made)


def _verdict_of(result: Result, row: dict[str, Any]) -> Verdict:
    own = pl.col("market") == row["market"], pl.col("model") == row["model"]
    targets = result.forecasts.filter(*own)["target_time"].to_physical()
    covered = result.scores.filter(
        *own, pl.col("metric").str.starts_with("coverage_"), pl.col("subset") == "all", pl.col("step") == 0
    )
    percents = covered["metric"].str.strip_prefix("coverage_")
    return Verdict(
        **{name: row[name] for name in ("market", "model", "verdict", "skill", "low", "high", "p_holm", "n")},
        first=int(targets.min()),  # type: ignore[arg-type]
        last=int(targets.max()),  # type: ignore[arg-type]
        coverage=dict(zip(percents, covered["value"], strict=True)),
        sentence=say(result.scores, row),
    )


def _alone(spec: Spec, entry: ModelEntry) -> Spec:
    """A network by itself, on every candle but those that choose its epoch."""
    values = {**spec.to_dict(), "models": [entry]}
    if not spec.training.patience:
        values["split"] = {**values["split"], "validation": 0}
        values["judge"] = {**values["judge"], "intervals": "none"}
    return Spec.from_dict(values)


def _tell_making(candles: pl.DataFrame) -> dict[str, Any]:
    import coincast

    spans = candles.group_by("market", maintain_order=True).agg(
        rows=pl.len(), first=pl.col("open_time").min(), last=pl.col("close_time").max()
    )
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "package": coincast.__version__,
        "code": hash_code().hex(),
        "data": hash_candles(candles).hex(),
        "markets": [
            {**row, "first": row["first"].isoformat(), "last": row["last"].isoformat()} for row in spans.to_dicts()
        ],
    }
