"""Article 2 told again: what was claimed, what it measures, what copying the last close scores, and what remains."""

from __future__ import annotations

import time

from coincast.articles.bench import Bench
from coincast.articles.huang.about import ABOUT
from coincast.articles.huang.blocks import Blocks
from coincast.articles.huang.chapters import tell_data, tell_table, tell_views
from coincast.articles.huang.chapters_claims import tell_copies, tell_plot, tell_sentences
from coincast.articles.huang.chapters_fair import tell_fair
from coincast.articles.huang.chapters_study import tell_combinations, tell_study
from coincast.articles.huang.combinations import SearchPlan
from coincast.articles.huang.durations import list_seconds, spell_duration, tell_durations
from coincast.articles.huang.flaws import list_flaws
from coincast.articles.huang.found import Fair, Found, Published, find_all
from coincast.articles.huang.networks import configurations
from coincast.articles.huang.opponents import ratio_of
from coincast.articles.huang.pictures import square_of
from coincast.articles.huang.published import ACTIVITY_SUMMED, BATCH_SIZE, HEADLINE, REPEATS, TABLE
from coincast.articles.huang.sentences import are, spell_times
from coincast.articles.huang.training import WEIGHTS, file_name
from coincast.articles.huang.walk_forward import Walk
from coincast.articles.remains import tell_verdict
from coincast.articles.rivals import say_beside_rival
from coincast.articles.ways import keep_asked
from coincast.reports.numbers import (
    amount,
    base_currency,
    interval_name,
    percent,
    quote_currency,
    skill_span,
    things,
)
from coincast.reports.palette import BETTER
from coincast.reports.study import Chapter, Outcome, Study

DOLLARS = ("USD", "USDT", "USDC")
"""Quotes whose squares can stand beside the article's, which has USDT."""


def study(bench: Bench) -> Study:
    """Repeat article 2 on the first market of the bench; further markets are inputs of the walk-forward alone.

    Raises:
        TooFewRowsError: candles for fewer than two blocks of 272, or without a window in a part of the fair test.
        ColumnError: a price that never moves.
        CandleError: a further market without a candle in common.
    """
    began = time.perf_counter()
    found = find_all(bench)
    outcome = _outcome(found, time.perf_counter() - began)
    return ABOUT.make_study(
        finding=_finding(found),
        reasons=tuple(_reasons(found)),
        outcomes=(outcome,),
        chapters=keep_asked(_chapters(found), bench),
        flaws=tuple(list_flaws(found)),
        data=_data(found),
        notes=tuple(_notes(bench, found)),
        is_quick=bench.is_quick,
        seconds=list_seconds(found),
    )


def _chapters(found: Found) -> list[Chapter]:
    published, chapters = found.published, [tell_data(found), tell_views()]
    if published is not None:
        chapters += [tell_table(found, published), tell_plot(found, published), tell_sentences(found, published)]
    chapters.append(tell_copies(found))
    if published is not None:
        chapters += tell_study(found, published) + tell_combinations(found, published)
    chapters += tell_fair(found, found.fair) if found.fair is not None else []
    return [*chapters, tell_durations(found)]


def _outcome(found: Found, seconds: float) -> Outcome:
    blocks, published, fair = found.blocks, found.published, found.fair
    choice = None if fair is None else fair.choice
    same = None if fair is None else fair.same_blocks
    return Outcome(
        article=ABOUT.name,
        market=blocks.market,
        metric="mean squared error, held-back blocks",
        unit=square_of(blocks),
        headline=TABLE[HEADLINE].error if is_like_the_articles(blocks) else None,
        faithful=None if published is None else published.headline,
        naive=found.persistence,
        fair=None if same is None else same[0],
        n=blocks.held_back if choice is None else choice.n,
        verdict=None if choice is None else choice.verdict,
        seconds=seconds,
        says=f"{_finding(found)} The published figure is of candles that are not to be had any more.",
        same_candles=False,
    )


def is_like_the_articles(blocks: Blocks) -> bool:
    """Whether the published figure can stand beside ours: it is of Bitcoin in dollars, by five minutes."""
    market = blocks.market
    return base_currency(market) == "BTC" and quote_currency(market) in DOLLARS and blocks.interval == ABOUT.interval


def _finding(found: Found) -> str:
    published, fair, parts = found.published, found.fair, []
    if published is not None:
        ahead = f"{published.ahead:,} of {published.runs.height:,} runs" if published.ahead else "no run"
        parts.append(f"as published, {ahead} {'beat' if published.ahead > 1 else 'beats'} the last close")
    if fair is not None:
        parts.append(f"the fair {fair.told.choice.upper()} is {_tell_fair(fair, is_first=published is None)}")
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."


def _tell_fair(fair: Fair, *, is_first: bool) -> str:
    """What the judge says of the network; and that an autoregression does it, too, where it is no more than that."""
    told = tell_verdict(fair.choice.verdict, "the last close" if is_first else "it")
    rival, beside = fair.rivals.select("rival", "verdict").row(0)
    if fair.choice.verdict != BETTER or beside == BETTER or fair.judged(rival).verdict != BETTER:
        return told
    return f"{told if is_first else BETTER}, like an autoregression"


def _reasons(found: Found) -> list[str]:
    blocks, unit = found.blocks, square_of(found.blocks)
    reasons = [
        f"The headline, {TABLE[HEADLINE].error:,.0f} USD\u00b2, is one run, at the epoch that was best on the very "
        "blocks it is scored on.",
        f"Its yardstick was a copy that is 16 candles old at every step. Repeating the last close scores "
        f"{amount(found.persistence)} {unit} on the held-back blocks here.",
    ]
    if found.published is not None:
        median = found.published.headline
        reasons.append(
            f"The same network, {things(found.published.runs['seed'].n_unique(), 'seed')}, has a median of "
            f"{amount(median)} {unit} on {things(blocks.held_back, 'block')}: "
            f"{spell_times(ratio_of(median, found.persistence))} that of the last close."
        )
    if found.fair is not None:
        choice = found.fair.choice
        reasons.append(
            f"Asked fairly, the {found.fair.told.choice.upper()} saves {percent(choice.skill, signed=True)} of the "
            f"error of the last close (95 % interval {skill_span(choice.low, choice.high)} %) on "
            f"{things(choice.n, 'origin')}."
        )
        reasons.append(say_beside_rival(found.fair.told.choice.upper(), found.fair.skill, found.fair.rivals))
    return reasons


def _data(found: Found) -> str:
    candles = found.candles
    return (
        f"{found.blocks.market}, candles of {interval_name(found.blocks.interval)}, "
        f"{candles['open_time'][0]:%Y-%m-%d %H:%M} to {candles['close_time'][-1]:%Y-%m-%d %H:%M} UTC: "
        f"{candles.height:,} closes, {len(found.blocks):,} blocks, {things(found.gaps, 'gap')}."
    )


def _notes(bench: Bench, found: Found) -> list[str]:
    notes = [
        "The article's own candles (Poloniex, 2015-02-19 to 2017-12-29) can no longer be had; its published figures "
        "stand beside ours and are not met by them.",
    ]
    if found.published is not None:
        notes += _faithful_notes(bench, found, found.published)
    if found.fair is not None:
        markets = bench.candles["market"].unique(maintain_order=True).to_list()
        if len(markets) == 1:
            notes.append(
                "There were candles of one coin, whose returns alone the walk-forward reads. Name more with --candles, "
                f"or put the others into the folder of --data: {', '.join(next(iter(ABOUT.further.values())))}."
            )
        notes += _tell_left_out(found.fair.walk)
        if found.fair.same_blocks is None:
            notes.append(
                "A gap cuts some of the held-back blocks, so there is no fair figure on the very same targets."
            )
    return notes


def _tell_left_out(walk: Walk) -> list[str]:
    """Partitions of the walk-forward that there are not, and why."""
    if walk.left_out:
        return [
            f"Of the walk-forward {things(walk.left_out, 'partition')} {are(walk.left_out)} left out: gaps leave some "
            "part without a window, or the price never moves."
        ]
    if walk.fits:
        return []
    return ["The walk-forward is left out: a tenth of these candles is too short for a month of it."]


def _faithful_notes(bench: Bench, found: Found, published: Published) -> list[str]:
    kept = "every seed" if bench.size == "long" else "the first seed"
    headline = next(one for one in configurations() if one.name == HEADLINE)
    notes = [
        "Gates of the table's networks have the hard sigmoid of old Keras, and no second tanh follows the recurrent "
        "layer (the scripts disagree). The study's LSTM is that of cuDNN: plain sigmoids, and the second tanh of its "
        "script.",
        f"Keras of that time summed a penalty on the activity over the batch of {BATCH_SIZE}; here it is therefore "
        f"{ACTIVITY_SUMMED} times the named strength of a mean.",
        f"Files as the article left them: a log of every run and weights after every epoch of {kept}, in {WEIGHTS}/ as "
        f"{file_name(found.blocks, headline)}-EPOCH-LOSS.safetensors. {found.data_file}",
    ]
    if published.repeats < REPEATS:
        notes.append(
            f"The study has {published.repeats} repeats of each setting, not {REPEATS}; --long has all of them."
        )
    notes.append(_tell_search(bench, published, has_halves=found.blocks.has_halves))
    if bench.is_quick:
        notes.append("A first look: few epochs, seeds and training blocks, so the networks are hardly trained.")
    return notes


def _tell_search(bench: Bench, published: Published, *, has_halves: bool) -> str:
    """How long the combinations of penalties took, or will take."""
    trainings, epochs = SearchPlan().count()
    if not has_halves:
        return (
            "Combinations of penalties are left out: the one held-back block has no two halves, to choose by the one "
            "and to look at the other."
        )
    if bench.is_quick:
        return f"Of the combinations of penalties a few are tried; --long tries all, {trainings:,} trainings."
    searched = published.searched
    if searched is None:
        return (
            "Combinations of penalties, which the article left open, are run with --long: "
            f"{trainings:,} trainings, about {spell_duration(epochs * published.pace)} at the pace of this study."
        )
    return (
        f"Combinations of penalties were trained for {spell_duration(searched.pair_seconds)} (pairs) and "
        f"{spell_duration(searched.grid_seconds)} (all four, halved)."
    )
