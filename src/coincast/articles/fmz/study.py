"""Article 3, told again: an LSTM on hourly Bitcoin, and 81.4 % of directions."""

from __future__ import annotations

import time

import numpy as np

from coincast.articles.bench import Bench
from coincast.articles.fmz import published
from coincast.articles.fmz.about import ABOUT
from coincast.articles.fmz.chapters import tell_charts, tell_data, tell_training, tell_tutorial
from coincast.articles.fmz.chapters_direction import tell_fair, tell_formula, tell_returns, tell_spoilt, tell_twins
from coincast.articles.fmz.fair import majority_sign
from coincast.articles.fmz.hours import LENGTH
from coincast.articles.fmz.networks import EPOCHS_QUICK
from coincast.articles.fmz.work import Work, work
from coincast.reports.numbers import percent
from coincast.reports.study import Chapter, Flaw, Outcome, Study

METRIC = "directions right, by the article's formula"
BESIDE = {
    "better": "which is better than",
    "worse": "which is worse than",
    "not distinguishable": "which is not distinguishable from",
    "too few": "on too few forecasts to be compared with",
}


def study(bench: Bench) -> Study:
    """Repeat the article on the first market of the bench.

    Raises:
        TooFewRowsError: too few candles for its windows.
    """
    began = time.perf_counter()
    made = work(bench)
    chapters = _chapters(made)
    outcome = _outcome(made, time.perf_counter() - began)
    return Study(
        article=ABOUT.name,
        title=ABOUT.title,
        author=ABOUT.author,
        published=ABOUT.published,
        claim=ABOUT.claim,
        finding=outcome.says,
        reasons=_reasons(made),
        outcomes=(outcome,),
        chapters=chapters,
        flaws=_flaws(made),
        data=_data(made),
        notes=_notes(bench, made),
        is_quick=bench.is_quick,
    )


def _chapters(made: Work) -> tuple[Chapter, ...]:
    chapters = [tell_tutorial(), tell_data(made)]
    if made.learnt is not None:
        chapters += [tell_training(made, made.learnt), tell_charts(made, made.learnt)]
    chapters += [tell_formula(made), tell_spoilt(made)]
    if made.answer is not None:
        chapters.append(tell_fair(made, made.answer))
    return (*chapters, tell_twins(made), tell_returns(made))


def _outcome(made: Work, seconds: float) -> Outcome:
    row = None if made.answer is None else made.answer.row
    return Outcome(
        article=ABOUT.name,
        market=made.hours.market,
        metric=METRIC,
        unit="share",
        headline=published.HEADLINE if made.hours.is_published else None,
        faithful=None if made.learnt is None else float(np.median(made.shares(made.learnt))),
        naive=made.naive_share,
        fair=None if row is None else 1 - row["value"],
        n=made.hours.scored - 1 if row is None else row["n"],
        verdict=None if row is None else row["verdict"],
        seconds=seconds,
        says=_finding(made),
    )


def _finding(made: Work) -> str:
    """What is left of the claim, in one sentence."""
    copied = f"Copying the last price scores {percent(made.naive_share)} by the article's formula"
    if made.answer is None:
        return f"{copied}: it asks about a move that is nine tenths known."
    row, majority = made.answer.row, "rise" if majority_sign(made.hours) else "fall"
    return (
        f"{copied}; asked fairly, the network names {percent(1 - row['value'])} of {row['n']:,} directions rightly, "
        f'{BESIDE[row["verdict"]]} always saying "{majority}" ({percent(1 - row["naive"])}).'
    )


def _reasons(made: Work) -> tuple[str, ...]:
    hours = made.hours
    words = [
        f"The formula counts from a close that was {LENGTH - 1} {hours.noun}s old when the forecast was made: "
        f"{LENGTH - 1} of the {LENGTH} moves that it asks about were in the input."
    ]
    if made.learnt is not None:
        shares = made.shares(made.learnt)
        below = int((shares < made.naive_share).sum())
        words.append(
            f"Trained as published, {len(shares)} runs score {percent(float(shares.min()))} to "
            f"{percent(float(shares.max()))}; {below} of them stay below the copy of the last price."
        )
    if made.answer is not None:
        words.append(made.answer.result.sentence)
    return tuple(words)


def _flaws(made: Work) -> tuple[Flaw, ...]:
    hours = made.hours
    whole, fair = hours.scale_close(fair=False), hours.scale_close(fair=True)
    training, later = made.naive_losses()
    flaws = [
        Flaw(
            "The score compares with a price that is nine candles older than the newest one known.",
            f"Copying the last close scores {percent(made.naive_share)}; a fair figure lies near one half.",
        ),
        Flaw(
            "Every column is standardised over the whole data set, the test span included.",
            f"Training is told a mean close of {whole[0]:,.2f} and a deviation of {whole[1]:,.2f}; its own rows have "
            f"{fair[0]:,.2f} and {fair[1]:,.2f}.",
        ),
        Flaw(
            "Inputs and targets are levels, which a network cannot follow beyond what it saw.",
            "The line falls short wherever the price is higher than in the training rows; returns do not.",
        ),
        Flaw(
            "No naive forecast stands beside the loss or beside the score.",
            f"The last close has a squared error of {training:.6f} on the training rows and {later:.6f} on those "
            "that are scored.",
        ),
        Flaw(
            "The loss averages steps that have seen 1 to 10 candles, and only the tenth is scored.",
            "The chapter on one thing changed has the twin with the loss on the last step.",
        ),
        Flaw(
            "Windows share nothing and states are reset, so that the first step of each knows one candle.",
            "A window at every row gives ten times as many samples; that twin is shown, too.",
        ),
        Flaw(
            "One run without a seed, no validation part, and 600 epochs chosen by eye.",
            _spread_words(made),
        ),
        Flaw(
            "Where the rows are a multiple of ten the loop drops the last whole window, and it never forecasts beyond "
            "the last candle.",
            f"Here {len(hours.close) - 1:,} rows with a target make {len(hours.jumping_starts()):,} windows; "
            f"{(len(hours.close) - 1) % LENGTH} rows are left over.",
        ),
        Flaw(
            "A tie counts as a fall on both sides.",
            f"{int((np.diff(hours.close[hours.first_origin :]) == 0).sum()):,} of {len(hours.test_origins):,} moves "
            "after training are ties.",
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


def _spread_words(made: Work) -> str:
    if made.learnt is None:
        return "Not measured here, since only the fair way was asked for."
    shares = made.shares(made.learnt)
    low, high = percent(float(shares.min())), percent(float(shares.max()))
    return f"Over {len(shares)} seeds the same training scores {low} to {high}."


def _largest(made: Work) -> float:
    scale = made.hours.scale(fair=False)
    return float(((made.hours.inputs[:, -1] - scale.centre[-1]) / scale.spread[-1]).max())


def _data(made: Work) -> str:
    candles = made.hours.candles
    first, last = candles["open_time"][0], candles["close_time"][-1]
    return (
        f"{made.hours.market}, {made.hours.interval}, {candles.height:,} candles from {first:%Y-%m-%d %H:%M} to "
        f"{last:%Y-%m-%d %H:%M} UTC, {made.hours.gaps:,} gaps; inputs {', '.join(made.hours.names)}."
    )


def _notes(bench: Bench, made: Work) -> tuple[str, ...]:
    notes = [
        "The gradients are reset before every step. The published text does not show it; without it they pile up.",
        "The pictures of the article are lost and drawn here from its words. It standardised the time as well, which "
        "is no input.",
        "The twin with a window at every row takes as many steps of as many windows, so a tenth of the epochs.",
    ]
    if not made.hours.is_published:
        notes.append("These are not the article's own candles, so that its figures are not held against them.")
    if bench.is_quick:
        notes.append(
            f"Quick: {EPOCHS_QUICK} epochs in place of {published.EPOCHS:,}, and few seeds, so that the network's "
            "figures are not the article's. What needs no training is whole."
        )
    if made.answer is not None:
        notes += made.answer.result.notes
    return tuple(notes)
