"""The chapters of the fair way: the direction, whether the network knows more than an autoregression, and returns."""

from __future__ import annotations

from functools import partial

import polars as pl

from coincast.articles.drawn import make_picture
from coincast.articles.fmz import pictures_fair
from coincast.articles.fmz.directions import SAME_WAY
from coincast.articles.fmz.fair import AUTOREGRESSIONS, NAME, STEPS, FairAnswer
from coincast.articles.fmz.reversion import LIMIT, measure_reversion, say_reversion
from coincast.articles.fmz.work import FAIR_NETWORK, Work
from coincast.articles.remains import join_words, judged_row
from coincast.articles.rivals import say_beside_rival
from coincast.reports.numbers import amount, model_name, percent, quote_currency, things
from coincast.reports.palette import BETTER
from coincast.reports.study import Chapter, Picture, Sheet


def tell_fair(work: Work, answer: FairAnswer) -> Chapter:
    """Every hour from the last known close, against the majority sign of the training rows; and the price itself."""
    from coincast.experiments.story import tell
    from coincast.reports.pictures_models import draw_skill

    hours, moves = work.hours, work.hours.test_moves
    origins, ties = f"{len(moves):,}", int((moves == 0).sum())
    [own] = work.judged.filter(pl.col("model") == FAIR_NETWORK).to_dicts()
    story = tell(answer.result).sections()[0]
    return Chapter(
        title=f"Asked fairly: which way from here, at every {hours.noun}?",
        text=(
            f"There are {origins} origins, {hours.noun}s after training whose next close is forecast. The forecast "
            "names a direction from the close that is known then, and is right where the next close lies that way. "
            f"{ties:,} of the moves are ties, which nobody can hit; {percent(float((moves > 0).mean()), digits=2)} go "
            "up. The yardstick is the direction that most moves of the training rows had, said every time.",
            "The fair network has the article's layers, sees returns in place of levels, is scaled by its training "
            "rows, and stops at the epoch that was best on rows that are neither training nor test. " + own["sentence"],
            *say_beside(work),
            tell_ahead(answer, hours.noun),
        ),
        exhibits=(
            Sheet(
                "fair-directions",
                "Directions over all test candles",
                f"{hours.market}: {origins} origins. p: against the majority sign, by the test that judges. "
                f"{STEPS} {hours.noun}s ahead: from what is known at the origin, where {STEPS} {hours.noun}s follow.",
                _fair_table(work, answer),
                side="fair",
            ),
            Picture(
                "fair-skill",
                "The same forecasts as prices",
                f"{hours.market}: skill beside the last close, {origins} origins.",
                lambda theme: draw_skill(story, theme=theme),  # type: ignore[arg-type,return-value]
                side="fair",
            ),
        ),
    )


def say_beside(work: Work) -> list[str]:
    """How often the network as published is right, and whoever says that the price goes on the way it last went."""
    names = {SAME_WAY: "Saying that the price goes on the way it last went"}
    if work.learnt is not None:
        runs = things(len(work.learnt.prices), "run")
        names = {work.learnt.mean_name: f"The mean forecast of {runs} of the network as published"} | names
    rows = work.judged.filter(pl.col("model").is_in(list(names))).drop_nulls("hit_rate").to_dicts()
    return [
        f"{names[row['model']]}, asked the same at every {work.hours.noun}, is right in {percent(row['hit_rate'])} of "
        f"{row['n']:,} (between {percent(row['low'])} and {percent(row['high'])})."
        for row in rows
    ]


def tell_ahead(answer: FairAnswer, noun: str) -> str:
    """What the network's direction over the article's jump is worth when no move of it is known."""
    row = answer.ahead.row(0, named=True)
    told = f"{row['sentence'][0].lower()}{row['sentence'][1:]}"
    rises = "" if row["majority_hit_rate"] is None else f" {percent(row['rises'])} of these moves were rises."
    return f"The formula's move lasts {STEPS} {noun}s. Asked for such a move when none of it is known, {told}{rises}"


def tell_rivals(work: Work, answer: FairAnswer) -> Chapter:
    """The price itself: what the network gains beside the last close, and whether an autoregression gains as much."""
    hours, steps = work.hours, answer.steps
    reversion = measure_reversion(hours)
    lags = (
        f"{hours.market}: log returns, cut at {LIMIT:g} robust deviations, of {hours.first_origin:,} training rows and "
        f"of the {len(hours.close) - hours.first_origin:,} rows after them. Band: chance alone, in 95 of 100 cases."
    )
    ahead = f"{hours.market}: {steps['n'][0]:,} origins, each step by itself; band: 95 % interval of the network's."
    beside = f"{hours.market}: {answer.rivals['n'][0]:,} origins; skill beside the rival, and its test (Holm)."
    return Chapter(
        title="The price itself: more than an autoregression knows?",
        text=(
            f"{answer.result.sentence} {tell_gain(answer)}",
            say_reversion(reversion, hours.noun),
            "An autoregression is a weighted sum of the last returns, fitted in a blink on the same training rows; the "
            f"robust one cuts them as above. {tell_reach(steps, hours.noun)}",
        ),
        exhibits=(
            make_picture(
                "reversion",
                "Does a move come back?",
                lags,
                partial(pictures_fair.draw_reversion, reversion, noun=hours.noun),
                side="fair",
            ),
            make_picture(
                "reach",
                "How far ahead is there any skill?",
                ahead,
                partial(pictures_fair.draw_reach, steps, NAME, noun=hours.noun),
                side="fair",
            ),
            Sheet("rivals", "The network beside autoregressions", beside, _rivals_table(answer), side="fair"),
            Sheet("reach-table", "Skill at each step ahead", ahead, _named(steps), side="fair"),
        ),
    )


def tell_gain(answer: FairAnswer) -> str:
    """Whether what the network gains is more than an autoregression gains, in one sentence with its figures."""
    row, best = answer.price_row, answer.rivals.row(0, named=True)
    if row["skill"] is None:
        return ""
    told = say_beside_rival("network", row["skill"], answer.rivals)
    alone = judged_row(answer.result, row["market"], best["rival"])["verdict"]
    if row["verdict"] == alone == BETTER and best["verdict"] != BETTER:
        return f"It takes no network for that: {told}"
    return f"Beside the best of {answer.rivals.height} autoregressions: {told}"


def tell_reach(steps: pl.DataFrame, noun: str) -> str:
    """The network's skill one step ahead and at the last one, and where its test finds any."""
    own = steps.filter(pl.col("model") == NAME).sort("step")
    first, last = own.row(0, named=True), own.row(-1, named=True)
    better = own.filter(pl.col("verdict") == BETTER)["step"].to_list()
    places = f"{join_words([*map(str, better)])} {noun}{'' if better == [1] else 's'} ahead"
    return (
        f"Asked for several {noun}s at once, the network saves {percent(first['skill'], signed=True)} of the last "
        f"close's error one {noun} ahead and {percent(last['skill'], signed=True)} {last['step']} {noun}s ahead; it is "
        f"better than the last close {places if better else f'at none of the {own.height} steps'}."
    )


def tell_returns(work: Work) -> Chapter:
    """How far levels miss where the price is new, and returns beside them."""
    hours = work.hours
    unit = quote_currency(hours.market)
    bins = work.shortfalls()
    top = {row["forecast"]: row["bias"] for row in bins.sort("price").iter_rows(named=True)}
    told = "; ".join(f"{name} {amount(bias, unit)}" for name, bias in top.items())
    caption = (
        f"{hours.market}: mean of forecast minus close over {len(hours.test_origins):,} unseen {hours.noun}s, in "
        "bins of the price."
    )
    return Chapter(
        title="Levels or returns",
        text=(
            "A network that learns the height of the price has seen no height beyond that of its training rows; a "
            f"return has none. In the highest bin the mean error is: {told}.",
            "The article itself suggests return rates."
            + ("" if work.answer is None else " Whether they tell the next move is another question."),
        ),
        exhibits=(
            make_picture(
                "shortfall",
                "Where the level is new",
                caption,
                partial(pictures_fair.draw_shortfall, bins, unit=unit, highest=hours.highest_learnt),
            ),
        ),
    )


def _rivals_table(answer: FairAnswer) -> pl.DataFrame:
    names = {
        "rival": "rival",
        "rival_skill": "rival's skill, last close 0",
        "skill": "network's skill, rival 0",
        "low": "low",
        "high": "high",
        "p_holm": "p (Holm)",
        "verdict": "the network is",
        "n": "n",
    }
    return answer.rivals.select(list(names)).rename(names)


def _named(steps: pl.DataFrame) -> pl.DataFrame:
    names = {name: model_name(name) for name in (NAME, *AUTOREGRESSIONS)}
    return steps.with_columns(pl.col("model").replace(names)).rename({"p_holm": "p (Holm)"})


def _fair_table(work: Work, answer: FairAnswer) -> pl.DataFrame:
    names = {
        "model": "forecast",
        "n": "n",
        "hit_rate": "right",
        "low": "low",
        "high": "high",
        "majority_hit_rate": "majority sign",
        "p": "p",
        "ties": "ties",
        "hit_rate_with_ties": "right, ties as misses",
    }
    ahead = answer.ahead.with_columns(model=pl.lit(f"{FAIR_NETWORK}, {STEPS} {work.hours.noun}s ahead"))
    rows = pl.concat([work.judged, ahead])
    return rows.select(list(names)).rename(names).sort("right", descending=True, nulls_last=True)
