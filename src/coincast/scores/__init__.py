"""Scores: every error beside the naive one's, with its uncertainty and a word."""
