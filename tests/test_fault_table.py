"""The table of faults is kept: each row has a test that names it."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

import tests.faults

TESTS = Path(__file__).parent
ROWS = range(1, 75)
NAMED = re.compile(r"test_row((?:_\d\d)+)_[a-z]")
LISTED = re.compile(r"^(\d\d)(?:-(\d\d))? +(.+)$", re.MULTILINE)


def rows_of(name: str) -> list[int]:
    """Give the rows that the name of a test function begins with: `test_row_10_11_...` has two."""
    match = NAMED.match(name)
    return [int(row) for row in match[1].split("_")[1:]] if match else []


def find_tests_by_row() -> dict[int, set[str]]:
    """Find all tests that name a row, and the files that they are in."""
    found: dict[int, set[str]] = defaultdict(set)
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for row in rows_of(node.name):
                    found[row].add(path.relative_to(TESTS).as_posix())
    return found


@pytest.fixture(scope="module")
def found() -> dict[int, set[str]]:
    """Collect the tests once."""
    return find_tests_by_row()


@pytest.mark.parametrize("row", ROWS)
def test_a_row_of_the_fault_table_has_a_test(row: int, found: dict[int, set[str]]) -> None:
    assert found.get(row), f"no test is named test_row_{row:02}_..."


def test_the_list_of_files_in_the_fault_package_is_true(found: dict[int, set[str]]) -> None:
    """The docstring of `tests.faults` tells where each row is; a moved test must be moved there as well."""
    listed: dict[int, set[str]] = {}
    for first, last, files in LISTED.findall(tests.faults.__doc__ or ""):
        for row in range(int(first), int(last or first) + 1):
            assert row not in listed, f"row {row} is listed twice"
            listed[row] = set(files.split(", "))
    assert set(listed) == set(ROWS) - set(range(56, 60))
    for row, files in listed.items():
        assert files <= found[row], f"row {row}: {files} are listed, and {found[row]} have it"


def test_names_are_read_as_they_are_meant() -> None:
    assert rows_of("test_row_07_a_bad_certificate") == [7]
    assert rows_of("test_row_10_11_a_connection_that_ends") == [10, 11]
    assert rows_of("test_row_of_trees") == []
    assert rows_of("test_rows_01_and_more") == []
