"""The command line `smsbat`, with the extra `cli`; `__main__.py` is where it starts."""
