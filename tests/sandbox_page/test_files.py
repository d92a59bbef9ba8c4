"""What the page's files hold, and what they do not."""

import re
from pathlib import Path

import pytest

import smsbat_async.sandbox

FOLDER = Path(smsbat_async.sandbox.__file__).parent / "inbox"


def test_the_page_loads_nothing_from_elsewhere_and_parses_no_data() -> None:
    files = {path.name: path.read_text() for path in FOLDER.iterdir()}
    assert {"index.html", "inbox.css", "inbox.js"} <= set(files)
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|new Function|@import"
    )
    for name, text in files.items():
        assert not re.search(forbidden, text), name
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text), name
    html = files["index.html"]
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|<script(?![^>]*\ssrc=)", html)


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.js")))
def test_a_script_is_small_and_imports_only_what_is_there(name: str) -> None:
    text = (FOLDER / name).read_text()
    assert len(text.splitlines()) <= 400
    for imported in re.findall(r'from "\./([^"]+)"', text):
        assert (FOLDER / imported).exists(), imported
