"""The pytest plugin: fixtures that give both vendors in memory, and clients of them.

pytest loads this at every start, so that it imports nothing: what a fixture needs is imported when the
first test asks for it. The fixtures are plain functions and what they give needs no opening: they work with
whatever runs async tests on asyncio, and without any.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from smsbat_async.client import SmsBatClient, ZnsClient
    from smsbat_async.testing.vendors import FakeVendors

MARKER = "smsbat_sandbox"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(**options): what the fixture {MARKER} is to be, by fields of SandboxConfig, lifelike and"
        " latency.",
    )


@pytest.fixture
def smsbat_sandbox(request: pytest.FixtureRequest) -> Iterator["FakeVendors"]:
    """Both vendors in memory: what was sent, what becomes of it, and clients to send with.

    The marker `smsbat_sandbox` has its options. In a test in virtual time (looptime) it is lifelike.
    """
    _check_backend(request)
    from smsbat_async.errors import ConfigurationError
    from smsbat_async.testing.vendors import FakeVendors

    options: dict[str, Any] = {"lifelike": _is_in_virtual_time(request.node), **_options(request.node)}
    vendors: FakeVendors | None = None
    wrong = ""
    try:
        vendors = FakeVendors(**options)
    except (ConfigurationError, ValueError) as error:
        wrong = str(error)
    if vendors is None:  # Not above: pytest would tell of an exception during another one.
        pytest.fail(f"@pytest.mark.{MARKER}: {wrong}", pytrace=False)
    yield vendors
    vendors.close()


@pytest.fixture
def smsbat_client_options() -> dict[str, Any]:
    """Arguments of `SmsBatClient` for the fixture `smsbat_client`; override it to give some."""
    return {}


@pytest.fixture
def zns_client_options() -> dict[str, Any]:
    """Arguments of `ZnsClient` for the fixture `zns_client`; override it to give some."""
    return {}


@pytest.fixture
def smsbat_client(smsbat_sandbox: "FakeVendors", smsbat_client_options: dict[str, Any]) -> "SmsBatClient":
    """A client of SMSBAT that sends to `smsbat_sandbox`; it ends with the test."""
    return smsbat_sandbox.smsbat_client(**smsbat_client_options)


@pytest.fixture
def zns_client(smsbat_sandbox: "FakeVendors", zns_client_options: dict[str, Any]) -> "ZnsClient":
    """A client of Goby ZNS that sends to `smsbat_sandbox`; it ends with the test."""
    return smsbat_sandbox.zns_client(**zns_client_options)


@pytest.fixture
def smsbat_sandbox_server(
    request: pytest.FixtureRequest, smsbat_sandbox: "FakeVendors"
) -> Iterator["FakeVendors"]:
    """The same sandbox, listening on a loopback port: for applications that make their own clients.

    It listens in a thread of its own. `.url` and `.env` say where; it sets nothing in the environment.
    """
    if _is_in_virtual_time(request.node):
        pytest.fail(
            "smsbat_sandbox_server listens in real time, and this test is in virtual time: use smsbat_client,"
            " or `async with smsbat_sandbox.sandbox:` in the test, which listens on its own event loop",
            pytrace=False,
        )
    with smsbat_sandbox.serving():
        yield smsbat_sandbox


def _options(node: pytest.Item) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for marker in reversed(list(node.iter_markers(MARKER))):  # the test's own last, which counts most
        if marker.args:
            pytest.fail(f"@pytest.mark.{MARKER} takes options by name only", pytrace=False)
        options.update(marker.kwargs)
    return options


def _is_in_virtual_time(node: pytest.Item) -> bool:
    """Return whether looptime runs a test, by its own rules."""
    flag = node.config.getoption("looptime", default=None)
    markers = list(node.iter_markers("looptime"))
    enabled = bool(markers) or flag is True
    for marker in reversed(markers):
        enabled = bool(marker.args[0]) if marker.args else enabled
    return enabled and flag is not False


def _check_backend(request: pytest.FixtureRequest) -> None:
    """Refuse trio where anyio's plugin would run the test on it."""
    if "anyio_backend" not in request.fixturenames:
        return
    backend = request.getfixturevalue("anyio_backend")
    name = backend if isinstance(backend, str) else backend[0]
    if name != "asyncio":
        pytest.fail(
            f"smsbat_async runs on asyncio, and anyio runs this test on {name}: override the fixture"
            " anyio_backend to return 'asyncio'",
            pytrace=False,
        )
