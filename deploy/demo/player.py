"""Plays the script over HTTP: lanes side by side, each step only when the one before it was answered."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from deploy.demo import campaign
from deploy.demo.api import Api
from deploy.demo.journal import Journal
from deploy.demo.observation import Observed, settled
from deploy.demo.pace import Pace
from deploy.demo.screen import Phase
from deploy.demo.script import BROWSER, FOLLOWED, Follow, Lane, Patch, Post, Submit, Touch, followed
from deploy.demo.workspace import PROSPECT, Workspace, reorder
from deploy.errors import DeployError
from tests.chaos.model.identity import interaction_uid
from tests.chaos.model.log import Accepted

_KNOWN_DEADLINE_S: Final = 15.0
_SETTLED_DEADLINE_S: Final = 60.0
_PAUSE_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Player:
    """`prospects` are the ids by the script's numbers."""

    api: Api
    journal: Journal
    workspace: Workspace
    prospects: Sequence[str]
    pace: Pace
    began: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def wait_until_known(self) -> None:
        """Return when ingest stamps the newest version of every list, probed by visitors whom nobody knows.

        The list of the record triggers was saved before the others, so it is known then, too.
        """
        kinds = {"pricing": "redirect_link.clicked", "spring": "redirect_link.clicked"}
        kinds |= {"brochure": "hosted_file.downloaded", "quote": "form.submitted", "mail": "list_email.opened"}
        deadline = time.monotonic() + _KNOWN_DEADLINE_S
        for asset, kind in kinds.items():
            number = 0
            while await self._probe(asset, kind, number) != 1:
                if time.monotonic() > deadline:
                    raise DeployError(f"ingest does not know the saved list of {asset} after {_KNOWN_DEADLINE_S:.0f} s")
                number += 1
                await asyncio.sleep(_PAUSE_S)

    async def play(self, lanes: Sequence[Lane], phase: Phase) -> None:
        """Play all lanes; in the middle of it a colleague puts one list into another order."""
        async with asyncio.TaskGroup() as group:
            for number, lane in enumerate(lanes):
                group.create_task(self._lane(lane, phase, edits=number == 0))

    async def _lane(self, lane: Lane, phase: Phase, *, edits: bool) -> None:
        for number, step in enumerate(lane):
            if edits and number == len(lane) // 2:
                await reorder(self.api, self.journal, self.workspace.assets["pricing"], version=1)
            match step:
                case Post(touches):
                    await self.pace.take(len(touches))
                    await self._post([self._event(touch) for touch in touches])
                    phase.advance(len(touches))
                case Follow(person):
                    await self.pace.take(1)
                    await self._follow(self.prospects[person])
                    phase.advance()
                case Patch(person, changes):
                    await self._patch(self.prospects[person], changes)
                case Submit(person, fields):
                    await self.pace.take(1)
                    await self._submit(self.prospects[person], fields)
                    phase.advance()

    async def _probe(self, asset: str, kind: str, number: int) -> int:
        event = self._envelope(f"probe-{asset}-{number}", kind, asset) | {"anonymousid": "visitor"}
        return await self._post([event])

    async def _post(self, events: list[dict[str, Any]]) -> int:
        """Post and note; return the version stamped on the last."""
        accepted = await self.api.post_events(events)
        if [item["id"] for item in accepted] != [event["id"] for event in events]:
            raise DeployError(f"ingest accepted {len(accepted)} of {len(events)} events, or in another order")
        for event, item in zip(events, accepted, strict=True):
            if item["uid"] != interaction_uid(event["source"], event["id"]):
                raise DeployError(f"event {event['id']} was given the uid {item['uid']}")
            self.journal.was_accepted(event, item["actionlistversion"])
        return int(accepted[-1]["actionlistversion"])

    async def _follow(self, prospect_id: str) -> None:
        """Follow the prospect's link and note the click."""
        asset_id, target = self.workspace.assets[FOLLOWED], campaign.ASSETS[FOLLOWED]["target_url"]
        link = await self.api.console("POST", "/links", {"asset_id": asset_id, "prospect_id": prospect_id})
        uid = await self.api.follow(link["url"], target, BROWSER) or await self._written_behind(prospect_id, asset_id)
        event = {
            "uid": uid,
            "source": "finish/links",
            "type": "redirect_link.clicked",
            "subject": asset_id,
            "time": self.began.isoformat(),
            "prospectid": prospect_id,
            "data": followed(target),
        }
        self.journal.was_accepted(event, version=1)

    async def _written_behind(self, prospect_id: str, asset_id: str) -> str:
        """Find a click whose answer did not wait for its durability: the one with the asset that is not noted yet."""
        deadline = time.monotonic() + _KNOWN_DEADLINE_S
        while time.monotonic() < deadline:
            entries = await self.api.pages(f"/prospects/{prospect_id}/timeline")
            noted = self._noted(prospect_id)
            for entry in entries:
                if entry["asset_id"] == asset_id and entry["uid"] not in noted:
                    return str(entry["uid"])
            await asyncio.sleep(_PAUSE_S)
        raise DeployError(f"a click is neither told in its answer nor in the timeline after {_KNOWN_DEADLINE_S:.0f} s")

    def _noted(self, prospect_id: str) -> set[str]:
        """Return the uids of all that was accepted of a prospect."""
        return {entry.uid for entry in self.journal.prospects[prospect_id].entries if isinstance(entry, Accepted)}

    async def _patch(self, prospect_id: str, changes: dict[str, Any]) -> None:
        """Change a record by hand."""
        before = await self._at_rest(prospect_id)
        answer = await self.api.console("PATCH", f"/prospects/{prospect_id}", changes)
        self.journal.changed(prospect_id, changes, answer["version"], before.recorded)

    async def _submit(self, prospect_id: str, fields: Sequence[tuple[str, str]]) -> None:
        """Submit the form as the prospect's browser does, and wait for what comes of it: what is posted straight to the log
        may overtake it on its way there."""
        before = await self._at_rest(prospect_id)
        form, asset_id = [("email", before.record["email"]), *fields], self.workspace.assets["quote"]
        uid = await self.api.submit(asset_id, form)
        self.journal.submitted(prospect_id, uid, asset_id, form, before.record["version"], before.recorded)
        await self._at_rest(prospect_id)

    async def _at_rest(self, prospect_id: str) -> Observed:
        """Return a prospect when all that was done has taken effect: only then is it certain what the record looks like."""
        wanted = partial(self.journal.uids, prospect_id)
        return await settled(self.api, prospect_id, wanted, time.monotonic() + _SETTLED_DEADLINE_S)

    def _event(self, touch: Touch) -> dict[str, Any]:
        envelope = self._envelope(f"event-{touch.event_number}", touch.type, touch.asset)
        happened = self.began + timedelta(milliseconds=touch.event_number)  # a repeat is the same event to the letter
        return envelope | {"time": happened.isoformat(), "prospectid": self.prospects[touch.person], "data": touch.data}

    def _envelope(self, event_id: str, kind: str, asset: str) -> dict[str, Any]:
        return {
            "specversion": "1.0",
            "id": event_id,
            "source": self.journal.source,
            "type": kind,
            "subject": self.workspace.assets[asset],
            "time": self.began.isoformat(),
        }


async def create_prospects(
    api: Api, journal: Journal, bodies: Sequence[dict[str, Any]], side_by_side: int, phase: Phase
) -> list[str]:
    """Create them a few at a time and return their ids in the order of the bodies."""
    ids = [""] * len(bodies)
    waiting = iter(enumerate(bodies))

    async def create() -> None:
        for number, body in waiting:
            answer = await api.console("POST", f"/{PROSPECT}s", body)
            journal.created(answer["id"], body)
            ids[number] = answer["id"]
            phase.advance()

    async with asyncio.TaskGroup() as group:
        for _ in range(side_by_side):
            group.create_task(create())
    return ids
