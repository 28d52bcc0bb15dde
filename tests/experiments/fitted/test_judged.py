"""Models that carry what the same settings were worth."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import polars as pl
import pytest

import coincast as cc
from coincast.errors import UnreadableFileError
from coincast.experiments.fitted.evidence import describe_evidence
from coincast.experiments.fitted.fit import fit
from coincast.experiments.fitted.loading import load
from coincast.experiments.fitted.model import FittedModel
from coincast.experiments.fitted.plain import open_model

SMALL = {"lookback": 3, "epochs": 2, "batch_size": 16, "learning_rate": 0.01, "test": 0.3, "horizon": 2}


@pytest.fixture(scope="module")
def judged(echo: pl.DataFrame) -> FittedModel:
    """Two runs of a linear network."""
    return fit(echo, cc.Linear(), seeds=2, judged=True, **SMALL)


def test_the_verdict_is_that_of_a_comparison(judged: FittedModel, echo: pl.DataFrame) -> None:
    result = cc.compare(echo, models=[cc.Linear(), "naive"], seeds=2, validation=0.2, intervals="split", **SMALL)
    assert judged.evidence is not None
    (verdict,) = judged.evidence.verdicts
    assert (verdict.verdict, verdict.sentence) == (result.verdict, result.sentence)
    assert verdict.skill == result.headline["skill"]
    targets = result.forecasts["target_time"].dt.epoch("ms")
    assert (verdict.first, verdict.last) == (targets.min(), targets.max())
    covered = result.scores.filter(metric="coverage_90", model="linear.ensemble", subset="all", step=0)
    assert verdict.coverage["90"] == covered["value"].item()
    assert verdict.sentence in judged.sentence


def test_it_has_learnt_from_every_candle_all_the_same(judged: FittedModel, echo: pl.DataFrame) -> None:
    plain = fit(echo, cc.Linear(), seeds=2, **SMALL)
    assert judged.markets[0].candles == echo.height
    assert judged.forecast().table.equals(plain.forecast().table)
    assert plain.evidence is None


def test_rows_that_choose_the_epoch_are_held_back(echo: pl.DataFrame) -> None:
    model = fit(echo, cc.Linear(), seeds=1, judged=True, validation=40, patience=1, **SMALL)
    assert model.markets[0].candles == echo.height  # the ones that chose the epoch are known, too
    assert model.trained.validation_losses is not None


def test_evidence_comes_back_from_a_folder(judged: FittedModel, tmp_path: Path) -> None:
    wanted = describe_evidence(judged.evidence)
    folder = judged.save(tmp_path)
    opened = open_model(folder)
    assert opened is not None
    assert describe_evidence(load(folder).evidence) == describe_evidence(opened.evidence) == wanted
    json.dumps(wanted, allow_nan=False)


def test_evidence_of_something_else_is_refused(judged: FittedModel, tmp_path: Path) -> None:
    evidence = judged.evidence
    assert evidence is not None
    ((market, moves),) = evidence.moves.items()
    for other, words in (
        (dataclasses.replace(evidence, moves={"else:A/B": moves}), r"\(evidence.moves\)"),
        (dataclasses.replace(evidence, moves={market: dataclasses.replace(moves, steps=(1, 3))}), market),
        (dataclasses.replace(evidence, moves={market: dataclasses.replace(moves, method="guess")}), market),
        (dataclasses.replace(evidence, moves={market: dataclasses.replace(moves, moves=moves.moves[:1])}), market),
    ):
        folder = dataclasses.replace(judged, evidence=other).save(tmp_path)
        for read in (load, open_model):
            with pytest.raises(UnreadableFileError, match=words):
                read(folder)
