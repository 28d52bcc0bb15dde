"""Does a forecast name the direction of the next move? Judged against the last price that was known."""

from coincast.scores.direction.article import article_sentences
from coincast.scores.direction.counts import article_direction, forecasts_to_tell, hit_rate_needed, interval_of_share
from coincast.scores.direction.moves import Moves, take_moves
from coincast.scores.direction.table import DIRECTION_COLUMNS, direction_table, judge_direction
from coincast.scores.direction.timing import Timing, pesaran_timmermann
from coincast.scores.direction.words import direction_sentence

__all__ = [
    "DIRECTION_COLUMNS",
    "Moves",
    "Timing",
    "article_direction",
    "article_sentences",
    "direction_sentence",
    "direction_table",
    "forecasts_to_tell",
    "hit_rate_needed",
    "interval_of_share",
    "judge_direction",
    "pesaran_timmermann",
    "take_moves",
]
