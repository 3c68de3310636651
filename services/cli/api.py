"""The two HTTP APIs: JSON, one key, every wait bounded, a refusal as a sentence with its JSON pointers."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
import orjson

from deploy.errors import DeployError
from services.cli.address import Address

NOT_FOUND: Final = 404
PAGE_MAX: Final = 200
_REFUSED_FROM: Final = 300
_NOT_AVAILABLE: Final = frozenset({429, 502, 503, 504})
_SINGLE: Final = {"Content-Type": "application/cloudevents+json"}
_BATCH: Final = {"Content-Type": "application/cloudevents-batch+json"}

Json = dict[str, Any]


class Unreachable(DeployError):
    """No answer: whatever was asked for may have happened or not."""


class Refused(DeployError):
    """An answer that is no success. `errors` are its pointers and details, `after_s` what `Retry-After` said."""

    def __init__(self, what: str, status: int, problem: Any, after_s: float | None = None) -> None:
        said: Mapping[str, Any] = problem if isinstance(problem, dict) else {}
        self.status, self.after_s = status, after_s
        self.errors = [
            (str(error.get("pointer", "")), str(error.get("detail", ""))) for error in said.get("errors", ())
        ]
        details = "; ".join(f"{pointer or 'the body'} {detail}" for pointer, detail in self.errors)
        reason = ": ".join(str(part) for part in (said.get("title"), details or said.get("detail")) if part)
        super().__init__(f"{what} was answered {status}{f' ({reason})' if reason else ''}")

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed in a moment."""
        return self.status in _NOT_AVAILABLE


class Api:
    """Calls to ingest and console."""

    def __init__(self, session: aiohttp.ClientSession, address: Address) -> None:
        self._session, self._address = session, address

    async def console(self, method: str, path: str, body: Any = None, params: Mapping[str, str] | None = None) -> Any:
        """Call the console and return its JSON, None for an empty answer. Raises Refused, Unreachable."""
        return await self._call(method, f"{self._address.console}/api{path}", body, params=params)

    async def pages(self, path: str, params: Mapping[str, str]) -> AsyncIterator[Json]:
        """Yield the pages of a long answer, from the cursor in `params` if there is one."""
        wanted = {"limit": str(PAGE_MAX), **params}
        while True:
            page = await self.console("GET", path, params=wanted)
            yield page
            if page["next"] is None:
                return
            wanted["cursor"] = page["next"]

    async def post_events(self, events: Sequence[Json]) -> list[Json]:
        """Post events, one alone or a batch, and return what was accepted, in order.

        While ingest is not available the same events are posted again: their ids make that harmless. Raises Refused,
        Unreachable.
        """
        single = len(events) == 1
        url, body = f"{self._address.ingest}/v1/events", events[0] if single else list(events)
        cli = self._address.cli
        until = time.monotonic() + cli.retry_for_s
        while True:
            try:
                answer = await self._call("POST", url, body, headers=_SINGLE if single else _BATCH)
                return list(answer["accepted"])
            except (Refused, Unreachable) as exc:
                after_s = exc.after_s if isinstance(exc, Refused) else None
                pause_s = min(after_s or cli.retry_pause_s, cli.retry_pause_max_s)
                if (isinstance(exc, Refused) and not exc.passing) or time.monotonic() + pause_s > until:
                    raise
            await asyncio.sleep(pause_s)

    async def _call(self, method: str, url: str, body: Any, **more: Any) -> Any:
        key = self._address.api_key.get_secret_value()
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", **more.pop("headers", {})}
        data = None if body is None else orjson.dumps(body)
        try:
            async with self._session.request(
                method, url, data=data, headers=headers, allow_redirects=False, **more
            ) as response:
                answer = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            raise Unreachable(f"{url} does not answer: {str(exc) or type(exc).__name__}") from None
        if response.status >= _REFUSED_FROM:
            after_s = _seconds(response.headers.get("Retry-After"))
            raise Refused(f"{method} {url}", response.status, _json(answer), after_s)
        if answer and _json(answer) is None:
            raise DeployError(f"{url} answers something else than JSON: is this the right address?")
        return _json(answer)


def _json(answer: bytes) -> Any:
    """Return what was answered, None for what is no JSON: nothing, or some other server's page."""
    try:
        return orjson.loads(answer)
    except ValueError:
        return None


def _seconds(header: str | None) -> float | None:
    return float(header) if header is not None and header.isdecimal() else None


@asynccontextmanager
async def connected(address: Address) -> AsyncIterator[Api]:
    """Open a session for the time of a command."""
    timeout = aiohttp.ClientTimeout(total=address.cli.timeout_s)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield Api(session, address)
