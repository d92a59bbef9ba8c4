"""Names that do not resolve, without a name server."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Mapping
from typing import Any
from unittest import mock

NO_SUCH_NAME = "nowhere.test"
"""A host that does not exist."""

SILENT_NAME = "silent.test"
"""A host whose name server never answers."""

NO_HOSTS: Mapping[str, str] = {}


@contextlib.contextmanager
def fake_dns(hosts: Mapping[str, str] = NO_HOSTS) -> Iterator[list[str]]:
    """Resolve the names above as they say, and others as told, for everything that asks the running loop.

    Covers `loop.getaddrinfo` (what aiohttp's default resolver uses) and `loop.create_connection` by name.

    Args:
        hosts: Further names and their addresses.

    Yields:
        The names that were asked for, in order.
    """
    loop = asyncio.get_running_loop()
    ask, connect = loop.getaddrinfo, loop.create_connection
    asked: list[str] = []

    async def getaddrinfo(host: Any, port: Any, **options: Any) -> list[Any]:
        name = host.decode() if isinstance(host, bytes) else host
        if name in {NO_SUCH_NAME, SILENT_NAME, *hosts}:
            asked.append(name)
        if name == NO_SUCH_NAME:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if name == SILENT_NAME:
            await asyncio.Event().wait()
        return await ask(hosts.get(name, name), port, **options)

    async def create_connection(factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        if host in {NO_SUCH_NAME, SILENT_NAME, *hosts}:
            found = await getaddrinfo(host, port, type=socket.SOCK_STREAM)
            if options.get("ssl"):
                options.setdefault("server_hostname", host)
            host, port = found[0][4][:2]
        return await connect(factory, host, port, **options)

    with (
        mock.patch.object(loop, "getaddrinfo", getaddrinfo),
        mock.patch.object(loop, "create_connection", create_connection),
    ):
        yield asked
