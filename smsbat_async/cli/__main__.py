"""`smsbat` and `python -m smsbat_async.cli`: where the command line starts."""

import sys

from smsbat_async.cli.exits import Exit

MISSING = "the command line needs: pip install 'smsbat-async[cli]'"


def main() -> None:
    """Run the program on the arguments of the process, and end the process with its exit code."""
    try:
        from smsbat_async.cli.app import run
    except ImportError as error:
        if error.name is not None and error.name.partition(".")[0] == "smsbat_async":
            raise
        sys.stderr.write(f"{MISSING}\n")
        sys.exit(Exit.USAGE)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
