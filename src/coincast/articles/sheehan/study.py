"""Article 0: an LSTM on daily Bitcoin and Ethereum, told again as it was done and as it should have been."""

from __future__ import annotations

import math

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
from coincast.articles.sheehan.ground import EARLY, RANGES, Coin, lay_ground
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
    metric = f"MAE of the {published.LOOKBACK}-{work.ground.candle} change, test"
    fair_naive = None if fair is None else fair_error(fair, coin, "last_close")
    is_other = fair_naive is not None and not math.isclose(fair_naive, naive)
    whose = "that the article forecasts" if coin.is_published else "that the article's way forecasts"
    figures = f"figures are on the {things(count, 'window')} {whose}."
    says = f"{coin.name}: the {figures}"
    if done is not None:
        values = done.comparison.values(coin.market, "lstm")
        runs, beating = things(values.size, "run"), int((values < naive).sum())
        says = (
            f"{coin.name}: the middle one of {runs}; {beating} of them beat the copy of the last price. The {figures}"
        )
    if fair is not None and row is not None:
        if done is not None:
            mean = things(fair.spec.training.seeds, "network")
            says += f" The fair figure is not a middle one, but that of the mean forecast of {mean}."
        says += f" The word is the judge's on all {things(row['n'], 'fair forecast')}."
    return Outcome(
        article=ABOUT.name,
        market=coin.market,
        metric=metric,
        unit="share of the window's first close",
        headline=published.TEST_ERROR[coin.name] if coin.is_published else None,
        faithful=None if done is None else done.comparison.median(coin.market),
        naive=naive,
        fair=None if fair is None else fair_error(fair, coin),
        n=count if row is None else row["n"],
        verdict=None if row is None else row["verdict"],
        seconds=seconds,
        says=says,
        fair_metric=f"{metric}, where every input is known" if is_other else "",
        fair_naive=fair_naive if is_other else None,
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
            f"told. Told the same, its mean error changes: {walks}."
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
    notes += _tell_inputs(work)
    notes.append(
        "Published single runs depend on draws of old software; runs here have seeds of their own, and their "
        "spread is shown."
    )
    return tuple(notes)


def _tell_inputs(work: Work) -> list[str]:
    """Which of the article's inputs are left out, and in which way."""
    ground, notes = work.ground, []
    early = f"the first {percent(EARLY, digits=0)} of the {ground.candle}s"
    if ground.volume is None:
        notes.append(f"Volume is left out of the inputs: for a market it is unknown, or always the same, in {early}.")
    if missing := [name for name in RANGES if name not in ground.features]:
        notes.append(
            f"Left out of the inputs: {join_words(missing)}. Some training {ground.candle} of a market has no open, "
            f"high or low, or all are alike in {early}."
        )
    if work.bench.fair and (unknown := [name for name in ground.features if name not in ground.known]):
        filled = "; as published it counts as 0 there" if work.bench.faithful else ""
        notes.append(
            f"The fair way does without {join_words(unknown).replace('quote_', '')}, which is unknown on some training "
            f"{ground.candle}s{filled}."
        )
    return notes
