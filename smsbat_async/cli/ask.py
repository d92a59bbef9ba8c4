"""Asking the person at the terminal."""

import sys

from smsbat_async.cli.screen import Screen
from smsbat_async.cli.stdin import read_block

YES = frozenset({"y", "yes"})


def can_ask(screen: Screen) -> bool:
    """Return whether there is somebody to ask.

    Args:
        screen: Where questions are written.
    """
    return sys.stdin.isatty() and screen.err_is_terminal


async def ask(screen: Screen, question: str) -> bool:
    """Ask a question, and return whether the answer is yes; anything else is no.

    Args:
        screen: Where to write it.
        question: The question.
    """
    screen.prompt(f"{question} [y/N] ")
    answer = await read_block()
    return answer.decode(errors="replace").strip().lower() in YES
