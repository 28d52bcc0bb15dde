"""Coincast."""
