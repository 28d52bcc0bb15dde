"""The further tests in a few lines, in good grammar whatever their number."""

from __future__ import annotations

import polars as pl
import pytest

from coincast.experiments.summary import list_further, summarise_further
from coincast.scores.finding import Finding


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (["not distinguishable"], "AR forecast is not distinguishable from naive"),
        (["better"], "AR forecast is better (+2 %)"),
        (["better", "not distinguishable"], "AR forecast is better (+2 %); 1 of 2 models is not distinguishable"),
        (["not distinguishable"] * 2, "2 of 2 models are not distinguishable from naive"),
    ],
)
def test_one_and_several_models_over_all_markets(verdicts: list[str], said: str) -> None:
    rows = [
        {"interval": "1d", "quantity": "price", "model": model, "skill": 0.02, "verdict": verdict, "markets": 3}
        for model, verdict in zip(("ar", "ets"), verdicts, strict=False)
    ]
    steps = pl.DataFrame(schema={"step": pl.Int64(), "verdict": pl.String()})
    lines = summarise_further({"pooled": Finding(pl.DataFrame(rows)), "steps": Finding(steps)})
    assert len(lines) == 1
    assert lines[0].startswith(f"Over 3 markets together: {said}")


def test_a_test_whose_package_is_missing_has_no_line() -> None:
    missing = Finding(pl.DataFrame(), ("arch is not installed, and this needs it",))
    assert summarise_further({"pooled": missing, "steps": missing}) == []
    assert list_further({"pooled": missing}) == {"pooled": {"rows": [], "notes": list(missing.notes)}}
