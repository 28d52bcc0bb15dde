"""What was wrong with the published way, and what each of it does to the figures of these candles."""

from __future__ import annotations

from collections.abc import Callable

from coincast.articles.remains import join_words, judged_row
from coincast.articles.sheehan import published
from coincast.articles.sheehan.comparison import LSTM
from coincast.articles.sheehan.ground import Coin, Ground
from coincast.articles.sheehan.walks import score_walks, yardsticks
from coincast.articles.sheehan.work import Work
from coincast.reports.numbers import percent, things
from coincast.reports.study import Flaw

UNMEASURED = "Not measured in this way of working."


def list_flaws(work: Work) -> tuple[Flaw, ...]:
    """The flaws, the decisive one first."""
    ground = work.ground
    known = {coin.name: yardsticks(coin) for coin in ground.coins}
    return (
        _unfair_walk(ground),
        _beaten_by_lag(work, known),
        *_unit_flaws(ground, known),
        *_way_flaws(work),
        *_small(ground),
    )


def _each(ground: Ground, tell: Callable[[Coin], str]) -> str:
    return "; ".join(f"{coin.name} {tell(coin)}" for coin in ground.coins)


def _unfair_walk(ground: Ground) -> Flaw:
    def tell(coin: Coin) -> str:
        scores = score_walks(coin, published.SEEDS)
        told, corrected = (float(scores[name].to_numpy().mean()) for name in ("article", "corrected"))
        return f"{told:.4f} as published, {corrected:.4f} begun at the last price"

    return Flaw(
        f"The random walk's step of one {ground.candle} is scored against a change over {published.LOOKBACK}, so it is "
        "never told the last price, which the network is. This decides the article.",
        f"Its mean error: {_each(ground, tell)}.",
    )


def _beaten_by_lag(work: Work, known: dict[str, dict[str, float]]) -> Flaw:
    def tell(coin: Coin) -> str:
        lag = f"lag {known[coin.name]['lag']:.4f}, regression on the window {known[coin.name]['regression']:.4f}"
        return lag if work.faithful is None else f"LSTM {work.faithful.comparison.median(coin.market):.4f}, {lag}"

    return Flaw("The lag model is drawn, and its error is never told.", f"{_each(work.ground, tell)}.")


def _unit_flaws(ground: Ground, known: dict[str, dict[str, float]]) -> tuple[Flaw, ...]:
    word, lookback = ground.candle, published.LOOKBACK
    explained = _each(ground, lambda coin: percent(coin.explained, digits=0))

    def tell(name: str) -> str:
        return _each(ground, lambda coin: f"{known[coin.name][name]:.4f}")

    return (
        Flaw(
            "Noise is added to a forecast. That can only raise its expected error; a walk is a maker of scenarios.",
            f"The same drift without the noise: {tell('drift')}.",
        ),
        Flaw(
            f"The error is divided by a price that is {lookback} {word}s old, so figures of other windows and "
            "coins cannot be compared.",
            f'"No change since the window began" scores {tell("still")}.',
        ),
        Flaw(
            f"The target contains what is known: {lookback - 1} of its {lookback} {word}s have passed when the "
            "forecast is made.",
            f"Share of the target's variance that the copy of the last price explains: {explained}.",
        ),
    )


def _way_flaws(work: Work) -> tuple[Flaw, ...]:
    ground, first = work.ground, work.ground.coins[0]
    chosen = "The fair chapter chooses the epoch on rows before the test." if work.fair else UNMEASURED
    five = "Both stand in the chapter on five steps." if work.faithful else UNMEASURED
    tested, forecast = len(first.task.parts.test), len(first.task.test)
    skips = [
        f"the first {published.LOOKBACK} test {ground.candle}s are never forecast",
        "one training window too many is dropped for five steps",
    ]
    if rest := forecast % published.STEPS:
        skips.append(f"{things(rest, ground.candle)} at the end stand in no segment")
    own = "" if work.fair is None else f"; the fair way forecasts {judged_row(work.fair, first.market, LSTM)['n']}"
    return (
        Flaw("There is one split and no validation part, so that every choice is made on the test.", chosen),
        Flaw(
            "The walk on show has a hand-picked seed, as the author says.",
            f"Where seeds {published.SLIDER[0]} to {published.SLIDER[-1]} of his slider end is drawn in the chapter on "
            "random walks.",
        ),
        Flaw(
            "Only NumPy's generator is seeded, and the second coin goes on with the draws that the first one left.",
            "Every run here has a key of its own; the published single runs cannot be had bit by bit, their "
            "spread can.",
        ),
        Flaw(
            f"Rows are left out: {join_words(skips)}.",
            f"{forecast} of {tested} test {ground.candle}s are forecast{own}.",
        ),
        Flaw("Five-step forecasts get neither a figure nor an opponent.", five),
        Flaw(
            "Mean and deviation of the walk are of changes from open to close, and used from close to close.",
            f"Median gap between a close and the next open: {_open_gap(ground)}.",
        ),
    )


def _open_gap(ground: Ground) -> str:
    def tell(coin: Coin) -> str:
        candles = coin.task.samples.candles
        gap = (candles["open"].shift(-1) / candles["close"] - 1).abs().median()
        return "unknown" if gap is None else f"{10_000 * float(gap):.1f} basis points"  # type: ignore[arg-type]

    return _each(ground, tell)


def _small(ground: Ground) -> tuple[Flaw, ...]:
    ranges = int((ground.candles["high"] == ground.candles["low"]).sum())
    zeros = 0 if ground.volume is None else int((ground.filled[ground.volume] == 0).sum())
    return (
        Flaw(
            "close_off_high is described upside down: its formula gives -1 at the high and +1 at the low.",
            "None on the figures; the words are wrong.",
        ),
        Flaw(
            "Divisions are not guarded: a candle without a range, and a window whose first volume is 0.",
            f"Here {things(ranges, 'candle')} without a range, whose close_off_high is 0, and "
            f"{things(zeros, 'volume')} of 0 or unknown; for a first volume of 0 the mean of its window is taken.",
        ),
        Flaw(
            "A chart draws the open and says close, and the slider calls a random walk the actual price.",
            "Here every line is called what it is.",
        ),
    )
