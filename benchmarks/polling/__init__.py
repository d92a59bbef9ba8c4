"""The parts of the comparison of polling policies."""
