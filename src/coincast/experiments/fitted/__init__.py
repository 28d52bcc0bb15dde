"""Fitted networks: kept, saved, loaded, and asked again and again."""
