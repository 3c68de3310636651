"""An HTTP client for URLs that customers give.

Names are resolved here, every answer is judged, and only those addresses are connected to: the socket is made for a judged
address or not at all, so that a name cannot lead elsewhere between the look and the connection. No redirect is followed, no
cookie kept, no proxy asked, nothing unpacked; the answer is read up to a bound and within one time for everything.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Container, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from core.egress import EgressError, HostPort, checked, denied
from services.chassis.errors import PermanentError, RetryableError
from services.outbound.settings import Webhook

_HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": "finish-actions/1", "Accept": "*/*"}
_LINE_MAX: Final = 8190
_KEEPALIVE_S: Final = 2.0
"""Less than any server's: a request on a connection that is being closed would be a failed attempt."""


class DeniedError(OSError):
    """The name leads, or leads also, where nobody may be led."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered. `body` is its head; `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Guard(AbstractResolver):
    """Resolves names and judges every address. `granted` are those of names that the operator allows."""

    def __init__(self, inner: AbstractResolver, allowed: Container[HostPort]) -> None:
        self._inner, self._allowed = inner, allowed
        self._granted: set[HostPort] = set()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses, or raise DeniedError where one of them is denied."""
        found = await self._inner.resolve(host, port, family)
        if (host.lower(), port) in self._allowed:
            self._granted.update((each["host"], port) for each in found)
        elif any(denied(ip_address(each["host"])) for each in found):
            raise DeniedError("denied")
        return found

    def socket(self, address: tuple[Any, ...]) -> socket.socket:
        """Make the socket for one address, judged once more: it may not have come through `resolve`."""
        family, kind, protocol, _, (host, port, *_) = address
        if (host, port) not in self._granted and (host, port) not in self._allowed and denied(ip_address(host)):
            raise DeniedError("denied")
        return socket.socket(family, kind, protocol)

    async def close(self) -> None:
        """Close the resolver beneath."""
        await self._inner.close()


class Caller:
    """Makes calls, at most one connection's worth of trust at a time."""

    def __init__(self, session: aiohttp.ClientSession, settings: Webhook) -> None:
        self._session, self._settings = session, settings
        self._allowed = frozenset(settings.allow)

    async def call(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """Make one request. Raises PermanentError where it must not be made, RetryableError where no answer came of it."""
        try:
            judged = _judged(url, self._allowed)
        except EgressError as exc:
            raise PermanentError(f"the URL is refused: {exc}") from None
        try:
            async with (
                asyncio.timeout(self._settings.total_timeout_s),
                self._session.request(
                    method, judged, headers={**_HEADERS, **headers}, data=body, allow_redirects=False
                ) as answer,
            ):
                read = await self._read(answer)
                return Reply(answer.status, {name.lower(): value for name, value in answer.headers.items()}, read)
        except TimeoutError:
            raise RetryableError("no answer in time") from None
        except aiohttp.InvalidURL:
            raise PermanentError("the URL is refused: it is no URL") from None
        except aiohttp.ClientConnectorCertificateError:
            raise RetryableError("its certificate is not trusted") from None
        except aiohttp.ClientSSLError:
            raise RetryableError("TLS failed") from None
        except aiohttp.ClientConnectorError as exc:
            if _was_denied(exc):
                raise PermanentError("the URL is refused: its host leads out of the public Internet") from None
            raise RetryableError("no connection") from None
        except (aiohttp.ClientError, OSError, ssl.SSLError):
            raise RetryableError("the connection broke") from None

    async def _read(self, answer: aiohttp.ClientResponse) -> bytes:
        kept, size = b"", 0
        async for chunk in answer.content.iter_chunked(16 * 1024):
            size += len(chunk)
            kept += chunk[: self._settings.kept_max_bytes - len(kept)]
            if size > self._settings.read_max_bytes:
                answer.close()
                raise RetryableError("the answer is too long")
        return kept


@lru_cache(maxsize=4096)
def _judged(url: str, allowed: frozenset[HostPort]) -> URL:
    """Return the URL with the host as it was judged, whatever else a parser may take for one, and the rest as it is. Raises
    EgressError."""
    host, port = checked(url, allowed)
    netloc = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    written = urlsplit(url)._replace(netloc=netloc).geturl()
    return URL(written, encoded=written.isascii())


def _was_denied(exc: BaseException | None) -> bool:
    seen = 0
    while exc is not None and seen < 10:  # noqa: PLR2004 - a chain of causes is short
        if isinstance(exc, DeniedError) or isinstance(getattr(exc, "os_error", None), DeniedError):
            return True
        if isinstance(exc, BaseExceptionGroup):
            return any(_was_denied(inner) for inner in exc.exceptions)
        exc, seen = exc.__cause__ or exc.__context__, seen + 1
    return False


@asynccontextmanager
async def caller(settings: Webhook, resolver: AbstractResolver | None = None) -> AsyncIterator[Caller]:
    """Open a client. `resolver` is the system's unless given."""
    guard = _Guard(resolver or aiohttp.ThreadedResolver(), frozenset(settings.allow))
    connector = aiohttp.TCPConnector(
        resolver=guard,
        socket_factory=guard.socket,
        use_dns_cache=False,
        limit=0,
        keepalive_timeout=_KEEPALIVE_S,
        enable_cleanup_closed=False,
    )
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=settings.total_timeout_s, sock_connect=settings.connect_timeout_s),
        max_line_size=_LINE_MAX,
        max_field_size=_LINE_MAX,
    ) as session:
        yield Caller(session, settings)
