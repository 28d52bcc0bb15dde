"""Article 1, told again: three LSTM layers of 512 units on daily Bitcoin and Ethereum."""

from __future__ import annotations

from coincast.articles.bench import Bench
from coincast.articles.fahimi import published
from coincast.articles.fahimi.about import ABOUT
from coincast.articles.fahimi.chapters import tell_data, tell_memory, tell_network, tell_results
from coincast.articles.fahimi.chapters_versions import tell_fair, tell_versions, tell_windows
from coincast.articles.fahimi.errors import median_of, persistence_of
from coincast.articles.fahimi.fair import NETWORK, fair_error
from coincast.articles.fahimi.flaws import list_flaws
from coincast.articles.fahimi.published import FINAL
from coincast.articles.fahimi.versions import choose_units
from coincast.articles.fahimi.work import Work, work
from coincast.articles.remains import join_words, judged_row, tell_verdicts
from coincast.articles.seconds import tell_seconds
from coincast.articles.ways import keep_asked
from coincast.experiments.run import Stopwatch
from coincast.reports.numbers import things
from coincast.reports.study import Chapter, Outcome, Study


def study(bench: Bench) -> Study:
    """Repeat the article on the first two markets of the bench.

    Raises:
        TooFewRowsError: too few candles for its windows.
    """
    watch = Stopwatch()
    made = work(bench, watch)
    told = _chapters(made)
    watch.lap("gradients, tests and words")
    outcomes = _outcomes(made, sum(watch.seconds.values()))
    return ABOUT.make_study(
        finding=_finding(made, outcomes),
        reasons=_reasons(made),
        outcomes=outcomes,
        chapters=keep_asked([*told, tell_seconds(watch.seconds)], bench),
        flaws=list_flaws(made),
        data=_data(made),
        notes=_notes(bench, made),
        is_quick=bench.is_quick,
        seconds=watch.seconds,
    )


def _chapters(made: Work) -> tuple[Chapter, ...]:
    chapters = [tell_data(made), tell_network(made), tell_memory(made)]
    if made.versions:
        chapters += [tell_results(made), tell_versions(made), tell_windows(made)]
    if made.result is not None:
        chapters.append(tell_fair(made, made.result))
    return tuple(chapters)


def _outcomes(made: Work, seconds: float) -> tuple[Outcome, ...]:
    """A row for each coin; the study's seconds are shared among them."""
    days, result = made.days, made.result
    rows = []
    for market, (name, coin) in enumerate(zip(days.markets, days.names, strict=True)):
        judged = None if result is None else judged_row(result, name, NETWORK)
        rows.append(
            Outcome(
                article=ABOUT.name,
                market=name,
                metric=f"MAE of the {days.change}, test",
                unit=f"change over {days.lookback} {days.candle}s",
                headline=FINAL.recorded_of(coin).mae if made.is_published else None,
                faithful=median_of(made.final_runs(market), days).mae if made.versions else None,
                naive=persistence_of(days, market).mae,
                fair=None if result is None or judged is None else fair_error(result, days, market, judged["model"]),
                n=len(days.windows("test")) if judged is None else judged["n"],
                verdict=None if judged is None else judged["verdict"],
                seconds=seconds / len(days.markets),
                says=_says(made, market),
            )
        )
    return tuple(rows)


def _says(made: Work, market: int) -> str:
    """What remains of the claim on one coin."""
    if made.result is not None:
        return made.result.sentences[market].removeprefix(f"{made.days.markets[market]}: ")
    naive = persistence_of(made.days, market).mae
    own = median_of(made.final_runs(market), made.days).mae
    return f"The network misses by {own:.4f}, the last close by {naive:.4f} on the same windows."


def _finding(made: Work, outcomes: tuple[Outcome, ...]) -> str:
    """What is left of the claim, in one sentence."""
    named = dict(zip(made.days.names, outcomes, strict=True))
    copies = join_words([f"{outcome.naive:.4f} ({name})" for name, outcome in named.items()])
    start = f"Copying the last price scores {copies} in the article's unit"
    if made.result is None:
        return f"{start}, without any parameter."
    verdicts = tell_verdicts({name: outcome.verdict for name, outcome in named.items()}, "the last close")
    return f"{start}; trained fairly, the network is {verdicts}."


def _reasons(made: Work) -> tuple[str, ...]:
    days, lookback = made.days, made.days.lookback
    words = [
        f"The error is that of the change over {lookback} {days.candle}s, and {lookback - 1} of them are known when "
        "the forecast is made: a copy of the last price errs by the one that is left."
    ]
    if made.versions:
        words.append(
            f"Trained as published, {_share_ahead(made)} come below the error of the last close"
            f"{', with settings that were chosen on these very windows' * made.is_published}."
        )
    training, test = (persistence_of(days, 0, part).mse for part in ("train", "test"))
    if training:
        words.append(
            f"On {days.names[0]} the test span moves {'more' if test > training else 'less'} than the training "
            f"span: squared errors of the last close are {test / training:.1f} times as large."
        )
    return tuple(words)


def _share_ahead(made: Work) -> str:
    """How many final runs beat the last close on their own test windows, in words."""
    told = []
    for market, name in enumerate(made.days.markets):
        runs, naive = made.final_runs(market), persistence_of(made.days, market).mae
        ahead = sum(median_of([run], made.days).mae < naive for run in runs)
        told.append(f"{ahead} of {things(len(runs), 'run')} on {name}")
    return join_words(told)


def _data(made: Work) -> str:
    days = made.days
    first, last = (days.samples[0].candles["open_time"][place] for place in (0, -1))
    return (
        f"{join_words(days.markets)}, {days.samples[0].interval}, {days.rows:,} rows from {first:%Y-%m-%d} to "
        f"{last:%Y-%m-%d}, {len(days.train):,} for training and {len(days.test):,} for the test; inputs "
        f"{', '.join(days.samples[0].names)}."
    )


def _notes(bench: Bench, made: Work) -> tuple[str, ...]:
    notes = [
        f"The batch is {FINAL.batch_size}, as in the notebook; the 12 in the article's list is taken for a cut 128.",
        "The gates are sigmoids; the Keras of the time used a piecewise linear one.",
    ]
    if made.ends_differ:
        notes.append("A version's newest row is taken to be of the day before its run, as that of the final run was.")
    if made.versions:
        wide = choose_units(bench, published.WIDE_UNITS)
        if wide < published.WIDE_UNITS:
            notes.append(
                f"Where the article has {published.WIDE_UNITS:,} units, {wide:,} were trained here, and "
                f"{choose_units(bench, FINAL.units):,} where it has {FINAL.units:,}; all of them with --long."
            )
    if bench.is_quick:
        notes.append(
            "Quick: one layer of few units, few epochs and one seed, so that the network's figures are not the "
            "article's. What needs no training is whole."
        )
    if not made.is_published:
        notes.append("These are not the article's own candles, so that its figures are not held against them.")
    if made.result is not None:
        notes += made.result.notes
    return tuple(notes)
