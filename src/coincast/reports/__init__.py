"""Reports: tables in, pictures and pages out. Nothing here trains, forecasts or scores."""
