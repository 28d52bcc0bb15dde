"""The sentences of the article, each answered by a test over seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from coincast.articles.huang.blocks import Blocks, Floats
from coincast.articles.huang.comparisons import list_paired
from coincast.articles.huang.networks import configurations
from coincast.articles.huang.opponents import ratio_of
from coincast.articles.huang.published import HEADLINE, SECONDS_PER_EPOCH, TABLE
from coincast.articles.huang.training import values_of
from coincast.articles.remains import join_words
from coincast.reports.palette import BETTER, NOT_DISTINGUISHABLE, WORSE

COLLAPSED = 10.0
"""A run has collapsed where its error is so many times the median of 2 and 3 layers."""
SLIGHTLY = 1.5
"""Ratio of errors up to which one is slightly worse."""


@dataclass(frozen=True)
class Answer:
    """What is left of a sentence.

    Attributes:
        sentence: of the article, in few words.
        answer: "yes", "no", "partly" or "not distinguishable".
        because: the figures, in a sentence.
        tests: the comparisons behind it.
    """

    sentence: str
    answer: str
    because: str
    tests: pl.DataFrame


def errors_of(runs: pl.DataFrame, name: str) -> Floats:
    """Squared errors of a network, by seed."""
    return runs.filter(pl.col("name") == name).sort("seed")["error"].to_numpy()


def answer_all(runs: pl.DataFrame, blocks: Blocks, persistence: float) -> list[Answer]:
    """Every sentence, in the order of the article.

    Args:
        runs: as `train_all` gives them.
        blocks: what they were trained on.
        persistence: squared error of repeating the last close.
    """
    return [
        is_leaky_always_better(runs),
        is_cnn_fastest(runs),
        is_headline_best(runs),
        is_gru_on_a_par(runs),
        does_deeper_follow(runs, blocks),
        does_four_layers_collapse(runs),
        does_any_beat_persistence(runs, persistence),
    ]


def is_leaky_always_better(runs: pl.DataFrame) -> Answer:
    """LeakyReLU against ReLU, the same network and seed."""
    pairs = {
        one.name.replace("ReLU", "LeakyReLU against ReLU"): (
            errors_of(runs, one.name.replace("ReLU", "LeakyReLU")),
            errors_of(runs, one.name),
        )
        for one in configurations()
        if one.activation == "ReLU"
    }
    table = list_paired(pairs)
    answer, better, worse = _ask_all(table)
    because = (
        f"Of {table.height} networks {better} {are(better)} better with LeakyReLU beyond chance, {worse} worse, and "
        f"the other {table.height - better - worse} cannot be told apart."
    )
    return Answer("LeakyReLU is always better than ReLU", answer, because, table)


def is_cnn_fastest(runs: pl.DataFrame) -> Answer:
    """Seconds of an epoch, each of CNN, GRU and LSTM against the others, epoch by epoch; how much worse the CNN is.

    The answer is about the CNN; whether the GRU is faster than the LSTM stands beside it.
    """
    names = {"CNN": "CNN 2 LeakyReLU", "GRU": "GRU tanh + LeakyReLU", "LSTM": HEADLINE}
    spans = dict(zip(names, _epoch_seconds(runs, list(names.values())), strict=True))
    kinds = list(combinations(names, 2)) if spans["CNN"].size else []
    pairs = {f"seconds of an epoch, {one} against {other}": (spans[one], spans[other]) for one, other in kinds}
    pairs["error, CNN 2 against LSTM"] = (errors_of(runs, "CNN 2 LeakyReLU"), errors_of(runs, HEADLINE))
    table = list_paired(pairs).with_columns(word=pl.col("word").str.replace(BETTER, "less").str.replace(WORSE, "more"))
    *times, errors = table.iter_rows(named=True)
    words = [row["word"] for (one, _), row in zip(kinds, times, strict=True) if one == "CNN"]
    if "more" in words:
        answer = "no"
    elif times and set(words) == {"less"}:
        answer = "yes" if errors["ratio"] < SLIGHTLY and errors["word"] != "less" else "partly"
    else:
        answer = NOT_DISTINGUISHABLE
    why = {"more": "as what it cannot see lets expect", "less": "so that here it is not the worse one"}
    because = (
        f"{_tell_times(dict(zip(kinds, times, strict=True)))} The CNN's error is {spell_times(errors['ratio'])} that "
        f"of the LSTM, {why.get(errors['word'], 'which chance may have done')}."
    )
    return Answer("the CNN is fastest, and slightly worse", answer, because, table)


def _tell_times(times: dict[tuple[str, str], dict[str, Any]]) -> str:
    """How an epoch of each kind compares with that of another: faster, slower, or neither beyond chance."""
    if not times:
        return "Seconds of an epoch were not measured here."
    speed = {"less": "faster", "more": "slower"}
    told = join_words(
        [
            f"the {one} takes {spell_times(row['ratio'])} the seconds of the {other} "
            f"({speed.get(row['word'], 'not told apart')})"
            for (one, other), row in times.items()
        ]
    )
    published = join_words([f"{seconds:g} ({kind})" for kind, seconds in SECONDS_PER_EPOCH.items()])
    return f"For an epoch {told}; in the article it takes {published} seconds."


def is_headline_best(runs: pl.DataFrame) -> Answer:
    """LSTM with tanh and LeakyReLU against each of the other nine."""
    own = errors_of(runs, HEADLINE)
    table = list_paired(
        {
            f"{HEADLINE} against {one.name}": (own, errors_of(runs, one.name))
            for one in configurations()
            if one.name != HEADLINE
        }
    )
    answer, better, worse = _ask_all(table)
    because = f"It is better than {better} of the other {table.height} networks beyond chance, and worse than {worse}."
    return Answer("the LSTM with tanh and LeakyReLU is best", answer, because, table)


def is_gru_on_a_par(runs: pl.DataFrame) -> Answer:
    """GRU against LSTM, the same activation and seed."""
    pairs = {
        f"GRU against LSTM, {word}": tuple(errors_of(runs, f"{kind} tanh + {word}") for kind in ("GRU", "LSTM"))
        for word in ("ReLU", "LeakyReLU")
    }
    table = list_paired(pairs)  # type: ignore[arg-type]
    apart = table.filter(pl.col("word") != NOT_DISTINGUISHABLE).height
    ratios = " and ".join(spell_times(ratio) for ratio in table["ratio"])
    because = f"Its error is {ratios} that of the LSTM (ReLU, LeakyReLU)."
    return Answer("the GRU is on a par with the LSTM", "no" if apart else NOT_DISTINGUISHABLE, because, table)


def does_deeper_follow(runs: pl.DataFrame, blocks: Blocks) -> Answer:
    """CNN 3 against CNN 2: how its 16 steps move with the price inside a block, and its error."""
    _, future = blocks.pieces(blocks.validation)
    follow = {
        name: np.array([follow_moves(values_of(row), future) for row in runs.filter(name=name).sort("seed").to_dicts()])
        for name in ("CNN 2 LeakyReLU", "CNN 3 LeakyReLU")
    }
    two, three = follow.values()
    # What is not followed, so that less is better as of an error; a correlation can be negative.
    pairs = {
        "movement that is not followed, CNN 3 against CNN 2": (1 - three, 1 - two),
        "error, CNN 3 against CNN 2": (errors_of(runs, "CNN 3 LeakyReLU"), errors_of(runs, "CNN 2 LeakyReLU")),
    }
    table = list_paired(pairs)
    word = table["word"][0]
    answer = {BETTER: "yes", WORSE: "no"}.get(word, NOT_DISTINGUISHABLE)
    because = (
        f"Inside a block its steps correlate with the price by {np.median(three):+.2f} (2 layers: "
        f"{np.median(two):+.2f}; 1 would be a perfect path, 0 none)."
    )
    return Answer("three layers follow local movement better", answer, because, table)


def follow_moves(said: Floats, future: Floats) -> float:
    """Mean over blocks of the correlation of the forecast path with the price, 0 where either does not move."""
    a, b = (part - part.mean(axis=1, keepdims=True) for part in (said, future))
    size = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.where(size > 0, (a * b).sum(axis=1) / size, 0.0).mean())


def does_four_layers_collapse(runs: pl.DataFrame) -> Answer:
    """How many runs of CNN 4 with LeakyReLU end as the published one did, at a hundred times the error.

    They are measured against 2 and 3 layers with LeakyReLU, not against 4 layers with ReLU, which may be ruined, too.
    """
    names = ("CNN 2 LeakyReLU", "CNN 3 LeakyReLU")
    leaky, plain = errors_of(runs, "CNN 4 LeakyReLU"), errors_of(runs, "CNN 4 ReLU")
    usual = float(np.nanmedian(np.concatenate([errors_of(runs, name) for name in names])))
    collapsed, of_plain = (int((~(errors < COLLAPSED * usual)).sum()) for errors in (leaky, plain))
    table = list_paired({f"CNN 4 LeakyReLU against {name}": (leaky, errors_of(runs, name)) for name in names})
    published = TABLE["CNN 4 LeakyReLU"].error / np.median([TABLE[name].error for name in names])
    answer = "yes" if not collapsed else "no" if collapsed > leaky.size / 2 else "partly"
    because = (
        f"Measured against 2 and 3 layers with LeakyReLU, {collapsed} of {leaky.size} runs collapse (an error beyond "
        f"{COLLAPSED:g} times their median); the median run has {spell_times(float(np.nanmedian(leaky)) / usual)} "
        f"their error, the published one had {spell_times(published)}. With ReLU {of_plain} of {plain.size} collapse: "
        f"{spell_times(float(np.nanmedian(plain)) / usual)}. "
        + ("No run here does what the published one did." if not collapsed else "")
        + ("So it is no single mishap." if collapsed > 1 else "")
    ).rstrip()
    return Answer("the four-layer LeakyReLU result is probably a mistake", answer, because, table)


def does_any_beat_persistence(runs: pl.DataFrame, persistence: float) -> Answer:
    """Each network against repeating the last close, on the same blocks."""
    pairs = {}
    for one in configurations():
        own = errors_of(runs, one.name)
        pairs[f"{one.name} against persistence"] = (own, np.full(own.size, persistence))
    table = list_paired(pairs)
    below = sum(int((own < persistence).sum()) for own, _ in pairs.values())
    total = sum(own.size for own, _ in pairs.values())
    winners = table.filter(pl.col("word") == BETTER).height
    best = min(float(np.nanmin(own)) for own, _ in pairs.values())
    answer = "yes" if winners else "no" if not below else "partly"
    because = (
        f"{below} of {total} runs {'has' if below == 1 else 'have'} a smaller error than repeating the last close, the "
        f"best of all of them {spell_times(ratio_of(best, persistence))} its error; {winners} of {table.height} "
        f"networks {'beats' if winners == 1 else 'beat'} it beyond the chance of seeds."
    )
    return Answer("a network beats the lag (asked of true persistence)", answer, because, table)


def level_sentence(training: float, validation: float, own: tuple[float, float]) -> Answer:
    """Whether the gap between training and validation loss is overfitting, or the level of the price.

    Args:
        training, validation: squared errors of persistence on either part, which learns nothing.
        own: the same of the article's best network.
    """
    gap, level = ratio_of(own[1], own[0]), ratio_of(validation, training)
    table = pl.DataFrame(
        {
            "question": ["persistence, which learns nothing", f"{HEADLINE}, median of the seeds"],
            "training": [training, own[0]],
            "validation": [validation, own[1]],
            "validation / training": [level, gap],
        }
    )
    because = (
        f"The validation loss is {spell_times(gap)} the training loss; that of repeating the last close, which learns "
        f"nothing and cannot overfit, {spell_times(level)}. "
    )
    if gap <= 1:
        because += "Here is no gap to explain: the training loss, which is taken with dropout, is the larger one"
        because += ", and the level of the price alone would make it so." if level < 1 else "."
    elif gap > level:
        because += "What is left to overfitting is the difference between these two."
    elif level >= gap:
        because += "The level of the price alone makes a gap of that size: nothing is left to overfitting."
    answer = "partly" if gap > max(1.0, 1.5 * level) else "no"
    return Answer("the gap between the two losses is overfitting", answer, because.rstrip(), table)


def _ask_all(table: pl.DataFrame) -> tuple[str, int, int]:
    """Whether all of some comparisons say "better", and how many say "better" and "worse"."""
    better, worse = (table.filter(pl.col("word") == word).height for word in (BETTER, WORSE))
    partly = "partly" if better else NOT_DISTINGUISHABLE
    return "yes" if better == table.height else "no" if worse else partly, better, worse


def _epoch_seconds(runs: pl.DataFrame, names: list[str]) -> list[Floats]:
    """Seconds of as many epochs as were timed of all these networks, all seeds together; empty where none was."""
    listed = [runs.filter(pl.col("name") == name)["epoch_seconds"][0] for name in names]
    spans = [np.array([] if one is None else one.to_list(), dtype=np.float64) for one in listed]
    shortest = min(map(len, spans))
    return [one[:shortest] for one in spans]


def are(number: int) -> str:
    """The verb of so many things."""
    return "is" if number == 1 else "are"


def spell_times(ratio: float) -> str:
    """A ratio in words: "2.31 times"."""
    if not math.isfinite(ratio):
        return "an unknown number of times"
    return f"{ratio:.2f} times" if ratio < 10 else f"{ratio:,.0f} times"
