"""Recurrent layers with hand-written backward passes, for one sample."""
