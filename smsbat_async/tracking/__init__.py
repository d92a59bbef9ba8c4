"""Following messages to their end."""
