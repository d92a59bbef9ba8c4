"""`smsbat sandbox`: both vendors on this machine; nothing is sent."""

from typing import Annotated

from cyclopts import Parameter

from smsbat_async.cli.exits import Exit
from smsbat_async.sandbox.__main__ import main


def sandbox(*options: Annotated[str, Parameter(allow_leading_hyphen=True)]) -> int:
    """Serve both vendors on this machine; nothing is sent. `smsbat sandbox -- --help` lists its options.

    It prints one line that says where it listens and with which keys, and serves until Ctrl-C or SIGTERM.

    Args:
        options: What `python -m smsbat_async.sandbox` takes, as `--port 8025 --speed 20`.
    """
    try:
        return main(list(options))
    except SystemExit as ended:  # as argparse ends
        return ended.code if isinstance(ended.code, int) else Exit.USAGE
