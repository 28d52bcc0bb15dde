"""Files out of the ledger, read with other eyes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import coincast as cc
from coincast.errors import UsageError
from coincast.live.ledger import Ledger, append_forecast, export_ledger, forecast_table, score_table

Filled = Callable[..., Path]


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".jsonl"])
def test_forecasts_and_scores(filled: Filled, maker: Any, tmp_path: Path, ending: str) -> None:
    reading = {".csv": pl.read_csv, ".parquet": pl.read_parquet, ".jsonl": pl.read_ndjson}[ending]
    with Ledger.open(filled(), write=True) as ledger:
        append_forecast(ledger, maker.forecast(5), maker.origin(6))
        assert export_ledger(ledger, tmp_path / f"f{ending}") == 5
        assert export_ledger(ledger, tmp_path / f"o{ending}", on_time=True) == 4
        assert export_ledger(ledger, tmp_path / f"s{ending}", what="scores") == 3
        table, scores = forecast_table(ledger, quantiles=True), score_table(ledger)
    forecasts, scored = reading(tmp_path / f"f{ending}"), reading(tmp_path / f"s{ending}")
    assert set(forecasts.columns) == set(table.columns) >= {"q05", "naive_q95", "actual", "late"}
    assert forecasts["q95"].to_list() == table["q95"].to_list()
    assert forecasts["late"].to_list() == [False] * 4 + [True]
    assert scored["error"].to_list() == scores["error"].to_list()
    if ending != ".parquet":
        assert forecasts["origin"][0] == f"{table['origin'][0]:%Y-%m-%dT%H:%M:%S}.000Z"


def test_what_is_exported_can_be_judged(filled: Filled, tmp_path: Path) -> None:
    with Ledger.open(filled(30), write=False) as ledger:
        export_ledger(ledger, tmp_path / "f.csv", on_time=True)
    judged = cc.judge(tmp_path / "f.csv")
    assert (judged.models[0].model, judged.models[0].n) == ("lstm", 29)


def test_entries_verify_with_ten_lines(filled: Filled, tmp_path: Path) -> None:
    with Ledger.open(filled(), write=False) as ledger:
        count = export_ledger(ledger, tmp_path / "chain.jsonl", what="entries")
        head = ledger.head()
    previous = "0" * 64
    for line in (tmp_path / "chain.jsonl").read_text().splitlines():
        row = json.loads(line)
        parts = ["coincast-ledger", 1, row["number"], row["kind"], row["made_at"], row["body"], previous]
        previous = hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()
        assert row["hash"] == previous
    assert (row["number"], previous) == (count, head.hash)


def test_what_is_refused(filled: Filled, tmp_path: Path) -> None:
    (tmp_path / "there.csv").write_text("mine")
    with Ledger.open(filled(), write=False) as ledger:
        for out, options in (
            ("there.csv", {}),
            ("x.xlsx", {}),
            ("x", {}),
            ("x.csv", {"what": "everything"}),
            ("x.csv", {"what": "entries"}),
            ("x.csv", {"market": "a:B/C"}),
            ("x.jsonl", {"what": "entries", "market": "a:B/C"}),
        ):
            with pytest.raises(UsageError):
                export_ledger(ledger, tmp_path / out, **options)
        assert (tmp_path / "there.csv").read_text() == "mine"
        export_ledger(ledger, tmp_path / "there.csv", replace=True)
    assert pl.read_csv(tmp_path / "there.csv").height == 4
