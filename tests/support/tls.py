"""TLS contexts, right and wrong; the certificates are made once per run."""

import datetime as dt
import functools
import ssl

import trustme

from tests.support.sockets import HOST

NAMES = (HOST, "localhost")


@functools.cache
def good() -> ssl.SSLContext:
    """Make a server context that `client()` accepts."""
    return _server(_authority())


@functools.cache
def unknown_ca() -> ssl.SSLContext:
    """Make a server context signed by somebody whom nobody trusts."""
    return _server(_stranger())


@functools.cache
def expired() -> ssl.SSLContext:
    """Make a server context whose certificate ended yesterday."""
    now = dt.datetime.now(dt.UTC)
    day = dt.timedelta(days=1)
    return _server(_authority(), not_before=now - 3 * day, not_after=now - day)


@functools.cache
def wrong_host() -> ssl.SSLContext:
    """Make a server context whose certificate is for another host."""
    return _server(_authority(), names=("elsewhere.test",))


@functools.cache
def client() -> ssl.SSLContext:
    """Make a client context that trusts the test authority and nobody else."""
    context = ssl.create_default_context()
    _authority().configure_trust(context)
    return context


def _server(
    authority: trustme.CA,
    *,
    names: tuple[str, ...] = NAMES,
    not_before: dt.datetime | None = None,
    not_after: dt.datetime | None = None,
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, not_before=not_before, not_after=not_after).configure_cert(context)
    return context


@functools.cache
def _authority() -> trustme.CA:
    return trustme.CA()


@functools.cache
def _stranger() -> trustme.CA:
    return trustme.CA()
