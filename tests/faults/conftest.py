"""Every fault is tried on every transport."""

import pytest

from tests.support.calls import TRANSPORTS, TransportName


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> TransportName:
    """Name the transport that a test runs on."""
    name: TransportName = request.param
    return name
