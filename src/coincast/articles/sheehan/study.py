"""Article 0: an LSTM on daily Bitcoin and Ethereum, told again as it was done and as it should have been."""

from __future__ import annotations

from coincast.articles.bench import Bench
from coincast.articles.seconds import tell_seconds
from coincast.articles.sheehan import (
    chapters,
    chapters_losses,
    chapters_network,
    chapters_questions,
    chapters_scores,
    published,
)
from coincast.articles.sheehan.about import ABOUT
from coincast.articles.sheehan.comparison import LSTM, deciding_row
from coincast.articles.sheehan.fair import fair_error
from coincast.articles.sheehan.flaws import list_flaws
from coincast.articles.sheehan.ground import Coin, lay_ground
from coincast.articles.sheehan.panels import span
from coincast.articles.sheehan.work import Work, do_work
from coincast.articles.ways import keep_asked
from coincast.experiments.run import Stopwatch
from coincast.reports.numbers import percent, things
from coincast.reports.study import Chapter, Outcome, Study

QUESTIONS = "open questions of the author"


def study(bench: Bench, *, questions: bool = True) -> Study:
    """Repeat the article on the candles of a bench.

    Args:
        bench: candles of one market or more; the article's are daily Bitcoin and Ethereum.
        questions: whether the questions that the author left open are answered, too.

    Raises:
        DataError: the candles do not suffice.
    """
    watch = Stopwatch()
    ground = lay_ground(bench)
    watch.lap("candles and windows")
    work = do_work(bench, ground, watch)
    told, flaws = _tell_article(work), list_flaws(work)
    watch.lap("walks, tests and words")
    if questions:
        told += chapters_questions.tell_questions(work)
        watch.lap(QUESTIONS)
    seconds = sum(watch.seconds.values()) / len(ground.coins)
    outcomes = tuple(_make_outcome(work, coin, seconds) for coin in ground.coins)
    return ABOUT.make_study(
        finding=_find(work, outcomes),
        reasons=_give_reasons(work, outcomes),
        outcomes=outcomes,
        chapters=keep_asked([*told, tell_seconds(watch.seconds, apart=QUESTIONS)], bench),
        flaws=flaws,
        data=_tell_files(work),
        notes=_notes(work),
        is_quick=bench.is_quick,
        seconds=watch.seconds,
    )


def _tell_article(work: Work) -> list[Chapter]:
    """The chapters in the order of the article, and the fair one after them."""
    told = [chapters.tell_data(work), chapters.tell_inputs(work), chapters.tell_lag(work), chapters.tell_walks(work)]
    if work.faithful is not None:
        done = work.faithful
        network = chapters_network
        told += [
            network.tell_network(work, done),
            network.tell_one_step(work, done),
            network.tell_five_steps(work, done),
        ]
        told += [chapters_scores.tell_runs(work, done), chapters_losses.tell_losses(work, done)]
    return told if work.fair is None else [*told, chapters_scores.tell_fair(work, work.fair)]


def _make_outcome(work: Work, coin: Coin, seconds: float) -> Outcome:
    done, fair = work.faithful, work.fair
    naive, count = coin.error_of(coin.last), len(coin.task.test)
    row = None if fair is None else deciding_row(fair, coin.market, LSTM)
    says = f"The figures are on the {things(count, 'window')} that the article forecasts."
    if done is not None:
        values = done.comparison.values(coin.market, "lstm")
        says = (
            f"The middle one of {things(values.size, 'run')}; {int((values < naive).sum())} of them beat the "
            f"copy of the last price. {says}"
        )
    says = f"{coin.name}: {says[0].lower()}{says[1:]}"
    if row is not None:
        says = f"{says} The word is the judge's on all {things(row['n'], 'fair forecast')}."
    return Outcome(
        article=ABOUT.name,
        market=coin.market,
        metric=f"MAE of the {published.LOOKBACK}-{work.ground.candle} change, test",
        unit="share of the window's first close",
        headline=published.TEST_ERROR[coin.name] if coin.is_published else None,
        faithful=None if done is None else done.comparison.median(coin.market),
        naive=naive,
        fair=None if fair is None else fair_error(fair, coin),
        n=count if row is None else row["n"],
        verdict=None if row is None else row["verdict"],
        seconds=seconds,
        says=says,
    )


def _find(work: Work, outcomes: tuple[Outcome, ...]) -> str:
    """What is left of the claim, in one sentence."""
    names = [coin.name for coin in work.ground.coins]
    words = [outcome.verdict for outcome in outcomes]
    if all(word is None for word in words):
        below = sum(outcome.faithful is not None and outcome.faithful < outcome.naive for outcome in outcomes)
        return (
            f"Done as published, the network beats a copy of the last price on {below} of {things(len(names), 'coin')}."
        )
    last = "yesterday's price" if work.ground.candle == "day" else "the last price"
    if len(set(words)) == 1:
        of = " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
        return f"Done fairly, the network's forecast of {of} is {_tail(words[0], last)}."
    told = ", that of ".join(f"{name} is {_tail(word, last)}" for name, word in zip(names, words, strict=True))
    return f"Done fairly, the network's forecast of {told}."


def _tail(word: str | None, last: str) -> str:
    than = {"better": "better than", "worse": "worse than", "not distinguishable": "not distinguishable from"}
    return f"{than[word]} {last}" if word in than else "based on too few forecasts to say"


def _give_reasons(work: Work, outcomes: tuple[Outcome, ...]) -> tuple[str, ...]:
    reasons = []
    pairs = list(zip(work.ground.coins, outcomes, strict=True))
    if work.faithful is not None:
        told = "; ".join(f"{coin.name} {one.faithful:.4f} against {one.naive:.4f}" for coin, one in pairs)
        reasons.append(f"Repeated as published, the LSTM's error beside that of copying the last price: {told}.")
        found = work.faithful.comparison
        walks = "; ".join(
            f"{coin.name} {found.values(coin.market, 'article').mean():.3f} became "
            f"{found.values(coin.market, 'corrected').mean():.3f}"
            for coin in work.ground.coins
        )
        reasons.append(
            "The random walk that it beat was scored without the last price, which the network was told. Told the "
            f"same, its error falls: {walks}."
        )
    if work.fair is not None:
        skills = "; ".join(
            f"{coin.name} {percent(row['skill'], signed=True)} on {things(row['n'], 'forecast')}"
            for coin in work.ground.coins
            for row in [deciding_row(work.fair, coin.market, LSTM)]
        )
        reasons.append(
            "With returns as the target and the epoch chosen apart from the test, its skill against the last "
            f"price: {skills}."
        )
    return tuple(reasons)


def _tell_files(work: Work) -> str:
    ground, first = work.ground, work.ground.coins[0]
    own = [file for file in work.bench.files if file.get("interval") == ground.interval]
    files = ", ".join(str(file["file"]) for file in own if "file" in file)
    rows = f"{things(ground.rows, 'candle')} of {ground.interval} for each of {', '.join(ground.markets)}"
    spans = f"training {span(first, 'train', ground)}, test {span(first, 'test', ground)}"
    return f"{rows}; {spans}.{f' Files: {files}.' if files else ''}"


def _notes(work: Work) -> tuple[str, ...]:
    ground, notes = work.ground, []
    if work.bench.is_quick:
        notes.append(
            "A first look: few epochs, seeds and repeats. Figures of networks are not those of the study; all "
            "else is whole."
        )
    if ground.window:
        notes.append(f"For the first look networks learn from the newest {ground.window} training {ground.candle}s.")
    if not ground.coins[0].is_published:
        notes.append("These are not the candles of the article, so that no published figure stands beside.")
    if ground.border != published.TEST_FROM:
        notes.append(
            f"The article's first test day, {published.TEST_FROM}, does not divide this span; the test is its "
            "last quarter, as in the article."
        )
    if not any(name.endswith("volume") for name in ground.features):
        notes.append("No volume is known for every market; it is left out of the inputs.")
    notes.append(
        "Published single runs depend on draws of old software; runs here have seeds of their own, and their "
        "spread is shown."
    )
    return tuple(notes)
