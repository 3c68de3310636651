"""A steady load by a client that logs its intents and what was answered, and knows from this log alone what must be there.

Each prospect's steps follow one another: the next one begins when the one before was answered. What is left open, by a
503, a lost connection or a time-out, is posted again with the same event id until it is accepted.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from random import Random
from typing import Any, Final
from uuid import UUID

import aiohttp
import pytest

from tests.chaos.model.checker import Claim
from tests.chaos.model.expect import expect
from tests.chaos.model.history import History
from tests.chaos.model.log import Accepted, Changed, Created, ProspectLog, record
from tests.support.record_writer import RecordWriter
from tests.support.stories import ByHand, Refusable, Scene, Touches, story
from tests.support.workspace import Refusal, Workspace

_ANSWER_TIMEOUT_S: Final = 5.0
_AGAIN_S: Final = 0.25
_UNPROCESSABLE: Final = 422


@dataclass(slots=True)
class ClientLog:
    """What was intended and what was answered: `ok`, `refused` or `unknown`."""

    history: History = field(default_factory=History)
    prospects: dict[str, ProspectLog] = field(default_factory=dict)

    @property
    def accepted(self) -> int:
        """Return how many events were accepted, repeats included."""
        return sum(isinstance(entry, Accepted) for log in self.prospects.values() for entry in log.entries)


class Load:
    """Prospects that come, act and go in `lanes` side by side, `per_s` requests a second, until told to stop."""

    def __init__(
        self,
        work: Workspace,
        scene: Scene,
        database_url: str,
        *,
        seed: int,
        lanes: int,
        per_s: float,
        tell: Callable[[int, Random], Iterator[Any]] = story,
        history: History | None = None,
    ) -> None:
        self.work, self.scene, self._writer = work, scene, RecordWriter(database_url)
        self._random, self._lanes, self._interval_s = Random(seed), lanes, 1 / per_s
        self._numbers, self._free_at = count(1), 0.0
        self._tell, self._seed, self._stopping = tell, seed, asyncio.Event()
        self.log = ClientLog(history or History())

    async def run(self) -> None:
        """Play until `stop`; those who act then end where they are."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._lanes):
                    group.create_task(self._lane())
        finally:
            self._writer.close()

    def stop(self) -> None:
        """Let nobody begin any more."""
        self._stopping.set()

    @property
    def stopping(self) -> bool:
        """Tell whether nobody begins any more."""
        return self._stopping.is_set()

    def claim(self) -> Claim:
        """Tell what must be there."""
        return Claim(self.log.prospects, self.scene.definitions, self.scene.probes)

    async def _lane(self) -> None:
        while not self._stopping.is_set():
            await self._play(next(self._numbers))

    async def _play(self, number: int) -> None:
        random = Random(self._random.random())
        prospect_id, email, score = (
            str(UUID(int=random.getrandbits(128), version=4)),
            f"p{number}.{self._seed}@example.com",
            number % 7,
        )
        await self._writer.create(prospect_id, email, score)
        created = Created(record({"email": email, "score": score}), self._listed, datetime.now(UTC), by="sql")
        log = self.log.prospects[prospect_id] = ProspectLog(prospect_id, [created])
        for step in self._tell(number, random):
            await self._turn()
            if self._stopping.is_set():
                return
            await self.step(log, step)

    async def step(self, log: ProspectLog, step: Any) -> None:
        """Carry out one step of a story."""
        match step:
            case Touches():
                await self._touch(log, step)
            case Refusable():
                await self._refused(log)
            case ByHand():
                await self._change(log, step)
            case _:
                raise AssertionError(f"no step: {step}")

    @property
    def _listed(self) -> int:
        return self.scene.newest("prospect")

    async def _turn(self) -> None:
        """Keep to the rate; turns that nobody took are not made up for."""
        now = asyncio.get_running_loop().time()
        self._free_at = max(self._free_at, now) + self._interval_s
        await asyncio.sleep(self._free_at - now)

    async def _touch(self, log: ProspectLog, step: Touches) -> None:
        events = [
            self.work.event(self.scene.assets[key], log.prospect_id, type=kind, data=data)
            for key, kind, data in step.events
        ]
        for _ in range(1 + step.again):
            log.entries += await self.taken(events)

    async def taken(self, events: list[dict[str, Any]]) -> list[Accepted]:
        """Post until it is accepted and return it as it stands in the log, each with a version that may be stamped."""
        floors = [self.floor(event["subject"]) for event in events]
        answers, sure = await self.accepted(events)
        taken = []
        for event, answer, floor in zip(events, answers, floors, strict=True):
            version = answer["actionlistversion"]
            if not sure and floor < version:  # an attempt that nobody heard of may have been taken before a save
                version = await self._writer.decided(answer["uid"])
            assert floor <= version <= self.scene.newest(event["subject"]), f"I15 a stale version was stamped: {answer}"
            taken.append(Accepted(event, version, self._listed, datetime.now(UTC)))
        return taken

    def floor(self, asset_id: str) -> int:
        """Return the oldest version that ingest may stamp now."""
        return self.scene.newest(asset_id)

    async def accepted(self, events: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], bool]:
        """Post until it is accepted; return the answers, and whether there was no attempt that nobody heard of."""
        sure = True
        while (accepted := await self._post(events)) is None:
            sure = False
            await asyncio.sleep(_AGAIN_S)
        return accepted, sure

    async def _post(self, events: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
        """Post once; None: nobody knows whether it was taken. Raises Refusal."""
        ids = [event["id"] for event in events]
        self.log.history.add("intent", what="post", ids=ids)
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                accepted = await self.work.post(*events)
        except Refusal as refusal:
            open_ = refusal.status >= 500
            self.log.history.add("unknown" if open_ else "refused", status=refusal.status, ids=ids)
            if not open_:
                raise
            return None
        except (aiohttp.ClientError, TimeoutError):
            self.log.history.add("unknown", ids=ids)
            return None
        self.log.history.add("ok", ids=ids, uids=[answer["uid"] for answer in accepted])
        return accepted

    async def _refused(self, log: ProspectLog) -> None:
        with pytest.raises(Refusal) as refusal:
            await self.accepted([self.work.event("nowhere", log.prospect_id)])
        assert refusal.value.status == _UNPROCESSABLE, refusal.value

    async def _change(self, log: ProspectLog, step: ByHand) -> None:
        before = expect(log, self.scene.definitions)
        await self._writer.settled({command.id for done in before.interactions for command in done.commands})
        version = await self._writer.change(log.prospect_id, step.field, step.value)
        values = {**before.record, "fields": {**before.record["fields"], step.field: step.value}}
        log.entries.append(Changed(values, version, self._listed, datetime.now(UTC), by="sql"))
