"""Report: what became of a campaign, as figures, as JSON, and as a page."""
