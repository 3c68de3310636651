"""The rig's client: the load, and people who unsubscribe, are erased, and edit lists while all of it goes on."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from random import Random
from typing import Any, Final

import aiohttp

from tests.chaos.model.checker import Claim
from tests.chaos.model.history import History
from tests.chaos.model.log import Consented, ProspectLog, SavedList
from tests.chaos.rig.world import Leaves, Vanishes, edited, life
from tests.support.load import Load
from tests.support.stories import Scene
from tests.support.workspace import Refusal, Workspace

_AGAIN_S: Final = 0.25
_ANSWER_TIMEOUT_S: Final = 5.0
_EDITED: Final = {"link": "redirect_link.clicked", "mail": "list_email.opened", "reach": "redirect_link.clicked"}


class Traffic(Load):
    """One run's prospects."""

    def __init__(
        self, work: Workspace, scene: Scene, database_url: str, history: History, *, seed: int, lanes: int, per_s: float
    ) -> None:
        super().__init__(work, scene, database_url, seed=seed, lanes=lanes, per_s=per_s, tell=life, history=history)
        self.seed = seed
        self.erased: set[str] = set()
        self._floor: dict[str, int] = {}
        self._edits = Random(f"edits of {seed}")
        self.edits = 0

    async def run(self) -> None:
        """Play until `stop`, and edit lists meanwhile."""
        async with asyncio.TaskGroup() as group:
            group.create_task(super().run())
            group.create_task(self._edit())

    def claim(self) -> Claim:
        """Return what must be there."""
        probes, self.scene.probes = self.scene.probes, []
        return Claim(self.log.prospects, self.scene.definitions, probes, self.erased)

    def floor(self, asset_id: str) -> int:
        """Return the newest version that ingest was seen to know: behind it nobody may go."""
        return self._floor.get(asset_id, 1)

    async def step(self, log: ProspectLog, step: Any) -> None:
        match step:
            case Leaves():
                await self._leave(log)
            case Vanishes():
                await self._vanish(log)
            case _:
                await super().step(log, step)

    async def _leave(self, log: ProspectLog) -> None:
        event = self.work.event(self.scene.assets["mail"], log.prospect_id, type="list_email.unsubscribed")
        taken = await self.taken([event])
        log.entries += [Consented("unsubscribed", datetime.now(UTC)), *taken]

    async def _vanish(self, log: ProspectLog) -> None:
        self.erased.add(log.prospect_id)
        await self._patiently(lambda: self.work.api("DELETE", f"/prospects/{log.prospect_id}"), "erase")

    async def _edit(self) -> None:
        """Save one list after another, each known to ingest before the next."""
        for _ in count():
            await asyncio.sleep(self._edits.uniform(1.0, 3.0))
            if self.stopping:
                return
            key = self._edits.choice(sorted(_EDITED))
            asset_id = self.scene.assets[key]
            actions = edited(self.scene.lists[asset_id, self.scene.newest(asset_id)].actions, self._edits)  # type: ignore[arg-type]
            first = self.scene.newest(asset_id) + 1

            async def save(asset_id: str = asset_id, actions: Any = actions) -> int:
                # an answer that was lost may have made a version: all that may be there have the same content
                self.scene.lists[asset_id, self.scene.newest(asset_id) + 1] = SavedList(actions)
                return await self.work.save(asset_id, actions)

            version = await self._patiently(save, "save")
            for extra in range(version + 1, self.scene.newest(asset_id) + 1):
                del self.scene.lists[asset_id, extra]
            assert first <= version, f"version {version} was given to a list whose newest was {first - 1}"
            await self._known(asset_id, _EDITED[key], version)
            self._floor[asset_id] = version
            self.edits += 1

    async def _known(self, asset_id: str, kind: str, version: int) -> None:
        """Return when ingest stamps this version: from then on it must, and none before."""
        seen = -1
        while seen < version:
            event = self.work.event(asset_id, "", anonymousid=f"probe-{self.seed}", type=kind)
            del event["prospectid"]
            (taken,) = await self.taken([event])
            self.scene.probes.append(taken)
            seen = taken.version

    async def _patiently(self, ask: Callable[[], Any], what: str) -> Any:
        while True:
            self.log.history.add("intent", what=what)
            try:
                async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                    answer = await ask()
            except Refusal as refusal:
                if refusal.status < 500:
                    raise
            except (aiohttp.ClientError, TimeoutError):
                pass
            else:
                self.log.history.add("ok", what=what)
                return answer
            self.log.history.add("unknown", what=what)
            await asyncio.sleep(_AGAIN_S)
