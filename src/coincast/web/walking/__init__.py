"""Article 0's random walks on stored markets: the ground they are drawn on, and how often they look like forecasts."""
