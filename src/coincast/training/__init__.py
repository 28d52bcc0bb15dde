"""Training: many runs of a network in one program."""
