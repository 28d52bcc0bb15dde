"""`coincast demo` from the shell, on smaller markets than the real ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coincast.experiments import demo
from coincast.experiments.spec import Spec


@pytest.fixture
def smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = demo.demo_spec

    def spec(seed: int = 0) -> Spec:
        values = plain(seed).to_dict()
        values["models"] = ["oracle", "drift"]
        return Spec.from_dict(values)

    monkeypatch.setattr(demo, "demo_spec", spec)


@pytest.mark.usefixtures("smaller")
def test_both_markets_are_told(coincast: Callable[..., Any], elsewhere: Path) -> None:
    answer = coincast("demo", "--seed", 3)
    assert answer.code == 0
    assert "simulated:WALK1/USD: The oracle" in answer.out
    assert "simulated:ECHO1/USD: The oracle" in answer.out
    assert answer.out.splitlines()[-1].startswith("report: coincast-runs/demo-")
    document = coincast("demo", "--seed", 3, "--json").json
    assert document["was_finished"] is True
    words = {market["market"]: market["verdict"] for market in document["markets"]}
    assert words == {"simulated:WALK1/USD": "not distinguishable", "simulated:ECHO1/USD": "better"}
