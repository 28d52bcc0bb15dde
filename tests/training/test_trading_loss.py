"""What is learnt for profit earns more, by the rule it was learnt for: `proofs/trading_on_echo.py`, shortened."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

PROOF = runpy.run_path(str(Path(__file__).resolve().parents[2] / "proofs" / "trading_on_echo.py"))


@pytest.mark.optimised
def test_the_trading_loss_earns_more_after_cost_than_squared_errors() -> None:
    markets = PROOF["draw_markets"](3, candles=2_000)
    squared, trading = (PROOF["trade"](markets, loss, epochs=30, cost=0.01)["tanh"] for loss in ("mse", "trading"))
    assert squared.mean() > 0
    assert trading.mean() > squared.mean()
