"""Which Chromium is taken."""

from pathlib import Path

from tests.sandbox_page.browser import VARIABLE, find_chromium


def test_the_named_one_goes_before_playwrights_own_and_that_before_one_on_the_path(tmp_path: Path) -> None:
    own = tmp_path / "own"
    installed = tmp_path / "chromium"
    installed.touch(mode=0o755)
    environ = {VARIABLE: "named", "PATH": str(tmp_path)}
    assert find_chromium(str(own), environ) == "named"
    del environ[VARIABLE]
    assert find_chromium(str(own), environ) == str(installed)
    own.touch()
    assert find_chromium(str(own), environ) == str(own)
    own.unlink()
    installed.rename(tmp_path / "google-chrome")
    assert find_chromium(str(own), environ) == str(tmp_path / "google-chrome")
    assert find_chromium(str(own), {"PATH": ""}) is None
