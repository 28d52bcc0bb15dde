"""The resources under /api/v1, a module each: what an answer looks like, how it is made, and its address."""
