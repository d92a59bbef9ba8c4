"""A test kit for programs that use the SDK: both vendors in memory, and assertions about what was sent.

pytest finds its fixtures (`smsbat_sandbox`, `smsbat_client`, `zns_client`, `smsbat_sandbox_server`) by
itself; `FakeVendors` is what they are made of, for other test runners.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smsbat_async.testing.asgi import AsgiEndpoint
    from smsbat_async.testing.refusals import WebhooksRefusedError
    from smsbat_async.testing.transport import SandboxTransport
    from smsbat_async.testing.vendors import FakeVendors

__all__ = ["AsgiEndpoint", "FakeVendors", "SandboxTransport", "WebhooksRefusedError"]


# pytest imports this package at every start, also for tests that have nothing to do with it.
def __getattr__(name: str) -> Any:
    if name == "AsgiEndpoint":
        from smsbat_async.testing.asgi import AsgiEndpoint

        return AsgiEndpoint
    if name == "FakeVendors":
        from smsbat_async.testing.vendors import FakeVendors

        return FakeVendors
    if name == "SandboxTransport":
        from smsbat_async.testing.transport import SandboxTransport

        return SandboxTransport
    if name == "WebhooksRefusedError":
        from smsbat_async.testing.refusals import WebhooksRefusedError

        return WebhooksRefusedError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
