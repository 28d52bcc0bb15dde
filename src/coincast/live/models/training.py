"""Training of live models: all candles to learn from, and the same settings judged without the newest ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from coincast.errors import UsageError
from coincast.experiments.fingerprint import hash_candles
from coincast.experiments.fitted.judged import fit_judged
from coincast.experiments.tasks import choose_candles
from coincast.live.models.folder import save_live
from coincast.live.models.model import LiveModel

if TYPE_CHECKING:
    from coincast.experiments.fit import OnProgress
    from coincast.experiments.spec import Spec


def train_live(
    spec: Spec, candles: pl.DataFrame, folder: str | Path, *, on_progress: OnProgress | None = None
) -> LiveModel:
    """Train the networks of a spec on all candles, with calibrated intervals and the verdict on the same settings.

    Args:
        spec: its networks are trained; its other models are opponents in the verdict. Where it asks for no intervals,
            they are calibrated on a validation part.
        candles: of all markets that it needs.
        folder: where the models are kept; written whole, or left as it was.
        on_progress: told the label and the progress of every training.

    Raises:
        UsageError: a spec without a network or with a grid, or a folder that cannot be written.
        DataError: the candles do not suffice.
    """
    if spec.grid:
        raise UsageError(f"one setting is kept, and grid has {', '.join(spec.grid)}; choose one with compare first")
    chosen = choose_candles(candles, spec.data)
    models = fit_judged(spec, chosen, on_progress=on_progress)
    return save_live(models, folder, data=hash_candles(chosen).hex())
