"""With and without: what outside series, features and training rows are worth."""
