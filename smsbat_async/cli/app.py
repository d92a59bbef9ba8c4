"""The tree of commands, and how one is run."""

import asyncio
import contextlib
import inspect
import sys
from collections.abc import Callable, Coroutine, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console

from smsbat_async.cli.exits import Exit, of_error
from smsbat_async.cli.options import shown_default
from smsbat_async.cli.screen import Screen, printable, silence
from smsbat_async.errors import SmsBatError

HERE: Final = "smsbat_async.cli"

COMMANDS: Final = {
    "send": "send:send",
    "status": "status:status",
    "watch": "watch:watch",
    "sandbox": "sandbox:sandbox",
    "completion": "completion:completion",
}
CAMPAIGN: Final = {
    "run": "run:run",
    "resume": "resume:resume",
    "status": "standing:standing",
    "pause": "pause:pause",
    "settle": "settle:settle",
    "report": "report:report",
    "export": "export:export",
}
CONFIG: Final = {"check": "config:check"}
GROUPS: Final = frozenset({"campaign", "config"})


def tree(*, whole: bool = False) -> App:
    """Return the tree of commands; the file of each is imported when the command is needed.

    Args:
        whole: Whether all are imported at once, so that a list of them can say what each does.
    """
    usual: Any = {
        "default_parameter": Parameter(negative=(), show_default=shown_default),
        "help_format": "markdown",
    }
    app = App(
        name="smsbat",
        help="Send messages through SMSBAT, follow them, and run campaigns that survive a crash.",
        version=_version,
        **usual,
    )
    campaign = App(name="campaign", help="Send a file of recipients, and follow each to its end.", **usual)
    config = App(name="config", help="Look at credentials and configuration.", **usual)
    for parent, commands in ((app, COMMANDS), (campaign, CAMPAIGN), (config, CONFIG)):
        for name, place in commands.items():
            parent.command(f"{HERE}.{place}", name=name)
            if whole:
                parent[name]  # pyright: ignore[reportUnusedExpression]  # looking it up imports it
    app.command(campaign)
    app.command(config)
    return app


def run(arguments: Sequence[str]) -> int:
    """Run the program.

    Args:
        arguments: What follows its name.

    Returns:
        Its exit code.
    """
    _forgive(sys.stdout, sys.stderr)
    return _ended(lambda: _parsed_and_run(arguments))


def _parsed_and_run(arguments: Sequence[str]) -> int:
    asks_for_list = not arguments or not {"--help", "-h"}.isdisjoint(arguments) or arguments[-1] in GROUPS
    console, errors = Console(highlight=False), Console(stderr=True, highlight=False)
    try:
        command, bound, _ = tree(whole=asks_for_list).parse_args(
            arguments, console=console, error_console=errors, exit_on_error=False, print_error=True
        )
    except CycloptsError:
        return Exit.USAGE
    return _code(command(*bound.args, **bound.kwargs))


def _ended(command: Callable[[], int]) -> int:
    """Return the exit code of a command, also where it fails."""
    try:
        return command()
    except SmsBatError as error:
        Screen().error(printable(str(error)))
        return of_error(error)
    except ImportError as error:  # an extra that this command needs
        Screen().error(str(_first(error)))
        return Exit.USAGE
    except KeyboardInterrupt:
        return Exit.STOPPED_AT_ONCE
    except BrokenPipeError:  # who reads the results has seen enough
        silence(sys.stdout)
        return Exit.FAILED


def _first(error: BaseException) -> BaseException:
    """Return the error that another one was raised for."""
    return error if error.__cause__ is None else _first(error.__cause__)


def _code(result: int | Coroutine[Any, Any, int] | None) -> int:
    if inspect.iscoroutine(result):
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return int(runner.run(result))
    return result if isinstance(result, int) else Exit.DONE


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the fast event loop, where the extra `fast` is installed."""
    with contextlib.suppress(ImportError):
        import uvloop

        return uvloop.new_event_loop
    return None


def _forgive(*files: Any) -> None:
    """Write what an encoding does not have as its number, rather than fail half-way."""
    for file in files:
        with contextlib.suppress(AttributeError, ValueError):
            file.reconfigure(errors="backslashreplace")


def _version() -> str:
    try:
        return version("smsbat-async")
    except PackageNotFoundError:  # run from a checkout
        return "unknown"
