"""The first job: article 0 (daily Bitcoin and Ethereum, 2016 to 2017) on the real files, by the shipped examples.

Expected figures are the article's, and those that the issue "The spine" states for its settings.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

FIRST, LAST = date(2016, 1, 1), date(2017, 5, 31)
EXPECTED = {
    "eth": {"naive": 0.0417, "mean": (0.043, 0.051), "train_loss": 0.0625},
    "btc": {"naive": 0.0378, "mean": (0.0375, 0.0435), "train_loss": 0.0230},
}


def sum_volume(path: Path) -> int:
    """Volume over the training rows, straight from the file."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    volumes = {datetime.strptime(row["Date"], "%b %d, %Y").replace(tzinfo=UTC).date(): row["Volume"] for row in rows}
    return sum(
        int(volume.replace(",", "")) for day, volume in volumes.items() if FIRST <= day <= LAST and volume != "-"
    )


@pytest.fixture(scope="module", params=["eth", pytest.param("btc", marks=pytest.mark.long)])
def job(
    request: pytest.FixtureRequest,
    coincast_process: Callable[..., Any],
    shared_data: Path,
    project: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, Any, Path]:
    """Coin, answer and files of `coincast compare examples/COIN-daily.toml --json`."""
    files = shared_data / "cmc" / "kaggle2018"
    place = tmp_path_factory.mktemp(request.param)
    candles = [part for coin in ("bitcoin", "ethereum") for part in ("--candles", files / f"{coin}_price.csv")]
    spec = project / "examples" / f"{request.param}-daily.toml"
    return request.param, coincast_process("compare", spec, *candles, "--json", "--fresh", cwd=place), place


@pytest.mark.optimised
def test_article_0(job: tuple[str, Any, Path], shared_data: Path) -> None:
    coin, answer, place = job
    expected: dict[str, Any] = EXPECTED[coin]
    assert answer.code == 0, answer.err
    document = answer.json
    figures = ("rows", "train_rows", "test_rows", "train_windows", "test_windows", "parameters")
    assert [document[name] for name in figures] == [691, 517, 174, 507, 164, 2341]
    assert document["train_loss"] == pytest.approx(expected["train_loss"], rel=0.1)
    assert set(document["seconds"]) >= {"samples", "train", "score", "report"}
    assert (place / document["report"]).is_file()

    scores = document["scores"]
    whole = {"view": "every_origin", "subset": "all", "step": 0, "metric": "mae_window"}
    rows = [row for row in scores if all(row[key] == value for key, value in whole.items())]
    assert {row["model"] for row in scores} == {
        *("lstm", "lstm.ensemble", "naive", "drift", "ar", "average", "random_walk")
    }
    [naive] = [row for row in rows if row["model"] == "naive"]
    assert round(naive["value"], 4) == expected["naive"]
    runs = [row["value"] for row in rows if row["model"] == "lstm"]
    assert len(runs) == 25
    low, high = expected["mean"]
    assert low < sum(runs) / 25 < high
    [ensemble] = [row for row in document["leaderboard"] if row["model"] == "lstm.ensemble"]
    assert ensemble["verdict"] in ("not distinguishable", "worse")
    assert document["verdict"] == ensemble["verdict"]

    [volume] = [row for row in document["inputs"] if row["input"] == "BTC quote_volume"]
    assert volume["train_sum"] == sum_volume(shared_data / "cmc" / "kaggle2018" / "bitcoin_price.csv")
