"""The judge on markets whose truth is known: how often it errs, and what it finds."""
