"""Measurements of the SDK beside hand-written code; `python -m benchmarks` runs them."""
