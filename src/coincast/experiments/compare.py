"""Compare models with the naive forecast on the same test span: the main job, from Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from coincast.errors import UsageError
from coincast.experiments.folder import FolderRun
from coincast.experiments.result import Result
from coincast.experiments.run import run_experiment
from coincast.experiments.spec import Spec
from coincast.experiments.story import say
from coincast.experiments.summary import list_further


def compare(candles: Any, *, spec: Spec | str | Path | None = None, **settings: Any) -> Result:
    """Train models, forecast a test span, and score every forecast beside the naive one.

    Args:
        candles: a candle table (see `read_candles`), a pandas or polars frame, or a file.
        spec: a spec or the path of one; without it the keywords make one.
        **settings: models (names or settings), grid, and any key of a spec's sections, as docs/spec.md lists them:
            lookback, horizon, features, test, validation, epochs, batch_size, loss, patience, seeds, markets ...

    Returns:
        The result, in memory.

    Raises:
        UsageError: an unknown keyword, model, feature or value.
        DataError: candles that cannot be read or do not suffice.

    Example:
        >>> import coincast as cc
        >>> candles = cc.simulate("echo", skill=0.1, candles=400, seed=1)
        >>> result = cc.compare(candles, models=["ar", "oracle"], test=0.5)
        >>> result.leaderboard["model"].to_list()[-1]
        'naive'
    """
    if spec is not None and settings:
        raise UsageError(f"compare takes a spec or keywords, not both; given with the spec: {', '.join(settings)}")
    if spec is None:
        spec = Spec.from_keywords(**settings)
    elif not isinstance(spec, Spec):
        spec = Spec.from_toml(spec)
    return run_experiment(spec, as_candles(candles, spec.data.outside))


def as_candles(candles: Any, outside: Sequence[str] = ()) -> pl.DataFrame:
    """A candle table from whatever a user holds, be it a table, a frame, a file or a list; outside series joined."""
    from coincast.experiments.gather import add_outside
    from coincast.sources.files import read_candle_files

    several = isinstance(candles, Sequence) and not isinstance(candles, str | bytes)
    return add_outside(read_candle_files(candles if several else [candles])[0], outside).candles


def describe_run(run: FolderRun) -> dict[str, Any]:
    """What `coincast compare --json` prints: the figures of the first market, and of every market in `markets`."""
    result = run.result
    markets = [_describe_market(result, row) for row in result.headlines]
    return {
        **markets[0],
        "sentences": list(result.sentences),
        "markets": markets,
        "inputs": result.inputs.to_dicts(),
        "leaderboard": result.leaderboard.to_dicts(),
        "scores": result.scores.to_dicts(),
        "further": list_further(result.further),
        "seconds": dict(result.seconds),
        "trials": result.trials,
        "winners": list(run.winners),
        "files": list(result.files),
        "notes": list(result.notes),
        "fingerprint": result.fingerprint,
        "folder": str(run.folder),
        "report": str(run.report),
        "was_finished": run.was_finished,
    }


def _describe_market(result: Result, headline: Mapping[str, Any]) -> dict[str, Any]:
    """Figures of one market; `parameters` and `train_loss` (last epoch, mean over runs) are of its first network."""
    market = headline["market"]
    parts = {row["part"]: row for row in result.parts.filter(pl.col("market") == market).iter_rows(named=True)}
    figures: dict[str, Any] = {"market": market, "rows": sum(part["rows"] for part in parts.values())}
    for name, part in parts.items():
        figures |= {f"{name}_rows": part["rows"], f"{name}_windows": part["windows"]}
    networks = result.runs.filter(pl.col("market") == market, pl.col("parameters") > 0)
    losses = result.history.filter(pl.col("market") == market, pl.col("model") == (networks["model"].first() or ""))
    return {
        **figures,
        "parameters": networks["parameters"].first() or 0,
        "train_loss": losses.filter(pl.col("epoch") == pl.col("epoch").max())["loss"].mean(),
        "verdict": headline["verdict"],
        "sentence": say(result.scores, headline),
    }
