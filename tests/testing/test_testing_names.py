"""The names of the test kit, which are imported when they are asked for."""

import subprocess
import sys

import pytest

from smsbat_async import testing


def test_every_public_name_is_there() -> None:
    assert sorted(testing.__all__) == testing.__all__
    assert [getattr(testing, name).__name__ for name in testing.__all__] == testing.__all__


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match=r"module 'smsbat_async\.testing' has no attribute 'Fake'"):
        _ = testing.Fake


def test_importing_the_plugin_brings_no_sandbox_and_no_http_library() -> None:
    code = "import sys, smsbat_async.testing.plugin; print(*sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True, timeout=30
    )
    loaded = set(found.stdout.split())
    assert "smsbat_async.testing.plugin" in loaded
    own = {name for name in loaded if name.startswith(("smsbat_async.testing.", "smsbat_async.sandbox"))}
    assert own == {"smsbat_async.testing.plugin"}
    assert "aiohttp" not in loaded
