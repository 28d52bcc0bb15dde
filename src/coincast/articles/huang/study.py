"""Article 2 told again: what was claimed, what it measures, what copying the last close scores, and what remains."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from coincast.articles.bench import Bench
from coincast.articles.huang.about import ABOUT
from coincast.articles.huang.blocks import Blocks
from coincast.articles.huang.chapters import tell_data, tell_table, tell_views
from coincast.articles.huang.chapters_claims import tell_copies, tell_plot, tell_sentences
from coincast.articles.huang.chapters_fair import tell_fair
from coincast.articles.huang.chapters_study import tell_combinations, tell_study
from coincast.articles.huang.fair import ENSEMBLE
from coincast.articles.huang.flaws import list_flaws
from coincast.articles.huang.found import Fair, Found, Published, find_all
from coincast.articles.huang.pictures import square_of
from coincast.articles.huang.published import HEADLINE, REPEATS, TABLE
from coincast.articles.huang.training import WEIGHTS, file_name
from coincast.errors import MissingPackageError
from coincast.reports.numbers import amount, base_currency, interval_name, percent, skill_span, things
from coincast.reports.study import Chapter, Outcome, Study

if TYPE_CHECKING:
    from coincast.experiments.judge import ModelJudgement

REMAINS = {
    "better": "better than repeating the last close",
    "worse": "worse than repeating the last close",
    "not distinguishable": "not distinguishable from repeating the last close",
    "too few": "judged on too few forecasts to say",
}


def study(bench: Bench) -> Study:
    """Repeat article 2 on the first market of the bench; further markets are inputs of the walk-forward.

    Raises:
        TooFewRowsError: candles for fewer than two blocks of 272, or none left for a part.
    """
    began = time.perf_counter()
    found = find_all(bench)
    files = _write_files(bench, found.blocks) if bench.faithful else ""
    outcome = _outcome(found, time.perf_counter() - began)
    return Study(
        article=ABOUT.name,
        title=ABOUT.title,
        author=ABOUT.author,
        published=ABOUT.published,
        claim=ABOUT.claim,
        finding=_finding(found),
        reasons=tuple(_reasons(found)),
        outcomes=(outcome,),
        chapters=tuple(_chapters(found)),
        flaws=tuple(list_flaws(found)),
        data=_data(found),
        notes=tuple(_notes(bench, found, files)),
        is_quick=bench.is_quick,
    )


def _chapters(found: Found) -> list[Chapter]:
    published, chapters = found.published, [tell_data(found), tell_views()]
    if published is not None:
        chapters += [tell_table(found, published), tell_plot(found, published), tell_sentences(found, published)]
    chapters.append(tell_copies(found))
    if published is not None:
        chapters += tell_study(found, published) + tell_combinations(found, published)
    return chapters + (tell_fair(found, found.fair) if found.fair is not None else [])


def judged_choice(fair: Fair) -> ModelJudgement:
    """What the judge says of the network that validation chose."""
    names = (fair.told.choice + ENSEMBLE, fair.told.choice)
    judged = {one.model: one for one in fair.judgement.models}
    return next(judged[name] for name in names if name in judged)


def _outcome(found: Found, seconds: float) -> Outcome:
    blocks, published, fair = found.blocks, found.published, found.fair
    choice = None if fair is None else judged_choice(fair)
    same = None if fair is None else fair.same_blocks
    return Outcome(
        article=ABOUT.name,
        market=blocks.market,
        metric="mean squared error, held-back blocks",
        unit=square_of(blocks),
        headline=TABLE[HEADLINE].error if base_currency(blocks.market) == "BTC" else None,
        faithful=None if published is None else published.headline,
        naive=found.persistence,
        fair=None if same is None else same[0],
        n=blocks.held_back if choice is None else choice.n,
        verdict=None if choice is None else choice.verdict,
        seconds=seconds,
        says=f"{_finding(found)} The published figure is of candles that are not to be had any more.",
        same_candles=False,
    )


def _finding(found: Found) -> str:
    parts = []
    if found.published is not None:
        runs = found.published.runs
        below = int((runs["error"] < found.persistence).sum())
        some = "none beats" if not below else "one beats" if below == 1 else f"{below} beat"
        parts.append(
            f"of {runs.height} runs of the ten networks, trained and chosen as published, {some} repeating the last "
            "close"
        )
    if found.fair is not None:
        verdict = judged_choice(found.fair).verdict
        parts.append(f"trained fairly, the {found.fair.told.choice.upper()} is {REMAINS[verdict]}")
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."


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
            f"{amount(median)} {unit} on {things(blocks.held_back, 'block')}: {median / found.persistence:,.1f} times "
            "that of the last close."
        )
    if found.fair is not None:
        choice = judged_choice(found.fair)
        reasons.append(
            f"Asked fairly, the {found.fair.told.choice.upper()} saves {percent(choice.skill, signed=True)} of the "
            f"error of the last close (95 % interval {skill_span(choice.low, choice.high)} %) on "
            f"{things(choice.n, 'origin')}."
        )
    return reasons


def _data(found: Found) -> str:
    candles = found.candles
    return (
        f"{found.blocks.market}, candles of {interval_name(found.blocks.interval)}, "
        f"{candles['open_time'][0]:%Y-%m-%d %H:%M} to {candles['close_time'][-1]:%Y-%m-%d %H:%M} UTC: "
        f"{candles.height:,} closes, {len(found.blocks):,} blocks, {things(found.gaps, 'gap')}."
    )


def _notes(bench: Bench, found: Found, files: str) -> list[str]:
    notes = [
        "The article's own candles (Poloniex, 2015-02-19 to 2017-12-29) can no longer be had; its published figures "
        "stand beside ours and are not met by them.",
    ]
    if found.published is not None:
        notes += _faithful_notes(bench, found, found.published, files)
    if found.fair is not None:
        markets = bench.candles["market"].unique(maintain_order=True).to_list()
        if len(markets) == 1:
            notes.append(
                "The walk-forward has the returns of one market as inputs; give candles of several coins for more."
            )
        if found.fair.months is None:
            notes.append("The walk-forward is left out: a tenth of these candles is too short for a month of it.")
        if found.fair.same_blocks is None:
            notes.append(
                "A gap cuts some of the held-back blocks, so there is no fair figure on the very same targets."
            )
    return notes


def _faithful_notes(bench: Bench, found: Found, published: Published, files: str) -> list[str]:
    blocks = found.blocks
    kept = "every seed" if bench.size == "long" else "the first seed"
    notes = [
        "Gates have the hard sigmoid of old Keras, no second tanh follows the recurrent layer of the table's networks "
        "(the scripts disagree), and the study's LSTM has the second tanh, as its script has it.",
        "Keras of that time summed a penalty on the activity over the batch of 8; here it is therefore 8 times the "
        "named strength of a mean.",
        f"Files as the article left them: a log of every run and weights after every epoch of {kept}, in {WEIGHTS}/ as "
        f"{_headline_name(blocks)}-EPOCH-LOSS.safetensors. {files}",
    ]
    if published.repeats < REPEATS:
        notes.append(
            f"The study has {published.repeats} repeats of each setting, not {REPEATS}; --long has all of them."
        )
    if published.pairs is None:
        notes.append("Combinations of penalties, which the article left open, take hours and are run with --long only.")
    if bench.is_quick:
        notes.append("A first look: few epochs, seeds and training blocks, so the networks are hardly trained.")
    return notes


def _headline_name(blocks: Blocks) -> str:
    """How the files of the headline's network begin."""
    from coincast.articles.huang.networks import configurations

    return file_name(blocks, next(one for one in configurations() if one.name == HEADLINE))


def _write_files(bench: Bench, blocks: Blocks) -> str:
    """Write the article's data file, and say where it is."""
    from coincast.samples.hdf5 import write_samples_file

    name = f"{_headline_name(blocks).partition('_close')[0]}_close.h5"
    try:
        write_samples_file(blocks.to_file(), bench.folder / "data" / name)
    except MissingPackageError as error:
        return f"The data file was not written: {error}."
    return f"The data file with its seven arrays is data/{name}."
