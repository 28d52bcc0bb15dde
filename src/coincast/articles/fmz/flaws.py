"""What was wrong with the article's way, and what it did to its figures."""

from __future__ import annotations

from coincast.articles.fmz import published
from coincast.articles.fmz.chapters import tell_beyond
from coincast.articles.fmz.hours import LENGTH
from coincast.articles.fmz.networks import ARTICLE
from coincast.articles.fmz.work import Work
from coincast.reports.numbers import amount, percent, quote_currency
from coincast.reports.study import Flaw

NOT_MEASURED = "Not measured here, since only the fair way was asked for."


def list_flaws(made: Work) -> tuple[Flaw, ...]:
    """The flaws in the order of the article, each with what was measured here."""
    hours = made.hours
    whole, fair = hours.scale_close(fair=False), hours.scale_close(fair=True)
    training, later = made.naive_losses()
    unit, rows, windows = quote_currency(hours.market), len(hours.close) - 1, len(hours.jumping_starts())
    flaws = [
        Flaw(
            "The score compares with a price that is nine candles older than the newest one known.",
            f"Copying the last close scores {percent(made.naive_share)}."
            + ("" if made.answer is None else f" Asked fairly, the network scores {percent(made.fair_share)}."),
        ),
        Flaw(
            "Every column is standardised over the whole data set, the test span included.",
            f"Training is told a mean close of {amount(whole[0], unit)} and a deviation of {amount(whole[1], unit)}; "
            f"its own rows have {amount(fair[0], unit)} and {amount(fair[1], unit)}.",
        ),
        Flaw(
            "Inputs and targets are levels, which a network cannot follow beyond what it saw.",
            NOT_MEASURED if made.learnt is None else tell_beyond(made, made.learnt),
        ),
        Flaw(
            "No naive forecast stands beside the loss or beside the score.",
            f"The last close has a squared error of {training:.6f} on the training rows and {later:.6f} on those "
            "that are scored.",
        ),
        Flaw(
            "The loss averages steps that have seen 1 to 10 candles, and only the tenth is scored.",
            _twin_words(made, "last-step"),
        ),
        Flaw(
            "Windows share nothing and states are reset, so that the first step of each knows one candle.",
            _twin_words(made, "stride-1"),
        ),
        Flaw(
            f"One run without a seed, no validation part, and {published.EPOCHS} epochs chosen by eye.",
            _spread_words(made),
        ),
        Flaw(
            "Where the rows are a multiple of ten the loop drops the last whole window, and it never forecasts beyond "
            "the last candle.",
            f"Here {rows:,} rows with a target make {windows:,} windows; {rows - LENGTH * windows} rows are left over.",
        ),
        Flaw(
            "A tie counts as a fall on both sides.",
            f"{int((hours.test_moves == 0).sum()):,} of {len(hours.test_moves):,} moves after training are ties.",
        ),
    ]
    if hours.names[-1] == "volume":
        flaws.append(
            Flaw(
                "Volume has a heavy tail and is standardised as it is.",
                f"Its largest value lies {_largest(made):.0f} deviations above its mean.",
            )
        )
    return tuple(flaws)


def _twin_words(made: Work, name: str) -> str:
    """Shares by the formula as published and with one thing changed."""
    found = [one for one in made.everything if one.variant.name in (ARTICLE.name, name)]
    if len(found) < 2:
        return NOT_MEASURED
    return "; ".join(f"{one.variant.label}: {percent(made.median_share(one))}" for one in found) + " (medians)."


def _spread_words(made: Work) -> str:
    if made.learnt is None:
        return NOT_MEASURED
    shares = made.shares(made.learnt)
    low, high = percent(float(shares.min())), percent(float(shares.max()))
    return f"Over {len(shares)} seeds the same training scores {low} to {high}."


def _largest(made: Work) -> float:
    scale = made.hours.scale(fair=False)
    return float(((made.hours.inputs[:, -1] - scale.centre[-1]) / scale.spread[-1]).max())
