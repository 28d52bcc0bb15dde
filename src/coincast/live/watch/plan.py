"""What is watched, with every time as a number of milliseconds and every market by its two names."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from coincast.candles.table import INTERVALS, Market, check_interval, parse_market
from coincast.errors import UsageError
from coincast.experiments.entries import is_network
from coincast.experiments.spec import Spec
from coincast.live.ledger import default_allowance
from coincast.live.simulation.prices import SimulatedMarket
from coincast.live.watch.section import WatchSpec
from coincast.sources.simulated import SOURCE as SIMULATED

LONGEST_INTERVAL = "1d"
"""Longer candles begin at other days on other exchanges, and one forecast a week is made by hand."""

LONGEST_GRACE = 10_000
LONGEST_SETTLE = 30_000


@dataclass(frozen=True)
class WatchedMarket:
    """A market by the name in the store and the ledger, and by the one that its exchange has for it."""

    name: str
    symbol: str


@dataclass(frozen=True)
class Plan:
    """Everything that the loop goes by.

    Attributes:
        spec: of the forecasts, with the names of the store.
        markets: that are watched.
        venue: their exchange.
        interval: of the candles.
        length: of a candle, as all times in milliseconds.
        grace, allowance, settle: after a close: when its candle is asked for, until when a forecast is on time, and
            from when its value counts.
        history: candles that are kept up to date.
        retrain: "daily", "drift", "never" or a number of candles.
        training_limit: seconds of real time.
    """

    spec: Spec
    markets: tuple[WatchedMarket, ...]
    venue: str
    interval: str
    length: int
    grace: int
    allowance: int
    settle: int
    history: int
    retrain: str | int
    training_limit: float

    @property
    def needs_all(self) -> bool:
        """Whether a forecast of one market needs the candles of all."""
        return self.spec.samples.inputs == "all"

    @property
    def digest(self) -> str:
        """Short name of what a model is trained by: another spec has another one."""
        text = json.dumps([self.spec.to_dict(), self.history], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def last_origin(self, now: int) -> int:
        """The newest close that is asked for by then."""
        return (now - self.grace) // self.length * self.length


def make_plan(given: WatchSpec, *, simulated: bool) -> Plan:
    """Resolve a spec.

    Args:
        given: the spec.
        simulated: whether its markets are replaced by simulated ones of similar names.

    Raises:
        UsageError: no market, markets of several exchanges, an interval above a day, outside data, or times that do
            not go together.
    """
    spec, watch = given.spec, given.watch
    interval = check_interval(spec.data.interval or "1d")
    _refuse_unfit(spec, interval)
    listed = [parse_market(name) for name in spec.data.markets]
    length = INTERVALS[interval]
    allowance = _milliseconds(watch.allowance, default_allowance(interval))
    grace = _milliseconds(watch.grace, min(allowance // 4, LONGEST_GRACE))
    settle = _milliseconds(watch.settle, min(length // 2, LONGEST_SETTLE))
    if not grace < allowance < length:
        raise UsageError(
            f"watch.grace is {grace / 1000:g} s and watch.allowance {allowance / 1000:g} s of a candle of "
            f"{length // 1000:,} s; grace must be shorter than the allowance, and that shorter than the candle"
        )
    if settle < grace:
        raise UsageError(f"watch.settle is {settle / 1000:g} s; it must not lie before watch.grace, {grace / 1000:g} s")
    markets = tuple(_watched(market, simulated=simulated) for market in listed)
    return Plan(
        spec=_rename(spec, interval, {str(old): new.name for old, new in zip(listed, markets, strict=True)}),
        markets=markets,
        venue=listed[0].source,
        interval=interval,
        length=length,
        grace=grace,
        allowance=allowance,
        settle=settle,
        history=watch.history,
        retrain=watch.retrain,
        training_limit=60 * watch.training_limit,
    )


def list_simulated(given: WatchSpec, plan: Plan) -> list[SimulatedMarket]:
    """What the local exchange lists for a plan of simulated markets."""
    kinds = given.watch.simulated
    return [
        SimulatedMarket(market.symbol, kinds[min(number, len(kinds) - 1)]) for number, market in enumerate(plan.markets)
    ]


def refuse_untrainable(spec: Spec) -> None:
    """Refuse a spec of which no training of the loop will ever make a model, before it tries again and again.

    Raises:
        UsageError: no network, or a grid.
    """
    if spec.grid:
        raise UsageError(
            f"watch trains one setting, and grid has {', '.join(spec.grid)}; choose one with compare first"
        )
    if not any(map(is_network, spec.models)):
        labels = ", ".join(entry.label for entry in spec.models)
        raise UsageError(f'watch trains networks, and models are {labels}; add one, such as name = "lstm"')


def _refuse_unfit(spec: Spec, interval: str) -> None:
    markets = spec.data.markets
    if not markets:
        raise UsageError('data.markets is empty; name what to watch, such as ["binance:BTC/USDT"]')
    venues = {parse_market(name).source for name in markets}
    if len(venues) > 1:
        raise UsageError(f"data.markets are of {', '.join(sorted(venues))}; one watch asks one exchange")
    if spec.data.candles or spec.data.outside:
        raise UsageError("data.candles and data.outside are not for watch, which takes candles from the exchange alone")
    if INTERVALS[interval] > INTERVALS[LONGEST_INTERVAL]:
        raise UsageError(f"data.interval is {interval}; watch takes candles of a day and shorter ones")
    if spec.samples.quantity != "price":
        raise UsageError(f"samples.quantity is {spec.samples.quantity!r}; the ledger takes forecasts of the price")


def _milliseconds(seconds: float | None, usual: int) -> int:
    return usual if seconds is None else round(1000 * seconds)


def _watched(market: Market, *, simulated: bool) -> WatchedMarket:
    if simulated:
        market = Market(SIMULATED, f"SIM{market.base}", market.quote)
    name = str(market)
    return WatchedMarket(name, name.removeprefix(f"{market.source}:"))


def _rename(spec: Spec, interval: str, names: dict[str, str]) -> Spec:
    targets = [names.get(str(parse_market(name)), name) for name in spec.samples.targets]
    return spec.vary({"data.markets": list(names.values()), "data.interval": interval, "samples.targets": targets})
