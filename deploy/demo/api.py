"""The two HTTP APIs, as the demo calls them: JSON, one key, a bounded number of requests at a time."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp

from deploy.demo.address import Address
from deploy.errors import DeployError

_REQUESTS_MAX: Final = 32
_TIMEOUT_S: Final = 30.0
_RETRIES_MAX: Final = 20
_PAUSE_S: Final = 0.5
_UNAVAILABLE: Final = 503
_FOUND: Final = 302
_REFUSED: Final = 400


class Refused(DeployError):
    """An answer that is no success, with its problem document."""

    def __init__(self, method: str, url: str, status: int, problem: Any) -> None:
        super().__init__(f"{method} {url} was answered {status}: {problem}")
        self.status = status


class Api:
    """Calls to ingest and console."""

    def __init__(self, session: aiohttp.ClientSession, address: Address) -> None:
        self._session = session
        self.address = address

    async def console(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Call the console and return its JSON. Raises Refused."""
        return await self._call(method, f"{self.address.console}/api{path}", body, **more)

    async def sink(self, path: str) -> Any:
        """Ask the place where local mails and webhooks end."""
        return await self._call("GET", f"{self.address.mail}{path}", None)

    async def post_events(self, events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Post events, one alone or a batch, and return what was accepted, in order.

        While ingest has no broker the same events are posted again: their ids make that harmless. Raises Refused.
        """
        media_type = "application/cloudevents+json" if len(events) == 1 else "application/cloudevents-batch+json"
        body = events[0] if len(events) == 1 else list(events)
        url = f"{self.address.ingest}/v1/events"
        for attempt in range(1, _RETRIES_MAX + 1):
            try:
                answer = await self._call("POST", url, body, headers={"Content-Type": media_type})
                return list(answer["accepted"])
            except Refused as refusal:
                if refusal.status != _UNAVAILABLE or attempt == _RETRIES_MAX:
                    raise
            await asyncio.sleep(_PAUSE_S)
        raise AssertionError

    async def submit(self, form_id: str, fields: Sequence[tuple[str, str]]) -> str:
        """Submit a form as a browser does, without a key, and return the interaction's uid. Raises Refused.

        It is not tried again: whether one that was not answered has arrived, nobody knows.
        """
        url = f"{self.address.ingest}/s/{form_id}"
        async with self._session.post(url, data=aiohttp.FormData(fields), allow_redirects=False) as response:
            if response.status >= _REFUSED:
                raise Refused("POST", url, response.status, await response.text())
            return response.headers["finish-interaction"]

    async def follow(self, url: str, target_url: str, user_agent: str) -> str | None:
        """Follow a link as a browser does; return the uid of the click where the answer tells it.

        Raises Refused, DeployError when the link leads somewhere else.
        """
        async with self._session.get(url, headers={"User-Agent": user_agent}, allow_redirects=False) as response:
            if response.status != _FOUND:
                raise Refused("GET", f"{self.address.ingest}/r/...", response.status, None)
            if response.headers["Location"] != target_url:
                raise DeployError(f"a link to {target_url} leads somewhere else")
            return response.headers.get("finish-interaction")

    async def pages(self, path: str) -> list[dict[str, Any]]:
        """Return all items of a paged answer."""
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            params = {"limit": "200", **({"cursor": cursor} if cursor else {})}
            page = await self.console("GET", path, params=params)
            items += page["items"]
            cursor = page["next"]
            if cursor is None:
                return items

    async def text(self, url: str) -> str:
        """Return the body of a page outside the APIs: metrics."""
        async with self._session.get(url) as response:
            return await response.text()

    async def _call(self, method: str, url: str, body: Any, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.address.api_key}", **more.pop("headers", {})}
        async with self._session.request(method, url, json=body, headers=headers, **more) as response:
            answer = await response.json(content_type=None)
            if response.status >= _REFUSED:
                raise Refused(method, url, response.status, answer)
            return answer


@asynccontextmanager
async def connected(address: Address) -> AsyncIterator[Api]:
    """Open a session for the time of the demo."""
    connector = aiohttp.TCPConnector(limit=_REQUESTS_MAX)
    timeout = aiohttp.ClientTimeout(total=None, connect=_TIMEOUT_S, sock_read=_TIMEOUT_S)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        yield Api(session, address)
