"""The only place that knows URLs, header names and JSON keys."""
