"""The leakage audit: change the future, and demand that nothing before it changes by a single bit."""
