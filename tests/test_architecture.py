"""The floors of the house: a file imports only from lower floors, and features never import each other."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

import smsbat_async

ROOT = Path(smsbat_async.__file__).parent
PACKAGE = ROOT.name

FLOORS: list[set[str]] = [
    {"errors", "http", "messages", "statuses", "phones", "segments", "policies", "credentials", "hooks"}
    | {"native", "variables", "notifications", "templates"},
    {"vendors"},
    {
        "transport",
        "pacing",
        "circuit",
        "pool",
        "turn",
        "requester",
        "cancelling",
        "channel",
        "sources",
        "calls",
        "crew",
        "streams",
    },
    {"batch", "sending", "tracking"},
    {"core", "client"},
    {"campaign", "webhooks"},
    {"testing", "telemetry", "cli"},
]
"""The parts of the package, lowest first. The sandbox stands beside the house."""

FEATURES = [{"batch"}, {"sending"}, {"tracking"}, {"campaign"}, {"webhooks"}]
ALONE = "sandbox"
PURE = FLOORS[0] | FLOORS[1]
HTTP_CLIENT = "transport.aiohttp"
PYTEST_PLUGIN = "testing.plugin"


class Import(NamedTuple):
    """One import of one module: what, from where, and whether only type checkers see it."""

    importer: str
    imported: str
    line: int
    for_types_only: bool


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, ast.Module]:
    return {module_name(path): ast.parse(path.read_text()) for path in sorted(ROOT.rglob("*.py"))}


def is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def walk(node: ast.AST, for_types_only: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    yield node, for_types_only
    for name, value in ast.iter_fields(node):
        hidden = for_types_only or (
            isinstance(node, ast.If) and name == "body" and is_type_checking(node.test)
        )
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from walk(child, hidden)


@cache
def imports() -> tuple[Import, ...]:
    found = []
    for name, tree in modules().items():
        for node, hidden in walk(tree):
            if isinstance(node, ast.Import):
                found += [Import(name, alias.name, node.lineno, hidden) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{name}:{node.lineno} is a relative import"
                source = node.module or ""
                for alias in node.names:
                    deeper = f"{source}.{alias.name}".removeprefix(f"{PACKAGE}.")
                    is_module = source.split(".")[0] == PACKAGE and deeper in modules()
                    imported = f"{source}.{alias.name}" if is_module or source == "aiohttp" else source
                    found.append(Import(name, imported, node.lineno, hidden))
    return tuple(found)


def inner_imports() -> list[Import]:
    """Return the imports of the package's own modules, named without the package."""
    return [
        found._replace(imported=found.imported.removeprefix(PACKAGE).removeprefix("."))
        for found in imports()
        if found.imported.split(".")[0] == PACKAGE
    ]


def outer_imports() -> list[Import]:
    return [found for found in imports() if found.imported.split(".")[0] != PACKAGE]


def part(module: str) -> str:
    return module.split(".")[0]


def floor(module: str) -> int | None:
    return next((number for number, parts in enumerate(FLOORS) if part(module) in parts), None)


def told(broken: list[Import]) -> list[str]:
    return [f"{found.importer}:{found.line} imports {found.imported}" for found in broken]


class TestReading:
    def test_finds_the_modules_and_their_imports(self) -> None:
        assert {"client", "vendors.smsbat", "tracking.poller", "sandbox.server", ""} <= modules().keys()
        names = {(found.importer, found.imported) for found in imports()}
        assert ("requester", "smsbat_async.vendors.outcome") in names
        assert ("client", "smsbat_async.vendors.zns") in names
        assert ("crew", "anyio.abc") in names

    def test_tells_imports_for_types_from_others(self) -> None:
        by_pool = {(found.imported, found.for_types_only) for found in imports() if found.importer == "pool"}
        assert ("aiohttp", True) in by_pool
        assert ("asyncio", False) in by_pool

    def test_would_see_an_import_within_a_function(self) -> None:
        tree = ast.parse("def f():\n    if x:\n        import aiohttp\n")
        assert [node.lineno for node, _ in walk(tree) if isinstance(node, ast.Import)] == [3]


class TestFloors:
    def test_every_module_is_on_one(self) -> None:
        homeless = [name for name in modules() if name and part(name) != ALONE and floor(name) is None]
        assert homeless == []

    def test_imports_lead_downward(self) -> None:
        broken = []
        for found in inner_imports():
            above, below = floor(found.importer), floor(found.imported)
            if above is not None and below is not None and above < below and not found.for_types_only:
                broken.append(found)
        assert told(broken) == []

    def test_imports_for_types_stay_within_their_floor(self) -> None:
        broken = [
            found
            for found in inner_imports()
            if found.for_types_only
            and floor(found.importer) != floor(found.imported)
            # pytest imports it at every start; its fixtures import what they need when they are asked for.
            and found.importer != PYTEST_PLUGIN
        ]
        assert told(broken) == []

    def test_the_pytest_plugin_imports_nothing_of_the_package_before_a_fixture_is_asked_for(self) -> None:
        early = [
            node.module
            for node in modules()[PYTEST_PLUGIN].body
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE
        ]
        assert early == []

    def test_features_never_import_each_other(self) -> None:
        broken = [
            found
            for found in inner_imports()
            for feature in FEATURES
            for other in FEATURES
            if feature != other and part(found.importer) in feature and part(found.imported) in other
            if floor(found.importer) == floor(found.imported)
        ]
        assert told(broken) == []

    def test_vendors_do_not_know_each_other(self) -> None:
        vendors = {"vendors.smsbat", "vendors.zns"}
        broken = [found for found in inner_imports() if {found.importer, found.imported} == vendors]
        assert told(broken) == []

    def test_only_the_front_door_imports_everything(self) -> None:
        broken = [found for found in inner_imports() if found.imported == ""]
        assert told(broken) == []

    def test_modules_import_each_other_in_no_circle(self) -> None:
        below: dict[str, set[str]] = {name: set() for name in modules()}
        for found in inner_imports():
            if not found.for_types_only and found.imported != found.importer:
                below[found.importer].add(found.imported)
        left = dict(below)
        while free := [name for name, needed in left.items() if not needed & left.keys()]:
            for name in free:
                del left[name]
        assert left == {}


class TestSandbox:
    def test_imports_nothing_of_the_package_outside_itself(self) -> None:
        broken = [
            found
            for found in inner_imports()
            if part(found.importer) == ALONE and part(found.imported) != ALONE
        ]
        assert told(broken) == []

    def test_is_imported_by_edges_only(self) -> None:
        # The test kit hands it requests in memory, the command line starts it; nothing else needs it.
        edges = FLOORS[-1]
        broken = [
            found
            for found in inner_imports()
            if part(found.imported) == ALONE and part(found.importer) not in {ALONE, *edges}
        ]
        assert told(broken) == []


class TestPureFloors:
    def test_import_the_standard_library_and_msgspec_only(self) -> None:
        allowed = {*sys.stdlib_module_names, "msgspec"}
        broken = [
            found
            for found in outer_imports()
            if part(found.importer) in PURE and part(found.imported) not in allowed
        ]
        assert told(broken) == []

    @pytest.mark.parametrize(
        "forbidden",
        ["asyncio", "socket", "ssl", "http", "threading", "time", "random", "sqlite3", "subprocess"],
    )
    def test_neither_wait_nor_talk_nor_roll_dice(self, forbidden: str) -> None:
        broken = [
            found
            for found in outer_imports()
            if part(found.importer) in PURE and part(found.imported) == forbidden
        ]
        # Policies take a source of randomness as an argument and need its type.
        assert [
            line for line in told(broken) if not line.startswith("policies:") or forbidden != "random"
        ] == []

    def test_await_nothing(self) -> None:
        broken = [
            f"{name}:{node.lineno}"
            for name, tree in modules().items()
            if name and part(name) in PURE
            for node, _ in walk(tree)
            if isinstance(node, ast.Await | ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith)
        ]
        assert broken == []


class TestHttpLibrary:
    def test_its_client_is_imported_in_one_file(self) -> None:
        importers = {
            (found.importer, found.for_types_only)
            for found in outer_imports()
            if part(found.imported) == "aiohttp" and not found.imported.startswith("aiohttp.web")
        }
        # The sandbox's own sends its webhooks.
        assert importers == {(HTTP_CLIENT, False), ("pool", True), ("sandbox.poster", False)}

    def test_its_urls_and_headers_stay_there_as_well(self) -> None:
        importers = {
            found.importer for found in outer_imports() if part(found.imported) in {"yarl", "multidict"}
        }
        assert importers <= {HTTP_CLIENT}

    def test_the_transport_is_imported_where_it_is_made_and_nowhere_else(self) -> None:
        importers = {found.importer for found in inner_imports() if found.imported == HTTP_CLIENT}
        assert importers == {"pool"}


class TestOtherLibraries:
    def test_the_core_needs_three(self) -> None:
        core = set[str]().union(*FLOORS[:5])
        needed = {
            part(found.imported)
            for found in outer_imports()
            if part(found.importer) in core and not found.for_types_only
        }
        required = {"aiohttp", "yarl", "multidict", "msgspec", "anyio"}
        assert needed - set(sys.stdlib_module_names) == required | {"httptools", "aiohappyeyeballs"}

    def test_httptools_is_met_in_the_wire_transport_alone(self) -> None:
        using = {found.importer for found in outer_imports() if part(found.imported) == "httptools"}
        assert using == {"transport.connection", "transport.headers"}

    def test_each_web_framework_is_met_in_one_module_besides_the_sandbox(self) -> None:
        using = {
            (part(found.imported), found.importer)
            for found in outer_imports()
            if part(found.imported) in {"fastapi", "starlette"} or found.imported.startswith("aiohttp.web")
            if part(found.importer) != ALONE
        }
        assert using == {("fastapi", "webhooks.fastapi"), ("aiohttp", "webhooks.aiohttp")}

    def test_nobody_prints_but_the_command_line(self) -> None:
        broken = [
            f"{name}:{node.lineno}"
            for name, tree in modules().items()
            if part(name) not in {"cli", ALONE}
            for node, _ in walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
        ]
        assert broken == []

    def test_nobody_reads_the_environment_but_the_client(self) -> None:
        broken = [
            f"{name}:{node.lineno}"
            for name, tree in modules().items()
            if part(name) not in {"client", "cli"}
            for node, _ in walk(tree)
            if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
        ]
        assert broken == []
