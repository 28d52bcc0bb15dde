"""Article 0: an LSTM on daily Bitcoin and Ethereum, told again as it was done and as it should have been."""

from __future__ import annotations

from coincast.articles.bench import Bench
from coincast.articles.remains import join_words, judged_row, tell_verdicts
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
from coincast.articles.sheehan.comparison import LSTM
from coincast.articles.sheehan.fair import fair_error
from coincast.articles.sheehan.flaws import list_flaws
from coincast.articles.sheehan.ground import Coin, lay_ground
from coincast.articles.sheehan.panels import span
from coincast.articles.sheehan.work import Work, do_work
from coincast.articles.ways import keep_asked
from coincast.experiments.run import Stopwatch
from coincast.reports.numbers import interval_name, percent, things
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
    if (done := work.faithful) is not None:
        told += [
            chapters_network.tell_network(work, done),
            chapters_network.tell_one_step(work, done),
            chapters_network.tell_five_steps(work, done),
            chapters_scores.tell_runs(work, done),
            chapters_losses.tell_losses(work, done),
        ]
    return told if work.fair is None else [*told, chapters_scores.tell_fair(work, work.fair)]


def _make_outcome(work: Work, coin: Coin, seconds: float) -> Outcome:
    done, fair = work.faithful, work.fair
    naive, count = coin.error_of(coin.last), len(coin.task.test)
    row = None if fair is None else judged_row(fair, coin.market, LSTM)
    figures = f"figures are on the {things(count, 'window')} that the article forecasts."
    says = f"{coin.name}: the {figures}"
    if done is not None:
        values = done.comparison.values(coin.market, "lstm")
        runs, beating = things(values.size, "run"), int((values < naive).sum())
        says = (
            f"{coin.name}: the middle one of {runs}; {beating} of them beat the copy of the last price. The {figures}"
        )
    if row is not None:
        says += f" The word is the judge's on all {things(row['n'], 'fair forecast')}."
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
    if work.fair is None:
        below = sum(outcome.faithful is not None and outcome.faithful < outcome.naive for outcome in outcomes)
        coins = things(len(outcomes), "coin")
        return f"Done as published, the network beats a copy of the last price on {below} of {coins}."
    last = "yesterday's price" if work.ground.candle == "day" else "the last price"
    verdicts = {coin.name: one.verdict for coin, one in zip(work.ground.coins, outcomes, strict=True)}
    return f"Done fairly, the network's forecast is {tell_verdicts(verdicts, last)}."


def _give_reasons(work: Work, outcomes: tuple[Outcome, ...]) -> tuple[str, ...]:
    reasons = []
    if work.faithful is not None:
        told = "; ".join(
            f"{coin.name} {one.faithful:.4f} against {one.naive:.4f}"
            for coin, one in zip(work.ground.coins, outcomes, strict=True)
        )
        reasons.append(f"Repeated as published, the LSTM's error beside that of copying the last price: {told}.")
        found = work.faithful.comparison
        walks = "; ".join(
            f"{coin.name} {found.values(coin.market, 'article').mean():.3f} became "
            f"{found.values(coin.market, 'corrected').mean():.3f}"
            for coin in work.ground.coins
        )
        reasons.append(
            "The random walk beside the article's network was scored without the last price, which the network was "
            f"told. Told the same, its mean error falls: {walks}."
        )
    if work.fair is not None:
        skills = "; ".join(
            f"{coin.name} {percent(row['skill'], signed=True)} on {things(row['n'], 'forecast')}"
            for coin in work.ground.coins
            for row in [judged_row(work.fair, coin.market, LSTM)]
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
    length = interval_name(ground.interval)
    rows = f"{things(ground.rows, 'candle')} of {length} for each of {join_words(ground.markets)}"
    spans = f"training {span(first, 'train')}, test {span(first, 'test')}"
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
    if ground.volume is None:
        notes.append("No volume is known for every market; it is left out of the inputs.")
    notes.append(
        "Published single runs depend on draws of old software; runs here have seeds of their own, and their "
        "spread is shown."
    )
    return tuple(notes)
