"""Article 3's direction by its own formula, beside what copying the last price scores by the same formula."""

from __future__ import annotations

import polars as pl

from coincast.forecasts.combine import MODEL_KEYS
from coincast.scores.direction.counts import article_direction
from coincast.scores.series import keep_ensembles
from coincast.scores.words import spoken_name

FEWEST_WINDOWS = 2


def article_sentences(forecasts: pl.DataFrame) -> list[str]:
    """What the formula of the 2019 tutorial makes of price forecasts, one sentence for each market and model.

    It takes the last target of each origin, in order of time, and compares neighbours (`article_direction`). Where the
    earlier target comes after the origin, its price was not known yet, and the sentence says so. Models with fewer
    than two such forecasts have no sentence.

    Args:
        forecasts: a table of forecasts with `actual` and `last_close`.
    """
    known = keep_ensembles(forecasts).filter(
        pl.col("quantity") == "price",
        pl.all_horizontal(pl.col("value", "actual", "last_close").is_finite()),
        pl.col("step") == pl.col("step").max().over(MODEL_KEYS),
    )
    several = known["market"].n_unique() > 1
    sentences = []
    for rows in known.partition_by(MODEL_KEYS, maintain_order=True):
        if rows.height < FEWEST_WINDOWS:
            continue
        ordered = rows.sort("target_time")
        actual, value, last = (ordered[name].to_numpy() for name in ("actual", "value", "last_close"))
        (hits, pairs), (copied, _) = article_direction(actual, value), article_direction(actual, last)
        name = spoken_name(rows["model"][0])
        market = f"{rows['market'][0]}: " if several else ""
        own, copy = (f"{count:,} of {pairs:,} directions ({100 * count / pairs:.1f} %)" for count in (hits, copied))
        sentences.append(
            f"{market}By the formula of the FMZ tutorial of 2019 {name[0].lower()}{name[1:]} hits {own}, and copying "
            f"the last price {copy}: {_tell_base(ordered)}."
        )
    return sentences


def _tell_base(ordered: pl.DataFrame) -> str:
    """What the formula compares with: the price at the target before, which may or may not have been known."""
    late = int((ordered["target_time"].shift(1) > ordered["origin"]).sum())
    if not late:
        return "it compares with the price at the target before, which was known when each forecast was made"
    share = "" if late == ordered.height - 1 else f" in {late:,} of {ordered.height - 1:,} cases"
    return (
        f"it compares with a price that was not known yet{share}, and measures no foresight{' there' if share else ''}"
    )
