"""Article 3, told again: an LSTM on hourly Bitcoin, and 81.4 % of directions."""

from __future__ import annotations

from coincast.articles.bench import Bench
from coincast.articles.fmz import published
from coincast.articles.fmz.about import ABOUT
from coincast.articles.fmz.chapters import tell_charts, tell_data, tell_training, tell_tutorial
from coincast.articles.fmz.chapters_direction import tell_formula, tell_spoilt, tell_twins
from coincast.articles.fmz.chapters_fair import tell_fair, tell_gain, tell_returns, tell_rivals
from coincast.articles.fmz.fair import majority_sign
from coincast.articles.fmz.flaws import list_flaws
from coincast.articles.fmz.hours import LENGTH
from coincast.articles.fmz.networks import EPOCHS_QUICK
from coincast.articles.fmz.work import Work, work
from coincast.articles.remains import tell_verdict
from coincast.articles.seconds import tell_seconds
from coincast.articles.ways import keep_asked
from coincast.experiments.run import Stopwatch
from coincast.reports.numbers import percent, things
from coincast.reports.study import Chapter, Outcome, Study

METRIC = "directions right, by the article's formula"


def study(bench: Bench) -> Study:
    """Repeat the article on the first market of the bench.

    Raises:
        TooFewRowsError: too few candles for its windows.
    """
    watch = Stopwatch()
    made = work(bench, watch)
    chapters = keep_asked(_chapters(made), bench)
    watch.lap("what is told of it")
    return ABOUT.make_study(
        finding=_finding(made),
        reasons=_reasons(made),
        outcomes=(_outcome(made, sum(watch.seconds.values())),),
        chapters=(*chapters, tell_seconds(watch.seconds)),
        flaws=list_flaws(made),
        data=_data(made),
        notes=_notes(bench, made),
        is_quick=bench.is_quick,
        seconds=watch.seconds,
    )


def _chapters(made: Work) -> list[Chapter]:
    """In the order of the article; the fair way stands beside or after what it answers."""
    chapters = [tell_tutorial(), tell_data(made)]
    if made.learnt is not None:
        chapters += [tell_training(made, made.learnt), tell_charts(made, made.learnt)]
    chapters += [tell_formula(made), tell_spoilt(made)]
    if made.answer is not None:
        chapters += [tell_fair(made, made.answer), tell_rivals(made, made.answer)]
    if made.learnt is not None:
        chapters.append(tell_twins(made))
    return [*chapters, tell_returns(made)]


def _outcome(made: Work, seconds: float) -> Outcome:
    """By the article's formula the network beside a copy; asked fairly it beside the majority sign."""
    row = None if made.answer is None else made.answer.row
    return Outcome(
        article=ABOUT.name,
        market=made.hours.market,
        metric=METRIC,
        unit="share",
        headline=published.HEADLINE if made.hours.is_published else None,
        faithful=None if made.learnt is None else made.median_share(made.learnt),
        naive=made.naive_share,
        fair=None if row is None else made.fair_share,
        n=made.hours.scored - 1 if row is None else row["n"],
        verdict=None if row is None else row["verdict"],
        seconds=seconds,
        says=_remains(made),
        fair_metric="" if row is None else f"directions right at every {made.hours.noun}, from the last known close",
        fair_naive=None if row is None else 1 - row["naive"],
    )


def _finding(made: Work) -> str:
    """What is left of the claim, in a dozen words."""
    if made.answer is None:
        own = "" if made.learnt is None else f", the network {percent(made.median_share(made.learnt))}"
        return f"Copying the last price scores {percent(made.naive_share)}{own}."
    return f"Asked fairly, the network is {tell_verdict(made.answer.row['verdict'], _rule(made))}."


def _remains(made: Work) -> str:
    """The same with its figures."""
    copied = f"Copying the last price scores {percent(made.naive_share)} by the article's formula"
    if made.answer is None:
        return f"{copied}, which asks about a move that is nine tenths known."
    row = made.answer.row
    return (
        f"{copied}. Asked at every {made.hours.noun} for the next move, the network is right in "
        f"{percent(made.fair_share)} of {row['n']:,}, {_rule(made)} in {percent(1 - row['naive'])}."
    )


def _rule(made: Work) -> str:
    return f'always saying "{"rise" if majority_sign(made.hours) else "fall"}"'


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
            f"Trained as published, {things(len(shares), 'run')} score {percent(float(shares.min()))} to "
            f"{percent(float(shares.max()))}; {below} of them stay below the copy of the last price."
        )
    if made.answer is not None:
        words.append(f"As a price: {made.answer.result.sentence}")
        words.append(tell_gain(made.answer))
    return tuple(filter(None, words))


def _data(made: Work) -> str:
    candles = made.hours.candles
    first, last = candles["open_time"][0], candles["close_time"][-1]
    return (
        f"{made.hours.market}, {made.hours.interval}, {candles.height:,} candles from {first:%Y-%m-%d %H:%M} to "
        f"{last:%Y-%m-%d %H:%M} UTC, {things(made.hours.gaps, 'gap')}; inputs {', '.join(made.hours.names)}."
    )


def _notes(bench: Bench, made: Work) -> tuple[str, ...]:
    notes = ["The pictures of the article are lost and drawn here from its words."]
    if made.learnt is not None:
        notes += [
            "The gradients are reset before every step. The published text does not show it; without it they pile up.",
            "The article standardised the time as well, which is no input.",
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
