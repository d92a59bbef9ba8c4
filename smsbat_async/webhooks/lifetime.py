"""The lifetime of clients and receivers in a web application: opened with it, closed in the right order."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import chain
from typing import Any, Final

from smsbat_async.client import SmsBatClient, ZnsClient
from smsbat_async.errors import ConfigurationError
from smsbat_async.pool import SessionPool
from smsbat_async.webhooks.receiver import WebhookReceiver

Part = SessionPool | SmsBatClient | ZnsClient | WebhookReceiver[Any]
"""What an application opens and closes."""

ORDER: Final = ((SessionPool,), (SmsBatClient, ZnsClient), (WebhookReceiver,))
"""In which order; they are closed in the opposite one."""


def in_order(parts: Sequence[Part]) -> list[Part]:
    """Return pools, then clients, then receivers: each uses those before it, and is closed before them.

    Args:
        parts: All of them, in any order.

    Raises:
        ConfigurationError: If there is none, or something else among them.
    """
    if not parts or not all(isinstance(part, tuple(chain(*ORDER))) for part in parts):
        raise ConfigurationError("give clients, webhook receivers and session pools, at least one of them")
    return [part for kinds in ORDER for part in parts if isinstance(part, kinds)]


@asynccontextmanager
async def opened(parts: Sequence[Part]) -> AsyncGenerator[None]:
    """Open all parts, and close them in the opposite order, whatever happens in between.

    Args:
        parts: As `in_order` gives them.
    """
    async with AsyncExitStack() as stack:
        for part in parts:
            await stack.enter_async_context(part)
        yield
