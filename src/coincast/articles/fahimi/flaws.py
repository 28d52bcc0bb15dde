"""What was wrong, and what it did to the figures."""

from __future__ import annotations

from collections.abc import Callable

from coincast.articles.fahimi import published
from coincast.articles.fahimi.days import VALIDATION_SHARE
from coincast.articles.fahimi.errors import persistence_of
from coincast.articles.fahimi.work import Work
from coincast.reports.numbers import percent
from coincast.reports.study import Flaw


def list_flaws(work: Work) -> tuple[Flaw, ...]:
    """The article's, each with its own figures on these candles."""
    days, candle = work.days, work.days.candle
    lost = len(days.test) - len(days.windows("test"))
    moved = "Each version here has the rows of its day; " if work.ends_differ else ""

    def each(tell: Callable[[int], str]) -> str:
        return "; ".join(f"{name} {tell(market)}" for market, name in enumerate(days.names))

    naive = each(lambda market: f"{persistence_of(days, market).mae:.4f}")
    windows = each(lambda m: f"{persistence_of(days, m).mae:.4f} to {persistence_of(work.narrow, m).mae:.4f}")
    regime = each(lambda m: f"{persistence_of(days, m, 'train').mse:.4f} and {persistence_of(days, m).mse:.4f}")
    above = each(lambda m: f"{(days.targets(m, 'train') > 1).sum():,} of {len(days.windows('train')):,}")
    return (
        Flaw("No naive forecast is shown.", f"Copying the last close has an error of {naive} on the same windows."),
        Flaw(
            "The test span is the validation span, and all settings were chosen while it was watched.",
            "Not measured in this way of working."
            if work.result is None
            else f"The fair twin chooses its epoch on the last {percent(VALIDATION_SHARE, digits=0)} of the training "
            "rows; it inherits the rest.",
        ),
        Flaw(
            "The second update compares losses of two windows, which are in two units.",
            f"Going from {days.lookback} {candle}s to {work.narrow.lookback} changes the error of the last close, "
            f"which has no network: {windows}.",
        ),
        Flaw("The output is a tanh, which cannot exceed 1.", f"Training targets above 1: {above}."),
        Flaw(
            'Values are said to lie "between 0 and 1".',
            "They are relative changes, of volumes without any bound; the chapter on the data has their range.",
        ),
        Flaw('The training panel is labelled "Price" and shows relative changes.', "Here the axis says what is drawn."),
        Flaw(
            "Millions of parameters for a few hundred windows, and a gap of losses that is read as overfitting.",
            f"The last close, too, has other squared errors on training than on test windows: {regime}.",
        ),
        Flaw(
            "Shuffling is switched off to keep the order of time, in a network that resets its states.",
            "It fixes the order of batches, and adds no memory.",
        ),
        Flaw(
            f"A dropout of {published.NO_DROPOUT} was taken in silence.",
            "Nothing was dropped. Here a rate outside 0 to 1 is refused.",
        ),
        Flaw(
            "A volume that is unknown becomes 0, and may be what a window is divided by.",
            "An unknown one is 0 here, too, in both ways; but a window that begins with 0 is divided by its mean.",
        ),
        Flaw(
            f"The split is {percent(published.TRAINING_SHARE, digits=0)} of whatever rows there are, so that the test "
            "span moves with the day of the run.",
            f"{moved}{lost} test {candle}s are never forecast.",
        ),
        Flaw("The opening price is drawn as the closing price.", "Here every chart is called what it is."),
    )
