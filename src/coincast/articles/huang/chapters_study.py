"""The chapters of the regulariser study, and of the combinations that the article left open."""

from __future__ import annotations

from functools import partial

import polars as pl

from coincast.articles.drawn import make_picture
from coincast.articles.huang import pictures_study
from coincast.articles.huang.chapters import held_back
from coincast.articles.huang.combinations import NO_PENALTY, compare_last, rank_settings
from coincast.articles.huang.comparisons import describe_scores, welch_of_figures
from coincast.articles.huang.durations import spell_duration
from coincast.articles.huang.found import Found, Published
from coincast.articles.huang.pictures import square_of
from coincast.articles.huang.published import BIAS, REPEATS, WINNER
from coincast.articles.huang.regularisers import (
    AS_BAD,
    AS_BAD_RUNS,
    CONTROL,
    NONE,
    SETTINGS,
    TERMS,
    choose_fairly,
    compare_controls,
    compare_settings,
    count_as_bad,
    describe_file,
    describe_term,
    scores_of,
)
from coincast.articles.huang.sentences import are
from coincast.reports.numbers import amount, percent, things
from coincast.reports.palette import BETTER, WORSE
from coincast.reports.study import Chapter, Sheet
from coincast.scores.significance import ALPHA

MOST_PAIRS = 40


def box_plot(term: str) -> str:
    """What a page calls the published picture of a term."""
    return f"box plot of the {term} regulariser"


def tell_study(found: Found, published: Published) -> list[Chapter]:
    """A chapter on what the study says, and one for each term."""
    compared = compare_settings(published.study)
    return [_tell_study(found, published, compared), *(_tell_term(found, published, compared, term) for term in TERMS)]


def _tell_study(found: Found, published: Published, compared: pl.DataFrame) -> Chapter:
    study = published.study
    better, worse = (compared.filter(pl.col("word") == word).height for word in (BETTER, WORSE))
    own = compared.filter((pl.col("term") == "bias") & (pl.col("setting") == WINNER)).row(0, named=True)
    mean, std, control, control_std = *BIAS[WINNER][:2], *BIAS[NONE][:2]
    t, p = welch_of_figures(mean, std, control, control_std, REPEATS)
    means = compare_controls(study)["mean"].to_numpy()
    as_bad = int(count_as_bad(study, found.blocks)[AS_BAD_RUNS].sum())
    halves = (
        ""
        if found.blocks.has_halves
        else " There is one held-back block here, which has no two halves, so that nothing can be chosen on one of "
        "them and looked at on the other; tables of that are left out."
    )
    return Chapter(
        title="The study of penalties",
        text=(
            f"Four terms of the LSTM are penalised in turn, each in {len(SETTINGS)} settings, {published.repeats} "
            f"times: {study.height:,} trainings. The article concludes that {WINNER} on the bias is best: a mean of "
            f"{mean:,} USD\u00b2 against {control:,} without any penalty.",
            f"Its own figures do not carry that: Welch's t is {t:.2f} (p {p:.2f}) with {REPEATS} runs each. Here it is "
            f"{own['Welch t']:.2f} (p {own['Welch p']:.2f}), and by ranks: {own['word']}.",
            "The control is the same network four times over, with other seeds. Its means reach from "
            f"{amount(means.min())} to {amount(means.max())}: so much is chance alone. By ranks with Holm's "
            f"adjustment {better} of {compared.height} settings {are(better)} better than no penalty, and {worse} "
            f"{are(worse)} worse. {things(as_bad, 'run')} of {study.height:,} {are(as_bad)} as bad as a constant.",
            f"The article chooses a setting and praises it on the same blocks.{halves}",
        ),
        exhibits=_study_sheets(found, study, compared),
    )


def _study_sheets(found: Found, study: pl.DataFrame, compared: pl.DataFrame) -> tuple[Sheet, ...]:
    said, as_bad = held_back(found.blocks), count_as_bad(study, found.blocks).filter(pl.col(AS_BAD_RUNS) > 0)
    sheets = [
        Sheet(
            "study-welch",
            "Means, as published: Welch's test",
            f"{said}. t above 0: lower than the control.",
            compared.select("term", "setting", "mean", "control's mean", "Welch t", "Welch p"),
            "faithful",
        ),
        Sheet(
            "study-ranks",
            "Ranks of the raw scores",
            f"{said}. Chance: that a run with the penalty has the smaller error. Holm's adjustment over all "
            f"{compared.height}.",
            compared.select("term", "setting", "median", CONTROL, "chance", "rank p", "Holm p", "word"),
            "fair",
        ),
        Sheet("study-controls", "The controls: one setting, other seeds", f"{said}.", compare_controls(study), "fair"),
        Sheet(
            "study-collapsed",
            "Runs that are as bad as a constant",
            f"{said}. An error of {percent(AS_BAD, digits=0)} or more of that of the mean of the training blocks. "
            "Settings without any are left out.",
            as_bad,
            "faithful",
        ),
    ]
    if found.blocks.has_halves:
        words = f"{said}, the first half to choose by."
        sheets.append(
            Sheet("study-halves", "Chosen on one half, looked at on the other", words, choose_fairly(study), "fair")
        )
    return tuple(sheet for sheet in sheets if sheet.table.height)


def _tell_term(found: Found, published: Published, compared: pl.DataFrame, term: str) -> Chapter:
    study, unit, said = published.study, square_of(found.blocks), held_back(found.blocks)
    own = compared.filter(pl.col("term") == term)
    words = dict(zip(own["setting"], own["word"], strict=True))
    repeats = things(published.repeats, "repeat")
    flawed = (
        f"{said}. As published, each box is drawn from the 8 rows of describe(): count, mean, standard deviation, "
        f"least, quartiles and largest, as if they were scores. {tell_count(study, term)}"
    )
    raw = (
        f"{said}. {repeats} of each setting. Box: quartiles; bar: median; dot: one run; dashes: the last close. Word: "
        f"ranks against no penalty, Holm's adjustment over all {compared.height} comparisons."
    )
    best = own.sort("median").row(0, named=True)
    return Chapter(
        title=f"Penalties on the {term}" + (", which the article shows" if term == "bias" else ""),
        text=(
            f"Of the penalties {best['setting']} has the least median: {amount(best['median'])} {unit} beside "
            f"{amount(best[CONTROL])} {unit} without one; by ranks it is {best['word']}. Repeating the last close: "
            f"{amount(found.persistence)} {unit}.",
        ),
        exhibits=(
            make_picture(
                f"boxes-{term}-published",
                f"Penalties on the {term}: boxes as published",
                flawed,
                partial(pictures_study.draw_published_boxes, study, term, unit),
                side="faithful",
                repeats=box_plot(term),
            ),
            make_picture(
                f"boxes-{term}",
                f"Penalties on the {term}: the raw scores",
                raw,
                partial(pictures_study.draw_raw_boxes, study, term, found.persistence, words, unit),
                side="fair",
                repeats=box_plot(term),
            ),
            Sheet(
                f"describe-{term}",
                f"describe() of the {term} penalties",
                f"{said}, {unit}. Derived from the raw scores; the published columns are of other candles.",
                describe_term(study, term),
                "faithful",
                f"describe() table of the {term} regulariser",
            ),
            Sheet(
                f"file-{term}",
                f"The article's file lstm_{term}_reg.csv",
                f"{said}, {unit}.",
                describe_file(study, term),
                "faithful",
            ),
            Sheet(
                f"scores-{term}",
                f"Raw scores of the {term} penalties",
                f"{said}, {unit}. What the article did not keep.",
                study.filter(pl.col("term") == term).drop("seconds"),
                "fair",
            ),
        ),
    )


def tell_count(study: pl.DataFrame, term: str) -> str:
    """Where the number of repeats lies in the published boxes of a term: lowest only where every score is larger."""
    figures = [describe_scores(scores_of(study, term, setting)) for setting in SETTINGS]
    count = figures[0]["count"]
    above = all(not figure <= count for one in figures for name, figure in one.items() if name != "count")
    return f"{'Its lowest point' if above else 'One of its points'} is the number of repeats, {count}."


def tell_combinations(found: Found, published: Published) -> list[Chapter]:
    """All pairs, and the grid of all four terms; nothing where they were left out."""
    searched = published.searched
    if searched is None:
        return []
    said, last, pairs = held_back(found.blocks), compare_last(searched.final), rank_settings(searched.pairs)
    best, better = last.row(0, named=True), last.filter((pl.col("Holm p") < ALPHA) & (pl.col("chance") > 0.5)).height
    tested = last["chance"].count()
    names = ", ".join(f"{term} {best[term]}" for term in TERMS)
    control = last.row(by_predicate=pl.concat_list(TERMS) == list(NO_PENALTY), named=True)
    kept = ", that without any penalty among them" if searched.kept_control else ""
    caption = f"{said}. Chosen by the mean on the first half of the blocks; the second half saw no choice."
    return [
        Chapter(
            title="What the article left open: combinations",
            text=(
                "For lack of hardware the article tried no two penalties at once. Here are "
                f"{things(pairs.height, 'pair')}, {things(int(pairs['repeats'][0]), 'time')} each, and the grid of all "
                f"four terms ({searched.rounds['settings'][0]:,} settings), halved until {searched.last} are "
                f"left{kept}, which have {things(int(best['repeats']), 'run')} each. That took "
                f"{spell_duration(searched.pair_seconds)} and {spell_duration(searched.grid_seconds)} of training.",
                f"First comes {names}: on the blocks that nothing was chosen by its median is "
                f"{amount(best['second_half'])}, without any penalty {amount(control['second_half'])}. {better} of "
                f"{tested} settings with a penalty {are(better)} better than none there beyond chance.",
            ),
            exhibits=(
                Sheet("pairs", "Pairs of penalties", f"{caption} The first of {pairs.height}.", pairs.head(MOST_PAIRS)),
                Sheet("halving", "Rounds of halving", said + ".", searched.rounds),
                Sheet("halving-last", "The last settings", f"{caption} They are tested against no penalty.", last),
            ),
        )
    ]
