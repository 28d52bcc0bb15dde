"""Article 1, told again: three LSTM layers of 512 units on daily Bitcoin and Ethereum."""

from __future__ import annotations

from coincast.articles.bench import Bench
from coincast.articles.fahimi import published
from coincast.articles.fahimi.about import ABOUT
from coincast.articles.fahimi.chapters import tell_data, tell_memory, tell_network, tell_results
from coincast.articles.fahimi.chapters_versions import share_ahead, tell_fair, tell_versions, tell_windows
from coincast.articles.fahimi.errors import median_of, persistence_of
from coincast.articles.fahimi.fair import fair_error, headline_of
from coincast.articles.fahimi.published import FINAL
from coincast.articles.fahimi.versions import choose_units
from coincast.articles.fahimi.work import Work, work
from coincast.articles.seconds import tell_seconds
from coincast.articles.ways import keep_asked
from coincast.experiments.run import Stopwatch
from coincast.reports.study import Chapter, Flaw, Outcome, Study

METRIC = "MAE of the 7-day change, test"
WORDS = {
    "better": "better than the last close",
    "worse": "worse than the last close",
    "not distinguishable": "not distinguishable from the last close",
    "too few": "seen on too few days to be told from the last close",
}


def study(bench: Bench) -> Study:
    """Repeat the article on the first two markets of the bench.

    Raises:
        TooFewRowsError: too few days for its windows.
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
        flaws=_flaws(made),
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
    rows = []
    for market, name in enumerate(made.days.markets):
        deciding = None if made.result is None else headline_of(made.result, name)
        rows.append(
            Outcome(
                article=ABOUT.name,
                market=name,
                metric=METRIC,
                unit="change over 7 days",
                headline=FINAL.recorded[market].mae if made.is_published else None,
                faithful=median_of(made.final_runs(market), made.days).mae if made.versions else None,
                naive=persistence_of(made.days, market).mae,
                fair=None if made.result is None else fair_error(made.result, made.days, market),
                n=len(made.days.windows("test")) if deciding is None else deciding["n"],
                verdict=None if deciding is None else deciding["verdict"],
                seconds=seconds / len(made.days.markets),
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
    names = made.days.names
    copies = " and ".join(f"{outcome.naive:.4f} ({name})" for name, outcome in zip(names, outcomes, strict=True))
    start = f"Copying the last price scores {copies} in the article's unit"
    if made.result is None:
        return f"{start}, without any parameter."
    coins: dict[str, list[str]] = {}
    for name, outcome in zip(names, outcomes, strict=True):
        coins.setdefault(outcome.verdict or "too few", []).append(name)
    words = [f"{WORDS[verdict]} on {' and '.join(own)}" for verdict, own in coins.items()]
    return f"{start}; trained fairly, the network is {', and '.join(words)}."


def _reasons(made: Work) -> tuple[str, ...]:
    days = made.days
    words = [
        f"The error is that of the change over {published.LOOKBACK} days, and {published.LOOKBACK - 1} of them are "
        "known when the forecast is made: whoever copies the last price is nearly right."
    ]
    if made.versions:
        words.append(
            f"Trained as published, {share_ahead(made)} come below the error of the last close, with settings that "
            "were chosen on these very windows."
        )
    gap = [persistence_of(days, 0, part).mse for part in ("train", "test")]
    words.append(
        f"On {days.names[0]} the test span moves {'more' if gap[1] > gap[0] else 'less'} than the training "
        f"span: squared errors of the last close are {gap[1] / gap[0]:.1f} times as large."
    )
    return tuple(words)


def _flaws(made: Work) -> tuple[Flaw, ...]:
    days = made.days
    naive = "; ".join(f"{name} {persistence_of(days, market).mae:.4f}" for market, name in enumerate(days.names))
    windows = "; ".join(
        f"{name} {persistence_of(days, market).mae:.4f} to {persistence_of(made.narrow, market).mae:.4f}"
        for market, name in enumerate(days.names)
    )
    above = "; ".join(
        f"{name} {int((days.targets(market, 'train') > 1).sum())} of {len(days.windows('train')):,}"
        for market, name in enumerate(days.names)
    )
    regime = "; ".join(
        f"{name} {persistence_of(days, market, 'train').mse:.4f} and {persistence_of(days, market).mse:.4f}"
        for market, name in enumerate(days.names)
    )
    lost = len(days.test) - len(days.windows("test"))
    return (
        Flaw("No naive forecast is shown.", f"Copying the last close has an error of {naive} on the same windows."),
        Flaw(
            "The test span is the validation span, and all settings were chosen while it was watched.",
            "Not measured in this way of working."
            if made.result is None
            else "The fair twin chooses its epoch on the last fifth of the training rows; it inherits the rest.",
        ),
        Flaw(
            "The second update compares losses of two windows, which are in two units.",
            f"Going from 7 days to 3, the last close alone improves: {windows}.",
        ),
        Flaw("The output is a tanh, which cannot exceed 1.", f"Training targets above 1: {above}."),
        Flaw(
            'Values are said to lie "between 0 and 1".',
            "They are relative changes, of volumes without any bound; the chapter on the data has their range.",
        ),
        Flaw(
            'The training panel is labelled "Price" and shows relative changes.',
            "Here the axis says what is drawn.",
        ),
        Flaw(
            "Millions of parameters for a few hundred windows, and a gap of losses that is read as overfitting.",
            f"The last close has squared errors on training and test windows of {regime}.",
        ),
        Flaw(
            "Shuffling is switched off to keep the order of time, in a network that resets its states.",
            "It fixes the order of batches, and adds no memory.",
        ),
        Flaw(
            "A dropout of 2.5 was taken in silence.",
            "Nothing was dropped. Here a rate outside 0 to 1 is refused.",
        ),
        Flaw(
            "A volume that is unknown becomes 0, and may be what a window is divided by.",
            "Here a first volume of 0 is replaced by the mean of the window.",
        ),
        Flaw(
            "The split is 80 % of whatever rows there are, so that the test span moves with the day of the run.",
            f"Each version here has the rows of its day; and {lost} test days are never forecast.",
        ),
        Flaw("The opening price is drawn as the closing price.", "Here every chart is called what it is."),
    )


def _data(made: Work) -> str:
    days = made.days
    first, last = (days.samples[0].candles["open_time"][place] for place in (0, -1))
    return (
        f"{' and '.join(days.markets)}, {days.samples[0].interval}, {days.rows:,} rows from {first:%Y-%m-%d} to "
        f"{last:%Y-%m-%d}, {len(days.train):,} for training and {len(days.test):,} for the test; inputs "
        f"{', '.join(days.samples[0].names)}."
    )


def _notes(bench: Bench, made: Work) -> tuple[str, ...]:
    notes = [
        "The batch is 128, as the notebook has it; the 12 in the article's list is taken for a cut 128.",
        "The gates are sigmoids; the Keras of the time used a piecewise linear one.",
        "A version's newest row is taken to be of the day before its run, as that of the final run was.",
    ]
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
