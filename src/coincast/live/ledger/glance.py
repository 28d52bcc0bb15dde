"""The ledger at a glance: its head, the newest forecasts, the verdicts of now, the newest outages."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from coincast.live.ledger.entry import Head
from coincast.live.ledger.ledger import Ledger
from coincast.live.ledger.running import CAUTION, Running, running
from coincast.live.ledger.tables import check_market, forecast_table, outage_table

MOST_OUTAGES = 5


@dataclass(frozen=True)
class Glance:
    """What a reader wants to know first.

    Attributes:
        head: the newest entry.
        forecasts: the newest ones, `forecast_table`.
        verdicts: of now.
        outages: the newest ones, `outage_table`.
    """

    head: Head
    forecasts: pl.DataFrame
    verdicts: list[Running]
    outages: pl.DataFrame

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "head": asdict(self.head),
            "forecasts": self.forecasts.to_dicts(),
            "verdicts": [asdict(one) for one in self.verdicts],
            "caution": CAUTION,
            "outages": self.outages.to_dicts(),
        }


def glance(ledger: Ledger, *, market: str | None = None, last: int = 10) -> Glance:
    """Look at a ledger.

    Args:
        ledger: any.
        market: only at this market; Holm's adjustment stays that over the whole ledger.
        last: how many forecasts.

    Raises:
        UnknownNameError: no entry speaks of that market.
    """
    check_market(ledger, market)
    return Glance(
        head=ledger.head(),
        forecasts=forecast_table(ledger, market=market, last=last, quantiles=True),
        verdicts=[one for one in running(ledger) if market in (None, one.market)],
        outages=outage_table(ledger, market).tail(MOST_OUTAGES),
    )
