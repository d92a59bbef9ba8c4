"""Measurements that have a process of their own, so that none disturbs the next."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def run(module: str, *arguments: object, authority: Path | None = None) -> Any:
    """Run a module of the benchmarks in a child process, and return what it prints, read as JSON.

    Args:
        module: Its name, without the package.
        arguments: The words of its command line.
        authority: The certificate of the one authority that the child trusts, or None for the usual ones.
    """
    # Every client but a few reads it, also those whose contexts are made when they are imported.
    trust = {} if authority is None else {"SSL_CERT_FILE": str(authority)}
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", *(str(argument) for argument in arguments)],
        cwd=Path(__file__).resolve().parent.parent,
        env={**os.environ, **trust},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)
