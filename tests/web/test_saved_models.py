"""Saved models are found where the loop keeps them, opened once, and asked about the newest stored candles."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from coincast.errors import DataError, UnreadableFileError
from coincast.live.places import live_places
from coincast.web.ids import market_id
from coincast.web.site import Site

MARKET = "simulated:WALK1/USD"
WALK = market_id(MARKET, "1d")


class RepeatsLast:
    """Says the last close again, and counts how often it is asked."""

    rows, interval, horizon, trained_until = 50, "1d", 1, 0
    verdict, sentence, fingerprint = "not distinguishable", "It repeats the last close.", "f" * 64
    markets, models = (MARKET,), ()

    def __init__(self) -> None:
        self.asked: list[pl.DataFrame] = []

    def forecast(self, candles: pl.DataFrame, market: str) -> Any:
        self.asked.append(candles)
        if market != MARKET:
            raise DataError(f"unknown market {market}")
        last = candles.tail(1).select(origin="close_time", target_time="close_time", value="close", naive="close")
        told = last.with_columns(model=pl.lit("naive"), step=1, q05=0.9 * pl.col("value"), naive_q05=None)
        return SimpleNamespace(outlook=told, trained_until=0, verdict=self.verdict, sentence=self.sentence, notes=())


@pytest.fixture
def model(home: Path, monkeypatch: pytest.MonkeyPatch) -> RepeatsLast:
    """A model of the loop, and a folder beside it that is broken."""
    for name in ("20260101000000", "20260102000000"):
        folder = live_places().models / "plan" / name
        folder.mkdir(parents=True)
        (folder / "live.json").write_text("{}", encoding="utf-8")
    made = RepeatsLast()

    def load(folder: Path) -> RepeatsLast:
        if folder.name.startswith("20260102"):
            raise UnreadableFileError("broken")
        return made

    monkeypatch.setattr("coincast.live.models.load_live", load, raising=False)
    return made


def test_a_saved_model_answers_from_the_newest_candles(
    client: Any, site: Site, model: RepeatsLast, candles: pl.DataFrame
) -> None:
    [told] = client.json("models")["items"]
    assert (told["markets"], told["verdict"]) == ([MARKET], model.verdict)
    answer = client.json(f"models/{told['id']}/forecast", params={"market_id": WALK})
    [step] = answer["steps"]
    assert (step["value"], step["naive"]) == (candles["close"][-1],) * 2
    assert step["quantiles"] == {"q05": pytest.approx(0.9 * candles["close"][-1])}
    assert step["naive_quantiles"] is None
    assert answer["origin"] == candles["close_time"].to_physical()[-1]
    assert model.asked[0].equals(candles.select(model.asked[0].columns).tail(50))
    client.json(f"models/{told['id']}/forecast", params={"market_id": WALK})
    assert len(model.asked) == 1  # nothing has changed since


def test_what_is_no_model_and_what_it_does_not_know(client: Any, model: RepeatsLast, candles: pl.DataFrame) -> None:
    [told] = client.json("models")["items"]
    for given in ("s0000000000000000", "..", "plan"):
        assert client.get(f"/api/v1/models/{given}/forecast?market_id={WALK}").status_code in (404, 422)
    unknown = client.get(f"/api/v1/models/{told['id']}/forecast?market_id=m0000000000000000")
    assert unknown.status_code == 404


def test_a_model_that_says_nothing_says_why(client: Any, model: RepeatsLast, candles: pl.DataFrame) -> None:
    lost = {MARKET: "every run of its network failed"}
    [told] = client.json("models")["items"]
    model.forecast = lambda given, market: SimpleNamespace(  # type: ignore[method-assign]
        outlook=given.clear().with_columns(model=pl.lit("lstm"), step=1), missing=lost
    )
    answer = client.get(f"/api/v1/models/{told['id']}/forecast?market_id={WALK}")
    assert answer.status_code == 422
    assert lost[MARKET] in answer.json()["error"]["message"]
