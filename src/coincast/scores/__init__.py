"""Scores: every error beside the naive one, with its uncertainty and a word."""

from coincast.scores.point import METRICS, Metric

__all__ = ["METRICS", "Metric"]
