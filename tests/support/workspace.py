"""A client of the two HTTP APIs, as a test speaks: create, save, click, and wait until it is settled."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import aiohttp

SETTLED_DEADLINE_S = 30.0
_URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}


class Refusal(AssertionError):
    """An answer other than the one expected, with its problem document."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status}: {body}")
        self.status, self.body = status, body


class Workspace:
    """One deployment, seen through its HTTP APIs."""

    def __init__(self, session: aiohttp.ClientSession, ingest: str, console: str, key: str) -> None:
        self.session, self.ingest, self.console = session, ingest, console
        self.headers = {"Authorization": f"Bearer {key}"}
        self.numbers = itertools.count(1)
        self.source = f"test-{uuid4().hex[:8]}"

    async def call(self, method: str, url: str, body: Any = None, **more: Any) -> Any:
        """Return the JSON of a 2xx. Raises Refusal on anything else."""
        headers = {**self.headers, **more.pop("headers", {})}
        async with self.session.request(method, url, json=body, headers=headers, **more) as response:
            answer = await response.json(content_type=None) if response.content_length != 0 else None
            if response.status >= 300:
                raise Refusal(response.status, answer)
            return answer

    async def api(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Call the console."""
        return await self.call(method, f"{self.console}/api{path}", body, **more)

    async def prospect(self, **values: Any) -> str:
        """Create a prospect and return its id."""
        return str((await self.api("POST", "/prospects", values))["id"])

    async def record(self, prospect_id: str) -> dict[str, Any]:
        """Return the prospect as it is now."""
        return dict(await self.api("GET", f"/prospects/{prospect_id}"))

    async def asset(self, actions: Sequence[Mapping[str, Any]] = (), kind: str = "redirect_link") -> str:
        """Create an asset with its list and return its id. Ingest may know the list a moment later: see `known`."""
        settings = {"redirect_link": {"target_url": "https://example.com/"}}.get(kind, {})
        asset_id = str((await self.api("POST", "/assets", {"kind": kind, "name": "An asset", **settings}))["id"])
        if actions:
            await self.save(asset_id, actions)
        return asset_id

    async def save(self, asset_id: str, actions: Sequence[Mapping[str, Any]]) -> int:
        """Save the whole list and return its version."""
        named = [{"name": action.get("id", "An action"), "trigger": "clicked", **action} for action in actions]
        return int((await self.api("PUT", f"/assets/{asset_id}/actions", {"actions": named}))["version"])

    def event(self, asset_id: str, prospect_id: str, **changes: Any) -> dict[str, Any]:
        """Write a click with a fresh event id."""
        return {
            "specversion": "1.0",
            "id": f"event-{next(self.numbers)}",
            "source": self.source,
            "type": "redirect_link.clicked",
            "subject": asset_id,
            "time": datetime.now(UTC).isoformat(),
            "prospectid": prospect_id,
            **changes,
        }

    async def post(self, *events: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Post events in one request and return what was accepted, in order."""
        single = len(events) == 1
        answer = await self.call(
            "POST",
            f"{self.ingest}/v1/events",
            events[0] if single else list(events),
            headers={"Content-Type": f"application/cloudevents{'' if single else '-batch'}+json"},
        )
        return list(answer["accepted"])

    async def click(self, asset_id: str, prospect_id: str, **changes: Any) -> str:
        """Post one click and return its uid."""
        return str((await self.post(self.event(asset_id, prospect_id, **changes)))[0]["uid"])

    async def submit(self, form_id: str, fields: Mapping[str, str] | Sequence[tuple[str, str]]) -> str:
        """Submit a form as a browser does, and return the uid. Raises Refusal."""
        url = f"{self.ingest}/s/{form_id}"
        async with self.session.post(url, data=urlencode(fields), headers=_URLENCODED, allow_redirects=False) as answer:
            if answer.status >= 400:
                raise Refusal(answer.status, await answer.text())
            return answer.headers["finish-interaction"]

    async def link(self, asset_id: str, prospect_id: str) -> str:
        """Make the asset's link for a prospect and return it."""
        return str((await self.api("POST", "/links", {"asset_id": asset_id, "prospect_id": prospect_id}))["url"])

    async def upload(self, asset_id: str, name: str, content: bytes, content_type: str) -> None:
        """Upload the file of a hosted file. Raises Refusal."""
        async with self.session.put(
            f"{self.console}/api/assets/{asset_id}/file",
            params={"filename": name},
            data=BytesIO(content),
            headers={**self.headers, "Content-Type": content_type},
        ) as answer:
            if answer.status != 200:
                raise Refusal(answer.status, await answer.text())

    async def follow(self, url: str, **headers: str) -> str:
        """Follow a link as a browser does, and return the uid of the click, which must have been durable in time."""
        async with self.session.get(url, headers=headers, allow_redirects=False) as answer:
            if answer.status != 302:
                raise Refusal(answer.status, await answer.text())
            return str(answer.headers["finish-interaction"])

    async def stamped(self, asset_id: str, version: int, prospect_id: str) -> str:
        """Click until ingest stamps `version`; return that click's uid. Earlier ones count as clicks, too."""
        async with asyncio.timeout(SETTLED_DEADLINE_S):
            while True:
                accepted = (await self.post(self.event(asset_id, prospect_id)))[0]
                if accepted["actionlistversion"] == version:
                    return str(accepted["uid"])

    async def known(self, asset_id: str, version: int, kind: str = "redirect_link.clicked") -> None:
        """Return once ingest stamps `version` for the asset. The probes belong to nobody: they end anonymous."""
        async with asyncio.timeout(SETTLED_DEADLINE_S):
            while True:
                probe = self.event(asset_id, "", anonymousid="probe", type=kind)
                del probe["prospectid"]
                if (await self.post(probe))[0]["actionlistversion"] == version:
                    return

    async def why(self, uid: str) -> dict[str, Any]:
        """Return the explanation of an interaction. Raises Refusal while it is unknown."""
        return dict(await self.api("GET", f"/interactions/{uid}"))

    async def reached(
        self, uid: str, status: str = "settled", deadline_s: float = SETTLED_DEADLINE_S
    ) -> dict[str, Any]:
        """Return the explanation once the interaction has that status."""
        last: Any = None
        try:
            async with asyncio.timeout(deadline_s):
                while True:
                    try:
                        last = await self.why(uid)
                    except Refusal as refusal:
                        last = refusal
                    if isinstance(last, dict) and last["status"] == status:
                        return last
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{uid} is not {status} after {deadline_s} s: {last}") from None

    async def settled(self, uid: str, deadline_s: float = SETTLED_DEADLINE_S) -> dict[str, Any]:
        """Return the explanation once the interaction and all that it set off are settled."""
        async with asyncio.timeout(deadline_s):
            explained = await self.reached(uid, deadline_s=deadline_s)
            for derived in explained["derived"]:
                await self.settled(derived, deadline_s)
            return explained

    async def timeline(self, prospect_id: str) -> list[dict[str, Any]]:
        """Return the whole timeline, newest first."""
        entries: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = await self.api(
                "GET", f"/prospects/{prospect_id}/timeline", params={"cursor": cursor} if cursor else {}
            )
            entries += page["items"]
            if not (cursor := page.get("next")):
                return entries


@asynccontextmanager
async def workspace(ingest: str, console: str, key: str) -> AsyncIterator[Workspace]:
    """Open a client session on a running deployment."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield Workspace(session, ingest, console, key)


def fired(explained: Mapping[str, Any]) -> dict[str, bool]:
    """Return which actions fired, by id."""
    return {action["id"]: action["fired"] for action in explained["decision"]["actions"]}


def not_fired_because(explained: Mapping[str, Any]) -> dict[str, str]:
    """Return why the others did not, by id."""
    return {action["id"]: action["reason"] for action in explained["decision"]["actions"] if not action["fired"]}
