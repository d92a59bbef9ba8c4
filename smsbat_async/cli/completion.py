"""`smsbat completion`: a script by which a shell completes commands and options."""

from typing import Literal

from smsbat_async.cli.exits import Exit
from smsbat_async.cli.screen import Screen


def completion(shell: Literal["bash", "zsh", "fish"], /) -> int:
    """Write the completion script of a shell: `eval "$(smsbat completion bash)"` in its start-up file.

    Args:
        shell: The shell.
    """
    from smsbat_async.cli.app import tree

    Screen().result(tree(whole=True).generate_completion(shell=shell))
    return Exit.DONE
